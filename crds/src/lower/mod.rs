//! Spec to policy: the one place where custom resources become what is enforced.
//!
//! One file a kind. The operator lowers to tell a status and the proxy to enforce, so both judge
//! alike. Every error is told, each at its field; what cannot be lowered is refused whole, never
//! skipped and never defaulted.

pub mod advice;
pub mod class;
pub mod connection;
pub mod credential;
pub mod documents;
pub mod guardrail;
pub mod host;
pub mod masking;
pub mod snapshot;
pub mod target;

#[cfg(test)]
mod tests;

use std::fmt::Display;

use portcullis_policy::matcher::Glob;
use portcullis_policy::rule as policy;

use crate::PLATFORM_NAMESPACE;
use crate::selector::{SubjectKind, SubjectSelector};

/// One thing that is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct FieldError {
    /// Path from the object's root, such as `spec.rules[2].match.resources[0]`.
    pub field: String,
    /// What is wrong, and what would be right.
    pub reason: String,
}

/// The errors of one object, gathered while it is read.
#[derive(Debug, Default)]
pub(crate) struct Errors(Vec<FieldError>);

// === impl Errors ===

impl Errors {
    pub(crate) fn add(&mut self, field: impl Into<String>, reason: impl Display) {
        self.0.push(FieldError {
            field: field.into(),
            reason: reason.to_string(),
        });
    }

    /// The value, or its error kept with the field's path.
    pub(crate) fn keep<T, E: Display>(&mut self, field: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(field, error)).ok()
    }

    /// The values of a list that can be read; each other is an error at its index.
    pub(crate) fn list<S, T, E: Display>(
        &mut self,
        field: &str,
        items: &[S],
        read: impl Fn(&S) -> Result<T, E>,
    ) -> Vec<T> {
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            values.extend(self.keep(&format!("{field}[{index}]"), read(item)));
        }
        values
    }

    /// `value` if nothing was wrong.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, Vec<FieldError>> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self.0)
        }
    }
}

/// Who wrote an object: what lies in the platform's namespace is the platform's.
pub(crate) fn origin(namespace: &str) -> policy::Origin {
    if namespace == PLATFORM_NAMESPACE {
        policy::Origin::Platform
    } else {
        policy::Origin::Tenant
    }
}

/// The selectors of a list of subjects.
pub(crate) fn subjects(
    errors: &mut Errors,
    field: &str,
    selectors: &[SubjectSelector],
) -> Vec<policy::SubjectSelector> {
    let mut lowered = Vec::with_capacity(selectors.len());
    for (index, selector) in selectors.iter().enumerate() {
        lowered.extend(subject(errors, &format!("{field}[{index}]"), selector));
    }
    lowered
}

fn subject(
    errors: &mut Errors,
    field: &str,
    selector: &SubjectSelector,
) -> Option<policy::SubjectSelector> {
    let name = errors.keep(&format!("{field}.name"), Glob::parse(&selector.name));
    let namespace = match &selector.namespace {
        Some(pattern) => errors.keep(&format!("{field}.namespace"), Glob::parse(pattern)),
        None => None,
    };
    match (selector.kind, &selector.namespace) {
        (SubjectKind::User, None) => name.map(policy::SubjectSelector::User),
        (SubjectKind::Group, None) => name.map(policy::SubjectSelector::Group),
        (SubjectKind::ServiceAccount, Some(_)) => Some(policy::SubjectSelector::ServiceAccount {
            namespace: namespace?,
            name: name?,
        }),
        (SubjectKind::ServiceAccount, None) => {
            errors.add(
                format!("{field}.namespace"),
                "is missing; kind ServiceAccount needs it (* is any namespace)",
            );
            None
        }
        (SubjectKind::User | SubjectKind::Group, Some(_)) => {
            errors.add(
                format!("{field}.namespace"),
                "belongs to kind ServiceAccount only; remove it",
            );
            None
        }
    }
}
