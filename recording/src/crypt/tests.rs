use aws_lc_rs::agreement::{PrivateKey, X25519};
use aws_lc_rs::rand::SystemRandom;

use super::*;

const ONE: SessionId = SessionId::new([1; 16]);
const TWO: SessionId = SessionId::new([2; 16]);

fn hex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    let pairs = text.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}

fn hex32(text: &str) -> [u8; 32] {
    hex(text).try_into().unwrap()
}

fn pair() -> (RecipientPrivateKey, SessionCipher) {
    let private = RecipientPrivateKey::generate().unwrap();
    let cipher = SessionCipher::generate(&SystemRandom::new()).unwrap();
    (private, cipher)
}

#[test]
fn key_schedule_matches_rfc_9180_appendix_a_1() {
    let ephemeral = hex32("52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736");
    let enc = hex32("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431");
    let recipient = hex32("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8");
    let public = hex32("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d");
    let mine = PrivateKey::from_private_key(&X25519, &ephemeral).unwrap();
    let theirs = RecipientPrivateKey::from_bytes(&recipient).unwrap();
    assert_eq!(theirs.public().as_bytes(), &public);

    let sent = hpke::shared_secret(&mine, &public, &enc, &public).unwrap();
    let received = hpke::shared_secret(theirs.inner(), &enc, &enc, &public).unwrap();
    let expected = hex32("fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc");
    assert_eq!((*sent, *received), (expected, expected));

    // The appendix's suite has AES-128-GCM; only the suite's id and length differ.
    let suite = b"HPKE\x00\x20\x00\x01\x00\x01";
    let info = hex("4f6465206f6e2061204772656369616e2055726e");
    let mut key = [0; 16];
    let nonce = hpke::schedule(suite, &sent, &info, &mut key).unwrap();
    assert_eq!(key.to_vec(), hex("4531685d41d65f03dc48f6b8302c05b0"));
    assert_eq!(nonce.to_vec(), hex("56d890e5accaaf011cff4b7d"));
}

#[test]
fn payload_opens_with_the_unwrapped_key_and_nothing_else() {
    let (private, cipher) = pair();
    let wrapped = cipher.wrap_key(private.public(), &ONE).unwrap();
    let opener = wrapped.unwrap_key(&private, &ONE).unwrap();
    for text in [b"select 1".as_slice(), b"", &[0xff; 70_000]] {
        let mut sealed = b"head".to_vec();
        cipher.seal(b"aad", text, &mut sealed).unwrap();
        assert_eq!(sealed.len(), 4 + text.len() + SEAL_OVERHEAD);
        let mut open = b"kept".to_vec();
        opener.open(b"aad", &sealed[4..], &mut open).unwrap();
        assert_eq!(open, [b"kept", text].concat());

        let mut out = b"kept".to_vec();
        for aad in [b"aae".as_slice(), b"aad ", b""] {
            let refused = opener.open(aad, &sealed[4..], &mut out);
            assert_eq!(refused, Err(CryptError::PayloadChanged));
        }
        assert_eq!(out, b"kept");
    }
}

#[test]
fn every_changed_bit_of_a_sealed_payload_is_refused() {
    let (private, cipher) = pair();
    let opener = cipher
        .wrap_key(private.public(), &ONE)
        .unwrap()
        .unwrap_key(&private, &ONE)
        .unwrap();
    let mut sealed = Vec::new();
    cipher.seal(b"", b"payload", &mut sealed).unwrap();
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let refused = opener.open(b"", &changed, &mut Vec::new());
        assert_eq!(refused, Err(CryptError::PayloadChanged), "bit {bit}");
    }
    for len in 0..sealed.len() {
        let expected = match len {
            0..SEAL_OVERHEAD => CryptError::SealedTooShort(len),
            _ => CryptError::PayloadChanged,
        };
        assert_eq!(
            opener.open(b"", &sealed[..len], &mut Vec::new()),
            Err(expected)
        );
    }
}

#[test]
fn every_changed_bit_of_a_wrapped_key_is_refused() {
    let (private, cipher) = pair();
    let wrapped = cipher.wrap_key(private.public(), &ONE).unwrap();
    assert_eq!(wrapped.as_bytes().len(), WRAPPED_KEY_LEN);
    for bit in 0..WRAPPED_KEY_LEN * 8 {
        let mut changed = wrapped.as_bytes().to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        let opened = WrappedKey::parse(&changed).and_then(|key| key.unwrap_key(&private, &ONE));
        let error = opened.err();
        match bit / 8 {
            0..5 => assert!(
                matches!(error, Some(CryptError::InvalidWrappedKey(_))),
                "bit {bit}"
            ),
            5..13 => {
                assert!(
                    matches!(error, Some(CryptError::OtherRecipient { .. })),
                    "bit {bit}"
                );
            }
            // X25519 ignores the top bit of a point, but HPKE binds the bytes.
            _ => assert_eq!(error, Some(CryptError::WrappedKeyChanged), "bit {bit}"),
        }
    }
}

