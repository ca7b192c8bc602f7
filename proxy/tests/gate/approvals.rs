//! Operations that wait for people.

use std::sync::Arc;
use std::time::Duration;

use portcullis_policy::{Action, ApprovalTerms, Class, DefaultAction, Effect, Grant, Policy, Wait};
use portcullis_proxy::session::Session;
use portcullis_proxy::session::approval::{Hold, MAX_SHOWN_BYTES};
use portcullis_proxy::session::denial::Denial;
use portcullis_proxy::session::gate::{Asked, Meaning, Meant, Outcome, Ruling};
use portcullis_proxy::session::ports::Standing;
use portcullis_recording::event::Body;

use crate::bed::{Bed, Terms, asked, open_policy, policy, rule, told, update};

const HOLD: Wait = Wait::Hold {
    hold_for: Duration::from_secs(30),
};

fn approving(wait: Wait, required: u8) -> Policy {
    let terms = ApprovalTerms {
        required,
        grant: Grant::OneShot,
        wait,
        expires_after: Duration::from_secs(900),
    };
    let ask = rule("writes", &[Effect::Write], Action::RequireApproval(terms));
    policy("approve", DefaultAction::Allow, vec![ask])
}

fn denying() -> Policy {
    let deny = rule("frozen", &[Effect::Write], Action::Deny);
    policy("freeze", DefaultAction::Allow, vec![deny])
}

async fn held(session: &mut Session, asked: &Asked<'_>) -> Hold {
    match session.judge(asked).await {
        Ruling::Held(hold) => hold,
        other => panic!("{other:?}"),
    }
}

/// Held, approved, and waited for; with its request's name.
async fn approved(bed: &Bed, session: &mut Session, asked: &Asked<'_>) -> (Hold, String) {
    let mut hold = held(session, asked).await;
    let name = hold.request().to_owned();
    bed.approvals.approve(&name);
    hold.wait().await.unwrap();
    (hold, name)
}

fn refusal(ruling: Ruling) -> Denial {
    match ruling {
        Ruling::Refused(denial) => denial,
        other => panic!("{other:?}"),
    }
}

fn finish(ruling: Ruling) {
    match ruling {
        Ruling::Admitted(admitted) => admitted.forward().end(Outcome::Succeeded),
        other => panic!("{other:?}"),
    }
}

/// Another search path.
#[derive(Debug)]
struct Evil;

