//! Sessions: who may open one, and what ends it.

use std::time::Duration;

use portcullis_policy::{Class, CountLimit, Limits, Per, Policy};
use portcullis_proxy::session::denial::Denial;
use portcullis_proxy::session::gate::{Outcome, Ruling};
use portcullis_proxy::session::refused::{
    DRAINING_WINDOW, MAX_SHOWN, MAX_SHOWN_TEXT, MAX_SINGLE, WINDOW, login_failed,
};
use portcullis_proxy::session::registry::{Line, TAIL_LINES};
use portcullis_proxy::session::{EndReason, Session};
use portcullis_recording::event::{Body, SessionId, Value};

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
    assert!(bed.house().registry.list().is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_may_not_come_in_is_on_record_under_the_session_that_is_told() {
    let bed = Bed::new(Terms {
        access: "somebody-else",
        ..Terms::default()
    });
    let denial = refused(&bed).await;
    let events = bed.events();
    let ids: Vec<_> = events.iter().map(|event| Some(event.session)).collect();
    assert_eq!(ids, [denial.session; 2]);
    let [Body::SessionStarted(started), Body::SessionEnded(ended)] =
        [events[0].body.clone(), events[1].body.clone()]
    else {
        panic!("{events:?}");
    };
    assert_eq!(
        (started.subject.as_str(), started.client_address.as_str()),
        ("agent", "127.0.0.1")
    );
    assert_eq!(
        (ended.outcome.as_str(), ended.reason, ended.operations),
        ("refused", denial.message, 0)
    );
    assert_eq!(ended.attributes["class"], "AccessDenied".into());
    let counted = bed.house().metrics.text().unwrap();
    let line = "portcullis_refused_openings_total{protocol=\"postgres\",reason=\"access\"} 1\n";
    assert!(counted.contains(line), "{counted}");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_refused_openings_is_counted_and_not_recorded_one_by_one() {
    let bed = Bed::new(Terms {
        access: "somebody-else",
        ..Terms::default()
    });
    for number in 1..=MAX_SINGLE + 100 {
        let denial = refused(&bed).await;
        assert_eq!(denial.session.is_some(), number <= MAX_SINGLE, "{number}");
    }
    let client = std::net::IpAddr::from([192, 0, 2, 1]);
    for number in 0..1_000 {
        let user = format!("user-{number}-{}", "x".repeat(1_000));
        login_failed(&bed.door, client, &user, "no key has this hash");
    }
    let single = usize::try_from(2 * MAX_SINGLE).unwrap();
    assert_eq!(bed.record().len(), single);
    tokio::time::sleep(WINDOW + seconds(1)).await;
    let record = bed.record();
    assert_eq!(record.len(), single + 1);
    let Some(Body::Notice(told)) = record.last() else {
        panic!("{record:?}");
    };
    assert_eq!(told.what, "openings-refused");
    assert_eq!(told.attributes["connection"], "shop/orders".into());
    assert_eq!(told.attributes["failedLogins"], 1_000.into());
    assert_eq!(told.attributes["refusedSessions"], 100.into());
    let Value::List(first) = &told.attributes["first"] else {
        panic!("{told:?}");
    };
    assert_eq!(first.len(), MAX_SHOWN);
    // Another window, which says nothing where all of it is recorded.
    assert!(refused(&bed).await.session.is_some());
    tokio::time::sleep(WINDOW + seconds(1)).await;
    assert_eq!(bed.record().len(), single + 3);
}

#[tokio::test(start_paused = true)]
async fn failed_logins_are_told_with_who_they_said_they_were_and_at_once_when_the_process_stops() {
    let bed = Bed::new(Terms::default());
    let client = std::net::IpAddr::from([192, 0, 2, 1]);
    login_failed(&bed.door, client, &"u".repeat(300), "no key has this hash");
    bed.house().shutdown.drain.cancel();
    others_run_until(&bed, 1).await;
    let [Body::Notice(told)] = &bed.record()[..] else {
        panic!("{:?}", bed.record());
    };
    let text = |text: &str| Value::from(text);
    let first = Value::Map(
        [
            ("address".to_owned(), text("192.0.2.1")),
            ("reason".to_owned(), text("no key has this hash")),
            ("user".to_owned(), text(&"u".repeat(MAX_SHOWN_TEXT))),
        ]
        .into(),
    );
    assert_eq!(told.attributes["first"], Value::List(vec![first]));
    let counted = bed.house().metrics.text().unwrap();
    let line = "portcullis_refused_openings_total{protocol=\"postgres\",reason=\"login\"} 1\n";
    assert!(counted.contains(line), "{counted}");
}

#[tokio::test(start_paused = true)]
async fn logins_that_fail_while_the_process_drains_are_counted_together_too() {
    let bed = Bed::new(Terms::default());
    let shutdown = bed.house().shutdown.clone();
    shutdown.drain.cancel();
    shutdown.sessions.close();
    let client = std::net::IpAddr::from([192, 0, 2, 1]);
    let fail = || login_failed(&bed.door, client, "eve", "no key has this hash");
    let counts = || {
        let told = bed.record().into_iter().map(|body| match body {
            Body::Notice(told) => told.attributes["failedLogins"].clone(),
            other => panic!("{other:?}"),
        });
        told.collect::<Vec<_>>()
    };
    for _ in 0..100 {
        fail();
        tokio::task::yield_now().await;
    }
    assert_eq!(counts(), []);
    tokio::time::sleep(DRAINING_WINDOW + Duration::from_millis(1)).await;
    assert_eq!(counts(), [Value::from(100)]);
    // The process waits for the rest, which is told when the grace is over.
    fail();
    fail();
    shutdown.cut.cancel();
    shutdown.sessions.wait().await;
    assert_eq!(counts(), [Value::from(100), Value::from(2)]);
}

/// Lets others run until so much is on record, without the window's time passing.
async fn others_run_until(bed: &Bed, events: usize) {
    for _ in 0..100 {
        if bed.record().len() >= events {
            return;
        }
        tokio::task::yield_now().await;
    }
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
    assert_eq!(denial.policy.unwrap().to_string(), "shop/open");
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
        assert_eq!(cut(&judged).await.session, Some(judged.id));
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
