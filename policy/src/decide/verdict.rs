//! What the policies said, and what comes of it.

use std::sync::Arc;

use crate::decision::{Class, Decision, Reason, Verdict, WouldBe};
use crate::limit::AppliedLimits;
use crate::rule::{Action, ApprovalTerms, Enforcement};
use crate::snapshot::Snapshot;
use crate::snapshot::index::RuleId;
use crate::snapshot::sets::FlagSet;

/// One voice: of a rule, or of a policy's default.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    policy: u32,
    rule: Option<u32>,
    verdict: Verdict,
}

/// All voices so far. Rules speak in order of their policies, and then the defaults do.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The strictest of what is enforced; of equals, the first.
    enforced: Option<Said>,
    /// All holds among it together.
    terms: Option<ApprovalTerms>,
    /// The strictest of each policy in audit.
    audited: Vec<Said>,
    /// Policies that deny by default and of which a rule spoke. Others need not be remembered.
    spoken: Spoken,
    lifted: FlagSet,
}

/// Places of policies, in order; up to 32 without an allocation.
#[derive(Debug, Default)]
struct Spoken {
    few: [u32; 32],
    count: usize,
    many: Vec<u32>,
}

// === impl Said ===

impl Said {
    pub(super) fn by_rule(id: RuleId, action: Action) -> Self {
        let verdict = match action {
            Action::Allow => Verdict::Allow,
            Action::Deny => Verdict::Deny,
            Action::RequireApproval(terms) => Verdict::Hold(terms),
        };
        Self {
            policy: id.policy,
            rule: Some(id.rule),
            verdict,
        }
    }

    /// A default is only asked where it denies.
    pub(super) fn by_default(policy: u32) -> Self {
        Self {
            policy,
            rule: None,
            verdict: Verdict::Deny,
        }
    }

    /// Rules before defaults, and larger quorums first.
    fn is_stricter_than(&self, other: &Self) -> bool {
        let strictness = |said: &Self| {
            (
                said.verdict.rank(),
                said.rule.is_some(),
                said.verdict.quorum(),
            )
        };
        strictness(self) > strictness(other)
    }
}

// === impl Tally ===

impl Tally {
    pub(super) fn add(&mut self, enforcement: Enforcement, said: Said) {
        self.spoken.push(said.policy);
        match enforcement {
            Enforcement::Enforce => {
                if let Verdict::Hold(terms) = said.verdict {
                    self.terms = Some(self.terms.map_or(terms, |held| held.strictest(terms)));
                }
                if self
                    .enforced
                    .as_ref()
                    .is_none_or(|held| said.is_stricter_than(held))
                {
                    self.enforced = Some(said);
                }
            }
            Enforcement::Audit => self.add_audited(said),
        }
    }

    fn add_audited(&mut self, said: Said) {
        if said.verdict == Verdict::Allow {
            return;
        }
        match self.audited.last_mut() {
            Some(held) if held.policy == said.policy => {
                let verdict = held.verdict.strictest(said.verdict);
                let rule = if said.is_stricter_than(held) {
                    said.rule
                } else {
                    held.rule
                };
                *held = Said {
                    rule,
                    verdict,
                    ..*held
                };
            }
            _ => self.audited.push(said),
        }
    }

    pub(super) fn lift(&mut self, flags: FlagSet) {
        self.lifted = self.lifted.with(flags);
    }

    pub(super) fn lifted(&self) -> FlagSet {
        self.lifted
    }

    /// Has to be called between the last rule and the first default.
    pub(super) fn settle(&mut self) {
        self.spoken.many.sort_unstable();
    }

    pub(super) fn has_spoken(&self, policy: u32) -> bool {
        self.spoken.has(policy)
    }

    pub(super) fn decide(self, snapshot: &Snapshot, limits: Arc<AppliedLimits>) -> Decision {
        let verdict = match self.enforced.map(|said| said.verdict) {
            None | Some(Verdict::Allow) => Verdict::Allow,
            Some(Verdict::Hold(terms)) => Verdict::Hold(self.terms.unwrap_or(terms)),
            Some(Verdict::Deny) => Verdict::Deny,
        };
        let reason = match (verdict, self.enforced) {
            (Verdict::Allow, _) | (_, None) => None,
            (verdict, Some(said)) => Some(explained(snapshot, said, verdict)),
        };
        Decision {
            verdict,
            reason,
            would_be: self.would_be(snapshot),
            limits,
        }
    }

    /// A denial that no policy spoke, beside what those in audit said.
    pub(super) fn denied_for(
        self,
        snapshot: &Snapshot,
        reason: Reason,
        limits: Arc<AppliedLimits>,
    ) -> Decision {
        let would_be = self.would_be(snapshot);
        Decision {
            verdict: Verdict::Deny,
            reason: Some(reason),
            would_be,
            limits,
        }
    }

    /// By name of the policy: rules and defaults spoke one after the other.
    fn would_be(&self, snapshot: &Snapshot) -> Vec<WouldBe> {
        let mut audited = self.audited.clone();
        audited.sort_by_key(|said| said.policy);
        let told = audited.iter().filter_map(|said| {
            let policy = snapshot.policies.get(said.policy as usize)?;
            let rule = said.rule.and_then(|rule| policy.rules.get(rule as usize));
            Some(WouldBe {
                policy: Arc::clone(&policy.name),
                rule: rule.map(|rule| Arc::clone(&rule.name)),
                verdict: said.verdict,
            })
        });
        told.collect()
    }
}

// === impl Spoken ===

impl Spoken {
    fn push(&mut self, policy: u32) {
        match self.few.get_mut(self.count) {
            Some(free) => {
                *free = policy;
                self.count += 1;
            }
            None => self.many.push(policy),
        }
    }

    fn has(&self, policy: u32) -> bool {
        self.few
            .iter()
            .take(self.count)
            .any(|spoken| *spoken == policy)
            || self.many.binary_search(&policy).is_ok()
    }
}

// === reasons ===

/// A decision by the connection as a whole.
pub(super) fn refused(reason: Reason, limits: Arc<AppliedLimits>) -> Decision {
    Decision {
        verdict: Verdict::Deny,
        reason: Some(reason),
        would_be: Vec::new(),
        limits,
    }
}

fn explained(snapshot: &Snapshot, said: Said, verdict: Verdict) -> Reason {
    let policy = snapshot.policies.get(said.policy as usize);
    let rule = policy
        .zip(said.rule)
        .and_then(|(policy, rule)| policy.rules.get(rule as usize));
    let written = rule.and_then(|rule| rule.message.clone());
    let (class, message, remediation) = match verdict {
        Verdict::Hold(terms) => (
            Class::ApprovalRequired,
            "this operation needs an approval".to_owned(),
            match terms.required {
                1 => "ask somebody else to approve it".to_owned(),
                required => format!("ask {required} others to approve it"),
            },
        ),
        Verdict::Allow | Verdict::Deny if rule.is_some() => (
            Class::PolicyDenied,
            "a rule denies this operation".to_owned(),
            "change the operation so that the rule does not match it".to_owned(),
        ),
        Verdict::Allow | Verdict::Deny => (
            Class::PolicyDenied,
            "no rule of the policy allows this operation".to_owned(),
            "ask for a rule that allows it, or do what one allows".to_owned(),
        ),
    };
    Reason {
        class,
        policy: policy.map(|policy| Arc::clone(&policy.name)),
        rule: rule.map(|rule| Arc::clone(&rule.name)),
        message: written.unwrap_or_else(|| Arc::from(message)),
        remediation: Arc::from(remediation),
    }
}
