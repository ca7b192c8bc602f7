//! The immutable rules of one connection.
//!
//! A snapshot is compiled once from its [`SnapshotParts`] and then only read: by name of the
//! policies, so that the order in which they came is lost; with lists of subjects, text patterns
//! and compiled expressions shared between the rules that have them in common; and with an index
//! that finds the rules that could speak of an operation without looking at all of them.

mod compile;
pub(crate) mod compiled;
pub(crate) mod index;
mod parts;
mod scope;
pub(crate) mod sets;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::decision::Reason;
use crate::expression::Environment;
use crate::limit::AppliedLimits;
use crate::mask::{InvalidMasks, MaskSet, Masks};
use crate::rule::{ObjectName, SubjectSelector};
use crate::subject::Subject;
use compiled::{CompiledPolicy, Texts};
use index::Index;

pub use compile::{
    CompileError, MAX_FIELD_VALUES, MAX_MASKS, MAX_POLICIES, MAX_RULES, MAX_SNAPSHOT_COST,
    MAX_TEXT_PATTERNS,
};
pub use parts::{AccessRule, ConnectionFacts, Requirement, RequirementKind, SnapshotParts};
pub(crate) use scope::Scope;
pub use scope::SubjectView;

/// The compiled rules of one connection.
#[derive(Debug)]
pub struct Snapshot {
    /// What it was compiled from, but for the policies and masks, which are below.
    pub(crate) parts: SnapshotParts,
    /// By origin, the platform's first, and by name.
    pub(crate) policies: Vec<CompiledPolicy>,
    /// The places of those that deny what none of their rules speaks of.
    pub(crate) deny_by_default: Vec<u32>,
    pub(crate) has_enforced_policy: bool,
    /// Each list of subjects once.
    pub(crate) audiences: Vec<Audience>,
    pub(crate) no_limits: Arc<AppliedLimits>,
    pub(crate) texts: Texts,
    pub(crate) environment: Environment,
    pub(crate) index: Index,
    pub(crate) masks: Masks,
    /// Why nothing passes for anybody, where that is so.
    pub(crate) closed: Option<Reason>,
}

/// Whom some policies bind, and what they have in common for it.
#[derive(Debug)]
pub(crate) struct Audience {
    /// Empty: everybody.
    pub(crate) subjects: Vec<SubjectSelector>,
    pub(crate) has_enforced_policy: bool,
    /// The limits of its enforced policies. None: no limit.
    pub(crate) limits: Option<Arc<AppliedLimits>>,
}

// === impl Snapshot ===

impl Snapshot {
    pub fn compile(parts: SnapshotParts) -> Result<Self, Vec<CompileError>> {
        compile::compile(parts)
    }

    pub fn revision(&self) -> &str {
        &self.parts.revision
    }

    /// The masks that apply to a subject. They are the same for all who meet the same rules.
    pub fn masks_for(&self, subject: &Subject) -> Result<Arc<MaskSet>, Vec<InvalidMasks>> {
        self.masks.of(subject)
    }

    /// Which edit of a policy decides here.
    pub fn generation_of(&self, policy: &ObjectName) -> Option<i64> {
        let mut policies = self.policies.iter();
        let found = policies.find(|it| *it.name == *policy)?;
        Some(found.generation)
    }

    pub fn connection(&self) -> &ConnectionFacts {
        &self.parts.connection
    }
}
