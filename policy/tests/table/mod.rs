//! Cases as data: what a file of `tests/cases` says, made into snapshots and operations.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use portcullis_policy::{
    Access, AccessRule, Action, ApprovalTerms, ConnectionFacts, DefaultAction, Enforcement,
    Expression, Glob, Grant, Limits, Match, ObjectName, Operation, Origin, Policy, Requirement,
    RequirementKind, Resource, ResourceKind, ResourcePattern, Rule, SessionFacts, Snapshot,
    SnapshotParts, Subject, SubjectSelector, TextPattern, Verdict, Wait,
};
use serde::Deserialize;

/// Cases that share a snapshot.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    pub(crate) given: Given,
    pub(crate) cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Given {
    #[serde(default)]
    policies: Vec<PolicyText>,
    #[serde(default = "everybody")]
    access: Vec<String>,
    access_expression: Option<String>,
    #[serde(default)]
    requires: Vec<String>,
    #[serde(default)]
    lockdown: bool,
    #[serde(default)]
    broken: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    #[serde(default)]
    subject: SubjectText,
    operation: OperationText,
    pub(crate) expect: Expect,
}

/// What must come out. What is not written is not looked at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// `Allow`, `Deny`, or `Hold` and the number of approvers.
    pub(crate) verdict: String,
    /// `policy` or `policy/rule`.
    pub(crate) by: Option<String>,
    pub(crate) class: Option<String>,
    pub(crate) message: Option<String>,
    /// `policy/rule verdict`, each.
    pub(crate) would_be: Option<Vec<String>>,
    /// What a line of the explanation says.
    pub(crate) explained: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyText {
    name: String,
    #[serde(default = "tenant")]
    origin: String,
    #[serde(default = "enforce")]
    enforcement: String,
    default: String,
    #[serde(default)]
    subjects: Vec<String>,
    #[serde(default)]
    rules: Vec<RuleText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    name: String,
    #[serde(default, rename = "match")]
    matching: MatchText,
    unless: Option<MatchText>,
    action: String,
    #[serde(default = "one")]
    required: u8,
    message: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct MatchText {
    #[serde(default)]
    effects: Vec<String>,
    #[serde(default)]
    verbs: Vec<String>,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    text: Vec<String>,
    #[serde(default)]
    attributes: BTreeMap<String, Vec<String>>,
    expression: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SubjectText {
    username: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    claims: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OperationText {
    effect: String,
    #[serde(default = "select")]
    verb: String,
    #[serde(default)]
    flags: Vec<String>,
    /// `Read table:public.orders`, or `Read table?` where the name could not be told.
    #[serde(default)]
    accesses: Vec<String>,
    /// This many reads of tables more.
    #[serde(default)]
    more: usize,
    #[serde(default)]
    attributes: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    text: String,
}

fn everybody() -> Vec<String> {
    vec!["user:*".to_owned()]
}

fn tenant() -> String {
    "Tenant".to_owned()
}

fn enforce() -> String {
    "Enforce".to_owned()
}

fn select() -> String {
    "SELECT".to_owned()
}

fn one() -> u8 {
    1
}

fn all<T: FromStr<Err: std::fmt::Debug>>(words: &[String]) -> Vec<T> {
    words.iter().map(|word| word.parse().unwrap()).collect()
}

pub(crate) fn read(text: &str) -> Vec<Group> {
    serde_saphyr::from_str(text).unwrap()
}

pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_770_000_000)
}

pub(crate) fn session() -> SessionFacts {
    SessionFacts {
        id: "s-1".to_owned(),
        client_address: "10.0.0.7".to_owned(),
        started_at: now() - Duration::from_secs(60),
    }
}

/// The terms of every approval in these files, but for the number of approvers.
pub(crate) fn terms(required: u8) -> ApprovalTerms {
    ApprovalTerms {
        required,
        grant: Grant::OneShot,
        wait: Wait::Hold {
            hold_for: Duration::from_secs(300),
        },
        expires_after: Duration::from_secs(900),
    }
}

// === impl Given ===

impl Given {
    pub(crate) fn snapshot(&self) -> Snapshot {
        let name = |name: &String| ObjectName::new("ns", name);
        let parts = SnapshotParts {
            revision: "r".to_owned(),
            connection: ConnectionFacts {
                namespace: "ns".to_owned(),
                name: "db".to_owned(),
                labels: BTreeMap::from([("tier".to_owned(), "gold".to_owned())]),
                ..ConnectionFacts::default()
            },
            access: AccessRule {
                subjects: self.access.iter().map(|text| selector(text)).collect(),
                expression: self.access_expression.as_deref().map(compiled),
            },
            requires: self.requires.iter().map(|text| requirement(text)).collect(),
            lockdown: self.lockdown,
            policies: self.policies.iter().map(PolicyText::policy).collect(),
            broken: self.broken.iter().map(name).collect(),
            replicas: 1,
            ..SnapshotParts::default()
        };
        Snapshot::compile(parts).unwrap()
    }
}

fn compiled(source: &str) -> Expression {
    Expression::compile(source).unwrap()
}

fn selector(text: &str) -> SubjectSelector {
    let glob = |text: &str| Glob::parse(text).unwrap();
    match text.split_once(':').unwrap() {
        ("user", name) => SubjectSelector::User(glob(name)),
        ("group", name) => SubjectSelector::Group(glob(name)),
        ("sa", path) => {
            let (namespace, name) = path.split_once('/').unwrap();
            SubjectSelector::ServiceAccount {
                namespace: glob(namespace),
                name: glob(name),
            }
        }
        other => panic!("no selector: {other:?}"),
    }
}

fn requirement(text: &str) -> Requirement {
    let (kind, name) = text.split_once(' ').unwrap();
    let kind = match kind {
        "guardrail" => RequirementKind::Guardrail,
        "mask" => RequirementKind::Mask,
        other => panic!("no requirement: {other}"),
    };
    Requirement {
        kind,
        name: name.to_owned(),
    }
}

// === impl PolicyText ===

impl PolicyText {
    fn policy(&self) -> Policy {
        Policy {
            name: ObjectName::new("ns", &self.name),
            generation: 1,
            origin: self.origin.parse::<Origin>().unwrap(),
            enforcement: self.enforcement.parse::<Enforcement>().unwrap(),
            default: self.default.parse::<DefaultAction>().unwrap(),
            subjects: self.subjects.iter().map(|text| selector(text)).collect(),
            rules: self.rules.iter().map(RuleText::rule).collect(),
            limits: Limits::default(),
        }
    }
}

// === impl RuleText ===

impl RuleText {
    fn rule(&self) -> Rule {
        Rule {
            name: self.name.clone(),
            matching: self.matching.matching(),
            unless: self.unless.as_ref().map(MatchText::matching),
            action: match self.action.as_str() {
                "Allow" => Action::Allow,
                "Deny" => Action::Deny,
                "RequireApproval" => Action::RequireApproval(terms(self.required)),
                other => panic!("no action: {other}"),
            },
            message: self.message.clone(),
        }
    }
}

// === impl MatchText ===

impl MatchText {
    fn matching(&self) -> Match {
        let values = |(name, globs): (&String, &Vec<String>)| (name.clone(), all::<Glob>(globs));
        Match {
            effects: all(&self.effects),
            verbs: self.verbs.clone(),
            resources: all::<ResourcePattern>(&self.resources),
            flags: all(&self.flags),
            text: all::<TextPattern>(&self.text),
            attributes: self.attributes.iter().map(values).collect(),
            expression: self.expression.as_deref().map(compiled),
        }
    }
}

// === impl Case ===

impl Case {
    pub(crate) fn subject(&self) -> Subject {
        let claims = self.subject.claims.iter();
        Subject {
            username: self
                .subject
                .username
                .clone()
                .unwrap_or_else(|| "alice".to_owned()),
            groups: self.subject.groups.clone(),
            claims: claims
                .map(|(name, value)| (name.clone(), value.as_str().into()))
                .collect(),
            ..Subject::default()
        }
    }

    pub(crate) fn operation(&self) -> Operation {
        let text = &self.operation;
        let more = (0..text.more).map(|n| format!("Read table:more.t{n}"));
        Operation {
            effect: text.effect.parse().unwrap(),
            verb: text.verb.clone(),
            flags: all(&text.flags).into_iter().collect(),
            attributes: Arc::new(text.attributes.clone()),
            text: text.text.clone(),
            accesses: Arc::new(
                text.accesses
                    .iter()
                    .cloned()
                    .chain(more)
                    .map(|text| access(&text))
                    .collect(),
            ),
        }
    }
}

fn access(text: &str) -> Access {
    let (effect, resource) = text.split_once(' ').unwrap();
    let effect = effect.parse().unwrap();
    if let Some(kind) = resource.strip_suffix('?') {
        let kind = kind.parse().unwrap();
        return Access {
            effect,
            resource: Resource::Unresolved { kind },
        };
    }
    let (kind, path) = resource.split_once(':').unwrap();
    let kind: ResourceKind = kind.parse().unwrap();
    let segments = match kind.separator() {
        Some(separator) => path.split(separator).map(str::to_owned).collect(),
        None => vec![path.to_owned()],
    };
    Access {
        effect,
        resource: Resource::Named { kind, segments },
    }
}

// === impl Expect ===

impl Expect {
    pub(crate) fn verdict(&self) -> Verdict {
        match self.verdict.as_str() {
            "Allow" => Verdict::Allow,
            "Deny" => Verdict::Deny,
            hold => Verdict::Hold(terms(hold.strip_prefix("Hold ").unwrap().parse().unwrap())),
        }
    }
}
