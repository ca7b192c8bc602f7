//! What cannot be enforced is refused with its field, and what is probably not meant is warned about.

use portcullis_e2e::{Kubectl, Said, with_namespace};
use serde_json::{Value, json};

const PREFIX: &str = "e2e-admission";

pub(super) fn object(kind: &str, name: &str, spec: &Value) -> String {
    json!({
        "apiVersion": "portcullis.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec,
    })
    .to_string()
}

fn connection(change: impl FnOnce(&mut Value)) -> Value {
    let mut spec = json!({
        "protocol": "PostgreSQL",
        "upstream": {"host": "db.internal", "database": "orders"},
        "credentials": {"secretRef": {"name": "orders"}},
        "delivery": {"mode": "Gateway", "gateway": {"replicas": 0}},
    });
    change(&mut spec);
    spec
}

fn guardrail(rules: &Value) -> Value {
    json!({"targetRefs": [{"name": "orders"}], "enforcement": "Enforce", "default": "Allow", "rules": rules})
}

fn mask(matching: &Value) -> Value {
    json!({"targetRefs": [{"name": "orders"}], "match": matching, "transform": {"type": "Redact"}})
}

fn try_apply(who: &Kubectl, kind: &str, name: &str, spec: &Value) -> Said {
    who.try_apply(&object(kind, name, spec))
}

#[test]
fn what_does_not_compile_is_refused_at_its_field() {
    with_namespace(PREFIX, |namespace| {
        let admin = namespace.admin();
        let refused = |kind: &str, spec: &Value, field: &str| {
            try_apply(&admin, kind, "a", spec).must_be_refused(field);
            assert_eq!(admin.find(&[kind, "a"]), None);
        };
        let bad = connection(|it| it["access"] = json!({"expression": "subject.name =="}));
        refused("Connection", &bad, "spec.access.expression: ");
        let bad = connection(|it| it["upstream"]["host"] = json!("not a host"));
        refused("Connection", &bad, "spec.upstream.host: ");
        let deny = |matching: Value| {
            guardrail(&json!([{"name": "a", "match": matching, "action": "Deny"}]))
        };
        refused(
            "GuardrailPolicy",
            &deny(json!({"resources": ["table"]})),
            "spec.rules[0].match.resources[0]: ",
        );
        refused(
            "GuardrailPolicy",
            &deny(json!({"text": ["("]})),
            "spec.rules[0].match.text[0]: ",
        );
        refused(
            "GuardrailPolicy",
            &deny(json!({"expression": "nobody.knows"})),
            "spec.rules[0].match.expression: ",
        );
        refused(
            "MaskingRule",
            &mask(&json!({"jsonPaths": ["$["]})),
            "spec.match.jsonPaths[0]: ",
        );
        let broken = json!({"patterns": [{"name": "a", "regex": "("}]});
        assert!(!try_apply(&admin, "MaskingRule", "a", &mask(&broken)).succeeded);
    });
}

#[test]
fn what_is_right_is_written_without_a_word() {
    with_namespace(PREFIX, |namespace| {
        let admin = namespace.admin();
        let quiet = |kind: &str, spec: &Value| {
            let said = try_apply(&admin, kind, "orders", spec);
            assert!(said.succeeded && said.errors.is_empty(), "{said:?}");
        };
        quiet("Connection", &connection(|_| {}));
        let deny = json!([{"name": "no-ddl", "match": {"effects": ["Define"]}, "action": "Deny"}]);
        quiet("GuardrailPolicy", &guardrail(&deny));
        quiet(
            "MaskingRule",
            &mask(&json!({"columns": ["public.customers.email"]})),
        );
        // An edit is judged too, and one of the metadata alone is not.
        let bad = guardrail(&json!([{"name": "a", "match": {"text": ["("]}, "action": "Deny"}]));
        try_apply(&admin, "GuardrailPolicy", "orders", &bad)
            .must_be_refused("spec.rules[0].match.text[0]");
        admin.must(&["label", "guardrailpolicy", "orders", "team=shop"]);
    });
}

#[test]
fn a_class_is_judged_when_it_changes() {
    with_namespace(PREFIX, |namespace| {
        let admin = namespace.admin();
        let name = namespace.name.replacen("e2e-", "", 1);
        let host = |pattern: &str| json!({"allowedUpstreams": [{"host": pattern}]});
        try_apply(&admin, "ConnectionClass", &name, &host("*.internal")).must_succeed();
        let said = try_apply(&admin, "ConnectionClass", &name, &host("shop:5432"));
        said.must_be_refused("spec.allowedUpstreams[0].host: ");
        try_apply(&admin, "ConnectionClass", &name, &host("*.example")).must_succeed();
        // What a Connection's class does not allow is refused where the Connection names it.
        let spec = connection(|it| it["className"] = json!(name));
        try_apply(&admin, "Connection", "orders", &spec)
            .must_be_refused("spec.upstream.host: class ");
        admin.must(&["delete", "connectionclass", &name]);
    });
}

#[test]
fn what_is_probably_not_meant_is_warned_about() {
    with_namespace(PREFIX, |namespace| {
        let admin = namespace.admin();
        let warned = |kind: &str, spec: &Value, warning: &str| {
            let said = try_apply(&admin, kind, "a", spec);
            assert!(said.succeeded && said.errors.contains(warning), "{said:?}");
        };
        let deny = json!([{"name": "a", "match": {"effects": ["Define"]}, "action": "Deny"}]);
        warned(
            "GuardrailPolicy",
            &guardrail(&deny),
            "Warning: spec.targetRefs[0]: there is no Connection orders",
        );
        warned(
            "MaskingRule",
            &mask(&json!({"columns": ["a.b.c"]})),
            "Warning: spec.targetRefs[0]: there is no",
        );
        let allow = json!([{"name": "a", "match": {"effects": ["Read"]}, "action": "Allow"}]);
        warned(
            "GuardrailPolicy",
            &guardrail(&allow),
            "Warning: spec.rules[0] allows what default: Allow",
        );
        let lost = connection(|it| it["className"] = json!("nobody-made-this"));
        warned(
            "Connection",
            &lost,
            "Warning: spec.className: there is no ConnectionClass nobody-made-this",
        );
        let sidecar = connection(|it| {
            let pods = json!({"podSelector": {"matchLabels": {"app": "shop"}}, "port": 15432});
            it["delivery"] = json!({"mode": "Sidecar", "sidecar": pods});
        });
        let said = admin.try_apply(&object("Connection", "b", &sidecar));
        assert!(
            said.errors.contains("Warning: no pod gets this sidecar"),
            "{said:?}"
        );
    });
}
