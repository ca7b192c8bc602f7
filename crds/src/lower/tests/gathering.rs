//! What binds a Connection, and what is refused.

use super::*;

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

/// Whether one policy with these fields closes the Connection.
fn closes(namespace: &str, targets: &Value) -> bool {
    let class = class_of(&json!({}));
    let policy = guardrail_of(namespace, targets);
    !gather(&[policy], Some(&class)).parts.broken.is_empty()
}

#[test]
fn a_selector_that_may_not_be_written_narrows_nothing() {
    // The tenant's Connection has no such label; it could take one off as easily.
    let labels = json!({"targetSelector": {"matchLabels": {"tier": "gold"}}});
    assert!(closes("portcullis-system", &labels));
    assert!(!closes("shop", &labels));
    let elsewhere =
        json!({"targetSelector": {"matchLabels": {"tier": "gold"}, "protocols": ["Redis"]}});
    assert!(!closes("portcullis-system", &elsewhere));
    let namespaces = json!({"targetSelector": {"namespaceSelector": {"matchLabels": {"a": "b"}}}});
    assert!(closes("shop", &namespaces));
    assert!(!closes("other", &namespaces));
    assert!(!closes("portcullis-system", &namespaces));
}

#[test]
fn a_policy_that_does_not_say_what_it_binds_denies_where_it_could_reach() {
    let class = class_of(&json!({}));
    for (namespace, broken) in [("shop", 1), ("portcullis-system", 1), ("other", 0)] {
        let mut policy = guardrail_of(namespace, &json!({}));
        policy.spec.target_refs.clear();
        assert_eq!(
            gather(&[policy], Some(&class)).parts.broken.len(),
            broken,
            "{namespace}"
        );
    }
}
