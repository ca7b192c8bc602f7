//! A CA of the operator's own, and certificates that it signs.
//!
//! The CA rotates with overlap: long before its end a next one is made and told to everybody who
//! verifies; only [`OVERLAP`] later does it sign. So at each moment what vouches for a certificate
//! has been in everybody's hands for two weeks. Nothing here reads a clock: `now` is an argument.

#[cfg(test)]
mod tests;

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::desired::platform::Data;

/// How long a CA is good.
pub const AUTHORITY_LIFE: Duration = days(365);
/// How long before its end the next one is made.
pub const NEXT_BEFORE: Duration = days(60);
/// How long the next one is known before it signs.
pub const OVERLAP: Duration = days(14);
/// How long a certificate is good.
pub const LEAF_LIFE: Duration = days(7);
/// How long before its end it is replaced.
pub const LEAF_BEFORE: Duration = days(3);
/// Clocks of others may be behind by this much.
const EARLIER: Duration = Duration::from_secs(300);
/// The most PEM that is read of one value.
const MAX_PEM: usize = 64 * 1024;

const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
const NEXT_CERTIFICATE: &str = "next.crt";
const NEXT_KEY: &str = "next.key";
const AUTHORITIES: &str = "ca.crt";

/// A certificate and its key, in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    pub certificate: String,
    key: String,
}

/// The CA: what signs, what will, and what still vouches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    signing: Pair,
    next: Option<Pair>,
    /// Certificates of CAs that signed before and are not over.
    previous: Vec<String>,
}

/// A certificate for a server, with what vouches for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Leaf {
    pub certificate: String,
    pub key: String,
    pub authorities: String,
}

