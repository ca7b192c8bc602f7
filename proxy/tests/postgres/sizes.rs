//! The largest message: what is larger is refused by name, on either side, and the session goes on.

use portcullis_dialect::postgres::wire::write;
use portcullis_policy::mask::{MaskRule, Predicates};
use portcullis_proxy::session::ports::SessionBounds;

use crate::bed::Terms;
use crate::house::{House, terms};
use crate::masking::masks_of;
use crate::wire::Client;

const LIMIT: usize = 1 << 20;

const SERVED: &str = "T(?column?) D(1) C(SELECT 1) Z(I)";

/// From now on messages of this size pass.
fn limit(house: &House, limit: usize, masks: Vec<MaskRule>) {
    let terms = terms();
    house.edit_terms(Terms {
        masks,
        sessions: SessionBounds {
            max_message_size: limit,
            ..terms.sessions
        },
        ..terms
    });
}

async fn house() -> House {
    let house = House::open(Vec::new()).await;
    limit(&house, LIMIT, Vec::new());
    house
}

/// How a client is told of a message of its own.
fn too_large(bytes: usize) -> String {
    format!("E(54000: a message of {bytes} bytes is larger than is taken ({LIMIT} bytes))")
}

/// A Bind of so many bytes, of the unnamed statement with one parameter.
fn bind(bytes: usize) -> Vec<u8> {
    let mut out = Vec::new();
    write::message(&mut out, b'B', |out| {
        let value = vec![b'x'; bytes - 12];
        out.extend_from_slice(&[0, 0, 0, 0, 0, 1]);
        out.extend_from_slice(&u32::try_from(value.len()).unwrap().to_be_bytes());
        out.extend_from_slice(&value);
        out.extend_from_slice(&[0; 2]);
    });
    out
}

