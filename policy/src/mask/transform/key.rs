//! Keys for hashes and tokens.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key, sign};
use thiserror::Error;

/// The shortest key. Under a shorter one, values could be found by guessing the key.
pub const MIN_KEY_BYTES: usize = 16;

/// The longest key.
pub const MAX_KEY_BYTES: usize = 4096;

/// Where the token key comes from. The secret is the message here and the label the key, so that
/// no value that somebody gets hashed under the same secret shows the token key.
const TOKEN_LABEL: &[u8] = b"portcullis tokenize v1";
const IDENTITY_LABEL: &[u8] = b"portcullis mask key identity v1";

/// A secret by the name under which it is kept. Cheap to clone; equal when the secrets are equal,
/// whatever they are called.
#[derive(Clone)]
pub struct MaskKey(Arc<Inner>);

struct Inner {
    reference: String,
    hash: Key,
    token: Key,
    identity: [u8; 32],
}

/// Why a secret cannot be a key. Says nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidKey {
    #[error("the key has {0} bytes; at least {MIN_KEY_BYTES} random bytes are needed")]
    TooShort(usize),
    #[error("the key has {0} bytes; at most {MAX_KEY_BYTES} are allowed")]
    TooLong(usize),
}

/// An HMAC that is being made.
pub(super) struct HashContext(Context);

// === impl MaskKey ===

impl MaskKey {
    pub fn new(reference: &str, secret: &[u8]) -> Result<Self, InvalidKey> {
        match secret.len() {
            length if length < MIN_KEY_BYTES => return Err(InvalidKey::TooShort(length)),
            length if length > MAX_KEY_BYTES => return Err(InvalidKey::TooLong(length)),
            _ => {}
        }
        let derive = |label: &[u8]| {
            let mut derived = [0; 32];
            let tag = sign(&Key::new(HMAC_SHA256, label), secret);
            derived
                .iter_mut()
                .zip(tag.as_ref())
                .for_each(|(to, from)| *to = *from);
            derived
        };
        Ok(Self(Arc::new(Inner {
            reference: reference.to_owned(),
            hash: Key::new(HMAC_SHA256, secret),
            token: Key::new(HMAC_SHA256, &derive(TOKEN_LABEL)),
            identity: derive(IDENTITY_LABEL),
        })))
    }

    /// The name under which the secret is kept.
    pub fn reference(&self) -> &str {
        &self.0.reference
    }

    /// Which secret it is, without telling it.
    pub(in crate::mask) fn identity(&self) -> [u8; 32] {
        self.0.identity
    }

    pub(super) fn begin_hash(&self) -> HashContext {
        HashContext(Context::with_key(&self.0.hash))
    }

    pub(super) fn begin_token(&self) -> HashContext {
        HashContext(Context::with_key(&self.0.token))
    }
}

impl PartialEq for MaskKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.identity == other.0.identity
    }
}

impl Eq for MaskKey {}

impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaskKey")
            .field("reference", &self.0.reference)
            .finish_non_exhaustive()
    }
}

// === impl HashContext ===

impl HashContext {
    pub(super) fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// In lower-case hex.
    pub(super) fn finish(self) -> String {
        let digits = |byte: &u8| {
            [byte >> 4, byte & 15].map(|half| char::from_digit(u32::from(half), 16).unwrap_or('0'))
        };
        self.0.sign().as_ref().iter().flat_map(digits).collect()
    }

    pub(super) fn finish_bytes(self) -> Vec<u8> {
        self.0.sign().as_ref().to_vec()
    }
}

impl fmt::Debug for HashContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashContext")
    }
}
