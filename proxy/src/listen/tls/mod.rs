//! TLS of a port: versions, the server's certificate, client certificates.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

pub mod generated;
pub mod mounted;

/// How TLS is spoken at this moment. Clones are one.
#[derive(Debug, Clone)]
pub struct CurrentTls(Arc<ArcSwap<ServerConfig>>);

/// What the server shows, and proves to hold.
#[derive(Debug)]
pub struct ServerCertificate {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// Why TLS cannot be spoken so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTls {
    #[error("the server's certificate cannot be read: {0}")]
    Certificate(String),
    /// Never with the text: it is the key's.
    #[error("the server's key cannot be read")]
    Key,
    #[error("the server's certificate and key cannot be used: {0}")]
    Pair(String),
    #[error("the CAs for client certificates cannot be used: {0}")]
    ClientRoots(String),
}

// === impl CurrentTls ===

impl CurrentTls {
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self(Arc::new(ArcSwap::new(config)))
    }

    pub fn load(&self) -> Arc<ServerConfig> {
        self.0.load_full()
    }

    /// From the next client on.
    pub fn store(&self, config: Arc<ServerConfig>) {
        self.0.store(config);
    }
}

// === impl ServerCertificate ===

impl ServerCertificate {
    /// A chain, the server's own certificate first, and its key.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, InvalidTls> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let chain = chain.map_err(|error| InvalidTls::Certificate(error.to_string()))?;
        if chain.is_empty() {
            return Err(InvalidTls::Certificate("there is none".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| InvalidTls::Key)?;
        Ok(Self { chain, key })
    }

    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// TLS 1.2 and 1.3 with this certificate. With `client_roots` clients are asked for a
    /// certificate: whoever shows none goes on without, whoever shows one that they do not vouch
    /// for does not. `protocols` are those of ALPN.
    pub fn server_config(
        &self,
        client_roots: Option<Arc<RootCertStore>>,
        protocols: &[&[u8]],
    ) -> Result<Arc<ServerConfig>, InvalidTls> {
        let verifier = client_verifier(client_roots)?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| InvalidTls::Pair(error.to_string()))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .map_err(|error| InvalidTls::Pair(error.to_string()))?;
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Ok(Arc::new(config))
    }
}

fn client_verifier(
    roots: Option<Arc<RootCertStore>>,
) -> Result<Arc<dyn ClientCertVerifier>, InvalidTls> {
    let Some(roots) = roots else {
        return Ok(WebPkiClientVerifier::no_client_auth());
    };
    WebPkiClientVerifier::builder_with_provider(roots, Arc::new(default_provider()))
        .allow_unauthenticated()
        .build()
        .map_err(|error| InvalidTls::ClientRoots(error.to_string()))
}
