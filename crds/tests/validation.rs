//! Every CEL rule of every schema, with values that it accepts and values that it refuses.
//!
//! A case changes the kind's base object at the place that its rule is about, `old` and `new` as
//! JSON merge patches. Where a rule stands in one place only, the errors must be exactly the
//! rule's own (and those under `also`); a rule that stands in many is looked for by its message.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests may panic, and read files of this repository"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kube_cel::Validator;
use portcullis_crds::Definition;
use serde::Deserialize;
use serde_json::{Value, json};

/// Cases of one rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    /// The rule, by its message.
    rule: String,
    /// Where: the kind, and the path of the value that the patches change.
    at: Vec<String>,
    accept: Vec<Case>,
    refuse: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    old: Option<Value>,
    new: Value,
    #[serde(default)]
    also: Vec<String>,
}

/// One object, perhaps with the one that it replaces, and what rules must say of it.
struct Expanded {
    kind: String,
    title: String,
    old: Option<Value>,
    new: Value,
    rule: String,
    refused: bool,
    also: Vec<String>,
    exact: bool,
}

fn all_cases() -> Vec<Cases> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.sort();
    files
        .iter()
        .flat_map(|file| {
            let text = std::fs::read_to_string(file).unwrap();
            serde_json::from_str::<Vec<Cases>>(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
        })
        .collect()
}

fn expanded() -> Vec<Expanded> {
    let mut all = Vec::new();
    for cases in all_cases() {
        for at in &cases.at {
            let (kind, path) = at.split_once(' ').unwrap();
            let sides = [(&cases.accept, false), (&cases.refuse, true)];
            for (case, refused) in sides
                .iter()
                .flat_map(|(c, r)| c.iter().map(move |c| (c, *r)))
            {
                all.push(Expanded {
                    kind: kind.to_owned(),
                    title: format!("{at}: {} -> {}", json!(case.old), case.new),
                    old: case.old.as_ref().map(|old| placed(kind, path, old)),
                    new: placed(kind, path, &case.new),
                    rule: cases.rule.clone(),
                    refused,
                    also: case.also.clone(),
                    exact: cases.at.len() == 1,
                });
            }
        }
    }
    all
}

/// The base object with the patch merged in at the path.
fn placed(kind: &str, path: &str, patch: &Value) -> Value {
    let mut object = base(kind);
    let mut place = &mut object;
    for step in path.split('.').filter(|step| !step.is_empty()) {
        let (name, listed) = match step.strip_suffix("[]") {
            Some(name) => (name, true),
            None => (step, false),
        };
        place = &mut place[name];
        if listed {
            if !place.is_array() {
                *place = json!([entry(name)]);
            }
            place = &mut place[0];
        }
    }
    merge(place, patch);
    object
}

/// What an entry of the list needs beside what its cases write.
fn entry(list: &str) -> Value {
    match list {
        "rules" => json!({
            "name": "case",
            "match": { "effects": ["Write"] },
            "action": "RequireApproval",
        }),
        _ => json!({}),
    }
}

/// RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, member) in members {
        if member.is_null() {
            target.as_object_mut().unwrap().remove(name);
        } else {
            merge(&mut target[name], member);
        }
    }
}

/// The kind's object, which every implementation that is asked about the cases starts from.
fn base(kind: &str) -> Value {
    let specs: BTreeMap<String, Value> = serde_json::from_str(include_str!("bases.json")).unwrap();
    json!({
        "apiVersion": "portcullis.dev/v1alpha1",
        "kind": kind,
        "metadata": { "name": "case" },
        "spec": specs[kind],
    })
}

fn failures(kind: &str, old: Option<&Value>, new: &Value) -> Vec<(String, String)> {
    let schema = Definition::find(kind).unwrap().schema();
    match Validator::new().validate(schema, new, old) {
        Ok(()) => Vec::new(),
        Err(errors) => errors
            .into_iter()
            .map(|e| (e.field_path, e.message))
            .collect(),
    }
}

/// All rules of a schema as (place, message), each place as the cases write it.
fn rules(schema: &Value, place: &str, found: &mut BTreeSet<(String, String)>) {
    for rule in schema["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let message = rule["message"].as_str().unwrap_or_default().to_owned();
        assert!(
            found.insert((place.to_owned(), message)),
            "{place}: two rules with one message"
        );
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let joined = if place.ends_with(' ') {
            name.clone()
        } else {
            format!(".{name}")
        };
        rules(property, &format!("{place}{joined}"), found);
    }
    if schema["items"].is_object() {
        rules(&schema["items"], &format!("{place}[]"), found);
    }
}

/// All rules of a kind.
fn rules_of(definition: &Definition) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let place = format!("{} ", definition.kind());
    rules(definition.schema(), &place, &mut found);
    found
}

#[test]
fn every_rule_accepts_and_refuses_what_its_cases_say() {
    let mut wrong = Vec::new();
    for case in expanded() {
        let messages: Vec<String> = failures(&case.kind, case.old.as_ref(), &case.new)
            .into_iter()
            .map(|(_, message)| message)
            .collect();
        let right = if case.exact {
            let mut expected: BTreeSet<&str> = case.also.iter().map(String::as_str).collect();
            if case.refused {
                expected.insert(&case.rule);
            }
            messages.iter().map(String::as_str).collect::<BTreeSet<_>>() == expected
        } else {
            messages.contains(&case.rule) == case.refused
        };
        if !right {
            let wanted = if case.refused { "refuse" } else { "accept" };
            wrong.push(format!(
                "{}\n  must {wanted} by {:?}\n  got {messages:?}",
                case.title, case.rule
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_cases_on_both_sides() {
    let mut cases: BTreeMap<(String, String), (usize, usize)> = BTreeMap::new();
    for case in all_cases() {
        for at in &case.at {
            let counts = cases.entry((at.clone(), case.rule.clone())).or_default();
            counts.0 += case.accept.len();
            counts.1 += case.refuse.len();
        }
    }
    let mut missing = Vec::new();
    let mut total = 0;
    for definition in Definition::all() {
        let found = rules_of(definition);
        total += found.len();
        for (place, message) in found {
            // A case may change the object around the value that carries the rule.
            let covered = cases.iter().any(|((at, rule), (accepted, refused))| {
                *rule == message && place.starts_with(at.as_str()) && *accepted > 0 && *refused > 0
            });
            if !covered {
                missing.push(format!("{place}: {message}"));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "no cases on both sides for\n{}",
        missing.join("\n")
    );
    assert_eq!(
        total, 75,
        "rules were added or removed; see that each has its cases"
    );
}

#[test]
fn bases_are_accepted_whole() {
    for definition in Definition::all() {
        let base = base(definition.kind());
        assert_eq!(
            failures(definition.kind(), None, &base),
            [],
            "{}",
            definition.kind()
        );
        assert_eq!(
            failures(definition.kind(), Some(&base), &base),
            [],
            "{}",
            definition.kind()
        );
    }
}

#[test]
fn every_rule_says_what_would_be_right() {
    for definition in Definition::all() {
        let found = rules_of(definition);
        for (place, message) in found {
            assert!(
                message.len() > 10 && !message.ends_with('.'),
                "{place}: {message:?}"
            );
            assert!(!message.contains('\n'), "{place}: a message is one line");
        }
    }
}
