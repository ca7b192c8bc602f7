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
