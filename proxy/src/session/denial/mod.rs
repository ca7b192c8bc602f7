//! One denial, which each protocol renders in its own words.
//!
//! A client may read all of it: nothing here comes from the target, and no part names an address
//! or a credential. Every denial says what would help.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_policy::limit::Refusal;
use portcullis_policy::{Class, ObjectName, Reason};
use portcullis_recording::event::SessionId;
use serde::Serialize;

/// Why an operation did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    pub class: Class,
    pub policy: Option<Arc<ObjectName>>,
    pub rule: Option<Arc<str>>,
    pub message: String,
    /// What would help.
    pub remediation: String,
    pub approval_request: Option<String>,
    pub retry_after: Option<Duration>,
    pub session: Option<SessionId>,
}

/// A denial as agents read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    class: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    message: &'a str,
    remediation: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval_request: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
}

// === impl Denial ===

impl Denial {
    pub fn new(class: Class, message: impl Into<String>, remediation: impl Into<String>) -> Self {
        Self {
            class,
            policy: None,
            rule: None,
            message: message.into(),
            remediation: remediation.into(),
            approval_request: None,
            retry_after: None,
            session: None,
        }
    }

    /// What policy said.
    pub fn of_reason(reason: &Reason) -> Self {
        Self {
            policy: reason.policy.clone(),
            rule: reason.rule.clone(),
            ..Self::new(reason.class, &*reason.message, &*reason.remediation)
        }
    }

    /// A limit is reached.
    pub fn of_limit(refusal: &Refusal) -> Self {
        let (retry_after, remediation) = match refusal {
            Refusal::Exceeded(standing) => match standing.frees_in {
                Some(wait) => (Some(wait), "wait and try again"),
                None => (
                    None,
                    "end what holds the limit, or ask for a higher one in the policy",
                ),
            },
            Refusal::TableFull => (None, "try again later"),
        };
        let policy = match refusal {
            Refusal::Exceeded(standing) => Some(Arc::clone(&standing.source)),
            Refusal::TableFull => None,
        };
        Self {
            policy,
            retry_after,
            ..Self::new(Class::LimitExceeded, refusal.to_string(), remediation)
        }
    }

    /// Nothing could be recorded. Why is for logs: it may name files of ours.
    pub fn unrecorded() -> Self {
        Self::new(
            Class::RecordingUnavailable,
            "this cannot be recorded, and what is not recorded does not run",
            "try again later, and tell whoever runs the proxy",
        )
    }

    #[must_use]
    pub fn in_session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// Names the policy, and the rule of it, that this comes from.
    #[must_use]
    pub fn by(self, policy: Option<Arc<ObjectName>>, rule: Option<Arc<str>>) -> Self {
        Self {
            policy,
            rule,
            ..self
        }
    }

    /// Names the request that people decide about.
    #[must_use]
    pub fn naming(mut self, request: &str) -> Self {
        self.approval_request = Some(request.to_owned());
        self
    }

    /// For agents: `class policy rule message remediation approvalRequest retryAfterSeconds
    /// sessionId`, in this order, absent ones left out.
    pub fn to_json(&self) -> String {
        let told = Told {
            class: self.class.as_str(),
            policy: self.policy.as_ref().map(ToString::to_string),
            rule: self.rule.as_deref(),
            message: &self.message,
            remediation: &self.remediation,
            approval_request: self.approval_request.as_deref(),
            retry_after_seconds: self.retry_after.map(whole_seconds),
            session_id: self.session.map(|session| session.to_string()),
        };
        // Texts and a number always have a JSON form.
        serde_json::to_string(&told).unwrap_or_default()
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.message)?;
        match (&self.policy, &self.rule) {
            (Some(policy), Some(rule)) => write!(f, " ({policy}, rule {rule})"),
            (Some(policy), None) => write!(f, " ({policy})"),
            (None, _) => Ok(()),
        }
    }
}

/// Rounded up: who comes back then is not told to wait again.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs()
        .saturating_add(u64::from(wait.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests;
