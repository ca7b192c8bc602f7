//! What runs while a policy is edited, a limit is reached or a session is ended.

use std::time::{Duration, Instant};

use portcullis_policy::{Action, DefaultAction, Effect, OnExceed, Policy};

use crate::bed::{Terms, open_policy, policy, rule};
use crate::house::{House, rows};
use crate::talk::{Client, count, shape, words};

fn denying() -> Policy {
    let deny = rule("nothing", &[Effect::Read, Effect::Write], Action::Deny);
    policy("closed", DefaultAction::Allow, vec![deny])
}

/// How many statements the server runs for the proxy that look like this.
fn running(house: &House, like: &str) -> String {
    house.server.sql(
        "postgres",
        &format!(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'trusted' \
             AND state = 'active' AND query LIKE '{like}'"
        ),
    )
}

async fn until(what: &str, mut ask: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !ask() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_an_edit_refuses_is_cancelled_and_the_session_goes_on() {
    let house = House::open(vec![open_policy()]).await;
    let mut client = Client::log_in(house.address).await;
    for extended in [false, true] {
        let text = "SELECT 'edited' FROM pg_sleep(60)";
        match extended {
            false => client.query(text),
            true => client.run(text, &[]).sync(),
        };
        client.send().await;
        until("it runs", || running(&house, "%edited%pg_sleep(60)") == "1").await;
        house.edit(vec![denying()]);
        let begun = Instant::now();
        let answer = client.until(b'Z').await;
        println!("cut after {:?}", begun.elapsed());
        assert!(begun.elapsed() < Duration::from_secs(20));
        let error = words(&answer, b'E');
        assert!(
            error.contains("42501") && error.contains("PolicyDenied"),
            "{error}"
        );
        assert_eq!(answer.last().unwrap().1, b"I");
        assert_eq!(running(&house, "%edited%pg_sleep(60)"), "0");
        house.edit(vec![open_policy()]);
        let answer = client.query("SELECT 1").answer().await;
        assert_eq!(shape(&answer), "TDCZ");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_cuts_copies_both_ways_and_leaves_what_stays_allowed() {
    let house = House::open(vec![open_policy()]).await;
    let mut client = Client::log_in(house.address).await;
    client.query("CREATE TEMP TABLE t (a int)").answer().await;
    client.query("COPY t FROM STDIN");
    client.send().await;
    client.until(b'G').await;
    client.say(b'd', &[b"1\n"]).send().await;
    house.edit(vec![denying()]);
    let answer = client.until(b'Z').await;
    let error = words(&answer, b'E');
    assert!(error.contains("PolicyDenied"), "{error}");
    // What a client still says of its COPY means nothing any more.
    client.say(b'd', &[b"2\n"]).say(b'c', &[]);
    house.edit(vec![open_policy()]);
    let answer = client.query("SELECT count(*) FROM t").answer().await;
    assert_eq!(&answer[1].1[6..], b"0");

    client.query("COPY (SELECT generate_series(1, 100000000)) TO STDOUT");
    client.send().await;
    for _ in 0..10 {
        client.message().await.unwrap();
    }
    house.edit(vec![denying()]);
    let answer = client.until(b'Z').await;
    assert!(words(&answer, b'E').contains("PolicyDenied"));
    // An edit that refuses nothing of it cuts nothing.
    house.edit(vec![open_policy()]);
    client.query("SELECT 7 FROM pg_sleep(1)").send().await;
    house.edit(vec![rows(1000, OnExceed::Error)]);
    assert_eq!(shape(&client.until(b'Z').await), "TDCZ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_is_decided_again_at_each_execute() {
    let house = House::open(vec![open_policy()]).await;
    let mut client = Client::log_in(house.address).await;
    client.query("BEGIN").answer().await;
    client.say(b'P', &[b"\0SELECT generate_series(1, 9)\0\0\0"]);
    let answer = client.bind("", &[]).execute(3).sync().answer().await;
    assert_eq!(shape(&answer), "12DsZ");
    let answer = client.execute(3).sync().answer().await;
    assert_eq!(shape(&answer), "DsZ");
    house.edit(vec![denying()]);
    let answer = client.execute(3).sync().answer().await;
    assert_eq!(shape(&answer), "EZ");
    assert!(words(&answer, b'E').contains("PolicyDenied"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_while_a_statement_runs_is_told_and_the_target_stops() {
    let house = House::open(vec![open_policy()]).await;
    let mut client = Client::log_in(house.address).await;
    client
        .query("SELECT 'killed' FROM pg_sleep(60)")
        .send()
        .await;
    until("it runs", || running(&house, "%killed%pg_sleep(60)") == "1").await;
    let id = house.bed.house().registry.list()[0].id;
    let registry = &house.bed.house().registry;
    registry
        .kill(house.bed.house(), id, "dave", "enough")
        .unwrap();
    let answer = client.until(b'Z').await;
    let error = words(&answer, b'E');
    assert!(
        error.contains("FATAL") && error.contains("57P01") && error.contains("dave: enough"),
        "{error}"
    );
    until("it stops", || {
        running(&house, "%killed%pg_sleep(60)") == "0"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_is_removed_ends_what_runs() {
    let house = House::open(vec![open_policy()]).await;
    let mut client = Client::log_in(house.address).await;
    client
        .query("SELECT 'removed' FROM pg_sleep(60)")
        .send()
        .await;
    until("it runs", || {
        running(&house, "%removed%pg_sleep(60)") == "1"
    })
    .await;
    house.edit_terms(Terms {
        keys: Vec::new(),
        ..Terms::default()
    });
    let answer = client.until(b'Z').await;
    assert!(words(&answer, b'E').contains("FATAL"));
    until("it stops", || {
        running(&house, "%removed%pg_sleep(60)") == "0"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_a_limit_cuts_is_stopped_at_the_target() {
    let house = House::open(vec![rows(3, OnExceed::Truncate)]).await;
    let mut client = Client::log_in(house.address).await;
    let text = "SELECT repeat('x', 1000), generate_series(1, 50000000)";
    for extended in [false, true] {
        let begun = Instant::now();
        match extended {
            false => client.query(text),
            true => client.run(text, &[]).sync(),
        };
        let answer = client.answer().await;
        println!("a cut read took {:?}", begun.elapsed());
        assert!(begun.elapsed() < Duration::from_secs(20));
        assert_eq!(count(&answer, b'D'), 3);
        assert!(words(&answer, b'N').contains("cut after 3 rows"));
        assert_eq!(words(&answer, b'C'), "SELECT 3 ");
        assert_eq!(
            (count(&answer, b'E'), &*answer.last().unwrap().1),
            (0, &b"I"[..])
        );
    }
    // Behind other work, and in a transaction, a cancel would undo it.
    house.server.sql(
        "postgres",
        "DROP TABLE IF EXISTS cutw; CREATE TABLE cutw (a int)",
    );
    let short = "SELECT generate_series(1, 200000)";
    client
        .run("INSERT INTO cutw VALUES (1)", &[])
        .run(short, &[])
        .sync();
    let answer = client.answer().await;
    assert_eq!(words(&answer, b'C'), "INSERT 0 1 SELECT 3 ");
    client.query("BEGIN").answer().await;
    client.query("INSERT INTO cutw VALUES (2)").answer().await;
    let answer = client.query(short).answer().await;
    assert_eq!(answer.last().unwrap().1, b"T");
    client.query("COMMIT").answer().await;
    assert_eq!(house.server.sql("postgres", "SELECT sum(a) FROM cutw"), "3");
    let answer = client.query("SELECT 5").answer().await;
    assert_eq!(shape(&answer), "TDCZ");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_behind_a_limit_that_fails_has_an_effect() {
    let house = House::open(vec![rows(3, OnExceed::Error)]).await;
    house.server.sql(
        "postgres",
        "DROP TABLE IF EXISTS late; CREATE TABLE late (a int)",
    );
    let mut client = Client::log_in(house.address).await;
    let big = "SELECT generate_series(1, 1000)";
    client
        .run("INSERT INTO late VALUES (1)", &[])
        .run(big, &[])
        .run("INSERT INTO late VALUES (2)", &[])
        .sync();
    let answer = client.answer().await;
    assert_eq!((count(&answer, b'E'), count(&answer, b'C')), (1, 1));
    assert!(words(&answer, b'E').contains("LimitExceeded"));
    assert_eq!(answer.last().unwrap().1, b"I");
    assert_eq!(
        house.server.sql("postgres", "SELECT count(*) FROM late"),
        "0"
    );
    // Alone; then what is within the limit.
    let answer = client.run(big, &[]).sync().answer().await;
    assert_eq!((count(&answer, b'E'), count(&answer, b'C')), (1, 0));
    client
        .run("INSERT INTO late VALUES (3)", &[])
        .run("SELECT generate_series(1, 3)", &[])
        .run("INSERT INTO late VALUES (4)", &[])
        .sync();
    let answer = client.answer().await;
    assert_eq!((count(&answer, b'E'), count(&answer, b'C')), (0, 3));
    assert_eq!(house.server.sql("postgres", "SELECT sum(a) FROM late"), "7");
    // A write whose rows are too many is undone with its transaction, and says so.
    let returning = "INSERT INTO late SELECT generate_series(10, 20) RETURNING a";
    let answer = client.run(returning, &[]).sync().answer().await;
    assert!(words(&answer, b'E').contains("rolled back"));
    assert_eq!(house.server.sql("postgres", "SELECT sum(a) FROM late"), "7");
    let answer = client.query("SELECT 5").answer().await;
    assert_eq!(shape(&answer), "TDCZ");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_copy_are_counted_in_every_format() {
    let house = House::open(vec![rows(3, OnExceed::Truncate)]).await;
    let mut client = Client::log_in(house.address).await;
    for (options, rows, pieces) in [
        ("", 3, 3),
        ("(FORMAT csv)", 3, 3),
        ("(FORMAT csv, HEADER)", 3, 4),
        ("(HEADER)", 3, 4),
        // The head comes with the first row, the end by itself.
        ("(FORMAT binary)", 3, 4),
        ("(FORMAT binary)", 0, 1),
    ] {
        for asked in [rows, rows + 1, 10_000_000] {
            if rows == 0 && asked > 0 {
                continue;
            }
            let text = format!("COPY (SELECT generate_series(1, {asked})) TO STDOUT {options}");
            let answer = client.query(&text).answer().await;
            let told = format!("COPY {rows} ");
            assert_eq!(words(&answer, b'C'), told, "{options} {asked}");
            assert_eq!(count(&answer, b'd'), pieces, "{options} {asked}");
            assert_eq!(
                count(&answer, b'N'),
                usize::from(asked > rows),
                "{options} {asked}"
            );
            assert_eq!(
                (count(&answer, b'c'), count(&answer, b'E')),
                (1, 0),
                "{options} {asked}"
            );
            if options.contains("binary") {
                let last = answer.iter().rfind(|(tag, _)| *tag == b'd').unwrap();
                assert!(last.1.ends_with(&[0xff, 0xff]));
            }
        }
    }
}
