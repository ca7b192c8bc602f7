//! Decisions: enforced at once, counted, and recorded.

use std::sync::Arc;
use std::time::Duration;

use portcullis_policy::mask::{DdlRule, DetectorKind, MaskRule, Predicates, Transform};
use portcullis_policy::{
    Action, Class, DefaultAction, Effect, Enforcement, Limits, ObjectName, Origin, Per, Policy,
    RateLimit,
};
use portcullis_proxy::session::Session;
use portcullis_proxy::session::denial::Denial;
use portcullis_proxy::session::gate::{Asked, Outcome, Ruling, Told};
use portcullis_recording::event::{Body, Value};
use portcullis_recording::spool::{MIN_SEGMENT_BYTES, SPOOL_RESERVE_BYTES};

use crate::bed::{Bed, Terms, asked, open_policy, policy, rule, select, told, update};

async fn run(session: &mut Session, told: &Arc<Told>) {
    match session.judge(&asked(told)).await {
        Ruling::Admitted(admitted) => admitted.forward().end(Outcome::Succeeded),
        other => panic!("{other:?}"),
    }
}

async fn refused(session: &mut Session, asked: &Asked<'_>) -> Denial {
    match session.judge(asked).await {
        Ruling::Refused(denial) => denial,
        other => panic!("{other:?}"),
    }
}

fn read_only() -> Policy {
    let allow = rule("reads", &[Effect::Read, Effect::Session], Action::Allow);
    policy("read-only", DefaultAction::Deny, vec![allow])
}

pub(crate) fn emails() -> MaskRule {
    MaskRule {
        name: ObjectName::new("shop", "emails"),
        origin: Origin::Tenant,
        subjects: vec![],
        exempt: vec![],
        columns: vec![],
        json_paths: vec![],
        keys: vec![],
        headers: vec![],
        detectors: vec![DetectorKind::Email],
        patterns: vec![],
        transform: Transform::Redact,
        predicates: Predicates::Equality,
        ddl: DdlRule::Deny,
    }
}

fn rate(limits: Limits) -> Policy {
    Policy {
        limits,
        ..open_policy()
    }
}

fn per_minute(max: u64) -> Option<RateLimit> {
    Some(RateLimit {
        max,
        window: Duration::from_secs(60),
        per: Per::Subject,
    })
}

