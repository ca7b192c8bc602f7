//! What stands in a masked value's place.
//!
//! Input: how many characters Partial keeps at each end, in two bytes, and a value. Checked: the
//! value may come in pieces; a text stays a text and a number a number; what is promised to be
//! hidden is hidden.

use std::sync::LazyLock;

use portcullis_policy::mask::transform::{
    MAX_GATHERED_BYTES, MaskKey, Masked, REDACTED, Transform, TypeClass,
};

const CLASSES: &[TypeClass] = &[
    TypeClass::Text,
    TypeClass::Number,
    TypeClass::Json,
    TypeClass::Bytes,
    TypeClass::Array,
];

static KEY: LazyLock<MaskKey> =
    LazyLock::new(|| MaskKey::new("masks/key", &[7; 32]).expect("a key of 32 bytes"));

pub fn check(data: &[u8]) {
    let Some(([keep_first, keep_last], value)) = data.split_first_chunk() else {
        return;
    };
    let partial = Transform::Partial {
        keep_first: usize::from(*keep_first),
        keep_last: usize::from(*keep_last),
    };
    let tokenize = Transform::Tokenize { key: KEY.clone() };
    let hash = Transform::Hash { key: KEY.clone() };
    for transform in [
        &partial,
        &tokenize,
        &hash,
        &Transform::Redact,
        &Transform::Nullify,
    ] {
        for class in CLASSES {
            let masked = transform.apply(*class, Some(value));
            assert_eq!(in_pieces(transform, *class, value), masked);
            keeps_its_type(*class, &masked);
            assert_eq!(
                transform.apply(*class, None),
                Masked::Null,
                "NULL stays NULL"
            );
        }
    }
    if let Ok(text) = std::str::from_utf8(value) {
        shows_at_most_half(text, &partial.apply(TypeClass::Text, Some(value)));
        keeps_its_shape(text, &tokenize.apply(TypeClass::Text, Some(value)));
    }
}

fn in_pieces(transform: &Transform, class: TypeClass, value: &[u8]) -> Masked {
    let mut stream = transform.begin(class);
    for piece in value.chunks(3) {
        stream.push(piece);
    }
    stream.finish()
}

fn keeps_its_type(class: TypeClass, masked: &Masked) {
    let Masked::Text(text) = masked else { return };
    match class {
        TypeClass::Text => {}
        TypeClass::Json => {
            serde_json::from_str::<String>(text).expect("a masked document is a JSON string");
        }
        TypeClass::Number => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let plain = digits
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.');
            assert!(plain && !digits.is_empty(), "{text:?} is no number");
        }
        other => panic!("{other:?} carries no text: {text:?}"),
    }
}

fn shows_at_most_half(text: &str, masked: &Masked) {
    let Masked::Text(shown) = masked else { return };
    if shown == REDACTED {
        assert!(
            text.len() > MAX_GATHERED_BYTES || text == REDACTED,
            "only the too long is redacted"
        );
        return;
    }
    let count = text.chars().count();
    assert_eq!(shown.chars().count(), count);
    let hidden = shown.chars().filter(|shown| *shown == '*').count();
    assert!(hidden * 2 >= count, "{shown:?} shows more than half");
}

fn keeps_its_shape(text: &str, masked: &Masked) {
    let Masked::Text(token) = masked else { return };
    if token == REDACTED {
        return;
    }
    assert_eq!(token.chars().count(), text.chars().count());
    for (before, after) in text.chars().zip(token.chars()) {
        let same_kind = match before {
            '0'..='9' => after.is_ascii_digit(),
            'a'..='z' => after.is_ascii_lowercase(),
            'A'..='Z' => after.is_ascii_uppercase(),
            stays if stays.is_ascii() || stays.is_whitespace() => after == stays,
            _ => after.is_ascii_alphanumeric(),
        };
        assert!(same_kind, "{before:?} became {after:?}");
    }
}
