//! A target with a certificate of X.509 version 1, as old installations made them.

use std::sync::Arc;

use portcullis_proxy::protocol::postgres::upstream::{ConnectFailed, Connector, Login};
use portcullis_proxy::session::ports::{TlsMode, Upstream};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SupportedProtocolVersion, version};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::login::credential;

/// `openssl x509 -req -signkey` without extensions, and its key.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBJzCBzQIUUzawtiQf05EDWjlqK7bgZIskp0owCgYIKoZIzj0EAwIwFTETMBEG
A1UEAwwKb2xkIHNlcnZlcjAgFw0yNjExMjExNjIxMjNaGA8yMTI2MTAyODE2MjEy
M1owFTETMBEGA1UEAwwKb2xkIHNlcnZlcjBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABE15SPSZa8ag8mBx9+cWG5OnKTIYrLAJyj1ULe+B/E/ysml3yHiprIh2E8sI
9mZuwvm/l4a3b0DOtr2dO28N8yQwCgYIKoZIzj0EAwIDSQAwRgIhAPDMX141EqHq
jDzgFmURSM/YEEskzB9l5PoplDR6Y6vLAiEAlih9vMERjCKLQC2S0nCsxNF3Y19l
m8lLH++FLF4Dtok=
-----END CERTIFICATE-----
";
const KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4i6LYQ7NZN+thKUD
bz9dvSLgv1S8Cc2mRWe6VK27lsGhRANCAARNeUj0mWvGoPJgcffnFhuTpykyGKyw
Cco9VC3vgfxP8rJpd8h4qayIdhPLCPZmbsL5v5eGt29Azra9nTtvDfMk
-----END PRIVATE KEY-----
";

/// Not the certificate's.
const OTHER_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg09lfm7i5p3fTktPZ
FEiwmjE34T0m+EoFhsZx+S4w3NyhRANCAATAbc/oX2rkaeRw19qndTd6yn6FZtu4
9FiGF9WLkDTqaK2KAX+X3TqI4cAFeEaEohn/rzFaKVluOK1zfvX3o+dl
-----END PRIVATE KEY-----
";

/// Shows the certificate and signs with this key, whether or not it is the certificate's.
#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// Takes one connection to its start-up packet, and leaves. Tells the port, and how many bytes came
/// through TLS.
async fn target(
    key: &str,
    only: &'static SupportedProtocolVersion,
) -> (u16, tokio::task::JoinHandle<usize>) {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let shown = CertifiedKey::new(vec![certificate], any_supported_type(&key).unwrap());
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[only])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Shown(Arc::new(shown))));
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let took = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        tcp.read_exact(&mut [0; 8]).await.unwrap();
        tcp.write_all(b"S").await.unwrap();
        match TlsAcceptor::from(Arc::new(config)).accept(tcp).await {
            Ok(mut tls) => tls.read(&mut [0; 1024]).await.unwrap_or_default(),
            Err(_) => 0,
        }
    });
    (port, took)
}

async fn connect(port: u16, tls: TlsMode) -> ConnectFailed {
    let to = Upstream {
        host: "127.0.0.1".to_owned(),
        port,
        database: "postgres".to_owned(),
        databases: Vec::new(),
        tls,
        ca: Some(vec![
            CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap(),
        ]),
        server_name: None,
    };
    let login = Login {
        database: "postgres",
        minor: 0,
        parameters: &[],
    };
    let with = Arc::new(credential("trusted", None));
    let connected = Connector::new().connect(&to, &with, &login).await;
    connected.map(|_| ()).unwrap_err()
}

#[tokio::test]
async fn require_takes_any_certificate_whose_key_signs() {
    for only in [&version::TLS12, &version::TLS13] {
        let (port, took) = target(KEY, only).await;
        let failed = connect(port, TlsMode::Require).await;
        assert!(!matches!(failed, ConnectFailed::Tls(_)), "{failed}");
        assert!(took.await.unwrap() > 8);

        let (port, took) = target(OTHER_KEY, only).await;
        let failed = connect(port, TlsMode::Require).await;
        assert!(matches!(failed, ConnectFailed::Tls(_)), "{failed}");
        assert_eq!(took.await.unwrap(), 0);
    }
}

#[tokio::test]
async fn where_certificates_are_checked_version_1_is_refused() {
    let (port, took) = target(KEY, &version::TLS13).await;
    let failed = connect(port, TlsMode::VerifyCa).await;
    let ConnectFailed::Tls(why) = failed else {
        panic!("{failed}");
    };
    assert_eq!(
        why,
        "invalid peer certificate: Other(OtherError(UnsupportedCertVersion))"
    );
    assert_eq!(took.await.unwrap(), 0);
}
