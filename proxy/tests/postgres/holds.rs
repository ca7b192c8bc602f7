//! Operations that wait for people: the real binary, its socket, a real server.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::run::{Run, policy};
use crate::talk::{Client, count, shape, words};

fn holding(approval: &str) -> String {
    policy(&format!(
        "[{{name: writes, match: {{effects: [Write]}}, action: RequireApproval, approval: {approval}}}]"
    ))
}

fn table(run: &Run, name: &str) {
    run.server.sql(
        "postgres",
        &format!("DROP TABLE IF EXISTS {name}; CREATE TABLE {name} AS SELECT 1 AS a"),
    );
}

fn rows(run: &Run, name: &str) -> String {
    run.server
        .sql("postgres", &format!("SELECT count(*) FROM {name}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_operation_runs_once_it_is_approved_and_only_once() {
    let run = Run::start("carol", &holding("{wait: Hold, holdFor: 20s}"));
    table(&run, "held1");
    let mut client = Client::log_in(run.address()).await;
    client.query("SET search_path TO public").answer().await;
    client.query("DELETE FROM held1").send().await;
    let name = run.pending().await;
    let (tag, notice) = client.message().await.unwrap();
    let notice = String::from_utf8_lossy(&notice).into_owned();
    assert!(tag == b'N' && notice.contains(&name), "{notice}");
    assert!(notice.contains("portcullis approve"), "{notice}");
    assert!(
        notice.contains(&format!("`portcullis approvals show {name} --state DIR`")),
        "{notice}"
    );
    assert_eq!(rows(&run, "held1"), "1");
    let request = &run.requests()[0];
    assert_eq!(request["requester"], json!("agent"));
    assert_eq!(request["approvals"], json!("0/1"));
    assert!(request["summary"].as_str().unwrap().contains("DELETE"));
    let file = run
        .folder
        .path()
        .join(format!("state/approvals/{name}.yaml"));
    let file = std::fs::read_to_string(file).unwrap();
    assert!(file.contains("search_path = "), "{file}");
    assert!(!file.contains("row_security ="), "{file}");
    let shown = run.tell(&json!({"verb": "show", "name": name}));
    let operation = &shown["request"]["spec"]["operation"];
    assert_eq!(operation["verb"], json!("DELETE"), "{shown}");
    assert_eq!(operation["text"], json!("DELETE FROM held1"));
    let session = operation["attributes"]["session"].to_string();
    assert!(session.contains("search_path = "), "{shown}");

    let begun = Instant::now();
    let told = run.decide("approve", &name, "it is fine");
    assert_eq!(told, json!({"ok": true, "state": "Approved"}));
    let answer = client.until(b'Z').await;
    println!("resumed after {:?}", begun.elapsed());
    assert_eq!(words(&answer, b'C'), "DELETE 1 ");
    assert_eq!(rows(&run, "held1"), "0");
    assert_eq!(run.requests()[0]["state"], json!("Consumed"));

    // Used up: the same once more asks anew. Denied, with the reason.
    client.query("DELETE FROM held1").send().await;
    let again = run.pending().await;
    assert_ne!(again, name);
    run.decide("deny", &again, "not twice");
    let answer = client.until(b'Z').await;
    let error = words(&answer, b'E');
    assert!(
        error.contains("not twice") && error.contains("ApprovalDenied"),
        "{error}"
    );
    let answer = client.query("SELECT 1").answer().await;
    assert_eq!(shape(&answer), "TDCZ");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_edited_withdrawn_or_left_while_it_waits_does_not_run() {
    let hold = holding("{wait: Hold, holdFor: 20s}");
    let run = Run::start("carol", &hold);
    table(&run, "held2");
    // The policy becomes a Deny while it waits.
    let mut client = Client::log_in(run.address()).await;
    client.query("DELETE FROM held2").send().await;
    let name = run.pending().await;
    run.edit(&policy(
        "[{name: writes, match: {effects: [Write]}, action: Deny}]",
    ));
    tokio::time::sleep(Duration::from_millis(600)).await;
    run.decide("approve", &name, "");
    let answer = client.until(b'Z').await;
    assert!(words(&answer, b'E').contains("PolicyDenied"));
    run.edit(&hold);
    tokio::time::sleep(Duration::from_millis(600)).await;
    // The client leaves while it waits.
    client.query("DELETE FROM held2 WHERE a < 100").send().await;
    let name = run.pending().await;
    drop(client);
    let begun = Instant::now();
    let state = |name: &str| {
        let all = run.requests();
        let found = all.iter().find(|it| it["name"] == json!(name)).unwrap();
        found["state"].as_str().unwrap().to_owned()
    };
    while state(&name) != "Withdrawn" {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "a client that left withdraws"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(rows(&run, "held2"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reject_passes_after_approval_and_other_values_or_definitions_need_their_own() {
    let run = Run::start("carol", &holding("{wait: Reject}"));
    table(&run, "held3");
    let mut client = Client::log_in(run.address()).await;
    let text = "DELETE FROM held3 WHERE a = $1::int";
    let answer = client.run(text, &["1"]).sync().answer().await;
    assert!(words(&answer, b'E').contains("ApprovalRequired"));
    let first = run.pending().await;
    assert!(words(&answer, b'E').contains(&first));
    run.decide("approve", &first, "");
    // Another value.
    let answer = client.run(text, &["2"]).sync().answer().await;
    assert!(words(&answer, b'E').contains("ApprovalRequired"));
    // The table is another one.
    run.server
        .sql("postgres", "ALTER TABLE held3 ADD COLUMN b int DEFAULT 7");
    client.query("SET search_path TO public").answer().await;
    client.query("SET search_path TO DEFAULT").answer().await;
    let answer = client
        .query("CREATE TEMP TABLE voids_it (a int)")
        .answer()
        .await;
    assert_eq!(count(&answer, b'E'), 0);
    let answer = client.run(text, &["1"]).sync().answer().await;
    let error = words(&answer, b'E');
    assert!(error.contains("ApprovalRequired"), "{error}");
    let second = run.requests();
    let pending = second.iter().filter(|it| it["state"] == "Pending");
    let name = pending
        .map(|it| it["name"].as_str().unwrap())
        .find(|name| error.contains(name));
    let name = name.expect("a request of its own").to_owned();
    run.decide("approve", &name, "");
    // Under a name of its own, it is the same operation.
    client.say(b'P', &[b"named\0", text.as_bytes(), b"\0\0\0"]);
    let answer = client
        .bind("named", &["1"])
        .execute(0)
        .sync()
        .answer()
        .await;
    assert_eq!(
        words(&answer, b'C'),
        "DELETE 1 ",
        "{}",
        words(&answer, b'E')
    );
    let answer = client.run(text, &["1"]).sync().answer().await;
    assert!(words(&answer, b'E').contains("ApprovalRequired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_must_approve_where_two_are_asked_and_never_the_owner() {
    let run = Run::start("dave", &holding("{wait: Reject}"));
    table(&run, "held4");
    let mut client = Client::log_in(run.address()).await;
    client.query("DELETE FROM held4").answer().await;
    let name = run.pending().await;
    let told = run.decide("approve", &name, "my own");
    assert_eq!(told["ok"], json!(false), "{told}");
    let answer = client.query("DELETE FROM held4").answer().await;
    assert!(words(&answer, b'E').contains("ApprovalRequired"));
    // The server stops with the last that holds it, and the table with it.
    let _server = std::sync::Arc::clone(&run.server);
    drop(run);
    let run = Run::start("carol", &holding("{wait: Reject, required: 2}"));
    let mut client = Client::log_in(run.address()).await;
    client.query("DELETE FROM held4").answer().await;
    let name = run.pending().await;
    let told = run.decide("approve", &name, "");
    assert_eq!(told, json!({"ok": true, "state": "Pending"}));
    assert_eq!(run.requests()[0]["approvals"], json!("1/2"));
    let answer = client.query("DELETE FROM held4").answer().await;
    assert!(words(&answer, b'E').contains("ApprovalRequired"));
    assert_eq!(rows(&run, "held4"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_ends_with_its_time_and_a_written_transaction_never_waits() {
    let allow_insert = "[{name: d, match: {verbs: [DELETE]}, action: RequireApproval, \
                        approval: {wait: Hold, holdFor: 3s, grant: TimeBoxed, maxDuration: 60s}}]";
    let run = Run::start("carol", &policy(allow_insert));
    table(&run, "held5");
    let mut client = Client::log_in(run.address()).await;
    let begun = Instant::now();
    let answer = client.query("DELETE FROM held5").answer().await;
    let error = words(&answer, b'E');
    assert!(begun.elapsed() >= Duration::from_secs(3));
    let name = run.pending().await;
    assert!(
        error.contains("ApprovalRequired") && error.contains(&name),
        "{error}"
    );
    run.decide("approve", &name, "");
    // For as long as the time box lasts.
    for told in ["DELETE 1 ", "DELETE 0 "] {
        let answer = client.query("DELETE FROM held5").answer().await;
        assert_eq!(words(&answer, b'C'), told, "{}", words(&answer, b'E'));
    }
    client.query("BEGIN").answer().await;
    client.query("INSERT INTO held5 VALUES (5)").answer().await;
    let begun = Instant::now();
    let answer = client.query("DELETE FROM held5 WHERE a = 5").answer().await;
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert!(words(&answer, b'E').contains("ApprovalRequired"));
    assert_eq!(answer.last().unwrap().1, b"T");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_for_the_settings_that_it_was_asked_under() {
    let run = Run::start("carol", &holding("{wait: Reject}"));
    run.server.sql(
        "postgres",
        "DROP TABLE IF EXISTS held6; CREATE TABLE held6 AS SELECT date '2024-01-02' AS d
         UNION ALL SELECT date '2024-02-01'",
    );
    let delete = "DELETE FROM held6 WHERE d = '01/02/2024'";
    let mut client = Client::log_in(run.address()).await;
    client.query(delete).answer().await;
    let asked = run.pending().await;
    run.decide("approve", &asked, "the second of January");
    for setting in [
        "SET datestyle = 'DMY'",
        "SELECT set_config('session_replication_role', 'replica', false)",
    ] {
        let mut other = Client::log_in(run.address()).await;
        other.query(setting).answer().await;
        let answer = other.query(delete).answer().await;
        let error = words(&answer, b'E');
        assert!(error.contains("ApprovalRequired"), "{setting}: {error}");
        assert!(!error.contains(&asked), "{setting}: {error}");
        // Like a new session again.
        other.query("DISCARD ALL").answer().await;
    }
    assert_eq!(rows(&run, "held6"), "2");
    let answer = client.query(delete).answer().await;
    assert_eq!(words(&answer, b'C'), "DELETE 1 ");
    let left = run.server.sql("postgres", "SELECT d FROM held6");
    assert_eq!(left, "2024-02-01");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_defined_anew_while_it_waits_is_seen_before_it_runs() {
    let run = Run::start("carol", &holding("{wait: Hold, holdFor: 20s}"));
    table(&run, "held7");
    table(&run, "other7");
    let mut client = Client::log_in(run.address()).await;
    client.query("UPDATE held7 SET a = 2").send().await;
    let name = run.pending().await;
    let rule = "CREATE RULE also AS ON UPDATE TO held7 DO ALSO DELETE FROM other7";
    run.server.sql("postgres", rule);
    run.decide("approve", &name, "only this table");
    // It is another operation by now, and asks anew.
    let again = loop {
        match run.pending().await {
            pending if pending == name => tokio::time::sleep(Duration::from_millis(20)).await,
            pending => break pending,
        }
    };
    assert_eq!(rows(&run, "other7"), "1");
    run.decide("deny", &again, "not that one");
    let answer = client.until(b'Z').await;
    assert!(words(&answer, b'E').contains("not that one"));
    assert_eq!(rows(&run, "other7"), "1");
}
