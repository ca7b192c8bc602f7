//! What a class does not admit gets no proxies.

use serde_json::json;

use super::bed::with_bed;

#[test]
fn a_namespace_that_its_class_does_not_allow_gets_nothing() {
    let class = json!({ "allowedNamespaces": { "names": ["elsewhere"] } });
    with_bed(&class, |bed| {
        bed.connection(&json!({}));
        let what = ["connection/orders"];
        let told = bed.wait_for(&what, "Accepted", "False/NotAdmittedByClass");
        assert!(told.starts_with("spec.className: "), "{told}");
        bed.wait_for(&what, "Stalled", "True/NotAdmittedByClass");
        for absent in ["deployment/orders", "serviceaccount/orders-portcullis"] {
            assert_eq!(bed.admin.find(&[absent]), None);
        }
        // The label of a namespace may be what admits it.
        let class = json!({
            "apiVersion": "portcullis.dev/v1alpha1",
            "kind": "ConnectionClass",
            "metadata": { "name": bed.class },
            "spec": { "allowedNamespaces": { "selector": { "matchLabels": { "tier": "a" } } } },
        });
        bed.admin.apply(&class.to_string());
        bed.wait_for(&what, "Accepted", "False/NotAdmittedByClass");
        bed.admin
            .must(&["label", "namespace", &bed.namespace.name, "tier=a"]);
        bed.wait_for(&what, "Accepted", "True/Accepted");
        bed.wait_to_be(&["deployment/orders"], |_| true);
    });
}

#[test]
fn an_upstream_that_its_class_does_not_allow_gets_nothing() {
    let class = json!({ "allowedUpstreams": [{ "host": "*.allowed" }] });
    with_bed(&class, |bed| {
        bed.connection(&json!({}));
        let what = ["connection/orders"];
        let told = bed.wait_for(&what, "Accepted", "False/NotAdmittedByClass");
        assert!(told.starts_with("spec.upstream.host: "), "{told}");
        assert_eq!(bed.admin.find(&["deployment/orders"]), None);
        bed.connection(&json!({ "upstream": { "host": "db.allowed", "database": "orders" } }));
        bed.wait_for(&what, "Accepted", "True/Accepted");
        bed.wait_to_be(&["deployment/orders"], |_| true);
    });
}

#[test]
fn a_class_that_is_locked_down_or_not_there_is_told() {
    with_bed(&json!({ "lockdown": true }), |bed| {
        bed.connection(&json!({}));
        bed.wait_for(&["connection/orders"], "Ready", "False/LockedDown");
        bed.connection(&json!({ "className": "operator-none" }));
        let told = bed.wait_for(
            &["connection/orders"],
            "Accepted",
            "False/NotAdmittedByClass",
        );
        assert!(told.contains("there is no ConnectionClass"), "{told}");
        // What is there stays: its proxies deny by themselves.
        assert!(bed.admin.find(&["deployment/orders"]).is_some());
    });
}
