//! Signed heads of a chain: who signs, what is signed, who is believed.
//!
//! A head says: the chain of this writer, through this frame, has this hash. It is worth
//! something once it has left the writer's reach, and once the verifier has the public key from
//! somewhere else than the record.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display, Formatter};
use std::str::FromStr;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::chain::Hash;
use crate::event::{Timestamp, WriterId};
use crate::pem;

/// An Ed25519 signature.
pub const SIGNATURE_BYTES: usize = 64;

/// The longest key file that is read.
pub const MAX_KEY_FILE_BYTES: usize = 16 * 1024;

/// The longest text of a head.
pub const MAX_HEAD_TEXT_BYTES: usize = 512;

/// What is signed begins with this, so that a signature means nothing elsewhere.
const SIGNED_DOMAIN: &[u8] = b"portcullis recording head v0\n";

/// An Ed25519 public key as OpenSSL writes it, ahead of its 32 bytes.
const PUBLIC_KEY_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// Names a public key: the first eight bytes of its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 8]);

/// What a writer signs with.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

/// What a verifier needs of a writer's key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey([u8; 32]);

/// The public keys that a verifier believes. After a rotation it holds the old and the new.
#[derive(Debug, Clone, Default)]
pub struct TrustedKeys {
    keys: BTreeMap<KeyId, PublicKey>,
}

/// A chain's head, signed. Its text is one line, fit for an annotation or a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub kind: HeadKind,
    pub writer: WriterId,
    pub segment: u64,
    /// The last frame that the hash covers.
    pub sequence: u64,
    pub time: Timestamp,
    pub hash: Hash,
    pub key: KeyId,
    pub signature: [u8; SIGNATURE_BYTES],
}

/// Whether more may follow in the same segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadKind {
    Checkpoint,
    Seal,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    #[error("a signing key is an Ed25519 private key, PKCS#8 in PEM")]
    Private,
    #[error("a public key is 64 hexadecimal digits, or an Ed25519 public key in PEM")]
    Public,
    #[error("a key file has at most {MAX_KEY_FILE_BYTES} bytes")]
    TooLong,
    #[error("no randomness to make a key")]
    NoRandomness,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a head is 'v0 checkpoint|seal WRITER SEGMENT SEQUENCE TIME HASH KEY SIGNATURE'")]
pub struct InvalidHead;

// === impl KeyId ===

impl KeyId {
    pub const fn new(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    pub const fn bytes(&self) -> &[u8; 8] {
        &self.0
    }

    /// The name of a public key of any sort, from its raw bytes.
    pub fn of(public_key: &[u8]) -> Self {
        Self(
            Hash::of(public_key)
                .bytes()
                .first_chunk()
                .copied()
                .unwrap_or_default(),
        )
    }
}

impl Display for KeyId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        crate::hex::write(f, &self.0)
    }
}

impl Debug for KeyId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

// === impl SigningKey ===

impl SigningKey {
    /// Makes a key, and its file's content to keep.
    pub fn generate() -> Result<(Self, String), InvalidKey> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| InvalidKey::NoRandomness)?;
        let text = pem::encode("PRIVATE KEY", document.as_ref());
        Ok((Self::from_pem(&text)?, text))
    }

    /// Reads a key file, such as `openssl genpkey -algorithm ed25519` writes.
    pub fn from_pem(text: &str) -> Result<Self, InvalidKey> {
        if text.len() > MAX_KEY_FILE_BYTES {
            return Err(InvalidKey::TooLong);
        }
        let document = pem::decode("PRIVATE KEY", text).ok_or(InvalidKey::Private)?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&document)
            .map_err(|_| InvalidKey::Private)?;
        let public = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| InvalidKey::Private)?;
        Ok(Self {
            pair,
            public: PublicKey(public),
        })
    }

    pub fn public(&self) -> PublicKey {
        self.public
    }

    pub fn id(&self) -> KeyId {
        self.public.id()
    }

    /// Signs a head; its key and signature are filled in.
    pub(crate) fn sign(&self, head: &mut Head) {
        head.key = self.id();
        let signature = self.pair.sign(&head.message());
        // An Ed25519 signature is 64 bytes; no other length could verify.
        head.signature = signature
            .as_ref()
            .try_into()
            .unwrap_or([0; SIGNATURE_BYTES]);
    }
}

