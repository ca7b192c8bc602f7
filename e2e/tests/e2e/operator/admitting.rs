//! What a class does not admit gets no proxies.

use portcullis_e2e::wait_until;
use serde_json::{Value, json};

use super::bed::{Bed, with_bed};

const WHAT: [&str; 1] = ["connection/orders"];

/// A Connection of a class that comes after it: where the class is there, admission refuses it.
fn before_its_class(bed: &Bed<'_>) -> String {
    let late = format!("{}-late", bed.class);
    bed.connection(&json!({ "className": late }));
    let told = bed.wait_for(&WHAT, "Accepted", "False/NotAdmittedByClass");
    assert!(told.contains("there is no ConnectionClass"), "{told}");
    late
}

fn class(bed: &Bed<'_>, name: &str, spec: &Value) {
    let class = json!({
        "apiVersion": "portcullis.dev/v1alpha1",
        "kind": "ConnectionClass",
        "metadata": { "name": name },
        "spec": spec,
    });
    bed.admin.apply(&class.to_string());
}

fn wait_for_message(bed: &Bed<'_>, begins: &str) {
    wait_until(&format!("a message that begins with {begins}"), || {
        let told = bed.wait_for(&WHAT, "Accepted", "False/NotAdmittedByClass");
        match told.starts_with(begins) {
            true => Ok(()),
            false => Err(told),
        }
    });
}

fn owns_nothing(bed: &Bed<'_>) {
    for absent in ["deployment/orders", "serviceaccount/orders-portcullis"] {
        assert_eq!(bed.admin.find(&[absent]), None);
    }
}

#[test]
fn a_namespace_that_its_class_does_not_allow_gets_nothing() {
    with_bed(&json!({}), |bed| {
        let late = before_its_class(bed);
        let selector = json!({ "matchLabels": { "tier": "a" } });
        class(
            bed,
            &late,
            &json!({ "allowedNamespaces": { "selector": selector } }),
        );
        let begins = format!("spec.className: class {late} does not allow namespace");
        wait_for_message(bed, &begins);
        bed.wait_for(&WHAT, "Stalled", "True/NotAdmittedByClass");
        owns_nothing(bed);
        // A label of the namespace is what admits it.
        bed.admin
            .must(&["label", "namespace", &bed.namespace.name, "tier=a"]);
        bed.wait_for(&WHAT, "Accepted", "True/Accepted");
        bed.wait_to_be(&["deployment/orders"], |_| true);
        bed.admin
            .must(&["delete", "connectionclass", &late, "--wait=false"]);
    });
}

#[test]
fn an_upstream_that_its_class_does_not_allow_gets_nothing() {
    with_bed(&json!({}), |bed| {
        let late = before_its_class(bed);
        class(
            bed,
            &late,
            &json!({ "allowedUpstreams": [{ "host": "*.allowed" }] }),
        );
        wait_for_message(bed, "spec.upstream.host: ");
        owns_nothing(bed);
        class(
            bed,
            &late,
            &json!({ "allowedUpstreams": [{ "host": "*.internal" }] }),
        );
        bed.wait_for(&WHAT, "Accepted", "True/Accepted");
        bed.wait_to_be(&["deployment/orders"], |_| true);
        bed.admin
            .must(&["delete", "connectionclass", &late, "--wait=false"]);
    });
}

#[test]
fn a_class_that_is_locked_down_or_not_there_is_told() {
    with_bed(&json!({ "lockdown": true }), |bed| {
        bed.connection(&json!({}));
        bed.wait_for(&WHAT, "Ready", "False/LockedDown");
        bed.connection(&json!({ "className": "operator-none" }));
        let told = bed.wait_for(&WHAT, "Accepted", "False/NotAdmittedByClass");
        assert!(told.contains("there is no ConnectionClass"), "{told}");
        // What is there stays: its proxies deny by themselves.
        assert!(bed.admin.find(&["deployment/orders"]).is_some());
    });
}
