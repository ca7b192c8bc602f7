//! Deciding that an operation passes allocates nothing.
#![allow(
    unsafe_code,
    clippy::unwrap_used,
    reason = "an allocator that counts is unsafe to write; a test may panic"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use portcullis_policy::{
    Access, AccessRule, Action, DefaultAction, Effect, Enforcement, Glob, Limits, Match,
    ObjectName, Operation, Origin, Policy, Request, Resource, ResourceKind, ResourcePattern, Rule,
    SessionFacts, Snapshot, SnapshotParts, Subject, SubjectSelector,
};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: it hands every call to the system's allocator as it came, and counts beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`, which is the same here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the memory came from `System.alloc` with this layout.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn rule(name: &str, pattern: &str, action: Action) -> Rule {
    let matching = Match {
        effects: vec![Effect::Read, Effect::Write],
        resources: vec![ResourcePattern::parse(pattern).unwrap()],
        ..Match::default()
    };
    Rule {
        name: name.to_owned(),
        matching,
        unless: None,
        action,
        message: None,
    }
}

fn snapshot() -> Snapshot {
    let everybody = SubjectSelector::User(Glob::parse("*").unwrap());
    let mut rules: Vec<Rule> = (0..100)
        .map(|n| {
            rule(
                &format!("r{n}"),
                &format!("table:public.t{n}_*"),
                Action::Deny,
            )
        })
        .collect();
    rules.push(rule("allow", "table:public.*", Action::Allow));
    let policy = Policy {
        name: ObjectName::new("ns", "p"),
        generation: 1,
        origin: Origin::Tenant,
        enforcement: Enforcement::Enforce,
        default: DefaultAction::Deny,
        subjects: vec![SubjectSelector::Group(Glob::parse("dev*").unwrap())],
        rules,
        limits: Limits::default(),
    };
    let access = AccessRule {
        subjects: vec![everybody],
        expression: None,
    };
    let parts = SnapshotParts {
        access,
        policies: vec![policy],
        replicas: 1,
        ..Default::default()
    };
    Snapshot::compile(parts).unwrap()
}

#[test]
fn an_operation_that_passes_is_decided_without_an_allocation() {
    let snapshot = snapshot();
    let groups = vec!["developers".to_owned()];
    let subject = Subject {
        username: "alice".to_owned(),
        groups,
        ..Subject::default()
    };
    let session = SessionFacts {
        id: "s".to_owned(),
        client_address: "10.0.0.1".to_owned(),
        started_at: SystemTime::UNIX_EPOCH,
    };
    let table = |effect, name: &str| Access {
        effect,
        resource: Resource::Named {
            kind: ResourceKind::Table,
            segments: vec!["public".to_owned(), name.to_owned()],
        },
    };
    let operation = Operation {
        effect: Effect::Write,
        verb: "UPDATE".to_owned(),
        flags: BTreeSet::new(),
        attributes: Arc::new(BTreeMap::from([(
            "verb".to_owned(),
            vec!["SELECT".to_owned()],
        )])),
        text: "UPDATE orders SET paid = true".to_owned(),
        accesses: Arc::new(BTreeSet::from([
            table(Effect::Read, "a"),
            table(Effect::Write, "orders"),
        ])),
    };
    let now = SystemTime::UNIX_EPOCH;
    let request = Request {
        subject: &subject,
        session: &session,
        operation: &operation,
        now,
    };
    assert!(snapshot.decide(&request).is_allowed());
    // Another thread of the test harness may allocate meanwhile; one clean round is the proof.
    let fewest = (0..20)
        .map(|_| {
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            assert!(snapshot.decide(&request).is_allowed());
            ALLOCATIONS.load(Ordering::Relaxed) - before
        })
        .min();
    assert_eq!(fewest, Some(0));
}
