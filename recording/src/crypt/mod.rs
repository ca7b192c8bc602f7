//! Encryption of a session's payloads, so that only the holder of one private
//! key can read them, and so that destroying one small object destroys exactly
//! one session.
//!
//! Each session has a random AES-256-GCM key that lives only in the writer's
//! memory. Outside it exists once: wrapped to an X25519 public key, in the
//! object `keys/<session>.key` ([`WrappedKey`]). A record without that object is
//! ciphertext for ever, but its chain still verifies, because the chain covers
//! the ciphertext.
//!
//! Guarantees:
//! - A nonce is never used twice under one key: the cipher counts for itself,
//!   and a key that was unwrapped can only open ([`SessionOpener`]).
//! - A payload cannot be moved to another place: the caller's associated data,
//!   which tells its place, is authenticated.
//! - Lengths are not hidden. The writer compresses longer payloads ahead, each alone,
//!   so a length tells of its own payload only.

mod hpke;
mod key;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand::SecureRandom;
use zeroize::Zeroizing;

pub use key::{KEY_LEN, RecipientKey, RecipientPrivateKey};

use crate::checkpoint::{KeyId, MAX_KEY_FILE_BYTES};
use crate::event::SessionId;

/// What sealing adds to a payload: its counter (8 bytes) and the tag (16).
pub const SEAL_OVERHEAD: usize = COUNTER_LEN + TAG_LEN;

/// Payloads that one session key may seal. AES-GCM is safe for far more with
/// counted nonces; a session that reaches this is a defect, so it stops.
pub const MAX_SEALS_PER_KEY: u64 = 1 << 32;

/// Exact size of a wrapped key object.
pub const WRAPPED_KEY_LEN: usize = MAGIC.len() + KEY_ID_LEN + hpke::ENC_LEN + KEY_LEN + TAG_LEN;

const MAGIC: &[u8; 5] = b"PCKY\0";
const KEY_ID_LEN: usize = 8;
const COUNTER_LEN: usize = 8;
const TAG_LEN: usize = 16;
const INFO: &[u8] = b"portcullis recording session key v0";

/// Seals the payloads of one session. Made once per session, never copied.
pub struct SessionCipher {
    secret: Zeroizing<[u8; KEY_LEN]>,
    key: LessSafeKey,
    sealed: AtomicU64,
}

/// Opens the payloads of one session. It cannot seal.
pub struct SessionOpener {
    key: LessSafeKey,
}

/// The bytes of `keys/<session>.key`: magic and version, the recipient's key id,
/// then RFC 9180 (HPKE base mode, DHKEM X25519 with HKDF-SHA256, AES-256-GCM):
/// the encapsulated key and the sealed session key. The session's name is the
/// associated data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WrappedKey([u8; WRAPPED_KEY_LEN]);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CryptError {
    #[error("the system gave no random bytes")]
    NoRandomness,
    #[error("not an X25519 public key: {0}")]
    InvalidPublicKey(&'static str),
    #[error("not an X25519 private key: {0}")]
    InvalidPrivateKey(&'static str),
    #[error("a key file has at most {MAX_KEY_FILE_BYTES} bytes")]
    KeyFileTooLong,
    #[error("not a wrapped key: {0}")]
    InvalidWrappedKey(&'static str),
    #[error("the session key is wrapped to recipient {wrapped_to}, and the key given is {given}")]
    OtherRecipient { wrapped_to: KeyId, given: KeyId },
    #[error("the wrapped key does not open: it was changed, or belongs to another session")]
    WrappedKeyChanged,
    #[error("the session key has sealed {MAX_SEALS_PER_KEY} payloads and may seal no more")]
    KeyExhausted,
    #[error("a sealed payload of {0} bytes is shorter than {SEAL_OVERHEAD}")]
    SealedTooShort(usize),
    #[error("the payload does not open: it was changed, moved, or belongs to another session")]
    PayloadChanged,
    #[error("the cryptographic library refused a valid call")]
    Library,
}

// === impl SessionCipher ===

impl SessionCipher {
    /// A fresh key for one session.
    pub fn generate(random: &dyn SecureRandom) -> Result<Self, CryptError> {
        let mut secret = Zeroizing::new([0_u8; KEY_LEN]);
        random
            .fill(secret.as_mut())
            .map_err(|_| CryptError::NoRandomness)?;
        let key = aead_key(&secret)?;
        Ok(Self {
            secret,
            key,
            sealed: AtomicU64::new(0),
        })
    }

    /// Appends the sealed form of `plaintext` to `out`: its counter, the ciphertext,
    /// the tag. `aad` is authenticated beside it. On an error `out` is as it was.
    pub fn seal(&self, aad: &[u8], plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), CryptError> {
        let counter = self.sealed.fetch_add(1, Ordering::Relaxed);
        if counter >= MAX_SEALS_PER_KEY {
            // Park at the limit, so that the counter can never come round.
            self.sealed.store(MAX_SEALS_PER_KEY, Ordering::Relaxed);
            return Err(CryptError::KeyExhausted);
        }
        let start = out.len();
        out.reserve(plaintext.len() + SEAL_OVERHEAD);
        out.extend_from_slice(&counter.to_le_bytes());
        out.extend_from_slice(plaintext);
        let body = out.get_mut(start + COUNTER_LEN..).unwrap_or_default();
        match self
            .key
            .seal_in_place_separate_tag(nonce(counter), Aad::from(aad), body)
        {
            Ok(tag) => {
                out.extend_from_slice(tag.as_ref());
                Ok(())
            }
            Err(_) => {
                out.truncate(start);
                Err(CryptError::Library)
            }
        }
    }

    /// The session key for `recipient` alone, as `keys/<session>.key` holds it.
    pub fn wrap_key(
        &self,
        recipient: &RecipientKey,
        session: &SessionId,
    ) -> Result<WrappedKey, CryptError> {
        let wrapped = hpke::seal(recipient, INFO, session.bytes(), &self.secret)?;
        let mut bytes = Vec::with_capacity(WRAPPED_KEY_LEN);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(recipient.id().bytes());
        bytes.extend_from_slice(&wrapped);
        bytes
            .try_into()
            .map(WrappedKey)
            .map_err(|_| CryptError::Library)
    }
}

impl fmt::Debug for SessionCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionCipher(..)")
    }
}

