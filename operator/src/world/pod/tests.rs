use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::{Placement, Pods};
use crate::world::Key;

fn gateway() -> Value {
    json!({
        "metadata": {
            "name": "orders-db-5d4-x", "namespace": "shop", "uid": "u1",
            "labels": {
                "app.kubernetes.io/name": "portcullis-proxy",
                "portcullis.dev/connection": "orders-db", "pod-template-hash": "5d4",
            },
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "orders-db-5d4", "uid": "r",
                "controller": true,
            }],
        },
        "spec": { "serviceAccountName": "orders-db-portcullis", "containers": [] },
    })
}

fn injected(connections: &[&str]) -> Value {
    let sidecar = |connection: &&str| {
        json!({
            "name": format!("{connection}-portcullis"), "restartPolicy": "Always",
            "args": ["cluster", "--namespace=shop", format!("--connection={connection}")],
        })
    };
    let containers: Vec<Value> = connections.iter().map(sidecar).collect();
    json!({
        "metadata": {
            "name": "web", "namespace": "shop", "uid": "u2",
            "labels": { "portcullis.dev/sidecar": "true" },
        },
        "spec": { "containers": [], "initContainers": containers },
    })
}

fn read(value: &Value) -> Pod {
    serde_json::from_value(value.clone()).unwrap()
}

fn key(connection: &str) -> Key {
    Key::new("shop", connection)
}

fn of(pods: &Pods, connection: &str) -> Vec<String> {
    let key = key(connection);
    pods.of(&key).map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn a_pod_of_a_gateway_is_one_of_its_workload_with_its_account() {
    let mut set = gateway();
    set["metadata"]["ownerReferences"][0]["kind"] = json!("StatefulSet");
    set["metadata"]["ownerReferences"][0]["name"] = json!("orders-db");
    for good in [gateway(), set] {
        let mut pods = Pods::default();
        assert_eq!(
            pods.saw(Placement::Gateway, &read(&good)),
            [key("orders-db")],
            "{good}"
        );
        assert_eq!(of(&pods, "orders-db"), ["orders-db-5d4-x"]);
    }
    for (path, value) in [
        ("/metadata/labels/app.kubernetes.io~1name", json!("other")),
        ("/metadata/labels/pod-template-hash", json!("other")),
        ("/metadata/ownerReferences", json!([])),
        ("/metadata/ownerReferences/0/controller", json!(false)),
        ("/metadata/ownerReferences/0/kind", json!("Job")),
        ("/metadata/ownerReferences/0/name", json!("other-5d4")),
        ("/metadata/ownerReferences/0/apiVersion", json!("x.dev/v1")),
        ("/spec/serviceAccountName", json!("default")),
    ] {
        let mut other = gateway();
        *other.pointer_mut(path).unwrap() = value;
        let mut pods = Pods::default();
        let told = pods.saw(Placement::Gateway, &read(&other));
        assert_eq!(told, Vec::<Key>::new(), "{path}");
        assert_eq!(of(&pods, "orders-db"), [""; 0], "{path}");
    }
}

#[test]
fn an_injected_pod_has_the_proxies_of_its_sidecars() {
    let mut pods = Pods::default();
    let told = pods.saw(Placement::Sidecar, &read(&injected(&["audit", "orders"])));
    assert_eq!(told, [key("audit"), key("orders")]);
    assert_eq!(of(&pods, "audit"), ["web"]);
    // A label alone makes no proxy, nor does a container of another name or sort.
    for (path, value) in [
        ("/spec/initContainers/0/restartPolicy", Value::Null),
        ("/spec/initContainers/0/name", json!("other")),
        ("/spec/initContainers/0/args", json!(["cluster"])),
    ] {
        let mut other = injected(&["orders"]);
        *other.pointer_mut(path).unwrap() = value;
        let mut pods = Pods::default();
        pods.saw(Placement::Sidecar, &read(&other));
        assert_eq!(of(&pods, "orders"), [""; 0], "{path}");
    }
}

#[test]
fn what_changes_nothing_tells_nothing_and_what_ends_is_gone() {
    let mut pods = Pods::default();
    pods.saw(Placement::Gateway, &read(&gateway()));
    let mut pod = gateway();
    pod["status"] = json!({ "phase": "Running" });
    assert_eq!(pods.saw(Placement::Gateway, &read(&pod)), []);
    pod["metadata"]["deletionTimestamp"] = json!("2026-11-21T12:00:00Z");
    let told = pods.saw(Placement::Gateway, &read(&pod));
    assert_eq!(told, [key("orders-db")]);
    assert!(pods.of(&key("orders-db")).all(|(_, host)| host.leaves));
    pod["status"] = json!({ "phase": "Failed" });
    let told = pods.saw(Placement::Gateway, &read(&pod));
    assert_eq!(told, [key("orders-db")]);
    assert_eq!(of(&pods, "orders-db"), [""; 0]);
    assert_eq!(pods.gone(&read(&pod)), []);
}

#[test]
fn what_a_new_list_lacks_is_gone_and_the_other_list_is_left_alone() {
    let mut pods = Pods::default();
    pods.saw(Placement::Gateway, &read(&gateway()));
    pods.saw(Placement::Sidecar, &read(&injected(&["orders"])));
    pods.relisted(Placement::Gateway, &BTreeSet::new());
    assert!(!pods.is_complete());
    assert_eq!(of(&pods, "orders-db"), [""; 0]);
    assert_eq!(of(&pods, "orders"), ["web"]);
    pods.relisted(Placement::Sidecar, &BTreeSet::from([key("web")]));
    assert!(pods.is_complete());
    assert_eq!(of(&pods, "orders"), ["web"]);
}
