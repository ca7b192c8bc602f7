use super::*;
use crate::mask::transform::{MAX_GATHERED_BYTES, MaskKey, Transform};

fn plan(paths: &[(&str, Transform)]) -> Arc<JsonPlan> {
    let paths: Vec<_> = paths
        .iter()
        .map(|(p, t)| (JsonPath::parse(p).unwrap(), t))
        .collect();
    Arc::new(JsonPlan::compile(paths.iter().map(|(p, t)| (p, *t))).unwrap())
}

fn run(
    plan: &Arc<JsonPlan>,
    documents: Documents,
    chunks: &[&[u8]],
) -> Result<(String, u64), InvalidJson> {
    let mut masker = JsonMasker::new(plan.clone(), documents);
    let mut out = Vec::new();
    for chunk in chunks {
        masker.push(chunk, &mut out)?;
    }
    let masked = masker.finish(&mut out)?;
    Ok((String::from_utf8(out).unwrap(), masked))
}

/// The answer, which must be the same for the whole, for single bytes and for any cut into two.
fn mask(paths: &[(&str, Transform)], document: &str) -> String {
    let plan = plan(paths);
    let many = Documents::Many;
    let (whole, masked) = run(&plan, many, &[document.as_bytes()]).unwrap();
    let bytes: Vec<&[u8]> = document.as_bytes().chunks(1).collect();
    assert_eq!(run(&plan, many, &bytes).unwrap(), (whole.clone(), masked));
    for cut in 0..document.len() {
        let (a, b) = document.as_bytes().split_at(cut);
        assert_eq!(
            run(&plan, many, &[a, b]).unwrap(),
            (whole.clone(), masked),
            "cut at {cut}"
        );
    }
    whole
}

fn refusal(document: &[u8]) -> InvalidJson {
    let plan = plan(&[("$.ssn", Transform::Redact)]);
    run(&plan, Documents::One, &[document]).expect_err("accepted")
}

fn key() -> MaskKey {
    MaskKey::new("k", &[7; 32]).unwrap()
}

fn redact(path: &str) -> [(&str, Transform); 1] {
    [(path, Transform::Redact)]
}

