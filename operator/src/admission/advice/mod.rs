//! Warnings: what is valid and probably not meant. They are told to who writes the object, and stop
//! nothing.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use kube::ResourceExt;
use portcullis_crds::connection::Sidecar;
use portcullis_crds::guardrail_policy::{Action, DefaultAction, Enforcement, Rule};
use portcullis_crds::lower::target::{Target as Bound, has_labels};
use portcullis_crds::reference::TargetReference;
use portcullis_crds::selector::TargetSelector;
use portcullis_crds::{Connection, GuardrailPolicySpec, MaskingRuleSpec};

/// The label by which a namespace has sidecars put into its pods.
pub const INJECT: (&str, &str) = ("portcullis.dev/inject", "enabled");

/// By which fields a policy says what it binds.
pub type Target<'a> = (&'a [TargetReference], Option<&'a TargetSelector>);

/// Rules that decide nothing beside the others of their policy.
pub fn of_rules(spec: &GuardrailPolicySpec) -> Vec<String> {
    let mut said = Vec::new();
    for (index, rule) in spec.rules.iter().enumerate() {
        let field = format!("spec.rules[{index}]");
        if rule.action == Action::Allow && spec.default == DefaultAction::Allow {
            said.push(format!(
                "{field} allows what default: Allow allows already; it does nothing"
            ));
        } else if let Some(stricter) = spec.rules.iter().find(|other| shadows(other, rule)) {
            said.push(format!(
                "{field} never decides: rule {} matches the same and is stricter",
                stricter.name
            ));
        }
    }
    if spec.rules.is_empty() && spec.default == DefaultAction::Deny {
        said.push(
            "spec.rules is empty and default is Deny: nothing passes on what this binds".to_owned(),
        );
    }
    if spec.enforcement == Enforcement::Audit {
        said.push("spec.enforcement is Audit: this is recorded, and enforces nothing".to_owned());
    }
    said
}

/// A rule for everybody for whom it is lifted.
pub fn of_mask(spec: &MaskingRuleSpec) -> Vec<String> {
    let lifted = !spec.subjects.is_empty()
        && spec
            .subjects
            .iter()
            .all(|subject| spec.exempt.contains(subject));
    let nobody = "spec.exempt names everybody that spec.subjects names: nobody sees a masked value";
    lifted.then(|| nobody.to_owned()).into_iter().collect()
}

/// A policy that binds no Connection that is there now.
pub fn of_target(
    namespace: &str,
    (references, selector): Target<'_>,
    connections: &[Connection],
    namespaces: &BTreeMap<String, BTreeMap<String, String>>,
) -> Vec<String> {
    let mut said = Vec::new();
    for (index, reference) in references.iter().enumerate() {
        let there = connections.iter().any(|it| {
            it.name_any() == reference.name && it.namespace().as_deref() == Some(namespace)
        });
        if !there {
            let name = &reference.name;
            said.push(format!(
                "spec.targetRefs[{index}]: there is no Connection {name} in {namespace}"
            ));
        }
    }
    let none = BTreeMap::new();
    let is_bound = |connection: &Connection| {
        let place = connection.namespace().unwrap_or_default();
        let bound = Bound {
            namespace: &place,
            namespace_labels: namespaces.get(&place).unwrap_or(&none),
            name: &connection.name_any(),
            labels: connection.labels(),
            protocol: connection.spec.protocol,
        };
        bound.is_bound_by(namespace, references, selector)
    };
    if selector.is_some() && !connections.iter().any(is_bound) {
        said.push("spec.targetSelector selects no Connection that is there now".to_owned());
    }
    said
}

/// Sidecars that no pod will get, or that two want in one place.
pub fn of_sidecar(
    object: &Connection,
    others: &[Connection],
    namespace_labels: &BTreeMap<String, String>,
) -> Vec<String> {
    let Some(own) = sidecar(object) else {
        return Vec::new();
    };
    let mut said = Vec::new();
    if namespace_labels.get(INJECT.0).map(String::as_str) != Some(INJECT.1) {
        said.push(format!(
            "no pod gets this sidecar: the namespace is not labelled {}={}",
            INJECT.0, INJECT.1
        ));
    }
    let others = others
        .iter()
        .filter(|other| other.name_any() != object.name_any());
    for other in others {
        let same_port = sidecar(other).is_some_and(|it| it.port == own.port && may_meet(it, own));
        if same_port {
            said.push(format!(
                "spec.delivery.sidecar.port: Connection {} has {} too; a pod that both select is \
                 refused",
                other.name_any(),
                own.port
            ));
        }
    }
    said
}

fn sidecar(connection: &Connection) -> Option<&Sidecar> {
    connection.spec.delivery.sidecar.as_ref()
}

/// Whether a pod may be selected by both: not where each wants another value of one label.
fn may_meet(one: &Sidecar, other: &Sidecar) -> bool {
    let (one, other) = (&one.pod_selector, &other.pod_selector);
    let mut labels = one.match_labels.clone();
    labels.extend(other.match_labels.clone());
    let exact = |selector: &portcullis_crds::selector::LabelSelector| {
        let exact = portcullis_crds::selector::LabelSelector {
            match_labels: selector.match_labels.clone(),
            match_expressions: Vec::new(),
        };
        has_labels(&exact, &labels)
    };
    exact(one) && exact(other)
}

/// Whether `other` decides whatever `rule` would: the same match, stricter, and never lifted.
fn shadows(other: &Rule, rule: &Rule) -> bool {
    let strictness = |action: Action| match action {
        Action::Allow => 0,
        Action::RequireApproval => 1,
        Action::Deny => 2,
    };
    other.matching == rule.matching
        && other.unless.is_none()
        && strictness(other.action) > strictness(rule.action)
}
