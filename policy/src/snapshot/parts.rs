//! What a snapshot is compiled from.

use std::collections::BTreeMap;

use crate::expression::Expression;
use crate::mask::MaskRule;
use crate::rule::{ObjectName, Policy, SubjectSelector};

/// What is said of a connection, and so may be asked by an expression.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectionFacts {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub labels: BTreeMap<String, String>,
    pub protocol: String,
    pub database: Option<String>,
}

/// Who may open a session. No subjects: nobody, whatever the expression says.
#[derive(Debug, Clone, Default)]
pub struct AccessRule {
    /// Any of them.
    pub subjects: Vec<SubjectSelector>,
    /// And this, where present. It may not ask about an operation.
    pub expression: Option<Expression>,
}

/// A policy or a mask without which the connection opens for nobody.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    pub kind: RequirementKind,
    pub name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequirementKind {
    /// A policy that is enforced; one in audit does not count.
    Guardrail,
    Mask,
}

/// All that bears on one connection.
#[derive(Debug, Clone, Default)]
pub struct SnapshotParts {
    pub revision: String,
    pub connection: ConnectionFacts,
    pub access: AccessRule,
    pub requires: Vec<Requirement>,
    /// Refuses everything.
    pub lockdown: bool,
    /// Nobody knows whether these are still the policies: refuses every operation. Sessions that
    /// are open stay open, for the next word may be the same as the last.
    pub stale: bool,
    pub policies: Vec<Policy>,
    pub masks: Vec<MaskRule>,
    /// Policies and masks in scope that never compiled: while there is one, nothing passes.
    pub broken: Vec<ObjectName>,
    /// How many replicas share the limits; at least 1.
    pub replicas: u32,
}

// === impl Requirement ===

impl std::fmt::Display for Requirement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            RequirementKind::Guardrail => "guardrail",
            RequirementKind::Mask => "mask",
        };
        write!(f, "{kind} {}", self.name)
    }
}
