//! Credentials to a proven subject. (owner: edge)
//!
//! What a client says of itself proves nothing; only a credential does.

pub mod config;

use std::sync::Arc;
use std::time::SystemTime;

use portcullis_policy::Subject;
use rustls_pki_types::CertificateDer;

use crate::secret::Secret;
pub use config::IdentityConfig;

/// What a client presents.
#[derive(Debug)]
pub enum Presented<'a> {
    /// A token or an API key, sent as password or as bearer.
    Password(&'a Secret),
    /// A bearer token (OAUTHBEARER): never an API key.
    Bearer(&'a Secret),
    /// The verified chain of a client certificate, leaf first. TLS has checked the signature and
    /// that some CA of ours vouches; names are judged here.
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
    Certificate {
        sha256: [u8; 32],
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
pub struct Identities {}

// === impl Identities ===

impl Identities {
    /// `previous`: keys already fetched for unchanged issuers are taken over.
    pub fn new(_config: IdentityConfig, _previous: Option<&Identities>) -> Self {
        todo!()
    }

    pub async fn prove(
        &self,
        _presented: Presented<'_>,
        _purpose: Purpose<'_>,
        _now: SystemTime,
    ) -> Result<Proven, Unproven> {
        todo!()
    }

    /// After a reload: whether what proved an open session would still prove it (an API key that
    /// was removed, an issuer that is gone, a claim that is now required).
    pub fn still_holds(
        &self,
        _proven: &Proven,
        _purpose: Purpose<'_>,
        _now: SystemTime,
    ) -> Result<(), Unproven> {
        todo!()
    }

    /// The CAs that may vouch for client certificates, for the TLS of the listener.
    pub fn client_roots(&self) -> Option<Arc<rustls::RootCertStore>> {
        todo!()
    }
}
