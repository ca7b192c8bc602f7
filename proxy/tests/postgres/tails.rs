//! Whoever may lists, follows and ends the sessions of the real binary, over its socket.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use portcullis_proxy::session::registry::MAX_TAILS;
use portcullis_recording::event::Body;
use serde_json::{Value, json};

use crate::run::{Run, policy};
use crate::talk::{Client, words};

fn rules() -> String {
    policy("[{name: none, match: {verbs: [DELETE]}, action: Deny}]")
}

fn session(run: &Run) -> String {
    let listed = run.tell(&json!({"verb": "sessions"}));
    let sessions = listed["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 1, "{listed}");
    assert_eq!(sessions[0]["subject"], "agent");
    assert_eq!(sessions[0]["connection"], "orders");
    sessions[0]["session"].as_str().unwrap().to_owned()
}

fn follow(run: &Run, session: &str) -> BufReader<UnixStream> {
    run.ask(&json!({"verb": "tail", "session": session, "reason": "looking"}))
}

fn next(lines: &mut BufReader<UnixStream>) -> Option<Value> {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    (!line.is_empty()).then(|| serde_json::from_str(&line).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_tells_what_is_asked_decided_and_seen_until_the_session_is_killed() {
    let run = Run::start("carol", &rules());
    let mut client = Client::log_in(run.address()).await;
    let id = session(&run);
    let mut tail = follow(&run, &id);
    let first = next(&mut tail).unwrap();
    assert_eq!(first["ok"], true);
    assert_eq!(first["session"]["session"], json!(id));
    client.query("SELECT 'seen'").answer().await;
    client.query("DELETE FROM pg_class").answer().await;
    let told = next(&mut tail).unwrap();
    assert_eq!(told["operation"]["text"], "SELECT 'seen'");
    assert_eq!(told["operation"]["decision"], "allow");
    let output = &next(&mut tail).unwrap()["output"];
    assert_eq!(output["number"], told["operation"]["number"]);
    // D, its length, one field of four bytes.
    let row = b"D\0\0\0\x0e\0\x01\0\0\0\x04seen";
    let row = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, row);
    assert_eq!(
        *output,
        json!({"number": output["number"], "data": row, "leftOut": 0})
    );
    assert_eq!(next(&mut tail).unwrap()["end"]["outcome"], "succeeded");
    let denied = next(&mut tail).unwrap()["operation"].clone();
    assert_eq!(denied["decision"], "deny");
    assert_eq!(denied["class"], "PolicyDenied");
    assert_eq!(denied["rule"], "shop/rules none");

    let reason = "it ran\u{1b}[2J away";
    let killed = run.tell(&json!({"verb": "kill", "session": id, "reason": reason}));
    assert_eq!(killed, json!({"ok": true}));
    let last = words(&client.until(b'E').await, b'E');
    let why = format!("57P01 Mthis session was ended by dave: {reason}");
    assert!(last.contains("FATAL") && last.contains(&why), "{last}");
    assert!(client.message().await.is_none());
    assert_eq!(next(&mut tail), Some(json!({"over": true})));
    assert_eq!(next(&mut tail), None);

    let acts: Vec<_> = run
        .events()
        .await
        .into_iter()
        .filter_map(|event| match event.body {
            Body::AdminAct(act) => Some((act.act, act.actor, act.target, act.reason)),
            _ => None,
        })
        .collect();
    let act = |act: &str, target: &str, why: &str| {
        (
            act.to_owned(),
            "dave".to_owned(),
            target.to_owned(),
            why.to_owned(),
        )
    };
    let expected = [
        act("list", "sessions", ""),
        act("tail", &id, "looking"),
        act("kill", &id, reason),
    ];
    assert_eq!(acts, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_and_reads_nothing_slows_nobody_and_is_told_of_what_was_lost() {
    let run = Run::start("carol", &rules());
    let mut client = Client::log_in(run.address()).await;
    let id = session(&run);
    let mut tail = follow(&run, &id);
    next(&mut tail).unwrap();
    let rows = "SELECT repeat('x', 1000) FROM generate_series(1, 20000)";
    let begun = Instant::now();
    client.query(rows).answer().await;
    // A reader that is waited for would be waited for ten seconds.
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
    let mut missed = 0;
    while missed == 0 {
        missed = next(&mut tail).unwrap()["missed"].as_u64().unwrap_or(0);
    }
    let mut ended = false;
    while !ended {
        ended = next(&mut tail).unwrap().get("end").is_some();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tails_are_few_and_end_with_the_right_to_them() {
    let run = Run::start("carol", &rules());
    let mut client = Client::log_in(run.address()).await;
    let id = session(&run);
    let mut tails: Vec<_> = (0..MAX_TAILS).map(|_| follow(&run, &id)).collect();
    for tail in &mut tails {
        assert_eq!(next(tail).unwrap()["ok"], true);
    }
    let many = next(&mut follow(&run, &id)).unwrap();
    assert_eq!(many["ok"], false);
    assert!(
        many["error"].as_str().unwrap().starts_with("8 follow"),
        "{many}"
    );
    // Others are still heard, and a place that was left is free.
    run.requests();
    drop(tails.pop());
    let begun = Instant::now();
    while next(&mut follow(&run, &id)).unwrap()["ok"] == false {
        assert!(begun.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(10));
    }

    let revision = run.status()["revision"].clone();
    run.dismiss_caretaker();
    while run.status()["revision"] == revision {
        assert!(begun.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(10));
    }
    client.query("SELECT 'secret'").answer().await;
    for tail in &mut tails {
        let last = next(tail).unwrap();
        assert_eq!(last["error"], "you may not follow this session any more");
        assert_eq!(next(tail), None);
    }
    let refused = run.tell(&json!({"verb": "kill", "session": id, "reason": "x"}));
    let error = refused["error"].as_str().unwrap();
    assert!(
        error.starts_with("dave may not look after sessions"),
        "{error}"
    );
}
