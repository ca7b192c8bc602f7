//! What is answered about an operation.

use std::fmt;
use std::sync::Arc;

use crate::limit::AppliedLimits;
use crate::rule::{ApprovalTerms, ObjectName};
use crate::word::closed_words;

/// The answer, by strictness: whatever two policies say, the greater wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Allow,
    /// It waits for an approval on these terms.
    Hold(ApprovalTerms),
    Deny,
}

/// What kind of refusal it is; the first word of every denial, in whatever protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    PolicyDenied,
    ApprovalRequired,
    ApprovalDenied,
    LimitExceeded,
    Unparsable,
    Unsupported,
    TooLarge,
    MaskImpossible,
    AccessDenied,
    PolicyUnavailable,
    RecordingUnavailable,
}

/// Why an operation does not simply pass: the part of a denial that policy knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub class: Class,
    /// The policy that decided. None where the connection as a whole is closed.
    pub policy: Option<Arc<ObjectName>>,
    /// Its rule. None where its default decided.
    pub rule: Option<Arc<str>>,
    pub message: Arc<str>,
    /// What would help.
    pub remediation: Arc<str>,
}

/// What a policy in audit would have said, where it would not have allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WouldBe {
    pub policy: Arc<ObjectName>,
    pub rule: Option<Arc<str>>,
    pub verdict: Verdict,
}

/// The answer to one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub verdict: Verdict,
    /// Present unless the verdict is [`Verdict::Allow`].
    pub reason: Option<Reason>,
    /// Of policies in audit, by name. They never change the verdict.
    pub would_be: Vec<WouldBe>,
    /// The limits that bind this subject, whatever the verdict.
    pub limits: Arc<AppliedLimits>,
}

/// The answer to opening a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// Why not; none where the session may open.
    pub refusal: Option<Reason>,
    pub limits: Arc<AppliedLimits>,
}

closed_words!(Class, "class of denial", [
    PolicyDenied => "PolicyDenied",
    ApprovalRequired => "ApprovalRequired",
    ApprovalDenied => "ApprovalDenied",
    LimitExceeded => "LimitExceeded",
    Unparsable => "Unparsable",
    Unsupported => "Unsupported",
    TooLarge => "TooLarge",
    MaskImpossible => "MaskImpossible",
    AccessDenied => "AccessDenied",
    PolicyUnavailable => "PolicyUnavailable",
    RecordingUnavailable => "RecordingUnavailable",
]);

// === impl Verdict ===

impl Verdict {
    /// The stricter of the two; of two holds, the terms that satisfy both.
    #[must_use]
    pub fn strictest(self, other: Self) -> Self {
        match (self, other) {
            (Self::Hold(one), Self::Hold(two)) => Self::Hold(one.strictest(two)),
            (one, two) if one.rank() >= two.rank() => one,
            (_, two) => two,
        }
    }

    /// Greater is stricter.
    pub(crate) fn rank(self) -> u8 {
        match self {
            Self::Allow => 0,
            Self::Hold(_) => 1,
            Self::Deny => 2,
        }
    }

    /// The people that must agree; what orders holds among themselves.
    pub(crate) fn quorum(self) -> u8 {
        match self {
            Self::Hold(terms) => terms.required,
            Self::Allow | Self::Deny => 0,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allow => f.write_str("Allow"),
            Self::Hold(terms) => write!(f, "RequireApproval({})", terms.required),
            Self::Deny => f.write_str("Deny"),
        }
    }
}

// === impl Decision ===

impl Decision {
    pub fn is_allowed(&self) -> bool {
        self.verdict == Verdict::Allow
    }
}

// === impl Reason ===

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.message)?;
        match (&self.policy, &self.rule) {
            (Some(policy), Some(rule)) => write!(f, " ({policy}, rule {rule})"),
            (Some(policy), None) => write!(f, " ({policy})"),
            (None, _) => Ok(()),
        }
    }
}
