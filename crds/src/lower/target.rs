//! Which Connections a policy binds.

use std::collections::BTreeMap;

use portcullis_policy::matcher::Glob;
use portcullis_policy::rule::Origin;

use super::{Errors, origin};
use crate::connection::Protocol;
use crate::reference::TargetReference;
use crate::selector::{LabelExpression, LabelOperator, LabelSelector, TargetSelector};

/// What a policy may select a Connection by.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    pub namespace: &'a str,
    pub namespace_labels: &'a BTreeMap<String, String>,
    pub name: &'a str,
    pub labels: &'a BTreeMap<String, String>,
    pub protocol: Protocol,
}

// === impl Target ===

impl Target<'_> {
    /// Whether a policy of `namespace` with these fields binds this Connection. Fields that cannot
    /// be read, or may not be there, bind all that they could reach: their policy is broken, and
    /// denies there.
    pub fn is_bound_by(
        &self,
        namespace: &str,
        references: &[TargetReference],
        selector: Option<&TargetSelector>,
    ) -> bool {
        let origin = origin(namespace);
        let local = namespace == self.namespace;
        let reaches = local || origin == Origin::Platform;
        let by_name = local
            && references
                .iter()
                .any(|reference| reference.name == self.name);
        let selected = match selector {
            Some(selector) => self.is_selected(selector, origin),
            None => references.is_empty(),
        };
        by_name || (reaches && selected)
    }

    /// What [`check`] refuses for this origin holds here, so that it narrows nothing.
    fn is_selected(&self, selector: &TargetSelector, origin: Origin) -> bool {
        let named = selector.names.is_empty()
            || selector
                .names
                .iter()
                .any(|name| Glob::parse(name).map_or(true, |glob| glob.matches(self.name)));
        let spoken = selector.protocols.is_empty() || selector.protocols.contains(&self.protocol);
        let placed = origin == Origin::Tenant
            || selector
                .namespace_selector
                .as_ref()
                .is_none_or(|selector| has_labels(selector, self.namespace_labels));
        let labelled = origin == Origin::Platform
            || labels_hold(
                &selector.match_labels,
                &selector.match_expressions,
                self.labels,
            );
        named && spoken && placed && labelled
    }
}

/// Whether `labels` satisfy all that a selector says.
pub fn has_labels(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    labels_hold(&selector.match_labels, &selector.match_expressions, labels)
}

fn labels_hold(
    exact: &BTreeMap<String, String>,
    expressions: &[LabelExpression],
    labels: &BTreeMap<String, String>,
) -> bool {
    exact
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value))
        && expressions.iter().all(|expression| {
            let value = labels.get(&expression.key);
            let listed = value.is_some_and(|value| expression.values.contains(value));
            match expression.operator {
                LabelOperator::In => listed,
                LabelOperator::NotIn => !listed,
                LabelOperator::Exists => value.is_some(),
                LabelOperator::DoesNotExist => value.is_none(),
            }
        })
}

/// Checks the fields by which a policy of `namespace` says what it binds.
pub(crate) fn check(
    errors: &mut Errors,
    namespace: &str,
    references: &[TargetReference],
    selector: Option<&TargetSelector>,
) {
    if references.is_empty() == selector.is_none() {
        errors.add("spec", "write either targetRefs or targetSelector");
    }
    let Some(selector) = selector else { return };
    let field = "spec.targetSelector";
    errors.list(&format!("{field}.names"), &selector.names, |name| {
        Glob::parse(name)
    });
    match origin(namespace) {
        Origin::Platform => {
            for (name, written) in [
                ("matchLabels", !selector.match_labels.is_empty()),
                ("matchExpressions", !selector.match_expressions.is_empty()),
            ] {
                if written {
                    errors.add(
                        format!("{field}.{name}"),
                        "labels of a Connection are its tenant's to write, so a platform policy \
                         that selects by them could be shed; use names, protocols or \
                         namespaceSelector",
                    );
                }
            }
        }
        Origin::Tenant => {
            if selector.namespace_selector.is_some() {
                errors.add(
                    format!("{field}.namespaceSelector"),
                    "only policies in the platform namespace reach other namespaces; remove it",
                );
            }
        }
    }
}
