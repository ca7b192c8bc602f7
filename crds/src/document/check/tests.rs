use serde_json::json;

use super::*;
use crate::document::tree;

fn problems(schema: &Value, text: &str) -> Vec<String> {
    let (roots, errors) = tree::parse(text);
    assert_eq!(errors, [], "{text}");
    let (_, problems) = Checker::default().check(schema, &roots[0].node, true);
    problems
        .into_iter()
        .map(|problem| format!("{}: {}", problem.field, problem.reason))
        .collect()
}

#[test]
fn formats_are_checked() {
    let schema = json!({
        "type": "object",
        "properties": {
            "span": { "type": "string", "format": "duration" },
            "time": { "type": "string", "format": "date-time" },
            "bytes": { "type": "string", "format": "byte" },
        },
    });
    for good in [
        "span: 5m",
        "time: 2026-11-20T10:00:00Z",
        "time: 2026-11-20T10:00:00.5+02:00",
        "bytes: YQ==",
        "bytes: ''",
        "bytes: YWJj",
    ] {
        assert_eq!(problems(&schema, good), [""; 0], "{good}");
    }
    for (bad, reason) in [
        (
            "span: 5",
            "span: is a number; write a text; put it in quotes",
        ),
        (
            "span: 5d",
            "span: \"5d\" is not a duration; write numbers with h, m, s or ms, such as 5m or 1h30m",
        ),
        (
            "time: 2026-11-20",
            "time: \"2026-11-20\" is not a time; write it like 2026-11-20T10:00:00Z",
        ),
        (
            "time: tomorrow",
            "time: \"tomorrow\" is not a time; write it like 2026-11-20T10:00:00Z",
        ),
        (
            "bytes: a",
            "bytes: \"a\" is not base64; encode it, or write it under stringData",
        ),
        (
            "bytes: YQ=a",
            "bytes: \"YQ=a\" is not base64; encode it, or write it under stringData",
        ),
        (
            "bytes: a===",
            "bytes: \"a===\" is not base64; encode it, or write it under stringData",
        ),
    ] {
        assert_eq!(problems(&schema, bad), [reason], "{bad}");
    }
}

#[test]
fn a_schema_that_says_nothing_admits_nothing() {
    assert_eq!(
        problems(&Value::Null, "a: b"),
        [": nothing can be written here; remove it"]
    );
    let open = json!({ "x-kubernetes-preserve-unknown-fields": true });
    assert_eq!(problems(&open, "a: [b, {c: 1}]"), [""; 0]);
}

#[test]
fn a_pattern_that_does_not_compile_admits_nothing() {
    let schema =
        json!({ "type": "object", "properties": { "a": { "type": "string", "pattern": "(" } } });
    assert_eq!(problems(&schema, "a: b"), ["a: \"b\" does not match ("]);
}

#[test]
fn sets_hold_each_value_once() {
    let schema = json!({
        "type": "object",
        "properties": {
            "a": { "type": "array", "items": { "type": "string" }, "x-kubernetes-list-type": "set" },
        },
    });
    assert_eq!(problems(&schema, "a: [x, z]"), [""; 0]);
    assert_eq!(
        problems(&schema, "a: [x, z, x]"),
        ["a[2]: an entry with the same value is there already; keep one"]
    );
}

#[test]
fn keys_that_are_no_plain_words_stand_in_brackets() {
    let schema = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    assert_eq!(
        problems(&schema, "portcullis.dev/x: 5"),
        ["[\"portcullis.dev/x\"]: is a number; write a text; put it in quotes"]
    );
}

#[test]
fn defaults_are_filled_in_as_deep_as_they_go() {
    let schema = json!({
        "type": "object",
        "properties": {
            "a": {
                "type": "object",
                "default": {},
                "properties": { "b": { "type": "integer", "default": 5 } },
            },
            "list": {
                "type": "array",
                "items": { "type": "object", "properties": { "c": { "type": "string", "default": "d" } } },
            },
            "map": {
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "properties": { "e": { "type": "boolean", "default": true } },
                },
            },
        },
    });
    let mut value = json!({ "list": [{}, { "c": "x" }], "map": { "k": {} } });
    apply_defaults(&schema, &mut value);
    assert_eq!(
        value,
        json!({
            "a": { "b": 5 },
            "list": [{ "c": "d" }, { "c": "x" }],
            "map": { "k": { "e": true } },
        })
    );
}
