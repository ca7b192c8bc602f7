//! What an ApprovalRequest becomes: pure, from the object and the time.
//!
//! The operator invents nothing: it moves decisions that stand as annotations into the status,
//! counts them, and tells what follows. One write carries decisions, conditions, state and grant,
//! for the schema checks them against each other; annotations go after it, so a crash between the
//! two loses nothing.

pub mod decision;
#[cfg(test)]
mod tests;

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use portcullis_crds::ApprovalRequest;
use portcullis_crds::approval_request::{
    ApprovalRequestStatus, ApprovalState, Decision, DecisionKind, GrantWindow, MAX_DECISIONS,
};
use portcullis_crds::condition::{APPROVED, COMPLETE, DENIED, EXPIRED, REVOKED, reason};
use portcullis_crds::guardrail_policy::Grant;
use tokio::time::Instant;

use super::{Conditions, Finding, whole_second};
use crate::world::proxies::Proxies;
use crate::world::report::{Report, Unstored};

/// How long a finished request is kept whatever its TTL says. By then every proxy has told how its
/// record stands since.
pub const KEPT_AT_LEAST: Duration = Duration::from_secs(60);
/// How long after the end of a request a proxy may write down what it did with it.
pub const WRITES_WITHIN: Duration = Duration::from_secs(30);
/// How often somebody looks whether the record is safe by now.
pub const LOOKS_AGAIN: Duration = Duration::from_secs(10);
/// What service accounts are called by the API server.
const SERVICE_ACCOUNTS: &str = "system:serviceaccount:";

/// What is to be done about a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The status as it should be.
    pub status: ApprovalRequestStatus,
    /// Annotations whose decisions the status holds.
    pub moved: Vec<String>,
    /// Annotations that are no decisions; they stay, and somebody is told.
    pub ignored: Vec<String>,
    /// When to look again.
    pub after: Option<Duration>,
    /// It has been finished for longer than it is kept, and so long ago; what is left to ask is
    /// whether its record is safe.
    pub delete: Option<Duration>,
}

/// Whether the store has what proxies recorded of a request that has been finished for so long. Of
/// proxies that are gone nobody can say; those that were told to end upload first.
pub fn is_recorded(finished: Duration, proxies: &Proxies, now: Instant) -> bool {
    let told = |report: &Report| match report.unstored {
        Unstored::Untold => true,
        Unstored::Unknown => false,
        // Found by an operator that just began: its proxy may have been gone for long.
        Unstored::For(_) if !report.renews => false,
        Unstored::For(age) => {
            let since = now.duration_since(report.seen);
            finished >= age.saturating_add(since).saturating_add(WRITES_WITHIN)
        }
    };
    proxies.hushed == 0 && proxies.reports.iter().all(told)
}

/// What is to be done about a request at this time.
pub fn step(request: &ApprovalRequest, now: Timestamp) -> Step {
    let mut status = request
        .status
        .clone()
        .unwrap_or_else(ApprovalRequestStatus::unseen);
    let annotations = request.metadata.annotations.clone().unwrap_or_default();
    let (stamped, mut ignored) = decision::read(&annotations);
    let mut moved = Vec::new();
    for stamped in stamped {
        match add(request, &mut status.decisions, &stamped.decision) {
            true => moved.push(stamped.key),
            false => ignored.push(stamped.key),
        }
    }
    status.observed_generation = request.metadata.generation.unwrap_or_default();
    let approvals = approvals(request, &status.decisions);
    let required = request.spec.required_approvals;
    status.approvals = Some(format!("{approvals}/{required}"));
    let enough = i64::try_from(approvals).is_ok_and(|count| count >= required);
    // An approval that came with the time box's end may be over at once.
    for _ in 0..2 {
        if let Some(next) = next(request, &status, enough, now) {
            enter(request, &mut status, next, now);
        }
    }
    if is_final(status.state) && finished_at(&status).is_none() {
        // Somebody wrote the word alone.
        let state = status.state;
        enter(request, &mut status, state, now);
    }
    let finished = finished_at(&status);
    let until = finished.map(|at| later(at, kept_for(request)));
    let over = until.is_some_and(|until| until <= now);
    let since = finished.and_then(|at| Duration::try_from(now.duration_since(at)).ok());
    Step {
        moved,
        ignored,
        after: after(request, &status, now, until),
        delete: since.filter(|_| over),
        status,
    }
}

