use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Map;

use super::*;
use crate::ConnectionClassSpec;

/// An object with every field, each with its example.
fn full(schema: &Value) -> Value {
    match schema.get("type").and_then(Value::as_str) {
        Some("object") if schema.get("properties").is_some() => {
            let properties = schema["properties"].as_object().unwrap();
            let member = |(name, property): (&String, &Value)| (name.clone(), full(property));
            Value::Object(properties.iter().map(member).collect::<Map<_, _>>())
        }
        Some("array") if schema["items"].get("properties").is_some() => {
            json!([full(&schema["items"])])
        }
        _ => schema["example"].clone(),
    }
}

fn round_trip<K: DeserializeOwned + Serialize>(kind: &str) {
    let definition = Definition::find(kind).unwrap();
    let mut object = full(definition.schema());
    object["apiVersion"] = json!(Definition::api_version());
    object["kind"] = json!(kind);
    object["metadata"] = json!({ "name": "full" });
    let typed: K = serde_json::from_value(object.clone()).unwrap();
    assert_eq!(serde_json::to_value(typed).unwrap(), object, "{kind}");
}

#[test]
fn types_carry_every_field_of_the_schema_and_no_other() {
    round_trip::<Connection>("Connection");
    round_trip::<ConnectionClass>("ConnectionClass");
    round_trip::<GuardrailPolicy>("GuardrailPolicy");
    round_trip::<MaskingRule>("MaskingRule");
    round_trip::<ApprovalRequest>("ApprovalRequest");
}

#[test]
fn an_empty_class_has_the_defaults_of_the_type() {
    let text = "apiVersion: portcullis.dev/v1alpha1\nkind: ConnectionClass\nmetadata: {name: a}\nspec: {}\n";
    let read = crate::document::read(text.as_bytes()).unwrap();
    assert_eq!(
        read.connection_classes[0].spec,
        ConnectionClassSpec::default()
    );
}

#[test]
fn nothing_is_nullable_and_every_text_and_list_is_bounded() {
    fn walk(schema: &Value, path: &str, unbounded: &mut Vec<String>) {
        assert_eq!(schema.get("nullable"), None, "{path}");
        let has = |key: &str| schema.get(key).is_some();
        let bounded = match schema.get("type").and_then(Value::as_str) {
            Some("string") => has("maxLength") || has("enum") || schema["format"] == "date-time",
            Some("array") => has("maxItems"),
            Some("object") => !has("additionalProperties") || has("maxProperties"),
            Some("integer") => {
                schema["format"] == "int64" && (has("minimum") || path.ends_with("Generation"))
            }
            Some("boolean") => true,
            _ => false,
        };
        if !bounded {
            unbounded.push(path.to_owned());
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            walk(property, &format!("{path}.{name}"), unbounded);
        }
        for below in ["items", "additionalProperties"] {
            if has(below) {
                walk(&schema[below], &format!("{path}[]"), unbounded);
            }
        }
    }
    let mut unbounded = Vec::new();
    for definition in Definition::all() {
        walk(definition.schema(), definition.kind(), &mut unbounded);
    }
    assert_eq!(unbounded, Vec::<String>::new());
}

#[test]
fn kinds_have_the_names_that_people_type() {
    let names: Vec<String> = Definition::all()
        .iter()
        .map(|definition| {
            let names = definition.crd().pointer("/spec/names").unwrap();
            format!(
                "{} {} {} {}",
                definition.kind(),
                definition.plural(),
                names["shortNames"],
                names["categories"]
            )
        })
        .collect();
    assert_eq!(
        names,
        [
            r#"Connection connections ["conn"] ["portcullis"]"#,
            r#"ConnectionClass connectionclasses ["connclass"] ["portcullis"]"#,
            r#"GuardrailPolicy guardrailpolicies ["guard"] ["portcullis"]"#,
            r#"MaskingRule maskingrules ["mask"] ["portcullis"]"#,
            r#"ApprovalRequest approvalrequests ["appr"] ["portcullis"]"#,
        ]
    );
}

#[test]
fn every_kind_starts_with_a_status_that_nobody_has_written() {
    for definition in Definition::all() {
        let default = definition
            .schema()
            .pointer("/properties/status/default")
            .unwrap();
        assert_eq!(default["observedGeneration"], -1, "{}", definition.kind());
    }
}

#[test]
fn policies_carry_the_label_of_attached_policies() {
    for definition in Definition::all() {
        let label = definition
            .crd()
            .pointer("/metadata/labels/gateway.networking.k8s.io~1policy");
        let policy = ["GuardrailPolicy", "MaskingRule"].contains(&definition.kind());
        assert_eq!(
            label.and_then(Value::as_str),
            policy.then_some("Direct"),
            "{}",
            definition.kind()
        );
    }
}
