use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{FRESH, MAX_REFUSALS, Report, Reports, Unstored};
use crate::world::Key;

const NEVER: &str = "2020-01-01T00:00:00.000000Z";

/// A Lease that was renewed at that second by the proxy's clock, which is an hour off.
fn lease(renewed: u32, annotations: &Value) -> Lease {
    serde_json::from_value(json!({
        "metadata": {
            "name": "orders-db-1", "namespace": "shop", "annotations": annotations,
            "labels": { "portcullis.dev/connection": "orders-db" },
            "ownerReferences": [
                { "apiVersion": "v1", "kind": "Pod", "name": "orders-db-1", "uid": "u" },
            ],
        },
        "spec": { "renewTime": format!("2026-11-21T13:00:{renewed:02}.000000Z") },
    }))
    .unwrap()
}

fn revision(number: u8) -> Value {
    json!({ "portcullis.dev/revision": format!("sha256:{number}") })
}

fn fresh(reports: &Reports, now: Instant) -> Option<&Report> {
    reports.fresh(&key(), "orders-db-1", "u", now)
}

fn key() -> Key {
    Key::new("shop", "orders-db")
}

#[test]
fn a_renewal_that_says_nothing_new_tells_nothing() {
    let (mut reports, now) = (Reports::default(), Instant::now());
    assert_eq!(reports.saw(&lease(0, &revision(1)), now), Some(key()));
    assert_eq!(reports.saw(&lease(10, &revision(1)), now), None);
    assert_eq!(reports.saw(&lease(11, &revision(2)), now), Some(key()));
    let told = fresh(&reports, now).unwrap().revision.as_deref();
    assert_eq!(told, Some("sha256:2"));
    assert_eq!(reports.gone(&lease(11, &revision(2))), Some(key()));
    assert_eq!(fresh(&reports, now), None);
}

#[test]
fn a_report_counts_for_thirty_seconds_after_its_time_was_seen_to_change() {
    let (mut reports, now) = (Reports::default(), Instant::now());
    reports.saw(&lease(0, &revision(1)), now);
    let before = now + FRESH.saturating_sub(Duration::from_millis(1));
    assert!(fresh(&reports, before).is_some());
    assert_eq!(fresh(&reports, now + FRESH), None);
    // Read anew, as after a watch that broke, it is no fresher.
    assert_eq!(reports.saw(&lease(0, &revision(1)), before), None);
    assert_eq!(fresh(&reports, now + FRESH), None);
    // What else is written into it does not renew it.
    reports.saw(&lease(0, &revision(2)), before);
    assert_eq!(fresh(&reports, now + FRESH), None);
    let later = now + FRESH * 2;
    assert_eq!(reports.saw(&lease(9, &revision(2)), later), Some(key()));
    assert!(fresh(&reports, later).is_some());
}

#[test]
fn no_time_that_is_written_makes_a_report_fresh_for_longer_or_not_at_all() {
    for written in ["9999-01-01T00:00:00.000000Z", NEVER] {
        let (mut reports, now) = (Reports::default(), Instant::now());
        let mut lease = serde_json::to_value(lease(0, &revision(1))).unwrap();
        lease["spec"]["renewTime"] = json!(written);
        let lease = serde_json::from_value(lease).unwrap();
        reports.saw(&lease, now);
        assert!(fresh(&reports, now).is_some(), "{written}");
        reports.saw(&lease, now + FRESH);
        assert_eq!(fresh(&reports, now + FRESH), None, "{written}");
    }
}

#[test]
fn a_lease_is_the_report_of_the_pod_that_owns_it_and_of_no_other() {
    let good = json!({ "apiVersion": "v1", "kind": "Pod", "name": "orders-db-1", "uid": "u" });
    for (field, value) in [
        ("kind", "Node"),
        ("apiVersion", "v2"),
        ("name", "orders-db-2"),
        ("uid", "another"),
    ] {
        let (mut reports, now) = (Reports::default(), Instant::now());
        let mut lease = serde_json::to_value(lease(0, &revision(1))).unwrap();
        let mut owner = good.clone();
        owner[field] = json!(value);
        lease["metadata"]["ownerReferences"] = json!([owner]);
        reports.saw(&serde_json::from_value(lease).unwrap(), now);
        assert_eq!(fresh(&reports, now), None, "{field}");
    }
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
        let (mut reports, now) = (Reports::default(), Instant::now());
        reports.saw(&lease(0, &json!({ "portcullis.dev/refused": text })), now);
        let refused = &fresh(&reports, now).unwrap().refused;
        assert_eq!(refused.len(), count, "{text:.40}");
    }
}

#[test]
fn how_old_an_unsafe_record_is_is_told_not_known_or_not_told() {
    for (annotations, expected) in [
        (json!({}), Unstored::Untold),
        (json!({ "portcullis.dev/unstored": "" }), Unstored::Unknown),
        (
            json!({ "portcullis.dev/unstored": "-1" }),
            Unstored::Unknown,
        ),
        (
            json!({ "portcullis.dev/unstored": "21" }),
            Unstored::For(Duration::from_secs(21)),
        ),
    ] {
        let (mut reports, now) = (Reports::default(), Instant::now());
        reports.saw(&lease(0, &annotations), now);
        assert_eq!(fresh(&reports, now).unwrap().unstored, expected);
    }
}

#[test]
fn what_is_found_was_said_nobody_knows_when_until_it_is_renewed() {
    let (mut reports, now) = (Reports::default(), Instant::now());
    let renews = |reports: &Reports| fresh(reports, now).unwrap().renews;
    reports.saw(&lease(0, &revision(1)), now);
    assert!(!renews(&reports));
    // Neither by a watch that begins anew nor by what others write into it.
    reports.saw(&lease(0, &revision(1)), now);
    reports.saw(&lease(0, &revision(2)), now);
    assert!(!renews(&reports));
    reports.saw(&lease(10, &revision(2)), now);
    assert!(renews(&reports));
    reports.saw(&lease(10, &revision(2)), now);
    assert!(renews(&reports));
}

#[test]
fn what_a_new_list_lacks_is_gone() {
    let (mut reports, now) = (Reports::default(), Instant::now());
    reports.saw(&lease(0, &json!({})), now);
    reports.relisted(&BTreeSet::from([Key::new("shop", "orders-db-1")]));
    assert!(fresh(&reports, now).is_some());
    reports.relisted(&BTreeSet::new());
    assert!(reports.is_complete() && fresh(&reports, now).is_none());
}
