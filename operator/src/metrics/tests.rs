use std::collections::BTreeSet;

use super::{Controller, Metrics, Outcome};

#[test]
fn reconciles_are_counted_under_the_names_that_dashboards_know() {
    let metrics = Metrics::new().unwrap();
    metrics.reconciled(Controller::Connection, Outcome::Error, 0.01);
    metrics.reconciled(Controller::Connection, Outcome::RequeueAfter, 0.01);
    let text = metrics.text();
    for line in [
        r#"controller_runtime_reconcile_total{controller="connection",result="error"} 1"#,
        r#"controller_runtime_reconcile_total{controller="connection",result="requeue_after"} 1"#,
        r#"controller_runtime_reconcile_total{controller="maskingrule",result="success"} 0"#,
        r#"controller_runtime_reconcile_errors_total{controller="connection"} 1"#,
        r#"controller_runtime_reconcile_time_seconds_count{controller="connection"} 2"#,
        r#"workqueue_depth{controller="approvalrequest",name="approvalrequest"} 0"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

/// What the dashboards that controller-runtime ships ask for, as far as it is said of us too.
const RUNTIME: [&str; 7] = [
    "controller_runtime_reconcile_total",
    "controller_runtime_reconcile_errors_total",
    "controller_runtime_reconcile_time_seconds",
    "controller_runtime_active_workers",
    "controller_runtime_max_concurrent_reconciles",
    "workqueue_depth",
    "leader_election_master_status",
];

#[test]
fn the_dashboard_asks_for_every_metric_and_no_other() {
    let dashboard = include_str!("../../../docs/grafana/operator.json");
    let dashboard: serde_json::Value = serde_json::from_str(dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    let words = targets.flat_map(|target| {
        let query = target["expr"].as_str().unwrap();
        query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
    });
    let begins = [
        "portcullis_",
        "controller_runtime_",
        "workqueue_",
        "leader_",
    ];
    let names = words.filter(|word| begins.iter().any(|begin| word.starts_with(begin)));
    let asked: BTreeSet<&str> = names
        .map(|name| name.strip_suffix("_bucket").unwrap_or(name))
        .collect();
    let metrics = Metrics::new().unwrap();
    metrics.reconciled(Controller::Connection, Outcome::Success, 0.01);
    touch(&metrics);
    let families = metrics.registry.gather();
    let told: BTreeSet<&str> = families.iter().map(|family| family.name()).collect();
    assert_eq!(asked, told);
    for name in RUNTIME {
        assert!(told.contains(name), "{name}");
    }
}

/// A metric with labels is told from its first value on.
fn touch(metrics: &Metrics) {
    let one = ["one"];
    for gauges in [
        &metrics.runtime.active,
        &metrics.runtime.most,
        &metrics.runtime.leader,
    ] {
        gauges.with_label_values(&one);
    }
    metrics.applied.with_label_values(&["one", "two"]);
    metrics.statuses.with_label_values(&one);
    metrics.approvals.with_label_values(&one);
    metrics.decision_seconds.with_label_values(&one);
}
