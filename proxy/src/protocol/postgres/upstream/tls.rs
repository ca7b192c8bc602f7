//! TLS towards the target: SSLRequest, how far the certificate is checked, and what SCRAM binds to.

use std::sync::Arc;

use aws_lc_rs::digest;
use portcullis_dialect::postgres::wire::write;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider, verify_tls13_signature_with_raw_key};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::signature_algorithm::SignatureAlgorithm;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::failed::ConnectFailed;
use crate::io::Stream;
use crate::session::ports::{Credential, TlsMode, Upstream};

/// The protocol's name in ALPN.
const ALPN: &[u8] = b"postgresql";

/// What TLS needs, made once for a target and a credential.
#[derive(Debug)]
pub(super) struct Prepared {
    upstream: Upstream,
    credential: Arc<Credential>,
    /// None: the mode is Disable.
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

/// What SCRAM can be bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Binding {
    NoTls,
    /// The hash of the certificate as RFC 5929 says; None where its signature has none.
    Certificate(Option<Vec<u8>>),
}

/// Checks a target's certificate as far as the mode says.
#[derive(Debug)]
struct Verifier {
    /// None: the certificate is not checked.
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// The Connection's own CA bundle: a certificate that stands in it itself is trusted too, as
    /// with libpq. Self-signed server certificates are given so.
    bundle: Vec<CertificateDer<'static>>,
    check_name: bool,
    provider: Arc<CryptoProvider>,
}

// === impl Prepared ===

impl Prepared {
    pub(super) fn new(
        upstream: Upstream,
        credential: Arc<Credential>,
    ) -> Result<Self, ConnectFailed> {
        let tls = match upstream.tls {
            TlsMode::Disable => None,
            _ => Some((
                Arc::new(client_config(&upstream, &credential)?),
                server_name(&upstream)?,
            )),
        };
        Ok(Self {
            upstream,
            credential,
            tls,
        })
    }

    pub(super) fn is_for(&self, upstream: &Upstream, credential: &Arc<Credential>) -> bool {
        self.upstream == *upstream
            && (Arc::ptr_eq(&self.credential, credential) || self.credential == *credential)
    }
}

/// Asks for TLS where the mode wants it.
pub(super) async fn start(
    mut tcp: TcpStream,
    prepared: &Prepared,
) -> Result<(Stream, Binding), ConnectFailed> {
    let Some((config, name)) = &prepared.tls else {
        return Ok((Stream::Plain(tcp), Binding::NoTls));
    };
    let mut request = Vec::with_capacity(8);
    write::ssl_request(&mut request);
    tcp.write_all(&request).await?;
    // Room for more than the one byte of the answer: whatever came behind it was not protected,
    // and nothing of it may count as part of the session.
    let mut answer = [0; 16];
    match (tcp.read(&mut answer).await?, answer) {
        (0, _) => return Err(ConnectFailed::Closed),
        (1, [b'S', ..]) => {}
        (1, [b'N', ..]) => return Err(ConnectFailed::TlsRefused),
        (1, [other, ..]) => return Err(ConnectFailed::NotAnAnswer(other)),
        _ => return Err(ConnectFailed::BytesBeforeTls),
    }
    let stream = TlsConnector::from(Arc::clone(config))
        .connect(name.clone(), tcp)
        .await
        .map_err(|error| ConnectFailed::Tls(error.to_string()))?;
    let certificates = stream.get_ref().1.peer_certificates();
    let hash = certificates
        .and_then(|list| list.first())
        .and_then(|leaf| endpoint_hash(leaf));
    Ok((Stream::Client(Box::new(stream)), Binding::Certificate(hash)))
}

/// The name that is checked under VerifyFull, and sent in clear (SNI) under all modes.
fn server_name(upstream: &Upstream) -> Result<ServerName<'static>, ConnectFailed> {
    let name = upstream.server_name.as_ref().unwrap_or(&upstream.host);
    ServerName::try_from(name.clone())
        .map_err(|_| ConnectFailed::Tls(format!("{name} is no name that a certificate can carry")))
}

