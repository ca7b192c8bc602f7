//! What policies are made of, once lowered: matches, rules, limits, and whom they bind.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::expression::Expression;
use crate::matcher::{Glob, ResourcePattern, TextPattern};
use crate::operation::{Effect, Flag};
use crate::subject::Subject;
use crate::word::closed_words;

/// The name of a policy, a mask or a connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    pub namespace: String,
    pub name: String,
}

/// Who wrote a policy. What the platform wrote cannot be weakened by a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    Platform,
    Tenant,
}

/// Whether a policy decides, or only tells what it would have decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Enforcement {
    Enforce,
    Audit,
}

/// What a policy says of an operation that none of its rules matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DefaultAction {
    Allow,
    Deny,
}

/// Rules for the subjects and the connections that a policy selects.
#[derive(Debug, Clone)]
pub struct Policy {
    pub name: ObjectName,
    /// Which edit of it this is, as its store counts them.
    pub generation: i64,
    pub origin: Origin,
    pub enforcement: Enforcement,
    pub default: DefaultAction,
    /// Any of them. Empty: everybody.
    pub subjects: Vec<SubjectSelector>,
    pub rules: Vec<Rule>,
    pub limits: Limits,
}

/// A pattern for who acts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectSelector {
    /// The username.
    User(Glob),
    /// Any of the groups.
    Group(Glob),
    /// A username of the form `system:serviceaccount:<namespace>:<name>`.
    ServiceAccount { namespace: Glob, name: Glob },
}

#[derive(Debug, Clone)]
pub struct Rule {
    pub name: String,
    pub matching: Match,
    /// Lifts the rule from what it covers. A rule's `unless` names at least one field.
    pub unless: Option<Match>,
    pub action: Action,
    /// What the caller is told.
    pub message: Option<String>,
}

/// Fields that must all hold; in a field, any value. An empty field is absent and holds.
#[derive(Debug, Clone, Default)]
pub struct Match {
    pub effects: Vec<Effect>,
    /// Compared without case.
    pub verbs: Vec<String>,
    pub resources: Vec<ResourcePattern>,
    pub flags: Vec<Flag>,
    pub text: Vec<TextPattern>,
    pub attributes: BTreeMap<String, Vec<Glob>>,
    /// Evaluated last, and only if all else holds.
    pub expression: Option<Expression>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Allow,
    Deny,
    RequireApproval(ApprovalTerms),
}

/// What it takes to approve an operation, and what an approval gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApprovalTerms {
    /// How many people must approve.
    pub required: u8,
    pub grant: Grant,
    pub wait: Wait,
    /// How long a request may stay undecided.
    pub expires_after: Duration,
}

/// What an approval gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// One execution.
    OneShot,
    /// The same operation, again and again, for at most so long.
    TimeBoxed { max: Duration },
}

/// What the caller does meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Waits, for at most so long.
    Hold { hold_for: Duration },
    /// Is refused at once, and tries again after the approval.
    Reject,
}

/// Bounds on what one subject or one connection may use. An absent limit is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Rows of one operation's answer.
    pub rows: Option<SizeLimit>,
    /// Bytes of one operation's answer.
    pub bytes: Option<SizeLimit>,
    pub operations: Option<RateLimit>,
    pub writes: Option<RateLimit>,
    /// Sessions at the same time.
    pub sessions: Option<CountLimit>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SizeLimit {
    pub max: u64,
    pub on_exceed: OnExceed,
}

/// What happens at the limit. `Error` is the stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OnExceed {
    Error,
    Truncate,
}

/// So many in any window of this length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RateLimit {
    pub max: u64,
    pub window: Duration,
    pub per: Per,
}

/// So many at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountLimit {
    pub max: u64,
    pub per: Per,
}

/// What shares one counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Per {
    /// A subject, over all its sessions on the connection.
    Subject,
    /// The connection, over all subjects.
    Connection,
    /// Each of the two has a counter of its own.
    Both,
}

closed_words!(Origin, "origin", [Platform => "Platform", Tenant => "Tenant"]);
closed_words!(Enforcement, "enforcement", [Enforce => "Enforce", Audit => "Audit"]);
closed_words!(DefaultAction, "default action", [Allow => "Allow", Deny => "Deny"]);
closed_words!(OnExceed, "action at a limit", [Error => "Error", Truncate => "Truncate"]);
closed_words!(Per, "counter", [
    Subject => "Subject",
    Connection => "Connection",
    Both => "Both",
]);

// === impl ObjectName ===

impl ObjectName {
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

// === impl SubjectSelector ===

impl SubjectSelector {
    pub fn matches(&self, subject: &Subject) -> bool {
        match self {
            Self::User(name) => name.matches(&subject.username),
            Self::Group(name) => subject.groups.iter().any(|group| name.matches(group)),
            Self::ServiceAccount { namespace, name } => subject
                .service_account()
                .is_some_and(|(its, named)| namespace.matches(its) && name.matches(named)),
        }
    }

    /// True when any of `selectors` matches.
    pub fn any(selectors: &[Self], subject: &Subject) -> bool {
        selectors.iter().any(|selector| selector.matches(subject))
    }
}

impl fmt::Display for SubjectSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "user {name}"),
            Self::Group(name) => write!(f, "group {name}"),
            Self::ServiceAccount { namespace, name } => {
                write!(f, "service account {namespace}/{name}")
            }
        }
    }
}

// === impl Match ===

impl Match {
    /// True when it names no field, and so matches everything.
    pub fn is_empty(&self) -> bool {
        self.effects.is_empty()
            && self.verbs.is_empty()
            && self.resources.is_empty()
            && self.flags.is_empty()
            && self.text.is_empty()
            && self.attributes.is_empty()
            && self.expression.is_none()
    }
}

// === impl ApprovalTerms ===

impl ApprovalTerms {
    /// The terms that satisfy both: the larger quorum, and of all else the narrower.
    #[must_use]
    pub fn strictest(self, other: Self) -> Self {
        Self {
            required: self.required.max(other.required),
            grant: self.grant.narrower(other.grant),
            wait: self.wait.shorter(other.wait),
            expires_after: self.expires_after.min(other.expires_after),
        }
    }
}

// === impl Grant ===

impl Grant {
    fn narrower(self, other: Self) -> Self {
        match (self, other) {
            (Self::TimeBoxed { max: one }, Self::TimeBoxed { max: two }) => {
                Self::TimeBoxed { max: one.min(two) }
            }
            _ => Self::OneShot,
        }
    }
}

// === impl Wait ===

impl Wait {
    fn shorter(self, other: Self) -> Self {
        match (self, other) {
            (Self::Hold { hold_for: one }, Self::Hold { hold_for: two }) => Self::Hold {
                hold_for: one.min(two),
            },
            _ => Self::Reject,
        }
    }
}