#[test]
fn wrapped_key_of_another_session_or_recipient_is_refused() {
    let (private, cipher) = pair();
    let wrapped = cipher.wrap_key(private.public(), &ONE).unwrap();
    let moved = wrapped.unwrap_key(&private, &TWO).err();
    assert_eq!(moved, Some(CryptError::WrappedKeyChanged));
    let other = RecipientPrivateKey::generate().unwrap();
    let expected = CryptError::OtherRecipient {
        wrapped_to: private.public().id(),
        given: other.public().id(),
    };
    assert_eq!(wrapped.unwrap_key(&other, &ONE).err(), Some(expected));
}

#[test]
fn two_sessions_and_two_wrappings_share_nothing() {
    let (private, one) = pair();
    let two = SessionCipher::generate(&SystemRandom::new()).unwrap();
    let mut sealed = Vec::new();
    one.seal(b"", b"payload", &mut sealed).unwrap();
    let opener = two
        .wrap_key(private.public(), &ONE)
        .unwrap()
        .unwrap_key(&private, &ONE)
        .unwrap();
    let refused = opener.open(b"", &sealed, &mut Vec::new());
    assert_eq!(refused, Err(CryptError::PayloadChanged));
    let first = one.wrap_key(private.public(), &ONE).unwrap();
    assert_ne!(first, one.wrap_key(private.public(), &ONE).unwrap());
}

#[test]
fn same_payload_at_the_same_place_never_repeats_a_nonce() {
    let (_, cipher) = pair();
    let (mut one, mut two) = (Vec::new(), Vec::new());
    cipher.seal(b"", b"payload", &mut one).unwrap();
    cipher.seal(b"", b"payload", &mut two).unwrap();
    assert_ne!(one[..8], two[..8]);
    assert_ne!(one[8..], two[8..]);
}

#[test]
fn key_seals_up_to_its_limit_and_then_never_again() {
    let (_, cipher) = pair();
    cipher
        .sealed
        .store(MAX_SEALS_PER_KEY - 1, Ordering::Relaxed);
    let mut out = Vec::new();
    assert_eq!(cipher.seal(b"", b"x", &mut out), Ok(()));
    let len = out.len();
    for _ in 0..3 {
        assert_eq!(
            cipher.seal(b"", b"x", &mut out),
            Err(CryptError::KeyExhausted)
        );
    }
    assert_eq!(out.len(), len);
}

#[test]
fn weak_public_key_is_refused() {
    let (_, cipher) = pair();
    let zero = RecipientKey::from_bytes([0; KEY_LEN]);
    let refused = cipher.wrap_key(&zero, &ONE).err();
    assert!(
        matches!(refused, Some(CryptError::InvalidPublicKey(_))),
        "{refused:?}"
    );
}

/// The recipient's pair of RFC 9180, appendix A.1.
const PRIVATE: &str = "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8";
const PUBLIC: &str = "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d";

fn pem(label: &str, head: &str, key: &str) -> String {
    use base64::Engine;
    let der = hex(&format!("{head}{key}"));
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

#[test]
fn pem_key_files_are_read() {
    let head = "302e020100300506032b656e04220420";
    let private = RecipientPrivateKey::from_pem(&pem("PRIVATE KEY", head, PRIVATE)).unwrap();
    let head = "302a300506032b656e032100";
    let public = RecipientKey::from_pem(&pem("PUBLIC KEY", head, PUBLIC)).unwrap();
    assert_eq!(public.as_bytes(), &hex32(PUBLIC));
    assert_eq!(private.public(), &public);
    assert_eq!(*private.secret_bytes().unwrap(), hex32(PRIVATE));
}

#[test]
fn key_files_of_another_kind_are_named() {
    let head = "302a300506032b656e032100";
    let ed25519 = "302a300506032b6570032100";
    let good = pem("PUBLIC KEY", head, PUBLIC);
    let form = "the key is of another algorithm or form";
    let block = "no such block of Base64 in PEM";
    let length = "the key is not 32 bytes long";
    let cases = [
        (pem("PUBLIC KEY", ed25519, PUBLIC), form),
        (pem("PRIVATE KEY", head, PUBLIC), block),
        (
            pem("PUBLIC KEY", head, PUBLIC.strip_prefix("39").unwrap()),
            length,
        ),
        (pem("PUBLIC KEY", head, &format!("{PUBLIC}00")), length),
        (good.replace('M', "*"), block),
        (String::new(), block),
        (" ".repeat(MAX_KEY_FILE_BYTES), block),
    ];
    for (text, why) in cases {
        let refused = RecipientKey::from_pem(&text).err();
        assert_eq!(refused, Some(CryptError::InvalidPublicKey(why)), "{text}");
    }
    let long = RecipientKey::from_pem(&" ".repeat(MAX_KEY_FILE_BYTES + 1)).err();
    assert_eq!(long, Some(CryptError::KeyFileTooLong));
}

#[test]
fn secrets_are_not_shown() {
    let (private, cipher) = pair();
    let shown = format!("{private:?} {cipher:?}");
    let id = private.public().id();
    assert_eq!(
        shown,
        format!("RecipientPrivateKey(of {id}) SessionCipher(..)")
    );
}
