use proptest::prelude::*;

use super::*;

fn key(name: &str) -> MaskKey {
    MaskKey::new(name, format!("{name}-0123456789abcdef").as_bytes()).unwrap()
}

fn partial(keep_first: usize, keep_last: usize) -> Transform {
    Transform::Partial {
        keep_first,
        keep_last,
    }
}

fn text(transform: &Transform, value: &str) -> String {
    match transform.apply(TypeClass::Text, Some(value.as_bytes())) {
        Masked::Text(text) => text,
        Masked::Null => panic!("a text became NULL"),
    }
}

fn all() -> Vec<Transform> {
    vec![
        Transform::Redact,
        Transform::Nullify,
        partial(1, 2),
        Transform::Hash { key: key("k") },
        Transform::Tokenize { key: key("k") },
    ]
}

const CLASSES: [TypeClass; 8] = [
    TypeClass::Text,
    TypeClass::Number,
    TypeClass::Boolean,
    TypeClass::Temporal,
    TypeClass::Bytes,
    TypeClass::Json,
    TypeClass::Array,
    TypeClass::Other,
];

#[test]
fn null_stays_null() {
    for transform in all() {
        for class in CLASSES {
            assert_eq!(
                transform.apply(class, None),
                Masked::Null,
                "{transform:?} {class:?}"
            );
        }
    }
}

#[test]
fn what_cannot_carry_the_replacement_becomes_null() {
    use TypeClass::{Array, Boolean, Bytes, Number, Other, Temporal};
    for transform in all() {
        for class in [Boolean, Temporal, Bytes, Array, Other] {
            let masked = transform.apply(class, Some(b"{1,2}"));
            assert_eq!(masked, Masked::Null, "{transform:?} {class:?}");
        }
        if !matches!(transform, Transform::Tokenize { .. }) {
            assert_eq!(
                transform.apply(Number, Some(b"42")),
                Masked::Null,
                "{transform:?}"
            );
        }
    }
}

