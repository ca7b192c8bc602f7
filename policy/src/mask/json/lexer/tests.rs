use super::*;

/// A piece, and how it was written.
type Shown = (String, Vec<u8>);

fn pieces(chunks: &[&[u8]]) -> Result<Vec<Shown>, InvalidJson> {
    let mut lexer = Lexer::default();
    let mut pieces = Vec::new();
    for chunk in chunks {
        let mut rest = *chunk;
        while let Some(step) = lexer.step(rest)? {
            pieces.push((format!("{:?}", step.piece), step.raw.to_vec()));
            rest = &rest[step.used..];
        }
    }
    if let Some(step) = lexer.finish()? {
        pieces.push((format!("{:?}", step.piece), step.raw.to_vec()));
    }
    Ok(pieces)
}

/// The same for any cut into two, but for where texts are cut.
fn refusal(document: &[u8]) -> InvalidJson {
    let whole = pieces(&[document]).expect_err("accepted");
    for cut in 0..document.len() {
        let (a, b) = document.split_at(cut);
        let split = pieces(&[a, b]).expect_err("accepted when cut");
        assert_eq!(
            std::mem::discriminant(&split),
            std::mem::discriminant(&whole),
            "{split}"
        );
    }
    whole
}

#[test]
fn numbers_are_json_numbers() {
    for number in [
        "0",
        "-0",
        "7",
        "10",
        "1.5",
        "-0.25",
        "1e9",
        "1E+9",
        "1.0e-10",
        "123456789012345678901234567890",
    ] {
        assert_eq!(scalar(number.as_bytes()), Some(Scalar::Number), "{number}");
    }
    for other in [
        "", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "1.e1", "0x1", "1_0", "Infinity",
        "NaN", "True", "nul", "1-1", "1.2.3",
    ] {
        assert_eq!(scalar(other.as_bytes()), None, "{other}");
    }
}

#[test]
fn split_pieces_are_handed_out_whole() {
    let document = r#"{"aé\ud83d\ude00\n":[-1.5e3,true,null]}"#.as_bytes();
    let whole = pieces(&[document]).unwrap();
    for cut in 0..document.len() {
        let (a, b) = document.split_at(cut);
        let split = pieces(&[a, b]).unwrap();
        let raw: Vec<u8> = split.iter().flat_map(|(_, raw)| raw.clone()).collect();
        assert_eq!(raw, document);
        let without_text = |pieces: &[Shown]| -> Vec<String> {
            pieces
                .iter()
                .map(|p| p.0.clone())
                .filter(|p| !p.starts_with("Text"))
                .collect()
        };
        assert_eq!(without_text(&split), without_text(&whole));
    }
    let bytes: Vec<&[u8]> = document.chunks(1).collect();
    assert!(
        pieces(&bytes)
            .unwrap()
            .iter()
            .any(|(piece, _)| piece == "Escape('😀')")
    );
}

#[test]
fn what_is_not_utf8_is_named() {
    for string in [
        &b"\"\xff\""[..],
        b"\"a\xc3\"",
        b"\"\xc3(\"",
        b"\"\xed\xa0\x80\"",
        b"\"\xc0\x80\"",
        b"\"\xf5\x80\x80\x80\"",
    ] {
        assert!(
            matches!(refusal(string), InvalidJson::NotUtf8(_)),
            "{string:?}"
        );
    }
    assert_eq!(refusal(b"\xef\xbb\xbf{}"), InvalidJson::ByteOrderMark);
    for wide in [
        &b"\xff\xfe{\0}\0"[..],
        b"\xfe\xff\0{\0}",
        b"\0{\0}",
        b"{\0}\0",
        b"{\0\0\0}\0\0\0",
    ] {
        assert!(
            matches!(refusal(wide), InvalidJson::WideEncoding(_)),
            "{wide:?}"
        );
    }
}

#[test]
fn broken_escapes_are_named() {
    for string in [
        r#""\x""#,
        r#""\u12g4""#,
        r#""\u 123""#,
        r#""\U0041""#,
        r#""\u12""#,
    ] {
        assert!(
            matches!(refusal(string.as_bytes()), InvalidJson::InvalidEscape(_)),
            "{string}"
        );
    }
    for string in [
        r#""\ud83d""#,
        r#""\ud83dx""#,
        r#""\ud83d\n""#,
        r#""\ude00""#,
        r#""\ud83d\ud83d""#,
    ] {
        assert!(
            matches!(refusal(string.as_bytes()), InvalidJson::LoneSurrogate(_)),
            "{string}"
        );
    }
    assert!(matches!(
        refusal(b"\"a\nb\""),
        InvalidJson::ControlCharacter(_)
    ));
    assert!(pieces(&["\"\u{7f}\u{85}\u{2028}\"".as_bytes()]).is_ok());
}

#[test]
fn scalars_are_held_up_to_their_limit() {
    let number = |digits: usize| "1".repeat(digits).into_bytes();
    assert_eq!(pieces(&[&number(MAX_SCALAR_BYTES)]).unwrap().len(), 1);
    assert!(matches!(
        pieces(&[&number(MAX_SCALAR_BYTES + 1)]),
        Err(InvalidJson::ScalarTooLong(_))
    ));
    let long = number(MAX_SCALAR_BYTES + 1);
    let bytes: Vec<&[u8]> = long.chunks(7).collect();
    assert!(matches!(pieces(&bytes), Err(InvalidJson::ScalarTooLong(_))));
}

#[test]
fn a_string_that_does_not_end_is_named() {
    for string in ["\"", "\"abc", "\"abc\\", "\"\\u00", "\"é\\\""] {
        assert_eq!(
            pieces(&[string.as_bytes()]),
            Err(InvalidJson::Truncated),
            "{string}"
        );
    }
}