/// Whether nothing more will happen to it.
pub fn is_final(state: ApprovalState) -> bool {
    !matches!(state, ApprovalState::Pending | ApprovalState::Approved)
}

/// The state that follows, if another does.
fn next(
    request: &ApprovalRequest,
    status: &ApprovalRequestStatus,
    enough: bool,
    now: Timestamp,
) -> Option<ApprovalState> {
    let usage = status.usage.clone().unwrap_or_default();
    let against = status
        .decisions
        .iter()
        .any(|it| it.decision != DecisionKind::Approve);
    match status.state {
        ApprovalState::Pending if usage.withdrawn_at.is_some() => Some(ApprovalState::Withdrawn),
        ApprovalState::Pending if against => Some(ApprovalState::Denied),
        ApprovalState::Pending if request.spec.expires_at.0 <= now => Some(ApprovalState::Expired),
        ApprovalState::Pending if enough => Some(ApprovalState::Approved),
        // What was claimed has run, whatever came later.
        ApprovalState::Approved
            if usage.claimed_by.is_some() && request.spec.grant.kind == Grant::OneShot =>
        {
            Some(ApprovalState::Consumed)
        }
        ApprovalState::Approved if usage.withdrawn_at.is_some() => Some(ApprovalState::Withdrawn),
        ApprovalState::Approved if against => Some(ApprovalState::Revoked),
        ApprovalState::Approved => {
            let grant = status.grant.as_ref();
            let over = grant.is_some_and(|grant| grant.expires_at.0 <= now);
            over.then_some(ApprovalState::Expired)
        }
        _ => None,
    }
}

fn enter(
    request: &ApprovalRequest,
    status: &mut ApprovalRequestStatus,
    state: ApprovalState,
    now: Timestamp,
) {
    let was_approved = status.state == ApprovalState::Approved;
    let (kind, reason, message) = match state {
        ApprovalState::Pending => return,
        ApprovalState::Approved => (
            APPROVED,
            reason::QUORUM_REACHED,
            who(
                &status.decisions,
                |it| it == DecisionKind::Approve,
                "approved",
            ),
        ),
        ApprovalState::Denied => (
            DENIED,
            reason::DENIED_BY_APPROVER,
            who(
                &status.decisions,
                |it| it != DecisionKind::Approve,
                "denied",
            ),
        ),
        ApprovalState::Revoked => (
            REVOKED,
            reason::REVOKED_BY_APPROVER,
            who(
                &status.decisions,
                |it| it != DecisionKind::Approve,
                "revoked",
            ),
        ),
        ApprovalState::Expired if was_approved => (
            EXPIRED,
            reason::GRANT_EXPIRED,
            "the grant ran out".to_owned(),
        ),
        ApprovalState::Expired => (
            EXPIRED,
            reason::DEADLINE_PASSED,
            "there was no quorum by spec.expiresAt".to_owned(),
        ),
        ApprovalState::Consumed => (
            COMPLETE,
            reason::CONSUMED,
            "a proxy claimed the grant".to_owned(),
        ),
        ApprovalState::Withdrawn => (
            COMPLETE,
            reason::WITHDRAWN,
            "the caller gave up waiting".to_owned(),
        ),
    };
    status.state = state;
    if state == ApprovalState::Approved && status.grant.is_none() {
        status.grant = Some(grant(request, now));
    }
    let mut conditions = Conditions::new(&status.conditions, request.metadata.generation, now);
    conditions.set(kind, &Finding::yes(reason, message));
    let new = conditions.finish();
    status.conditions.retain(|it| it.type_ != kind);
    status.conditions.extend(new);
}