/// Why a CA cannot be used. It is not replaced by itself: others trust it.
#[derive(Debug, thiserror::Error)]
pub enum InvalidAuthority {
    #[error("key {0} is missing; restore the Secret, or remove it to have a new CA made")]
    Missing(&'static str),
    #[error("key {0} cannot be read; restore the Secret, or remove it to have a new CA made")]
    Unreadable(&'static str),
    #[error("cannot sign: {0}")]
    Signing(#[from] rcgen::Error),
}

// === impl Authority ===

impl Authority {
    /// A CA that is good from now on.
    pub fn new(now: Timestamp) -> Result<Self, InvalidAuthority> {
        Ok(Self {
            signing: Pair::authority(now)?,
            next: None,
            previous: Vec::new(),
        })
    }

    /// Reads a CA from the data of a Secret.
    pub fn from_data(data: &Data) -> Result<Self, InvalidAuthority> {
        let signing = Pair::from_data(data, CERTIFICATE, KEY)?;
        let next = match data.contains_key(NEXT_CERTIFICATE) {
            true => Some(Pair::from_data(data, NEXT_CERTIFICATE, NEXT_KEY)?),
            false => None,
        };
        let known = |pem: &String| {
            *pem == signing.certificate
                || next.as_ref().is_some_and(|next| *pem == next.certificate)
        };
        let all = data.get(AUTHORITIES).map(Vec::as_slice);
        let previous = certificates(all.unwrap_or_default());
        let mut previous: Vec<String> = previous.iter().map(|der| to_pem(der)).collect();
        previous.retain(|pem| !known(pem));
        Ok(Self {
            signing,
            next,
            previous,
        })
    }

    pub fn to_data(&self) -> Data {
        let mut data = Data::new();
        let mut put = |key: &str, value: &str| {
            data.insert(key.to_owned(), value.as_bytes().to_vec());
        };
        put(CERTIFICATE, &self.signing.certificate);
        put(KEY, &self.signing.key);
        if let Some(next) = &self.next {
            put(NEXT_CERTIFICATE, &next.certificate);
            put(NEXT_KEY, &next.key);
        }
        put(AUTHORITIES, &self.authorities());
        data
    }

    /// What time asks for: a next CA, its turn to sign, the end of one that signed before. None
    /// when it is good as it is.
    pub fn advanced(&self, now: Timestamp) -> Result<Option<Self>, InvalidAuthority> {
        let mut new = self.clone();
        new.previous
            .retain(|pem| end(pem).is_some_and(|end| end > now));
        if end(&new.signing.certificate).is_none_or(|end| end <= now) && new.next.is_none() {
            // Nobody was there for two months: there is no overlap left to keep.
            new.signing = Pair::authority(now)?;
        }
        match &new.next {
            None => {
                let near =
                    end(&new.signing.certificate).is_none_or(|end| end <= later(now, NEXT_BEFORE));
                if near {
                    new.next = Some(Pair::authority(now)?);
                }
            }
            Some(next) => {
                let known_since = start(&next.certificate);
                if known_since.is_none_or(|since| later(since, OVERLAP) <= now) {
                    let next = next.clone();
                    new.previous.push(new.signing.certificate);
                    new.signing = next;
                    new.next = None;
                }
            }
        }
        Ok((new != *self).then_some(new))
    }

    /// When the CA that signs is over.
    pub fn end(&self) -> Option<Timestamp> {
        end(&self.signing.certificate)
    }

    /// What vouches for what this signs, has signed, and will.
    pub fn authorities(&self) -> String {
        let next = self.next.iter().map(|next| &next.certificate);
        let all = std::iter::once(&self.signing.certificate).chain(next);
        all.chain(&self.previous).map(String::as_str).collect()
    }

    /// Signs a certificate for a server of these names.
    pub fn issue(&self, names: &[String], now: Timestamp) -> Result<Leaf, InvalidAuthority> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names.to_vec())?;
        params.distinguished_name = DistinguishedName::new();
        let first = names.first().map_or("portcullis", String::as_str);
        // A common name takes no more than 64 characters.
        let first: String = first.chars().take(64).collect();
        params.distinguished_name.push(DnType::CommonName, first);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        lives(&mut params, now, LEAF_LIFE);
        let signing = KeyPair::from_pem(&self.signing.key)?;
        let issuer = Issuer::from_ca_cert_pem(&self.signing.certificate, signing)?;
        Ok(Leaf {
            certificate: params.signed_by(&key, &issuer)?.pem(),
            key: key.serialize_pem(),
            authorities: self.authorities(),
        })
    }

    /// Whether the certificate in the data of a Secret can stay: its pair, its names, its time and
    /// its CA are right.
    pub fn keeps(&self, data: &Data, names: &[String], now: Timestamp) -> bool {
        let Ok(pair) = Pair::from_data(data, CERTIFICATE, KEY) else {
            return false;
        };
        let authorities = data.get(AUTHORITIES).map(Vec::as_slice);
        let mut wanted = names.to_vec();
        wanted.sort();
        authorities == Some(self.authorities().as_bytes())
            && end(&pair.certificate).is_some_and(|end| end > later(now, LEAF_BEFORE))
            && host_names(&pair.certificate) == wanted
            && is_signed_by(&pair.certificate, &self.signing.certificate)
    }
}

// === impl Pair ===

impl Pair {
    fn authority(now: Timestamp) -> Result<Self, InvalidAuthority> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name = DistinguishedName::new();
        let name = format!("Portcullis, made {}", now.strftime("%Y-%m-%d"));
        params.distinguished_name.push(DnType::CommonName, name);
        lives(&mut params, now, AUTHORITY_LIFE);
        let certificate = params.self_signed(&key)?;
        Ok(Self {
            certificate: to_pem(certificate.der()),
            key: key.serialize_pem(),
        })
    }

    /// A key and a certificate that belong together.
    fn from_data(
        data: &Data,
        certificate: &'static str,
        key: &'static str,
    ) -> Result<Self, InvalidAuthority> {
        let get = |name: &'static str| data.get(name).ok_or(InvalidAuthority::Missing(name));
        let text = String::from_utf8(get(key)?.clone());
        let text = text.map_err(|_| InvalidAuthority::Unreadable(key))?;
        let pair = KeyPair::from_pem(&text).map_err(|_| InvalidAuthority::Unreadable(key))?;
        let found = certificates(get(certificate)?);
        let der = found
            .first()
            .ok_or(InvalidAuthority::Unreadable(certificate))?;
        let (_, parsed) = X509Certificate::from_der(der)
            .map_err(|_| InvalidAuthority::Unreadable(certificate))?;
        if parsed.public_key().subject_public_key.data != pair.public_key_raw() {
            return Err(InvalidAuthority::Unreadable(key));
        }
        Ok(Self {
            certificate: to_pem(der),
            key: text,
        })
    }
}

