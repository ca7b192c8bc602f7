//! Sessions: who may open one, and what ends it.

use std::time::Duration;

use portcullis_policy::{Class, CountLimit, Limits, Per, Policy};
use portcullis_proxy::session::denial::Denial;
use portcullis_proxy::session::gate::{Outcome, Ruling};
use portcullis_proxy::session::registry::{Line, TAIL_LINES};
use portcullis_proxy::session::{EndReason, Session};
use portcullis_recording::event::{Body, SessionId};

use crate::bed::{Bed, Terms, asked, open_policy, select};

async fn cut(session: &Session) -> Denial {
    let ended = tokio::time::timeout(Duration::from_secs(3_600), session.ended(true));
    match ended.await.unwrap() {
        EndReason::Cut(denial) | EndReason::Killed(denial) => denial,
        other => panic!("{other:?}"),
    }
}

async fn refused(bed: &Bed) -> Denial {
    bed.open().await.map(|session| session.id).unwrap_err()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn a_session_starts_and_ends_in_the_record() {
    let bed = Bed::new(Terms::default());
    let session = bed.open().await.unwrap();
    let id = session.id;
    assert_eq!(bed.house().registry.list()[0].id, id);
    assert_eq!(bed.house().registry.count("shop", "orders"), 1);
    session.close("the client left");
    drop(bed.open().await.unwrap());
    assert!(bed.house().registry.list().is_empty());
    let record = bed.record();
    let Body::SessionStarted(started) = &record[0] else {
        panic!("{record:?}");
    };
    assert_eq!(
        (started.subject.as_str(), started.connection.as_str()),
        ("agent", "shop/orders")
    );
    let ends: Vec<_> = record
        .iter()
        .filter_map(|body| match body {
            Body::SessionEnded(ended) => Some((ended.outcome.as_str(), ended.reason.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(
        ends,
        [
            ("closed", "the client left"),
            ("dropped", "the connection was lost")
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn who_may_not_come_in_is_told_why() {
    let bed = Bed::new(Terms {
        access: "somebody-else",
        ..Terms::default()
    });
    assert_eq!(refused(&bed).await.class, Class::AccessDenied);
    bed.edit(Terms::of(vec![]));
    assert_eq!(refused(&bed).await.class, Class::PolicyUnavailable);
    bed.edit(Terms {
        keys: vec![],
        ..Terms::default()
    });
    assert_eq!(refused(&bed).await.class, Class::AccessDenied);
    bed.edit(Terms::default());
    bed.door.closed.cancel();
    assert_eq!(refused(&bed).await.class, Class::AccessDenied);
    assert!(bed.record().is_empty());
}

#[tokio::test(start_paused = true)]
async fn sessions_are_bounded_and_their_places_come_back() {
    let mut terms = Terms::default();
    terms.sessions.max_concurrent = Some(2);
    let per_subject = Policy {
        limits: Limits {
            sessions: Some(CountLimit {
                max: 1,
                per: Per::Subject,
            }),
            ..Limits::default()
        },
        ..open_policy()
    };
    let bed = Bed::new(terms);
    let one = bed.open().await.unwrap();
    let _two = bed.open().await.unwrap();
    let denial = refused(&bed).await;
    assert_eq!(denial.class, Class::LimitExceeded);
    drop(one);
    drop(bed.open().await.unwrap());
    bed.edit(Terms::of(vec![per_subject]));
    let denial = refused(&bed).await;
    assert_eq!(
        denial.message,
        "limit of 1 sessions set by shop/open is reached"
    );
    assert_eq!(bed.house().registry.count("shop", "orders"), 1);
}

#[tokio::test(start_paused = true)]
async fn each_change_that_withdraws_access_ends_the_session() {
    let lockdown = Terms {
        lockdown: true,
        ..Terms::default()
    };
    let no_key = Terms {
        keys: vec![],
        ..Terms::default()
    };
    let no_access = Terms {
        access: "nobody",
        ..Terms::default()
    };
    for terms in [lockdown, no_key, no_access] {
        let bed = Bed::new(Terms::default());
        let mut watched = bed.open().await.unwrap();
        let mut judged = bed.open().await.unwrap();
        bed.edit(terms);
        // The very next operation is refused, whether or not the watch has looked yet.
        let select = select();
        let ruling = judged.judge(&asked(&select)).await;
        assert!(matches!(ruling, Ruling::Refused(_)), "{ruling:?}");
        let denial = cut(&watched).await;
        assert_eq!(denial.session, Some(watched.id));
        bed.edit(Terms::default());
        let ruling = watched.judge(&asked(&select)).await;
        assert!(matches!(ruling, Ruling::Refused(_)), "ended is ended");
    }
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_concerns_nobody_ends_no_session() {
    let bed = Bed::new(Terms::default());
    let session = bed.open().await.unwrap();
    bed.edit(Terms {
        revision: "r2",
        ..Terms::default()
    });
    let ended = tokio::time::timeout(seconds(600), session.ended(true)).await;
    assert!(ended.is_err());
}

#[tokio::test(start_paused = true)]
async fn credentials_expire_and_sessions_grow_old() {
    let mut terms = Terms::default();
    terms.sessions.max_duration = Some(seconds(100));
    let bed = Bed::new(terms);
    let at = bed.house().clock.now() + seconds(40);
    let (expiring, old) = (
        bed.open_until(Some(at)).await.unwrap(),
        bed.open().await.unwrap(),
    );
    let began = tokio::time::Instant::now();
    assert!(cut(&expiring).await.message.contains("expired"));
    assert_eq!(began.elapsed().as_secs(), 40);
    assert!(cut(&old).await.message.contains("100 seconds"));
    assert_eq!(began.elapsed().as_secs(), 100);
    assert_eq!(
        bed.open_until(Some(at)).await.unwrap_err().class,
        Class::AccessDenied
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_is_idle_only_while_nothing_runs() {
    let mut terms = Terms::default();
    terms.sessions.idle_timeout = Some(seconds(20));
    let bed = Bed::new(terms);
    let mut session = bed.open().await.unwrap();
    let select = select();
    let Ruling::Admitted(admitted) = session.judge(&asked(&select)).await else {
        panic!("allowed");
    };
    let running = admitted.forward();
    let ended = tokio::time::timeout(seconds(100), session.ended(true)).await;
    assert!(ended.is_err(), "something runs");
    running.end(Outcome::Succeeded);
    let began = tokio::time::Instant::now();
    assert!(cut(&session).await.message.contains("20 seconds"));
    let waited = began.elapsed();
    assert!(waited >= seconds(20) && waited < seconds(41), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_killed_session_ends_and_says_who() {
    let bed = Bed::new(Terms::default());
    let mut session = bed.open().await.unwrap();
    let house = bed.house();
    house
        .registry
        .kill(house, session.id, "dave", "runaway")
        .unwrap();
    let denial = cut(&session).await;
    assert!(denial.message.contains("dave") && denial.message.contains("runaway"));
    let select = select();
    assert!(matches!(
        session.judge(&asked(&select)).await,
        Ruling::Refused(_)
    ));
    let nobody = SessionId::new([9; 16]);
    house.registry.kill(house, nobody, "dave", "x").unwrap_err();
    let acts: Vec<_> = bed
        .record()
        .into_iter()
        .filter_map(|body| match body {
            Body::AdminAct(act) => Some((act.act, act.actor, act.target)),
            _ => None,
        })
        .collect();
    assert_eq!(
        acts,
        [("kill".into(), "dave".into(), session.id.to_string())]
    );
}

#[tokio::test(start_paused = true)]
async fn a_drain_and_a_removed_connection_end_sessions() {
    let bed = Bed::new(Terms::default());
    let session = bed.open().await.unwrap();
    bed.door.closed.cancel();
    assert!(cut(&session).await.message.contains("removed"));
    let bed = Bed::new(Terms::default());
    let session = bed.open().await.unwrap();
    bed.house().shutdown.drain.cancel();
    assert_eq!(session.ended(false).await, EndReason::Drain);
}

#[tokio::test(start_paused = true)]
async fn a_busy_session_outlives_a_drain_until_it_is_cut_or_killed() {
    let bed = Bed::new(Terms::default());
    let (drained, killed) = (bed.open().await.unwrap(), bed.open().await.unwrap());
    let house = bed.house();
    house.shutdown.drain.cancel();
    let waited = tokio::time::timeout(seconds(100), drained.ended(true)).await;
    assert!(waited.is_err(), "what runs may finish");
    assert_eq!(drained.must_end(true), None);
    assert_eq!(drained.must_end(false), Some(&EndReason::Drain));
    house
        .registry
        .kill(house, killed.id, "dave", "now")
        .unwrap();
    assert!(matches!(killed.ended(true).await, EndReason::Killed(_)));
    house.shutdown.cut.cancel();
    assert_eq!(drained.ended(true).await, EndReason::Drain);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_sees_what_the_client_saw_and_loses_lines_when_slow() {
    let bed = Bed::new(Terms::default());
    let mut session = bed.open().await.unwrap();
    let house = bed.house();
    let mut tail = house
        .registry
        .tail(house, session.id, "dave", "look")
        .unwrap();
    let select = select();
    let Ruling::Admitted(admitted) = session.judge(&asked(&select)).await else {
        panic!("allowed");
    };
    let mut running = admitted.forward();
    running.show(b"row");
    let first = tail.next().await.unwrap();
    assert!(
        matches!(
            first,
            Line::Operation {
                number: 1,
                decision: "allow",
                ..
            }
        ),
        "{first:?}"
    );
    let shown = tail.next().await.unwrap();
    assert_eq!(
        shown,
        Line::Output {
            number: 1,
            bytes: (*b"row").into(),
            left_out: 0
        }
    );
    for _ in 0..TAIL_LINES + 5 {
        running.show(b"x");
    }
    assert_eq!(tail.next().await, Some(Line::Missed(5)));
    running.end(Outcome::Succeeded);
    session.close("");
    let mut last = None;
    while let Some(line) = tail.next().await {
        last = Some(line);
    }
    assert_eq!(
        last,
        Some(Line::Ended {
            number: 1,
            outcome: "succeeded"
        })
    );
}
