//! Operations in flight: limits of replies, what is recorded of them, and changes meanwhile.

use std::time::Duration;

use portcullis_policy::limit::Passage;
use portcullis_policy::{
    Action, Class, DefaultAction, Effect, Limits, OnExceed, Policy, SizeLimit,
};
use portcullis_proxy::session::Session;
use portcullis_proxy::session::gate::{CAPPED_BYTES, Outcome, Ruling, Running};
use portcullis_proxy::session::ports::Payloads;
use portcullis_recording::event::{Body, OperationEnded, Output};

use crate::bed::{Bed, Terms, asked, open_policy, policy, rule, select, update};

async fn start(session: &mut Session) -> Running {
    let update = update();
    match session.judge(&asked(&update)).await {
        Ruling::Admitted(admitted) => admitted.forward(),
        other => panic!("{other:?}"),
    }
}

fn outputs(bed: &Bed) -> Vec<Output> {
    let bodies = bed.record().into_iter();
    bodies
        .filter_map(|body| match body {
            Body::Output(output) => Some(output),
            _ => None,
        })
        .collect()
}

fn ends(bed: &Bed) -> Vec<OperationEnded> {
    let bodies = bed.record().into_iter();
    bodies
        .filter_map(|body| match body {
            Body::OperationEnded(ended) => Some(ended),
            _ => None,
        })
        .collect()
}

fn terms(payloads: Payloads) -> Terms {
    let mut terms = Terms::default();
    terms.recording.payloads = payloads;
    terms
}

#[tokio::test(start_paused = true)]
async fn a_capped_reply_ends_with_a_mark_of_what_is_left_out() {
    let bed = Bed::new(terms(Payloads::Capped));
    let mut session = bed.open().await.unwrap();
    let mut running = start(&mut session).await;
    let row = vec![b'r'; CAPPED_BYTES / 4 + 1];
    for _ in 0..5 {
        assert_eq!(running.row(row.len() as u64), Passage::Pass);
        running.show(&row);
    }
    running.masked(2);
    tokio::time::advance(Duration::from_millis(3)).await;
    running.end(Outcome::Failed("57014".into()));
    let outputs = outputs(&bed);
    assert_eq!(outputs.len(), 1);
    assert_eq!(outputs[0].data.len(), CAPPED_BYTES);
    let all = 5 * row.len() as u64;
    assert_eq!(outputs[0].omitted_bytes, all - CAPPED_BYTES as u64);
    assert_eq!(outputs[0].omitted_rows, 2);
    let ended = &ends(&bed)[0];
    assert_eq!((ended.number, ended.rows, ended.bytes), (1, 5, all));
    assert_eq!(
        (ended.outcome.as_str(), ended.duration_micros),
        ("failed", 3_000)
    );
    assert_eq!(ended.attributes["code"], "57014".into());
    assert_eq!(ended.attributes["maskedValues"], 2.into());
}

#[tokio::test(start_paused = true)]
async fn an_operation_lasts_until_it_is_answered_and_not_until_its_portal_ends() {
    let bed = Bed::new(Terms::default());
    let mut session = bed.open().await.unwrap();
    let mut running = start(&mut session).await;
    tokio::time::advance(Duration::from_millis(3)).await;
    running.answered();
    tokio::time::advance(Duration::from_secs(60)).await;
    running.end(Outcome::Succeeded);
    assert_eq!(ends(&bed)[0].duration_micros, 3_000);
}

#[tokio::test(start_paused = true)]
async fn a_full_reply_is_recorded_in_pieces_and_a_metadata_one_not_at_all() {
    for (payloads, expected) in [
        (Payloads::Full, 2 * CAPPED_BYTES + 9),
        (Payloads::Metadata, 0),
    ] {
        let bed = Bed::new(terms(payloads));
        let mut session = bed.open().await.unwrap();
        let mut running = start(&mut session).await;
        running.show(&[b'a'; 5]);
        running.show(&vec![b'b'; 2 * CAPPED_BYTES]);
        running.show(&[b'c'; 4]);
        running.end(Outcome::Succeeded);
        let outputs = outputs(&bed);
        let data: Vec<u8> = outputs.iter().flat_map(|o| o.data.clone()).collect();
        assert_eq!(data.len(), expected);
        let mut offset = 0;
        for output in &outputs {
            assert_eq!(output.offset, offset);
            assert!(output.data.len() <= CAPPED_BYTES);
            offset += output.data.len() as u64;
        }
        assert_eq!(ends(&bed)[0].bytes, 2 * CAPPED_BYTES as u64 + 9);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_is_recorded_as_cut_once() {
    let bed = Bed::new(Terms::default());
    let mut session = bed.open().await.unwrap();
    drop(start(&mut session).await);
    start(&mut session).await.end(Outcome::Cancelled);
    let outcomes: Vec<_> = ends(&bed).into_iter().map(|e| e.outcome).collect();
    assert_eq!(outcomes, ["cut", "cancelled"]);
}

#[tokio::test(start_paused = true)]
async fn rows_are_limited_and_an_edit_reaches_what_runs() {
    let limited = |max| Policy {
        limits: Limits {
            rows: Some(SizeLimit {
                max,
                on_exceed: OnExceed::Error,
            }),
            ..Limits::default()
        },
        ..open_policy()
    };
    let bed = Bed::new(Terms::of(vec![limited(10)]));
    let mut session = bed.open().await.unwrap();
    let mut running = start(&mut session).await;
    assert_eq!(running.row(1), Passage::Pass);
    bed.edit(Terms::of(vec![limited(1)]));
    session.recheck(&mut running).unwrap();
    assert!(matches!(running.row(1), Passage::Refuse(_)));
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_denies_what_runs_cuts_it_and_another_does_not() {
    let bed = Bed::new(Terms::default());
    let mut session = bed.open().await.unwrap();
    let mut running = start(&mut session).await;
    session.recheck(&mut running).unwrap();
    let reads = rule("no-reads", &[Effect::Read], Action::Deny);
    bed.edit(Terms::of(vec![policy(
        "p",
        DefaultAction::Allow,
        vec![reads],
    )]));
    session.recheck(&mut running).unwrap();
    let writes = rule("no-writes", &[Effect::Write], Action::Deny);
    bed.edit(Terms::of(vec![policy(
        "p",
        DefaultAction::Allow,
        vec![writes],
    )]));
    let denial = session.recheck(&mut running).unwrap_err();
    assert_eq!(denial.class, Class::PolicyDenied);
    assert_eq!(denial.session, Some(session.id));
    running.end(Outcome::Cut(denial));
    assert_eq!(ends(&bed)[0].attributes["class"], "PolicyDenied".into());
}

#[tokio::test(start_paused = true)]
async fn other_masks_cut_what_runs_and_equal_ones_do_not() {
    let masks = crate::judged::emails();
    let with = |masks| Terms {
        masks,
        ..Terms::default()
    };
    let bed = Bed::new(with(vec![masks.clone()]));
    let mut session = bed.open().await.unwrap();
    let select = select();
    let Ruling::Admitted(admitted) = session.judge(&asked(&select)).await else {
        panic!("allowed");
    };
    let mut running = admitted.forward();
    bed.edit(with(vec![masks]));
    session.recheck(&mut running).unwrap();
    bed.edit(with(vec![]));
    session.recheck(&mut running).unwrap_err();
}
