//! What documents refer to: the values of Secrets and ConfigMaps, by namespace and name.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use portcullis_crds::lower::masking::Keys;
use portcullis_crds::reference::{CertificateReference, CertificateSource};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// The most certificates of one bundle.
pub const MAX_BUNDLE_CERTIFICATES: usize = 1_000;

/// The Secrets and ConfigMaps of one set of documents. Its `Debug` shows nothing of them.
#[derive(Default)]
pub struct Objects {
    secrets: BTreeMap<(String, String), Secret>,
    config_maps: BTreeMap<(String, String), ConfigMap>,
}

// === impl Objects ===

impl Objects {
    pub fn new(secrets: Vec<Secret>, config_maps: Vec<ConfigMap>) -> Self {
        let name = |namespace: &Option<String>, name: &Option<String>| {
            (
                namespace.clone().unwrap_or_default(),
                name.clone().unwrap_or_default(),
            )
        };
        Self {
            secrets: secrets
                .into_iter()
                .map(|it| (name(&it.metadata.namespace, &it.metadata.name), it))
                .collect(),
            config_maps: config_maps
                .into_iter()
                .map(|it| (name(&it.metadata.namespace, &it.metadata.name), it))
                .collect(),
        }
    }

    /// All values of a Secret.
    pub fn secret(&self, namespace: &str, name: &str) -> Option<BTreeMap<&str, &[u8]>> {
        let key = (namespace.to_owned(), name.to_owned());
        let data = self.secrets.get(&key)?.data.iter().flatten();
        Some(
            data.map(|(key, value)| (key.as_str(), value.0.as_slice()))
                .collect(),
        )
    }

    fn config_value(&self, namespace: &str, name: &str, key: &str) -> Option<&[u8]> {
        let object = (namespace.to_owned(), name.to_owned());
        let object = self.config_maps.get(&object)?;
        let text = object.data.as_ref().and_then(|data| data.get(key));
        let binary = object.binary_data.as_ref().and_then(|data| data.get(key));
        text.map(String::as_bytes)
            .or_else(|| binary.map(|value| value.0.as_slice()))
    }

    /// The bundle that a reference names, as PEM that holds at least one certificate.
    pub fn bundle(
        &self,
        namespace: &str,
        reference: &CertificateReference,
    ) -> Result<(Vec<u8>, Vec<CertificateDer<'static>>), String> {
        let (name, key) = (&reference.name, &reference.key);
        let (kind, found) = match reference.kind {
            CertificateSource::ConfigMap => ("ConfigMap", self.config_value(namespace, name, key)),
            CertificateSource::Secret => {
                let values = self.secret(namespace, name);
                (
                    "Secret",
                    values.and_then(|values| values.get(key.as_str()).copied()),
                )
            }
        };
        let pem = found.ok_or_else(|| {
            format!("there is no key {key} in {kind} {namespace}/{name}; add it there")
        })?;
        let wrong = |why: &str| format!("{key} of {kind} {namespace}/{name} {why}");
        let mut certificates = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            certificates.push(certificate.map_err(|_| wrong("is not PEM"))?);
            if certificates.len() > MAX_BUNDLE_CERTIFICATES {
                let why = format!("holds more than {MAX_BUNDLE_CERTIFICATES} certificates");
                return Err(wrong(&why));
            }
        }
        if certificates.is_empty() {
            return Err(wrong("holds no certificate in PEM"));
        }
        for certificate in &certificates {
            // What TLS would pass over silently is refused here by name.
            x509_parser::parse_x509_certificate(certificate)
                .map_err(|_| wrong("holds what is no X.509 certificate"))?;
        }
        Ok((pem.to_vec(), certificates))
    }
}

impl Keys for Objects {
    fn key(&self, namespace: &str, name: &str, key: &str) -> Option<Vec<u8>> {
        let values = self.secret(namespace, name)?;
        values.get(key).map(|value| value.to_vec())
    }
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Objects")
            .field("secrets", &self.secrets.len())
            .field("config_maps", &self.config_maps.len())
            .finish()
    }
}
