//! Tables that are not there, or only since a moment ago.

use portcullis_dialect::postgres::wire::write;

use super::{Masked, leak};
use crate::client::{Client, tags};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_name_is_told_in_the_words_of_the_server() {
    let masked = Masked::open().await;
    for text in [
        "SELECT * FROM nothing",
        "SELECT 1 FROM nowhere.nothing WHERE false",
        "WITH c AS (SELECT id FROM nothing) SELECT * FROM c",
        "SELECT p.ssn FROM people p JOIN nothing n ON n.id = p.id",
        "EXPLAIN SELECT * FROM nothing",
        "DECLARE c CURSOR FOR SELECT * FROM nothing",
        "INSERT INTO nothing VALUES (1) ON CONFLICT DO NOTHING",
        "INSERT INTO logs SELECT a FROM nothing",
        "UPDATE nothing SET a = b WHERE id = 1 RETURNING *",
        "DELETE FROM nothing WHERE id = 1",
        "DROP TABLE nothing",
        "COMMENT ON TABLE nothing IS 'x'",
    ] {
        let (_, error) = masked.psql(&format!("{text};\n")).await;
        let told = "ERROR:  42P01: relation \"nothing\" does not exist";
        let told = match text {
            _ if text.contains("nowhere") => told.replace("nothing", "nowhere.nothing"),
            "DROP TABLE nothing" => "ERROR:  42P01: table \"nothing\" does not exist".to_owned(),
            _ => told.to_owned(),
        };
        assert!(error.contains(&told), "{text}\n{error}");
    }
    let script = "DROP TABLE IF EXISTS nothing;\nBEGIN;\nSELECT * FROM nothing;\nSELECT 1;\nROLLBACK;\nSELECT 'on';\n";
    let (out, error) = masked.psql(script).await;
    assert_eq!(out, "on");
    assert!(
        error.contains("table \"nothing\" does not exist, skipping"),
        "{error}"
    );
    // The transaction failed, as it does without us.
    assert!(error.contains("ERROR:  25P02"), "{error}");
    let mut client = Client::open(&masked.house, &masked.schema).await;
    client
        .parse("", "SELECT * FROM nothing")
        .bind("", "", 0)
        .execute("", 0);
    let answer = client.sync().await;
    assert_eq!(tags(&answer), "EZ");
    assert!(String::from_utf8_lossy(&answer[0].1).contains("C42P01"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_just_made_is_known() {
    let masked = Masked::open().await;
    let script = "CREATE TEMP TABLE mine (a int);\nINSERT INTO mine VALUES (7);\nSELECT a FROM mine;\n\
                  DROP TABLE mine;\nSELECT a FROM mine;\n";
    let (out, error) = masked.psql(script).await;
    // Masked subjects define nothing that could show a column.
    assert!(error.contains("CREATE TABLE is not allowed"), "{error}");
    assert_eq!(out, "");
    // Made past us, and used by a session that is open.
    let mut client = Client::open(&masked.house, &masked.schema).await;
    assert_eq!(tags(&client.query("SELECT 1").await), "TDCZ");
    masked.direct("CREATE TABLE late AS SELECT 5 AS five");
    // The catalogue is read again at most each second, and on a busy machine less often.
    let begun = std::time::Instant::now();
    let answer = loop {
        let answer = client.query("SELECT five FROM late").await;
        if tags(&answer) == "TDCZ" {
            break answer;
        }
        assert!(begun.elapsed().as_secs() < 30, "{answer:?}");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    };
    assert!(answer[1].1.ends_with(b"5"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_comes_to_be_between_a_look_and_the_statement_shows_nothing() {
    let masked = Masked::open().await;
    let mut client = Client::open(&masked.house, &masked.schema).await;
    assert_eq!(tags(&client.query("SELECT 1").await), "TDCZ");
    masked.direct("CREATE VIEW late AS SELECT ssn AS s FROM people");
    // Behind something that is not answered yet nothing is looked up again.
    for text in [
        "SELECT s FROM late",
        "SELECT count(*) FROM late WHERE s LIKE 'c%'",
        "INSERT INTO logs SELECT s FROM late",
        "DELETE FROM late",
    ] {
        client.parse("", "SELECT 1");
        write::query(&mut client.out, text.as_bytes());
        client.send().await;
        let answer = client.until('Z').await;
        assert_eq!(tags(&answer), "1EZ", "{text} {answer:?}");
        let told = String::from_utf8_lossy(&answer[1].1).into_owned();
        assert!(
            told.contains("C42501") && told.contains("MaskImpossible"),
            "{told}"
        );
        client
            .parse("", "SELECT 1")
            .parse("s", text)
            .bind("", "s", 0)
            .execute("", 0);
        let answer = client.sync().await;
        assert_eq!(tags(&answer), "11EZ", "{text} {answer:?}");
        client.parse("", "SELECT 1");
        write::close(
            &mut client.out,
            portcullis_dialect::postgres::wire::frontend::Target::Statement,
            b"s",
        );
        client.sync().await;
    }
    // What was read for its names is not left behind under the name of nothing.
    client.bind("", "", 0).execute("", 0);
    assert_eq!(tags(&client.sync().await), "2DCZ");
    assert_eq!(leak(&client.heard), None);
    assert_eq!(masked.direct("SELECT count(*) FROM logs"), "0");
    assert_eq!(masked.direct("SELECT count(*) FROM people"), "4");
}
