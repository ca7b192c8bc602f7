//! Names that are not there, where the policies deny what cannot be told: the server says so, and
//! nothing runs.

use portcullis_policy::{Action, DefaultAction, Effect, Policy};
use portcullis_recording::event::Body;

use crate::bed::{open_policy, policy, rule};
use crate::house::House;
use crate::wire::Client;

const DENIED: &str = "E(42501: a rule denies this operation)";

/// Of the kinds that a text of unknown effect matches.
fn no_drops() -> Policy {
    let mut deny = rule("no-drops", &[], Action::Deny);
    deny.matching.verbs = vec!["DROP TABLE".into()];
    policy("no-drops", DefaultAction::Allow, vec![deny])
}

fn read_only() -> Policy {
    let allow = rule("reads", &[Effect::Read, Effect::Session], Action::Allow);
    policy("read-only", DefaultAction::Deny, vec![allow])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_there_is_told_by_the_server_and_not_by_a_rule() {
    let house = House::open(vec![no_drops()]).await;
    let relation = "42P01: relation \"nosuch\" does not exist";
    for (text, told) in [
        ("SELECT * FROM nosuch", relation),
        ("SELECT 1 FROM pg_class c JOIN nosuch n ON true", relation),
        ("EXPLAIN SELECT * FROM nosuch", relation),
        ("INSERT INTO nosuch VALUES (1)", relation),
        ("UPDATE nosuch SET a = 1 WHERE b = 2", relation),
        ("DELETE FROM nosuch WHERE a = 1", relation),
        (
            "SELECT nosuch(1)",
            "42883: function nosuch(integer) does not exist",
        ),
        (
            "SELECT pg_catalog.nosuch()",
            "42883: function pg_catalog.nosuch() does not exist",
        ),
        (
            "SELECT nosuch.a(1)",
            "3F000: schema \"nosuch\" does not exist",
        ),
    ] {
        let mut client = Client::log_in(house.address).await;
        let query = format!("Q {text}");
        let parse = format!("P |{text}");
        let script = [&query, "= 1", &parse, "DS", "B ||", "E |0", "S", "= 1"];
        let got = client.line(&script).await;
        assert_eq!(got, format!("E({told}) Z(I) E({told}) Z(I)"), "{text}");
        let script = [
            "Q BEGIN",
            "= 1",
            &query,
            "= 1",
            "Q SELECT 1",
            "= 1",
            "Q ROLLBACK",
            "= 1",
            "Q SELECT 2",
            "= 1",
        ];
        let got = client.line(&script).await;
        let aborted = "E(25P02: current transaction is aborted, commands ignored until end of \
                       transaction block)";
        let expected = format!(
            "C(BEGIN) Z(T) E({told}) Z(E) {aborted} Z(E) C(ROLLBACK) Z(I) \
             T(?column?) D(2) C(SELECT 1) Z(I)"
        );
        assert_eq!(got, expected, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_other_statements_are_told_by_the_server_too() {
    let house = House::open(vec![no_drops()]).await;
    house.server.sql(
        "postgres",
        "DROP TABLE IF EXISTS lacking_kept; CREATE TABLE lacking_kept (a int)",
    );
    let relation = "42P01: relation \"nosuch\" does not exist";
    for (text, told) in [
        (
            "INSERT INTO lacking_kept VALUES (1); SELECT * FROM nosuch",
            relation,
        ),
        (
            "SELECT 'ü'; SELECT 1 FROM nosuch; SELECT * FROM other",
            relation,
        ),
        (
            "SELECT 1; SELECT nosuch()",
            "42883: function nosuch() does not exist",
        ),
        (
            "CALL nosuch(1)",
            "42883: procedure nosuch(integer) does not exist",
        ),
        (
            "CREATE TABLE lacking_made AS SELECT * FROM nosuch",
            relation,
        ),
        ("SELECT * INTO lacking_made FROM nosuch", relation),
        ("COPY (SELECT * FROM nosuch) TO STDOUT", relation),
        (
            "COPY /* ( */ (SELECT (1) FROM nosuch) TO STDOUT (FORMAT csv)",
            relation,
        ),
        ("COPY nosuch TO STDOUT", relation),
        ("COPY nosuch (a) FROM STDIN", relation),
        (
            "COPY public.\"No Such\" FROM STDIN",
            "42P01: relation \"public.No Such\" does not exist",
        ),
        ("TRUNCATE nosuch", relation),
        ("ALTER TABLE nosuch ADD COLUMN a int", relation),
    ] {
        let mut client = Client::log_in(house.address).await;
        let query = format!("Q {text}");
        let got = client.line(&[&query, "= 1", "Q SELECT 1", "= 1"]).await;
        let expected = format!("E({told}) Z(I) T(?column?) D(1) C(SELECT 1) Z(I)");
        assert_eq!(got, expected, "{text}");
    }
    let count = "SELECT count(*) FROM lacking_kept";
    assert_eq!(house.server.sql("postgres", count), "0");
    // What says itself that it need not be there does nothing.
    for text in [
        "ALTER TABLE IF EXISTS nosuch ADD COLUMN a int",
        "ALTER TABLE IF EXISTS nosuch DROP COLUMN a",
        "DROP VIEW IF EXISTS nosuch",
        "DROP INDEX IF EXISTS nosuch",
    ] {
        let mut client = Client::log_in(house.address).await;
        let query = format!("Q {text}");
        let got = client.line(&[&query, "= 1"]).await;
        assert!(
            got.starts_with("N(") && got.ends_with(") Z(I)"),
            "{text}: {got}"
        );
        assert!(!got.contains("42501"), "{text}: {got}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_to_be_is_not_run_behind_another_text_either() {
    let house = House::open(vec![no_drops()]).await;
    let mut client = Client::log_in(house.address).await;
    client.line(&["Q SELECT 1", "= 1"]).await;
    let make = "CREATE TABLE lacking_there (a text); INSERT INTO lacking_there VALUES ('x')";
    house.server.sql("postgres", make);
    for text in [
        "TRUNCATE lacking_there",
        "COPY lacking_there TO STDOUT",
        "COPY (DELETE FROM lacking_there RETURNING a) TO STDOUT",
        "SELECT 1; DELETE FROM lacking_there WHERE a = 'x'",
        // Behind it the catalogue is read again.
        "ALTER TABLE lacking_there DROP COLUMN a",
    ] {
        // Behind something that is not answered yet nothing is looked up again.
        let query = format!("Q {text}");
        let got = client.line(&["P |SELECT 1", &query, "= 1"]).await;
        assert_eq!(got, format!("1 {DENIED} Z(I)"), "{text}");
    }
    let there = house.server.sql("postgres", "SELECT a FROM lacking_there");
    assert_eq!(there, "x");
    house.server.sql("postgres", "DROP TABLE lacking_there");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_denied_whatever_the_name_stays_denied() {
    let house = House::open(vec![read_only()]).await;
    let mut client = Client::log_in(house.address).await;
    for (text, told) in [
        (
            "SELECT * FROM nosuch",
            "E(42P01: relation \"nosuch\" does not exist)",
        ),
        ("INSERT INTO nosuch VALUES (1)", "E(42501"),
        ("DELETE FROM nosuch", "E(42501"),
        ("EXPLAIN ANALYZE DELETE FROM nosuch", "E(42501"),
        ("SELECT * FROM nosuch FOR UPDATE", "E(42501"),
        (
            "WITH d AS (DELETE FROM nosuch RETURNING 1) SELECT 1",
            "E(42501",
        ),
        ("SELECT nextval('nosuch')", "E(42501"),
        ("DROP TABLE nosuch", "E(42501"),
        ("SELECT pg_read_file('x') FROM nosuch", "E(42501"),
        (
            "SELECT 1; SELECT * FROM nosuch",
            "E(42P01: relation \"nosuch\" does not exist)",
        ),
        ("SELECT 1; DELETE FROM nosuch", "E(42501"),
        ("COPY nosuch FROM STDIN", "E(42501"),
        ("TRUNCATE nosuch", "E(42501"),
        ("ALTER TABLE nosuch ADD COLUMN a int", "E(42501"),
        ("SET work_mem = 64; SELECT * FROM nosuch", "E(42501"),
        ("CREATE TABLE t AS SELECT * FROM nosuch", "E(42501"),
    ] {
        let query = format!("Q {text}");
        let got = client.line(&[&query, "= 1"]).await;
        assert!(got.starts_with(told), "{text}: {got}");
        assert!(got.ends_with("Z(I)"), "{text}: {got}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_to_be_is_not_run() {
    let house = House::open(vec![no_drops()]).await;
    house.server.sql(
        "postgres",
        "DROP TABLE IF EXISTS lacking_logs; CREATE TABLE lacking_logs (a text)",
    );
    let mut client = Client::log_in(house.address).await;
    client.line(&["Q SELECT 1", "= 1"]).await;
    let make = "CREATE OR REPLACE FUNCTION lacking() RETURNS int LANGUAGE plpgsql AS \
                'BEGIN INSERT INTO lacking_logs VALUES (1); RETURN 1; END'; \
                CREATE VIEW lacking AS SELECT a FROM lacking_logs";
    house.server.sql("postgres", make);
    for text in [
        "SELECT lacking()",
        "DELETE FROM lacking",
        "INSERT INTO lacking VALUES ('x')",
        "SELECT * FROM lacking",
    ] {
        // Behind something that is not answered yet nothing is looked up again.
        let (query, parse) = (format!("Q {text}"), format!("P |{text}"));
        let got = client.line(&["P |SELECT 1", &query, "= 1"]).await;
        assert_eq!(got, format!("1 {DENIED} Z(I)"), "{text}");
        let script = ["P |SELECT 1", &parse, "B ||", "E |0", "S", "= 1"];
        let got = client.line(&script).await;
        assert_eq!(got, format!("1 1 {DENIED} Z(I)"), "{text}");
    }
    let count = "SELECT count(*) FROM lacking_logs";
    assert_eq!(house.server.sql("postgres", count), "0");
    house
        .server
        .sql("postgres", "DROP VIEW lacking; DROP FUNCTION lacking");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_recorded_as_denied_with_what_the_server_said() {
    let house = House::open(vec![no_drops()]).await;
    let mut client = Client::log_in(house.address).await;
    client.line(&["Q SELECT * FROM nosuch", "= 1"]).await;
    client.line(&["Q SELECT 1", "= 1"]).await;
    let record = house.bed.record();
    let operation = record.iter().find_map(|body| match body {
        Body::Operation(operation)
            if operation.operation.get("text") == Some(&"SELECT * FROM nosuch".into()) =>
        {
            Some(operation)
        }
        _ => None,
    });
    let operation = operation.expect("it is recorded");
    assert_eq!(operation.decision, "deny");
    assert_eq!(operation.rule, "no-drops");
    let ended = record.iter().find_map(|body| match body {
        Body::OperationEnded(ended) if ended.number == operation.number => Some(ended),
        _ => None,
    });
    let ended = ended.expect("its end is recorded");
    assert_eq!((ended.outcome.as_str(), ended.rows), ("failed", 0));
    assert_eq!(ended.attributes.get("code"), Some(&"42P01".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_while_no_session_was_open_is_known() {
    let house = House::open(vec![no_drops()]).await;
    let mut client = Client::log_in(house.address).await;
    client.line(&["Q SELECT 1", "= 1"]).await;
    drop(client);
    let make = "DROP TABLE IF EXISTS lacking_late; CREATE TABLE lacking_late AS SELECT 5 AS a";
    house.server.sql("postgres", make);
    // A catalogue is not read again for a name within a second, nor for long after a slow reading.
    let begun = std::time::Instant::now();
    let got = loop {
        let mut client = Client::log_in(house.address).await;
        let got = client.line(&["Q SELECT a FROM lacking_late", "= 1"]).await;
        if got.starts_with('T') || begun.elapsed() > std::time::Duration::from_secs(20) {
            break got;
        }
        drop(client);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    };
    assert_eq!(got, "T(a) D(5) C(SELECT 1) Z(I)");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_session_has_just_made_is_used_at_once() {
    let house = House::open(vec![no_drops()]).await;
    let mut client = Client::log_in(house.address).await;
    client.line(&["Q SELECT 1 FROM nosuch", "= 1"]).await;
    let began = std::time::Instant::now();
    for number in 0..4 {
        let (table, function) = (format!("lacking_t{number}"), format!("lacking_f{number}"));
        let make = format!(
            "DROP TABLE IF EXISTS {table}; CREATE TABLE {table} AS SELECT {number} AS a; \
             CREATE OR REPLACE FUNCTION {function}(a int) RETURNS int LANGUAGE sql IMMUTABLE \
             AS 'SELECT a + 1'"
        );
        house.server.sql("postgres", &make);
        let (query, parse) = (
            format!("Q SELECT a FROM {table}"),
            format!("P |SELECT {function}($1)"),
        );
        match number {
            0 => {
                let got = client.line(&[&query, "= 1"]).await;
                assert_eq!(got, "T(a) D(0) C(SELECT 1) Z(I)");
            }
            1 => {
                let got = client.line(&[&parse, "B ||1", "E |0", "S", "= 1"]).await;
                assert_eq!(got, "1 2 D(2) C(SELECT 1) Z(I)");
            }
            2 => {
                let got = client.line(&["Q BEGIN", "= 1", &query, "= 1"]).await;
                assert_eq!(got, "C(BEGIN) Z(T) T(a) D(2) C(SELECT 1) Z(T)");
                let got = client.line(&["Q COMMIT", "= 1"]).await;
                assert_eq!(got, "C(COMMIT) Z(I)");
            }
            _ => {
                let copy = format!("Q COPY {table} TO STDOUT");
                let got = client.line(&[&copy, "= 1"]).await;
                assert!(got.ends_with("d(3\\n) c C(COPY 1) Z(I)"), "{got}");
            }
        }
        let drop = format!("DROP TABLE {table}; DROP FUNCTION {function}");
        house.server.sql("postgres", &drop);
    }
    // A name that is not there is told without waiting for a reading.
    for _ in 0..5 {
        let got = client.line(&["Q SELECT 1 FROM nosuch", "= 1"]).await;
        assert_eq!(got, "E(42P01: relation \"nosuch\" does not exist) Z(I)");
    }
    assert!(began.elapsed() < std::time::Duration::from_secs(10));
    // What is there is judged by what it is, and an unfinished transaction is not ended by asking.
    house.server.sql(
        "postgres",
        "CREATE FUNCTION lacking_dark() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'",
    );
    for (text, told) in [
        ("SELECT lacking_dark()", DENIED),
        ("SELECT 1", "T(?column?) D(1) C(SELECT 1)"),
    ] {
        let query = format!("Q {text}");
        let got = client
            .line(&["Q BEGIN", "= 1", &query, "= 1", "Q ROLLBACK", "= 1"])
            .await;
        let expected = format!("C(BEGIN) Z(T) {told} Z(T) C(ROLLBACK) Z(I)");
        assert_eq!(got, expected, "{text}");
    }
    house.server.sql("postgres", "DROP FUNCTION lacking_dark");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_says_of_a_text_that_it_only_read_is_told_once() {
    let house = House::open(vec![no_drops()]).await;
    let name = "n".repeat(70);
    let mut client = Client::log_in(house.address).await;
    let got = client
        .line(&[&format!("Q SELECT * FROM {name}"), "= 1"])
        .await;
    let expected = format!("E(42P01: relation \"{}\" does not exist) Z(I)", &name[..63]);
    assert_eq!(got.matches("N(").count(), 1, "{got}");
    assert!(got.ends_with(&expected), "{got}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_reading_finds_is_not_looked_for_each_time() {
    let server = crate::server::shared();
    server.sql("postgres", "CREATE DATABASE in_vain");
    let house = House::open_on("in_vain", vec![open_policy()]).await;
    let mut client = Client::log_in_to(house.address, "in_vain").await;
    let known = "Q SELECT array_in('{1}', 23, -1)";
    client.line(&[known, "= 1"]).await;
    // Each reading is a session of its own there, which is counted when it ends.
    let sessions = || {
        let reads = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'in_vain' \
                     AND application_name = 'portcullis catalogue'";
        while server.sql("postgres", reads) != "0" {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let count = "SELECT sessions FROM pg_stat_database WHERE datname = 'in_vain'";
        server.sql("postgres", count).parse::<u64>().unwrap()
    };
    let (before, began) = (sessions(), std::time::Instant::now());
    for _ in 0..40 {
        let got = client.line(&[known, "= 1"]).await;
        assert_eq!(got, "T(array_in) D({1}) C(SELECT 1) Z(I)");
    }
    let most = began.elapsed().as_secs() + 3;
    let more = sessions() - before;
    assert!(more <= most, "{more} in {most}");
}
