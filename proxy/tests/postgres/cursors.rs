//! Cursors that were open before an edit, and rows of several FETCHes.

use portcullis_policy::{Action, DefaultAction, Match, OnExceed, Policy, ResourcePattern, Rule};

use portcullis_policy::mask::Predicates;

use crate::bed::{open_policy, policy, rule};
use crate::client::{Client, Message, tags};
use crate::house::{House, rows};
use crate::masking::Masked;

fn without_secrets() -> Policy {
    let rule = Rule {
        matching: Match {
            resources: vec![ResourcePattern::parse("table:*.secrets").unwrap()],
            ..Match::default()
        },
        ..rule("secrets", &[], Action::Deny)
    };
    policy("closed", DefaultAction::Allow, vec![rule])
}

fn told(messages: &[Message]) -> String {
    let bodies = messages
        .iter()
        .map(|(_, body)| String::from_utf8_lossy(body));
    bodies.collect()
}

async fn open(schema: &str) -> (House, Client) {
    let house = House::open(vec![open_policy()]).await;
    let tables = format!(
        "CREATE SCHEMA {schema}; SET search_path = {schema}; CREATE TABLE secrets (a int); \
         CREATE TABLE plain (a int); INSERT INTO secrets SELECT generate_series(1, 9); \
         INSERT INTO plain SELECT generate_series(1, 9); \
         CREATE FUNCTION opens() RETURNS refcursor LANGUAGE plpgsql AS \
         'DECLARE seen refcursor := ''seen''; BEGIN OPEN seen FOR SELECT * FROM secrets; RETURN seen; END'"
    );
    house.server.sql("postgres", &tables);
    let client = Client::open(&house, schema).await;
    (house, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deny_reaches_cursors_that_are_open() {
    let (house, mut client) = open("c0").await;
    client.query("BEGIN").await;
    client
        .query("DECLARE bad CURSOR FOR SELECT a FROM secrets")
        .await;
    client
        .query("DECLARE good CURSOR FOR SELECT a FROM plain")
        .await;
    client.query("SELECT opens()").await;
    client.query("SAVEPOINT s").await;
    client
        .parse("f", "FETCH 1 FROM bad")
        .parse("p", "SELECT a FROM secrets");
    client.bind("portal", "p", 0).execute("portal", 1);
    assert_eq!(tags(&client.sync().await), "112DsZ");
    for name in ["bad", "good", "seen", "portal"] {
        let answer = client.query(&format!("FETCH 1 FROM {name}")).await;
        assert_eq!(tags(&answer), "TDCZ", "{name}");
    }
    house.edit(vec![without_secrets()]);
    for text in [
        "FETCH 1 FROM bad",
        "FETCH 1 FROM seen",
        "FETCH 1 FROM portal",
        "MOVE ALL FROM bad",
    ] {
        let answer = client.query(text).await;
        assert_eq!(tags(&answer), "EZ", "{text} {}", told(&answer));
        assert!(told(&answer).contains("C42501"), "{text}");
    }
    client.bind("", "f", 0).execute("", 0);
    let answer = client.sync().await;
    assert!(tags(&answer).starts_with('E') && told(&answer).contains("C42501"));
    client.execute("portal", 1);
    let answer = client.sync().await;
    assert!(tags(&answer).starts_with('E') && told(&answer).contains("C42501"));
    // What the rule does not concern goes on, but for code that may have opened anything.
    let answer = client.query("FETCH 1 FROM good").await;
    assert!(told(&answer).contains("C42501"), "{}", told(&answer));
    assert_eq!(tags(&client.query("CLOSE bad").await), "CZ");
    client.query("ROLLBACK").await;
    client.query("BEGIN").await;
    client
        .query("DECLARE bad CURSOR FOR SELECT a FROM plain")
        .await;
    assert_eq!(tags(&client.query("FETCH 1 FROM bad").await), "TDCZ");
    // The rule goes again, and so does what it refused.
    client.query("COMMIT").await;
    house.edit(vec![open_policy()]);
    client
        .query("DECLARE held CURSOR WITH HOLD FOR SELECT a FROM secrets")
        .await;
    house.edit(vec![without_secrets()]);
    assert_eq!(tags(&client.query("FETCH 1 FROM held").await), "EZ");
    house.edit(vec![open_policy()]);
    assert_eq!(tags(&client.query("FETCH 1 FROM held").await), "TDCZ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_reaches_cursors_that_are_open() {
    let masked = Masked::with(Predicates::Equality).await;
    masked.house.edit(vec![open_policy()]);
    let mut client = Client::open(&masked.house, &masked.schema).await;
    client.query("BEGIN").await;
    let text = "DECLARE c CURSOR FOR SELECT id FROM people WHERE ssn LIKE 'c%'";
    assert_eq!(tags(&client.query(text).await), "CZ");
    assert_eq!(tags(&client.query("FETCH 1 FROM c").await), "TDCZ");
    masked.mask(open_policy(), Predicates::Equality);
    let answer = client.query("FETCH 1 FROM c").await;
    assert_eq!(tags(&answer), "EZ");
    assert!(told(&answer).contains("the masks of this connection changed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_several_fetches_are_added_up() {
    let (house, mut client) = open("c1").await;
    house.edit(vec![rows(5, OnExceed::Truncate)]);
    client.query("BEGIN").await;
    client
        .query("DECLARE c CURSOR FOR SELECT a FROM plain")
        .await;
    let mut passed = Vec::new();
    for _ in 0..4 {
        let answer = client.query("FETCH 2 FROM c").await;
        passed.push(tags(&answer).matches('D').count());
        assert_eq!(
            told(&answer).contains("by the limit of 5 rows"),
            passed.len() > 2
        );
    }
    assert_eq!(passed, [2, 2, 1, 0]);
    // Another cursor counts for itself; one that is declared anew too.
    client.query("CLOSE c").await;
    client
        .query("DECLARE c CURSOR FOR SELECT a FROM plain")
        .await;
    assert_eq!(tags(&client.query("FETCH 5 FROM c").await), "TDDDDDCZ");
    // Portals that were bound before the first of them ran, in one pipeline.
    client
        .query("DECLARE d CURSOR FOR SELECT a FROM plain")
        .await;
    client
        .parse("f", "FETCH 3 FROM d")
        .bind("one", "f", 0)
        .bind("two", "f", 0);
    client.execute("one", 0).execute("two", 0);
    let answer = client.sync().await;
    assert_eq!(tags(&answer).matches('D').count(), 5, "{}", tags(&answer));
    client.query("COMMIT").await;
    house.edit(vec![rows(5, OnExceed::Error)]);
    client.query("BEGIN").await;
    client
        .query("DECLARE c CURSOR FOR SELECT a FROM plain")
        .await;
    assert_eq!(tags(&client.query("FETCH 5 FROM c").await), "TDDDDDCZ");
    let answer = client.query("FETCH 1 FROM c").await;
    assert!(told(&answer).contains("LimitExceeded"), "{}", told(&answer));
    // Pages of one portal.
    client.query("ROLLBACK").await;
    house.edit(vec![rows(5, OnExceed::Truncate)]);
    client.query("BEGIN").await;
    client.parse("", "SELECT a FROM plain").bind("p", "", 0);
    client.execute("p", 3).execute("p", 3).execute("p", 3);
    let answer = client.sync().await;
    assert_eq!(tags(&answer).matches('D').count(), 5, "{}", tags(&answer));
}
