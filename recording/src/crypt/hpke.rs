//! HPKE (RFC 9180), base mode, one message: DHKEM(X25519, HKDF-SHA256),
//! HKDF-SHA256, AES-256-GCM. Any other implementation of the RFC can open what
//! is sealed here.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use zeroize::Zeroizing;

use super::key::{KEY_LEN, RecipientKey, RecipientPrivateKey, public_of};
use super::{CryptError, TAG_LEN};

/// An X25519 public key on the wire.
pub(super) const ENC_LEN: usize = 32;

const VERSION: &[u8] = b"HPKE-v1";
const KEM_SUITE: &[u8] = b"KEM\x00\x20";
const SUITE: &[u8] = b"HPKE\x00\x20\x00\x01\x00\x02";
const MODE_BASE: u8 = 0;

/// The encapsulated key, then the sealed message.
pub(super) fn seal(
    recipient: &RecipientKey,
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8; KEY_LEN],
) -> Result<Vec<u8>, CryptError> {
    let ephemeral = PrivateKey::generate(&X25519).map_err(|_| CryptError::NoRandomness)?;
    let enc = public_of(&ephemeral)?;
    let shared = shared_secret(&ephemeral, recipient.as_bytes(), &enc, recipient.as_bytes())
        .map_err(|_| CryptError::InvalidPublicKey("it yields no shared secret"))?;
    let mut key = Zeroizing::new([0_u8; KEY_LEN]);
    let nonce = schedule(SUITE, &shared, info, key.as_mut())?;
    let mut out = Vec::with_capacity(ENC_LEN + plaintext.len() + TAG_LEN);
    out.extend_from_slice(&enc);
    out.extend_from_slice(plaintext);
    let body = out.get_mut(ENC_LEN..).unwrap_or_default();
    let tag = aead(key.as_ref())?
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), body)
        .map_err(|_| CryptError::Library)?;
    out.extend_from_slice(tag.as_ref());
    Ok(out)
}

/// The message that [`seal`] sealed to this private key.
pub(super) fn open(
    private: &RecipientPrivateKey,
    info: &[u8],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CryptError> {
    let (enc, body) = sealed
        .split_first_chunk::<ENC_LEN>()
        .ok_or(CryptError::InvalidWrappedKey("too short"))?;
    let shared = shared_secret(private.inner(), enc, enc, private.public().as_bytes())
        .map_err(|_| CryptError::WrappedKeyChanged)?;
    let mut key = Zeroizing::new([0_u8; KEY_LEN]);
    let nonce = schedule(SUITE, &shared, info, key.as_mut())?;
    let mut message = Zeroizing::new(body.to_vec());
    let opened = aead(key.as_ref())?
        .open_in_place(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(aad),
            &mut message,
        )
        .map_err(|_| CryptError::WrappedKeyChanged)?
        .len();
    message.truncate(opened);
    Ok(message)
}

/// Encap and Decap of the RFC's section 4.1, which differ only in who holds
/// which private key. An all-zero result of X25519 is refused by the library.
pub(super) fn shared_secret(
    mine: &PrivateKey,
    theirs: &[u8; ENC_LEN],
    enc: &[u8; ENC_LEN],
    recipient: &[u8; ENC_LEN],
) -> Result<Zeroizing<[u8; 32]>, CryptError> {
    let peer = UnparsedPublicKey::new(&X25519, theirs.as_slice());
    agree(mine, peer, CryptError::Library, |dh| {
        let prk = extract(KEM_SUITE, &[], b"eae_prk", dh);
        let context = [enc.as_slice(), recipient.as_slice()].concat();
        let mut shared = Zeroizing::new([0_u8; 32]);
        expand(KEM_SUITE, &prk, b"shared_secret", &context, shared.as_mut())?;
        Ok(shared)
    })
}

/// Section 5.1, base mode: no pre-shared key, so its id and value are empty. Fills `key`
/// and gives the base nonce.
pub(super) fn schedule(
    suite: &[u8],
    shared: &[u8; 32],
    info: &[u8],
    key: &mut [u8],
) -> Result<[u8; NONCE_LEN], CryptError> {
    let mut context = vec![MODE_BASE];
    for (label, value) in [
        (b"psk_id_hash".as_slice(), [].as_slice()),
        (b"info_hash", info),
    ] {
        // The RFC wants the extracted value itself, which `Prk` keeps to itself:
        // extraction is HMAC keyed by the salt, here an empty one.
        let ikm = [VERSION, suite, label, value].concat();
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &[]);
        context.extend_from_slice(aws_lc_rs::hmac::sign(&key, &ikm).as_ref());
    }
    let secret = extract(suite, shared, b"secret", &[]);
    expand(suite, &secret, b"key", &context, key)?;
    let mut nonce = [0_u8; NONCE_LEN];
    expand(suite, &secret, b"base_nonce", &context, &mut nonce)?;
    Ok(nonce)
}

fn aead(key: &[u8]) -> Result<LessSafeKey, CryptError> {
    UnboundKey::new(&AES_256_GCM, key)
        .map(LessSafeKey::new)
        .map_err(|_| CryptError::Library)
}

fn extract(suite: &[u8], salt: &[u8], label: &[u8], ikm: &[u8]) -> Prk {
    let labelled = Zeroizing::new([VERSION, suite, label, ikm].concat());
    Salt::new(HKDF_SHA256, salt).extract(&labelled)
}

fn expand(
    suite: &[u8],
    prk: &Prk,
    label: &[u8],
    info: &[u8],
    out: &mut [u8],
) -> Result<(), CryptError> {
    let length = u16::try_from(out.len())
        .map_err(|_| CryptError::Library)?
        .to_be_bytes();
    let labelled = [length.as_slice(), VERSION, suite, label, info];
    prk.expand(&labelled, Length(out.len()))
        .and_then(|okm| okm.fill(out))
        .map_err(|_| CryptError::Library)
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}
