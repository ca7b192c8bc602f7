//! How a request stands, by all that is written of it and by the clock here.
//!
//! Only what everybody agrees on is a grant: the operator's state and window, decisions that make
//! the quorum, no word against it anywhere, and a time within the window. Anything else waits or
//! refuses.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use portcullis_crds::approval_request::{
    ApprovalRequest, ApprovalRequestStatus, ApprovalState, DecisionKind,
};
use portcullis_crds::condition;
use portcullis_crds::stamp::{STAMP_PREFIX, Stamp};

use crate::session::ports::Standing;

/// How far the operator's clock may be ahead of ours.
pub(super) const LEEWAY: Duration = Duration::from_secs(5);

pub(super) fn standing(request: &ApprovalRequest, now: SystemTime) -> Standing {
    let none = ApprovalRequestStatus::unseen();
    let status = request.status.as_ref().unwrap_or(&none);
    let usage = status.usage.as_ref();
    if usage.is_some_and(|usage| usage.claimed_by.is_some()) {
        return Standing::Consumed;
    }
    if usage.is_some_and(|usage| usage.withdrawn_at.is_some()) {
        return Standing::Withdrawn;
    }
    if let Some((by, reason)) = objection(request, status) {
        return match status.grant.is_some() || status.state == ApprovalState::Revoked {
            true => Standing::Revoked { by, reason },
            false => Standing::Denied { by, reason },
        };
    }
    match status.state {
        ApprovalState::Pending if is_over(&request.spec.expires_at.0, now) => Standing::Expired,
        ApprovalState::Pending => Standing::Pending,
        ApprovalState::Approved => granted(request, status, now),
        ApprovalState::Expired => Standing::Expired,
        ApprovalState::Withdrawn => Standing::Withdrawn,
        ApprovalState::Consumed => Standing::Consumed,
        // Without a word against it; taken for what it says.
        ApprovalState::Denied => Standing::Denied {
            by: String::new(),
            reason: String::new(),
        },
        ApprovalState::Revoked => Standing::Revoked {
            by: String::new(),
            reason: String::new(),
        },
    }
}

/// Whether a denial is not older than this. One that the operator has not dated is new.
pub(super) fn denied_within(request: &ApprovalRequest, time: Duration, now: SystemTime) -> bool {
    let conditions = request.status.iter().flat_map(|status| &status.conditions);
    let dated = conditions
        .filter(|it| it.type_ == condition::DENIED)
        .map(|it| SystemTime::from(it.last_transition_time.0))
        .max();
    dated.is_none_or(|at| at.checked_add(time).is_none_or(|until| now < until))
}

/// Who is against it, and why: among the decisions, or in an annotation that nobody has looked at.
/// One that cannot be read is an objection.
fn objection(
    request: &ApprovalRequest,
    status: &ApprovalRequestStatus,
) -> Option<(String, String)> {
    let mut decisions = status.decisions.iter();
    if let Some(against) = decisions.find(|it| it.decision != DecisionKind::Approve) {
        let reason = against.reason.clone().unwrap_or_default();
        return Some((against.username.clone(), reason));
    }
    let annotations = request.metadata.annotations.iter().flatten();
    let stamps = annotations.filter(|(key, _)| key.starts_with(STAMP_PREFIX));
    let mut stamps = stamps.map(|(_, value)| Stamp::parse(value));
    let against = stamps.find(|stamp| {
        let approves = |stamp: &Stamp| stamp.decision == DecisionKind::Approve;
        !stamp.as_ref().is_some_and(approves)
    })?;
    Some(against.map_or_else(
        || ("somebody".to_owned(), String::new()),
        |stamp| (stamp.username, stamp.reason),
    ))
}

fn granted(request: &ApprovalRequest, status: &ApprovalRequestStatus, now: SystemTime) -> Standing {
    let spec = &request.spec;
    // As the schema compares them.
    let lower = |name: &str| name.to_ascii_lowercase();
    let requester = lower(&spec.requester.username);
    let person = spec.requester.on_behalf_of.as_deref().map(lower);
    let approvers: BTreeSet<String> = status
        .decisions
        .iter()
        .map(|decision| lower(&decision.username))
        .filter(|name| *name != requester && Some(name) != person.as_ref())
        .filter(|name| !name.starts_with("system:serviceaccount:"))
        .collect();
    let quorum = usize::try_from(spec.required_approvals).unwrap_or(usize::MAX);
    let agreed = status
        .conditions
        .iter()
        .any(|it| it.type_ == condition::APPROVED && it.status == "True");
    let Some(window) = status
        .grant
        .as_ref()
        .filter(|_| agreed && approvers.len() >= quorum.max(1))
    else {
        return Standing::Pending;
    };
    let begun = now
        .checked_add(LEEWAY)
        .is_some_and(|soon| soon >= SystemTime::from(window.not_before.0));
    if is_over(&window.expires_at.0, now) {
        Standing::Expired
    } else if begun {
        let said = || status.decisions.iter();
        Standing::Approved {
            by: said().map(|it| it.username.clone()).collect(),
            reasons: said()
                .map(|it| it.reason.clone().unwrap_or_default())
                .collect(),
        }
    } else {
        Standing::Pending
    }
}

fn is_over(end: &k8s_openapi::jiff::Timestamp, now: SystemTime) -> bool {
    now >= SystemTime::from(*end)
}
