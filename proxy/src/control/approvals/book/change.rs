//! One request: how it stands, and what it becomes.

use std::time::{Duration, SystemTime};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use portcullis_crds::approval_request::{Decision as Said, GrantWindow, MAX_DECISIONS, Usage};
use portcullis_crds::condition;

use super::{
    ApprovalRequestStatus, ApprovalState, DENIED_FOR, DecideError, Decision, DecisionKind, Entry,
    Folder, GrantKind, Kept, Listed, MAX_REASON, Shown, Standing, StateError, Verb, WantedApproval,
    is_for, same, watch,
};
use crate::control::approvals::document::{condition, final_condition, time};

// === impl Entry ===

impl Entry {
    pub(super) fn new(kept: Kept) -> Self {
        let told = watch::Sender::new(Standing::Pending);
        let entry = Self { kept, told };
        entry.told.send_replace(entry.standing());
        entry
    }

    fn status(&self) -> Option<&ApprovalRequestStatus> {
        self.kept.request.status.as_ref()
    }

    /// A request without a status was never approved.
    pub(super) fn state(&self) -> ApprovalState {
        self.status()
            .map_or(ApprovalState::Pending, |status| status.state)
    }

    pub(super) fn standing(&self) -> Standing {
        let said = self.status().map_or(&[][..], |status| &status.decisions);
        let against = || said.iter().find(|it| it.decision != DecisionKind::Approve);
        let by = || against().map(|it| it.username.clone()).unwrap_or_default();
        let reason = || {
            against()
                .and_then(|it| it.reason.clone())
                .unwrap_or_default()
        };
        match self.state() {
            ApprovalState::Pending => Standing::Pending,
            ApprovalState::Approved => Standing::Approved {
                by: said.iter().map(|it| it.username.clone()).collect(),
                reasons: said
                    .iter()
                    .map(|it| it.reason.clone().unwrap_or_default())
                    .collect(),
            },
            ApprovalState::Denied => Standing::Denied {
                by: by(),
                reason: reason(),
            },
            ApprovalState::Revoked => Standing::Revoked {
                by: by(),
                reason: reason(),
            },
            ApprovalState::Expired => Standing::Expired,
            ApprovalState::Withdrawn => Standing::Withdrawn,
            ApprovalState::Consumed => Standing::Consumed,
        }
    }

    pub(super) fn is_for(&self, wanted: &WantedApproval) -> bool {
        let namespace = self.kept.request.metadata.namespace.as_deref();
        namespace == Some(wanted.namespace.as_str()) && is_for(&self.kept.request.spec, wanted)
    }

    /// Whether this decision may be taken at all.
    pub(super) fn check(&self, decision: &Decision) -> Result<(), DecideError> {
        let by = || decision.by.clone();
        if decision.reason.chars().count() > MAX_REASON {
            return Err(DecideError::ReasonTooLong);
        }
        if decision.by.to_lowercase().starts_with("system:") {
            return Err(DecideError::NotAPerson(by()));
        }
        match (self.state(), decision.verb) {
            (ApprovalState::Pending, _) | (ApprovalState::Approved, Verb::Deny | Verb::Revoke) => {}
            (state, _) => return Err(DecideError::Final(state.word())),
        }
        if decision.verb != Verb::Approve {
            return Ok(());
        }
        let requester = &self.kept.request.spec.requester;
        let own = same(&requester.username, &decision.by)
            || requester
                .on_behalf_of
                .as_ref()
                .is_some_and(|person| same(person, &decision.by));
        if own {
            return Err(DecideError::OwnRequest(by()));
        }
        // Only an API server knows such a thing of who decides.
        if let Some(extra) = self.kept.request.spec.required_extra.keys().next() {
            return Err(DecideError::CannotShow(extra.clone()));
        }
        let said = self.status().map_or(&[][..], |status| &status.decisions);
        if said.iter().any(|it| same(&it.username, &decision.by)) {
            return Err(DecideError::ApprovedAlready(by()));
        }
        // One place is left for who denies.
        match said.len() + 1 < MAX_DECISIONS {
            true => Ok(()),
            false => Err(DecideError::TooManyDecisions),
        }
    }

    /// The request with one more decision, which [`Entry::check`] let pass.
    pub(super) fn decided(&self, decision: &Decision, now: SystemTime) -> Kept {
        let mut kept = self.kept.clone();
        let required = usize::try_from(kept.request.spec.required_approvals).unwrap_or(usize::MAX);
        let grant = grant(&kept, now);
        let Some(status) = &mut kept.request.status else {
            return kept;
        };
        status.decisions.push(Said {
            username: decision.by.clone(),
            decision: match decision.verb {
                Verb::Approve => DecisionKind::Approve,
                Verb::Deny => DecisionKind::Deny,
                Verb::Revoke => DecisionKind::Revoke,
            },
            reason: Some(decision.reason.clone()).filter(|reason| !reason.is_empty()),
        });
        let approvals = status
            .decisions
            .iter()
            .filter(|it| it.decision == DecisionKind::Approve)
            .count();
        status.approvals = Some(format!("{approvals}/{required}"));
        match (decision.verb, status.state) {
            (Verb::Approve, _) if approvals < required => {}
            (Verb::Approve, _) => {
                status.state = ApprovalState::Approved;
                if let Some(grant) = grant {
                    let message = "the quorum is reached";
                    let held = condition(
                        condition::APPROVED,
                        "QuorumReached",
                        message,
                        &grant.not_before,
                    );
                    status.conditions.push(held);
                    status.grant = Some(grant);
                }
            }
            (Verb::Deny, ApprovalState::Pending) => end(status, ApprovalState::Denied, now),
            (Verb::Deny | Verb::Revoke, _) => end(status, ApprovalState::Revoked, now),
        }
        kept
    }

