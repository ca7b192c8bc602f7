//! Detectors and numbers.

use super::*;

#[test]
fn a_number_is_masked_where_it_is_a_cards() {
    let number = |transform: Transform, kind: DetectorKind, number: &str| {
        let rule = MaskRule {
            detectors: vec![kind],
            ..rule("detect", transform)
        };
        let mask = set(&[rule]).text();
        assert_eq!(
            mask.passes(TypeClass::Number),
            kind != DetectorKind::CreditCard
        );
        mask.mask(TypeClass::Number, Some(number.as_bytes()))
            .unwrap()
    };
    let null = Outcome::Value(Masked::Null);
    let card = DetectorKind::CreditCard;
    for same in [
        CARD,
        "4111111111111111.00",
        "4.111111111111111e+15",
        "411111111111111.1E1",
    ] {
        assert_eq!(number(Transform::Redact, card, same), null, "{same}");
    }
    assert_eq!(number(partial(0, 4), card, CARD), null);
    let key = crate::mask::MaskKey::new("k", &[7; 16]).unwrap();
    let Outcome::Value(Masked::Text(token)) = number(Transform::Tokenize { key }, card, CARD)
    else {
        panic!("a token of a number is one");
    };
    assert!(token.len() == 16 && token != CARD, "{token}");
    for other in [
        "4111111111111112",
        "-4111111111111111",
        "0.4111111111111111",
        "4111111111111111.5",
        "4111111111111111e1",
        "4111111111111111e99999999999999999999",
        "4111111111111111e18446744073709551615",
        "41111111111111110000000000000000000000",
        "1732147200000",
        "NaN",
        "e",
        "",
        ".",
    ] {
        assert_eq!(
            number(Transform::Redact, card, other),
            Outcome::Unchanged,
            "{other}"
        );
    }
    // A phone in a text, and any number of that length in a column.
    let phone = number(Transform::Redact, DetectorKind::Phone, "14155552671");
    assert_eq!(phone, Outcome::Unchanged);
}

#[test]
fn a_json_number_is_masked_where_it_is_a_cards() {
    let json = |document: &str| {
        let mask = set(&[detect(Transform::Redact)]).text();
        mask.mask(TypeClass::Json, Some(document.as_bytes()))
    };
    assert_eq!(
        json(r#"{"id": 1732147200000, "cards": [4111111111111111, 4111111111111112]}"#),
        text(r#"{"id": 1732147200000, "cards": [null, 4111111111111112]}"#)
    );
    assert_eq!(json(CARD), text("null"));
    assert_eq!(json(r#"{"n": 4111111111111110}"#), Ok(Outcome::Unchanged));
}
