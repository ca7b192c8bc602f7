use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use hyper::{Request, Response, StatusCode};
use tower::{Layer, Service, service_fn};

use super::requests::Counting;
use super::{Controller, Metrics, Outcome};
use crate::world::Key;

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
        r#"workqueue_adds_total{controller="maskingrule",name="maskingrule"} 0"#,
        r#"workqueue_retries_total{controller="maskingrule",name="maskingrule"} 0"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

/// What the dashboards that controller-runtime ships ask for, as far as it is said of us too.
const RUNTIME: [&str; 14] = [
    "controller_runtime_reconcile_total",
    "controller_runtime_reconcile_errors_total",
    "controller_runtime_reconcile_time_seconds",
    "controller_runtime_active_workers",
    "controller_runtime_max_concurrent_reconciles",
    "workqueue_depth",
    "workqueue_adds_total",
    "workqueue_retries_total",
    "workqueue_queue_duration_seconds",
    "workqueue_work_duration_seconds",
    "workqueue_unfinished_work_seconds",
    "workqueue_longest_running_processor_seconds",
    "rest_client_requests_total",
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
        "rest_client_",
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
    let request = ["200", "kubernetes", "GET"];
    metrics.runtime.requests.with_label_values(&request);
    metrics.text();
    metrics.statuses.with_label_values(&one);
    metrics.approvals.with_label_values(&one);
    metrics.decision_seconds.with_label_values(&one);
}

fn lines(metrics: &Metrics, begins: &str) -> Vec<String> {
    let text = metrics.text();
    let lines = text.lines().filter(|line| line.starts_with(begins));
    lines.map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn an_object_waits_once_and_is_looked_at_and_tried_again() {
    let metrics = Metrics::new().unwrap();
    let queues = &metrics.runtime.queues;
    let (mask, key) = (Controller::MaskingRule, Key::new("shop", "m"));
    let told = |name: &str| {
        let begins = format!("workqueue_{name}{{controller=\"maskingrule\"");
        let lines = lines(&metrics, &begins);
        let value = lines[0].rsplit_once(' ').unwrap().1;
        value.parse::<f64>().unwrap()
    };
    queues.added(mask, key.clone());
    queues.added(mask, key.clone());
    assert_eq!((told("depth"), told("adds_total")), (1.0, 1.0));
    tokio::time::advance(Duration::from_secs(2)).await;
    queues.began(mask, key.clone());
    assert_eq!((told("depth"), told("adds_total")), (0.0, 1.0));
    assert_eq!(told("queue_duration_seconds_sum"), 2.0);
    // It changes while somebody looks, and waits again.
    queues.added(mask, key.clone());
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(told("unfinished_work_seconds"), 3.0);
    assert_eq!(told("longest_running_processor_seconds"), 3.0);
    queues.ended(mask, key.clone(), true);
    assert_eq!(told("work_duration_seconds_sum"), 3.0);
    assert_eq!(told("unfinished_work_seconds"), 0.0);
    assert_eq!((told("depth"), told("retries_total")), (1.0, 1.0));
    // It is gone, and nobody looks.
    queues.dropped(mask, key.clone());
    queues.dropped(mask, key.clone());
    assert_eq!(told("depth"), 0.0);
    // Its time has come: it waited for nothing.
    queues.began(mask, key);
    assert_eq!((told("depth"), told("adds_total")), (0.0, 3.0));
    assert_eq!(told("queue_duration_seconds_count"), 1.0);
}

#[tokio::test]
async fn requests_are_counted_by_their_answer() {
    let metrics = Metrics::new().unwrap();
    let counting = Counting::new(&metrics.runtime.requests, "10.0.0.1:443");
    let answers = service_fn(|_: Request<()>| async {
        let answer = Response::builder().status(StatusCode::CONFLICT).body(());
        Ok::<_, Infallible>(answer.unwrap())
    });
    let mut client = counting.layer(answers);
    let request = || Request::patch("/api/v1/pods").body(()).unwrap();
    client.call(request()).await.unwrap();
    client.call(request()).await.unwrap();
    let breaks = service_fn(|_: Request<()>| async { Err::<Response<()>, _>("away") });
    let mut client = counting.layer(breaks);
    client.call(request()).await.unwrap_err();
    assert_eq!(
        lines(&metrics, "rest_client_requests_total"),
        [
            r#"rest_client_requests_total{code="409",host="10.0.0.1:443",method="PATCH"} 2"#,
            r#"rest_client_requests_total{code="<error>",host="10.0.0.1:443",method="PATCH"} 1"#,
        ]
    );
}
