//! What a set of documents allows and probably does not mean.

use std::collections::BTreeSet;

use kube::ResourceExt;

use crate::connection_class::Identity;
use crate::document::{Documents, NAMESPACE_NAME_LABEL};
use crate::selector::LabelSelector;
use crate::{DEFAULT_CLASS, PLATFORM_NAMESPACE};

/// All of it, in sentences.
pub fn advice(documents: &Documents) -> Vec<String> {
    let mut advice = on_namespaces(documents);
    advice.extend(on_classes(documents));
    advice
}

fn on_namespaces(documents: &Documents) -> Vec<String> {
    let guards = documents.guardrail_policies.iter();
    let guards = guards.map(|it| (it.namespace(), it.name_any(), &it.spec.target_selector));
    let masks = documents.masking_rules.iter();
    let masks = masks.map(|it| (it.namespace(), it.name_any(), &it.spec.target_selector));
    let told = guards.chain(masks).filter(|(namespace, _, selector)| {
        let selector = selector
            .as_ref()
            .and_then(|it| it.namespace_selector.as_ref());
        namespace.as_deref() == Some(PLATFORM_NAMESPACE) && selector.is_some_and(asks_labels)
    });
    let namespaces: BTreeSet<String> = documents
        .connections
        .iter()
        .map(|connection| connection.namespace().unwrap_or_default())
        .collect();
    let unlabelled: Vec<&String> = namespaces
        .iter()
        .filter(|namespace| documents.namespace_labels(namespace).len() <= 1)
        .collect();
    let mut advice = Vec::new();
    for (_, policy, _) in told {
        advice.extend(unlabelled.iter().map(|namespace| {
            format!(
                "{policy} selects by labels of namespaces, and {namespace} has none here; write a \
                 Namespace document with them"
            )
        }));
    }
    advice
}

/// Whether it asks for more than the name, which each namespace has.
fn asks_labels(selector: &LabelSelector) -> bool {
    let labels = selector.match_labels.keys();
    let conditions = selector.match_expressions.iter();
    labels
        .chain(conditions.map(|condition| &condition.key))
        .any(|key| key != NAMESPACE_NAME_LABEL)
}

fn on_classes(documents: &Documents) -> Vec<String> {
    let used: BTreeSet<&str> = documents
        .connections
        .iter()
        .map(|connection| connection.spec.class_name.as_str())
        .collect();
    let classes = super::documents::classes(documents);
    let written = documents.connection_classes.iter();
    let mut advice = Vec::new();
    if used.contains(DEFAULT_CLASS)
        && !written
            .map(|it| it.name_any())
            .any(|it| it == DEFAULT_CLASS)
    {
        advice.push(format!(
            "there is no ConnectionClass {DEFAULT_CLASS}, so defaults hold: no identity provider, \
             and nobody gets in"
        ));
    }
    for (name, class) in &classes {
        if used.contains(name.as_str()) && !proves_anybody(&class.spec.identity) {
            advice.push(format!(
                "ConnectionClass {name} has no identity provider, so nobody gets in"
            ));
        }
    }
    advice
}

fn proves_anybody(identity: &Identity) -> bool {
    !identity.oidc.is_empty()
        || identity.service_account_tokens.is_some()
        || identity.mtls.is_some()
        || !identity.api_keys.is_empty()
}
