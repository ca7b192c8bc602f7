//! What is known of the cluster, and what changed.
//!
//! Each kind is watched once, by every replica, so that the one that takes over finds all of it
//! warm. What the operator only counts or compares is watched as metadata. Who works on objects
//! listens to [`Change`]s; who falls behind is told so and looks at everything again, so nothing
//! here grows without bound.

mod change;
pub mod data;
pub mod inputs;
pub mod owned;
pub mod pod;
pub mod proxies;
pub mod report;
pub mod view;
pub(crate) mod watch;
pub mod workload;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Client, ResourceExt};
use portcullis_crds::{
    ApprovalRequest, Connection, ConnectionClass, GuardrailPolicy, MaskingRule, PLATFORM_NAMESPACE,
};
use tokio::sync::broadcast;
use tokio::task::JoinSet;

pub use self::change::{Change, Key};
use self::owned::Owned;
use self::pod::Pods;
use self::report::Reports;
use self::view::Views;
use crate::metrics::Metrics;

/// How many changes who listens may be behind before it looks at everything again.
const CHANGES: usize = 4096;

/// What is known of the cluster.
#[derive(Debug)]
pub struct World {
    pub connections: Store<Connection>,
    pub classes: Store<ConnectionClass>,
    pub guardrails: Store<GuardrailPolicy>,
    pub masks: Store<MaskingRule>,
    pub requests: Store<ApprovalRequest>,
    pub namespaces: Store<PartialObjectMeta<Namespace>>,
    pub secrets: Store<PartialObjectMeta<Secret>>,
    pub config_maps: Store<PartialObjectMeta<ConfigMap>>,
    pub deployments: Store<Deployment>,
    pub stateful_sets: Store<StatefulSet>,
    owned: Mutex<Owned>,
    pods: Mutex<Pods>,
    reports: Mutex<Reports>,
    views: Mutex<Views>,
    changes: broadcast::Sender<Change>,
    /// Every first list is complete.
    pub ready: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
}

/// The watches of a world; the first that ends is the end of it.
#[derive(Debug)]
pub struct Watches(JoinSet<()>);

// === impl World ===

impl World {
    /// Begins to watch.
    pub fn watch(client: &Client, metrics: Arc<Metrics>) -> (Arc<Self>, Watches) {
        watch::begin(client, metrics)
    }

    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    /// Waits until every first list is complete.
    pub async fn until_ready(&self) {
        // A writer that is dropped is a watch that ended, and ends the process elsewhere.
        let _ = tokio::join!(
            self.connections.wait_until_ready(),
            self.classes.wait_until_ready(),
            self.guardrails.wait_until_ready(),
            self.masks.wait_until_ready(),
            self.requests.wait_until_ready(),
            self.namespaces.wait_until_ready(),
            self.secrets.wait_until_ready(),
            self.config_maps.wait_until_ready(),
            self.deployments.wait_until_ready(),
            self.stateful_sets.wait_until_ready(),
        );
        let mut changes = self.changes();
        let is_complete = || {
            self.owned().is_complete() && self.reports().is_complete() && self.pods().is_complete()
        };
        while !is_complete() {
            // Each list that completes says so.
            let _ = changes.recv().await;
        }
        self.ready.store(true, Ordering::Relaxed);
    }

    pub fn owned(&self) -> std::sync::MutexGuard<'_, Owned> {
        self.owned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn pods(&self) -> std::sync::MutexGuard<'_, Pods> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn reports(&self) -> std::sync::MutexGuard<'_, Reports> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn connection(&self, key: &Key) -> Option<Arc<Connection>> {
        self.connections
            .get(&ObjectRef::new(&key.name).within(&key.namespace))
    }

    pub fn class(&self, name: &str) -> Option<Arc<ConnectionClass>> {
        self.classes.get(&ObjectRef::new(name))
    }

    pub fn namespace_labels(&self, namespace: &str) -> BTreeMap<String, String> {
        let found = self.namespaces.get(&ObjectRef::new(namespace));
        let mut labels = found.map(|it| it.labels().clone()).unwrap_or_default();
        // What the API server writes on each, also where this watch is behind.
        labels.insert(
            "kubernetes.io/metadata.name".to_owned(),
            namespace.to_owned(),
        );
        labels
    }

    /// Whether a namespace is being removed, or is not there: nothing can be made in it. One that is
    /// new is told by its own watch.
    pub fn is_leaving(&self, namespace: &str) -> bool {
        let found = self.namespaces.get(&ObjectRef::new(namespace));
        found.is_none_or(|it| it.metadata.deletion_timestamp.is_some())
    }

    /// Connections that a policy of this namespace may bind.
    pub fn within_reach(&self, namespace: &str) -> Vec<Arc<Connection>> {
        let everywhere = namespace == PLATFORM_NAMESPACE;
        self.connections
            .state_filter(|it| everywhere || it.metadata.namespace.as_deref() == Some(namespace))
    }

    /// Something changed that bears on all objects.
    pub fn everything_changed(&self) {
        self.tell(Change::Everything);
    }

    /// Tells those who listen; nobody may.
    pub(crate) fn tell(&self, change: Change) {
        self.views
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .outdate(&change);
        let _ = self.changes.send(change);
    }
}

// === impl Watches ===

impl Watches {
    /// Returns when a watch has ended, which none does by itself.
    pub async fn ended(&mut self) {
        let _ = self.0.join_next().await;
    }
}
