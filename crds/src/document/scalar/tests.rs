use super::*;

#[test]
fn words_that_all_readers_agree_on_are_read() {
    for (word, meaning) in [
        ("", Scalar::Null),
        ("~", Scalar::Null),
        ("null", Scalar::Null),
        ("true", Scalar::Bool(true)),
        ("False", Scalar::Bool(false)),
        ("0", Scalar::Int(0)),
        ("-7", Scalar::Int(-7)),
        ("9223372036854775807", Scalar::Int(i64::MAX)),
        ("1.5", Scalar::Float(1.5)),
        ("-0.25", Scalar::Float(-0.25)),
    ] {
        assert_eq!(resolve(word), Ok(meaning), "{word:?}");
    }
    for word in [
        "5m",
        "10Gi",
        "1h30m",
        "10.0.0.1",
        "2026-11-20",
        "2026-11-20T10:00:00Z",
        "sha256:00",
        "-",
        "a:b",
        "1a",
        "_1",
        "-_",
        "e3",
        "-x",
        "nope",
        "yesterday",
        "None",
        "trueish",
        "1.2.3",
        "0xg",
        "1,000",
        "12:30 h",
        "::1",
        "/",
        "k8s:-/apps",
        "+",
        ".",
        "..",
        "1e",
        "+1-555",
        "infinity",
        "nan",
    ] {
        assert_eq!(resolve(word), Ok(Scalar::Text(word.to_owned())), "{word:?}");
    }
}

#[test]
fn words_that_readers_disagree_on_are_refused() {
    for word in [
        "yes",
        "No",
        "ON",
        "off",
        "y",
        "N",
        "010",
        "-010",
        "0o7",
        "0x1F",
        "0b1",
        "1_000",
        "-_1",
        "+_1.5",
        "-._5",
        "1_",
        "1e3",
        "1E-3",
        "5.",
        ".5",
        "+5",
        "+1.5",
        "1.5e3",
        "12:30",
        "12:30:45",
        "190:20:30.15",
        ".inf",
        "-.inf",
        ".NaN",
        "00",
        "1.0000000000000001",
        "-.5",
        "0O7",
        "08",
    ] {
        assert!(resolve(word).is_err(), "{word:?} is {:?}", resolve(word));
    }
    assert_eq!(resolve("no"), Err(TRUTH_FOR_SOME));
    assert_eq!(resolve("010"), Err(DISPUTED_NUMBER));
}

#[test]
fn numbers_beyond_64_bits_are_refused() {
    assert_eq!(resolve("9223372036854775808"), Err(TOO_LARGE));
    assert_eq!(resolve(&"9".repeat(1000)), Err(TOO_LARGE));
    // A decimal beyond all bounds would be infinite.
    assert_eq!(
        resolve(&format!("{}.5", "9".repeat(400))),
        Err(DISPUTED_NUMBER)
    );
}

#[test]
fn long_and_odd_texts_are_shown_short_and_escaped() {
    assert_eq!(shown("a\"b\u{1b}[31m\n"), "\"a\\\"b\\u{1b}[31m\\n\"");
    assert_eq!(shown(&"é".repeat(60)), format!("{:?}", "é".repeat(60)));
    assert_eq!(shown(&"é".repeat(61)), format!("{:?}…", "é".repeat(60)));
    // Signs that turn the direction of writing are escaped as well.
    assert!(!shown("a\u{202e}b").contains('\u{202e}'));
}
