use super::*;

/// Made once by `openssl genpkey -algorithm ed25519`; its public key by `openssl pkey -pubout`.
const OPENSSL_PRIVATE: &str = include_str!("../../tests/golden/openssl-private.pem");
const OPENSSL_PUBLIC: &str = include_str!("../../tests/golden/openssl-public.pem");

fn head() -> Head {
    Head {
        kind: HeadKind::Seal,
        writer: "gateway-1".parse().unwrap(),
        segment: 3,
        sequence: 70,
        time: Timestamp(1_700_000_000_000_000),
        hash: Hash::of(b"chain"),
        key: KeyId::new([0; 8]),
        signature: [0; SIGNATURE_BYTES],
    }
}

fn signed() -> (SigningKey, Head) {
    let (key, _) = SigningKey::generate().unwrap();
    let mut head = head();
    key.sign(&mut head);
    (key, head)
}

#[test]
fn generated_key_file_is_read_back() {
    let (key, file) = SigningKey::generate().unwrap();
    assert_eq!(SigningKey::from_pem(&file).unwrap().public(), key.public());
    assert!(
        !format!("{key:?}").contains("pair"),
        "Debug shows the id alone"
    );
}

#[test]
fn key_files_of_openssl_are_read() {
    let key = SigningKey::from_pem(OPENSSL_PRIVATE).unwrap();
    let public: PublicKey = OPENSSL_PUBLIC.parse().unwrap();
    assert_eq!(key.public(), public);
    assert_eq!(public.to_string().parse::<PublicKey>(), Ok(public));
}

#[test]
fn broken_key_files_are_refused() {
    let (_, file) = SigningKey::generate().unwrap();
    let cut = file.replacen("-----\nM", "-----\n", 1);
    for bad in [
        "",
        "-----BEGIN PRIVATE KEY-----",
        OPENSSL_PUBLIC,
        &cut,
        &file.replace("KEY", "K"),
    ] {
        assert_eq!(
            SigningKey::from_pem(bad).unwrap_err(),
            InvalidKey::Private,
            "{bad}"
        );
    }
    for bad in ["", "00", OPENSSL_PRIVATE, &"0".repeat(63), &"g".repeat(64)] {
        assert_eq!(
            bad.parse::<PublicKey>().unwrap_err(),
            InvalidKey::Public,
            "{bad}"
        );
    }
}

#[test]
fn key_files_are_bounded() {
    let (_, file) = SigningKey::generate().unwrap();
    let at = format!("{file}{}", "\n".repeat(MAX_KEY_FILE_BYTES - file.len()));
    assert!(SigningKey::from_pem(&at).is_ok());
    assert_eq!(
        SigningKey::from_pem(&format!("{at}\n")).unwrap_err(),
        InvalidKey::TooLong
    );
    let long = " ".repeat(MAX_KEY_FILE_BYTES + 1);
    assert_eq!(long.parse::<PublicKey>().unwrap_err(), InvalidKey::TooLong);
}

#[test]
fn signature_covers_every_part_of_a_head() {
    let (key, head) = signed();
    let keys = TrustedKeys::from_iter([key.public()]);
    assert!(head.is_trusted(&keys));
    let changes: [fn(&mut Head); 8] = [
        |head| head.kind = HeadKind::Checkpoint,
        |head| head.writer = "gateway-2".parse().unwrap(),
        |head| head.segment += 1,
        |head| head.sequence -= 1,
        |head| head.time.0 += 1,
        |head| head.hash = Hash::of(b"other"),
        |head| head.key = KeyId::new([1; 8]),
        |head| head.signature[10] ^= 1,
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let mut changed = head.clone();
        change(&mut changed);
        assert!(!changed.is_trusted(&keys), "change {place}");
    }
}

#[test]
fn head_of_another_key_is_not_trusted() {
    let (_, head) = signed();
    let (other, _) = SigningKey::generate().unwrap();
    assert!(!head.is_trusted(&TrustedKeys::from_iter([other.public()])));
    assert!(!head.is_trusted(&TrustedKeys::default()));
}

#[test]
fn head_is_one_line_of_text_and_back() {
    let (_, head) = signed();
    let text = head.to_string();
    assert!(
        text.len() <= MAX_HEAD_TEXT_BYTES && !text.contains('\n'),
        "{text}"
    );
    assert_eq!(text.parse::<Head>(), Ok(head));
    let words: Vec<_> = text.split(' ').collect();
    for place in 0..words.len() {
        let mut missing = words.clone();
        missing.remove(place);
        assert_eq!(
            missing.join(" ").parse::<Head>(),
            Err(InvalidHead),
            "without word {place}"
        );
    }
    assert_eq!(format!("{text} more").parse::<Head>(), Err(InvalidHead));
    let long = format!("{text}{}", " ".repeat(MAX_HEAD_TEXT_BYTES));
    assert_eq!(long.parse::<Head>(), Err(InvalidHead));
}

#[test]
fn pem_of_every_length_is_read_back() {
    for length in 0..200_u8 {
        let bytes: Vec<u8> = (0..length).collect();
        let text = pem::encode("THING", &bytes);
        assert_eq!(pem::decode("THING", &text), Some(bytes), "{text}");
    }
}
