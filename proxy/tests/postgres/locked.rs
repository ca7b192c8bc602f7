//! What another session holds locked: whoever uses something else never notices, and the sessions
//! that hold the locks come to no harm.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use portcullis_policy::mask::Predicates;
use portcullis_policy::{Action, DefaultAction, Effect, Policy};

use crate::bed::{Terms, open_policy, policy, rule};
use crate::binary::cancel;
use crate::house::{House, terms};
use crate::killed::{KILLED, kill_all};
use crate::masking::masks_of;
use crate::wire::Client;

const SCHEMA: &str = "
CREATE TABLE t (id int DEFAULT 1, a text CHECK (a <> 'x'));
CREATE TABLE u (id int DEFAULT 2);
CREATE VIEW v AS SELECT t.id FROM t JOIN u USING (id);
CREATE VIEW vv AS SELECT id FROM v;
CREATE VIEW w AS SELECT id FROM u;
CREATE TABLE guarded (id int);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_t ON guarded USING (id IN (SELECT id FROM t));
CREATE FUNCTION f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC; SELECT count(*) FROM t; END;
CREATE TABLE ruled (id int);
CREATE RULE also AS ON INSERT TO ruled DO ALSO INSERT INTO t (id) VALUES (new.id);
";

const SAID: &str = "another session is changing it";

/// What is Unknown it denies.
fn known_only() -> Policy {
    let known = [Effect::Read, Effect::Write, Effect::Define, Effect::Session];
    let allow = rule("known", &known, Action::Allow);
    policy("known-only", DefaultAction::Deny, vec![allow])
}

/// A proxy that has seen nothing yet of a database with all of it.
async fn house(database: &str) -> (House, SocketAddr) {
    let server = crate::server::shared();
    server.sql("postgres", &format!("CREATE DATABASE {database}"));
    server.sql(database, SCHEMA);
    let direct = SocketAddr::from(([127, 0, 0, 1], server.port));
    let house = House::open_on(database, vec![known_only()]).await;
    (house, direct)
}

/// A session beside the proxy that has changed something and goes on.
async fn holder(direct: SocketAddr, database: &str, text: &str) -> Client {
    let mut holder = Client::log_in_to(direct, database).await;
    let query = format!("Q BEGIN; {text}");
    let told = holder.line(&[&query, "= 1"]).await;
    assert!(told.ends_with("Z(T)"), "{told}");
    holder
}

