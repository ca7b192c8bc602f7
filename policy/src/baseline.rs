//! What is denied without a policy: the target's own credentials and trust, its files and its
//! programs, and Portcullis's own resources.
//!
//! Each part is lifted by itself, and only by an Allow rule that is enforced, that the platform
//! wrote, that binds the subject and matches the operation, and that names the flag in its
//! `flags`. A rule that allows everything names nothing, and lifts nothing. The baseline looks at
//! the flags that an operation has; an operation of Unknown effect is not taken to have them all.

use std::sync::Arc;

use crate::decision::{Class, Reason};
use crate::operation::Flag;
use crate::rule::ObjectName;
use crate::snapshot::sets::FlagSet;

/// One part of the baseline.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) flag: Flag,
    pub(crate) rule: &'static str,
    pub(crate) message: &'static str,
}

pub(crate) const PARTS: &[Part] = &[
    Part {
        flag: Flag::CredentialAccess,
        rule: "credential-access",
        message: "reads or changes the target's own credentials or trust",
    },
    Part {
        flag: Flag::ServerFile,
        rule: "server-file",
        message: "reads or writes files of the server",
    },
    Part {
        flag: Flag::ServerProgram,
        rule: "server-program",
        message: "starts a program on the server",
    },
    Part {
        flag: Flag::OwnResource,
        rule: "own-resource",
        message: "reads or changes Portcullis's own resources",
    },
];

/// Under which name the baseline denies. No object can have it: a namespace has no space in it.
const NAMESPACE: &str = "built in";
const NAME: &str = "baseline";

/// All flags that the baseline looks at.
pub(crate) fn flags() -> FlagSet {
    PARTS.iter().map(|part| part.flag).collect()
}

// === impl Part ===

impl Part {
    pub(crate) fn reason(&self) -> Reason {
        let remediation = format!(
            "only an enforced Allow rule of a platform policy that names the flag `{}` lifts this",
            self.flag
        );
        Reason {
            class: Class::PolicyDenied,
            policy: Some(Arc::new(ObjectName::new(NAMESPACE, NAME))),
            rule: Some(Arc::from(self.rule)),
            message: Arc::from(format!("this operation {}", self.message)),
            remediation: Arc::from(remediation),
        }
    }
}
