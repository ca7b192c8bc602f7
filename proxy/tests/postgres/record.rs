//! What is in the record after sessions, and after the proxy was killed.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_policy::DefaultAction;
use portcullis_recording::event::{Body, Value};
use portcullis_recording::verify::Verdict;

use crate::house::House;
use crate::run::{Run, policy};
use crate::talk::Client;
use crate::{bed, wire};

fn text(operation: &portcullis_recording::event::Operation) -> String {
    match operation.operation.get("text") {
        Some(Value::Text(text)) => text.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_go_out_and_cover_all_that_was_recorded() {
    let flags = ["--heads", "STATE/heads"];
    let mut run = Run::start_with("carol", &policy("[]"), &flags);
    let mut client = Client::log_in(run.address()).await;
    client.query("SELECT 1").answer().await;
    run.terminate();
    assert_eq!(run.ended().await.0, Some(0));
    let heads = std::fs::read_to_string(run.folder.path().join("heads")).unwrap();
    let anchors = heads.lines().map(|line| line.parse().unwrap()).collect();
    let report = run.verify_with(anchors).await;
    assert_ne!(report.verdict(), Verdict::Broken, "{report:?}");
    let writer = &report.writers[0];
    // All but the beginning of the segment that would have come next.
    assert_eq!(
        (writer.anchored, writer.signed),
        (writer.last - 1, writer.last - 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_comes_in_pieces_is_recorded_whole() {
    let run = Run::start("carol", &policy("[]"));
    let mut client = Client::log_in(run.address()).await;
    client.query("SELECT repeat('a', 50000)").answer().await;
    client.query("SELECT repeat('b', 2000000)").answer().await;
    client.say(b'X', &[]).send().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (mut kept, mut ends) = (Vec::new(), Vec::new());
    for event in run.events().await {
        match event.body {
            Body::Output(output) => kept.push((output.data, output.omitted_bytes)),
            Body::OperationEnded(end) => ends.push((end.rows, end.bytes)),
            _ => {}
        }
    }
    // The head of the message, and the length of the field.
    let whole = |bytes: usize| bytes + 1 + 4 + 2 + 4;
    let (data, omitted) = &kept[0];
    assert_eq!((data.len(), *omitted), (whole(50_000), 0));
    assert!(data.ends_with(&[b'a'; 50_000]));
    let (data, omitted) = &kept[1];
    assert_eq!(
        data.len() + usize::try_from(*omitted).unwrap(),
        whole(2_000_000)
    );
    assert_eq!(data.len(), 64 * 1024);
    let told = [whole(50_000), whole(2_000_000)].map(|bytes| (1, bytes as u64));
    assert_eq!(ends, told);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_recorded_from_its_start_to_its_end_without_secrets() {
    let rules = policy("[{name: none, match: {verbs: [DELETE]}, action: Deny}]");
    let run = Run::start("carol", &rules);
    let mut client = Client::log_in(run.address()).await;
    client.query("SELECT 'seen' AS a").answer().await;
    client.query("DELETE FROM pg_class").answer().await;
    client.query("SELECT 1 / 0").answer().await;
    client
        .query("ALTER ROLE scram PASSWORD 'hunter2-clear'")
        .answer()
        .await;
    client
        .run("SELECT $1::text", &["value"])
        .sync()
        .answer()
        .await;
    client.say(b'X', &[]).send().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let events = run.events().await;
    let bodies: Vec<&Body> = events.iter().map(|event| &event.body).collect();
    let starts = bodies
        .iter()
        .filter(|b| matches!(b, Body::SessionStarted(_)));
    assert_eq!(starts.count(), 1);
    let operations = run.operations().await;
    let told: Vec<(String, String)> = operations
        .iter()
        .map(|operation| (text(operation), operation.decision.clone()))
        .collect();
    let find = |begin: &str| {
        let found = told.iter().find(|(text, _)| text.starts_with(begin));
        found.unwrap_or_else(|| panic!("{begin}: {told:?}")).clone()
    };
    assert_eq!(find("SELECT 'seen'").1, "allow");
    assert_eq!(find("DELETE").1, "deny");
    assert!(!find("ALTER ROLE").0.contains("hunter2"));
    assert!(!run.has_bytes(b"hunter2-clear"));
    let ends: Vec<_> = bodies
        .iter()
        .filter_map(|body| match body {
            Body::OperationEnded(ended) => Some((ended.outcome.as_str(), ended.rows)),
            _ => None,
        })
        .collect();
    assert_eq!(ends[0], ("succeeded", 1));
    assert!(ends.iter().any(|(outcome, _)| *outcome == "failed"));
    let seen = |body: &&&Body| matches!(body, Body::Output(out) if out.data.windows(4).any(|w| w == b"seen"));
    assert!(bodies.iter().any(|body| seen(&body)));
    assert!(
        bodies
            .iter()
            .any(|body| matches!(body, Body::SessionEnded(_)))
    );
    let values: Vec<_> = operations
        .iter()
        .filter_map(|o| o.attributes.get("parameters"))
        .collect();
    assert_eq!(values, [&Value::List(vec!["value".into()])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_in_a_literal_or_a_parameter_is_nowhere_in_the_state() {
    let run = Run::start("carol", &policy("[]"));
    let mut client = Client::log_in(run.address()).await;
    client
        .query("SELECT length('AKIAIOSFODNN7EXAMPLE')")
        .answer()
        .await;
    client
        .run("SELECT length($1::text)", &["AKIAIOSFODNN7EXAMPLF"])
        .sync()
        .answer()
        .await;
    client.say(b'X', &[]).send().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(run.operations().await.len() >= 2);
    assert!(!run.has_bytes(b"AKIAIOSFODNN7EXAMPL"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_proxy_loses_no_operation_that_had_an_effect() {
    let mut run = Run::start("carol", &policy("[]"));
    run.server.sql(
        "postgres",
        "DROP TABLE IF EXISTS numbered; CREATE TABLE numbered (n int)",
    );
    for round in 0..5 {
        let mut writers = Vec::new();
        for writer in 0..4 {
            let mut client = Client::log_in(run.address()).await;
            writers.push(tokio::spawn(async move {
                for n in 0.. {
                    let number = (round * 4 + writer) * 1_000_000 + n;
                    client.query(&format!("INSERT INTO numbered VALUES ({number})"));
                    if client.try_answer().await.is_none() {
                        return;
                    }
                }
            }));
        }
        tokio::time::sleep(Duration::from_millis(300 + 137 * round)).await;
        run.kill();
        for writer in writers {
            writer.await.unwrap();
        }
        run.restart();
    }
    let there = run.server.sql("postgres", "SELECT n FROM numbered");
    let there: BTreeSet<&str> = there.lines().collect();
    let recorded: BTreeSet<String> = run.operations().await.iter().map(text).collect();
    let lost: Vec<_> = there
        .iter()
        .filter(|n| !recorded.contains(&format!("INSERT INTO numbered VALUES ({n})")))
        .collect();
    println!(
        "{} rows, {} operations, {} lost",
        there.len(),
        recorded.len(),
        lost.len()
    );
    assert!(there.len() > 100 && lost.is_empty(), "{lost:?}");
    let report = run.verify().await;
    assert_ne!(report.verdict(), Verdict::Broken, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_statements_in_one_text_the_one_that_fails_decides() {
    let all = bed::policy("all", DefaultAction::Allow, Vec::new());
    let house = House::open(vec![all]).await;
    let mut client = wire::Client::log_in(house.address).await;
    for text in ["SELECT 1; SELECT 1/0", "SELECT 1; SELECT 2", "SELECT 3"] {
        let query = format!("Q {text}");
        client.line(&[query.as_str(), "= 1"]).await;
    }
    let record = house.bed.record();
    let ends = record.iter().filter_map(|body| match body {
        Body::OperationEnded(ended) => Some((ended.outcome.as_str(), ended.rows)),
        _ => None,
    });
    let ends: Vec<_> = ends.take(2).collect();
    assert_eq!(ends, [("failed", 1), ("succeeded", 2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_commit_undoes_at_the_end_of_its_pipeline_is_recorded_as_failed() {
    let all = bed::policy("all", DefaultAction::Allow, Vec::new());
    let house = House::open(vec![all]).await;
    let mut client = wire::Client::log_in(house.address).await;
    let tables = "Q CREATE TEMP TABLE parents (id int PRIMARY KEY); CREATE TEMP TABLE children \
                  (parent int REFERENCES parents DEFERRABLE INITIALLY DEFERRED)";
    client.line(&[tables, "= 1"]).await;
    let insert = "P |INSERT INTO children VALUES ($1::int)";
    let said = client.line(&[insert, "B ||7", "E ", "S", "= 1"]).await;
    assert!(said.contains("23503"), "{said}");
    let left = client
        .line(&["Q SELECT count(*) FROM children", "= 1"])
        .await;
    assert!(left.contains("D(0)"), "{left}");
    let record = house.bed.record();
    let ends = record.iter().filter_map(|body| match body {
        Body::OperationEnded(ended) => Some((ended.outcome.as_str(), ended.attributes.get("code"))),
        _ => None,
    });
    let ends: Vec<_> = ends.collect();
    let code = Value::from("23503");
    assert_eq!(ends[..2], [("succeeded", None), ("failed", Some(&code))]);
}
