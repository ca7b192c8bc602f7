//! What clients send by COPY … FROM STDIN: recorded, counted, and never taken over in part.

use std::time::{Duration, Instant};

use portcullis_recording::event::{Body, Event, Input, OperationEnded, Value};

use crate::run::{Run, policy};
use crate::talk::{Client, shape, words};

/// Of an operation: what was kept of its data, and its end.
struct Recorded {
    inputs: Vec<Input>,
    end: OperationEnded,
}

/// Each test has a table of its own.
fn start(payloads: &str, table: &str) -> Run {
    let payloads = format!("spec:\n  recording: {{payloads: {payloads}}}\n");
    let change = |documents: String| documents.replacen("spec:\n", &payloads, 1);
    let run = Run::start_changed(change, "carol", &policy("[]"));
    run.server.sql(
        "postgres",
        &format!("DROP TABLE IF EXISTS {table}; CREATE TABLE {table} (a int, b text)"),
    );
    run
}

/// Sends rows for a COPY that was asked for, in messages of this size.
async fn send(client: &mut Client, data: &[u8], size: usize) {
    client.send().await;
    assert_eq!(client.until(b'G').await.last().unwrap().0, b'G');
    for chunk in data.chunks(size) {
        client.say(b'd', &[chunk]);
    }
}

async fn copy(client: &mut Client, text: &str, data: &[u8], size: usize) -> String {
    client.query(text);
    send(client, data, size).await;
    shape(&client.say(b'c', &[]).answer().await)
}

fn of(events: &[Event], begins: &str) -> Recorded {
    let number = events.iter().find_map(|event| match &event.body {
        Body::Operation(operation) => match operation.operation.get("text") {
            Some(Value::Text(text)) if text.starts_with(begins) => Some(operation.number),
            _ => None,
        },
        _ => None,
    });
    let number = number.unwrap();
    let inputs = events.iter().filter_map(|event| match &event.body {
        Body::Input(input) if input.number == number => Some(input.clone()),
        _ => None,
    });
    let end = events.iter().find_map(|event| match &event.body {
        Body::OperationEnded(end) if end.number == number => Some(end.clone()),
        _ => None,
    });
    Recorded {
        inputs: inputs.collect(),
        end: end.unwrap(),
    }
}

/// The record, once the end of the session is in it.
async fn record(run: &Run, mut client: Client) -> Vec<Event> {
    client.say(b'X', &[]).send().await;
    drop(client);
    recorded(run).await
}

