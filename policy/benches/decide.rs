//! What a decision costs, and how it grows with the rules.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench may panic, and measures with the clock"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use divan::{Bencher, black_box};
use portcullis_policy::{
    Access, AccessRule, Action, ConnectionFacts, DefaultAction, Effect, Enforcement, Expression,
    Glob, Limits, Match, ObjectName, Operation, Origin, Policy, Request, Resource, ResourceKind,
    ResourcePattern, Rule, SessionFacts, Snapshot, SnapshotParts, Subject, SubjectSelector,
    SubjectView, TextPattern,
};

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];

fn main() {
    divan::main();
}

fn policy(name: String, rules: Vec<Rule>) -> Policy {
    Policy {
        name: ObjectName::new("prod", name),
        generation: 1,
        origin: Origin::Tenant,
        enforcement: Enforcement::Enforce,
        default: DefaultAction::Allow,
        subjects: vec![SubjectSelector::Group(Glob::parse("dev*").unwrap())],
        rules,
        limits: Limits::default(),
    }
}

fn rule(n: usize, matching: Match) -> Rule {
    Rule {
        name: format!("r{n}"),
        matching,
        unless: None,
        action: Action::Deny,
        message: None,
    }
}

fn resource_rule(n: usize) -> Rule {
    let resources = vec![ResourcePattern::parse(&format!("table:public.t{n}_*")).unwrap()];
    let effects = vec![Effect::Write, Effect::Define];
    rule(
        n,
        Match {
            effects,
            resources,
            ..Match::default()
        },
    )
}

fn snapshot(rules: impl Iterator<Item = Rule>) -> Snapshot {
    let mut policies: Vec<Policy> = Vec::new();
    for (n, rule) in rules.enumerate() {
        if n % 10 == 0 {
            policies.push(policy(format!("p{n}"), Vec::new()));
        }
        policies.last_mut().unwrap().rules.push(rule);
    }
    let everybody = SubjectSelector::User(Glob::parse("*").unwrap());
    Snapshot::compile(SnapshotParts {
        connection: ConnectionFacts {
            namespace: "prod".to_owned(),
            ..Default::default()
        },
        access: AccessRule {
            subjects: vec![everybody],
            expression: None,
        },
        policies,
        replicas: 1,
        ..SnapshotParts::default()
    })
    .unwrap()
}

fn subject() -> Subject {
    let groups = vec!["developers".to_owned(), "billing".to_owned()];
    Subject {
        username: "oidc:alice".to_owned(),
        groups,
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

/// Two reads and a write that no rule matches, of tables that begin as those of the rules do.
fn operation() -> Operation {
    let table = |effect, name: &str| Access {
        effect,
        resource: Resource::Named {
            kind: ResourceKind::Table,
            segments: vec!["public".to_owned(), name.to_owned()],
        },
    };
    Operation {
        effect: Effect::Write,
        verb: "UPDATE".to_owned(),
        flags: BTreeSet::new(),
        attributes: Arc::default(),
        text: "UPDATE orders SET paid = true WHERE id = 42".to_owned(),
        accesses: Arc::new(BTreeSet::from([
            table(Effect::Read, "customers"),
            table(Effect::Read, "t7_x"),
            table(Effect::Write, "orders"),
        ])),
    }
}

fn decide(bencher: Bencher<'_, '_>, snapshot: &Snapshot, operation: &Operation) {
    let (subject, session) = (subject(), session());
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_770_000_000);
    let request = Request {
        subject: &subject,
        session: &session,
        operation,
        now,
    };
    assert!(snapshot.decide(&request).is_allowed());
    bencher.bench_local(|| black_box(snapshot).decide(black_box(&request)));
}

#[divan::bench(args = SIZES)]
fn resource_rules(bencher: Bencher<'_, '_>, rules: usize) {
    decide(
        bencher,
        &snapshot((0..rules).map(resource_rule)),
        &operation(),
    );
}

/// As `resource_rules`, with who the subject is told once for a session.
#[divan::bench(args = SIZES)]
fn resource_rules_in_a_session(bencher: Bencher<'_, '_>, rules: usize) {
    let snapshot = Arc::new(snapshot((0..rules).map(resource_rule)));
    let view = SubjectView::new(snapshot, Arc::new(subject()));
    let (session, operation) = (session(), operation());
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_770_000_000);
    bencher.bench_local(|| black_box(&view).decide(&session, black_box(&operation), now));
}

#[divan::bench(args = SIZES)]
fn verb_rules(bencher: Bencher<'_, '_>, rules: usize) {
    decide(bencher, &verb_snapshot(rules), &operation());
}

/// A text of eight statements.
#[divan::bench(args = SIZES)]
fn verb_rules_and_many_verbs(bencher: Bencher<'_, '_>, rules: usize) {
    let mut operation = operation();
    let verbs = (0..8).map(|n| format!("OTHER{n}")).collect();
    operation.attributes = Arc::new(BTreeMap::from([("verb".to_owned(), verbs)]));
    decide(bencher, &verb_snapshot(rules), &operation);
}

fn verb_snapshot(rules: usize) -> Snapshot {
    snapshot((0..rules).map(|n| {
        let verbs = vec![format!("VERB{n}")];
        rule(
            n,
            Match {
                verbs,
                ..Match::default()
            },
        )
    }))
}

#[divan::bench(args = [1, 10, 100])]
fn text_rules(bencher: Bencher<'_, '_>, rules: usize) {
    let rules = (0..rules).map(|n| {
        let text = vec![TextPattern::parse(&format!(r"(?i)\bforbidden{n}\s+word\b")).unwrap()];
        rule(
            n,
            Match {
                text,
                ..Match::default()
            },
        )
    });
    decide(bencher, &snapshot(rules), &operation());
}

fn by_expression(bencher: Bencher<'_, '_>, source: &str) {
    let expression = Some(Expression::compile(source).unwrap());
    let matching = Match {
        expression,
        ..Match::default()
    };
    let rules = std::iter::once(rule(0, matching));
    decide(bencher, &snapshot(rules), &operation());
}

#[divan::bench]
fn one_expression(bencher: Bencher<'_, '_>) {
    let source = "'billing' in subject.groups && operation.verb == 'DELETE'";
    by_expression(bencher, source);
}

#[divan::bench]
fn one_expression_over_accesses(bencher: Bencher<'_, '_>) {
    let source = "operation.accesses.exists(a, a.effect == 'Define' && a.segments[0] == 'pii')";
    by_expression(bencher, source);
}

#[divan::bench(args = [10, 10_000], sample_count = 10)]
fn compile_snapshot(bencher: Bencher<'_, '_>, rules: usize) {
    bencher.bench_local(|| snapshot((0..rules).map(resource_rule)));
}

#[divan::bench]
fn compile_expression() -> Expression {
    Expression::compile(black_box(
        "'billing' in subject.groups && operation.verb == 'DELETE'",
    ))
    .unwrap()
}
