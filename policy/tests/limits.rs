//! Limits that no other test names: what stands at each, and one past it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use portcullis_policy::explain::{MAX_LISTED_ACCESSES, MAX_QUOTED};
use portcullis_policy::expression::MAX_PATH_READ;
use portcullis_policy::mask::detect::{CustomPattern, DetectorKind};
use portcullis_policy::mask::rule::{DdlRule, MaskRule, Predicates};
use portcullis_policy::mask::transform::Transform;
use portcullis_policy::snapshot::MAX_MASKS;
use portcullis_policy::{
    Access, AccessRule, Action, DefaultAction, Effect, Enforcement, Expression, Glob, Limits,
    Match, ObjectName, Operation, Origin, Policy, Request, Resource, ResourceKind, Rule,
    SessionFacts, Snapshot, SnapshotParts, Subject, SubjectSelector, TextPattern, Verdict,
};

/// A rule that allows what it matches, and nothing else is allowed.
fn only(matching: Match) -> SnapshotParts {
    let rule = Rule {
        name: "r".to_owned(),
        matching,
        unless: None,
        action: Action::Allow,
        message: None,
    };
    let policy = Policy {
        name: ObjectName::new("ns", "p"),
        generation: 1,
        origin: Origin::Tenant,
        enforcement: Enforcement::Enforce,
        default: DefaultAction::Deny,
        subjects: Vec::new(),
        rules: vec![rule],
        limits: Limits::default(),
    };
    SnapshotParts {
        access: AccessRule {
            subjects: vec![SubjectSelector::User(Glob::parse("*").unwrap())],
            expression: None,
        },
        policies: vec![policy],
        replicas: 1,
        ..SnapshotParts::default()
    }
}

fn operation(paths: impl IntoIterator<Item = Vec<String>>) -> Operation {
    let read = |segments| Access {
        effect: Effect::Read,
        resource: Resource::Named {
            kind: ResourceKind::Path,
            segments,
        },
    };
    Operation {
        effect: Effect::Read,
        verb: "GET".to_owned(),
        flags: BTreeSet::new(),
        attributes: Arc::default(),
        text: String::new(),
        accesses: Arc::new(paths.into_iter().map(read).collect()),
    }
}

fn session() -> SessionFacts {
    SessionFacts {
        id: "s".to_owned(),
        client_address: "10.0.0.1".to_owned(),
        started_at: SystemTime::UNIX_EPOCH,
    }
}

fn explain(matching: Match, operation: &Operation) -> (Verdict, String) {
    let subject = Subject::default();
    let session = session();
    let request = Request {
        subject: &subject,
        session: &session,
        operation,
        now: SystemTime::UNIX_EPOCH,
    };
    let snapshot = Snapshot::compile(only(matching)).unwrap();
    let (decision, explanation) = snapshot.explain(&request);
    (decision.verdict, explanation.to_string())
}

#[test]
fn a_snapshot_takes_so_many_masks() {
    let mask = |n: usize| MaskRule {
        name: ObjectName::new("ns", format!("m{n}")),
        origin: Origin::Tenant,
        subjects: Vec::new(),
        exempt: Vec::new(),
        columns: Vec::new(),
        json_paths: Vec::new(),
        keys: Vec::new(),
        headers: Vec::new(),
        detectors: vec![DetectorKind::Email],
        patterns: Vec::new(),
        transform: Transform::Redact,
        predicates: Predicates::Equality,
        ddl: DdlRule::Deny,
    };
    let with = |count: usize| {
        Snapshot::compile(SnapshotParts {
            masks: (0..count).map(mask).collect(),
            ..only(Match::default())
        })
    };
    assert!(with(MAX_MASKS).is_ok());
    let errors = with(MAX_MASKS + 1).unwrap_err();
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["masks: 1025 masks; at most 1024 are allowed"]);
}

