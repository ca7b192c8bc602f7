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

fn lower_connection(
    change: &Value,
    class: &Value,
) -> Result<connection::LoweredConnection, Vec<FieldError>> {
    connection::lower(&connection_of(change), &class_of(class), &BTreeMap::new())
}

#[test]
fn a_connection_keeps_to_its_class() {
    let nothing = json!({});
    let class = json!({"allowedNamespaces": {"names": ["team-*"]}});
    assert_eq!(
        fields(lower_connection(&nothing, &class)),
        ["spec.className"]
    );
    let class = json!({"allowedUpstreams": [{"host": "*.db.internal"}]});
    assert_eq!(
        fields(lower_connection(&nothing, &class)),
        ["spec.upstream.host"]
    );
    let class = json!({"allowedUpstreams": [{"host": "ORDERS.internal", "ports": [5433]}]});
    assert_eq!(
        fields(lower_connection(&nothing, &class)),
        ["spec.upstream.host"]
    );
    let class = json!({
        "allowedUpstreams": [{"host": "ORDERS.internal", "ports": [5432]}],
        "allowedNamespaces": {"names": ["sh?p"]},
    });
    let lowered = lower_connection(&nothing, &class).unwrap();
    assert_eq!((lowered.port, lowered.upstream_port), (5432, 5432));
    assert!(lowered.databases[0].matches("orders") && !lowered.databases[0].matches("other"));
}

#[test]
fn recording_is_only_ever_tightened() {
    let class = json!({"recording": {
        "payloads": "Capped", "onFailure": "Deny", "durability": "Strict", "retention": "100h",
    }});
    let over = |recording: Value| lower_connection(&json!({"recording": recording}), &class);
    let lowered = over(json!({"payloads": "Full", "retention": "200h"}))
        .unwrap()
        .recording;
    assert_eq!(lowered.payloads, Payloads::Full);
    assert_eq!(lowered.retention.unwrap().as_secs(), 720_000);
    assert_eq!(
        fields(over(json!({
            "payloads": "Metadata", "onFailure": "Allow", "durability": "Batched", "retention": "99h",
        }))),
        [
            "spec.recording.payloads",
            "spec.recording.onFailure",
            "spec.recording.durability",
            "spec.recording.retention",
        ]
    );
}

#[test]
fn opening_a_session_cannot_depend_on_an_operation() {
    let with = |expression: &str| {
        lower_connection(&json!({"access": {"expression": expression}}), &json!({}))
    };
    assert_eq!(
        fields(with("operation.verb == 'SELECT'")),
        ["spec.access.expression"]
    );
    assert_eq!(
        fields(with("subject.username =")),
        ["spec.access.expression"]
    );
    assert!(with("subject.claims.mfa == true").is_ok());
}

#[test]
fn an_unsupported_protocol_is_refused_by_name() {
    let errors = lower_connection(&json!({"protocol": "MySQL"}), &json!({})).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "spec.protocol: MySQL is not supported by this version"
    );
}

#[test]
fn keys_are_not_fetched_over_plain_http() {
    let issuer = |change: Value| {
        let base =
            json!({"issuer": "http://idp.example", "audiences": ["a"], "usernamePrefix": ""});
        class::check(&class_of(
            &json!({"identity": {"oidc": [merged(base, &change)]}}),
        ))
    };
    assert_eq!(fields(issuer(json!({}))), ["spec.identity.oidc[0].issuer"]);
    assert_eq!(
        fields(issuer(
            json!({"jwksUri": "http://127.0.0.1.evil.example/keys"})
        )),
        ["spec.identity.oidc[0].jwksUri"]
    );
    for fine in [
        json!({"issuer": "https://idp.example"}),
        json!({"jwksUri": "http://127.0.0.1:8080/keys"}),
        json!({"jwksUri": "http://[::1]/keys"}),
        json!({"jwks": {"keys": [{"kty": "EC"}]}}),
    ] {
        assert_eq!(issuer(fine.clone()), Ok(()), "{fine}");
    }
}

