use serde_json::json;

use super::*;
use crate::Definition;
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

/// What a value of this text has to hear about its own size.
fn sized(schema: &Value, text: &str) -> Vec<String> {
    let about_size = |problem: &String| {
        [": has ", ": is empty", " is too small", " is too large"]
            .iter()
            .any(|word| problem.contains(word))
    };
    // Members and entries have a path.
    let all = problems(schema, text).into_iter();
    all.filter(|problem| problem.starts_with(": ") && about_size(problem))
        .collect()
}

/// A text of YAML that makes a value of so many parts.
fn of_size(schema: &Value, size: usize) -> String {
    match text(schema, "type") {
        Some("string") => format!("\"{}\"", "é".repeat(size)),
        Some("array") => format!("[{}]", "0,".repeat(size)),
        _ => {
            let known = schema["properties"].as_object();
            let known = known.into_iter().flatten().map(|(name, _)| name.clone());
            let names = known.chain((0..).map(|n| format!("k{n}"))).take(size);
            let members = names.map(|name| format!("{name}: x,"));
            format!("{{{}}}", members.collect::<String>())
        }
    }
}

/// Checks each bound of one schema and of all below it; tells how many there are.
fn bounds_hold(schema: &Value, path: &str) -> usize {
    let mut bounds = 0;
    for of in [&MEMBERS, &ENTRIES, &CHARACTERS] {
        if let Some(most) = number(schema, of.most) {
            let size = usize::try_from(most).unwrap();
            assert_eq!(sized(schema, &of_size(schema, size)), [""; 0], "{path}");
            let what = of.what;
            let reason = format!(": has {} {what}; it may have at most {most}", most + 1);
            assert_eq!(
                sized(schema, &of_size(schema, size + 1)),
                [reason],
                "{path}"
            );
            bounds += 1;
        }
        if let Some(least @ 1..) = number(schema, of.least) {
            let size = usize::try_from(least).unwrap();
            assert_eq!(sized(schema, &of_size(schema, size)), [""; 0], "{path}");
            assert_eq!(sized(schema, &of_size(schema, size - 1)).len(), 1, "{path}");
            bounds += 1;
        }
    }
    for (bound, past, word) in [("minimum", -1, "small"), ("maximum", 1, "large")] {
        if let Some(bound) = number(schema, bound) {
            assert_eq!(sized(schema, &bound.to_string()), [""; 0], "{path}");
            let told = sized(schema, &(bound + past).to_string());
            assert!(
                told.len() == 1 && told[0].contains(&format!("is too {word}")),
                "{path}: {told:?}"
            );
            bounds += 1;
        }
    }
    let properties = schema["properties"].as_object().into_iter().flatten();
    bounds += properties
        .map(|(name, below)| bounds_hold(below, &format!("{path}.{name}")))
        .sum::<usize>();
    for below in ["items", "additionalProperties"] {
        if schema[below].is_object() {
            bounds += bounds_hold(&schema[below], &format!("{path}[]"));
        }
    }
    bounds
}

/// All that an API server would count, a proxy that reads files counts alike.
#[test]
fn every_bound_of_every_kind_holds_at_its_value_and_one_past_it() {
    let counts: Vec<(&str, usize)> = Definition::all()
        .iter()
        .map(|definition| {
            (
                definition.kind(),
                bounds_hold(definition.schema(), definition.kind()),
            )
        })
        .collect();
    assert!(counts.iter().all(|(_, bounds)| *bounds > 20), "{counts:?}");
}
