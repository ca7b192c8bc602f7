//! Decisions about operations, by policies of any make.
//!
//! Input: bytes, each of which picks the next part of some policies, an operation and a subject.
//! Checked: what a policy author relies on whatever the policies are.

mod parts;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use portcullis_policy::{
    Decision, Enforcement, Operation, Origin, Policy, Request, SessionFacts, Snapshot,
    SnapshotParts, Subject, SubjectSelector, SubjectView, Verdict,
};

use parts::Picks;

pub fn check(data: &[u8]) {
    let mut picks = Picks::new(data);
    let case = Case {
        subject: picks.subject(),
        operation: picks.operation(),
        policies: picks.policies(),
    };
    if compile(case.policies.clone(), false).is_none() {
        return;
    }
    let decision = case.decide(&case.policies);
    assert_eq!(
        decision.reason.is_none(),
        decision.is_allowed(),
        "a refusal says why"
    );
    case.order_does_not_matter(&decision);
    case.audit_never_changes_a_verdict(&decision);
    case.adding_never_loosens(&decision);
    case.lockdown_denies();
}

struct Case {
    subject: Subject,
    operation: Operation,
    policies: Vec<Policy>,
}

impl Case {
    fn decide(&self, policies: &[Policy]) -> Decision {
        let compiled = compile(policies.to_vec(), false);
        let snapshot =
            Arc::new(compiled.expect("what compiles, compiles in part and in any order"));
        let session = session();
        let request = self.request(&session);
        let decision = snapshot.decide(&request);
        let (explained, explanation) = snapshot.explain(&request);
        assert_eq!(explained, decision, "an explanation is of this decision");
        assert_eq!(explanation.verdict, decision.verdict);
        let view = SubjectView::new(snapshot, Arc::new(self.subject.clone()));
        let viewed = view.decide(request.session, request.operation, request.now);
        assert_eq!(viewed, decision, "a view decides as its snapshot does");
        decision
    }

    fn request<'a>(&'a self, session: &'a SessionFacts) -> Request<'a> {
        let now = session.started_at + Duration::from_secs(60);
        Request {
            subject: &self.subject,
            session,
            operation: &self.operation,
            now,
        }
    }

    fn order_does_not_matter(&self, decision: &Decision) {
        let mut turned = self.policies.clone();
        turned.reverse();
        for policy in &mut turned {
            policy.rules.reverse();
        }
        assert_eq!(self.decide(&turned).verdict, decision.verdict);
    }

    fn audit_never_changes_a_verdict(&self, decision: &Decision) {
        let mut enforced = self.policies.clone();
        enforced.retain(|policy| policy.enforcement == Enforcement::Enforce);
        assert_eq!(self.decide(&enforced).verdict, decision.verdict);
    }

    /// But for the two ways in which policies open: the first that applies at all, and what a
    /// platform policy lifts of the baseline.
    fn adding_never_loosens(&self, decision: &Decision) {
        let Some((added, rest)) = self.policies.split_last() else {
            return;
        };
        if added.origin == Origin::Platform || !rest.iter().any(|policy| self.is_bound_by(policy)) {
            return;
        }
        let before = self.decide(rest).verdict;
        assert_eq!(
            decision.verdict.strictest(before),
            decision.verdict,
            "loosened from {before}"
        );
    }

    fn is_bound_by(&self, policy: &Policy) -> bool {
        let binds =
            policy.subjects.is_empty() || SubjectSelector::any(&policy.subjects, &self.subject);
        policy.enforcement == Enforcement::Enforce && binds
    }

    fn lockdown_denies(&self) {
        let snapshot = compile(self.policies.clone(), true).expect("compiled before");
        let session = session();
        assert_eq!(
            snapshot.decide(&self.request(&session)).verdict,
            Verdict::Deny
        );
    }
}

/// Nothing where the parts are refused, as a rule with an empty `unless` is.
fn compile(policies: Vec<Policy>, lockdown: bool) -> Option<Snapshot> {
    let parts = SnapshotParts {
        access: parts::open_to_everybody(),
        policies,
        lockdown,
        replicas: 1,
        ..SnapshotParts::default()
    };
    Snapshot::compile(parts).ok()
}

fn session() -> SessionFacts {
    SessionFacts {
        id: "s-1".to_owned(),
        client_address: "203.0.113.7".to_owned(),
        started_at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
    }
}
