mod stale;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::*;
use crate::decide::Request;
use crate::decision::{Class, Verdict};
use crate::expression::{Expression, MAX_EXPRESSION_COST, SessionFacts};
use crate::matcher::{Glob, ResourcePattern, TextPattern};
use crate::operation::{Access, Effect, Operation, Resource, ResourceKind};
use crate::rule::{
    Action, ApprovalTerms, CountLimit, DefaultAction, Enforcement, Grant, Limits, Match,
    ObjectName, OnExceed, Origin, Per, Policy, RateLimit, Rule, SizeLimit, Wait,
};

fn policy(name: &str, rules: Vec<Rule>) -> Policy {
    Policy {
        name: ObjectName::new("ns", name),
        generation: 1,
        origin: Origin::Tenant,
        enforcement: Enforcement::Enforce,
        default: DefaultAction::Allow,
        subjects: Vec::new(),
        rules,
        limits: Limits::default(),
    }
}

fn deny(name: &str, matching: Match) -> Rule {
    Rule {
        name: name.to_owned(),
        matching,
        unless: None,
        action: Action::Deny,
        message: None,
    }
}

fn verb(verb: &str) -> Match {
    Match {
        verbs: vec![verb.to_owned()],
        ..Match::default()
    }
}

fn user(pattern: &str) -> SubjectSelector {
    SubjectSelector::User(Glob::parse(pattern).unwrap())
}

fn parts(policies: Vec<Policy>) -> SnapshotParts {
    SnapshotParts {
        revision: "r1".to_owned(),
        access: AccessRule {
            subjects: vec![user("*")],
            expression: None,
        },
        policies,
        replicas: 1,
        ..SnapshotParts::default()
    }
}

fn subject(username: &str) -> Subject {
    Subject {
        username: username.to_owned(),
        ..Subject::default()
    }
}

fn session() -> SessionFacts {
    SessionFacts {
        id: "s".to_owned(),
        client_address: "10.0.0.1".to_owned(),
        started_at: SystemTime::UNIX_EPOCH,
    }
}

fn operation(verb: &str) -> Operation {
    Operation {
        effect: Effect::Read,
        verb: verb.to_owned(),
        flags: BTreeSet::new(),
        attributes: Arc::default(),
        text: String::new(),
        accesses: Arc::default(),
    }
}

fn decide(snapshot: &Snapshot, username: &str, operation: &Operation) -> crate::Decision {
    let (subject, session) = (subject(username), session());
    let now = SystemTime::UNIX_EPOCH;
    snapshot.decide(&Request {
        subject: &subject,
        session: &session,
        operation,
        now,
    })
}