impl Meaning for Evil {
    fn facts(&self) -> Vec<Meant> {
        vec![Meant {
            name: "search_path",
            value: "evil".to_owned(),
            shown: true,
        }]
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_approved_runs_once() {
    let bed = Bed::new(Terms::of(vec![approving(HOLD, 1)]));
    let mut session = bed.open().await.unwrap();
    let update = update();
    let asked = asked(&update);
    let mut hold = held(&mut session, &asked).await;
    let name = hold.request().to_owned();
    assert!(hold.how_to_approve().contains(&name));
    let wanted = bed.approvals.wanted(&name);
    assert_eq!(wanted.resources, ["Write table:public.orders"]);
    assert_eq!(
        (wanted.requester.as_str(), wanted.on_behalf_of.as_deref()),
        ("agent", Some("carol"))
    );
    assert_eq!(wanted.text, "UPDATE orders SET state = $1 WHERE id = 7");
    assert_eq!(wanted.summary, "UPDATE Write table:public.orders");
    assert_eq!(wanted.hash.len(), 64);
    assert_eq!(wanted.generation, 7);
    bed.approvals.approve(&name);
    hold.wait().await.unwrap();
    finish(session.judge_after(&asked, hold).await);
    assert_eq!(bed.approvals.standing(&name), Standing::Consumed);
    assert_eq!(bed.approvals.claims.lock().unwrap().len(), 1);
    // While the session is open it counts once, as it does in the record.
    let counted = || bed.house().registry.list()[0].operations;
    assert_eq!(counted(), 1);
    // The same again is another execution.
    let again = held(&mut session, &asked).await;
    assert_ne!(again.request(), name);
    assert_eq!(counted(), 2);
    let facts: Vec<_> = bed
        .record()
        .into_iter()
        .filter_map(|body| match body {
            Body::Approval(approval) => Some((approval.fact, approval.decider, approval.reason)),
            _ => None,
        })
        .collect();
    let fact = |fact: &str, by: &str, why: &str| (fact.to_owned(), by.to_owned(), why.to_owned());
    assert_eq!(
        facts,
        [
            fact("requested", "agent", ""),
            fact("approved", "dave", "ticket 7"),
            fact("claimed", "dave", ""),
            fact("requested", "agent", ""),
        ]
    );
    let decisions: Vec<_> = bed.operations().into_iter().map(|o| o.decision).collect();
    assert_eq!(decisions, ["hold", "allow", "hold"]);
    assert_eq!(bed.operations()[0].hash, bed.operations()[1].hash);
    assert_eq!(bed.operations()[0].hash.len(), 32);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_denies_meanwhile_wins_and_the_grant_stays() {
    let bed = Bed::new(Terms::of(vec![approving(HOLD, 1)]));
    let mut session = bed.open().await.unwrap();
    let update = update();
    let asked = asked(&update);
    let (hold, name) = approved(&bed, &mut session, &asked).await;
    bed.edit(Terms::of(vec![approving(HOLD, 1), denying()]));
    let denial = refusal(session.judge_after(&asked, hold).await);
    assert_eq!(denial.class, Class::PolicyDenied);
    assert_eq!(denial.policy.unwrap().to_string(), "shop/freeze");
    assert!(matches!(
        bed.approvals.standing(&name),
        Standing::Approved { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_allows_meanwhile_needs_no_grant() {
    let bed = Bed::new(Terms::of(vec![approving(HOLD, 1)]));
    let mut session = bed.open().await.unwrap();
    let update = update();
    let asked = asked(&update);
    let (hold, name) = approved(&bed, &mut session, &asked).await;
    bed.edit(Terms::of(vec![open_policy()]));
    finish(session.judge_after(&asked, hold).await);
    assert!(matches!(
        bed.approvals.standing(&name),
        Standing::Approved { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_asks_for_the_same_takes_no_grant_back() {
    let bed = Bed::new(Terms::of(vec![approving(HOLD, 1)]));
    let mut session = bed.open().await.unwrap();
    let update = update();
    let asked = asked(&update);
    let (hold, name) = approved(&bed, &mut session, &asked).await;
    let mut edited = approving(HOLD, 1);
    edited.generation += 1;
    bed.edit(Terms::of(vec![edited]));
    finish(session.judge_after(&asked, hold).await);
    assert_eq!(bed.approvals.standing(&name), Standing::Consumed);
}

#[tokio::test(start_paused = true)]
async fn stricter_terms_are_not_met_by_the_old_grant() {
    let bed = Bed::new(Terms::of(vec![approving(HOLD, 1)]));
    let mut session = bed.open().await.unwrap();
    let update = update();
    let asked = asked(&update);
    let (hold, name) = approved(&bed, &mut session, &asked).await;
    bed.edit(Terms::of(vec![approving(HOLD, 2)]));
    let denial = refusal(session.judge_after(&asked, hold).await);
    assert_eq!(denial.class, Class::ApprovalRequired);
    assert!(matches!(
        bed.approvals.standing(&name),
        Standing::Approved { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn another_parameter_setting_or_byte_is_another_operation() {
    let bed = Bed::new(Terms::of(vec![approving(Wait::Reject, 1)]));
    let mut session = bed.open().await.unwrap();
    let update = update();
    let one = [Some("open".to_owned())];
    let two = [Some("closed".to_owned())];
    let null = [None];
    let meaning = Evil;
    let base = Asked {
        parameters: &one,
        ..asked(&update)
    };
    let asked = [
        base.clone(),
        Asked {
            parameters: &two,
            ..base.clone()
        },
        Asked {
            parameters: &null,
            ..base.clone()
        },
        Asked {
            meaning: &meaning,
            ..base.clone()
        },
        Asked {
            exact: b"other",
            ..base.clone()
        },
    ];
    let mut names = Vec::new();
    for asked in &asked {
        let denial = refusal(session.judge(asked).await);
        assert_eq!(denial.class, Class::ApprovalRequired);
        names.push(denial.approval_request.unwrap());
    }
    bed.approvals.approve(&names[0]);
    for other in &asked[1..] {
        let denial = refusal(session.judge(other).await);
        assert_eq!(denial.class, Class::ApprovalRequired);
    }
    finish(session.judge(&asked[0]).await);
    assert_eq!(bed.approvals.count(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_reject_passes_when_tried_again_and_only_one_of_two_does() {
    let bed = Bed::new(Terms::of(vec![approving(Wait::Reject, 1)]));
    let mut one = bed.open().await.unwrap();
    let mut two = bed.open().await.unwrap();
    let update = update();
    let asked = asked(&update);
    let first = refusal(one.judge(&asked).await);
    let name = first.approval_request.unwrap();
    let second = refusal(two.judge(&asked).await);
    assert_eq!(second.approval_request.as_deref(), Some(name.as_str()));
    bed.approvals.approve(&name);
    finish(one.judge(&asked).await);
    let other = refusal(two.judge(&asked).await);
    assert_eq!(other.class, Class::ApprovalRequired);
    assert_ne!(other.approval_request.unwrap(), name);
    assert_eq!(bed.approvals.claims.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hold_turns_into_a_reject_where_it_may_not_wait() {
    let bed = Bed::new(Terms::of(vec![approving(HOLD, 1)]));
    let mut session = bed.open().await.unwrap();
    let update = update();
    let asked = Asked {
        may_wait: false,
        ..asked(&update)
    };
    let denial = refusal(session.judge(&asked).await);
    assert_eq!(denial.class, Class::ApprovalRequired);
    assert!(
        denial
            .remediation
            .contains(denial.approval_request.as_deref().unwrap())
    );
}

#[tokio::test(start_paused = true)]
async fn held_query_is_refused_on_timeout() {
    let bed = Bed::new(Terms::of(vec![approving(HOLD, 1)]));
    let mut session = bed.open().await.unwrap();
    let update = update();
    let mut hold = held(&mut session, &asked(&update)).await;
    let waiting = bed
        .house()
        .metrics
        .approvals_waiting
        .with_label_values(&["postgres"]);
    assert_eq!(waiting.get(), 1);
    let began = tokio::time::Instant::now();
    let denial = hold.wait().await.unwrap_err();
    assert_eq!(began.elapsed().as_secs(), 30);
    assert_eq!(denial.class, Class::ApprovalRequired);
    assert_eq!(denial.approval_request.as_deref(), Some(hold.request()));
    assert_eq!(bed.approvals.standing(hold.request()), Standing::Pending);
    drop(hold);
    assert_eq!(waiting.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn denied_shows_who_and_why_and_withdrawing_is_final() {
    let bed = Bed::new(Terms::of(vec![approving(HOLD, 1)]));
    let mut session = bed.open().await.unwrap();
    let update = update();
    let asked = asked(&update);
    let mut hold = held(&mut session, &asked).await;
    let by = Standing::Denied {
        by: "dave".into(),
        reason: "not on a Friday".into(),
    };
    bed.approvals.set(hold.request(), by);
    for denial in [
        hold.wait().await.unwrap_err(),
        refusal(session.judge(&asked).await),
    ] {
        assert_eq!(denial.class, Class::ApprovalDenied);
        assert!(denial.message.contains("dave") && denial.message.contains("Friday"));
        assert_eq!(denial.policy.unwrap().to_string(), "shop/approve");
        assert_eq!(denial.rule.as_deref(), Some("writes"));
        assert_eq!(denial.session, Some(session.id));
    }
    let other = told(Effect::Write, "DELETE", "DELETE FROM orders WHERE id = 8");
    let hold = held(&mut session, &crate::bed::asked(&other)).await;
    let name = hold.request().to_owned();
    hold.withdraw().await;
    assert_eq!(bed.approvals.standing(&name), Standing::Withdrawn);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_shown_whole_cannot_be_approved() {
    let bed = Bed::new(Terms::of(vec![approving(HOLD, 1)]));
    let mut session = bed.open().await.unwrap();
    let fits = told(Effect::Write, "UPDATE", &"x".repeat(MAX_SHOWN_BYTES));
    let hold = held(&mut session, &asked(&fits)).await;
    assert_eq!(
        bed.approvals.wanted(hold.request()).text.len(),
        MAX_SHOWN_BYTES
    );
    let past = told(Effect::Write, "UPDATE", &"x".repeat(MAX_SHOWN_BYTES + 1));
    let escaped = told(
        Effect::Write,
        "UPDATE",
        &"\u{202e}".repeat(MAX_SHOWN_BYTES / 4),
    );
    for told in [past, escaped] {
        let denial = refusal(session.judge(&asked(&told)).await);
        assert_eq!(denial.class, Class::TooLarge);
    }
}

#[tokio::test(start_paused = true)]
async fn an_approver_is_not_deceived_and_sees_parameters() {
    let bed = Bed::new(Terms::of(vec![approving(HOLD, 1)]));
    let mut session = bed.open().await.unwrap();
    let told = told(
        Effect::Write,
        "UPDATE",
        "UPDATE t\n SET a = $1 -- \u{202e}x\u{0}\u{200b}",
    );
    let parameters = [Some("a\nstatement:\nSELECT 1".to_owned()), None];
    let asked = Asked {
        parameters: &parameters,
        ..asked(&told)
    };
    let hold = held(&mut session, &asked).await;
    assert_eq!(
        bed.approvals.wanted(hold.request()).text,
        "parameters:\n  $1 = a\\u{a}statement:\\u{a}SELECT 1\n  $2 = NULL\nstatement:\n\
         UPDATE t\n SET a = $1 -- \\u{202e}x\\u{0}\\u{200b}"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_runs_while_approvals_are_away() {
    let bed = Bed::new(Terms::of(vec![approving(HOLD, 1)]));
    let mut session = bed.open().await.unwrap();
    bed.approvals
        .away
        .store(true, std::sync::atomic::Ordering::SeqCst);
    let update = update();
    let denial = refusal(session.judge(&asked(&update)).await);
    assert_eq!(denial.class, Class::PolicyUnavailable);
    assert!(!denial.to_json().contains("10.0.0.9"));
    let _: Arc<_> = update;
}
