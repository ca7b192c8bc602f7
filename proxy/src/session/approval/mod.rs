//! Operations that wait for people.
//!
//! What is asked to be approved is one operation and nothing else: its hash is over the exact
//! bytes, and an approver sees all of it. What cannot be shown whole cannot be approved.

mod hash;
mod shown;

use std::sync::Arc;
use std::time::Duration;

use portcullis_policy::limit::Monotonic;
use portcullis_policy::mask::MaskSet;
use portcullis_policy::{ApprovalTerms, Class, ObjectName, Reason, Subject, Wait};
use portcullis_recording::event::{self, Body, Event, Map};
use prometheus::IntGauge;
use tokio::time::Instant;

use super::denial::Denial;
use super::gate::Asked;
use super::ports::{ApprovalsRefused, Standing, Target, WantedApproval};
use super::record::Cleaner;
use super::registry::Busy;
use crate::hex::hex;
pub use shown::{
    MAX_SHOWN_ATTRIBUTES, MAX_SHOWN_BYTES, MAX_SHOWN_NAME_BYTES, MAX_SHOWN_RESOURCES,
    MAX_SHOWN_VALUE_BYTES, MAX_SHOWN_VALUES,
};

/// An operation that waits for people.
#[derive(Debug)]
pub struct Hold {
    pub(super) wanted: WantedApproval,
    pub(super) name: String,
    number: u64,
    hold_for: Duration,
    until: Instant,
    since: Monotonic,
    busy: Busy,
    _waiting: Waiting,
}

/// One more that waits, for the metric.
#[derive(Debug)]
struct Waiting(IntGauge);

// === impl Hold ===

impl Hold {
    pub(super) fn new(
        wanted: WantedApproval,
        name: String,
        number: u64,
        hold_for: Duration,
        busy: Busy,
    ) -> Self {
        let (entry, house) = (busy.entry(), busy.house());
        let counted = house.metrics.of(entry.protocol);
        let waiting = Waiting::one(counted.approvals_waiting.clone());
        Self {
            wanted,
            name,
            number,
            hold_for,
            until: Instant::now() + hold_for,
            since: house.clock.monotonic(),
            busy,
            _waiting: waiting,
        }
    }

    /// The name of the request, and how to get it approved, for the client's notice.
    pub fn request(&self) -> &str {
        &self.name
    }

    pub fn how_to_approve(&self) -> String {
        how_to_approve(&self.wanted.namespace, &self.name)
    }

    /// Until it is decided, or `holdFor` is over (then a denial of class ApprovalRequired names
    /// the request). Dropping the future without `withdraw` leaves the request as it is, and
    /// asking again waits no longer in all.
    pub async fn wait(&mut self) -> Result<(), Denial> {
        let approvals = Arc::clone(&self.busy.house().approvals);
        let decided = approvals.decided(&self.wanted.namespace, &self.name);
        let decided = tokio::time::timeout_at(self.until, decided).await;
        let Ok(decided) = decided else {
            let waited = format!(
                "it was not decided within {} seconds",
                self.hold_for.as_secs()
            );
            return Err(self.denied(Class::ApprovalRequired, &waited));
        };
        let waited = self.busy.house().clock.monotonic().as_nanos();
        let waited = Duration::from_nanos(waited.saturating_sub(self.since.as_nanos()));
        let metrics = &self.busy.house().metrics;
        metrics.approval_wait_seconds.observe(waited.as_secs_f64());
        let standing = decided.map_err(|refused| {
            let denial = asked_by(&self.wanted, of_refused(&refused)).naming(&self.name);
            denial.in_session(self.busy.entry().id)
        })?;
        if let Some((fact, decider, reason)) = fact(&standing) {
            record(
                &self.busy,
                self.number,
                &self.name,
                (fact, &decider, &reason),
            );
        }
        match standing {
            Standing::Approved { .. } => Ok(()),
            other => {
                let denial = of_standing(&other, &self.wanted, &self.name);
                Err(denial.in_session(self.busy.entry().id))
            }
        }
    }

    /// The client gave up.
    pub async fn withdraw(self) {
        let approvals = Arc::clone(&self.busy.house().approvals);
        match approvals.withdraw(&self.wanted.namespace, &self.name).await {
            Ok(()) => record(&self.busy, self.number, &self.name, ("withdrawn", "", "")),
            Err(error) => {
                tracing::warn!(request = self.name, %error, "a request could not be withdrawn");
            }
        }
    }

    fn denied(&self, class: Class, why: &str) -> Denial {
        let message = format!("this needs an approval ({}), and {why}", self.name);
        asked_by(
            &self.wanted,
            Denial::new(class, message, self.how_to_approve()),
        )
        .naming(&self.name)
        .in_session(self.busy.entry().id)
    }
}