fn errors(parts: SnapshotParts) -> Vec<String> {
    Snapshot::compile(parts)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn everything_that_is_wrong_is_told_at_once_and_where() {
    let no_field = Rule {
        unless: Some(Match::default()),
        ..deny("a", verb("X"))
    };
    let nobody = ApprovalTerms {
        required: 0,
        grant: Grant::OneShot,
        wait: Wait::Reject,
        expires_after: Duration::from_secs(1),
    };
    let unapproved = Rule {
        action: Action::RequireApproval(nobody),
        ..deny("b", verb(""))
    };
    let mut attribute = Match::default();
    attribute.attributes.insert("role".to_owned(), Vec::new());
    let mut parts = parts(vec![
        policy("one", vec![no_field, unapproved, deny("b", attribute)]),
        policy("one", vec![deny("", Match::default())]),
    ]);
    parts.replicas = 0;
    parts.access.expression = Some(Expression::compile("operation.verb == 'X'").unwrap());
    assert_eq!(
        errors(parts),
        [
            "replicas: there is at least one",
            "access: the expression asks about `operation`, and there is none yet",
            "ns/one: there are two policies of this name",
            "ns/one: rule a: an `unless` without a field lifts the rule from everything",
            "ns/one: rule b: a verb is empty",
            "ns/one: rule b: an approval takes at least one person",
            "ns/one: rule b: there are two rules of this name",
            "ns/one: rule b: the attribute `role` lists no value",
            "ns/one: rule : a rule has a name",
        ]
    );
}

#[test]
fn lists_hold_up_to_their_limit() {
    let verbs = |count: usize| Match {
        verbs: (0..count).map(|n| format!("V{n}")).collect(),
        ..Match::default()
    };
    assert!(Snapshot::compile(parts(vec![policy("p", vec![deny("r", verbs(1024))])])).is_ok());
    assert_eq!(
        errors(parts(vec![policy(
            "p",
            vec![deny("r", verbs(MAX_FIELD_VALUES + 1))]
        )])),
        ["ns/p: rule r: 1025 verbs; at most 1024 are allowed"]
    );

    let texts = |count: usize| {
        let pattern = |n: usize| TextPattern::parse(&format!("t{n}")).unwrap();
        let texts = (0..count).map(|n| Match {
            text: vec![pattern(n)],
            ..Match::default()
        });
        (0..)
            .zip(texts)
            .map(|(n, text)| deny(&format!("r{n}"), text))
            .collect()
    };
    assert!(Snapshot::compile(parts(vec![policy("p", texts(MAX_TEXT_PATTERNS))])).is_ok());
    assert_eq!(
        errors(parts(vec![policy("p", texts(MAX_TEXT_PATTERNS + 1))])),
        ["policies: 513 text patterns; at most 512 are allowed"]
    );

    let many = |count: usize| {
        (0..count)
            .map(|n| policy(&format!("p{n}"), Vec::new()))
            .collect()
    };
    assert!(Snapshot::compile(parts(many(MAX_POLICIES))).is_ok());
    assert_eq!(
        errors(parts(many(MAX_POLICIES + 1))),
        ["policies: 20001 policies; at most 20000 are allowed"]
    );

    let rules = |count: usize| {
        (0..count)
            .map(|n| deny(&format!("r{n}"), verb("X")))
            .collect()
    };
    assert!(Snapshot::compile(parts(vec![policy("p", rules(MAX_RULES))])).is_ok());
    assert_eq!(
        errors(parts(vec![policy("p", rules(MAX_RULES + 1))])),
        ["policies: 100001 rules; at most 100000 are allowed"]
    );
}

#[test]
fn all_expressions_together_are_bounded() {
    let dear = "operation.accesses.all(a, operation.accesses.all(b, \
                a.segments[1] == b.segments[1] || a.kind == 'table'))";
    let expression = Expression::compile(dear).unwrap();
    assert!(expression.cost() <= MAX_EXPRESSION_COST);
    let fits = usize::try_from(MAX_SNAPSHOT_COST / expression.cost()).unwrap();
    let rules = |count: usize| {
        let matching = || Match {
            expression: Some(expression.clone()),
            ..Match::default()
        };
        (0..count)
            .map(|n| deny(&format!("r{n}"), matching()))
            .collect()
    };
    assert!(Snapshot::compile(parts(vec![policy("p", rules(fits))])).is_ok());
    let refused = errors(parts(vec![policy("p", rules(fits + 1))]));
    assert!(
        refused[0].contains("steps; at most 20000000 are allowed"),
        "{refused:?}"
    );
}

#[test]
fn limits_are_those_of_the_policies_that_are_enforced_on_the_subject() {
    let limited = |name: &str, max: u64, subjects: Vec<SubjectSelector>| Policy {
        subjects,
        limits: Limits {
            rows: Some(SizeLimit {
                max,
                on_exceed: OnExceed::Error,
            }),
            operations: Some(RateLimit {
                max,
                window: Duration::from_secs(60),
                per: Per::Subject,
            }),
            sessions: Some(CountLimit {
                max,
                per: Per::Connection,
            }),
            ..Limits::default()
        },
        ..policy(name, Vec::new())
    };
    let audit = Policy {
        enforcement: Enforcement::Audit,
        ..limited("audit", 1, Vec::new())
    };
    let mut parts = parts(vec![
        limited("all", 100, Vec::new()),
        limited("alice", 10, vec![user("alice")]),
        audit,
        policy("none", Vec::new()),
    ]);
    parts.replicas = 3;
    let snapshot = Snapshot::compile(parts).unwrap();
    let rates = |username: &str| {
        let limits = decide(&snapshot, username, &operation("X")).limits;
        let mut rates: Vec<u64> = limits
            .operations
            .iter()
            .map(|named| named.limit.max)
            .collect();
        rates.sort_unstable();
        let mut rows: Vec<u64> = limits.sizes.iter().map(|named| named.limit.max).collect();
        rows.sort_unstable();
        (rates, rows)
    };
    assert_eq!(rates("bob"), (vec![33], vec![100]));
    assert_eq!(rates("alice"), (vec![3, 33], vec![10, 100]));
}

#[test]
fn opening_a_session_asks_access_and_policies_but_no_rules() {
    let mut parts = parts(vec![Policy {
        default: DefaultAction::Deny,
        subjects: vec![user("a*")],
        ..policy("p", Vec::new())
    }]);
    parts.access = AccessRule {
        subjects: vec![user("a*"), user("b*")],
        expression: Some(Expression::compile("now - session.startedAt < duration('1h')").unwrap()),
    };
    let snapshot = Snapshot::compile(parts).unwrap();
    let admit = |username: &str, seconds: u64| {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        snapshot
            .admit(&subject(username), &session(), now)
            .refusal
            .map(|reason| reason.class)
    };
    assert_eq!(admit("alice", 10), None);
    assert_eq!(admit("alice", 3600), Some(Class::AccessDenied));
    assert_eq!(admit("carol", 10), Some(Class::AccessDenied));
    assert_eq!(admit("bob", 10), Some(Class::PolicyDenied));
}

#[test]
fn a_view_decides_as_its_snapshot_and_knows_when_it_is_old() {
    let rules = vec![deny("r", verb("DROP"))];
    let snapshot = Arc::new(Snapshot::compile(parts(vec![policy("p", rules)])).unwrap());
    let view = SubjectView::new(Arc::clone(&snapshot), Arc::new(subject("alice")));
    for verb in ["DROP", "SELECT"] {
        let operation = operation(verb);
        let viewed = view.decide(&session(), &operation, SystemTime::UNIX_EPOCH);
        assert_eq!(viewed, decide(&snapshot, "alice", &operation));
        assert_eq!(viewed.verdict == Verdict::Deny, verb == "DROP");
    }
    assert!(view.is_of(&snapshot));
    let edited = Arc::new(Snapshot::compile(parts(Vec::new())).unwrap());
    assert!(!view.is_of(&edited));
}

/// More rules than fit in what is kept without an allocation, some of them found several times.
#[test]
fn no_rule_is_lost_where_many_could_match() {
    let resources = |patterns: &[&str]| Match {
        resources: patterns
            .iter()
            .map(|text| ResourcePattern::parse(text).unwrap())
            .collect(),
        effects: vec![Effect::Write],
        ..Match::default()
    };
    let table = |name: &str| Access {
        effect: Effect::Write,
        resource: Resource::Named {
            kind: ResourceKind::Table,
            segments: vec!["a".to_owned(), name.to_owned()],
        },
    };
    for place in [0, 1, 62, 63, 64, 65, 100, 149] {
        let rules = (0..150).map(|n| match n == place {
            true => deny("hit", resources(&["table:a.b", "table:a.*", "table:**.b"])),
            false => deny(
                &format!("r{n}"),
                resources(&["table:a.*x", "table:**.y", "table:a.*z"]),
            ),
        });
        let snapshot = Snapshot::compile(parts(vec![policy("p", rules.collect())])).unwrap();
        let accesses = BTreeSet::from([table("b"), table("c")]);
        let operation = Operation {
            effect: Effect::Write,
            accesses: accesses.into(),
            ..operation("UPDATE")
        };
        let decision = decide(&snapshot, "alice", &operation);
        assert_eq!(
            decision.reason.unwrap().rule.as_deref(),
            Some("hit"),
            "{place}"
        );
    }
}

#[test]
fn more_lists_of_subjects_than_fit_in_one_word_are_all_asked() {
    let of = |n: usize| Policy {
        subjects: vec![user(&format!("u{n}"))],
        ..policy(&format!("p{n}"), vec![deny("r", verb("DROP"))])
    };
    let policies = (0..600).map(of).collect();
    let snapshot = Snapshot::compile(parts(policies)).unwrap();
    for n in [0, 63, 64, 255, 256, 257, 599] {
        let reason = decide(&snapshot, &format!("u{n}"), &operation("DROP"))
            .reason
            .unwrap();
        assert_eq!(reason.policy.unwrap().name, format!("p{n}"));
        assert!(decide(&snapshot, &format!("u{n}"), &operation("SELECT")).is_allowed());
    }
    assert!(!decide(&snapshot, "u600", &operation("SELECT")).is_allowed());
}

#[test]
fn an_explanation_is_a_tree_that_people_read() {
    let unless = Match {
        expression: Some(Expression::compile("subject.claims.dba == true").unwrap()),
        ..Match::default()
    };
    let rule = Rule {
        unless: Some(unless),
        message: Some("no drops".to_owned()),
        ..deny(
            "drops",
            Match {
                effects: vec![Effect::Define],
                ..verb("drop table")
            },
        )
    };
    let others = Policy {
        subjects: vec![user("bob")],
        ..policy("z", Vec::new())
    };
    let snapshot = Snapshot::compile(parts(vec![policy("p", vec![rule]), others])).unwrap();
    let (subject, session) = (subject("alice"), session());
    let operation = Operation {
        effect: Effect::Define,
        ..operation("DROP TABLE")
    };
    let now = SystemTime::UNIX_EPOCH;
    let request = Request {
        subject: &subject,
        session: &session,
        operation: &operation,
        now,
    };
    let (decision, explanation) = snapshot.explain(&request);
    assert_eq!(decision, snapshot.decide(&request));
    assert_eq!(
        explanation.to_string(),
        "Deny\n  \
         PolicyDenied: no drops (ns/p, rule drops)\n  \
         policy ns/p (Tenant, Enforce): Deny\n    \
         rule drops (Deny): applies\n      \
         match effects and resources: yes, Define: satisfied; the operation is Define with no \
         access, and any access counts\n      \
         match verbs: yes, the verb is DROP TABLE\n      \
         unless expression: no, it failed, which counts as not matched here: No such key: dba\n  \
         policy ns/z (Tenant, Enforce): does not bind this subject\n"
    );
    let told = &explanation.policies[0].rules[0];
    assert!(told.applies && told.matching.iter().all(|field| field.holds));
    assert!(!told.unless.as_ref().unwrap()[0].holds);
}

#[test]
fn what_an_explanation_quotes_is_cut_and_made_visible() {
    let snapshot = Snapshot::compile(parts(vec![policy("p", vec![deny("r", verb("X"))])])).unwrap();
    let (subject, session) = (subject("alice"), session());
    let operation = operation(&format!("\u{202e}\n{}", "V".repeat(10_000)));
    let now = SystemTime::UNIX_EPOCH;
    let request = Request {
        subject: &subject,
        session: &session,
        operation: &operation,
        now,
    };
    let shown = snapshot.explain(&request).1.to_string();
    assert!(
        shown.contains(r"\u{202e}\nVVV") && shown.contains('…'),
        "{shown}"
    );
    assert!(shown.len() < 600, "{}", shown.len());
}

/// Whoever sends a text on which a pattern takes too long is denied by rules that deny, and not
/// let through by rules that allow, nor by what lifts a rule.
#[test]
fn text_that_makes_a_pattern_slow_helps_nobody() {
    let slow = |pattern: &str| Match {
        text: vec![TextPattern::parse(pattern).unwrap()],
        ..Match::default()
    };
    let allow = Rule {
        action: Action::Allow,
        ..deny("allow", slow("1[01]{9000}x"))
    };
    let but = Rule {
        unless: Some(slow("1[01]{9000}x")),
        ..deny("but", verb("SELECT"))
    };
    let closed = Policy {
        default: DefaultAction::Deny,
        ..policy("closed", vec![allow])
    };
    let mut state = 12345_u64;
    let bits = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
        if state >> 63 == 1 { '1' } else { '0' }
    });
    let noisy = Operation {
        text: bits.take(1 << 16).collect(),
        ..operation("SELECT")
    };
    let denied = deny("many", slow("1[01]{9000}x"));
    // Enough patterns that they are searched for in one go.
    let more = ["t1", "t2", "t3"].map(|text| deny(text, slow(text)));
    let many = std::iter::once(denied.clone()).chain(more).collect();
    for (policy, rule) in [
        (policy("p", vec![denied]), Some("many")),
        (policy("p", many), Some("many")),
        (policy("p", vec![but]), Some("but")),
        (closed, None),
    ] {
        let snapshot = Snapshot::compile(parts(vec![policy])).unwrap();
        let decision = decide(&snapshot, "alice", &noisy);
        assert_eq!(decision.verdict, Verdict::Deny);
        assert_eq!(decision.reason.unwrap().rule.as_deref(), rule);
    }
}