async fn recorded(run: &Run) -> Vec<Event> {
    let begun = Instant::now();
    loop {
        let events = run.events().await;
        let ended = |event: &Event| matches!(event.body, Body::SessionEnded(_));
        if events.iter().any(ended) {
            return events;
        }
        assert!(begun.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Recorded {
    fn data(&self) -> Vec<u8> {
        let mut at = 0;
        for input in &self.inputs {
            assert_eq!(input.offset, at);
            at += input.data.len() as u64;
        }
        self.inputs.iter().flat_map(|i| i.data.clone()).collect()
    }

    fn omitted(&self) -> u64 {
        self.inputs.iter().map(|input| input.omitted_bytes).sum()
    }

    /// Bytes that were sent, and rows that the server took over.
    fn told(&self) -> (Option<&Value>, Option<&Value>) {
        let told = |name: &str| self.end.attributes.get(name);
        (told("sentBytes"), told("writtenRows"))
    }
}

fn integer(number: i64) -> Value {
    Value::Integer(number)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_copy_writes_is_recorded_and_counted() {
    let run = start("Capped", "sent_sent");
    let mut client = Client::log_in(run.address()).await;
    let data = b"1\tone\n2\ttwo\n3\t\\N\n";
    let answer = copy(&mut client, "COPY sent_sent FROM STDIN", data, 5).await;
    assert_eq!(answer, "CZ");
    // In the extended protocol, and two in one text.
    client.run("COPY sent_sent (a) FROM STDIN", &[]);
    client.say(b'H', &[]);
    send(&mut client, b"4\n", 1).await;
    let answer = client.say(b'c', &[]).sync().answer().await;
    assert_eq!(shape(&answer), "CZ");
    client.query("COPY sent_sent (b) FROM STDIN; COPY sent_sent FROM STDIN (FORMAT csv)");
    send(&mut client, b"five\n", 9).await;
    client.say(b'c', &[]);
    send(&mut client, b"6,six\n7,seven\n", 9).await;
    assert_eq!(shape(&client.say(b'c', &[]).answer().await), "CZ");
    // No COPY: nothing of the kind.
    client
        .query("INSERT INTO sent_sent VALUES (8)")
        .answer()
        .await;

    let events = record(&run, client).await;
    let first = of(&events, "COPY sent_sent FROM");
    assert_eq!(first.data(), data);
    assert_eq!(
        (first.end.rows, first.end.outcome.as_str()),
        (0, "succeeded")
    );
    assert_eq!(first.told(), (Some(&integer(17)), Some(&integer(3))));
    let extended = of(&events, "COPY sent_sent (a)");
    assert_eq!(extended.data(), b"4\n");
    assert_eq!(extended.told(), (Some(&integer(2)), Some(&integer(1))));
    let both = of(&events, "COPY sent_sent (b)");
    assert_eq!(both.data(), b"five\n6,six\n7,seven\n");
    assert_eq!(both.told(), (Some(&integer(19)), Some(&integer(3))));
    let none = of(&events, "INSERT");
    assert_eq!((none.inputs.len(), none.told()), (0, (None, None)));
    let there = run.server.sql("postgres", "SELECT count(*) FROM sent_sent");
    assert_eq!(there, "8");
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_say_how_much_of_it_is_kept() {
    let line = b"1\tsomething that is said again and again\n";
    let data = line.repeat(6_000);
    for payloads in ["Full", "Capped", "Metadata"] {
        let run = start(payloads, "sent_kept");
        let mut client = Client::log_in(run.address()).await;
        let before = metric(&run, "client_in");
        copy(&mut client, "COPY sent_kept FROM STDIN", &data, 8_192).await;
        // Counted both ways, with what frames it.
        for direction in ["client_in", "upstream_out"] {
            let counted = metric(&run, direction);
            assert!(
                counted > before + data.len() as u64,
                "{direction} {counted}"
            );
        }
        let events = record(&run, client).await;
        let told = of(&events, "COPY");
        let bytes = i64::try_from(data.len()).unwrap();
        assert_eq!(told.told(), (Some(&integer(bytes)), Some(&integer(6_000))));
        let kept = match payloads {
            "Full" => data.len(),
            "Capped" => 64 * 1024,
            _ => 0,
        };
        assert!(told.data() == data[..kept], "{payloads}");
        let omitted = match payloads {
            "Capped" => data.len() - kept,
            _ => 0,
        };
        assert_eq!(told.omitted(), omitted as u64, "{payloads}");
    }
}

fn metric(run: &Run, direction: &str) -> u64 {
    let name = format!("portcullis_bytes_total{{direction=\"{direction}\"}} ");
    let told = run.get("/metrics");
    let value = told.lines().find_map(|line| line.strip_prefix(&name));
    value.map_or(0, |value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_in_it_is_written_and_not_recorded() {
    let run = start("Capped", "sent_secrets");
    let mut client = Client::log_in(run.address()).await;
    copy(
        &mut client,
        "COPY sent_secrets (b) FROM STDIN",
        b"AKIAIOSFODNN7EXAMPLE\n",
        3,
    )
    .await;
    // Across the end of what is kept.
    let mut long = b"x\n".repeat(32 * 1024 - 5);
    long.extend_from_slice(b"AKIAIOSFODNN7EXAMPLE\n");
    copy(
        &mut client,
        "COPY sent_secrets (b) FROM STDIN",
        &long,
        1_000,
    )
    .await;
    let events = record(&run, client).await;
    assert_eq!(of(&events, "COPY").data(), b"[redacted]\n");
    assert!(!run.has_bytes(b"AKIAIOSFO"));
    let there = "SELECT count(*) FROM sent_secrets WHERE b = 'AKIAIOSFODNN7EXAMPLE'";
    assert_eq!(run.server.sql("postgres", there), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_given_up_or_fails_says_so_and_wrote_nothing() {
    let run = start("Capped", "sent_given_up");
    let mut client = Client::log_in(run.address()).await;
    client.query("COPY sent_given_up (a) FROM STDIN");
    send(&mut client, b"1\n2\n", 2).await;
    let answer = client.say(b'f', &[b"no more\0"]).answer().await;
    assert!(words(&answer, b'E').contains("57014"));
    // A row that is none.
    client.query("COPY sent_given_up (a, b) FROM STDIN");
    send(&mut client, b"1\tx\nnumber\ty\n", 99).await;
    let answer = client.say(b'c', &[]).answer().await;
    assert!(words(&answer, b'E').contains("22P02"));
    // Somebody leaves.
    client.query("COPY sent_given_up FROM STDIN");
    send(&mut client, b"3\tx\n", 99).await;
    client.send().await;
    drop(client);

    let events = recorded(&run).await;
    let given_up = of(&events, "COPY sent_given_up (a) ");
    let end = &given_up.end;
    assert_eq!(end.outcome, "failed");
    assert_eq!(end.attributes["code"], "57014".into());
    assert_eq!(end.attributes["abandoned"], "no more".into());
    assert_eq!(given_up.told(), (Some(&integer(4)), None));
    assert_eq!(given_up.data(), b"1\n2\n");
    let failed = of(&events, "COPY sent_given_up (a, b)");
    assert_eq!(failed.end.attributes["code"], "22P02".into());
    assert_eq!(failed.end.attributes.get("abandoned"), None);
    assert_eq!(failed.told(), (Some(&integer(13)), None));
    let left = of(&events, "COPY sent_given_up FROM");
    assert_ne!(left.end.outcome, "succeeded");
    assert_eq!(left.data(), b"3\tx\n");
    assert_eq!(
        run.server
            .sql("postgres", "SELECT count(*) FROM sent_given_up"),
        "0"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_over_is_recorded_though_the_proxy_is_killed_at_once() {
    let mut run = start("Full", "sent_killed");
    let mut client = Client::log_in(run.address()).await;
    let data = b"1\tkept\n".repeat(20_000);
    copy(&mut client, "COPY sent_killed FROM STDIN", &data, 30_000).await;
    run.kill();
    let events = run.events().await;
    let kept = events.iter().filter_map(|event| match &event.body {
        Body::Input(input) => Some(input.data.len()),
        _ => None,
    });
    assert_eq!(kept.sum::<usize>(), data.len());
}