// === impl Waiting ===

impl Waiting {
    fn one(gauge: IntGauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What is asked to be approved, with its hash; a denial where it cannot be shown whole.
pub(super) fn wanted(
    asked: &Asked<'_>,
    (target, masks): (&Target, &MaskSet),
    subject: &Subject,
    (reason, terms): (Option<&Reason>, ApprovalTerms),
) -> Result<(WantedApproval, [u8; 32]), Denial> {
    answered_for(subject)?;
    let operation = &asked.told.operation;
    let cleaner = Cleaner::new(masks);
    let too_large = || {
        Denial::new(
            Class::TooLarge,
            format!(
                "this needs an approval, and it is too large to be shown whole to an approver: \
                 at most {MAX_SHOWN_BYTES} bytes of text and {MAX_SHOWN_RESOURCES} resources"
            ),
            "split it into smaller operations",
        )
    };
    let (text, masked_values) =
        shown::text(asked.told.text(), asked.parameters, &cleaner).ok_or_else(too_large)?;
    let resources = shown::resources(operation).ok_or_else(too_large)?;
    let meaning = asked.meaning.facts();
    let attributes = shown::attributes(operation, &meaning, &cleaner).ok_or_else(too_large)?;
    let connection = target.snapshot.connection();
    let hash = hash::operation_hash(asked, &meaning, target);
    let (requester, on_behalf_of) = people(subject);
    let policy = reason.and_then(|reason| reason.policy.as_deref());
    let wanted = WantedApproval {
        namespace: connection.namespace.clone(),
        connection: connection.name.clone(),
        connection_uid: connection.uid.clone(),
        address: format!("{}:{}", target.upstream.host, target.upstream.port),
        policy: policy.map_or_else(Default::default, |name| {
            (name.namespace.clone(), name.name.clone())
        }),
        generation: policy
            .and_then(|name| target.snapshot.generation_of(name))
            .unwrap_or_default(),
        rule: reason
            .and_then(|reason| reason.rule.as_deref())
            .unwrap_or_default()
            .to_owned(),
        requester,
        on_behalf_of,
        issuer: subject.issuer.clone(),
        hash: hex(&hash),
        summary: shown::summary(&operation.verb, &resources),
        verb: operation.verb.clone(),
        effects: shown::effects(operation),
        resources,
        flags: operation.flags.iter().map(|flag| flag.as_str()).collect(),
        attributes,
        text,
        masked_values,
        terms,
        bounds: target.approvals.clone(),
    };
    Ok((wanted, hash))
}

/// A request names a person who answers for it, and a program is none.
fn answered_for(subject: &Subject) -> Result<(), Denial> {
    let (what, remedy) = match (&subject.owner, subject.service_account()) {
        (None, Some(_)) => (
            "a service account without an owner",
            "have its owner named under spec.identity.serviceAccountTokens.owners of the class",
        ),
        (None, None) if subject.is_workload => (
            "a host's or a workload's certificate",
            "log in with a credential that names a person: a token, or an API key, which has an owner",
        ),
        _ => return Ok(()),
    };
    Err(Denial::new(
        Class::AccessDenied,
        format!(
            "this needs an approval, and no person answers for {}: {what} cannot ask for one",
            subject.username
        ),
        remedy,
    ))
}

/// How long the operation itself waits; none where it is refused at once.
pub(super) fn waits(terms: ApprovalTerms, may_wait: bool) -> Option<Duration> {
    match terms.wait {
        Wait::Hold { hold_for } if may_wait => Some(hold_for),
        Wait::Hold { .. } | Wait::Reject => None,
    }
}

/// An approval is asked for, and the operation does not wait.
pub(super) fn required(reason: Option<&Reason>, namespace: &str, name: &str) -> Denial {
    let message = match reason {
        Some(reason) => format!("{} (request {name})", reason.message),
        None => format!("this needs an approval (request {name})"),
    };
    let how = how_to_approve(namespace, name);
    let remediation = format!("{how}, then try the same operation again");
    Denial {
        policy: reason.and_then(|reason| reason.policy.clone()),
        rule: reason.and_then(|reason| reason.rule.clone()),
        ..Denial::new(Class::ApprovalRequired, message, remediation).naming(name)
    }
}

/// A request that is no grant.
pub(super) fn of_standing(standing: &Standing, wanted: &WantedApproval, name: &str) -> Denial {
    let again = "try the operation again to ask anew";
    let denial = match standing {
        Standing::Denied { by, reason } => Denial::new(
            Class::ApprovalDenied,
            format!("{by} denied this (request {name}): {reason}"),
            format!("talk to {by}; it can be asked for again after ten minutes"),
        ),
        Standing::Revoked { by, reason } => Denial::new(
            Class::ApprovalDenied,
            format!("{by} revoked the approval of this (request {name}): {reason}"),
            format!("talk to {by}; {again}"),
        ),
        Standing::Pending => Denial::new(
            Class::ApprovalRequired,
            format!("this needs an approval (request {name})"),
            how_to_approve(&wanted.namespace, name),
        ),
        Standing::Expired => required_again(name, "expired"),
        Standing::Withdrawn => required_again(name, "was withdrawn"),
        Standing::Consumed | Standing::Approved { .. } => required_again(name, "was used up"),
    };
    asked_by(wanted, denial).naming(name)
}

/// Names the rule that asks for the approval.
pub(super) fn asked_by(wanted: &WantedApproval, denial: Denial) -> Denial {
    let (namespace, name) = &wanted.policy;
    let policy = ObjectName::new(namespace.as_str(), name.as_str());
    denial.by(
        (!name.is_empty()).then(|| Arc::new(policy)),
        (!wanted.rule.is_empty()).then(|| wanted.rule.as_str().into()),
    )
}

pub(super) fn of_refused(refused: &ApprovalsRefused) -> Denial {
    match refused {
        ApprovalsRefused::TooManyPending(_) => Denial::new(
            Class::LimitExceeded,
            refused.to_string(),
            "wait until some of them are decided, or withdraw them",
        ),
        ApprovalsRefused::Ambiguous(_) => Denial::new(
            Class::AccessDenied,
            refused.to_string(),
            "log in with a token of the issuer by which the cluster knows people",
        ),
        // Where they are stored is not the client's to know.
        ApprovalsRefused::Unavailable(why) => {
            tracing::warn!(why, "approvals cannot be reached");
            Denial::new(
                Class::PolicyUnavailable,
                "this needs an approval, and approvals cannot be reached",
                "try again later, and tell whoever runs the proxy",
            )
        }
        ApprovalsRefused::Mismatch(name) => Denial::new(
            Class::ApprovalRequired,
            refused.to_string(),
            "withdraw or revoke the request, and try the operation again",
        )
        .naming(name),
    }
}

/// Facts about a request are told in the record of the session that asked.
pub(super) fn record(
    busy: &Busy,
    number: u64,
    request: &str,
    (fact, decider, reason): (&str, &str, &str),
) {
    let approval = event::Approval {
        number,
        request: request.to_owned(),
        fact: fact.to_owned(),
        decider: decider.to_owned(),
        reason: reason.to_owned(),
        attributes: Map::new(),
    };
    let event = Event::new(busy.entry().id, Body::Approval(approval));
    let house = busy.house();
    if let Err(error) = house.writer.defer(&event, house.clock.now()) {
        // What runs is recorded by itself, and does not run where that fails.
        tracing::debug!(%error, "a fact about an approval is not recorded");
    }
}

fn fact(standing: &Standing) -> Option<(&'static str, String, String)> {
    let nobody = String::new;
    Some(match standing {
        Standing::Approved { by, reasons } => {
            let said = reasons.iter().map(String::as_str);
            let said: Vec<&str> = said.filter(|reason| !reason.is_empty()).collect();
            ("approved", by.join(", "), said.join("; "))
        }
        Standing::Denied { by, reason } => ("denied", by.clone(), reason.clone()),
        Standing::Revoked { by, reason } => ("revoked", by.clone(), reason.clone()),
        Standing::Expired => ("expired", nobody(), nobody()),
        Standing::Withdrawn => ("withdrawn", nobody(), nobody()),
        Standing::Pending | Standing::Consumed => return None,
    })
}

fn required_again(name: &str, what: &str) -> Denial {
    Denial::new(
        Class::ApprovalRequired,
        format!("this needs an approval, and request {name} {what}"),
        "try the operation again to ask anew",
    )
}

/// Who asks, and who else answers for it; neither may approve.
fn people(subject: &Subject) -> (String, Option<String>) {
    let requester = match (&subject.owner, &subject.actor) {
        (None, Some(agent)) => agent,
        _ => &subject.username,
    };
    let accountable = subject.accountable();
    let other = (accountable != requester).then(|| accountable.to_owned());
    (requester.clone(), other)
}

fn how_to_approve(namespace: &str, name: &str) -> String {
    format!(
        "have it approved with `portcullis approve {name} --state DIR --reason \"why\"` \
         (`portcullis approvals show {name} --state DIR` tells what it is), or in a cluster with \
         `kubectl -n {namespace} annotate appr/{name} portcullis.dev/approve=\"why\"`"
    )
}

#[cfg(test)]
mod tests;
