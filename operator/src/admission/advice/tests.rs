use serde_json::{Value, json};

use super::*;

fn guardrail(spec: Value) -> GuardrailPolicySpec {
    serde_json::from_value(spec).unwrap()
}

fn rules(default: &str, rules: Value) -> Vec<String> {
    of_rules(&guardrail(json!({
        "targetRefs": [{"name": "orders"}], "enforcement": "Enforce", "default": default, "rules": rules,
    })))
}

fn connection(name: &str, namespace: &str, delivery: Value) -> Connection {
    let mut object = json!({
        "apiVersion": "portcullis.dev/v1alpha1", "kind": "Connection",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "protocol": "PostgreSQL",
            "upstream": {"host": "db.internal", "database": "orders"},
            "credentials": {"secretRef": {"name": "orders"}},
        },
    });
    if !delivery.is_null() {
        object["spec"]["delivery"] = delivery;
    }
    serde_json::from_value(object).unwrap()
}

fn with_sidecar(name: &str, labels: Value, port: i64) -> Connection {
    let sidecar = json!({"podSelector": {"matchLabels": labels}, "port": port});
    connection(name, "shop", json!({"mode": "Sidecar", "sidecar": sidecar}))
}

#[test]
fn a_rule_that_another_overrules_is_named() {
    let drop_table = json!({"verbs": ["DROP TABLE"]});
    let said = rules(
        "Allow",
        json!([
            {"name": "hold", "match": drop_table, "action": "RequireApproval", "approval": {"required": 1}},
            {"name": "deny", "match": drop_table, "action": "Deny"},
        ]),
    );
    assert_eq!(
        said,
        ["spec.rules[0] never decides: rule deny matches the same and is stricter"]
    );
    // Another match, or one that is lifted, leaves room.
    let said = rules(
        "Allow",
        json!([
            {"name": "hold", "match": {"verbs": ["DROP TABLE"], "effects": ["Define"]}, "action": "RequireApproval", "approval": {"required": 1}},
            {"name": "deny", "match": drop_table, "action": "Deny"},
        ]),
    );
    assert_eq!(said, Vec::<String>::new());
    let said = rules(
        "Allow",
        json!([
            {"name": "hold", "match": drop_table, "action": "RequireApproval", "approval": {"required": 1}},
            {"name": "deny", "match": drop_table, "unless": {"attributes": {"role": ["dba"]}}, "action": "Deny"},
        ]),
    );
    assert_eq!(said, Vec::<String>::new());
}

#[test]
fn allowing_what_is_allowed_does_nothing() {
    let allow = json!([{"name": "reads", "match": {"effects": ["Read"]}, "action": "Allow"}]);
    assert_eq!(
        rules("Allow", allow.clone()),
        ["spec.rules[0] allows what default: Allow allows already; it does nothing"]
    );
    assert_eq!(rules("Deny", allow), Vec::<String>::new());
    assert_eq!(rules("Deny", json!([])).len(), 1);
    assert_eq!(rules("Allow", json!([])), Vec::<String>::new());
}

#[test]
fn a_policy_that_binds_nothing_says_so() {
    let connections = [
        connection("orders", "shop", Value::Null),
        connection("orders", "bank", Value::Null),
    ];
    let none = BTreeMap::new();
    let references: Vec<TargetReference> =
        serde_json::from_value(json!([{"name": "orders"}, {"name": "order"}])).unwrap();
    let said = of_target("shop", (&references, None), &connections, &none);
    assert_eq!(
        said,
        ["spec.targetRefs[1]: there is no Connection order in shop"]
    );
    let selector = |value: Value| -> TargetSelector { serde_json::from_value(value).unwrap() };
    for (value, namespace, warned) in [
        (json!({}), "shop", false),
        (json!({}), "empty", true),
        (json!({}), "portcullis-system", false),
        (json!({"names": ["ord*"]}), "shop", false),
        (json!({"names": ["bill*"]}), "shop", true),
        (
            json!({"protocols": ["PostgreSQL"]}),
            "portcullis-system",
            false,
        ),
        (
            json!({"namespaceSelector": {"matchLabels": {"tier": "prod"}}}),
            "portcullis-system",
            false,
        ),
        (
            json!({"namespaceSelector": {"matchLabels": {"tier": "test"}}}),
            "portcullis-system",
            true,
        ),
    ] {
        let labels = BTreeMap::from([("tier".to_owned(), "prod".to_owned())]);
        let places = BTreeMap::from([("shop".to_owned(), labels)]);
        let said = of_target(
            namespace,
            (&[], Some(&selector(value.clone()))),
            &connections,
            &places,
        );
        assert_eq!(!said.is_empty(), warned, "{value} of {namespace}: {said:?}");
    }
}

#[test]
fn a_mask_from_which_everybody_is_exempt_says_so() {
    let mask = |exempt: Value| -> MaskingRuleSpec {
        serde_json::from_value(json!({
            "targetRefs": [{"name": "orders"}],
            "subjects": [{"kind": "Group", "name": "agents"}], "exempt": exempt,
            "match": {"columns": ["public.a.b"]}, "transform": {"type": "Redact"},
        }))
        .unwrap()
    };
    assert_eq!(
        of_mask(&mask(json!([{"kind": "Group", "name": "agents"}]))).len(),
        1
    );
    assert_eq!(
        of_mask(&mask(json!([{"kind": "Group", "name": "dpo"}]))).len(),
        0
    );
}

#[test]
fn sidecars_that_nobody_gets_or_that_meet_are_told() {
    let opted = BTreeMap::from([(INJECT.0.to_owned(), INJECT.1.to_owned())]);
    let own = with_sidecar("orders", json!({"app": "shop"}), 15432);
    assert_eq!(of_sidecar(&own, &[], &opted), Vec::<String>::new());
    assert_eq!(of_sidecar(&own, &[], &BTreeMap::new()).len(), 1);
    for (other, warned) in [
        (with_sidecar("orders", json!({"app": "shop"}), 15432), false),
        (with_sidecar("b", json!({"app": "shop"}), 15433), false),
        (with_sidecar("b", json!({"app": "bank"}), 15432), false),
        (with_sidecar("b", json!({"tier": "web"}), 15432), true),
        (connection("b", "shop", Value::Null), false),
    ] {
        assert_eq!(
            !of_sidecar(&own, std::slice::from_ref(&other), &opted).is_empty(),
            warned,
            "{other:?}"
        );
    }
}
