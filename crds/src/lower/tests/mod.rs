use std::collections::BTreeMap;

use portcullis_policy::rule::{Action, Grant, Origin, Wait};
use serde_json::{Value, json};

use super::masking::{AnyKey, Keys};
use super::snapshot::{Lowered, Objects};
use super::{FieldError, class, connection, guardrail, masking, snapshot};
use crate::connection::Connection;
use crate::connection_class::{ApprovalDefaults, ConnectionClass, Payloads};
use crate::guardrail_policy::GuardrailPolicy;
use crate::masking_rule::MaskingRule;

fn object<T: serde::de::DeserializeOwned>(kind: &str, namespace: &str, spec: &Value) -> T {
    let mut document = json!({
        "apiVersion": "portcullis.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "it", "namespace": namespace, "uid": format!("{kind}-uid"), "generation": 1},
        "spec": spec,
    });
    if namespace.is_empty() {
        document["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("namespace");
    }
    serde_json::from_value(document).unwrap()
}

fn merged(mut base: Value, change: &Value) -> Value {
    for (key, value) in change.as_object().unwrap() {
        base[key] = value.clone();
    }
    base
}

fn connection_of(change: &Value) -> Connection {
    let spec = json!({
        "protocol": "PostgreSQL",
        "upstream": {"host": "orders.internal", "database": "orders"},
        "credentials": {"secretRef": {"name": "orders"}},
        "access": {"subjects": [{"kind": "Group", "name": "agents"}]},
    });
    object("Connection", "shop", &merged(spec, change))
}

fn class_of(spec: &Value) -> ConnectionClass {
    object("ConnectionClass", "", spec)
}

fn guardrail_of(namespace: &str, change: &Value) -> GuardrailPolicy {
    let mut spec = json!({"default": "Deny"});
    if change.get("targetSelector").is_none() && change.get("targetRefs").is_none() {
        spec["targetRefs"] = json!([{"name": "it"}]);
    }
    object("GuardrailPolicy", namespace, &merged(spec, change))
}

fn mask_of(change: &Value) -> MaskingRule {
    let spec = json!({
        "targetRefs": [{"name": "it"}],
        "match": {"columns": ["public.customers.email"]},
        "transform": {"type": "Redact"},
    });
    object("MaskingRule", "shop", &merged(spec, change))
}

fn fields<T: std::fmt::Debug>(result: Result<T, Vec<FieldError>>) -> Vec<String> {
    result
        .unwrap_err()
        .into_iter()
        .map(|error| error.field)
        .collect()
}

fn lower_guardrail(change: &Value) -> Result<portcullis_policy::rule::Policy, Vec<FieldError>> {
    guardrail::lower(&guardrail_of("shop", change), &ApprovalDefaults::default())
}

#[test]
fn every_error_of_a_guardrail_is_told_at_its_field() {
    let errors = lower_guardrail(&json!({
        "subjects": [{"kind": "User", "name": "a\\"}, {"kind": "ServiceAccount", "name": "x"}],
        "rules": [
            {"name": "one", "action": "Deny", "match": {
                "resources": ["table:public.orders", "nonsense", "table:a..b"],
                "text": ["(", "fine"],
                "attributes": {"setting": ["x\\"]},
                "expression": "subject.nobody == 1",
            }},
            {"name": "one", "action": "Allow", "match": {}, "unless": {"resources": ["key:"]}},
        ],
    }));
    assert_eq!(
        fields(errors),
        [
            "spec.subjects[0].name",
            "spec.subjects[1].namespace",
            "spec.rules[0].match.attributes.setting[0]",
            "spec.rules[0].match.resources[1]",
            "spec.rules[0].match.resources[2]",
            "spec.rules[0].match.text[0]",
            "spec.rules[0].match.expression",
            "spec.rules[1].name",
            "spec.rules[1].match",
            "spec.rules[1].unless.resources[0]",
        ]
    );
}

#[test]
fn approval_terms_come_from_the_rule_and_else_from_the_class() {
    let class = class_of(&json!({"approvals": {"wait": "Reject", "expiresAfter": "1h"}}));
    let rules = json!({"rules": [
        {"name": "a", "action": "RequireApproval", "match": {"effects": ["Write"]}},
        {"name": "b", "action": "RequireApproval", "match": {"effects": ["Write"]}, "approval": {
            "required": 3, "grant": "TimeBoxed", "maxDuration": "30m", "wait": "Hold", "holdFor": "1m",
        }},
    ]});
    let policy = guardrail::lower(&guardrail_of("shop", &rules), &class.spec.approvals).unwrap();
    let terms: Vec<_> = policy
        .rules
        .iter()
        .map(|rule| match rule.action {
            Action::RequireApproval(terms) => terms,
            _ => panic!("not an approval"),
        })
        .collect();
    assert_eq!(
        (terms[0].required, terms[0].grant, terms[0].wait),
        (1, Grant::OneShot, Wait::Reject)
    );
    assert_eq!(terms[0].expires_after.as_secs(), 3600);
    assert_eq!(terms[1].required, 3);
    assert!(matches!(terms[1].grant, Grant::TimeBoxed { max } if max.as_secs() == 1800));
    assert!(matches!(terms[1].wait, Wait::Hold { hold_for } if hold_for.as_secs() == 60));
}

#[test]
fn approval_fields_that_do_not_belong_together_are_refused() {
    let rule = |action: &str, approval: Value| {
        lower_guardrail(&json!({"rules": [
            {"name": "a", "action": action, "match": {"effects": ["Write"]}, "approval": approval},
        ]}))
    };
    assert_eq!(fields(rule("Deny", json!({}))), ["spec.rules[0].approval"]);
    assert_eq!(
        fields(rule("RequireApproval", json!({"grant": "TimeBoxed"}))),
        ["spec.rules[0].approval.maxDuration"]
    );
    assert_eq!(
        fields(rule("RequireApproval", json!({"maxDuration": "5m"}))),
        ["spec.rules[0].approval.maxDuration"]
    );
    for required in [0, 6] {
        assert_eq!(
            fields(rule("RequireApproval", json!({"required": required}))),
            ["spec.rules[0].approval.required"]
        );
    }
    assert!(rule("RequireApproval", json!({"required": 5})).is_ok());
}

#[test]
fn a_platform_policy_cannot_select_by_what_tenants_write_nor_a_tenant_reach_out() {
    let lower = |namespace: &str, selector: Value| {
        let object = guardrail_of(namespace, &json!({"targetSelector": selector}));
        guardrail::lower(&object, &ApprovalDefaults::default())
    };
    let labels = json!({"matchLabels": {"a": "b"}});
    assert_eq!(
        fields(lower("portcullis-system", labels.clone())),
        ["spec.targetSelector.matchLabels"]
    );
    assert_eq!(lower("shop", labels).unwrap().origin, Origin::Tenant);
    let namespaces = json!({"namespaceSelector": {"matchLabels": {"a": "b"}}});
    assert_eq!(
        fields(lower("shop", namespaces.clone())),
        ["spec.targetSelector.namespaceSelector"]
    );
    assert_eq!(
        lower("portcullis-system", namespaces).unwrap().origin,
        Origin::Platform
    );
}

#[test]
fn a_policy_knows_which_edit_of_it_was_lowered() {
    let mut object = guardrail_of("shop", &json!({}));
    object.metadata.generation = Some(7);
    let lowered = guardrail::lower(&object, &ApprovalDefaults::default()).unwrap();
    assert_eq!(lowered.generation, 7);
}

#[test]
fn limits_carry_what_is_counted_together() {
    let limits = json!({"limits": {
        "rows": {"max": 10, "onExceed": "Truncate"}, "operations": {"max": 5, "per": "1m"},
        "sessions": {"max": 2}, "per": "Both",
    }});
    let limits = lower_guardrail(&limits).unwrap().limits;
    let operations = limits.operations.unwrap();
    assert_eq!((operations.max, operations.window.as_secs()), (5, 60));
    assert_eq!(operations.per, portcullis_policy::Per::Both);
    assert_eq!(limits.sessions.unwrap().per, portcullis_policy::Per::Both);
    assert_eq!(
        limits.rows.unwrap().on_exceed,
        portcullis_policy::OnExceed::Truncate
    );
    assert_eq!(limits.writes, None);
}

#[test]
fn every_error_of_a_mask_is_told_at_its_field() {
    let object = mask_of(&json!({
        "exempt": [{"kind": "Group", "name": "dpo", "namespace": "x"}],
        "match": {
            "columns": ["public..email"], "jsonPaths": ["ssn"], "keys": ["a\\"],
            "headers": ["not a header"], "patterns": [{"name": "p", "regex": "a*"}],
        },
        "transform": {"type": "Hash", "keySecretRef": {"name": "k", "key": "key"}},
    }));
    struct NoKeys;
    impl Keys for NoKeys {
        fn key(&self, _: &str, _: &str, _: &str) -> Option<Vec<u8>> {
            None
        }
    }
    assert_eq!(
        fields(masking::lower(&object, &NoKeys)),
        [
            "spec.transform.keySecretRef",
            "spec.exempt[0].namespace",
            "spec.match.columns[0]",
            "spec.match.jsonPaths[0]",
            "spec.match.keys[0]",
            "spec.match.headers[0]",
            "spec.match.patterns[0]",
        ]
    );
}

#[test]
fn a_key_is_asked_for_in_the_rules_own_namespace_and_must_be_long_enough() {
    struct Short;
    impl Keys for Short {
        fn key(&self, namespace: &str, name: &str, key: &str) -> Option<Vec<u8>> {
            assert_eq!((namespace, name, key), ("shop", "k", "key"));
            Some(vec![7; 15])
        }
    }
    let transform = json!({"type": "Tokenize", "keySecretRef": {"name": "k", "key": "key"}});
    let object = mask_of(&json!({"transform": transform}));
    assert_eq!(
        fields(masking::lower(&object, &Short)),
        ["spec.transform.keySecretRef"]
    );
    assert!(masking::lower(&object, &AnyKey).is_ok());
}

#[test]
fn a_transform_takes_its_own_fields_only() {
    for (transform, field) in [
        (json!({"type": "Redact", "keepLast": 4}), "spec.transform"),
        (json!({"type": "Partial"}), "spec.transform"),
        (json!({"type": "Hash"}), "spec.transform.keySecretRef"),
        (
            json!({"type": "Nullify", "keySecretRef": {"name": "k", "key": "key"}}),
            "spec.transform.keySecretRef",
        ),
    ] {
        let object = mask_of(&json!({"transform": transform}));
        assert_eq!(
            fields(masking::lower(&object, &AnyKey)),
            [field],
            "{transform}"
        );
    }
}

#[test]
fn a_verb_that_no_operation_could_have_is_refused() {
    let with = |verb: &str| {
        lower_guardrail(&json!({"rules": [
            {"name": "a", "action": "Deny", "match": {"verbs": [verb]}},
        ]}))
    };
    for verb in [
        "DROP *",
        "DROP  TABLE",
        " DROP",
        "DROP TABLE ",
        "DROP\u{a0}TABLE",
        "DRO?",
        "",
    ] {
        assert_eq!(
            fields(with(verb)),
            ["spec.rules[0].match.verbs[0]"],
            "{verb:?}"
        );
    }
    for verb in ["DROP TABLE", "sftp.read", "M-SEARCH", "get"] {
        assert!(with(verb).is_ok(), "{verb}");
    }
}

#[test]
fn a_limit_over_no_time_is_refused() {
    let with = |per: &str| lower_guardrail(&json!({"limits": {"writes": {"max": 5, "per": per}}}));
    assert_eq!(fields(with("0s")), ["spec.limits.writes.per"]);
    assert_eq!(fields(with("999ms")), ["spec.limits.writes.per"]);
    assert!(with("1s").is_ok());
}

mod connections;
mod gathering;

#[test]
fn reviewed_functions_are_named_as_sql_has_them() {
    let review = |name: &str| {
        class_of(&json!({"reviewedFunctions": [
            {"name": name, "sha256": "a".repeat(64), "reads": ["shop.prices"], "writes": [name]},
        ]}))
    };
    let pair = |schema: &str, name: &str| (schema.to_owned(), name.to_owned());
    for (written, name) in [
        ("shop.touch", pair("shop", "touch")),
        ("shop.\"Touch.It\"", pair("shop", "Touch.It")),
        ("\"a\"\"b\".c$1", pair("a\"b", "c$1")),
    ] {
        let class = review(written);
        assert_eq!(class::check(&class), Ok(()), "{written}");
        let expected = class::Reviewed {
            name: name.clone(),
            sha256: "a".repeat(64),
            reads: vec![pair("shop", "prices")],
            writes: vec![name],
        };
        assert_eq!(class::reviewed(&class), [expected]);
    }
    for written in [
        "touch",
        "shop.Touch",
        "shop.",
        "shop.a.b",
        "\"shop.a",
        "\"\".a",
        "shop.touch()",
        "1.a",
    ] {
        let class = review(written);
        let fields: Vec<_> = class::check(&class)
            .unwrap_err()
            .into_iter()
            .map(|e| e.field)
            .collect();
        let field = |name: &str| format!("spec.reviewedFunctions[0].{name}");
        assert_eq!(fields, [field("name"), field("writes[0]")], "{written}");
        assert_eq!(class::reviewed(&class), []);
    }
}
