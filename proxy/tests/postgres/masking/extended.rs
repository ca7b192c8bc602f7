//! The extended protocol: descriptions that the client did not ask for, formats, portals.

use super::{Masked, leak};
use crate::client::{Client, rows, tags};

const MASKED: Option<&[u8]> = Some(b"[redacted]");

async fn open() -> (Masked, Client) {
    let masked = Masked::open().await;
    let client = Client::open(&masked.house, &masked.schema).await;
    (masked, client)
}

fn values(row: &[Option<Vec<u8>>]) -> Vec<Option<&[u8]>> {
    row.iter().map(Option::as_deref).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_client_had_nobody_describe_are_masked() {
    let (_masked, mut client) = open().await;
    let text = "SELECT id, ssn, pin, ssn || '' FROM people WHERE id = 1";
    for format in [0, 1] {
        client.parse("", text).bind("", "", format).execute("", 0);
        let told = client.sync().await;
        assert_eq!(tags(&told), "12DCZ");
        let id: &[u8] = if format == 1 { &[0, 0, 0, 1] } else { b"1" };
        assert_eq!(values(&rows(&told)[0]), [Some(id), MASKED, None, MASKED]);
    }
    assert_eq!(leak(&client.heard), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_that_the_client_asks_for_comes_once() {
    let (_masked, mut client) = open().await;
    client
        .parse("s", "SELECT ssn FROM people ORDER BY id")
        .bind("p", "s", 0);
    client
        .describe("p")
        .execute("p", 1)
        .execute("p", 1)
        .execute("p", 0);
    let told = client.sync().await;
    assert_eq!(tags(&told), "12TDsDsDDCZ");
    let rows = rows(&told);
    assert_eq!([values(&rows[0])[0], values(&rows[2])[0]], [MASKED, None]);
    assert_eq!(leak(&client.heard), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn flushed_pipelines_and_interleaved_portals_keep_their_masks() {
    let (_masked, mut client) = open().await;
    client.parse(
        "a",
        "SELECT upper(ssn), upper(name) FROM people WHERE id < 3 ORDER BY id",
    );
    client.parse(
        "b",
        "SELECT upper(name), upper(ssn) FROM people WHERE id < 3 ORDER BY id",
    );
    client.bind("a", "a", 0).bind("b", "b", 0).flush();
    client.send().await;
    let mut told = client.until('2').await;
    told.extend(client.until('2').await);
    assert_eq!(tags(&told), "1122");
    client
        .execute("a", 1)
        .execute("b", 1)
        .execute("a", 1)
        .execute("b", 1);
    let told = client.sync().await;
    assert_eq!(tags(&told), "DsDsDsDsZ");
    let rows = rows(&told);
    for (at, name) in [(0, "ANN"), (1, "ANN"), (2, "BOB"), (3, "BOB")] {
        let name = Some(name.as_bytes());
        let expected = if at % 2 == 0 {
            [MASKED, name]
        } else {
            [name, MASKED]
        };
        assert_eq!(values(&rows[at]), expected);
    }
    assert_eq!(leak(&client.heard), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_in_a_pipeline_leave_the_answers_in_step() {
    let (_masked, mut client) = open().await;
    // The Bind fails, so its description never comes.
    client
        .parse("", "SELECT 1")
        .bind("p", "", 0)
        .bind("p", "", 0)
        .execute("p", 0);
    assert_eq!(tags(&client.sync().await), "12EZ");
    client
        .parse("", "SELECT pin, 1 / (id - 1) FROM people")
        .bind("", "", 0)
        .execute("", 0);
    assert_eq!(tags(&client.sync().await), "12EZ");
    client
        .parse("", "SELECT ssn FROM people ORDER BY ssn")
        .bind("", "", 0)
        .execute("", 0);
    assert_eq!(tags(&client.sync().await), "1EZ");
    client
        .parse("", "INSERT INTO logs VALUES ('a')")
        .bind("", "", 0)
        .execute("", 0);
    assert_eq!(tags(&client.sync().await), "12CZ");
    client
        .parse("", "COPY people (ssn) TO STDOUT")
        .bind("", "", 0)
        .execute("", 0);
    assert_eq!(tags(&client.sync().await), "12HdddcCZ");
    assert_eq!(leak(&client.heard), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursors_name_does_not_lend_its_mask_to_a_portal() {
    let (_masked, mut client) = open().await;
    client.query("BEGIN").await;
    client
        .query("DECLARE c CURSOR FOR SELECT name FROM people")
        .await;
    client
        .close("c")
        .parse("s", "SELECT upper(ssn) FROM people WHERE id = 1")
        .bind("c", "s", 0);
    assert_eq!(tags(&client.sync().await), "312Z");
    let told = client.query("FETCH ALL FROM c").await;
    assert_eq!(values(&rows(&told)[0]), [MASKED]);
    assert_eq!(leak(&client.heard), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_of_a_pipeline_are_known_to_what_follows_in_it() {
    let (_masked, mut client) = open().await;
    client.query("BEGIN").await;
    for text in [
        "DECLARE c CURSOR FOR SELECT upper(name), upper(ssn) FROM people ORDER BY id",
        "FETCH 1 FROM c",
    ] {
        client.parse("", text).bind("", "", 0).execute("", 0);
    }
    let told = client.sync().await;
    assert_eq!(tags(&told), "12C12DCZ");
    assert_eq!(values(&rows(&told)[0]), [Some(&b"ANN"[..]), MASKED]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_row_and_many_rows_are_masked_to_the_end() {
    let masked = Masked::open().await;
    masked.direct(
        "ALTER TABLE made ADD name text; \
         UPDATE made SET name = repeat('x', 5000000), ssn = repeat('canary', 500000)",
    );
    let mut client = Client::open(&masked.house, &masked.schema).await;
    let told = client.query("SELECT name, ssn, id FROM made").await;
    let row = &rows(&told)[0];
    let length = row[0].as_ref().unwrap().len();
    assert_eq!((length, row[1].as_deref()), (5_000_000, MASKED));
    let text = "SELECT p.ssn, g FROM generate_series(1, 100000) g, people p WHERE p.id = 2";
    let told = client.query(text).await;
    let rows = rows(&told);
    assert_eq!(rows.len(), 100_000);
    assert!(rows.iter().all(|row| row[0].as_deref() == MASKED));
    assert_eq!(leak(&client.heard), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_masked_comes_byte_for_byte() {
    let (masked, mut client) = open().await;
    let told = client
        .query("SELECT id, name, doc FROM people WHERE id < 3 ORDER BY id")
        .await;
    assert_eq!(tags(&told), "TDDCZ");
    let direct = masked.direct("SELECT encode(convert_to(string_agg(name, ',' ORDER BY id), 'UTF8'), 'escape') FROM people WHERE id < 3");
    let names: Vec<_> = rows(&told)
        .iter()
        .map(|row| row[1].clone().unwrap())
        .collect();
    assert_eq!(names.join(&b','), direct.as_bytes());
}