    pub(super) fn claimed(&self, execution: &str, now: SystemTime) -> Kept {
        let mut kept = self.ended(ApprovalState::Consumed, now);
        if let Some(status) = &mut kept.request.status {
            status.usage = Some(Usage {
                claimed_by: Some(execution.to_owned()),
                claimed_at: time(now).ok(),
                withdrawn_at: None,
            });
        }
        kept
    }

    /// The request in a final state.
    pub(super) fn ended(&self, state: ApprovalState, now: SystemTime) -> Kept {
        let mut kept = self.kept.clone();
        if let Some(status) = &mut kept.request.status {
            if state == ApprovalState::Withdrawn {
                status.usage = Some(Usage {
                    withdrawn_at: time(now).ok(),
                    ..Usage::default()
                });
            }
            end(status, state, now);
        }
        kept
    }

    /// On the disk first, then told.
    pub(super) fn put(&mut self, folder: &Folder, kept: Kept) -> Result<(), StateError> {
        folder.write(&kept)?;
        self.set(kept);
        Ok(())
    }

    pub(super) fn set(&mut self, kept: Kept) {
        self.kept = kept;
        let standing = self.standing();
        self.told.send_replace(standing);
    }

    /// What is over is over, also where that cannot be written.
    pub(super) fn expire(&mut self, folder: &Folder, now: SystemTime) {
        let status = self.status();
        let until = match self.state() {
            ApprovalState::Pending => Some(&self.kept.request.spec.expires_at),
            ApprovalState::Approved => {
                let grant = status.and_then(|status| status.grant.as_ref());
                grant.map(|grant| &grant.expires_at)
            }
            _ => return,
        };
        if until.is_some_and(|until| now < SystemTime::from(until.0)) {
            return;
        }
        let expired = self.ended(ApprovalState::Expired, now);
        if let Err(error) = folder.write(&expired) {
            tracing::warn!(request = expired.name(), %error, "an end is not on the disk");
        }
        self.set(expired);
    }

    /// When it reached its final state.
    pub(super) fn finished_at(&self) -> Option<SystemTime> {
        let (kind, _) = final_condition(self.state())?;
        let conditions = &self.status()?.conditions;
        let last = conditions.iter().rev().find(|it| it.type_ == kind)?;
        Some(SystemTime::from(last.last_transition_time.0))
    }

    pub(super) fn is_finished_since(&self, time: Duration, now: SystemTime) -> bool {
        let at = self.finished_at();
        at.is_some_and(|at| at.checked_add(time).is_some_and(|until| now >= until))
    }

    /// How long it is kept once it is finished: a denial as long as its reason is given.
    pub(super) fn kept_for(&self) -> Duration {
        let ttl = u64::try_from(self.kept.request.spec.ttl_seconds_after_finished);
        Duration::from_secs(ttl.unwrap_or_default()).max(DENIED_FOR)
    }

    pub(super) fn listed(&self) -> Listed {
        let request = &self.kept.request;
        Listed {
            namespace: request.metadata.namespace.clone().unwrap_or_default(),
            connection: request.spec.connection_ref.name.clone(),
            name: self.kept.name(),
            state: self.state().word(),
            approvals: request
                .status
                .as_ref()
                .and_then(|status| status.approvals.clone())
                .unwrap_or_else(|| format!("0/{}", request.spec.required_approvals)),
            requester: request.spec.requester.username.clone(),
            summary: request.spec.operation.summary.clone(),
            expires_at: request.spec.expires_at.0.to_string(),
        }
    }

    pub(super) fn shown(&self, now: SystemTime) -> Shown {
        let waits = self.state() == ApprovalState::Pending && self.kept.is_held(now);
        let until = self.kept.held_until.filter(|_| waits);
        let until = until.and_then(|seconds| {
            let seconds = i64::try_from(seconds).ok()?;
            Timestamp::from_second(seconds).ok()
        });
        Shown {
            listed: self.listed(),
            request: self.kept.request.clone(),
            held_until: until.map(|until| until.to_string()),
        }
    }
}

/// From now until the deadline, or for as long as a time box lasts. A grant lasts at least a
/// second, the smallest time that a file keeps.
fn grant(kept: &Kept, now: SystemTime) -> Option<GrantWindow> {
    let spec = &kept.request.spec;
    let not_before = time(now).ok()?;
    let expires_at: Time = match (spec.grant.kind, spec.grant.duration) {
        (GrantKind::TimeBoxed, Some(duration)) => time(now + duration.get()).ok()?,
        _ => spec.expires_at.clone(),
    };
    Some(GrantWindow {
        not_before,
        expires_at,
    })
}

fn end(status: &mut ApprovalRequestStatus, state: ApprovalState, now: SystemTime) {
    status.state = state;
    if let (Some((kind, reason)), Ok(now)) = (final_condition(state), time(now)) {
        let message = format!("the request is {}", state.word());
        status
            .conditions
            .push(condition(kind, reason, &message, &now));
    }
}
