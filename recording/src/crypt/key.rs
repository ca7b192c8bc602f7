//! The X25519 key pair whose private half reads recordings. The writer knows the
//! public half only.

use std::fmt;

use aws_lc_rs::agreement::{PrivateKey, X25519};
use aws_lc_rs::encoding::{AsBigEndian, Curve25519SeedBin};
use zeroize::Zeroizing;

use super::CryptError;
use crate::checkpoint::{KeyId, MAX_KEY_FILE_BYTES};
use crate::pem;

/// Length of an X25519 key, and of a session key.
pub const KEY_LEN: usize = 32;

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

// === impl RecipientKey ===

impl RecipientKey {
    pub fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self(bytes)
    }

    /// A `PUBLIC KEY` PEM block, as `openssl pkey -pubout` writes it.
    pub fn from_pem(text: &str) -> Result<Self, CryptError> {
        let bytes = pem_key(text, "PUBLIC KEY", PUBLIC_DER, CryptError::InvalidPublicKey)?;
        Ok(Self(*bytes))
    }

    pub fn as_bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    pub fn id(&self) -> KeyId {
        KeyId::of(&self.0)
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
    pub fn from_pem(text: &str) -> Result<Self, CryptError> {
        let bytes = pem_key(
            text,
            "PRIVATE KEY",
            PRIVATE_DER,
            CryptError::InvalidPrivateKey,
        )?;
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

pub(super) fn public_of(key: &PrivateKey) -> Result<[u8; KEY_LEN], CryptError> {
    let public = key.compute_public_key().map_err(|_| CryptError::Library)?;
    public.as_ref().try_into().map_err(|_| CryptError::Library)
}

/// The 32 bytes of a key file. The DER of such a key has one form, so its head is
/// compared whole and nothing needs to be parsed.
fn pem_key(
    text: &str,
    label: &str,
    head: &[u8],
    invalid: fn(&'static str) -> CryptError,
) -> Result<Zeroizing<[u8; KEY_LEN]>, CryptError> {
    if text.len() > MAX_KEY_FILE_BYTES {
        return Err(CryptError::KeyFileTooLong);
    }
    let der = pem::decode(label, text).ok_or(invalid("no such block of Base64 in PEM"))?;
    let der = Zeroizing::new(der);
    let key = der
        .strip_prefix(head)
        .ok_or(invalid("the key is of another algorithm or form"))?;
    key.try_into()
        .map(Zeroizing::new)
        .map_err(|_| invalid("the key is not 32 bytes long"))
}