// === impl SessionOpener ===

impl SessionOpener {
    /// Appends the plaintext of `sealed` to `out`. On an error `out` is as it was.
    pub fn open(&self, aad: &[u8], sealed: &[u8], out: &mut Vec<u8>) -> Result<(), CryptError> {
        let short = CryptError::SealedTooShort(sealed.len());
        let (counter, rest) = sealed.split_first_chunk::<COUNTER_LEN>().ok_or(short)?;
        let (body, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or(short)?;
        let start = out.len();
        out.resize(start + body.len(), 0);
        let opened = self.key.open_separate_gather(
            nonce(u64::from_le_bytes(*counter)),
            Aad::from(aad),
            body,
            tag,
            out.get_mut(start..).unwrap_or_default(),
        );
        opened.map_err(|_| {
            out.truncate(start);
            CryptError::PayloadChanged
        })
    }
}

impl fmt::Debug for SessionOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionOpener(..)")
    }
}

// === impl WrappedKey ===

impl WrappedKey {
    /// Checks the shape only; [`WrappedKey::unwrap_key`] checks the rest.
    pub fn parse(bytes: &[u8]) -> Result<Self, CryptError> {
        if bytes.get(..MAGIC.len()) != Some(MAGIC) {
            return Err(CryptError::InvalidWrappedKey("unknown magic or version"));
        }
        let exact = bytes.try_into();
        exact
            .map(Self)
            .map_err(|_| CryptError::InvalidWrappedKey("wrong length"))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whose private key opens it.
    pub fn recipient(&self) -> KeyId {
        let (_, rest) = self.0.split_first_chunk::<5>().unwrap_or((MAGIC, &[]));
        KeyId::new(rest.first_chunk().copied().unwrap_or_default())
    }

    /// The session's key, for reading.
    pub fn unwrap_key(
        &self,
        private: &RecipientPrivateKey,
        session: &SessionId,
    ) -> Result<SessionOpener, CryptError> {
        let (wrapped_to, given) = (self.recipient(), private.public().id());
        if wrapped_to != given {
            return Err(CryptError::OtherRecipient { wrapped_to, given });
        }
        let sealed = self.0.get(MAGIC.len() + KEY_ID_LEN..).unwrap_or_default();
        let opened = hpke::open(private, INFO, session.bytes(), sealed)?;
        let secret = Zeroizing::new(
            <[u8; KEY_LEN]>::try_from(opened.as_slice()).map_err(|_| CryptError::Library)?,
        );
        Ok(SessionOpener {
            key: aead_key(&secret)?,
        })
    }
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedKey(to {})", self.recipient())
    }
}

fn aead_key(secret: &[u8; KEY_LEN]) -> Result<LessSafeKey, CryptError> {
    let key = UnboundKey::new(&AES_256_GCM, secret).map_err(|_| CryptError::Library)?;
    Ok(LessSafeKey::new(key))
}

/// Four zeros, then the counter as it is stored.
fn nonce(counter: u64) -> Nonce {
    let mut bytes = [0_u8; NONCE_LEN];
    bytes[NONCE_LEN - COUNTER_LEN..].copy_from_slice(&counter.to_le_bytes());
    Nonce::assume_unique_for_key(bytes)
}
