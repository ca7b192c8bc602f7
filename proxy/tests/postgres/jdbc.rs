//! What PostgreSQL's JDBC driver does as no other: said message by message, and by the driver itself.

use portcullis_policy::{Action, DefaultAction, Effect, Policy};

use crate::bed::{policy, rule};
use crate::house::House;
use crate::talk::{Client, shape, words};

/// What cannot be told does not pass.
fn reads_and_writes() -> Policy {
    let known = [Effect::Read, Effect::Write, Effect::Session];
    let allow = rule("known", &known, Action::Allow);
    policy("known-only", DefaultAction::Deny, vec![allow])
}

const SCHEMA: &str = "
CREATE TABLE rows (id int PRIMARY KEY);
CREATE FUNCTION add(int, int) RETURNS int LANGUAGE sql AS 'SELECT $1 + $2';
CREATE FUNCTION chosen(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION chosen() RETURNS int LANGUAGE plpgsql AS 'BEGIN DELETE FROM rows; RETURN 2; END';
INSERT INTO rows VALUES (1);
";

async fn house(database: &str) -> House {
    let server = crate::server::shared();
    server.sql("postgres", &format!("CREATE DATABASE {database}"));
    server.sql(database, SCHEMA);
    House::open_on(database, vec![reads_and_writes()]).await
}

const VOID: u32 = 2278;
const INT4: u32 = 23;

/// Parse with these types, Bind with NULL for `void` and `2` for all else, Execute, Sync.
fn typed<'c>(client: &'c mut Client, text: &str, types: &[u32]) -> &'c mut Client {
    let mut parse = [b"\0", text.as_bytes(), b"\0"].concat();
    let mut bind = b"\0\0\0\0".to_vec();
    let count = u16::try_from(types.len()).unwrap().to_be_bytes();
    parse.extend(count);
    bind.extend(count);
    for of in types {
        parse.extend(of.to_be_bytes());
        match *of {
            VOID => bind.extend((-1_i32).to_be_bytes()),
            _ => bind.extend([0, 0, 0, 1, b'2']),
        }
    }
    bind.extend([0, 0]);
    client
        .say(b'P', &[&parse])
        .say(b'B', &[&bind])
        .execute(0)
        .sync()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_function_returns_may_be_given_as_a_parameter() {
    let house = house("jdbc_calls").await;
    let mut client = Client::log_in_to(house.address, "jdbc_calls").await;
    let call = "select * from add($1,$2,$3) as result";
    let answer = typed(&mut client, call, &[VOID, INT4, INT4]).answer().await;
    assert_eq!(shape(&answer), "12DCZ", "{}", words(&answer, b'E'));
    assert!(words(&answer, b'D').ends_with('4'), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_the_server_leaves_out_hides_no_other_function() {
    let house = house("jdbc_hidden").await;
    let mut client = Client::log_in_to(house.address, "jdbc_hidden").await;
    for (text, types) in [
        ("SELECT chosen($1)", &[VOID][..]),
        ("SELECT * FROM chosen($1) AS result", &[VOID]),
        ("SELECT $1::void, chosen($1)", &[0]),
        ("SELECT chosen($1::void)", &[0]),
        ("SELECT coalesce(pg_sleep(0), $1), chosen($1)", &[0]),
    ] {
        let answer = typed(&mut client, text, types).answer().await;
        let told = words(&answer, b'E');
        assert!(told.contains("42501"), "{text}: {} {told}", shape(&answer));
    }
    let prepared = "PREPARE p (void) AS SELECT chosen($1); EXECUTE p (NULL)";
    let answer = client.query(prepared).answer().await;
    assert_eq!(shape(&answer), "EZ", "{}", words(&answer, b'E'));
    // Nothing of it ran.
    let left = house.server.sql("jdbc_hidden", "SELECT count(*) FROM rows");
    assert_eq!(left, "1");
    let answer = client.query("SELECT chosen(1)").answer().await;
    assert_eq!(shape(&answer), "TDCZ", "{}", words(&answer, b'E'));
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_a_statement_ahead_of_the_next_leaves_its_meaning_known() {
    let house = house("jdbc_closes").await;
    let mut client = Client::log_in_to(house.address, "jdbc_closes").await;
    for _ in 0..2 {
        client.say(b'P', &[b"s\0INSERT INTO rows VALUES (1)\0\0\0"]);
        let failed = client.bind("s", &[]).execute(0).sync().answer().await;
        assert!(words(&failed, b'E').contains("23505"));
        // All in one go, as the driver sends it.
        client.say(b'C', &[b"Ss\0"]);
        let answer = client.run("SELECT count(*) FROM rows", &[]).sync();
        let answer = answer.answer().await;
        assert_eq!(shape(&answer), "312DCZ", "{}", words(&answer, b'E'));
    }
}