// === impl Leaf ===

impl Leaf {
    /// The certificate in the data of a Secret, as it is there.
    pub fn from_data(data: &Data) -> Option<Self> {
        let text = |key: &str| String::from_utf8(data.get(key)?.clone()).ok();
        Some(Self {
            certificate: text(CERTIFICATE)?,
            key: text(KEY)?,
            authorities: text(AUTHORITIES)?,
        })
    }

    pub fn to_data(&self) -> Data {
        let all = [
            (CERTIFICATE, &self.certificate),
            (KEY, &self.key),
            (AUTHORITIES, &self.authorities),
        ];
        all.map(|(key, text)| (key.to_owned(), text.as_bytes().to_vec()))
            .into()
    }
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pair").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Leaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leaf").finish_non_exhaustive()
    }
}

const fn days(count: u64) -> Duration {
    Duration::from_secs(count * 24 * 60 * 60)
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn lives(params: &mut CertificateParams, now: Timestamp, life: Duration) {
    let since = u64::try_from(now.as_second()).unwrap_or_default();
    let since = Duration::from_secs(since);
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since.saturating_sub(EARLIER);
    params.not_after = epoch + since.saturating_add(life);
}

fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    if pem.len() > MAX_PEM {
        return Vec::new();
    }
    CertificateDer::pem_slice_iter(pem)
        .filter_map(Result::ok)
        .collect()
}

/// One spelling for each certificate, so that they compare as text.
fn to_pem(der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
    let mut rest = text.as_str();
    while let Some((line, more)) = rest.split_at_checked(64.min(rest.len())) {
        if line.is_empty() {
            break;
        }
        pem.push_str(line);
        pem.push('\n');
        rest = more;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

fn read<T>(pem: &str, what: impl FnOnce(&X509Certificate<'_>) -> T) -> Option<T> {
    let der = certificates(pem.as_bytes()).into_iter().next()?;
    let (_, parsed) = X509Certificate::from_der(&der).ok()?;
    Some(what(&parsed))
}

fn end(pem: &str) -> Option<Timestamp> {
    let seconds = read(pem, |it| it.validity().not_after.timestamp())?;
    Timestamp::from_second(seconds).ok()
}

fn start(pem: &str) -> Option<Timestamp> {
    let seconds = read(pem, |it| it.validity().not_before.timestamp())?;
    Timestamp::from_second(seconds).ok()
}

fn host_names(pem: &str) -> Vec<String> {
    let names = read(pem, |it| {
        let names = it.subject_alternative_name().ok().flatten();
        let names = names.iter().flat_map(|names| &names.value.general_names);
        let mut names: Vec<String> = names
            .filter_map(|name| match name {
                GeneralName::DNSName(name) => Some((*name).to_owned()),
                _ => None,
            })
            .collect();
        names.sort();
        names
    });
    names.unwrap_or_default()
}

fn is_signed_by(pem: &str, authority: &str) -> bool {
    let key = read(authority, |it| it.subject().as_raw().to_vec());
    let issuer = read(pem, |it| it.issuer().as_raw().to_vec());
    let identifier = |it: &X509Certificate<'_>, own: bool| {
        it.extensions().iter().find_map(|extension| {
            use x509_parser::extensions::ParsedExtension as Parsed;
            match extension.parsed_extension() {
                Parsed::SubjectKeyIdentifier(key) if own => Some(key.0.to_vec()),
                Parsed::AuthorityKeyIdentifier(key) if !own => {
                    key.key_identifier.as_ref().map(|key| key.0.to_vec())
                }
                _ => None,
            }
        })
    };
    let own = read(authority, |it| identifier(it, true)).flatten();
    let named = read(pem, |it| identifier(it, false)).flatten();
    key.is_some() && key == issuer && own.is_some() && own == named
}
