//! Openings that are refused, on a real wire: what the client is told leads to the record.

use std::time::{Duration, Instant};

use portcullis_dialect::postgres::wire::write;
use portcullis_recording::event::{Body, Value};

use crate::bed::open_policy;
use crate::house::{House, PASSWORD};
use crate::wire::{self, Client};

/// What a client is told that logs in so: the last word, and its DETAIL.
async fn refused(house: &House, database: &str, key: &str) -> (String, String) {
    let mut client = Client::connect(house.address).await;
    let mut packet = Vec::new();
    let parameters = [
        (&b"user"[..], &b"mallory"[..]),
        (b"database", database.as_bytes()),
    ];
    write::startup(&mut packet, 3 << 16, parameters);
    client.send(&packet).await;
    let (tag, _) = client.next().await.unwrap();
    assert_eq!(tag, b'R');
    let mut answer = Vec::new();
    write::password(&mut answer, &[key.as_bytes(), b"\0"].concat());
    client.send(&answer).await;
    let (tag, body) = client.next().await.unwrap();
    assert!(client.next().await.is_none());
    let mut fields = body.split(|byte| *byte == 0);
    let detail = fields.find_map(|field| field.strip_prefix(b"D"));
    let detail = String::from_utf8_lossy(detail.unwrap_or_default()).into_owned();
    (wire::told(tag, &body), detail)
}

fn counted(house: &House, reason: &str, count: u64) {
    let text = house.bed.house().metrics.text().unwrap();
    let line = format!(
        "portcullis_refused_openings_total{{protocol=\"postgres\",reason=\"{reason}\"}} {count}\n"
    );
    assert!(text.contains(&line), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_open_is_refused_with_a_session_that_is_on_record() {
    let house = House::open(vec![open_policy()]).await;
    let (told, detail) = refused(&house, "elsewhere", PASSWORD).await;
    assert_eq!(
        told,
        "E(42501: database \"elsewhere\" is not open through this connection)"
    );
    let detail: serde_json::Value = serde_json::from_str(&detail).unwrap();
    assert_eq!(detail["class"], "AccessDenied");
    let session = detail["sessionId"].as_str().unwrap();
    let events = house.bed.events();
    let of_it = events
        .iter()
        .filter(|event| event.session.to_string() == session);
    let bodies: Vec<_> = of_it.map(|event| &event.body).collect();
    let [Body::SessionStarted(_), Body::SessionEnded(ended)] = bodies[..] else {
        panic!("{events:?}");
    };
    assert_eq!(ended.reason, "the database is not open");
    counted(&house, "database", 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_logins_are_counted_and_a_client_that_leaves_is_none() {
    let house = House::open(vec![open_policy()]).await;
    for _ in 0..2 {
        let (told, detail) = refused(&house, "postgres", "pck_wrong").await;
        assert!(told.starts_with("E(28P01: "), "{told}");
        assert_eq!(detail, "");
    }
    // As psql does before it asks for a password.
    let mut client = Client::connect(house.address).await;
    let mut packet = Vec::new();
    write::startup(&mut packet, 3 << 16, [(&b"user"[..], &b"mallory"[..])]);
    client.send(&packet).await;
    client.next().await.unwrap();
    drop(client);
    house.bed.house().shutdown.drain.cancel();
    let begun = Instant::now();
    while house.bed.record().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let record = house.bed.record();
    let [Body::Notice(told)] = &record[..] else {
        panic!("{record:?}");
    };
    assert_eq!(told.what, "openings-refused");
    assert_eq!(told.attributes["failedLogins"], 2.into());
    let Value::List(first) = &told.attributes["first"] else {
        panic!("{told:?}");
    };
    let Value::Map(one) = &first[0] else {
        panic!("{first:?}");
    };
    assert_eq!(one["user"], "mallory".into());
    assert_eq!(one["address"], "127.0.0.1".into());
    assert!(
        !record
            .iter()
            .any(|body| format!("{body:?}").contains("pck_wrong"))
    );
    counted(&house, "login", 2);
}