#[tokio::test(start_paused = true)]
async fn what_is_allowed_is_recorded_before_it_runs() {
    let bed = Bed::new(Terms::default());
    let mut session = bed.open().await.unwrap();
    let told = select();
    let Ruling::Admitted(admitted) = session.judge(&asked(&told)).await else {
        panic!("allowed");
    };
    let operations = bed.operations();
    assert_eq!(operations.len(), 1);
    let operation = &operations[0];
    assert_eq!(
        (operation.number, operation.decision.as_str()),
        (1, "allow")
    );
    assert_eq!(operation.revision, "r1");
    let text = Value::from("SELECT * FROM orders WHERE id = 7");
    assert_eq!(operation.operation["text"], text);
    assert_eq!(operation.operation["verb"], "SELECT".into());
    assert_eq!(operation.operation["effect"], "Read".into());
    let Value::List(accesses) = &operation.operation["accesses"] else {
        panic!("{:?}", operation.operation);
    };
    assert_eq!(accesses.len(), 1);
    admitted.forward().end(Outcome::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn the_next_operation_after_an_edit_is_judged_by_it() {
    let bed = Bed::new(Terms::default());
    let mut session = bed.open().await.unwrap();
    run(&mut session, &update()).await;
    bed.edit(Terms {
        revision: "r2",
        ..Terms::of(vec![read_only()])
    });
    let update = update();
    let denial = refused(&mut session, &asked(&update)).await;
    assert_eq!(denial.class, Class::PolicyDenied);
    assert_eq!(denial.policy.unwrap().to_string(), "shop/read-only");
    assert_eq!(denial.session, Some(session.id));
    assert!(!denial.remediation.is_empty());
    run(&mut session, &select()).await;
    let told: Vec<_> = bed
        .operations()
        .into_iter()
        .map(|o| (o.number, o.decision, o.class, o.revision))
        .collect();
    let row = |number, decision: &str, class: &str, revision: &str| {
        (number, decision.into(), class.into(), revision.into())
    };
    assert_eq!(
        told,
        [
            row(1, "allow", "", "r1"),
            row(2, "deny", "PolicyDenied", "r2"),
            row(3, "allow", "", "r2"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_policy_in_audit_never_blocks_and_is_reported() {
    let audit = Policy {
        enforcement: Enforcement::Audit,
        ..read_only()
    };
    let bed = Bed::new(Terms::of(vec![open_policy(), audit]));
    let mut session = bed.open().await.unwrap();
    run(&mut session, &update()).await;
    run(&mut session, &select()).await;
    let operations = bed.operations();
    let Value::List(would_be) = &operations[0].attributes["wouldBe"] else {
        panic!("{:?}", operations[0]);
    };
    let Value::Map(would) = &would_be[0] else {
        panic!("{would_be:?}");
    };
    assert_eq!(would["policy"], "shop/read-only".into());
    assert_eq!(would["decision"], "deny".into());
    assert!(!operations[1].attributes.contains_key("wouldBe"));
}

#[tokio::test(start_paused = true)]
async fn operations_and_writes_count_and_say_when_they_are_free_again() {
    let limits = Limits {
        operations: per_minute(3),
        writes: per_minute(1),
        ..Limits::default()
    };
    let bed = Bed::new(Terms::of(vec![rate(limits)]));
    let mut session = bed.open().await.unwrap();
    let (update, select) = (update(), select());
    run(&mut session, &update).await;
    let denial = refused(&mut session, &asked(&update)).await;
    assert_eq!(denial.class, Class::LimitExceeded);
    assert!(denial.retry_after.unwrap() <= Duration::from_secs(61));
    run(&mut session, &select).await;
    run(&mut session, &select).await;
    assert_eq!(
        refused(&mut session, &asked(&select)).await.message,
        "limit of 3 operations set by shop/open is reached"
    );
    tokio::time::advance(Duration::from_secs(62)).await;
    run(&mut session, &update).await;
}

#[tokio::test(start_paused = true)]
async fn what_detectors_find_is_not_in_the_record() {
    let bed = Bed::new(Terms {
        masks: vec![emails()],
        ..Terms::default()
    });
    let mut session = bed.open().await.unwrap();
    let told = told(
        Effect::Read,
        "SELECT",
        "SELECT id FROM c WHERE email = 'bob@example.com'",
    );
    let parameters = [
        Some("eve@example.com".to_owned()),
        None,
        Some("plain".to_owned()),
    ];
    let asked = Asked {
        parameters: &parameters,
        ..asked(&told)
    };
    assert!(matches!(session.judge(&asked).await, Ruling::Admitted(_)));
    let operations = bed.operations();
    assert_eq!(
        operations[0].operation["text"],
        "SELECT id FROM c WHERE email = '[redacted]'".into()
    );
    let expected: Vec<Value> = vec!["[redacted]".into(), Value::List(vec![]), "plain".into()];
    assert_eq!(
        operations[0].attributes["parameters"],
        Value::List(expected)
    );
}

#[tokio::test(start_paused = true)]
async fn a_write_that_carries_our_placeholder_is_refused_and_a_read_is_not() {
    let bed = Bed::new(Terms {
        masks: vec![emails()],
        ..Terms::default()
    });
    let mut session = bed.open().await.unwrap();
    let update = update();
    let hex: String = b"a [redacted] b"
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    for value in ["[redacted]".to_owned(), format!("\\x{hex}")] {
        let parameters = [Some(value)];
        let asked = Asked {
            parameters: &parameters,
            ..asked(&update)
        };
        let denial = refused(&mut session, &asked).await;
        assert_eq!(denial.class, Class::MaskImpossible);
    }
    let read = told(Effect::Read, "SELECT", "SELECT '[redacted]'");
    run(&mut session, &read).await;
    run(&mut session, &update).await;
    bed.edit(Terms::default());
    let unmasked = told(Effect::Write, "UPDATE", "UPDATE t SET a = '[redacted]'");
    run(&mut session, &unmasked).await;
}

#[tokio::test(start_paused = true)]
async fn a_full_spool_refuses_operations_unless_the_class_says_otherwise() {
    for (deny_on_failure, admitted) in [(true, false), (false, true)] {
        let mut terms = Terms::default();
        terms.recording.deny_on_failure = deny_on_failure;
        let bed = Bed::with_spool(terms, |config| {
            config.segment_bytes = MIN_SEGMENT_BYTES;
            config.max_bytes = SPOOL_RESERVE_BYTES + 96 * 1024;
            config.max_subject_bytes = config.max_bytes;
        });
        let mut session = bed.open().await.unwrap();
        let long = told(
            Effect::Read,
            "SELECT",
            &format!("SELECT '{}'", "x".repeat(60_000)),
        );
        let first = session.judge(&asked(&long)).await;
        assert!(matches!(first, Ruling::Admitted(_)), "{first:?}");
        let second = session.judge(&asked(&long)).await;
        assert_eq!(
            matches!(second, Ruling::Admitted(_)),
            admitted,
            "{second:?}"
        );
        if let Ruling::Refused(denial) = second {
            assert_eq!(denial.class, Class::RecordingUnavailable);
            assert!(!denial.message.contains("bytes"), "{}", denial.message);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn strict_recording_is_in_the_record_too() {
    let mut terms = Terms::default();
    terms.recording.strict = true;
    let bed = Bed::new(terms);
    let mut session = bed.open().await.unwrap();
    run(&mut session, &select()).await;
    assert_eq!(bed.operations().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_foreseen_denial_is_recorded_and_nothing_else_is() {
    let limits = Limits {
        operations: per_minute(1),
        ..Limits::default()
    };
    let bed = Bed::new(Terms::of(vec![Policy {
        limits,
        ..read_only()
    }]));
    let mut session = bed.open().await.unwrap();
    session.foresee(&select(), false).unwrap();
    assert!(bed.operations().is_empty());
    let denial = session.foresee(&update(), false).unwrap_err();
    assert_eq!(denial.class, Class::PolicyDenied);
    assert_eq!(bed.operations().len(), 1);
    run(&mut session, &select()).await;
}

#[tokio::test(start_paused = true)]
async fn only_surely_read_only_subjects_are_told_so() {
    let session = |terms| async {
        let bed = Bed::new(terms);
        bed.open().await.unwrap().may_only_read()
    };
    assert!(session(Terms::of(vec![open_policy(), read_only()])).await);
    assert!(!session(Terms::default()).await);
}

#[tokio::test(start_paused = true)]
async fn operations_are_counted_by_effect_and_decision() {
    let bed = Bed::new(Terms::of(vec![read_only()]));
    let mut session = bed.open().await.unwrap();
    run(&mut session, &select()).await;
    refused(&mut session, &asked(&update())).await;
    let count = |effect: &str, decision: &str| {
        let labels = ["postgres", effect, decision];
        bed.house()
            .metrics
            .operations
            .with_label_values(&labels)
            .get()
    };
    assert_eq!(count("Read", "allowed"), 1);
    assert_eq!(count("Write", "denied"), 1);
    let open = bed
        .house()
        .metrics
        .sessions
        .with_label_values(&["postgres"]);
    assert_eq!(open.get(), 1);
    session.close("bye");
    assert_eq!(open.get(), 0);
    assert!(matches!(bed.record().last(), Some(Body::SessionEnded(_))));
}
