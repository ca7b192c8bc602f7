//! Whether a request is for what an operation asks for now.

use std::time::SystemTime;

use portcullis_crds::approval_request::ApprovalRequestSpec;

use super::document::new_request;
use crate::session::ports::WantedApproval;

/// Compares all of the spec but the deadline, the policy's generation and how long the request is
/// kept afterwards: none of them is part of what an approver agreed to.
pub(in crate::control) fn is_for(stored: &ApprovalRequestSpec, wanted: &WantedApproval) -> bool {
    let Ok(rebuilt) = new_request("rebuilt", wanted, SystemTime::UNIX_EPOCH) else {
        return false;
    };
    let mut rebuilt = rebuilt.spec;
    rebuilt.expires_at = stored.expires_at.clone();
    rebuilt.policy_ref.generation = stored.policy_ref.generation;
    rebuilt.ttl_seconds_after_finished = stored.ttl_seconds_after_finished;
    rebuilt == *stored
}
