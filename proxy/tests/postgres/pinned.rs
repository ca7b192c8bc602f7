//! The second wall of whoever may only read: it stands again before the next statement.

use portcullis_policy::{Action, DefaultAction, Effect};

use crate::bed::{open_policy, policy, rule};
use crate::client::{Client, Message, rows, tags};
use crate::house::House;

const SHOW: &str = "SHOW transaction_read_only";

fn value(messages: &[Message]) -> String {
    let rows = rows(messages);
    String::from_utf8(rows[0][0].clone().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wall_that_was_taken_down_stands_again() {
    let reads = rule("reads", &[Effect::Read, Effect::Session], Action::Allow);
    let reads = policy("reads", DefaultAction::Deny, vec![reads]);
    let house = House::open(vec![reads]).await;
    let mut client = Client::open(&house, "public").await;
    for text in [
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "SET default_transaction_read_only = off",
        "SELECT set_config('default_transaction_read_only', 'off', false)",
        "RESET ALL",
        "DISCARD ALL",
    ] {
        let answer = client.query(text).await;
        assert!(!tags(&answer).contains('E'), "{text} {answer:?}");
        assert_eq!(value(&client.query(SHOW).await), "on", "{text}");
    }
    for begin in [
        "BEGIN READ WRITE",
        "START TRANSACTION READ WRITE",
        "BEGIN; SET TRANSACTION READ WRITE",
    ] {
        assert!(!tags(&client.query(begin).await).contains('E'), "{begin}");
        assert_eq!(value(&client.query(SHOW).await), "on", "{begin}");
        let answer = client.query("SELECT 1").await;
        assert_eq!(tags(&answer), "TDCZ");
        assert_eq!(answer[3].1, b"T");
        client.query("COMMIT").await;
    }
    client
        .parse("", "BEGIN READ WRITE")
        .bind("", "", 0)
        .execute("", 0);
    client.sync().await;
    client.parse("", SHOW).bind("", "", 0).execute("", 0);
    assert_eq!(value(&client.sync().await), "on");
    client.query("ROLLBACK").await;
    assert_eq!(value(&client.query(SHOW).await), "on");
    // Who may write is left alone.
    let house = House::open(vec![open_policy()]).await;
    let mut client = Client::open(&house, "public").await;
    assert_eq!(value(&client.query(SHOW).await), "off");
    client.query("BEGIN READ WRITE").await;
    assert_eq!(value(&client.query(SHOW).await), "off");
}
