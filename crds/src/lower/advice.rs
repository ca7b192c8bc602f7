//! What a set of documents allows and probably does not mean.

use std::collections::BTreeSet;

use kube::ResourceExt;

use super::target::Target;
use crate::connection::Connection;
use crate::connection_class::Identity;
use crate::document::{Documents, NAMESPACE_NAME_LABEL};
use crate::selector::LabelSelector;
use crate::{DEFAULT_CLASS, PLATFORM_NAMESPACE};

/// All of it, in sentences.
pub fn advice(documents: &Documents) -> Vec<String> {
    let mut advice = on_namespaces(documents);
    advice.extend(on_classes(documents));
    advice.extend(on_targets(documents));
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
    let is_made_up = used.contains(DEFAULT_CLASS)
        && !written
            .map(|it| it.name_any())
            .any(|it| it == DEFAULT_CLASS);
    if is_made_up {
        advice.push(format!(
            "there is no ConnectionClass {DEFAULT_CLASS}, so defaults hold: no identity provider, \
             and nobody gets in"
        ));
    }
    for (name, class) in &classes {
        let is_told = is_made_up && name == DEFAULT_CLASS;
        if used.contains(name.as_str()) && !is_told && !proves_anybody(&class.spec.identity) {
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

/// A name that is misspelt is no error: the Connection may be written later. Until then it binds nothing.
fn on_targets(documents: &Documents) -> Vec<String> {
    let guards = documents.guardrail_policies.iter().map(|it| {
        let (references, selector) = (&it.spec.target_refs, &it.spec.target_selector);
        let kind = "GuardrailPolicy";
        (kind, it.namespace(), it.name_any(), references, selector)
    });
    let masks = documents.masking_rules.iter().map(|it| {
        let (references, selector) = (&it.spec.target_refs, &it.spec.target_selector);
        let kind = "MaskingRule";
        (kind, it.namespace(), it.name_any(), references, selector)
    });
    let connections = &documents.connections;
    let mut advice = Vec::new();
    // That there is no Connection at all is told by itself.
    if connections.is_empty() {
        return advice;
    }
    for (kind, namespace, policy, references, selector) in guards.chain(masks) {
        let namespace = namespace.unwrap_or_default();
        let is_in = |it: &Connection| it.namespace().unwrap_or_default() == namespace;
        for (index, reference) in references.iter().enumerate() {
            let name = &reference.name;
            if !connections
                .iter()
                .any(|it| it.name_any() == *name && is_in(it))
            {
                advice.push(format!(
                    "{kind} {namespace}/{policy}: spec.targetRefs[{index}]: there is no Connection \
                     {name} in {namespace}"
                ));
            }
        }
        let is_bound = |connection: &Connection| {
            let place = connection.namespace().unwrap_or_default();
            let target = Target {
                namespace: &place,
                namespace_labels: &documents.namespace_labels(&place),
                name: &connection.name_any(),
                labels: connection.labels(),
                protocol: connection.spec.protocol,
            };
            target.is_bound_by(&namespace, references, selector.as_ref())
        };
        if selector.is_some() && !connections.iter().any(is_bound) {
            advice.push(format!(
                "{kind} {namespace}/{policy}: spec.targetSelector selects no Connection that is here"
            ));
        }
    }
    advice
}