#[test]
fn an_explanation_lists_so_many_accesses_and_quotes_so_much() {
    let verbs = || Match {
        verbs: vec!["GET".to_owned()],
        effects: vec![Effect::Read],
        ..Match::default()
    };
    let paths = |count: usize| (0..count).map(|n| vec![format!("f{n}")]);
    let (_, told) = explain(verbs(), &operation(paths(MAX_LISTED_ACCESSES)));
    assert!(told.contains("path:f7") && !told.contains("more"), "{told}");
    let (_, told) = explain(verbs(), &operation(paths(MAX_LISTED_ACCESSES + 1)));
    assert!(told.contains("path:f7 and 1 more"), "{told}");
    let verb = |length: usize| {
        let verb = "é".repeat(length);
        let operation = Operation {
            verb: verb.clone(),
            ..operation([])
        };
        (explain(verbs(), &operation).1, verb)
    };
    let (told, whole) = verb(MAX_QUOTED);
    assert!(told.contains(&format!("the verb is {whole}\n")), "{told}");
    let (told, whole) = verb(MAX_QUOTED + 1);
    assert!(!told.contains(&whole) && told.contains("é…\n"), "{told}");
}

#[test]
fn an_expression_reads_so_many_segments_of_a_path() {
    let verdict = |segments: usize| {
        let source = "operation.accesses.all(a, a.segments[0] == 'a')";
        let expression = Some(Expression::compile(source).unwrap());
        let matching = Match {
            expression,
            ..Match::default()
        };
        explain(matching, &operation([vec!["a".to_owned(); segments]])).0
    };
    assert_eq!(verdict(1), Verdict::Allow);
    assert_eq!(verdict(MAX_PATH_READ), Verdict::Allow);
    assert_eq!(verdict(MAX_PATH_READ + 1), Verdict::Deny);
}

#[test]
fn an_expression_names_durations_of_a_hundred_years_and_no_longer() {
    let hours = 36_525 * 24;
    let with = |duration: String| {
        Expression::compile(&format!("now - session.startedAt < duration('{duration}')"))
    };
    assert!(with(format!("{hours}h")).is_ok());
    assert!(with(format!("{hours}h1ms")).is_err());
}

#[test]
fn groups_of_a_text_pattern_nest_so_deep() {
    let nested =
        |depth: usize| TextPattern::parse(&format!("{}a{}", "(".repeat(depth), ")".repeat(depth)));
    assert!(nested(32).is_ok());
    assert!(nested(33).is_err());
}

#[test]
fn a_custom_pattern_takes_so_much_memory() {
    let pattern = |words: usize| {
        let words: Vec<String> = (0..words).map(|n| format!(r"{n}\w{{250}}")).collect();
        CustomPattern::parse("p", &words.join("|"), None)
    };
    assert!(pattern(10).is_ok());
    let refused = pattern(100).map(drop).unwrap_err().to_string();
    assert!(
        refused.contains("takes more than 1048576 bytes"),
        "{refused}"
    );
}

/// Patterns that are together too large for one search are searched for one by one, with the same
/// answers.
#[test]
fn text_patterns_too_large_to_share_a_search_decide_all_the_same() {
    let large = (0..40).map(|n| format!("{n}[01]{{9000}}x"));
    let small = ["wanted".to_owned()];
    let patterns = large
        .chain(small)
        .map(|text| TextPattern::parse(&text).unwrap());
    let text = patterns.collect();
    let snapshot = Snapshot::compile(only(Match {
        text,
        ..Match::default()
    }))
    .unwrap();
    for (text, expected) in [
        ("39010101", Verdict::Deny),
        ("what is wanted", Verdict::Allow),
    ] {
        let operation = Operation {
            text: text.to_owned(),
            ..operation([])
        };
        let subject = Subject::default();
        let session = session();
        let request = Request {
            subject: &subject,
            session: &session,
            operation: &operation,
            now: SystemTime::UNIX_EPOCH,
        };
        assert_eq!(snapshot.decide(&request).verdict, expected, "{text}");
    }
}
