//! A CA and a server certificate of our own, kept in a folder.
//!
//! `ca.crt` is for clients to trust; `ca.pem` and `server.pem` hold keys, are readable by their
//! owner alone, and are each one file, so that a certificate and its key are replaced together.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use super::{InvalidTls, ServerCertificate};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a CA serves, and when before its end it is replaced. Clients must then be told to trust
/// the new one.
const CA_LIFE: Duration = DAY.saturating_mul(3650);
const CA_RENEWED: Duration = DAY.saturating_mul(180);

/// The same for the server's certificate, which clients do not notice.
const SERVER_LIFE: Duration = DAY.saturating_mul(90);
const SERVER_RENEWED: Duration = DAY.saturating_mul(30);

/// Clocks of clients may be behind ours.
const EARLIER: Duration = Duration::from_secs(60 * 60);

/// Largest file of ours.
const MAX_FILE: u64 = 64 * 1024;

/// Names under which every server can be reached on its own machine.
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The folder, and the names that the server's certificate is for.
#[derive(Debug, Clone)]
pub struct Generated {
    folder: PathBuf,
    names: Vec<String>,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum NotGenerated {
    #[error("{path}: {error}")]
    File { path: PathBuf, error: io::Error },
    /// Not replaced by itself: clients trust the certificate that belongs to it.
    #[error("{path}: {reason}; restore it, or remove it and have clients trust the new ca.crt")]
    Broken { path: PathBuf, reason: String },
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error(transparent)]
    Tls(#[from] InvalidTls),
}

// === impl Generated ===

impl Generated {
    /// `names` are host names and addresses beside `localhost` and the loopback addresses, such as
    /// the one that is bound. An address that is any, and so none, is left out.
    pub fn new(folder: impl Into<PathBuf>, names: impl IntoIterator<Item = String>) -> Self {
        let any = |name: &String| {
            name.parse::<IpAddr>()
                .is_ok_and(|address| address.is_unspecified())
        };
        let mut all: Vec<String> = OWN_NAMES.map(str::to_owned).into();
        all.extend(names.into_iter().filter(|name| !any(name)));
        all.sort();
        all.dedup();
        Self {
            folder: folder.into(),
            names: all,
        }
    }

    /// Where the CA's certificate is, for clients to trust.
    pub fn ca_path(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// The server's certificate: the one that is there, or a new one where there is none, its end
    /// is near, or it lacks a name. To be asked again each day.
    pub fn server(&self, now: SystemTime) -> Result<ServerCertificate, NotGenerated> {
        // One that is there keeps its mode: its owner may have opened it to a group. The keys in it
        // are for their owner alone either way.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(in_file(&self.folder))?;
        let (ca_pem, fresh) = self.ca(now)?;
        let path = self.folder.join("server.pem");
        if let Some(pem) = read(&path)?.filter(|_| !fresh)
            && self.still_good(&pem, &ca_pem, now)
        {
            return Ok(ServerCertificate::from_pem(&pem, &pem)?);
        }
        let pem = self.sign(&ca_pem, now)?;
        write(&path, pem.as_bytes(), 0o600)?;
        Ok(ServerCertificate::from_pem(pem.as_bytes(), pem.as_bytes())?)
    }

    /// The CA's key and certificate, and whether they were just made.
    fn ca(&self, now: SystemTime) -> Result<(Zeroizing<Vec<u8>>, bool), NotGenerated> {
        let path = self.folder.join("ca.pem");
        if let Some(pem) = read(&path)? {
            let end = certificates(&pem)
                .first()
                .and_then(end)
                .ok_or_else(|| broken(&path, "there is no certificate in it"))?;
            issuer(&pem).map_err(|reason| broken(&path, &reason))?;
            if end > now + CA_RENEWED {
                // The public copy may have been lost; clients look for it.
                let certificate = certificates(&pem).first().map(|der| to_pem(der));
                if let Some(certificate) = certificate.filter(|_| !self.ca_path().exists()) {
                    write(&self.ca_path(), certificate.as_bytes(), 0o644)?;
                }
                return Ok((pem, false));
            }
            tracing::warn!("the CA is near its end: clients must trust the new ca.crt");
        }
        let key = KeyPair::generate()?;
        let mut params = authority();
        lives(&mut params, now, CA_LIFE);
        let certificate = params.self_signed(&key)?.pem();
        let secret = Zeroizing::new(key.serialize_pem());
        let pem = Zeroizing::new(format!("{}{certificate}", *secret).into_bytes());
        write(&path, &pem, 0o600)?;
        write(&self.ca_path(), certificate.as_bytes(), 0o644)?;
        Ok((pem, true))
    }

    fn sign(&self, ca: &[u8], now: SystemTime) -> Result<Zeroizing<String>, NotGenerated> {
        let path = self.folder.join("ca.pem");
        let issuer = issuer(ca).map_err(|reason| broken(&path, &reason))?;
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(self.names.clone())?;
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "portcullis-proxy");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        lives(&mut params, now, SERVER_LIFE);
        let certificate = params.signed_by(&key, &issuer)?.pem();
        let secret = Zeroizing::new(key.serialize_pem());
        Ok(Zeroizing::new(format!("{}{certificate}", *secret)))
    }

