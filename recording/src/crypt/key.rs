//! The X25519 key pair whose private half reads recordings. The writer knows the
//! public half only.

use std::fmt;

use aws_lc_rs::agreement::{PrivateKey, X25519};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsBigEndian, Curve25519SeedBin};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::CryptError;

/// Length of an X25519 key, and of a session key.
pub const KEY_LEN: usize = 32;

/// Longest key file that is looked at.
const MAX_KEY_FILE: usize = 4096;
/// The fixed head of a SubjectPublicKeyInfo with an X25519 key (RFC 8410).
const PUBLIC_DER: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0,
];
/// The fixed head of a PKCS #8 document with an X25519 key (RFC 8410).
const PRIVATE_DER: &[u8] = &[
    0x30, 0x2e, 2, 1, 0, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20,
];

/// Whom recordings are encrypted to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RecipientKey([u8; KEY_LEN]);

/// Reads what was encrypted to its public half.
pub struct RecipientPrivateKey {
    inner: PrivateKey,
    public: RecipientKey,
}

/// SHA-256 of the public key: which private key a session needs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecipientId([u8; 32]);

// === impl RecipientKey ===

impl RecipientKey {
    pub fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self(bytes)
    }

    /// A `PUBLIC KEY` PEM block, as `openssl pkey -pubout` writes it.
    pub fn from_pem(pem: &str) -> Result<Self, CryptError> {
        let bytes = pem_key(pem, "PUBLIC KEY", PUBLIC_DER).map_err(CryptError::InvalidPublicKey)?;
        Ok(Self(*bytes))
    }

    pub fn as_bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    pub fn id(&self) -> RecipientId {
        let hash = digest(&SHA256, &self.0);
        RecipientId(hash.as_ref().try_into().unwrap_or_default())
    }
}

impl fmt::Debug for RecipientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecipientKey({})", self.id())
    }
}

// === impl RecipientPrivateKey ===

impl RecipientPrivateKey {
    /// A fresh pair.
    pub fn generate() -> Result<Self, CryptError> {
        let inner = PrivateKey::generate(&X25519).map_err(|_| CryptError::NoRandomness)?;
        Self::new(inner)
    }

    pub fn from_bytes(bytes: &[u8; KEY_LEN]) -> Result<Self, CryptError> {
        let inner = PrivateKey::from_private_key(&X25519, bytes)
            .map_err(|_| CryptError::InvalidPrivateKey("refused by the library"))?;
        Self::new(inner)
    }

    /// A `PRIVATE KEY` PEM block, as `openssl genpkey -algorithm X25519` writes it.
    pub fn from_pem(pem: &str) -> Result<Self, CryptError> {
        let bytes =
            pem_key(pem, "PRIVATE KEY", PRIVATE_DER).map_err(CryptError::InvalidPrivateKey)?;
        Self::from_bytes(&bytes)
    }

    pub fn public(&self) -> &RecipientKey {
        &self.public
    }

    /// The secret itself, for writing a key file.
    pub fn secret_bytes(&self) -> Result<Zeroizing<[u8; KEY_LEN]>, CryptError> {
        let seed: Curve25519SeedBin<'_> =
            self.inner.as_be_bytes().map_err(|_| CryptError::Library)?;
        let bytes = seed.as_ref().try_into().map_err(|_| CryptError::Library)?;
        Ok(Zeroizing::new(bytes))
    }

    pub(super) fn inner(&self) -> &PrivateKey {
        &self.inner
    }

    fn new(inner: PrivateKey) -> Result<Self, CryptError> {
        let public = RecipientKey(public_of(&inner)?);
        Ok(Self { inner, public })
    }
}

impl fmt::Debug for RecipientPrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecipientPrivateKey(of {})", self.public.id())
    }
}

// === impl RecipientId ===

impl RecipientId {
    pub(super) fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for RecipientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RecipientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

pub(super) fn public_of(key: &PrivateKey) -> Result<[u8; KEY_LEN], CryptError> {
    let public = key.compute_public_key().map_err(|_| CryptError::Library)?;
    public.as_ref().try_into().map_err(|_| CryptError::Library)
}

/// The 32 bytes of the only PEM block of a key file. The DER of such a key has
/// one form, so its head is compared whole and nothing needs to be parsed.
fn pem_key(
    pem: &str,
    label: &'static str,
    head: &[u8],
) -> Result<Zeroizing<[u8; KEY_LEN]>, &'static str> {
    if pem.len() > MAX_KEY_FILE {
        return Err("the key file is longer than 4096 bytes");
    }
    let body = pem
        .trim()
        .strip_prefix(&format!("-----BEGIN {label}-----"))
        .and_then(|rest| rest.strip_suffix(&format!("-----END {label}-----")))
        .ok_or("no single PEM block of the right label")?;
    let text: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
    let der = Zeroizing::new(STANDARD.decode(text.as_bytes()).map_err(|_| "not base64")?);
    let key = der
        .strip_prefix(head)
        .ok_or("the key is of another algorithm or form")?;
    key.try_into()
        .map(Zeroizing::new)
        .map_err(|_| "the key is not 32 bytes long")
}
