//! What of a snapshot concerns one subject.

use std::sync::Arc;
use std::time::SystemTime;

use super::compiled::CompiledPolicy;
use super::sets::IndexSet;
use super::{Audience, Snapshot};
use crate::decide::Request;
use crate::decision::Decision;
use crate::expression::SessionFacts;
use crate::limit::AppliedLimits;
use crate::operation::Operation;
use crate::rule::{Enforcement, SubjectSelector};
use crate::subject::Subject;

/// A snapshot as one subject meets it. Who a session's subject is does not change, so what
/// concerns it is told once and not for each operation. It keeps its snapshot; a session makes a
/// new view when the current snapshot is another.
#[derive(Debug, Clone)]
pub struct SubjectView {
    snapshot: Arc<Snapshot>,
    subject: Arc<Subject>,
    scope: Scope,
}

/// Which policies bind a subject, and which limits.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    audiences: IndexSet,
    has_enforced_policy: bool,
    may_access: bool,
    pub(crate) limits: Arc<AppliedLimits>,
}

// === impl SubjectView ===

impl SubjectView {
    pub fn new(snapshot: Arc<Snapshot>, subject: Arc<Subject>) -> Self {
        let scope = snapshot.scope(&subject);
        Self {
            snapshot,
            subject,
            scope,
        }
    }

    /// The same as [`Snapshot::decide`] for its subject.
    pub fn decide(
        &self,
        session: &SessionFacts,
        operation: &Operation,
        now: SystemTime,
    ) -> Decision {
        let request = Request {
            subject: &self.subject,
            session,
            operation,
            now,
        };
        self.snapshot.decide_within(&self.scope, &request)
    }

    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// The limits that bind the subject.
    pub fn limits(&self) -> &Arc<AppliedLimits> {
        &self.scope.limits
    }

    /// True when some enforced policy surely denies its subject every effect but Read and Session,
    /// whatever the operation is. False says nothing: a policy may say the same in other words.
    ///
    /// Asking for a decision about made-up operations could not tell: a rule may allow a verb, a
    /// text or an hour that the made-up one does not have. So the rules themselves are read.
    pub fn may_only_read(&self) -> bool {
        let binding = |policy: &&CompiledPolicy| {
            policy.enforcement == Enforcement::Enforce && self.scope.binds(policy)
        };
        let mut policies = self.snapshot.policies.iter().filter(binding);
        policies.any(CompiledPolicy::denies_all_but_reads)
    }

    /// False when `current` is another snapshot, and a new view is due.
    pub fn is_of(&self, current: &Arc<Snapshot>) -> bool {
        Arc::ptr_eq(&self.snapshot, current)
    }
}

// === impl Snapshot ===

impl Snapshot {
    pub(crate) fn scope(&self, subject: &Subject) -> Scope {
        let mut audiences = IndexSet::default();
        let mut has_enforced_policy = false;
        let mut limits: Option<Arc<AppliedLimits>> = None;
        for (place, audience) in self.audiences.iter().enumerate() {
            if !audience.includes(subject) {
                continue;
            }
            audiences.insert(place);
            has_enforced_policy |= audience.has_enforced_policy;
            limits = match (limits, &audience.limits) {
                (held, None) => held,
                (None, Some(added)) => Some(Arc::clone(added)),
                (Some(held), Some(added)) => Some(Arc::new(together(&held, added))),
            };
        }
        Scope {
            audiences,
            has_enforced_policy,
            may_access: SubjectSelector::any(&self.parts.access.subjects, subject),
            limits: limits.unwrap_or_else(|| Arc::clone(&self.no_limits)),
        }
    }
}

// === impl Scope ===

impl Scope {
    pub(crate) fn binds(&self, policy: &CompiledPolicy) -> bool {
        self.audiences.has(policy.audience)
    }

    pub(crate) fn has_enforced_policy(&self) -> bool {
        self.has_enforced_policy
    }

    pub(crate) fn may_access(&self) -> bool {
        self.may_access
    }
}

// === impl Audience ===

impl Audience {
    fn includes(&self, subject: &Subject) -> bool {
        self.subjects.is_empty() || SubjectSelector::any(&self.subjects, subject)
    }
}

/// All limits hold; where they are of several policies, each has its own counter.
fn together(one: &AppliedLimits, two: &AppliedLimits) -> AppliedLimits {
    let mut all = one.clone();
    all.sizes.extend(two.sizes.iter().cloned());
    all.operations.extend(two.operations.iter().cloned());
    all.writes.extend(two.writes.iter().cloned());
    all.sessions.extend(two.sessions.iter().cloned());
    all
}

#[cfg(test)]
mod tests;