#[test]
fn an_api_key_opens_only_the_connections_that_it_names() {
    let patterns = vec!["shop/orders-*".to_owned()];
    assert!(class::key_opens(&patterns, "shop", "orders-db"));
    assert!(!class::key_opens(&patterns, "shop", "payments"));
    assert!(!class::key_opens(&patterns, "other", "orders-db"));
    assert!(class::key_opens(&[], "any", "thing"));
}

fn gather(guardrails: &[GuardrailPolicy], class: Option<&ConnectionClass>) -> Lowered {
    let labels = BTreeMap::from([("env".to_owned(), "prod".to_owned())]);
    snapshot::lower(
        Objects {
            connection: &connection_of(&json!({})),
            class,
            namespace_labels: &labels,
            guardrails,
            masks: &[],
            replicas: 1,
        },
        &AnyKey,
    )
}

#[test]
fn a_connection_gathers_the_policies_that_bind_it_and_no_others() {
    let class = class_of(&json!({}));
    let selector = |s: Value| json!({"targetSelector": s});
    let binding = [
        guardrail_of("shop", &json!({})),
        guardrail_of("shop", &selector(json!({}))),
        guardrail_of("portcullis-system", &selector(json!({}))),
        guardrail_of(
            "portcullis-system",
            &selector(json!({"protocols": ["PostgreSQL"], "names": ["i*"]})),
        ),
        guardrail_of(
            "portcullis-system",
            &selector(json!({"namespaceSelector": {"matchLabels": {"env": "prod"}}})),
        ),
    ];
    assert_eq!(
        gather(&binding, Some(&class)).parts.policies.len(),
        binding.len()
    );
    let others = [
        guardrail_of("other", &json!({})),
        guardrail_of("other", &selector(json!({}))),
        guardrail_of("portcullis-system", &json!({})),
        guardrail_of("shop", &json!({"targetRefs": [{"name": "another"}]})),
        guardrail_of("shop", &selector(json!({"matchLabels": {"a": "b"}}))),
        guardrail_of("portcullis-system", &selector(json!({"names": ["j*"]}))),
        guardrail_of(
            "portcullis-system",
            &selector(json!({"protocols": ["Redis"]})),
        ),
        guardrail_of(
            "portcullis-system",
            &selector(json!({"namespaceSelector": {"matchLabels": {"env": "dev"}}})),
        ),
    ];
    let lowered = gather(&others, Some(&class));
    assert_eq!(lowered.parts.policies.len(), 0);
    assert_eq!(lowered.refused, []);
}

#[test]
fn what_is_refused_counts_as_broken() {
    let class = class_of(&json!({}));
    let broken = json!({"rules": [
        {"name": "a", "action": "Deny", "match": {"resources": ["nonsense"]}},
    ]});
    let lowered = gather(&[guardrail_of("shop", &broken)], Some(&class));
    assert_eq!(lowered.refused[0].kind, "GuardrailPolicy");
    assert_eq!(lowered.parts.broken.len(), 1);
    // A selector that cannot be read binds what it could have meant.
    let unreadable = json!({"targetSelector": {"names": ["x\\"]}});
    assert_eq!(
        gather(&[guardrail_of("shop", &unreadable)], Some(&class))
            .parts
            .broken
            .len(),
        1
    );
    assert_eq!(
        gather(&[guardrail_of("other", &unreadable)], Some(&class))
            .parts
            .broken
            .len(),
        0
    );
}

#[test]
fn without_its_class_a_connection_opens_for_nobody() {
    let lowered = gather(&[], None);
    assert_eq!(lowered.refused[0].errors[0].field, "spec.className");
    assert_eq!(lowered.parts.broken.len(), 1);
}

#[test]
fn a_revision_follows_what_binds() {
    let class = class_of(&json!({}));
    let mut policy = guardrail_of("shop", &json!({}));
    let first = gather(std::slice::from_ref(&policy), Some(&class))
        .parts
        .revision;
    assert_eq!(
        gather(std::slice::from_ref(&policy), Some(&class))
            .parts
            .revision,
        first
    );
    policy.metadata.generation = Some(2);
    assert_ne!(gather(&[policy], Some(&class)).parts.revision, first);
    let elsewhere = guardrail_of("other", &json!({}));
    assert_eq!(
        gather(&[guardrail_of("shop", &json!({})), elsewhere], Some(&class))
            .parts
            .revision,
        first
    );
}
