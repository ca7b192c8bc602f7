//! Client certificates.
//!
//! TLS has verified that the client holds the key. Who vouches for it is verified here once more,
//! by the CAs of this moment: the handshake may be older than they are.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use portcullis_policy::Subject;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, UnixTime};
use serde_json::Map;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::config::{CertificateName, Mtls};
use super::{Proven, ProvenBy, Unproven, name};

/// `Subject.issuer` of who came with a certificate. No URL, so no issuer of tokens can be named so.
pub const ISSUER: &str = "portcullis:certificate";

/// Longest chain that is looked at.
const MAX_CHAIN: usize = 8;

/// The CAs for client certificates, and how their certificates name people.
#[derive(Debug)]
pub(super) struct Certificates {
    config: Mtls,
    roots: Arc<RootCertStore>,
    verifier: Arc<dyn ClientCertVerifier>,
}

// === impl Certificates ===

impl Certificates {
    pub(super) fn new(config: Mtls) -> Result<Self, String> {
        let roots = Arc::new(roots(&config.ca)?);
        let verifier = WebPkiClientVerifier::builder_with_provider(
            Arc::clone(&roots),
            Arc::new(default_provider()),
        )
        .build()
        .map_err(|error| error.to_string())?;
        Ok(Self {
            config,
            roots,
            verifier,
        })
    }

    pub(super) fn roots(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.roots)
    }

    pub(super) fn prove(
        &self,
        chain: &Arc<[CertificateDer<'static>]>,
        now: SystemTime,
    ) -> Result<Proven, Unproven> {
        let (leaf, between) = chain
            .split_first()
            .filter(|_| chain.len() <= MAX_CHAIN)
            .ok_or_else(|| Unproven::both("no certificate, or too many of them".to_owned()))?;
        self.verify(leaf, between, now)?;
        let parsed = parse(leaf)?;
        let name = self.name(&parsed)?;
        let username = name::ordinary("certificate's name", &self.config.username_prefix, &name)?;
        let groups = if self.config.organizations_are_groups {
            organizations(&parsed, &self.config.username_prefix)?
        } else {
            vec![]
        };
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest(&SHA256, leaf).as_ref());
        Ok(Proven {
            subject: Arc::new(Subject {
                username,
                groups,
                issuer: ISSUER.to_owned(),
                claims: Map::new(),
                actor: None,
                owner: None,
                is_workload: matches!(
                    self.config.username_from,
                    CertificateName::DnsName | CertificateName::SpiffeId
                ),
            }),
            expires_at: Some(end(&parsed, between)?),
            credential: ProvenBy::Certificate {
                sha256,
                chain: Arc::clone(chain),
            },
        })
    }

    fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: SystemTime,
    ) -> Result<(), Unproven> {
        let since = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        self.verifier
            .verify_client_cert(leaf, between, UnixTime::since_unix_epoch(since))
            .map(|_| ())
            .map_err(|error| Unproven {
                reason: format!("client certificate: {error}"),
                told: "the client certificate has expired, or nobody who is trusted here vouches \
                       for it"
                    .to_owned(),
            })
    }

    /// The one name of the kind that is asked for.
    fn name(&self, leaf: &X509Certificate<'_>) -> Result<String, Unproven> {
        match self.config.username_from {
            CertificateName::CommonName => {
                let names = leaf.subject().iter_common_name();
                one("common name", names.map(|name| name.as_str().ok()))
            }
            CertificateName::DnsName => {
                let dns = |name: &GeneralName<'_>| matches!(name, GeneralName::DNSName(_));
                let name = one("DNS name", alternative(leaf, dns)?)?;
                if name.contains('*') {
                    return Err(refused("the DNS name has a wildcard, so it names nobody"));
                }
                Ok(name)
            }
            CertificateName::EmailAddress => {
                let email = |name: &GeneralName<'_>| matches!(name, GeneralName::RFC822Name(_));
                one("e-mail address", alternative(leaf, email)?)
            }
            CertificateName::SpiffeId => {
                let uri = |name: &GeneralName<'_>| matches!(name, GeneralName::URI(_));
                let id = one("URI", alternative(leaf, uri)?)?;
                self.check_spiffe(&id)?;
                Ok(id)
            }
        }
    }

    fn check_spiffe(&self, id: &str) -> Result<(), Unproven> {
        let (domain, path) = id
            .strip_prefix("spiffe://")
            .and_then(|rest| rest.split_once('/'))
            .ok_or_else(|| refused("its URI is not a SPIFFE ID of a workload"))?;
        let segment = |segment: &str| {
            !matches!(segment, "" | "." | "..")
                && segment
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        if !path.split('/').all(segment) {
            return Err(refused("its SPIFFE ID is not well formed"));
        }
        if !self.config.trust_domains.iter().any(|own| own == domain) {
            return Err(refused("its SPIFFE trust domain is not accepted here"));
        }
        Ok(())
    }
}

/// Certificates from PEM, each one usable.
pub(super) fn roots(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("there is no certificate in it".to_owned());
    }
    Ok(roots)
}

/// When the first of the chain ends.
fn end(leaf: &X509Certificate<'_>, between: &[CertificateDer<'_>]) -> Result<SystemTime, Unproven> {
    let mut first = leaf.validity().not_after.timestamp();
    for certificate in between {
        first = first.min(parse(certificate)?.validity().not_after.timestamp());
    }
    u64::try_from(first)
        .ok()
        .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
        .ok_or_else(|| refused("its end is no time"))
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Unproven> {
    match X509Certificate::from_der(certificate) {
        Ok(([], parsed)) => Ok(parsed),
        _ => Err(refused("it cannot be read")),
    }
}

fn organizations(leaf: &X509Certificate<'_>, prefix: &str) -> Result<Vec<String>, Unproven> {
    let names: Option<Vec<&str>> = leaf
        .subject()
        .iter_organization()
        .map(|name| name.as_str().ok())
        .collect();
    let names = names.ok_or_else(|| refused("its organization is no text"))?;
    name::groups(prefix, names.into_iter())
}

/// The subject's alternative names of one kind.
fn alternative<'a>(
    leaf: &'a X509Certificate<'_>,
    wanted: impl Fn(&GeneralName<'a>) -> bool + 'a,
) -> Result<impl Iterator<Item = Option<&'a str>>, Unproven> {
    let extension = leaf
        .subject_alternative_name()
        .map_err(|_| refused("its alternative names cannot be read"))?;
    Ok(extension
        .map(|extension| extension.value.general_names.iter())
        .into_iter()
        .flatten()
        .filter(move |name| wanted(name))
        .map(|name| match name {
            GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => {
                Some(*text)
            }
            _ => None,
        }))
}

/// Exactly one: of several nobody could say which the certificate was shown for.
fn one<'a>(
    what: &str,
    mut names: impl Iterator<Item = Option<&'a str>>,
) -> Result<String, Unproven> {
    match (names.next(), names.next()) {
        (Some(Some(name)), None) => Ok(name.to_owned()),
        (Some(None), None) => Err(refused(&format!("its {what} is no text"))),
        (None, _) => Err(refused(&format!("it has no {what}"))),
        (Some(_), Some(_)) => Err(refused(&format!("it has more than one {what}"))),
    }
}

fn refused(why: &str) -> Unproven {
    Unproven::both(format!("the client certificate names nobody here: {why}"))
}
