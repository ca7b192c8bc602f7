//! How a gateway's Deployment or StatefulSet stands.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use kube::runtime::reflector::ObjectRef;
use portcullis_crds::Connection;
use portcullis_crds::connection::DeliveryMode;

use super::owned::owner;
use super::{Key, World};

/// What its status tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    pub desired: i64,
    pub replicas: i64,
    pub ready: i64,
    pub updated: i64,
    /// Why the roll-out does not come to an end.
    pub stuck: Option<String>,
}

// === impl World ===

impl World {
    /// The gateway's own workload; none before it is made, and for a sidecar.
    pub fn workload(&self, object: &Connection) -> Option<Workload> {
        if object.spec.delivery.mode == DeliveryMode::Sidecar {
            return None;
        }
        let deployment = self.deployment(object).map(|it| of_deployment(&it));
        deployment.or_else(|| self.stateful_set(object).map(|it| of_stateful_set(&it)))
    }

    /// How many replicas it has been given, by whomever.
    pub fn live_replicas(&self, object: &Connection) -> Option<i64> {
        let of_deployment = self.deployment(object).and_then(|it| it.spec.replicas);
        let of_set = || self.stateful_set(object).and_then(|it| it.spec.replicas);
        of_deployment.or_else(of_set).map(i64::from)
    }

    fn deployment(&self, object: &Connection) -> Option<Arc<Deployment>> {
        let key = Key::of(object);
        let found = self
            .deployments
            .get(&ObjectRef::new(&key.name).within(&key.namespace))?;
        (owner(&found.metadata) == object.metadata.uid).then_some(found)
    }

    fn stateful_set(&self, object: &Connection) -> Option<Arc<StatefulSet>> {
        let key = Key::of(object);
        let found = self
            .stateful_sets
            .get(&ObjectRef::new(&key.name).within(&key.namespace))?;
        (owner(&found.metadata) == object.metadata.uid).then_some(found)
    }
}

fn of_deployment(deployment: &Deployment) -> Workload {
    let status = deployment.status.clone().unwrap_or_default();
    let count = |count: Option<i32>| i64::from(count.unwrap_or_default());
    let conditions = status.conditions.unwrap_or_default();
    let stuck = conditions.into_iter().find(|it| {
        it.type_.as_deref() == Some("Progressing")
            && it.reason.as_deref() == Some("ProgressDeadlineExceeded")
    });
    Workload {
        desired: count(deployment.spec.replicas),
        replicas: count(status.replicas),
        ready: count(status.ready_replicas),
        updated: count(status.updated_replicas),
        stuck: stuck.map(|it| it.message.unwrap_or_default()),
    }
}

fn of_stateful_set(set: &StatefulSet) -> Workload {
    let status = set.status.clone().unwrap_or_default();
    let count = |count: Option<i32>| i64::from(count.unwrap_or_default());
    Workload {
        desired: count(set.spec.replicas),
        replicas: i64::from(status.replicas),
        ready: count(status.ready_replicas),
        updated: count(status.updated_replicas),
        stuck: None,
    }
}