    fn still_good(&self, pem: &[u8], ca: &[u8], now: SystemTime) -> bool {
        let (own, authority) = (certificates(pem), certificates(ca));
        let (Some(own), Some(authority)) = (own.first(), authority.first()) else {
            return false;
        };
        let usable = ServerCertificate::from_pem(pem, pem)
            .is_ok_and(|pair| pair.server_config(None, &[]).is_ok());
        let long = end(own).is_some_and(|end| end > now + SERVER_RENEWED);
        usable && long && names(own) == self.names && is_signed_by(own, authority)
    }
}

fn lives(params: &mut CertificateParams, now: SystemTime, life: Duration) {
    let since = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since.saturating_sub(EARLIER);
    params.not_after = epoch + since.saturating_add(life);
}

/// What every CA of ours is.
fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Portcullis, made on this machine");
    params
}

fn issuer(pem: &[u8]) -> Result<Issuer<'static, KeyPair>, String> {
    let text = std::str::from_utf8(pem).map_err(|_| "it is no text".to_owned())?;
    let key = KeyPair::from_pem(text).map_err(|_| "its key cannot be read".to_owned())?;
    let certificate = certificates(pem).into_iter().next();
    let certificate = certificate.ok_or("there is no certificate in it")?;
    let (_, parsed) = X509Certificate::from_der(&certificate).map_err(|error| error.to_string())?;
    if parsed.public_key().subject_public_key.data != key.public_key_raw() {
        return Err("its key is not its certificate's".to_owned());
    }
    Ok(Issuer::new(authority(), key))
}

fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem)
        .filter_map(Result::ok)
        .collect()
}

fn end(certificate: &CertificateDer<'_>) -> Option<SystemTime> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let seconds = u64::try_from(parsed.validity().not_after.timestamp()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Alternative names in the order of [`Generated::names`].
fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return vec![];
    };
    let Ok(Some(extension)) = parsed.subject_alternative_name() else {
        return vec![];
    };
    let mut names: Vec<String> = extension
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
            _ => None,
        })
        .collect();
    names.sort();
    names
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

/// Whether the CA's key is the one that the certificate names. That the signature is right is for
/// clients to see; here only a mix-up is noticed.
fn is_signed_by(own: &CertificateDer<'_>, authority: &CertificateDer<'_>) -> bool {
    let identifier = |certificate: &CertificateDer<'_>, of_issuer: bool| {
        use x509_parser::extensions::ParsedExtension;
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        parsed
            .extensions()
            .iter()
            .find_map(|extension| match extension.parsed_extension() {
                ParsedExtension::AuthorityKeyIdentifier(key) if of_issuer => {
                    key.key_identifier.as_ref().map(|id| id.0.to_vec())
                }
                ParsedExtension::SubjectKeyIdentifier(id) if !of_issuer => Some(id.0.to_vec()),
                _ => None,
            })
    };
    let wanted = identifier(own, true);
    wanted.is_some() && wanted == identifier(authority, false)
}

fn to_pem(certificate: &CertificateDer<'_>) -> String {
    use base64::Engine;
    let text = base64::prelude::BASE64_STANDARD.encode(certificate);
    let lines: Vec<&[u8]> = text.as_bytes().chunks(64).collect();
    let body = String::from_utf8_lossy(&lines.join(&b'\n')).into_owned();
    format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
}

/// A file of ours, whole; none where there is none.
fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, NotGenerated> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(in_file(path)(error)),
    };
    let mut bytes = Zeroizing::new(Vec::new());
    #[allow(clippy::disallowed_methods, reason = "bounded by the take before it")]
    file.take(MAX_FILE)
        .read_to_end(&mut bytes)
        .map_err(in_file(path))?;
    Ok(Some(bytes))
}

/// Replaces a file whole, or not at all.
fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), NotGenerated> {
    let new = path.with_extension("new");
    let written = || -> io::Result<()> {
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    written().map_err(in_file(path))
}

fn in_file(path: &Path) -> impl FnOnce(io::Error) -> NotGenerated {
    let path = path.to_owned();
    move |error| NotGenerated::File { path, error }
}

fn broken(path: &Path, reason: &str) -> NotGenerated {
    NotGenerated::Broken {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}
