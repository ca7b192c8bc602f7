use std::collections::BTreeSet;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::{FRESH, MAX_REFUSALS, Reports};
use crate::world::Key;

const NOW: i64 = 1_795_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(NOW + second).unwrap()
}

fn lease(renewed: i64, annotations: &Value) -> Lease {
    serde_json::from_value(json!({
        "metadata": {
            "name": "orders-db-1", "namespace": "shop", "annotations": annotations,
            "labels": { "portcullis.dev/connection": "orders-db" },
        },
        "spec": { "renewTime": format!("{:.6}", at(renewed)) },
    }))
    .unwrap()
}

fn key() -> Key {
    Key::new("shop", "orders-db")
}

#[test]
fn a_renewal_that_says_nothing_new_tells_nothing() {
    let mut reports = Reports::default();
    let one = json!({ "portcullis.dev/revision": "sha256:1" });
    assert_eq!(reports.saw(&lease(0, &one), at(0)), Some(key()));
    assert_eq!(reports.saw(&lease(10, &one), at(10)), None);
    let two = json!({ "portcullis.dev/revision": "sha256:2" });
    assert_eq!(reports.saw(&lease(11, &two), at(11)), Some(key()));
    assert_eq!(
        reports.fresh(&key(), at(11))[0].revision.as_deref(),
        Some("sha256:2")
    );
    assert_eq!(reports.gone(&lease(11, &two)), Some(key()));
    assert!(reports.fresh(&key(), at(11)).is_empty());
}

#[test]
fn a_report_counts_for_thirty_seconds_and_comes_back_when_renewed() {
    let mut reports = Reports::default();
    let one = json!({ "portcullis.dev/revision": "sha256:1" });
    reports.saw(&lease(0, &one), at(0));
    let fresh = i64::try_from(FRESH.as_secs()).unwrap();
    assert_eq!(reports.fresh(&key(), at(fresh - 1)).len(), 1);
    assert_eq!(reports.fresh(&key(), at(fresh)).len(), 0);
    assert_eq!(reports.saw(&lease(40, &one), at(40)), Some(key()));
}

#[test]
fn refusals_are_read_within_bounds() {
    let refusal = json!({ "kind": "GuardrailPolicy", "namespace": "shop", "name": "p",
        "field": "spec.rules[0]", "reason": "no" });
    for (text, count) in [
        (json!([refusal]).to_string(), 1),
        (
            json!(vec![refusal.clone(); MAX_REFUSALS + 1]).to_string(),
            MAX_REFUSALS,
        ),
        ("not JSON".to_owned(), 0),
        (format!("[{}]", " ".repeat(super::MAX_REFUSED_BYTES)), 0),
    ] {
        let mut reports = Reports::default();
        reports.saw(&lease(0, &json!({ "portcullis.dev/refused": text })), at(0));
        assert_eq!(
            reports.fresh(&key(), at(1))[0].refused.len(),
            count,
            "{text:.40}"
        );
    }
}

#[test]
fn what_a_new_list_lacks_is_gone() {
    let mut reports = Reports::default();
    reports.saw(&lease(0, &json!({})), at(0));
    reports.relisted(&BTreeSet::from([Key::new("shop", "orders-db-1")]));
    assert_eq!(reports.fresh(&key(), at(1)).len(), 1);
    reports.relisted(&BTreeSet::new());
    assert!(reports.is_complete() && reports.fresh(&key(), at(1)).is_empty());
}
