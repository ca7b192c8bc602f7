//! Decisions and masks.
//!
//! This crate is told an [`Operation`] by a [`Subject`] and answers with a decision; it is told a
//! value on its way back and answers with what may be seen. It knows no protocol, no cluster, no
//! runtime and no clock: time, randomness and counters are arguments, so every answer can be
//! tested by table and replayed from a record.

mod baseline;
mod word;

pub mod decide;
pub mod decision;
pub mod explain;
pub mod expression;
pub mod limit;
pub mod mask;
pub mod matcher;
pub mod operation;
pub mod rule;
pub mod snapshot;
pub mod subject;

pub use decide::Request;
pub use decision::{Admission, Class, Decision, Reason, Verdict, WouldBe};
pub use explain::Explanation;
pub use expression::{Expression, InvalidExpression, SessionFacts};
pub use matcher::{Glob, InvalidPattern, ResourcePattern, SegmentPattern, TextPattern};
pub use operation::{Access, Effect, Flag, Operation, Resource, ResourceKind};
pub use rule::{
    Action, ApprovalTerms, CountLimit, DefaultAction, Enforcement, Grant, Limits, Match,
    ObjectName, OnExceed, Origin, Per, Policy, RateLimit, Rule, SizeLimit, SubjectSelector, Wait,
};
pub use snapshot::{
    AccessRule, CompileError, ConnectionFacts, Requirement, RequirementKind, Snapshot,
    SnapshotParts, SubjectView,
};
pub use subject::Subject;
pub use word::UnknownWord;
