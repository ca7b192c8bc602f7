//! Decisions and masks.
//!
//! This crate is told an [`Operation`] by a [`Subject`] and answers with a decision; it is told a
//! value on its way back and answers with what may be seen. It knows no protocol, no cluster, no
//! runtime and no clock: time, randomness and counters are arguments, so every answer can be
//! tested by table and replayed from a record.

mod word;

pub mod expression;
pub mod matcher;
pub mod operation;
pub mod rule;
pub mod snapshot;
pub mod subject;

pub use expression::{Expression, InvalidExpression};
pub use matcher::{Glob, InvalidPattern, ResourcePattern, SegmentPattern, TextPattern};
pub use operation::{Access, Effect, Flag, Operation, Resource, ResourceKind};
pub use rule::{
    Action, ApprovalTerms, CountLimit, DefaultAction, Enforcement, Grant, Limits, Match,
    ObjectName, OnExceed, Origin, Per, Policy, RateLimit, Rule, SizeLimit, SubjectSelector, Wait,
};
pub use snapshot::{AccessRule, ConnectionFacts, Requirement, RequirementKind, SnapshotParts};
pub use subject::Subject;
pub use word::UnknownWord;
