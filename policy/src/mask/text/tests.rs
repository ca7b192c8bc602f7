use proptest::prelude::*;

use super::*;
use crate::mask::transform::MaskKey;

const CARD: &str = "4111111111111111";

fn kind(kind: DetectorKind, transform: Transform) -> (Finder, Transform) {
    (Finder::Kind(kind), transform)
}

fn pattern(regex: &str, transform: Transform) -> (Finder, Transform) {
    (
        Finder::Pattern(CustomPattern::parse("mine", regex, None).unwrap()),
        transform,
    )
}

fn partial(keep_first: usize, keep_last: usize) -> Transform {
    Transform::Partial {
        keep_first,
        keep_last,
    }
}

fn key(name: u8) -> MaskKey {
    MaskKey::new("k", &[name; 16]).unwrap()
}

fn compile(finders: &[(Finder, Transform)]) -> TextMask {
    TextMask::compile(finders).unwrap().unwrap()
}

fn mask(finders: &[(Finder, Transform)], text: &str) -> String {
    let masked = compile(finders).mask(text.as_bytes());
    String::from_utf8(masked.unwrap_or_else(|| text.into())).unwrap()
}

fn pieces(mask: &TextMask, pieces: &[&[u8]]) -> (Vec<u8>, u64) {
    let mut masker = mask.begin();
    let mut out = Vec::new();
    pieces.iter().for_each(|piece| masker.push(piece, &mut out));
    masker.finish(&mut out);
    (out, masker.finds())
}

#[test]
fn finds_are_replaced_and_the_rest_stays() {
    let redact = [kind(DetectorKind::CreditCard, Transform::Redact)];
    let text = format!("pay {CARD}, or 4111-1111-1111-1111; not 4111111111111112");
    assert_eq!(
        mask(&redact, &text),
        "pay [redacted], or [redacted]; not 4111111111111112"
    );
    assert_eq!(compile(&redact).mask(b"nothing to see: 1234"), None);
    assert_eq!(compile(&redact).mask(b""), None);
}

#[test]
fn each_transform_has_its_find() {
    for (transform, expected) in [
        (Transform::Redact, "card [redacted]!"),
        // A find stands within a text, so it cannot be NULL.
        (Transform::Nullify, "card [redacted]!"),
        (partial(0, 4), "card ************1111!"),
    ] {
        let finders = [kind(DetectorKind::CreditCard, transform)];
        assert_eq!(mask(&finders, &format!("card {CARD}!")), expected);
    }
    let token = [kind(
        DetectorKind::CreditCard,
        Transform::Tokenize { key: key(1) },
    )];
    let masked = mask(&token, &format!("card {CARD}!"));
    assert_eq!(masked.len(), "card !".len() + 16);
    assert!(!masked.contains(CARD));
    let hash = [kind(
        DetectorKind::CreditCard,
        Transform::Hash { key: key(1) },
    )];
    assert_eq!(
        mask(&hash, &format!("card {CARD}!")).len(),
        "card !".len() + 64
    );
}

#[test]
fn where_two_find_the_same_bytes_the_stricter_has_them() {
    let card = kind(DetectorKind::CreditCard, partial(0, 4));
    let digits = pattern(r"\b\d{16}\b", Transform::Redact);
    let within = pattern("11111", Transform::Redact);
    for finders in [[card.clone(), digits.clone()], [digits, card.clone()]] {
        assert_eq!(mask(&finders, &format!("a {CARD} b")), "a [redacted] b");
    }
    // What the stricter one leaves is no card any more.
    for finders in [[card.clone(), within.clone()], [within, card]] {
        assert_eq!(mask(&finders, CARD), "4[redacted][redacted][redacted]");
    }
}

#[test]
fn two_rules_for_one_detector_come_to_the_stricter() {
    let email = |transform| kind(DetectorKind::Email, transform);
    let finders = [email(partial(3, 0)), email(Transform::Redact)];
    assert_eq!(mask(&finders, "to ann@example.com"), "to [redacted]");
    let finders = [email(partial(3, 0)), email(partial(1, 9))];
    assert_eq!(mask(&finders, "to ann@example.com"), "to a**************");
}

#[test]
fn all_partials_come_to_the_smallest() {
    let card = kind(DetectorKind::CreditCard, partial(4, 0));
    let email = kind(DetectorKind::Email, partial(1, 1));
    for finders in [[card.clone(), email.clone()], [email, card]] {
        assert_eq!(
            mask(&finders, &format!("{CARD} ann@example.com")),
            "4*************** a**************"
        );
    }
}

#[test]
fn patterns_of_one_name_are_told_apart() {
    let finders = [
        pattern("EMP-[0-9]{4}", Transform::Redact),
        pattern("ORD-[0-9]{4}", partial(4, 0)),
    ];
    assert_eq!(mask(&finders, "EMP-1234 ORD-1234"), "[redacted] ORD-****");
    let finders = [
        pattern("EMP-[0-9]{4}", partial(4, 0)),
        pattern("EMP-[0-9]{4}", Transform::Redact),
    ];
    assert_eq!(mask(&finders, "EMP-1234"), "[redacted]");
}