impl Debug for SigningKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id())
    }
}

// === impl PublicKey ===

impl PublicKey {
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub fn id(&self) -> KeyId {
        KeyId::of(&self.0)
    }
}

impl Display for PublicKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        crate::hex::write(f, &self.0)
    }
}

impl Debug for PublicKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl FromStr for PublicKey {
    type Err = InvalidKey;

    /// Takes 64 hexadecimal digits, or what `openssl pkey -pubout` writes.
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        if text.len() > MAX_KEY_FILE_BYTES {
            return Err(InvalidKey::TooLong);
        }
        if let Some(bytes) = crate::hex::parse(text.trim()) {
            return Ok(Self(bytes));
        }
        let document = pem::decode("PUBLIC KEY", text).ok_or(InvalidKey::Public)?;
        let raw = document
            .strip_prefix(&PUBLIC_KEY_PREFIX)
            .ok_or(InvalidKey::Public)?;
        raw.try_into().map(Self).map_err(|_| InvalidKey::Public)
    }
}

// === impl TrustedKeys ===

impl TrustedKeys {
    pub fn get(&self, id: &KeyId) -> Option<&PublicKey> {
        self.keys.get(id)
    }
}

impl FromIterator<PublicKey> for TrustedKeys {
    fn from_iter<I: IntoIterator<Item = PublicKey>>(keys: I) -> Self {
        Self {
            keys: keys.into_iter().map(|key| (key.id(), key)).collect(),
        }
    }
}

// === impl Head ===

impl Head {
    /// Whether this head, as it stands, was signed by this key.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        let verifier = UnparsedPublicKey::new(&ED25519, key.bytes());
        key.id() == self.key && verifier.verify(&self.message(), &self.signature).is_ok()
    }

    /// Whether one of these keys signed this head.
    pub fn is_trusted(&self, keys: &TrustedKeys) -> bool {
        keys.get(&self.key)
            .is_some_and(|key| self.is_signed_by(key))
    }

    /// The bytes that are signed: all but the signature, each of fixed length or with it.
    fn message(&self) -> Vec<u8> {
        let writer = self.writer.as_str().as_bytes();
        let mut message = Vec::with_capacity(SIGNED_DOMAIN.len() + writer.len() + 80);
        message.extend_from_slice(SIGNED_DOMAIN);
        message.push(match self.kind {
            HeadKind::Checkpoint => 0,
            HeadKind::Seal => 1,
        });
        message.push(u8::try_from(writer.len()).unwrap_or(u8::MAX));
        message.extend_from_slice(writer);
        for number in [self.segment, self.sequence, self.time.0] {
            message.extend_from_slice(&number.to_le_bytes());
        }
        message.extend_from_slice(self.hash.bytes());
        message.extend_from_slice(self.key.bytes());
        message
    }
}

impl Display for HeadKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Checkpoint => "checkpoint",
            Self::Seal => "seal",
        })
    }
}

impl Display for Head {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            writer,
            segment,
            sequence,
            time,
            hash,
            key,
            ..
        } = self;
        write!(
            f,
            "v0 {kind} {writer} {segment} {sequence} {} {hash} {key} ",
            time.0
        )?;
        crate::hex::write(f, &self.signature)
    }
}

impl FromStr for Head {
    type Err = InvalidHead;

    fn from_str(text: &str) -> Result<Self, InvalidHead> {
        if text.len() > MAX_HEAD_TEXT_BYTES {
            return Err(InvalidHead);
        }
        parse_head(text).ok_or(InvalidHead)
    }
}

fn parse_head(text: &str) -> Option<Head> {
    let mut words = text.trim().split(' ');
    if words.next()? != "v0" {
        return None;
    }
    let head = Head {
        kind: match words.next()? {
            "checkpoint" => HeadKind::Checkpoint,
            "seal" => HeadKind::Seal,
            _ => return None,
        },
        writer: words.next()?.parse().ok()?,
        segment: words.next()?.parse().ok()?,
        sequence: words.next()?.parse().ok()?,
        time: Timestamp(words.next()?.parse().ok()?),
        hash: words.next()?.parse().ok()?,
        key: KeyId(crate::hex::parse(words.next()?)?),
        signature: crate::hex::parse(words.next()?)?,
    };
    words.next().is_none().then_some(head)
}
