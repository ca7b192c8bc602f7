//! From an operation to a decision.
//!
//! The connection as a whole comes first: lockdown, policies that never compiled, what it
//! requires, who may use it, and whether any enforced policy binds the subject at all. Then the
//! baseline, then every policy that binds the subject. Each gives a verdict by the strictest of
//! its rules that speak of the operation (Deny, then RequireApproval with the largest quorum, then
//! Allow), or by its default where none does; of these the strictest wins. Policies in audit are
//! asked too, and only reported.
//!
//! Policies are read by name and rules as they are written, so that of equally strict ones always
//! the same is named; the verdict does not depend on any order.

pub(crate) mod matching;
mod standing;
mod verdict;

use std::sync::Arc;
use std::time::SystemTime;

use crate::baseline;
use crate::decision::{Admission, Decision};
use crate::expression::{Facts, SessionFacts};
use crate::operation::Operation;
use crate::rule::{Action, Enforcement, Origin};
use crate::snapshot::compiled::CompiledPolicy;
use crate::snapshot::{Scope, Snapshot};
use crate::subject::Subject;
use matching::Examined;
pub(crate) use standing::closed_reason;
use verdict::{Said, Tally};

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub subject: &'a Subject,
    pub session: &'a SessionFacts,
    pub operation: &'a Operation,
    pub now: SystemTime,
}

// === impl Snapshot ===

impl Snapshot {
    /// Decides about one operation. Nothing is allocated where it is allowed and the policies that
    /// could match have no text patterns and no expressions.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        self.decide_within(&self.scope(request.subject), request)
    }

    /// Decides whether a session may open.
    pub fn admit(&self, subject: &Subject, session: &SessionFacts, now: SystemTime) -> Admission {
        let scope = self.scope(subject);
        let facts = Facts {
            subject,
            connection: &self.parts.connection,
            session,
            now,
            operation: None,
        };
        let refusal = self
            .refusal(&scope, facts)
            .or_else(|| self.no_policy(&scope));
        Admission {
            refusal,
            limits: Arc::clone(&scope.limits),
        }
    }

    /// Decides, for a subject whose scope is known.
    pub(crate) fn decide_within(&self, scope: &Scope, request: &Request<'_>) -> Decision {
        let facts = self.facts(request);
        let limits = Arc::clone(&scope.limits);
        if let Some(reason) = self.refusal(scope, facts).or_else(|| self.stale()) {
            return verdict::refused(reason, limits);
        }
        let at = self.examine(request);
        let mut tally = Tally::default();
        self.ask_rules(scope, &at, &mut tally);
        self.ask_defaults(scope, &mut tally);
        if let Some(reason) = self.no_policy(scope) {
            return tally.denied_for(self, reason, limits);
        }
        let lacking = baseline::PARTS
            .iter()
            .find(|part| at.flags.has(part.flag) && !tally.lifted().has(part.flag));
        if let Some(part) = lacking {
            return tally.denied_for(self, part.reason(), limits);
        }
        tally.decide(self, limits)
    }

    pub(crate) fn examine<'a>(&'a self, request: &Request<'a>) -> Examined<'a> {
        let evaluation = self.environment.evaluate(self.facts(request));
        Examined::new(request.operation, &self.texts, evaluation)
    }

    fn facts<'a>(&'a self, request: &Request<'a>) -> Facts<'a> {
        Facts {
            subject: request.subject,
            connection: &self.parts.connection,
            session: request.session,
            now: request.now,
            operation: Some(request.operation),
        }
    }

    /// Asks the rules that could speak of the operation, policy by policy.
    fn ask_rules(&self, scope: &Scope, at: &Examined<'_>, tally: &mut Tally) {
        for id in self.index.search(at.operation, at.flags).iter() {
            let Some(policy) = self.policies.get(id.policy as usize) else {
                continue;
            };
            if !scope.binds(policy) {
                continue;
            }
            let Some(rule) = policy.rules.get(id.rule as usize) else {
                continue;
            };
            if !rule.applies(at) {
                continue;
            }
            if lifts_baseline(policy, rule.action) {
                tally.lift(rule.matching.flags.common(baseline::flags()));
            }
            let said = Said::by_rule(id, rule.action);
            tally.add(policy.enforcement, said);
        }
    }

    /// Asks the policies that deny by default, and of which no rule spoke.
    fn ask_defaults(&self, scope: &Scope, tally: &mut Tally) {
        tally.settle();
        for place in &self.deny_by_default {
            let Some(policy) = self.policies.get(*place as usize) else {
                continue;
            };
            if scope.binds(policy) && !tally.has_spoken(*place) {
                tally.add(policy.enforcement, Said::by_default(*place));
            }
        }
    }
}

/// Only what the platform enforces lifts its own baseline.
pub(crate) fn lifts_baseline(policy: &CompiledPolicy, action: Action) -> bool {
    action == Action::Allow
        && policy.origin == Origin::Platform
        && policy.enforcement == Enforcement::Enforce
}