/// A message of this type and so many bytes.
fn filled(kind: u8, bytes: usize) -> Vec<u8> {
    let mut out = Vec::new();
    write::message(&mut out, kind, |out| out.resize(out.len() + bytes, b'x'));
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_the_largest_size_is_taken_and_one_byte_more_is_refused_by_name() {
    let house = house().await;
    let mut client = Client::log_in(house.address).await;
    let parse = "P |SELECT length($1::text)";
    client.line(&[parse, "S", "= 1"]).await;
    client.send(&bind(LIMIT)).await;
    let got = client.line(&["E |0", "S", "= 1"]).await;
    assert_eq!(got, format!("2 D({}) C(SELECT 1) Z(I)", LIMIT - 12));
    client.send(&bind(LIMIT + 1)).await;
    let got = client.line(&["E |0", "S", "= 1"]).await;
    assert_eq!(got, format!("{} Z(I)", too_large(LIMIT + 1)));
    // Whatever it would have meant.
    for kind in [b'P', b'D', b'E', b'C'] {
        client.send(&filled(kind, LIMIT + 1)).await;
        let got = client.line(&["S", "= 1"]).await;
        assert_eq!(got, format!("{} Z(I)", too_large(LIMIT + 1)), "{kind}");
    }
    for kind in [b'Q', b'F'] {
        client.send(&filled(kind, LIMIT + 1)).await;
        let got = client.line(&["Q SELECT 1", "= 2"]).await;
        let expected = format!("{} Z(I) {SERVED}", too_large(LIMIT + 1));
        assert_eq!(got, expected, "{kind}");
    }
    // In a transaction that is open it stays open.
    client.line(&["Q BEGIN", "= 1"]).await;
    client.send(&filled(b'Q', 3 * LIMIT)).await;
    let got = client.line(&["Q COMMIT", "= 2"]).await;
    let expected = format!("{} Z(T) C(COMMIT) Z(I)", too_large(3 * LIMIT));
    assert_eq!(got, expected);
    // A Bind, a Parse and two Queries are on record, without what was not read.
    let operations = house.bed.operations();
    let refused = operations.iter().filter(|one| one.decision == "deny");
    let texts: Vec<_> = refused.map(|one| one.operation.get("text")).collect();
    assert_eq!(texts, [Some(&"".into()); 4]);
    // An edit reaches sessions that are open.
    limit(&house, LIMIT + 1, Vec::new());
    client.line(&[parse, "S", "= 1"]).await;
    client.send(&bind(LIMIT + 1)).await;
    let got = client.line(&["E |0", "S", "= 1"]).await;
    assert!(
        got.starts_with("2 D(") && got.ends_with("C(SELECT 1) Z(I)"),
        "{got}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_have_no_content_end_the_session_where_they_have_one() {
    let house = house().await;
    for kind in [b'S', b'H', b'X', b'z'] {
        let mut client = Client::log_in(house.address).await;
        client.send(&filled(kind, LIMIT + 1)).await;
        let got = client.line(&["."]).await;
        assert!(
            got.starts_with("E(08P01: ") && got.ends_with(" closed"),
            "{kind}: {got}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_of_a_copy_that_is_too_large_fails_its_copy() {
    let house = house().await;
    let mut client = Client::log_in(house.address).await;
    client
        .line(&["Q CREATE TEMP TABLE large (a text)", "= 1"])
        .await;
    let simple = ["Q COPY large FROM STDIN", "~ G"];
    let extended = ["P |COPY large FROM STDIN", "B ||", "E |0", "S", "~ G"];
    for (script, end) in [
        (&simple[..], &["c", "= 1"][..]),
        (&extended[..], &["c", "S", "= 1"][..]),
    ] {
        for (bytes, rows) in [(LIMIT, Some("1")), (LIMIT + 1, None)] {
            client.line(&["Q TRUNCATE large", "= 1"]).await;
            client.line(script).await;
            let mut rows_sent = Vec::new();
            write::message(&mut rows_sent, b'd', |out| {
                out.extend_from_slice(b"first\n")
            });
            rows_sent.extend(filled(b'd', bytes));
            *rows_sent.last_mut().unwrap() = b'\n';
            client.send(&rows_sent).await;
            let got = client.line(end).await;
            let expected = match rows {
                Some(_) => "C(COPY 2) Z(I)".to_owned(),
                None => format!("{} Z(I)", too_large(bytes)),
            };
            assert_eq!(got, expected, "{script:?} {bytes}");
            let got = client.line(&["Q SELECT count(*) FROM large", "= 1"]).await;
            let there = if rows.is_some() { 2 } else { 0 };
            assert_eq!(got, format!("T(count) D({there}) C(SELECT 1) Z(I)"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_the_target_that_is_too_large_is_told_without_its_words() {
    let house = house().await;
    let mut client = Client::log_in(house.address).await;
    let raise =
        |level: &str| format!("Q DO $$BEGIN RAISE {level} '%', repeat('x', {LIMIT}); END$$");
    let got = client.line(&[&raise("NOTICE"), "= 1"]).await;
    assert_eq!(got, "C(DO) Z(I)");
    for (before, after) in [("I", "I"), ("T", "E")] {
        if before == "T" {
            client.line(&["Q BEGIN", "= 1"]).await;
        }
        let got = client.line(&[&raise("EXCEPTION"), "= 1"]).await;
        let is_told = got.starts_with("E(54000: the target told an error of ")
            && got.ends_with(&format!("more than is read ({LIMIT} bytes)) Z({after})"));
        assert!(is_told, "{got}");
    }
    assert_eq!(
        client.line(&["Q ROLLBACK", "= 1"]).await,
        "C(ROLLBACK) Z(I)"
    );
    // A row that nobody must read may be larger.
    let row = format!("Q SELECT repeat('x', {})", 3 * LIMIT);
    let got = client.line(&[&row, "= 1"]).await;
    assert_eq!(
        got,
        format!("T(repeat) D({} bytes) C(SELECT 1) Z(I)", 3 * LIMIT)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_masked_row_of_the_largest_size_is_shown_and_one_byte_more_is_not() {
    let house = House::open(Vec::new()).await;
    house.server.sql(
        "postgres",
        "DROP TABLE IF EXISTS large_rows; CREATE TABLE large_rows (ssn text, rest text)",
    );
    let rule = masks_of(&["public.large_rows.ssn".to_owned()], Predicates::Equality);
    limit(&house, LIMIT, vec![rule]);
    let mut client = Client::log_in(house.address).await;
    // Beside the values: their count and two lengths; in a COPY a tab and the end of the line.
    for (text, beside) in [
        ("SELECT ssn, rest FROM large_rows", 10),
        ("COPY large_rows TO STDOUT", 2),
    ] {
        for over in [0, 1] {
            let long = LIMIT - beside - "canary".len() + over;
            let fill = format!(
                "TRUNCATE large_rows; INSERT INTO large_rows VALUES ('canary', repeat('x', {long}))"
            );
            house.server.sql("postgres", &fill);
            let got = client.line(&[&format!("Q {text}"), "= 1"]).await;
            assert!(!got.contains("canary"), "{text}");
            match over {
                0 => assert!(got.contains("C(") && !got.contains("E("), "{text}: {over}"),
                _ => {
                    let told = format!(
                        "E(54000: a row of {} bytes is longer than is masked ({LIMIT} bytes)) Z(I)",
                        LIMIT + 1
                    );
                    assert!(
                        got.ends_with(&told),
                        "{text}: {}",
                        &got[..got.len().min(500)]
                    );
                }
            }
            assert_eq!(client.line(&["Q SELECT 1", "= 1"]).await, SERVED);
        }
    }
    house.server.sql("postgres", "DROP TABLE large_rows");
}