#[test]
fn a_find_takes_whole_characters() {
    // `.` is one byte: half of `é`.
    let finders = [pattern("x.", Transform::Redact)];
    assert_eq!(mask(&finders, "axéb"), "a[redacted]b");
    let finders = [pattern(r"\xa9b", Transform::Redact)];
    assert_eq!(mask(&finders, "aéb"), "a[redacted]");
}

#[test]
fn bytes_that_are_no_text_pass_around_finds() {
    let finders = [kind(DetectorKind::CreditCard, Transform::Redact)];
    let text = [b"\xff\xc3 ", CARD.as_bytes(), b" \xc3"].concat();
    assert_eq!(
        compile(&finders).mask(&text).unwrap(),
        b"\xff\xc3 [redacted] \xc3"
    );
}

#[test]
fn the_number_of_transforms_is_bounded() {
    let finders = |count: u8| -> Vec<_> {
        let one = |name| pattern(&format!("secret{name}"), Transform::Hash { key: key(name) });
        (1..=count).map(one).collect()
    };
    assert!(TextMask::compile(&finders(8)).is_ok());
    assert_eq!(
        TextMask::compile(&finders(9)).unwrap_err(),
        InvalidTextMask::TooManyTransforms(9)
    );
    assert!(TextMask::compile(&[]).unwrap().is_none());
}

/// Two keys on one detector redact, so that all of these come to one stage; but each is also for
/// another subject to have alone.
#[test]
fn transforms_that_cancel_each_other_are_counted_too() {
    let one = |name: u8, key_name| {
        let key = key(key_name);
        pattern(&format!("secret{name}"), Transform::Hash { key })
    };
    let both: Vec<_> = (1..=9).flat_map(|n| [one(n, n), one(n, 100)]).collect();
    let error = TextMask::compile(&both).unwrap_err();
    assert_eq!(error, InvalidTextMask::TooManyTransforms(10));
    let fewer: Vec<_> = (1..=7).flat_map(|n| [one(n, n), one(n, 100)]).collect();
    assert!(TextMask::compile(&fewer).is_ok());
}

#[test]
fn all_that_find_something_are_told() {
    let mask = compile(&[
        kind(DetectorKind::CreditCard, Transform::Redact),
        kind(DetectorKind::Email, partial(1, 1)),
    ]);
    assert_eq!(mask.found(b"nothing").effective(), None);
    assert_eq!(
        mask.found(b"ann@example.com").effective(),
        Some(partial(1, 1))
    );
    let both = format!("ann@example.com {CARD}");
    assert_eq!(
        mask.found(both.as_bytes()).effective(),
        Some(Transform::Redact)
    );
}

#[test]
fn one_masker_takes_one_text_after_the_other() {
    let mask = compile(&[kind(DetectorKind::CreditCard, Transform::Redact)]);
    let mut masker = mask.begin();
    let mut out = Vec::new();
    for text in ["41111111", "11111111", CARD, "\u{e9}"] {
        masker.push(text.as_bytes(), &mut out);
        masker.finish(&mut out);
    }
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "4111111111111111[redacted]\u{e9}"
    );
    assert_eq!(masker.finds(), 1);
}

fn some_text() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just(CARD.as_bytes().to_vec()),
        Just("4111 1111 1111 1111".into()),
        Just(b"ann@example.com".to_vec()),
        Just("é日😀".into()),
        Just(b"\xff\xc3".to_vec()),
        Just(b"x".to_vec()),
        "[a-z ,:=\"]{0,12}".prop_map(Vec::from),
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(300)))]

    #[test]
    fn chunks_do_not_change_what_is_masked(
        text in some_text(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
    ) {
        let mask = compile(&[
            kind(DetectorKind::CreditCard, partial(0, 4)),
            kind(DetectorKind::Email, Transform::Redact),
            pattern("x.", Transform::Tokenize { key: key(1) }),
        ]);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let parts: Vec<&[u8]> = cuts.windows(2).map(|span| &text[span[0]..span[1]]).collect();
        let (out, finds) = pieces(&mask, &parts);
        let whole = mask.mask(&text);
        prop_assert_eq!(whole.is_some(), finds > 0);
        prop_assert_eq!(&out, &whole.unwrap_or_else(|| text.clone()));
        if std::str::from_utf8(&text).is_ok() {
            prop_assert!(std::str::from_utf8(&out).is_ok());
        }
    }

    #[test]
    fn the_order_of_finders_does_not_matter(text in some_text(), by in 0usize..4) {
        let mut finders = vec![
            kind(DetectorKind::CreditCard, partial(0, 4)),
            kind(DetectorKind::Email, Transform::Hash { key: key(1) }),
            kind(DetectorKind::Email, Transform::Hash { key: key(2) }),
            pattern("1111", Transform::Tokenize { key: key(1) }),
        ];
        let whole = compile(&finders).mask(&text);
        finders.rotate_left(by);
        prop_assert_eq!(compile(&finders).mask(&text), whole);
    }
}
