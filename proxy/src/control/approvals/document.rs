//! A wanted approval as the custom resource that people read.

use std::time::SystemTime;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use portcullis_crds::approval_request::{
    ApprovalRequest, ApprovalRequestSpec, ApprovalRequestStatus, ApprovalState,
    ConnectionReference, GrantTerms, OperationSummary, PolicyReference, Requester,
};
use portcullis_crds::condition;
use portcullis_crds::duration::Duration;
use portcullis_crds::guardrail_policy::Grant as GrantKind;
use portcullis_policy::Grant;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::session::ports::WantedApproval;

/// Version of the encoding that was hashed.
const HASH_VERSION: &str = "v1";

/// The request as it is first written. Its deadline is a whole second, which is what a file
/// keeps; rounded down, so never later than was asked.
pub(in crate::control) fn new_request(
    name: &str,
    wanted: &WantedApproval,
    now: SystemTime,
) -> Result<ApprovalRequest, String> {
    let spec = ApprovalRequestSpec {
        connection_ref: ConnectionReference {
            name: wanted.connection.clone(),
            uid: wanted.connection_uid.clone(),
            address: Some(wanted.address.clone()),
        },
        policy_ref: PolicyReference {
            namespace: Some(wanted.policy.0.clone()),
            name: wanted.policy.1.clone(),
            rule: wanted.rule.clone(),
            generation: wanted.generation,
        },
        requester: Requester {
            username: wanted.requester.clone(),
            on_behalf_of: wanted.on_behalf_of.clone(),
            issuer: Some(wanted.issuer.clone()).filter(|issuer| !issuer.is_empty()),
            subject: None,
        },
        operation: operation(wanted)?,
        grant: grant(wanted.terms.grant),
        required_approvals: i64::from(wanted.terms.required),
        required_extra: wanted.bounds.required_extra.clone(),
        expires_at: time(now + wanted.terms.expires_after)?,
        ttl_seconds_after_finished: i64::try_from(wanted.bounds.ttl_after_finished.as_secs())
            .unwrap_or(i64::MAX),
    };
    Ok(ApprovalRequest {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(wanted.namespace.clone()),
            creation_timestamp: Some(time(now)?),
            ..ObjectMeta::default()
        },
        spec,
        status: Some(ApprovalRequestStatus {
            observed_generation: 1,
            state: ApprovalState::Pending,
            approvals: Some(format!("0/{}", wanted.terms.required)),
            decisions: Vec::new(),
            conditions: Vec::new(),
            grant: None,
            usage: None,
        }),
    })
}

fn operation(wanted: &WantedApproval) -> Result<OperationSummary, String> {
    Ok(OperationSummary {
        hash: format!("sha256:{}", wanted.hash),
        hash_version: HASH_VERSION.to_owned(),
        summary: wanted.summary.clone(),
        verb: Some(wanted.verb.clone()).filter(|verb| !verb.is_empty()),
        effects: words(&wanted.effects)?,
        resources: wanted.resources.clone(),
        flags: words(&wanted.flags)?,
        attributes: wanted.attributes.clone(),
        text: Some(wanted.text.clone()).filter(|text| !text.is_empty()),
        masked_values: i64::try_from(wanted.masked_values).unwrap_or(i64::MAX),
    })
}

fn grant(grant: Grant) -> GrantTerms {
    match grant {
        Grant::OneShot => GrantTerms {
            kind: GrantKind::OneShot,
            duration: None,
        },
        Grant::TimeBoxed { max } => GrantTerms {
            kind: GrantKind::TimeBoxed,
            duration: Some(Duration::from_secs(max.as_secs())),
        },
    }
}

/// Neutral words are written alike in policies and in requests.
fn words<T: DeserializeOwned>(words: &[&str]) -> Result<Vec<T>, String> {
    let word = |word: &&str| serde_json::from_value(Value::from(*word));
    let read: Result<_, serde_json::Error> = words.iter().map(word).collect();
    read.map_err(|error| error.to_string())
}

/// A time, to the second below.
pub(in crate::control) fn time(time: SystemTime) -> Result<Time, String> {
    let time = Timestamp::try_from(time).map_err(|error| error.to_string())?;
    let time = Timestamp::from_second(time.as_second()).map_err(|error| error.to_string())?;
    Ok(Time(time))
}

/// A condition that holds from now on.
pub(super) fn condition(kind: &str, reason: &str, message: &str, now: &Time) -> Condition {
    Condition {
        last_transition_time: now.clone(),
        message: message.to_owned(),
        observed_generation: Some(1),
        reason: reason.to_owned(),
        status: "True".to_owned(),
        type_: kind.to_owned(),
    }
}

/// What a final state is told as, with its reason.
pub(super) fn final_condition(state: ApprovalState) -> Option<(&'static str, &'static str)> {
    match state {
        ApprovalState::Pending | ApprovalState::Approved => None,
        ApprovalState::Denied => Some((condition::DENIED, "DeniedByApprover")),
        ApprovalState::Expired => Some((condition::EXPIRED, "DeadlinePassed")),
        ApprovalState::Revoked => Some((condition::REVOKED, "RevokedByApprover")),
        ApprovalState::Withdrawn => Some((condition::COMPLETE, "Withdrawn")),
        ApprovalState::Consumed => Some((condition::COMPLETE, "Consumed")),
    }
}
