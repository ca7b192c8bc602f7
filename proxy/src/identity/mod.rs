//! Credentials to a proven subject.
//!
//! What a client says of itself proves nothing; only a credential does. A credential is never kept
//! and never shown: neither in an error nor in a log. What a client is told helps one whose own
//! credential is at fault, and says nothing about anybody else's.

pub mod api_key;
pub mod config;
mod jwt;
mod local;
pub mod mtls;
mod name;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::SystemTime;

use portcullis_policy::Subject;
use rustls_pki_types::CertificateDer;

use crate::secret::Secret;
pub use config::{IdentityConfig, Unusable};
pub use jwt::MAX_TOKEN;

/// What a client presents.
#[derive(Debug)]
pub enum Presented<'a> {
    /// A token or an API key, sent as password or as bearer.
    Password(&'a Secret),
    /// A bearer token (OAUTHBEARER): never an API key.
    Bearer(&'a Secret),
    /// Nothing: the client came over loopback, to where only one service account can be.
    Local,
    /// The verified chain of a client certificate, leaf first. TLS has checked that the client
    /// holds its key; who vouches for it, and its names, are judged here.
    Certificate(&'a [CertificateDer<'static>]),
}

/// For which connection.
#[derive(Debug, Clone, Copy)]
pub struct Purpose<'a> {
    pub namespace: &'a str,
    pub connection: &'a str,
    pub audience: Option<&'a str>,
}

/// A proven subject, until when, and by what.
#[derive(Debug, Clone)]
pub struct Proven {
    pub subject: Arc<Subject>,
    pub expires_at: Option<SystemTime>,
    pub credential: ProvenBy,
}

/// By what a subject was proven: enough to ask later whether it still holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProvenBy {
    Token {
        issuer: String,
        key_id: Option<String>,
    },
    ApiKey {
        sha256: [u8; 32],
    },
    /// That nobody else can reach the process.
    Local,
    Certificate {
        sha256: [u8; 32],
        /// As it was shown, leaf first: public, and asked again whether anybody vouches for it.
        chain: Arc<[CertificateDer<'static>]>,
    },
}

/// Why nobody was proven. `Display` is for logs; [`Unproven::told`] is for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unproven {
    /// For logs; never holds the credential.
    pub reason: String,
    /// For the client: what was wrong in words that help an honest caller and tell an attacker
    /// nothing about other credentials.
    pub told: String,
}

/// All ways in. Keeps the keys of issuers, fetched when needed. Cheap to clone by `Arc`.
#[derive(Debug)]
pub struct Identities {
    issuers: Vec<jwt::Issuer>,
    certificates: Option<mtls::Certificates>,
    api_keys: Vec<config::ApiKey>,
    local: Option<Proven>,
    unusable: Vec<Unusable>,
}

// === impl Identities ===

impl Identities {
    /// `previous`: keys already fetched for unchanged issuers are taken over. What cannot be used
    /// opens nothing, and is told by [`Identities::unusable`].
    pub fn new(config: IdentityConfig, previous: Option<&Identities>) -> Self {
        let mut unusable = Vec::new();
        let owners = Arc::new(config.owners);
        let local = config.local.map(|account| local::proven(&account, &owners));
        let issuers = config
            .oidc
            .into_iter()
            .enumerate()
            .map(|(index, issuer)| {
                let earlier = previous.map_or(&[][..], |previous| &previous.issuers);
                let made = jwt::Issuer::new(issuer, Arc::clone(&owners), earlier);
                unusable.extend(made.unusable(&format!("oidc[{index}]")));
                made
            })
            .collect();
        let certificates = config.mtls.and_then(|mtls| {
            mtls::Certificates::new(mtls)
                .map_err(|reason| unusable.push(Unusable::new("mtls.caRef", reason)))
                .ok()
        });
        Self {
            issuers,
            certificates,
            api_keys: config.api_keys,
            local,
            unusable,
        }
    }

    /// What the configuration says and nobody can come by.
    pub fn unusable(&self) -> &[Unusable] {
        &self.unusable
    }

    pub async fn prove(
        &self,
        presented: Presented<'_>,
        purpose: Purpose<'_>,
        now: SystemTime,
    ) -> Result<Proven, Unproven> {
        match presented {
            Presented::Password(secret) => {
                match api_key::prove(&self.api_keys, secret.reveal(), purpose, now) {
                    Some(outcome) => outcome,
                    None => jwt::prove(&self.issuers, secret, purpose, now).await,
                }
            }
            Presented::Bearer(secret) => jwt::prove(&self.issuers, secret, purpose, now).await,
            Presented::Certificate(chain) => self.prove_certificate(&chain.into(), now),
            Presented::Local => self.prove_local(),
        }
    }

    /// Whether whoever comes over loopback needs to present nothing.
    pub fn is_local(&self) -> bool {
        self.local.is_some()
    }

    fn prove_local(&self) -> Result<Proven, Unproven> {
        let nobody = || Unproven::both("nobody is taken at their address here".to_owned());
        self.local.clone().ok_or_else(nobody)
    }

    /// After a reload: whether what proved an open session would still prove it (an API key that
    /// was removed, an issuer that is gone, a claim that is now required), and to be the same.
    pub fn still_holds(
        &self,
        proven: &Proven,
        purpose: Purpose<'_>,
        now: SystemTime,
    ) -> Result<(), Unproven> {
        let again = match &proven.credential {
            ProvenBy::Token { key_id, .. } => {
                let claims = &proven.subject.claims;
                jwt::prove_again(&self.issuers, claims, key_id.as_deref(), purpose, now)
            }
            ProvenBy::ApiKey { sha256 } => {
                api_key::prove_again(&self.api_keys, sha256, purpose, now)
            }
            ProvenBy::Certificate { chain, .. } => self.prove_certificate(chain, now),
            ProvenBy::Local => self.prove_local(),
        }?;
        if again.subject == proven.subject {
            Ok(())
        } else {
            Err(Unproven::both(
                "the credential stands for somebody else now: connect again".to_owned(),
            ))
        }
    }

    /// The issuer whose tokens a client without one is told to get: the first.
    pub fn discovery(&self) -> Option<&str> {
        self.issuers.first().map(jwt::Issuer::address)
    }

    /// The CAs that may vouch for client certificates, for the TLS of the listener.
    pub fn client_roots(&self) -> Option<Arc<rustls::RootCertStore>> {
        self.certificates.as_ref().map(mtls::Certificates::roots)
    }

    fn prove_certificate(
        &self,
        chain: &Arc<[CertificateDer<'static>]>,
        now: SystemTime,
    ) -> Result<Proven, Unproven> {
        match &self.certificates {
            Some(certificates) => certificates.prove(chain, now),
            None => Err(Unproven::both(
                "client certificates are not accepted here".to_owned(),
            )),
        }
    }
}

// === impl Unproven ===

impl Unproven {
    /// A reason that its own client may know whole.
    fn both(reason: String) -> Self {
        Self {
            told: reason.clone(),
            reason,
        }
    }
}

// === impl Unusable ===

impl Unusable {
    fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: reason.into(),
        }
    }
}

/// How long `then` is over, in words.
fn ago(then: SystemTime, now: SystemTime) -> String {
    let seconds = now.duration_since(then).unwrap_or_default().as_secs();
    match seconds {
        0..120 => format!("{seconds} seconds ago"),
        120..7_200 => format!("{} minutes ago", seconds / 60),
        7_200..172_800 => format!("{} hours ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}
