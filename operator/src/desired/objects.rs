//! What proxies read from `--objects`: which keys of which Secrets and ConfigMaps a Connection, its
//! class and its masks refer to, and the one volume that shows them as
//! `secrets/<namespace>/<name>/<key>` and `configmaps/<namespace>/<name>/<key>`.
//!
//! Every item is optional: a key that is missing is a file that is missing, which the proxy names,
//! and not a pod that never starts. New references change the volume and so roll the pods; new
//! content does not.

use std::collections::BTreeMap;

use portcullis_crds::PLATFORM_NAMESPACE;
use portcullis_crds::connection::Connection;
use portcullis_crds::connection_class::ConnectionClass;
use portcullis_crds::masking_rule::MaskingRule;
use portcullis_crds::reference::{CertificateReference, CertificateSource};

use kube::ResourceExt;
use serde_json::{Value, json};

use super::{Inputs, name};

/// Keys that a credential may have.
pub const CREDENTIAL_KEYS: [&str; 7] = [
    "serves",
    "username",
    "password",
    "token",
    "tls.crt",
    "tls.key",
    "ssh-privatekey",
];

/// A kind of object that holds data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    Secret,
    ConfigMap,
}

/// Which keys of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// This one, which must be there.
    One(String),
    /// Those of [`CREDENTIAL_KEYS`] that are there.
    Credential,
    /// All that are there.
    All,
}

/// What a value is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// As it is.
    Plain,
    /// The key of a mask: in another namespace only what is derived from it is shown.
    MaskKey,
}

/// One object that proxies read, and who refers to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub source: Source,
    pub namespace: String,
    pub name: String,
    pub keys: Keys,
    pub purpose: Use,
    /// Kind, name and field of who refers to it.
    pub field: String,
}

// === impl Source ===

impl Source {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        }
    }

    const fn folder(self) -> &'static str {
        match self {
            Self::Secret => "secrets",
            Self::ConfigMap => "configmaps",
        }
    }
}

// === impl Reference ===

impl Reference {
    /// Where the value of `key` lies below `--objects`.
    pub fn path(&self, key: &str) -> String {
        format!(
            "{}/{}/{}/{key}",
            self.source.folder(),
            self.namespace,
            self.name
        )
    }

    fn keys(&self) -> Vec<String> {
        match &self.keys {
            Keys::One(key) => vec![key.clone()],
            Keys::Credential => CREDENTIAL_KEYS
                .iter()
                .map(|key| (*key).to_owned())
                .collect(),
            // Known only by reading it, which is what copies are made by.
            Keys::All => Vec::new(),
        }
    }
}

/// All that the proxies of a Connection read, with `masks` being those that bind it.
pub fn references(
    connection: &Connection,
    class: &ConnectionClass,
    masks: &[impl AsRef<MaskingRule>],
) -> Vec<Reference> {
    let namespace = connection.namespace().unwrap_or_default();
    let mut found = Vec::new();
    let spec = &connection.spec;
    let credential = spec.credentials.as_ref();
    if let Some(secret) = credential.and_then(|credential| credential.secret_ref.as_ref()) {
        found.push(Reference {
            source: Source::Secret,
            namespace: namespace.clone(),
            name: secret.name.clone(),
            keys: Keys::Credential,
            purpose: Use::Plain,
            field: "spec.credentials.secretRef".to_owned(),
        });
    }
    if let Some(authority) = &spec.upstream.tls.ca_ref {
        found.push(certificate(
            &namespace,
            authority,
            "spec.upstream.tls.caRef",
        ));
    }
    for mask in masks.iter().map(AsRef::as_ref) {
        if let Some(key) = &mask.spec.transform.key_secret_ref {
            let (own, name) = (mask.namespace().unwrap_or_default(), mask.name_any());
            let field = format!("MaskingRule {own}/{name}: spec.transform.keySecretRef");
            found.push(Reference {
                keys: Keys::One(key.key.clone()),
                purpose: Use::MaskKey,
                ..secret(&own, &key.name, field)
            });
        }
    }
    found.extend(of_class(class));
    found
}

/// What a class refers to, all of it in the platform's namespace.
pub fn of_class(class: &ConnectionClass) -> Vec<Reference> {
    let spec = &class.spec;
    let at = |field: &str| format!("ConnectionClass {}: spec.{field}", class.name_any());
    let mut found = Vec::new();
    for (index, issuer) in spec.identity.oidc.iter().enumerate() {
        if let Some(authority) = &issuer.ca_ref {
            let field = at(&format!("identity.oidc[{index}].caRef"));
            found.push(certificate(PLATFORM_NAMESPACE, authority, &field));
        }
    }
    if let Some(mtls) = &spec.identity.mtls {
        let field = at("identity.mtls.caRef");
        found.push(certificate(PLATFORM_NAMESPACE, &mtls.ca_ref, &field));
    }
    if let Some(key) = &spec.recording.signing_key_ref {
        found.push(Reference {
            keys: Keys::One(key.key.clone()),
            ..secret(PLATFORM_NAMESPACE, &key.name, at("recording.signingKeyRef"))
        });
    }
    let store = spec.recording.store.as_ref();
    if let Some(credential) = store.and_then(|store| store.secret_ref.as_ref()) {
        let field = at("recording.store.secretRef");
        found.push(secret(PLATFORM_NAMESPACE, &credential.name, field));
    }
    found
}

/// The volume of all of it: what lies in the Connection's own namespace as it is there, the rest
/// from the Secret with copies.
pub fn volume(inputs: &Inputs, volume: &str, mode: i32) -> Value {
    let namespace = inputs.namespace();
    let mut sources: BTreeMap<(Source, &str), BTreeMap<String, String>> = BTreeMap::new();
    for reference in &inputs.references {
        if reference.namespace != namespace {
            continue;
        }
        let items = sources.entry((reference.source, &reference.name));
        let items = items.or_default();
        for key in reference.keys() {
            items.insert(reference.path(&key), key);
        }
    }
    let copies = name::platform(&inputs.name());
    if !inputs.copies.is_empty() {
        let items = sources.entry((Source::Secret, &copies)).or_default();
        for (key, path) in &inputs.copies {
            items.insert(path.clone(), key.clone());
        }
    }
    let sources: Vec<Value> = sources
        .into_iter()
        .filter(|(_, items)| !items.is_empty())
        .map(|((source, name), items)| {
            let items: Vec<Value> = items
                .into_iter()
                .map(|(path, key)| json!({ "key": key, "path": path }))
                .collect();
            let projection = json!({ "name": name, "optional": true, "items": items });
            match source {
                Source::Secret => json!({ "secret": projection }),
                Source::ConfigMap => json!({ "configMap": projection }),
            }
        })
        .collect();
    json!({ "name": volume, "projected": { "defaultMode": mode, "sources": sources } })
}

fn secret(namespace: &str, name: &str, field: String) -> Reference {
    Reference {
        source: Source::Secret,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        keys: Keys::All,
        purpose: Use::Plain,
        field,
    }
}

fn certificate(namespace: &str, reference: &CertificateReference, field: &str) -> Reference {
    Reference {
        source: match reference.kind {
            CertificateSource::ConfigMap => Source::ConfigMap,
            CertificateSource::Secret => Source::Secret,
        },
        namespace: namespace.to_owned(),
        name: reference.name.clone(),
        keys: Keys::One(reference.key.clone()),
        purpose: Use::Plain,
        field: field.to_owned(),
    }
}