#[test]
fn each_type_is_replaced_by_its_own() {
    let document = r#"{"a":"text","b":12.5,"c":true,"d":null,"e":{"f":1},"g":[1,"x"]}"#;
    for (transform, expected) in [
        (
            Transform::Redact,
            r#"{"a":"[redacted]","b":null,"c":null,"d":null,"e":null,"g":null}"#,
        ),
        (
            Transform::Nullify,
            r#"{"a":null,"b":null,"c":null,"d":null,"e":null,"g":null}"#,
        ),
        (
            Transform::Partial {
                keep_first: 1,
                keep_last: 1,
            },
            r#"{"a":"t**t","b":null,"c":null,"d":null,"e":null,"g":null}"#,
        ),
    ] {
        assert_eq!(mask(&[("$.*", transform)], document), expected);
    }
    let hashed = mask(&[("$.*", Transform::Hash { key: key() })], document);
    assert!(
        hashed.starts_with(r#"{"a":""#)
            && hashed.ends_with(r#"","b":null,"c":null,"d":null,"e":null,"g":null}"#)
    );
    let token = mask(&[("$.*", Transform::Tokenize { key: key() })], document);
    let token: serde_json::Value = serde_json::from_str(&token).unwrap();
    assert_eq!(token["a"].as_str().unwrap().len(), 4);
    assert!(
        token["b"]
            .as_f64()
            .is_some_and(|number| (10.0..100.0).contains(&number)),
        "{token}"
    );
    assert!(token["e"].is_null() && token["g"].is_null());
}

#[test]
fn names_are_compared_after_their_escapes() {
    for name in [
        r#""ssn""#,
        r#""s\u0073n""#,
        r#""\u0073\u0073\u006e""#,
        r#""s\u0073\u006E""#,
    ] {
        let document = format!(r#"{{{name}:"123-45-6789"}}"#);
        let expected = format!(r#"{{{name}:"[redacted]"}}"#);
        assert_eq!(mask(&redact("$.ssn"), &document), expected);
    }
    for name in [r#""SSN""#, r#""ssn ""#, r#""ssn\u0000""#, r#""\\u0073sn""#] {
        let document = format!(r#"{{{name}:"123-45-6789"}}"#);
        assert_eq!(mask(&redact("$.ssn"), &document), document);
    }
    assert_eq!(
        mask(&redact("$['a/\"b']"), r#"{"a\/\"b":"x"}"#),
        r#"{"a\/\"b":"[redacted]"}"#
    );
    assert_eq!(
        mask(&redact("$['😀']"), r#"{"\ud83d\ude00":"x"}"#),
        r#"{"\ud83d\ude00":"[redacted]"}"#
    );
}

#[test]
fn every_duplicate_is_masked() {
    assert_eq!(
        mask(
            &redact("$.ssn"),
            r#"{"ssn":"1","ssn":{"ssn":"2"},"s\u0073n":"3","x":1}"#
        ),
        r#"{"ssn":"[redacted]","ssn":null,"s\u0073n":"[redacted]","x":1}"#
    );
}

#[test]
fn paths_reach_where_they_say() {
    let document =
        r#"{"user":{"ssn":"1"},"ssn":"2","items":[{"card":"3"},{"card":"4"}],"m":{"card":"5"}}"#;
    for (path, expected) in [
        (
            "$.user.ssn",
            r#"{"user":{"ssn":"[redacted]"},"ssn":"2","items":[{"card":"3"},{"card":"4"}],"m":{"card":"5"}}"#,
        ),
        (
            "$..ssn",
            r#"{"user":{"ssn":"[redacted]"},"ssn":"[redacted]","items":[{"card":"3"},{"card":"4"}],"m":{"card":"5"}}"#,
        ),
        (
            "$.items[*].card",
            r#"{"user":{"ssn":"1"},"ssn":"2","items":[{"card":"[redacted]"},{"card":"[redacted]"}],"m":{"card":"5"}}"#,
        ),
        (
            "$.items[1].card",
            r#"{"user":{"ssn":"1"},"ssn":"2","items":[{"card":"3"},{"card":"[redacted]"}],"m":{"card":"5"}}"#,
        ),
        (
            "$.*.card",
            r#"{"user":{"ssn":"1"},"ssn":"2","items":[{"card":"3"},{"card":"4"}],"m":{"card":"[redacted]"}}"#,
        ),
        (
            "$.items",
            r#"{"user":{"ssn":"1"},"ssn":"2","items":null,"m":{"card":"5"}}"#,
        ),
        ("$", "null"),
        (
            "$..[0]",
            r#"{"user":{"ssn":"1"},"ssn":"2","items":[null,{"card":"4"}],"m":{"card":"5"}}"#,
        ),
        ("$.nothing", document),
    ] {
        assert_eq!(mask(&redact(path), document), expected, "{path}");
    }
}

#[test]
fn a_document_may_be_a_single_value() {
    for (document, expected) in [
        (r#""secret""#, r#""[redacted]""#),
        ("12", "null"),
        (" true ", " null "),
        ("null", "null"),
        ("[1,[2]]\n", "null\n"),
    ] {
        assert_eq!(mask(&redact("$"), document), expected);
        assert_eq!(mask(&redact("$.a"), document), document);
    }
}

#[test]
fn what_is_not_masked_comes_out_byte_for_byte() {
    for document in [
        " {\n\t\"a\" : 1.0e+05 , \"b\\u0062\\/\" : [ ] , \"c\" : { } }\r\n",
        r#"[-0,0.10,1E5,12345678901234567890123456789012345678901234567890]"#,
        r#"{"a":"\ud83d\ude00 é \u00e9 \u000a \b\f","a":"ssn"}"#,
        r#"{"":{"":[[[[[]]]]]}}"#,
        "\"\u{2028}\u{feff}\u{7f}\"",
    ] {
        assert_eq!(mask(&redact("$.ssn"), document), document);
    }
}

#[test]
fn what_surrounds_a_masked_value_stays() {
    assert_eq!(
        mask(
            &redact("$.ssn"),
            "{ \"ssn\"\t:\n \"1\\u0032\" , \"b\" : \"\\u0041\" }"
        ),
        "{ \"ssn\"\t:\n \"[redacted]\" , \"b\" : \"\\u0041\" }"
    );
}

#[test]
fn replacements_are_escaped() {
    let partial = [(
        "$.a",
        Transform::Partial {
            keep_first: 5,
            keep_last: 0,
        },
    )];
    assert_eq!(
        mask(&partial, r#"{"a":"\"\\\u0000\n\u001fhidden part"}"#),
        r#"{"a":"\"\\\u0000\n\u001f***********"}"#
    );
}

#[test]
fn many_documents_stand_apart_by_white_space() {
    let documents = "{\"ssn\":1}\n\n{\"ssn\":\"x\"} 3\ttrue\r\n\"ssn\"";
    let plan = plan(&redact("$.ssn"));
    let (out, masked) = run(&plan, Documents::Many, &[documents.as_bytes()]).unwrap();
    assert_eq!(
        out,
        "{\"ssn\":null}\n\n{\"ssn\":\"[redacted]\"} 3\ttrue\r\n\"ssn\""
    );
    assert_eq!(masked, 2);
    for nothing in ["", "\n \n"] {
        assert_eq!(
            run(&plan, Documents::Many, &[nothing.as_bytes()])
                .unwrap()
                .0,
            nothing
        );
        assert_eq!(
            run(&plan, Documents::One, &[nothing.as_bytes()]),
            Err(InvalidJson::Empty)
        );
    }
    for glued in ["{}{}", "1\"a\"", "[]1"] {
        let refused = run(&plan, Documents::Many, &[glued.as_bytes()]).unwrap_err();
        assert!(
            matches!(
                refused,
                InvalidJson::Unexpected {
                    expected: "white space between documents",
                    ..
                }
            ),
            "{glued}"
        );
    }
    for second in ["{}{}", "{} {}", "1 2", "{} x", "[] ]", "{},"] {
        let refused = refusal(second.as_bytes());
        let named = matches!(
            refused,
            InvalidJson::TrailingData(_) | InvalidJson::InvalidScalar(_)
        );
        assert!(named, "{second}: {refused}");
    }
}

#[test]
fn what_is_not_json_is_refused_by_name() {
    for document in [
        "}",
        "]",
        "{]",
        "[}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "[,]",
        "[1,]",
        "[1 2]",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{a:1}",
        "{1:2}",
        "{\"a\"::1}",
        ",",
        ":",
        "{null:1}",
        "[1:2]",
        "{'a':1}",
        "[\"a\" \"b\"]",
        "{\"a\":1]",
        "// c\n1",
        "[1,,2]",
        "{{}}",
    ] {
        let refused = refusal(document.as_bytes());
        let named = matches!(
            refused,
            InvalidJson::Unexpected { .. } | InvalidJson::InvalidScalar(_)
        );
        assert!(named, "{document}: {refused}");
    }
}

#[test]
fn broken_scalars_and_ends_are_refused_by_name() {
    for scalar in [
        "nul",
        "TRUE",
        "01",
        "1.",
        "-",
        "NaN",
        "[truefalse]",
        "{\"ssn\":tru}",
        "1a",
    ] {
        assert!(
            matches!(refusal(scalar.as_bytes()), InvalidJson::InvalidScalar(_)),
            "{scalar}"
        );
    }
    for document in [
        "{",
        "[",
        "[1",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "\"a",
        "[[]",
        "{\"ssn\":{",
    ] {
        assert_eq!(
            refusal(document.as_bytes()),
            InvalidJson::Truncated,
            "{document}"
        );
    }
    assert_eq!(
        refusal(b"{\"a\":1 x").to_string(),
        "neither a number nor true, false or null (byte 7)".to_owned()
    );
    assert_eq!(
        refusal(b"{\"a\";1}").to_string(),
        "JSON should stand at byte 4"
    );
    assert_eq!(
        refusal(b"{\"a\":1]").to_string(),
        "`,` or `}` should stand at byte 6"
    );
}

#[test]
fn what_is_masked_is_checked_like_the_rest() {
    for document in [
        r#"{"ssn":{"a" 1}}"#,
        r#"{"ssn":"\x"}"#,
        r#"{"ssn":"\ud800"}"#,
        "{\"ssn\":\"\n\"}",
        r#"{"ssn":[1,]}"#,
        r#"{"ssn":01}"#,
    ] {
        refusal(document.as_bytes());
    }
    refusal(b"{\"ssn\":\"\xff\"}");
}

#[test]
fn depth_is_bounded_masked_or_not() {
    let nested = |depth: usize, open: &str, close: &str| {
        format!("{}{}", open.repeat(depth), close.repeat(depth))
    };
    for (open, close) in [("[", "]"), ("{\"ssn\":", "}"), ("{\"a\":", "}")] {
        let inner = |depth| nested(depth, open, close).replace(":}", ":1}");
        let plan = plan(&redact("$.ssn"));
        assert!(
            run(&plan, Documents::One, &[inner(MAX_DEPTH).as_bytes()]).is_ok(),
            "{open}"
        );
        let refused = refusal(inner(MAX_DEPTH + 1).as_bytes());
        assert!(
            matches!(refused, InvalidJson::TooDeep(_)),
            "{open}: {refused}"
        );
    }
    let bomb = "[".repeat(1_000_000);
    assert_eq!(refusal(bomb.as_bytes()), InvalidJson::TooDeep(128));
}

#[test]
fn a_refusal_gives_out_nothing_more_and_is_for_ever() {
    let mut masker = JsonMasker::new(plan(&redact("$.ssn")), Documents::One);
    let mut out = Vec::new();
    masker.push(br#"{"a":1,"#, &mut out).unwrap();
    let refused = masker.push(br#""b":"shown",}"#, &mut out).unwrap_err();
    assert!(
        matches!(
            refused,
            InvalidJson::Unexpected {
                expected: "a name",
                offset: 19
            }
        ),
        "{refused:?}"
    );
    assert_eq!(masker.push(b"{}", &mut out), Err(refused));
    assert_eq!(out, br#"{"a":1,"#);
    assert_eq!(masker.finish(&mut out), Err(refused));
    assert_eq!(out, br#"{"a":1,"#);
}

#[test]
fn no_byte_of_a_masked_value_passes_before_its_end() {
    let document = br#"{"ssn":"123-45-6789","n":{"ssn":[{"x":"deep"}]},"e":"ssn"}"#;
    let mut masker = JsonMasker::new(plan(&redact("$..ssn")), Documents::One);
    let mut out = Vec::new();
    for byte in document.chunks(1) {
        masker.push(byte, &mut out).unwrap();
        let text = String::from_utf8(out.clone()).unwrap();
        assert!(
            !text.contains("12") && !text.contains("deep") && !text.contains('x'),
            "{text}"
        );
    }
    assert_eq!(masker.finish(&mut out), Ok(2));
    assert_eq!(out, br#"{"ssn":"[redacted]","n":{"ssn":null},"e":"ssn"}"#);
}

#[test]
fn long_names_and_strings_stay_within_bounds() {
    let long = "x".repeat(1 << 20);
    let document = format!(r#"{{"{long}":"{long}","ssn":"{long}"}}"#);
    let plan = plan(&[
        (
            "$.ssn",
            Transform::Partial {
                keep_first: 4,
                keep_last: 4,
            },
        ),
        ("$..nothing", Transform::Redact),
    ]);
    let chunks: Vec<&[u8]> = document.as_bytes().chunks(4096).collect();
    let (out, masked) = run(&plan, Documents::One, &chunks).unwrap();
    assert_eq!(out, format!(r#"{{"{long}":"{long}","ssn":"[redacted]"}}"#));
    assert_eq!(masked, 1);
    let fits = "y".repeat(MAX_GATHERED_BYTES);
    let (out, _) = run(
        &plan,
        Documents::One,
        &[format!(r#"{{"ssn":"{fits}"}}"#).as_bytes()],
    )
    .unwrap();
    assert!(out.starts_with(r#"{"ssn":"yyyy***"#), "at the limit");
}

#[test]
fn a_name_as_long_as_the_longest_path_is_still_found() {
    let name = "n".repeat(crate::matcher::MAX_PATTERN_LEN - 2);
    let path = format!("$.{name}");
    let document = format!(r#"{{"{name}":"x"}}"#);
    assert_eq!(
        mask(&redact(&path), &document),
        format!(r#"{{"{name}":"[redacted]"}}"#)
    );
}
