//! What another session holds locked: whoever uses something else never notices, and the sessions
//! that hold the locks come to no harm.

use std::net::SocketAddr;

use portcullis_policy::{Action, DefaultAction, Effect, Policy};

use crate::bed::{policy, rule};
use crate::house::House;
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
async fn house(database: &str) -> Option<(House, SocketAddr)> {
    let server = crate::server::shared()?;
    server.sql("postgres", &format!("CREATE DATABASE {database}"));
    server.sql(database, SCHEMA);
    let direct = SocketAddr::from(([127, 0, 0, 1], server.port));
    let house = House::open_on(database, vec![known_only()]).await?;
    Some((house, direct))
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
    let Some((house, direct)) = house(database).await else {
        return;
    };
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
    let Some((house, direct)) = house(database).await else {
        return;
    };
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
    let Some((house, _)) = house(database).await else {
        return;
    };
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
async fn a_prepared_transaction_that_holds_locks_is_seen_too() {
    let database = "locked_prepared";
    let Some((house, direct)) = house(database).await else {
        return;
    };
    // Nobody is connected who holds these.
    let mut holder = holder(direct, database, "ALTER TABLE t ADD COLUMN c int").await;
    let told = asked(&mut holder, "PREPARE TRANSACTION 'locked'").await;
    if told.contains("55000") {
        return eprintln!("skipped: the server has no room for prepared transactions");
    }
    let mut client = Client::log_in_to(house.address, database).await;
    let served = asked(&mut client, "SELECT id FROM w").await;
    assert_eq!(served, "T(id) C(SELECT 0) Z(I)");
    let told = asked(&mut holder, "ROLLBACK PREPARED 'locked'").await;
    assert_eq!(told, "C(ROLLBACK PREPARED) Z(I)");
}