fn client_config(
    upstream: &Upstream,
    credential: &Credential,
) -> Result<ClientConfig, ConnectFailed> {
    let provider = Arc::new(provider::default_provider());
    let verifier = Verifier {
        chain: match upstream.tls {
            TlsMode::VerifyFull | TlsMode::VerifyCa => Some(chain(upstream, &provider)?),
            TlsMode::Require | TlsMode::Disable => None,
        },
        bundle: upstream.ca.clone().unwrap_or_default(),
        check_name: upstream.tls == TlsMode::VerifyFull,
        provider: Arc::clone(&provider),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(tls_failed)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match &credential.certificate {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate.reveal())
                .collect::<Result<_, _>>()
                .map_err(|_| ConnectFailed::Tls("the client certificate is no PEM".to_owned()))?;
            let key = PrivateKeyDer::from_pem_slice(key.reveal())
                .map_err(|_| ConnectFailed::Tls("the client key is no PEM".to_owned()))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(tls_failed)?
        }
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    // Each session proves the target anew.
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn chain(
    upstream: &Upstream,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, ConnectFailed> {
    let mut roots = RootCertStore::empty();
    match &upstream.ca {
        Some(bundle) => {
            for certificate in bundle {
                roots.add(certificate.clone()).map_err(tls_failed)?;
            }
        }
        None => {
            // One that cannot be read vouches for nobody; the others still do.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(tls_failed)
}

fn tls_failed(error: impl std::fmt::Display) -> ConnectFailed {
    ConnectFailed::Tls(error.to_string())
}

// === impl Verifier ===

impl Verifier {
    /// A certificate that is itself in the bundle: its dates count, and its name where it is asked.
    fn verify_listed(
        &self,
        leaf: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let (_, parsed) =
            X509Certificate::from_der(leaf).map_err(|_| CertificateError::BadEncoding)?;
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if now > parsed.validity().not_after.timestamp() {
            return Err(CertificateError::Expired.into());
        }
        if now < parsed.validity().not_before.timestamp() {
            return Err(CertificateError::NotValidYet.into());
        }
        match self.check_name {
            true => verify_server_name(&ParsedCertificate::try_from(leaf)?, name),
            false => Ok(()),
        }
    }

    /// Where the certificate is not checked, its form is of no concern either (X.509 v1, unknown
    /// critical extensions): it only carries the key that must have signed.
    fn key_of<'c>(
        &self,
        failed: rustls::Error,
        certificate: &'c CertificateDer<'_>,
    ) -> Result<SubjectPublicKeyInfo<'c>, rustls::Error> {
        match X509Certificate::from_der(certificate) {
            Ok((_, parsed)) if self.chain.is_none() => Ok(parsed.tbs_certificate.subject_pki),
            _ => Err(failed),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        let verified = match chain.verify_server_cert(leaf, intermediates, name, ocsp, now) {
            // The chain is checked before the name, so a wrong name tells of a good chain.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.check_name => Ok(()),
            Err(_) if self.bundle.iter().any(|listed| listed == leaf) => {
                self.verify_listed(leaf, name, now)
            }
            other => other.map(|_| ()),
        };
        verified.map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, known).or_else(
            |failed| {
                let key = self.key_of(failed.clone(), certificate)?;
                let key = key.subject_public_key.as_ref();
                // A scheme of TLS 1.2 says nothing of the curve, so it has several algorithms.
                let schemes = known.mapping.iter();
                let mut algorithms = schemes
                    .filter(|(scheme, _)| *scheme == signed.scheme)
                    .flat_map(|(_, algorithms)| *algorithms);
                let signature = signed.signature();
                let signs =
                    algorithms.any(|one| one.verify_signature(key, message, signature).is_ok());
                match signs {
                    true => Ok(HandshakeSignatureValid::assertion()),
                    false => Err(failed),
                }
            },
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, known).or_else(
            |failed| {
                let key = self.key_of(failed, certificate)?;
                let key = SubjectPublicKeyInfoDer::from(key.raw);
                verify_tls13_signature_with_raw_key(message, &key, signed, known)
            },
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// `tls-server-end-point` of RFC 5929: the certificate under the hash of its own signature, and
/// under SHA-256 where that hash is MD5 or SHA-1. A signature without a hash has no binding.
pub(super) fn endpoint_hash(leaf: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(leaf).ok()?;
    let signature = &certificate.signature_algorithm;
    let name = match SignatureAlgorithm::try_from(signature).ok()? {
        SignatureAlgorithm::RSASSA_PSS(parameters) => {
            parameters.hash_algorithm_oid().to_id_string()
        }
        _ => signature.algorithm.to_id_string(),
    };
    let algorithm = match name.as_str() {
        // RSA with MD5, SHA-1, SHA-256; ECDSA with SHA-1, SHA-256; PSS with SHA-1, SHA-256.
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.1"
        | "1.2.840.10045.4.3.2"
        | "1.3.14.3.2.26"
        | "2.16.840.1.101.3.4.2.1" => &digest::SHA256,
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" | "2.16.840.1.101.3.4.2.2" => {
            &digest::SHA384
        }
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" | "2.16.840.1.101.3.4.2.3" => {
            &digest::SHA512
        }
        _ => return None,
    };
    Some(digest::digest(algorithm, leaf).as_ref().to_vec())
}
