//! Whether a connection stands open to a subject at all, before any operation is looked at.

use std::sync::Arc;

use crate::decision::{Class, Reason};
use crate::expression::Facts;
use crate::snapshot::{Scope, Snapshot};

// === impl Snapshot ===

impl Snapshot {
    /// Why nothing passes for this subject, whatever the policies say.
    pub(crate) fn refusal(&self, scope: &Scope, facts: Facts<'_>) -> Option<Reason> {
        self.closed.clone().or_else(|| self.no_access(scope, facts))
    }

    /// Why nothing passes at this moment, where nobody knows what the policies are.
    pub fn stale(&self) -> Option<Reason> {
        let message = "the proxy has lost sight of the policies, and they may have changed";
        let remediation = "wait until the proxy reaches the API server again";
        let reason = || closed_reason(Class::PolicyUnavailable, message, remediation);
        self.parts.stale.then(reason)
    }

    /// The access rule is asked for each operation again, so that an edit reaches open sessions.
    fn no_access(&self, scope: &Scope, facts: Facts<'_>) -> Option<Reason> {
        let remediation = "ask whoever owns the connection to name you in its access rule";
        if !scope.may_access() {
            let message = "the access rule of this connection does not name you";
            return Some(closed_reason(Class::AccessDenied, message, remediation));
        }
        let expression = self.parts.access.expression.as_ref()?;
        match self
            .environment
            .evaluate(Facts {
                operation: None,
                ..facts
            })
            .ask(expression)
        {
            Ok(true) => None,
            Ok(false) => {
                let message = "the access rule's expression does not let you in";
                Some(closed_reason(Class::AccessDenied, message, remediation))
            }
            Err(failure) => {
                let message = format!("the access rule's expression failed: {failure}");
                Some(closed_reason(Class::AccessDenied, &message, remediation))
            }
        }
    }

    /// Why nothing passes where no policy says anything.
    pub(crate) fn no_policy(&self, scope: &Scope) -> Option<Reason> {
        if scope.has_enforced_policy() {
            return None;
        }
        Some(match self.has_enforced_policy {
            false => closed_reason(
                Class::PolicyUnavailable,
                "no policy is enforced on this connection, and nothing passes without one",
                "apply a policy that is enforced and that selects this connection",
            ),
            true => closed_reason(
                Class::PolicyDenied,
                "no enforced policy on this connection binds you, and nothing passes without one",
                "ask for a policy whose subjects name you",
            ),
        })
    }
}

/// A refusal by the connection as a whole, of which no one policy speaks.
pub(crate) fn closed_reason(class: Class, message: &str, remediation: &str) -> Reason {
    Reason {
        class,
        policy: None,
        rule: None,
        message: Arc::from(message),
        remediation: Arc::from(remediation),
    }
}
