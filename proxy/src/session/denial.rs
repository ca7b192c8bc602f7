//! One denial, which each protocol renders in its own words. (owner: session)

use std::sync::Arc;
use std::time::Duration;

use portcullis_policy::{Class, ObjectName};
use portcullis_recording::event::SessionId;

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

// === impl Denial ===

impl Denial {
    /// For agents: `class policy rule message remediation approvalRequest retryAfterSeconds
    /// sessionId`, in this order, absent ones left out.
    pub fn to_json(&self) -> String {
        todo!()
    }
}
