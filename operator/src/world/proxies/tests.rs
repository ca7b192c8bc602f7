use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use portcullis_crds::Connection;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Proxies, to_come};
use crate::world::Key;
use crate::world::pod::{Placement, Pods};
use crate::world::report::{FRESH, Reports};

/// Pods and Leases of Connection `orders`.
struct Scene {
    pods: Pods,
    reports: Reports,
    now: Instant,
}

// === impl Scene ===

impl Scene {
    fn new(pods: &[&str]) -> Self {
        let mut scene = Self {
            pods: Pods::default(),
            reports: Reports::default(),
            now: Instant::now(),
        };
        for name in pods {
            scene.pod(name, &json!({}));
        }
        scene
    }

    fn pod(&mut self, name: &str, more: &Value) {
        let mut pod = json!({
            "metadata": {
                "name": name, "namespace": "shop", "uid": format!("uid-{name}"),
                "labels": {
                    "app.kubernetes.io/name": "portcullis-proxy",
                    "portcullis.dev/connection": "orders",
                },
                "ownerReferences": [{
                    "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "orders", "uid": "s",
                    "controller": true,
                }],
            },
            "spec": { "serviceAccountName": "orders-portcullis", "containers": [] },
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            pod["metadata"][key] = value.clone();
        }
        let pod: Pod = serde_json::from_value(pod).unwrap();
        self.pods.saw(Placement::Gateway, &pod);
    }

    fn says(&mut self, name: &str, revision: &str) {
        let lease: Lease = serde_json::from_value(json!({
            "metadata": {
                "name": name, "namespace": "shop",
                "labels": { "portcullis.dev/connection": "orders" },
                "annotations": { "portcullis.dev/revision": revision },
                "ownerReferences": [
                    { "apiVersion": "v1", "kind": "Pod", "name": name, "uid": format!("uid-{name}") },
                ],
            },
            "spec": { "renewTime": "2026-11-21T12:00:00.000000Z" },
        }))
        .unwrap();
        self.reports.saw(&lease, self.now);
    }

    /// How many there are, and how many have the newest revision.
    fn count(&self, wanted: usize) -> (usize, usize) {
        let found = self.found(wanted);
        (found.total, found.current("new"))
    }

    fn found(&self, wanted: usize) -> Proxies {
        let key = Key::new("shop", "orders");
        Proxies::of(&self.pods, &self.reports, &key, wanted, self.now)
    }
}

#[test]
fn a_replica_that_is_silent_behind_or_not_made_counts() {
    let mut scene = Scene::new(&["a", "b"]);
    assert_eq!(scene.count(2), (2, 0));
    scene.says("a", "new");
    assert_eq!(scene.count(2), (2, 1), "b has not reported");
    scene.says("b", "old");
    assert_eq!(scene.count(2), (2, 1), "b is behind");
    scene.says("b", "new");
    assert_eq!(scene.count(2), (2, 2));
    assert_eq!(scene.count(3), (3, 2), "a third cannot be made");
    scene.pod("c", &json!({}));
    assert_eq!(scene.count(2), (3, 2), "a third is being started");
}

#[test]
fn who_hangs_stops_counting_as_current_and_goes_on_being_waited_for() {
    let mut scene = Scene::new(&["a", "b"]);
    scene.says("a", "new");
    scene.now += Duration::from_secs(20);
    scene.says("b", "new");
    assert_eq!(scene.found(2).silent, Some(Duration::from_secs(10)));
    scene.now += Duration::from_secs(10);
    assert_eq!(scene.count(2), (2, 1));
    scene.now += FRESH;
    assert_eq!(scene.count(2), (2, 0));
    assert_eq!(scene.found(2).silent, None);
    assert_eq!(scene.found(2).hushed, 2);
    assert_eq!(Scene::new(&["a"]).found(1).hushed, 0, "it never spoke");
}

#[test]
fn a_pod_that_leaves_counts_while_it_speaks() {
    let mut scene = Scene::new(&["a"]);
    scene.says("a", "new");
    scene.pod("b", &json!({ "deletionTimestamp": "2026-11-21T12:00:00Z" }));
    assert_eq!(scene.count(1), (1, 1));
    scene.says("b", "old");
    assert_eq!(scene.count(1), (2, 1), "it serves sessions by old policies");
    scene.now += FRESH;
    assert_eq!(scene.count(1), (1, 0));
}

#[test]
fn a_report_without_a_pod_of_ours_says_nothing() {
    let mut scene = Scene::new(&["a"]);
    // A pod that is not there, and one that was made anew under its name.
    scene.says("forged", "new");
    assert_eq!(scene.count(1), (1, 0));
    scene.pod("b", &json!({ "uid": "another" }));
    scene.says("b", "new");
    assert_eq!(scene.count(1), (2, 0));
    // A pod of somebody else's making.
    scene.pod("c", &json!({ "ownerReferences": [] }));
    scene.says("c", "new");
    assert_eq!(scene.count(1), (2, 0));
}

#[test]
fn before_a_workload_is_made_as_many_are_waited_for_as_are_written() {
    let of = |delivery: &Value| -> Connection {
        serde_json::from_value(json!({
            "apiVersion": "portcullis.dev/v1alpha1", "kind": "Connection",
            "metadata": { "name": "orders" },
            "spec": {
                "protocol": "PostgreSQL",
                "upstream": { "host": "orders.internal", "database": "orders" },
                "credentials": { "secretRef": { "name": "c" } },
                "delivery": delivery,
            },
        }))
        .unwrap()
    };
    let gateway = |gateway: Value| json!({ "mode": "Gateway", "gateway": gateway });
    let scaling = json!({ "autoscaling": { "minReplicas": 2, "maxReplicas": 4 } });
    let sidecar = json!({ "podSelector": { "matchLabels": { "app": "a" } }, "port": 15432 });
    let sidecar = json!({ "mode": "Sidecar", "sidecar": sidecar });
    for (delivery, expected) in [
        (gateway(json!({ "replicas": 3 })), 3),
        (gateway(json!({ "replicas": 0 })), 0),
        (gateway(scaling), 2),
        (sidecar, 0),
    ] {
        assert_eq!(to_come(&of(&delivery)), expected, "{delivery}");
    }
}