#[test]
fn json_stays_json() {
    for transform in all() {
        let masked = transform.apply(TypeClass::Json, Some(br#"{"a": 1}"#));
        let Masked::Text(json) = masked else {
            assert_eq!(transform, Transform::Nullify);
            continue;
        };
        let inner: String = serde_json::from_str(&json).unwrap();
        match transform {
            Transform::Hash { .. } => assert_eq!(inner, text(&transform, r#"{"a": 1}"#)),
            _ => assert_eq!(inner, REDACTED),
        }
    }
}

#[test]
fn partial_keeps_the_ends_and_at_most_half() {
    for (first, last, value, expected) in [
        (0, 4, "4111111111111111", "************1111"),
        (2, 2, "alice@example.com", "al*************om"),
        (1, 0, "alice", "a****"),
        (0, 0, "alice", "*****"),
        (0, 4, "1234", "**34"),
        (4, 4, "123", "**3"),
        (3, 1, "123456", "12***6"),
        (9, 9, "ab", "*b"),
        (1, 1, "a", "*"),
        (1, 1, "", ""),
        (usize::MAX, usize::MAX, "abcdef", "***def"),
        (usize::MAX, 0, "abcdef", "abc***"),
        (2, 0, "žluťoučký", "žl*******"),
        (0, 1, "日本語", "**語"),
    ] {
        assert_eq!(text(&partial(first, last), value), expected, "{value}");
    }
}

#[test]
fn what_is_not_utf8_or_too_long_is_redacted() {
    let tokenize = Transform::Tokenize { key: key("k") };
    for transform in [partial(1, 1), tokenize.clone()] {
        let masked = transform.apply(TypeClass::Text, Some(b"abc\xffdef"));
        assert_eq!(masked, Masked::Text(REDACTED.into()));
        assert_eq!(
            text(&transform, &"a".repeat(MAX_GATHERED_BYTES)).len(),
            MAX_GATHERED_BYTES
        );
        assert_eq!(
            text(&transform, &"a".repeat(MAX_GATHERED_BYTES + 1)),
            REDACTED
        );
    }
    let long = "1".repeat(MAX_GATHERED_BYTES + 1);
    assert_eq!(
        tokenize.apply(TypeClass::Number, Some(long.as_bytes())),
        Masked::Null
    );
}

#[test]
fn hash_is_hmac_sha_256_in_hex() {
    // RFC 4231, test case 6 (a key of 131 bytes) and 3.
    for (secret, value, expected) in [
        (
            vec![0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (
            vec![0xaa; 20],
            vec![0xdd; 50],
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        ),
    ] {
        let transform = Transform::Hash {
            key: MaskKey::new("k", &secret).unwrap(),
        };
        let masked = transform.apply(TypeClass::Text, Some(&value));
        assert_eq!(masked, Masked::Text(expected.into()));
    }
}

#[test]
fn keys_have_a_least_and_a_greatest_length() {
    assert_eq!(
        MaskKey::new("k", &[7; MIN_KEY_BYTES - 1]),
        Err(InvalidKey::TooShort(15))
    );
    assert!(MaskKey::new("k", &[7; MIN_KEY_BYTES]).is_ok());
    assert!(MaskKey::new("k", &[7; MAX_KEY_BYTES]).is_ok());
    assert_eq!(
        MaskKey::new("k", &[7; MAX_KEY_BYTES + 1]),
        Err(InvalidKey::TooLong(4097))
    );
}

#[test]
fn keys_are_equal_by_secret_and_never_printed() {
    let secret = b"a secret of enough bytes";
    let [a, b] = ["a", "b"].map(|name| MaskKey::new(name, secret).unwrap());
    assert_eq!(a, b);
    assert_ne!(a, key("a"));
    assert_eq!(a.reference(), "a");
    assert_eq!(format!("{a:?}"), r#"MaskKey { reference: "a", .. }"#);
}

#[test]
fn tokens_keep_the_shape() {
    let transform = Transform::Tokenize { key: key("k") };
    for value in [
        "123-45-6789",
        "Alice.Smith+x@Example.org",
        "4111 1111 1111 1111",
        "A1b2-C3",
    ] {
        let token = text(&transform, value);
        assert_ne!(token, value);
        assert_eq!(shape(&token), shape(value), "{value} {token}");
    }
    let token = text(&transform, "Žluťoučký 日本 ٣é");
    assert_eq!(shape(&token), "Aaaaaaaaa aa 0a", "{token}");
}

#[test]
fn tokens_depend_on_key_and_whole_value() {
    let [a, b] = ["a", "b"].map(|name| Transform::Tokenize { key: key(name) });
    assert_eq!(text(&a, "123-45-6789"), text(&a.clone(), "123-45-6789"));
    assert_ne!(text(&a, "123-45-6789"), text(&b, "123-45-6789"));
    let [one, other] = ["123-45-6789", "123-45-6780"].map(|value| text(&a, value));
    let same = one
        .chars()
        .zip(other.chars())
        .filter(|(a, b)| a == b)
        .count();
    assert!(
        same < 7,
        "only the last digit differs, yet {one} is like {other}"
    );
}

#[test]
fn tokens_do_not_change_between_releases() {
    let transform = Transform::Tokenize {
        key: MaskKey::new("k", &[7; 32]).unwrap(),
    };
    assert_eq!(text(&transform, "123-45-6789"), "887-24-8260");
    let long = text(&transform, &"x9".repeat(100));
    assert!(long.ends_with("t7x3x1v4e1d6"), "{long}");
}

#[test]
fn a_value_that_its_token_would_hardly_hide_is_redacted() {
    let transform = Transform::Tokenize { key: key("k") };
    for value in ["---", "::1", " ", "(?)-a", "!"] {
        assert_eq!(text(&transform, value), REDACTED, "{value}");
    }
    for value in ["a-", "1.1.1.1", "fe80::1", "😀"] {
        assert_ne!(text(&transform, value), REDACTED, "{value}");
    }
    assert_eq!(text(&transform, ""), "");
}

#[test]
fn the_token_of_a_number_is_a_number_of_as_many_digits() {
    let transform = Transform::Tokenize { key: key("k") };
    for value in ["0", "7", "-7", "42", "-123.45", "0.5", "007", "99999999.01"] {
        let Masked::Text(token) = transform.apply(TypeClass::Number, Some(value.as_bytes())) else {
            panic!("{value} became NULL");
        };
        assert_eq!(shape(&token), shape(value), "{value} {token}");
        let whole = |text: &str| {
            text.trim_start_matches('-')
                .split('.')
                .next()
                .unwrap()
                .to_owned()
        };
        if whole(value).len() > 1 {
            assert_eq!(
                whole(&token).starts_with('0'),
                whole(value).starts_with('0'),
                "{token}"
            );
        }
    }
    for value in [
        "", "-", "1e9", "NaN", "Infinity", "1.", ".5", "+1", "1,000", "0x1f", " 1", "٣",
    ] {
        let masked = transform.apply(TypeClass::Number, Some(value.as_bytes()));
        assert_eq!(masked, Masked::Null, "{value}");
    }
}

#[test]
fn the_token_of_a_machine_integer_fits_its_type() {
    for seed in 0..300u64 {
        let key = MaskKey::new("k", &[u8::try_from(seed % 251).unwrap(); 16]).unwrap();
        let transform = Transform::Tokenize { key };
        let token = |value: String| match transform.apply(TypeClass::Number, Some(value.as_bytes()))
        {
            Masked::Text(token) => token,
            Masked::Null => panic!("{value} became NULL"),
        };
        assert!(
            token((i16::MAX - i16::try_from(seed).unwrap()).to_string())
                .parse::<i16>()
                .is_ok()
        );
        assert!(
            token((i32::MIN + i32::try_from(seed).unwrap()).to_string())
                .parse::<i32>()
                .is_ok()
        );
        assert!(
            token((i64::MAX - i64::try_from(seed).unwrap()).to_string())
                .parse::<i64>()
                .is_ok()
        );
        assert!(token((u64::MAX - seed).to_string()).parse::<u64>().is_ok());
    }
}

#[test]
fn the_characters_of_tokens_are_spread_evenly() {
    let transform = Transform::Tokenize { key: key("k") };
    let mut counts = [0u32; 10];
    for i in 0..2000 {
        for digit in text(&transform, &format!("{i:05}")).bytes() {
            counts[usize::from(digit - b'0')] += 1;
        }
    }
    // 10,000 digits: 1,000 of each, five standard deviations are 150.
    assert!(
        counts.iter().all(|count| (850..1150).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn the_placeholder_is_known_again() {
    for value in [
        "[redacted]",
        "x = '[redacted]'",
        "[[redacted]]",
        r#"{"a":"[redacted]"}"#,
    ] {
        assert!(carries_placeholder(value.as_bytes()), "{value}");
    }
    for value in [
        "",
        "redacted",
        "[redacted",
        "[REDACTED]",
        "[ redacted ]",
        "****1111",
    ] {
        assert!(!carries_placeholder(value.as_bytes()), "{value}");
    }
}

#[test]
fn the_strictest_of_several_wins() {
    let [h1, h2] = ["1", "2"].map(|name| Transform::Hash { key: key(name) });
    let [t1, t2] = ["1", "2"].map(|name| Transform::Tokenize { key: key(name) });
    let [p1, p2] = [partial(4, 0), partial(1, 3)];
    let (redact, nullify) = (Transform::Redact, Transform::Nullify);
    for (transforms, expected) in [
        (vec![], None),
        (vec![&p1], Some(&p1)),
        (vec![&p1, &p2], Some(&partial(1, 0))),
        (vec![&p1, &t1], Some(&t1)),
        (vec![&h1, &t1], Some(&h1)),
        (vec![&h1, &t2], Some(&h1)),
        (vec![&h1, &h1], Some(&h1)),
        (vec![&h1, &h2], Some(&redact)),
        (vec![&t1, &t2], Some(&redact)),
        (vec![&t1, &t2, &h1], Some(&redact)),
        (vec![&redact, &h1], Some(&redact)),
        (vec![&redact, &nullify, &h1, &h2], Some(&nullify)),
    ] {
        let union: Union = transforms.iter().copied().collect();
        assert_eq!(union.effective().as_ref(), expected, "{transforms:?}");
    }
}

fn shape(text: &str) -> String {
    let class = |c: char| match c {
        '0'..='9' => '0',
        'a'..='z' => 'a',
        'A'..='Z' => 'A',
        other => other,
    };
    text.chars().map(class).collect()
}

fn some_transform() -> impl Strategy<Value = Transform> {
    prop_oneof![
        Just(Transform::Redact),
        Just(Transform::Nullify),
        (0usize..6, 0usize..6).prop_map(|(first, last)| partial(first, last)),
        "[12]".prop_map(|name| Transform::Hash { key: key(&name) }),
        "[12]".prop_map(|name| Transform::Tokenize { key: key(&name) }),
    ]
}

fn rank(transform: &Option<Transform>) -> u8 {
    match transform {
        None => 0,
        Some(Transform::Partial { .. }) => 1,
        Some(Transform::Tokenize { .. }) => 2,
        Some(Transform::Hash { .. }) => 3,
        Some(Transform::Redact) => 4,
        Some(Transform::Nullify) => 5,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(300)))]

    #[test]
    fn union_knows_no_order_and_never_loosens(
        transforms in prop::collection::vec(some_transform(), 0..6),
        shuffled in any::<prop::sample::Index>(),
        added in some_transform(),
    ) {
        let union: Union = transforms.iter().collect();
        let mut other = transforms.clone();
        other.reverse();
        if !other.is_empty() {
            let by = shuffled.index(other.len());
            other.rotate_left(by);
        }
        let again: Union = other.iter().collect();
        prop_assert_eq!(union.effective(), again.effective());
        let mut more = union.clone();
        more.add(&added);
        prop_assert!(rank(&more.effective()) >= rank(&union.effective()));
        more.add(&added);
        let twice = more.effective();
        more.add(&added);
        prop_assert_eq!(twice, more.effective());
    }

    #[test]
    fn a_value_in_pieces_is_masked_like_the_whole(
        value in prop::collection::vec(any::<u8>(), 0..200),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        transform in some_transform(),
    ) {
        for class in CLASSES {
            let mut stream = transform.begin(class);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(value.len() + 1)).collect();
            cuts.push(0);
            cuts.push(value.len());
            cuts.sort_unstable();
            cuts.windows(2).for_each(|span| stream.push(&value[span[0]..span[1]]));
            prop_assert_eq!(stream.finish(), transform.apply(class, Some(&value)));
        }
    }

    #[test]
    fn partial_never_shows_more_than_half(value in "\\PC{0,12}", first in 0usize..20, last in 0usize..20) {
        let masked = text(&partial(first, last), &value);
        let count = value.chars().count();
        prop_assert_eq!(masked.chars().count(), count);
        // Where the value itself has stars they may be shown ones.
        let hidden = masked.chars().zip(value.chars()).filter(|(m, v)| *m == '*' && *v != '*').count();
        let stars = value.chars().filter(|c| *c == '*').count();
        prop_assert!(hidden + stars >= count - count / 2);
    }

    #[test]
    fn the_token_of_an_ascii_text_has_its_shape(value in "[ -~]{0,60}") {
        let token = text(&Transform::Tokenize { key: key("k") }, &value);
        if token != REDACTED {
            prop_assert_eq!(shape(&token), shape(&value));
        }
    }
}
