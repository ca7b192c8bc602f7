//! Functions that cannot be read, and what somebody says of them.

use std::time::{Duration, Instant};

use crate::run::Run;
use crate::talk::{Client, shape, words};

const POLICY: &str = "
apiVersion: portcullis.dev/v1alpha1
kind: GuardrailPolicy
metadata: {name: rules, namespace: shop}
spec:
  targetRefs: [{name: orders}]
  default: Deny
  rules:
    - {name: use, match: {effects: [Read, Write, Define, Session]}, action: Allow}
    - {name: kept, match: {effects: [Write], resources: ['table:rv.kept']}, action: Deny, message: kept}
";

const TABLES: &str = "
CREATE SCHEMA rv;
CREATE TABLE rv.notes (id int, at timestamptz);
CREATE TABLE rv.kept (id int);
CREATE FUNCTION rv.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.at := now(); RETURN NEW; END';
CREATE TRIGGER stamp BEFORE INSERT ON rv.notes FOR EACH ROW EXECUTE FUNCTION rv.stamp();
";

/// Tries a statement until the answer has this shape, for as long as an edit may take.
async fn until(client: &mut Client, text: &str, wanted: &str) -> String {
    let begun = Instant::now();
    loop {
        let answer = client.query(text).answer().await;
        if shape(&answer) == wanted || begun.elapsed() > Duration::from_secs(10) {
            assert_eq!(shape(&answer), wanted, "{}", words(&answer, b'E'));
            return words(&answer, b'E');
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_lets_a_trigger_run_for_as_long_as_it_is_what_was_read() {
    let run = Run::start("carol", POLICY);
    run.server.sql("postgres", TABLES);
    let mut client = Client::log_in(run.address()).await;
    let insert = "INSERT INTO rv.notes (id) VALUES (1)";
    let answer = client.query(insert).answer().await;
    let error = words(&answer, b'E');
    let hash =
        "SELECT encode(sha256(convert_to(pg_get_functiondef('rv.stamp'::regproc), 'UTF8')), 'hex')";
    let hash = run.server.sql("postgres", hash);
    assert!(
        error.contains("42501") && error.contains(&format!("rv.stamp has the definition {hash}"))
    );
    assert!(error.contains("spec.reviewedFunctions"), "{error}");
    // A review of something else reviews nothing.
    let other = "0".repeat(64);
    run.edit_class(&format!(
        "reviewedFunctions: [{{name: rv.stamp, sha256: '{other}'}}]"
    ));
    until(&mut client, insert, "EZ").await;
    run.edit_class(&format!(
        "reviewedFunctions: [{{name: rv.stamp, sha256: {hash}}}]"
    ));
    until(&mut client, insert, "CZ").await;
    assert_eq!(
        run.server.sql("postgres", "SELECT count(at) FROM rv.notes"),
        "1"
    );
    // What it is said to write counts.
    run.edit_class(&format!(
        "reviewedFunctions: [{{name: rv.stamp, sha256: {hash}, writes: [rv.kept]}}]"
    ));
    let error = until(&mut client, insert, "EZ").await;
    assert!(
        error.contains("kept") && !error.contains("was not reviewed"),
        "{error}"
    );
    run.edit_class(&format!(
        "reviewedFunctions: [{{name: '\"rv\".\"stamp\"', sha256: {hash}, reads: [rv.kept]}}]"
    ));
    until(&mut client, insert, "CZ").await;
    // Another definition under the same name is nobody's review, also before it is committed.
    let made = "BEGIN; CREATE OR REPLACE FUNCTION rv.stamp() RETURNS trigger LANGUAGE plpgsql AS \
                'BEGIN INSERT INTO rv.kept VALUES (7); RETURN NEW; END'";
    let answer = client.query(made).answer().await;
    assert_eq!(shape(&answer), "CCZ");
    until(&mut client, insert, "EZ").await;
    client.query("COMMIT").answer().await;
    until(&mut client, insert, "EZ").await;
    assert_eq!(
        run.server.sql("postgres", "SELECT count(*) FROM rv.kept"),
        "0"
    );
    // A review that is taken back reaches sessions that are open.
    let again = "CREATE OR REPLACE FUNCTION rv.stamp() RETURNS trigger LANGUAGE plpgsql AS \
                 'BEGIN NEW.at := now(); RETURN NEW; END'";
    client.query(again).answer().await;
    until(&mut client, insert, "CZ").await;
    run.edit_class("");
    until(&mut client, insert, "EZ").await;
}
