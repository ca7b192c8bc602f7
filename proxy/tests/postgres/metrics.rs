//! What `/metrics` of the real binary tells after traffic: every metric has a source.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use portcullis_proxy::metrics::NAMES;

use crate::run::{Run, policy};
use crate::talk::Client;

const MASK: &str = "
---
apiVersion: portcullis.dev/v1alpha1
kind: MaskingRule
metadata: {name: hidden, namespace: shop}
spec:
  targetRefs: [{name: orders}]
  match: {columns: [public.metered.hidden]}
  transform: {type: Redact}
";

/// Each line of the text format: the name with its labels, and the value.
fn read(run: &Run) -> BTreeMap<String, f64> {
    let text = run.get("/metrics");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

fn operations(effect: &str, decision: &str) -> String {
    format!(
        "portcullis_operations_total{{decision=\"{decision}\",effect=\"{effect}\",protocol=\"PostgreSQL\"}}"
    )
}

fn of_protocol(name: &str) -> String {
    format!("portcullis_{name}{{protocol=\"PostgreSQL\"}}")
}

fn bytes(direction: &str) -> String {
    format!("portcullis_bytes_total{{direction=\"{direction}\"}}")
}

fn rules(deny: &str) -> String {
    let rules = format!(
        "[{{name: none, match: {{verbs: [{deny}]}}, action: Deny}}, \
         {{name: people, match: {{verbs: [INSERT]}}, action: RequireApproval, \
           approval: {{wait: Hold, holdFor: 20s}}}}]"
    );
    policy(&rules) + "  limits: {writes: {max: 1, per: 1h}}\n" + MASK
}

fn until(run: &Run, what: &str, is: impl Fn(&BTreeMap<String, f64>) -> bool) {
    let begun = Instant::now();
    loop {
        let told = read(run);
        if is(&told) {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{what}: {told:#?}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_fed_by_what_happens() {
    let run = Run::start("carol", &rules("DELETE"));
    run.server.sql(
        "postgres",
        "DROP TABLE IF EXISTS metered; CREATE TABLE metered AS SELECT 'secret'::text AS hidden",
    );
    assert_eq!(
        read(&run).get(&bytes("client_in")).copied().unwrap_or(0.0),
        0.0
    );
    let mut client = Client::log_in(run.address()).await;
    assert_eq!(read(&run)[&of_protocol("sessions")], 1.0);
    client.query("SELECT hidden FROM metered").answer().await;
    client.query("DELETE FROM metered").answer().await;
    client.query("SELECT repeat('x', 100000)").answer().await;
    client
        .query("INSERT INTO metered VALUES ('a')")
        .send()
        .await;
    let request = run.pending().await;
    // The request is filed before its operation waits.
    until(&run, "the operation waits", |told| {
        told[&of_protocol("approvals_waiting")] == 1.0
    });
    run.decide("approve", &request, "fine");
    client.until(b'Z').await;
    client
        .query("UPDATE metered SET hidden = 'b'")
        .answer()
        .await;

    let told = read(&run);
    assert_eq!(told[&operations("Read", "allowed")], 2.0, "{told:#?}");
    assert_eq!(told[&operations("Write", "denied")], 1.0, "{told:#?}");
    assert_eq!(told[&operations("Write", "held")], 1.0, "{told:#?}");
    assert_eq!(told[&operations("Write", "allowed")], 1.0, "{told:#?}");
    assert_eq!(told[&operations("Write", "limited")], 1.0, "{told:#?}");
    assert_eq!(told["portcullis_masked_values_total"], 1.0);
    assert_eq!(told[&of_protocol("approvals_waiting")], 0.0);
    assert_eq!(told["portcullis_approval_wait_seconds_count"], 1.0);
    // What was refused was decided too, and went nowhere.
    assert_eq!(told[&of_protocol("decision_seconds_count")], 6.0);
    assert_eq!(told[&of_protocol("added_seconds_count")], 3.0);
    assert_eq!(told[&of_protocol("upstream_seconds_count")], 3.0);
    // Analysing comes on top of deciding.
    assert!(told[&of_protocol("added_seconds_sum")] > 0.0);
    assert!(told["portcullis_spool_bytes"] > 0.0);
    assert!(told[&bytes("upstream_in")] > 100_000.0, "{told:#?}");
    assert!(told[&bytes("client_out")] > 100_000.0, "{told:#?}");
    for direction in ["client_in", "upstream_out"] {
        let counted = told[&bytes(direction)];
        assert!((100.0..100_000.0).contains(&counted), "{told:#?}");
    }

    run.edit(&rules("TRUNCATE"));
    until(&run, "an edit", |told| {
        told.get("portcullis_reloads_total{result=\"applied\"}") == Some(&1.0)
    });
    drop(client);
    until(&run, "an end", |told| told[&of_protocol("sessions")] == 0.0);
    let told = read(&run);
    for name in NAMES {
        assert!(told.keys().any(|key| key.starts_with(name)), "{name}");
    }
}