async fn asked(client: &mut Client, text: &str) -> String {
    client.line(&[&format!("Q {text}"), "= 1"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_begins_while_another_alters_a_table_uses_all_others() {
    let database = "locked_cold";
    let (house, direct) = house(database).await;
    let mut holder = holder(direct, database, "ALTER TABLE t ADD COLUMN c int").await;
    let mut client = Client::log_in_to(house.address, database).await;
    for (text, told) in [
        ("SELECT id FROM u", "T(id) C(SELECT 0) Z(I)"),
        ("SELECT id FROM w", "T(id) C(SELECT 0) Z(I)"),
        ("INSERT INTO u VALUES (DEFAULT)", "C(INSERT 0 1) Z(I)"),
        ("CREATE TABLE made (a int)", "C(CREATE TABLE) Z(I)"),
        ("SELECT a FROM made", "T(a) C(SELECT 0) Z(I)"),
    ] {
        assert_eq!(asked(&mut client, text).await, told, "{text}");
    }
    // What is behind these could not be read, and nothing of it is guessed.
    let mut others = Vec::new();
    for text in [
        "SELECT id FROM vv",
        "SELECT id FROM t",
        "INSERT INTO t VALUES (1)",
        "SELECT id FROM guarded",
        "INSERT INTO ruled VALUES (1)",
        "SELECT f()",
    ] {
        let mut client = crate::talk::Client::log_in_to(house.address, database).await;
        others.push(tokio::spawn(async move {
            let answer = client.query(text).answer().await;
            (text, crate::talk::words(&answer, b'E'))
        }));
    }
    for other in others {
        let (text, told) = other.await.unwrap();
        let is_named = told.contains("42501") && told.contains(SAID);
        assert!(is_named, "{text}: {told}");
    }
    // Who asks while it is still locked is answered once it is not.
    let waiting = tokio::spawn(async move { asked(&mut client, "SELECT id FROM vv").await });
    assert_eq!(asked(&mut holder, "ROLLBACK").await, "C(ROLLBACK) Z(I)");
    assert_eq!(waiting.await.unwrap(), "T(id) C(SELECT 0) Z(I)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalogue_that_was_read_holds_whatever_others_lock() {
    let database = "locked_warm";
    let (house, direct) = house(database).await;
    let mut client = Client::log_in_to(house.address, database).await;
    let served = "T(id) C(SELECT 0) Z(I)";
    assert_eq!(asked(&mut client, "SELECT id FROM vv").await, served);
    let mut holder = holder(direct, database, "TRUNCATE t; DROP VIEW vv").await;

    // A name that is not there has it looked at again: nothing was committed since.
    let missing = asked(&mut client, "SELECT 1 FROM nosuch").await;
    assert!(missing.starts_with("E(42"), "{missing}");
    let mut other = Client::log_in_to(house.address, database).await;
    assert_eq!(asked(&mut other, "SELECT id FROM w").await, served);

    // The server has it wait, as without us.
    asked(&mut other, "SET statement_timeout = '300ms'").await;
    for text in ["SELECT id FROM vv", "SELECT id FROM t"] {
        let told = asked(&mut other, text).await;
        let expected = "E(57014: canceling statement due to statement timeout) Z(I)";
        assert_eq!(told, expected, "{text}");
    }
    assert_eq!(asked(&mut holder, "ROLLBACK").await, "C(ROLLBACK) Z(I)");
    assert_eq!(asked(&mut other, "SELECT id FROM vv").await, served);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_alter_different_tables_at_once_do_not_end_each_other() {
    let database = "locked_both";
    let (house, _) = house(database).await;
    let mut one = Client::log_in_to(house.address, database).await;
    let mut two = Client::log_in_to(house.address, database).await;
    for (client, table) in [(&mut one, "t"), (&mut two, "u")] {
        assert_eq!(asked(client, "BEGIN").await, "C(BEGIN) Z(T)");
        let alter = format!("ALTER TABLE {table} ADD COLUMN c int");
        assert_eq!(asked(client, &alter).await, "C(ALTER TABLE) Z(T)");
    }
    // Each reads what it alone can see yet, while the other holds what views look at.
    let own = |column: &str| format!("T({column}) C(SELECT 0) Z(T)");
    let (first, second) = tokio::join!(
        asked(&mut one, "SELECT c FROM t"),
        asked(&mut two, "SELECT c FROM u")
    );
    assert_eq!((first, second), (own("c"), own("c")));
    let other = asked(&mut one, "SELECT id FROM w").await;
    assert!(
        other.starts_with("E(42501") && other.ends_with("Z(T)"),
        "{other}"
    );
    for client in [&mut one, &mut two] {
        assert_eq!(asked(client, "COMMIT").await, "C(COMMIT) Z(I)");
    }
    let after = asked(&mut one, "SELECT vv.id, c FROM vv, t").await;
    assert_eq!(after, "T(id,c) C(SELECT 0) Z(I)");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_behind_a_session_takes_nothing_from_it() {
    let database = "locked_behind";
    let (house, direct) = house(database).await;
    let mut client = Client::log_in_to(house.address, database).await;
    assert_eq!(asked(&mut client, "BEGIN").await, "C(BEGIN) Z(T)");
    let alter = "ALTER TABLE t ADD COLUMN c int";
    assert_eq!(asked(&mut client, alter).await, "C(ALTER TABLE) Z(T)");
    let mut behind = Client::log_in_to(direct, database).await;
    let behind = tokio::spawn(async move { asked(&mut behind, "TRUNCATE t").await });
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock' \
                 AND database = (SELECT oid FROM pg_database WHERE datname = 'locked_behind')";
    while house.server.sql("postgres", waits) != "1" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    for (text, told) in [
        ("SELECT c FROM t", "T(c) C(SELECT 0) Z(T)"),
        ("SELECT id FROM vv", "T(id) C(SELECT 0) Z(T)"),
        ("COMMIT", "C(COMMIT) Z(I)"),
    ] {
        assert_eq!(asked(&mut client, text).await, told, "{text}");
    }
    assert_eq!(behind.await.unwrap(), "C(TRUNCATE TABLE) Z(I)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_statement_waits_for_what_another_session_locks() {
    let database = "locked_bound";
    let (house, direct) = house(database).await;
    let mut client = Client::log_in_to(house.address, database).await;
    let prepare = ["P s|SELECT id FROM vv", "S", "= 1"];
    assert_eq!(client.line(&prepare).await, "1 Z(I)");
    let mut holder = holder(direct, database, "LOCK TABLE t IN ACCESS EXCLUSIVE MODE").await;
    // Something was committed since the catalogue was read, so it is read again.
    assert_eq!(
        asked(&mut client, "CREATE TABLE made (a int)").await,
        "C(CREATE TABLE) Z(I)"
    );
    let run = ["B |s|", "E |0", "S", "= 1"];
    let told = client.line(&run).await;
    assert!(told.starts_with("E(42501"), "{told}");
    let waiting = tokio::spawn(async move { client.line(&run).await });
    assert_eq!(asked(&mut holder, "COMMIT").await, "C(COMMIT) Z(I)");
    assert_eq!(waiting.await.unwrap(), "2 C(SELECT 0) Z(I)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_transaction_that_holds_locks_is_seen_too() {
    let database = "locked_prepared";
    let (house, direct) = house(database).await;
    // Nobody is connected who holds these.
    let mut holder = holder(direct, database, "ALTER TABLE t ADD COLUMN c int").await;
    let told = asked(&mut holder, "PREPARE TRANSACTION 'locked'").await;
    assert_eq!(told, "C(PREPARE TRANSACTION) Z(I)");
    let mut client = Client::log_in_to(house.address, database).await;
    let served = asked(&mut client, "SELECT id FROM w").await;
    assert_eq!(served, "T(id) C(SELECT 0) Z(I)");
    let told = asked(&mut holder, "ROLLBACK PREPARED 'locked'").await;
    assert_eq!(told, "C(ROLLBACK PREPARED) Z(I)");
}

/// A session that is waiting for the lock of another one.
async fn waiting(house: &House, database: &str, text: &'static str) -> Waiting {
    let mut client = Client::log_in_to(house.address, database).await;
    // The catalogue is there: all that is waited for is the lock.
    let told = asked(&mut client, "SELECT id FROM u").await;
    assert_eq!(told, "T(id) C(SELECT 0) Z(I)");
    let key = client.key.clone().unwrap();
    let began = Instant::now();
    let answer = tokio::spawn(async move {
        let told = client.line(&[text, "= 1"]).await;
        (told, client)
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!answer.is_finished());
    Waiting { key, began, answer }
}

struct Waiting {
    key: (u32, Vec<u8>),
    began: Instant,
    answer: tokio::task::JoinHandle<(String, Client)>,
}

impl Waiting {
    /// What it was told, long before the wait for others would have been over.
    async fn told(self) -> (String, Client) {
        let told = self.answer.await.unwrap();
        assert!(self.began.elapsed() < Duration::from_millis(1500));
        told
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_others_is_cancelled_killed_and_locked_out_at_once() {
    let database = "locked_ended";
    let (house, direct) = house(database).await;
    let _holder = holder(direct, database, "ALTER TABLE t ADD COLUMN c int").await;
    let cancelled = "E(57014: the operation was cancelled) Z(I)";
    for text in ["Q SELECT id FROM vv", "Q INSERT INTO t VALUES (1)"] {
        let waits = waiting(&house, database, text).await;
        cancel(house.address, waits.key.0, &waits.key.1).await;
        let (told, mut client) = waits.told().await;
        assert_eq!(told, cancelled, "{text}");
        let after = asked(&mut client, "SELECT id FROM w").await;
        assert_eq!(after, "T(id) C(SELECT 0) Z(I)");
    }
    let waits = waiting(&house, database, "Q SELECT id FROM vv").await;
    kill_all(&house).await;
    assert_eq!(waits.told().await.0, KILLED);

    let waits = waiting(&house, database, "Q SELECT id FROM vv").await;
    house.edit_terms(Terms {
        lockdown: true,
        ..terms()
    });
    let (told, _) = waits.told().await;
    assert!(
        told.starts_with("E(") && told.ends_with(" closed"),
        "{told}"
    );
    assert!(told.contains("has locked this connection down"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_statement_that_waits_for_others_is_cancelled_at_once() {
    let database = "locked_parsed";
    let (house, direct) = house(database).await;
    let _holder = holder(direct, database, "ALTER TABLE t ADD COLUMN c int").await;
    let mut client = Client::log_in_to(house.address, database).await;
    asked(&mut client, "SELECT id FROM u").await;
    let (pid, key) = client.key.clone().unwrap();
    let began = Instant::now();
    let script = ["P |SELECT id FROM vv", "B ||", "E |0", "S", "= 1"];
    let answer = tokio::spawn(async move {
        let told = client.line(&script).await;
        (told, asked(&mut client, "SELECT id FROM w").await)
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    cancel(house.address, pid, &key).await;
    let (told, after) = answer.await.unwrap();
    assert_eq!(told, "E(57014: the operation was cancelled) Z(I)");
    assert_eq!(after, "T(id) C(SELECT 0) Z(I)");
    assert!(began.elapsed() < Duration::from_millis(1500));
}

/// Everything passes, and `t.a` is masked.
async fn masked_house(database: &str) -> (House, SocketAddr) {
    let (house, direct) = house(database).await;
    house.server.sql(
        database,
        "INSERT INTO t VALUES (7, 'canary'); INSERT INTO u VALUES (7);
         CREATE VIEW shown AS SELECT id, a FROM t;
         CREATE VIEW renamed AS SELECT id, a AS word FROM shown;
         CREATE FUNCTION told() RETURNS text LANGUAGE sql STABLE
             BEGIN ATOMIC; SELECT a FROM t; END;",
    );
    let rule = masks_of(&["public.t.a".to_owned()], Predicates::Equality);
    house.edit_masked(vec![open_policy()], vec![rule]);
    (house, direct)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_another_session_changes_shows_nothing_that_is_masked() {
    let texts = [
        "SELECT a FROM shown",
        "SELECT word FROM renamed",
        "SELECT * FROM renamed",
        "SELECT renamed FROM renamed",
        "SELECT upper(word) FROM renamed",
        "SELECT told()",
        "COPY (SELECT word FROM renamed) TO STDOUT",
        "CREATE TEMP TABLE taken AS SELECT word FROM renamed; SELECT * FROM taken",
    ];
    let changes = [
        "ALTER TABLE t ADD COLUMN c int",
        "CREATE OR REPLACE VIEW shown AS SELECT id, a FROM t WHERE id > 0; \
         LOCK TABLE renamed IN ACCESS EXCLUSIVE MODE",
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let database = format!("locked_masked_{at}");
        let (house, direct) = masked_house(&database).await;
        let mut holder = holder(direct, &database, change).await;
        let mut answers = Vec::new();
        for text in texts {
            // Each has seen nothing of the database but what is not locked.
            let mut client = Client::log_in_to(house.address, &database).await;
            answers.push(tokio::spawn(async move {
                let before = asked(&mut client, "SELECT id FROM u").await;
                assert_eq!(before, "T(id) D(7) C(SELECT 1) Z(I)");
                (text, asked(&mut client, text).await)
            }));
        }
        // All of them have been judged, as long as that may take; what passed waits at the server.
        tokio::time::sleep(Duration::from_millis(3500)).await;
        assert_eq!(asked(&mut holder, "COMMIT").await, "C(COMMIT) Z(I)");
        for answer in answers {
            let (text, told) = answer.await.unwrap();
            assert!(
                !told.to_lowercase().contains("canary"),
                "{change}: {text}: {told}"
            );
            let is_answered = ["E(", "redacted", "NULL", "\\N"]
                .iter()
                .any(|word| told.contains(word));
            assert!(
                is_answered && told.ends_with("Z(I)"),
                "{change}: {text}: {told}"
            );
        }
        // Nothing is held against them once it has ended.
        let mut client = Client::log_in_to(house.address, &database).await;
        let told = asked(&mut client, "SELECT word FROM renamed").await;
        assert_eq!(told, "T(word) D([redacted]) C(SELECT 1) Z(I)", "{change}");
    }
}
