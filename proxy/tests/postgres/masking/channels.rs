//! Errors, notices and notifications.

use super::Masked;

#[tokio::test(flavor = "multi_thread")]
async fn errors_keep_their_code_and_lose_what_may_quote_a_value() {
    let masked = Masked::open().await;
    for (text, code) in [
        ("SELECT pin, 1 / (id - 1) FROM people", "22012"),
        (
            "INSERT INTO people (id, ssn) SELECT 9, 'ca' || 'nary-1'",
            "23505",
        ),
        (
            "INSERT INTO people (id, name, pin) VALUES (NULL, 'x', 5)",
            "23502",
        ),
    ] {
        let (_, error) = masked.psql(&format!("{text};\n")).await;
        assert!(
            error.contains(&format!("ERROR:  {code}: the message is masked")),
            "{text}\n{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_hold_no_value_are_told_as_they_are() {
    let masked = Masked::open().await;
    for (text, message) in [
        (
            "SELECT nothing FROM people",
            "column \"nothing\" does not exist",
        ),
        ("CALL nothing()", "procedure nothing() does not exist"),
        (
            "SELECT nothing(id) FROM people",
            "function nothing(integer) does not exist",
        ),
        (
            "SELECT 'a'::int",
            "invalid input syntax for type integer: \"a\"",
        ),
        (
            "INSERT INTO orders VALUES (1, 1, 'x')",
            "Key (id)=(1) already exists.",
        ),
    ] {
        let (_, error) = masked.psql(&format!("{text};\n")).await;
        assert!(error.contains(message), "{text}\n{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_and_payloads_are_masked() {
    let masked = Masked::open().await;
    let (_, error) = masked.psql("SELECT shouts(1);\n").await;
    assert!(
        error.contains("NOTICE:  00000: the message is masked"),
        "{error}"
    );
    let script = format!(
        "LISTEN x;\nSELECT 1;\n\\! psql -X -q -h {} -c \"NOTIFY x, 'canary'\" postgres\nSELECT 2;\n",
        "127.0.0.1 -p $DIRECT -U trusted"
    );
    let port = masked.house.server.port.to_string();
    let (out, _) = masked.house.psql_with(&script, &[("DIRECT", &port)]).await;
    assert!(out.contains("with payload \"[redacted]\""), "{out}");
    assert_eq!(super::leak(out.as_bytes()), None, "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_comes_with_commit_is_masked_as_the_statement_before_it() {
    let masked = Masked::open().await;
    masked.direct(
        "CREATE TABLE late (ssn text REFERENCES people (ssn) DEFERRABLE INITIALLY DEFERRED, id int)",
    );
    let script = "BEGIN;\nSELECT count(*) FROM people;\nINSERT INTO late VALUES ('not there');\nCOMMIT;\nSELECT 'on';\n";
    let (out, error) = masked.psql(script).await;
    assert_eq!(out, "4\non");
    assert!(
        error.contains("ERROR:  23503: the message is masked"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_holds_what_the_client_saw() {
    let masked = Masked::open().await;
    masked
        .psql("SELECT id, ssn FROM people WHERE id = 1;\nCOPY people TO STDOUT;\n")
        .await;
    let mut shown = Vec::new();
    let mut counted = 0;
    for event in masked.house.bed.record() {
        match event {
            portcullis_recording::event::Body::Output(output) => shown.extend(output.data),
            portcullis_recording::event::Body::OperationEnded(ended) => {
                counted += usize::from(ended.attributes.contains_key("maskedValues"));
            }
            _ => {}
        }
    }
    assert_eq!(super::leak(&shown), None);
    let holds = |text: &[u8]| shown.windows(text.len()).any(|window| window == text);
    assert!(holds(b"[redacted]") && holds(b"ann"));
    assert_eq!(counted, 2);
}
