//! The refusals of this folder.

use std::sync::Arc;

use portcullis_policy::{Class, ObjectName};

use crate::session::denial::Denial;

pub(super) fn denial(
    class: Class,
    rule: Option<&ObjectName>,
    message: String,
    remediation: &str,
) -> Denial {
    Denial {
        class,
        policy: rule.cloned().map(Arc::new),
        rule: None,
        message,
        remediation: remediation.to_owned(),
        approval_request: None,
        retry_after: None,
        session: None,
    }
}
