//! A context whose world is what a test puts into it.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use kube::runtime::watcher::Event;
use portcullis_crds::{ApprovalRequest, Connection, ConnectionClass};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::api_server::ApiServer;
use crate::clock::Clock;
use crate::controller::Context;
use crate::fake::Fake;
use crate::metrics::Metrics;
use crate::pki::Authority;
use crate::world::pod::Placement;
use crate::world::watch::{Writers, empty};

pub(super) const CONNECTION: &str =
    "/apis/portcullis.dev/v1alpha1/namespaces/shop/connections/orders-db";
pub(super) const REQUEST: &str = "/apis/portcullis.dev/v1alpha1/namespaces/shop/approvalrequests/r";
pub(super) const NOW: i64 = 1_795_000_000;

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(NOW).unwrap()
    }
}

pub(super) struct Bed {
    pub(super) fake: Fake,
    pub(super) context: Arc<Context>,
    pub(super) writers: Writers,
}

pub(super) fn bed() -> Bed {
    let fake = Fake::default();
    let metrics = Arc::new(Metrics::new().unwrap());
    let (world, mut writers) = empty(Arc::clone(&metrics));
    let namespace = serde_json::from_value(json!({ "metadata": { "name": "shop" } }));
    let event = Event::Apply(namespace.unwrap());
    writers.namespaces.apply_watcher_event(&event);
    let authority = Authority::new(Still.now()).unwrap();
    let (_sender, authority) = watch::channel(Some(Arc::new(authority)));
    let context = Context::new(
        ApiServer::new(fake.client()),
        world,
        metrics,
        Arc::new(Still),
        "proxy:1".to_owned(),
        authority,
        "test".to_owned(),
    );
    Bed {
        fake,
        context: Arc::new(context),
        writers,
    }
}

// === impl Bed ===

impl Bed {
    /// What was asked since, other than Events.
    pub(super) fn asked(&self) -> Vec<String> {
        let asked = self.fake.kept(|it| std::mem::take(&mut it.asked));
        let asked = asked.into_iter();
        asked.filter(|it| !it.contains("/events")).collect()
    }

    pub(super) fn class(&mut self, spec: &Value) {
        let class: ConnectionClass = serde_json::from_value(json!({
            "apiVersion": "portcullis.dev/v1alpha1", "kind": "ConnectionClass",
            "metadata": { "name": "default", "uid": "class", "generation": 1 },
            "spec": spec,
        }))
        .unwrap();
        self.writers
            .classes
            .apply_watcher_event(&Event::Apply(class));
    }

    /// Puts a Connection into the cluster, and what the cluster has into the world.
    pub(super) fn connection(&mut self, delivery: &Value) -> Arc<Connection> {
        let object = json!({
            "apiVersion": "portcullis.dev/v1alpha1", "kind": "Connection",
            "metadata": { "name": "orders-db", "namespace": "shop", "generation": 1 },
            "spec": {
                "protocol": "PostgreSQL",
                "upstream": { "host": "orders.internal", "database": "orders" },
                "credentials": { "secretRef": { "name": "c" } },
                "delivery": delivery,
            },
        });
        self.fake.kept(|it| it.put(CONNECTION, object));
        self.seen()
    }

    /// The Connection as the watch brings it.
    pub(super) fn seen(&mut self) -> Arc<Connection> {
        let object = self.fake.kept(|it| it.objects[CONNECTION].clone());
        let object: Connection = serde_json::from_value(object).unwrap();
        let event = Event::Apply(object.clone());
        self.writers.connections.apply_watcher_event(&event);
        Arc::new(object)
    }

    /// A pod of the gateway, and what its proxy writes into its Lease.
    pub(super) fn proxy(&self, name: &str, renewed: u32, annotations: &Value) {
        let labels = json!({
            "app.kubernetes.io/name": "portcullis-proxy", "portcullis.dev/connection": "orders-db",
        });
        let owner = |api: &str, kind: &str, name: &str| json!([{ "apiVersion": api, "kind": kind, "name": name, "uid": name, "controller": true }]);
        let pod = json!({
            "metadata": {
                "name": name, "namespace": "shop", "uid": name, "labels": labels,
                "ownerReferences": owner("apps/v1", "StatefulSet", "orders-db"),
            },
            "spec": { "serviceAccountName": "orders-db-portcullis", "containers": [] },
        });
        let lease = json!({
            "metadata": {
                "name": name, "namespace": "shop", "labels": labels, "annotations": annotations,
                "ownerReferences": owner("v1", "Pod", name),
            },
            "spec": { "renewTime": format!("2026-11-21T12:00:{renewed:02}.000000Z") },
        });
        let world = &self.context.world;
        let pod = serde_json::from_value(pod).unwrap();
        world.pods().saw(Placement::Gateway, &pod);
        let lease = serde_json::from_value(lease).unwrap();
        world.reports().saw(&lease, Instant::now());
    }

    pub(super) fn request(&self) -> Arc<ApprovalRequest> {
        let object = self.fake.kept(|it| it.objects[REQUEST].clone());
        Arc::new(serde_json::from_value(object).unwrap())
    }
}
