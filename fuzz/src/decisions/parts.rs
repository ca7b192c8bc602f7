//! Policies, operations and subjects out of bytes. Patterns and expressions come from short lists
//! that were parsed once, so that the time goes into deciding.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::Duration;

use portcullis_policy::{
    Access, AccessRule, Action, ApprovalTerms, DefaultAction, Effect, Enforcement, Expression,
    Flag, Glob, Grant, Limits, Match, ObjectName, Operation, Origin, Policy, Resource,
    ResourceKind, ResourcePattern, Rule, Subject, SubjectSelector, TextPattern, Wait,
};

const MAX_POLICIES: usize = 4;
const MAX_RULES: usize = 4;
const MAX_VALUES: usize = 3;

const EFFECTS: &[Effect] = &[
    Effect::Read,
    Effect::Write,
    Effect::Define,
    Effect::Administer,
    Effect::Session,
    Effect::Unknown,
];
const FLAGS: &[Flag] = &[
    Flag::Unbounded,
    Flag::ServerFile,
    Flag::ServerProgram,
    Flag::CredentialAccess,
    Flag::OwnResource,
    Flag::DynamicCode,
];
const VERBS: &[&str] = &["SELECT", "select", "DROP TABLE", "get"];
const NAMES: &[&str] = &["public", "orders", "orders_2026", "secret", "*"];
const GROUPS: &[&str] = &["agents", "people", "oncall"];
const TEXTS: &[&str] = &["SELECT 1", "DROP TABLE orders", "copy secret", ""];

static RESOURCES: LazyLock<Vec<ResourcePattern>> = LazyLock::new(|| {
    parsed(&[
        "table:public.*",
        "table:**",
        "table:public.orders*",
        "table:*.secret",
        "key:orders*",
    ])
});
static PATTERNS: LazyLock<Vec<TextPattern>> =
    LazyLock::new(|| parsed(&["(?i)drop", "secret", "^SELECT"]));
static GLOBS: LazyLock<Vec<Glob>> = LazyLock::new(|| parsed(&["*", "or*", "public", "a?ents"]));
static EXPRESSIONS: LazyLock<Vec<Expression>> = LazyLock::new(|| {
    parsed(&[
        "operation.verb == 'SELECT'",
        "'agents' in subject.groups",
        "operation.accesses.exists(a, a.effect == 'Write')",
        // Fails: the claim is not there.
        "subject.claims.level > 3",
        "now - session.startedAt < duration('1h')",
    ])
});

/// Bytes that are used up one by one; zero after the last.
pub(super) struct Picks<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

pub(super) fn open_to_everybody() -> AccessRule {
    AccessRule {
        subjects: vec![SubjectSelector::User(Glob::literal("agent"))],
        expression: None,
    }
}

impl<'a> Picks<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes: bytes.iter(),
        }
    }

    pub(super) fn subject(&mut self) -> Subject {
        let groups = self.some(|picks| (*picks.one(GROUPS)).to_owned());
        Subject {
            username: "agent".to_owned(),
            groups,
            ..Subject::default()
        }
    }

    pub(super) fn operation(&mut self) -> Operation {
        Operation {
            effect: *self.one(EFFECTS),
            verb: (*self.one(VERBS)).to_owned(),
            flags: BTreeSet::from_iter(self.some(|picks| *picks.one(FLAGS))),
            attributes: BTreeMap::from([("database".to_owned(), self.some(Self::name))]).into(),
            text: (*self.one(TEXTS)).to_owned(),
            accesses: BTreeSet::from_iter(self.some(Self::access)).into(),
        }
    }

    pub(super) fn policies(&mut self) -> Vec<Policy> {
        let count = self.up_to(MAX_POLICIES);
        (0..count).map(|number| self.policy(number)).collect()
    }

    fn policy(&mut self, number: usize) -> Policy {
        let origin = *self.one(&[Origin::Tenant, Origin::Platform]);
        let count = self.up_to(MAX_RULES);
        Policy {
            name: ObjectName::new("shop", format!("policy-{number}")),
            generation: 1,
            origin,
            enforcement: *self.one(&[Enforcement::Enforce, Enforcement::Audit]),
            default: *self.one(&[DefaultAction::Allow, DefaultAction::Deny]),
            subjects: self.some(Self::group),
            rules: (0..count).map(|number| self.rule(number)).collect(),
            limits: Limits::default(),
        }
    }

    fn group(&mut self) -> SubjectSelector {
        SubjectSelector::Group(Glob::literal(self.one::<&str>(GROUPS)))
    }

    fn rule(&mut self, number: usize) -> Rule {
        let unless = self.chance().then(|| self.matching());
        // One without a field would be refused.
        let unless = unless.filter(|unless| !unless.is_empty());
        Rule {
            name: format!("rule-{number}"),
            matching: self.matching(),
            unless,
            action: self.action(),
            message: None,
        }
    }

    fn action(&mut self) -> Action {
        match self.up_to(2) {
            0 => Action::Allow,
            1 => Action::Deny,
            _ => Action::RequireApproval(ApprovalTerms {
                required: *self.one(&[1, 2, 3]),
                grant: *self.one(&[
                    Grant::OneShot,
                    Grant::TimeBoxed {
                        max: Duration::from_secs(600),
                    },
                    Grant::TimeBoxed {
                        max: Duration::from_secs(60),
                    },
                ]),
                wait: *self.one(&[
                    Wait::Reject,
                    Wait::Hold {
                        hold_for: Duration::from_secs(300),
                    },
                    Wait::Hold {
                        hold_for: Duration::from_secs(30),
                    },
                ]),
                expires_after: Duration::from_secs(*self.one(&[900, 90])),
            }),
        }
    }

    fn matching(&mut self) -> Match {
        Match {
            effects: self.some(|picks| *picks.one(EFFECTS)),
            verbs: self.some(|picks| (*picks.one(VERBS)).to_owned()),
            resources: self.some(|picks| picks.one(&RESOURCES).clone()),
            flags: self.some(|picks| *picks.one(FLAGS)),
            text: self
                .chance()
                .then(|| self.one(&PATTERNS).clone())
                .into_iter()
                .collect(),
            attributes: self
                .chance()
                .then(|| ("database".to_owned(), vec![self.one(&GLOBS).clone()]))
                .into_iter()
                .collect(),
            expression: self.chance().then(|| self.one(&EXPRESSIONS).clone()),
        }
    }

    fn access(&mut self) -> Access {
        let kind = *self.one(&[ResourceKind::Table, ResourceKind::Key]);
        let resource = match self.up_to(3) {
            0 => Resource::Unresolved { kind },
            _ => Resource::Named {
                kind,
                segments: vec![self.name(), self.name()],
            },
        };
        Access {
            effect: *self.one(EFFECTS),
            resource,
        }
    }

    fn name(&mut self) -> String {
        (*self.one(NAMES)).to_owned()
    }

    fn some<T>(&mut self, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        // Most fields of most rules are absent.
        let count = self.up_to(MAX_VALUES * 2).saturating_sub(MAX_VALUES);
        (0..count).map(|_| one(self)).collect()
    }

    fn chance(&mut self) -> bool {
        self.up_to(3) == 3
    }

    fn one<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.up_to(list.len() - 1)]
    }

    fn up_to(&mut self, most: usize) -> usize {
        usize::from(self.bytes.next().copied().unwrap_or_default()) % (most + 1)
    }
}

fn parsed<T: FromStr>(texts: &[&str]) -> Vec<T> {
    texts
        .iter()
        .map(|text| text.parse().ok().expect("a pattern of ours parses"))
        .collect()
}