/// From now until the deadline, or for as long as a time box lasts.
fn grant(request: &ApprovalRequest, now: Timestamp) -> GrantWindow {
    let from = whole_second(now);
    let until = match (request.spec.grant.kind, request.spec.grant.duration) {
        (Grant::TimeBoxed, Some(duration)) => later(from, duration.get()),
        _ => request.spec.expires_at.0,
    };
    GrantWindow {
        not_before: Time(from),
        // A deadline within this second still leaves a window, as the schema wants.
        expires_at: Time(until.max(later(from, Duration::from_secs(1)))),
    }
}

/// Adds a decision if the schema lets it stand; true where it stands.
fn add(request: &ApprovalRequest, decisions: &mut Vec<Decision>, new: &Decision) -> bool {
    let same = |it: &Decision| it.username == new.username && it.decision == new.decision;
    if decisions.iter().any(same) {
        return true;
    }
    if decisions.len() >= MAX_DECISIONS {
        return false;
    }
    if new.decision == DecisionKind::Approve && !may_approve(request, decisions, &new.username) {
        return false;
    }
    decisions.push(new.clone());
    true
}

/// What the schema says of approvals, so that one that admission should have refused cannot hold up
/// the decisions of others.
fn may_approve(request: &ApprovalRequest, decisions: &[Decision], username: &str) -> bool {
    let same = |other: &str| other.eq_ignore_ascii_case(username);
    let requester = &request.spec.requester;
    let asked = same(&requester.username) || requester.on_behalf_of.as_deref().is_some_and(same);
    let twice = decisions
        .iter()
        .any(|it| it.decision == DecisionKind::Approve && same(&it.username));
    !asked && !twice && !username.starts_with(SERVICE_ACCOUNTS)
}

/// Approvals that count.
fn approvals(request: &ApprovalRequest, decisions: &[Decision]) -> usize {
    let mut counted: Vec<Decision> = Vec::new();
    for decision in decisions {
        let approves = decision.decision == DecisionKind::Approve;
        if approves && may_approve(request, &counted, &decision.username) {
            counted.push(decision.clone());
        }
    }
    counted.len()
}

fn who(decisions: &[Decision], chosen: impl Fn(DecisionKind) -> bool, did: &str) -> String {
    let names: Vec<&str> = decisions
        .iter()
        .filter(|it| chosen(it.decision))
        .map(|it| it.username.as_str())
        .collect();
    format!("{} {did}", names.join(", "))
}

/// When it reached its final state.
fn finished_at(status: &ApprovalRequestStatus) -> Option<Timestamp> {
    let kind = match status.state {
        ApprovalState::Pending | ApprovalState::Approved => return None,
        ApprovalState::Denied => DENIED,
        ApprovalState::Expired => EXPIRED,
        ApprovalState::Revoked => REVOKED,
        ApprovalState::Withdrawn | ApprovalState::Consumed => COMPLETE,
    };
    let last: &Condition = status.conditions.iter().find(|it| it.type_ == kind)?;
    Some(last.last_transition_time.0)
}

fn kept_for(request: &ApprovalRequest) -> Duration {
    let ttl = u64::try_from(request.spec.ttl_seconds_after_finished).unwrap_or_default();
    Duration::from_secs(ttl).max(KEPT_AT_LEAST)
}

/// How long until time itself changes something.
fn after(
    request: &ApprovalRequest,
    status: &ApprovalRequestStatus,
    now: Timestamp,
    finished: Option<Timestamp>,
) -> Option<Duration> {
    let next = match status.state {
        ApprovalState::Pending => Some(request.spec.expires_at.0),
        ApprovalState::Approved => status.grant.as_ref().map(|grant| grant.expires_at.0),
        _ => finished,
    };
    let wait = next?.duration_since(now);
    Some(Duration::try_from(wait).unwrap_or_default())
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}
