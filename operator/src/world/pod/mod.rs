//! The pods in which proxies run: a gateway's own, and those that a sidecar was put into.
//!
//! A pod is known as a proxy by what others cannot write: labels that admission keeps for the
//! operator's workloads, whose it is and what it runs as; a sidecar by the container that it has.
//! Who may create pods in a namespace can make one that looks so, and has then one more proxy that
//! is waited for.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::Key;
use crate::desired::name;
use crate::desired::pod::sidecar_of;

/// Label that a Deployment writes on the pods of one roll-out, and that the name of their
/// ReplicaSet ends with.
const TEMPLATE_HASH: &str = "pod-template-hash";
/// Phases of a pod that runs nothing any more.
const FINISHED: [&str; 2] = ["Succeeded", "Failed"];

/// Which of the two, and by which label its pods are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Placement {
    Gateway,
    Sidecar,
}

/// A pod that has proxies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    pub uid: String,
    /// It was told to end. What it still serves it serves.
    pub leaves: bool,
    placement: Placement,
    /// Names of the Connections whose proxies it has.
    connections: Vec<String>,
}

/// All such pods.
#[derive(Debug, Default)]
pub struct Pods {
    all: BTreeMap<Key, Host>,
    of: BTreeMap<Key, BTreeSet<String>>,
    listed: BTreeSet<Placement>,
}

// === impl Placement ===

impl Placement {
    pub const ALL: [Self; 2] = [Self::Gateway, Self::Sidecar];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Gateway => name::CONNECTION,
            Self::Sidecar => name::SIDECAR,
        }
    }
}

// === impl Pods ===

impl Pods {
    pub fn is_complete(&self) -> bool {
        self.listed.len() == Placement::ALL.len()
    }

    /// A pod was seen. Tells whose proxies it changes.
    pub fn saw(&mut self, placement: Placement, pod: &Pod) -> Vec<Key> {
        let Some(key) = key(pod) else {
            return Vec::new();
        };
        let host = Host::read(placement, pod);
        if self.all.get(&key) == host.as_ref() {
            return Vec::new();
        }
        let mut changed = self.forget(&key);
        if let Some(host) = host {
            for connection in &host.connections {
                let of = Key::new(key.namespace.clone(), connection.clone());
                let pods = self.of.entry(of.clone()).or_default();
                pods.insert(key.name.clone());
                changed.push(of);
            }
            self.all.insert(key, host);
        }
        changed.sort();
        changed.dedup();
        changed
    }

    pub fn gone(&mut self, pod: &Pod) -> Vec<Key> {
        key(pod).map_or_else(Vec::new, |key| self.forget(&key))
    }

    /// A whole list was read: what is not in it is gone.
    pub fn relisted(&mut self, placement: Placement, present: &BTreeSet<Key>) {
        self.listed.insert(placement);
        let gone = |(key, host): (&Key, &Host)| {
            (host.placement == placement && !present.contains(key)).then(|| key.clone())
        };
        for key in self.all.iter().filter_map(gone).collect::<Vec<_>>() {
            self.forget(&key);
        }
    }

    /// The pods of a Connection's proxies, by name.
    pub fn of(&self, connection: &Key) -> impl Iterator<Item = (&str, &Host)> {
        let namespace = connection.namespace.clone();
        let names = self.of.get(connection).into_iter().flatten();
        names.filter_map(move |name| {
            let host = self.all.get(&Key::new(namespace.clone(), name.clone()))?;
            Some((name.as_str(), host))
        })
    }

    fn forget(&mut self, key: &Key) -> Vec<Key> {
        let connections = self.all.remove(key).map(|host| host.connections);
        let all = connections.into_iter().flatten();
        let all: Vec<Key> = all
            .map(|connection| Key::new(key.namespace.clone(), connection))
            .collect();
        for connection in &all {
            if let Some(pods) = self.of.get_mut(connection) {
                pods.remove(&key.name);
                if pods.is_empty() {
                    self.of.remove(connection);
                }
            }
        }
        all
    }
}

// === impl Host ===

impl Host {
    /// None where it has no proxy, or none that will ever run again.
    fn read(placement: Placement, pod: &Pod) -> Option<Self> {
        let phase = pod.status.as_ref().and_then(|it| it.phase.as_deref());
        if phase.is_some_and(|phase| FINISHED.contains(&phase)) {
            return None;
        }
        let connections = match placement {
            Placement::Gateway => of_gateway(pod).into_iter().collect(),
            Placement::Sidecar => of_sidecars(pod),
        };
        (!connections.is_empty()).then_some(())?;
        Some(Self {
            uid: pod.metadata.uid.clone()?,
            leaves: pod.metadata.deletion_timestamp.is_some(),
            placement,
            connections,
        })
    }
}

/// The Connection whose gateway a pod is of.
fn of_gateway(pod: &Pod) -> Option<String> {
    let labels = pod.metadata.labels.as_ref()?;
    let connection = labels.get(name::CONNECTION)?;
    let mut selected = name::pod_selector(connection).into_iter();
    let is_selected = selected.all(|(key, value)| labels.get(&key) == Some(&value));
    let account = pod.spec.as_ref()?.service_account_name.as_deref();
    let mut owners = pod.metadata.owner_references.iter().flatten();
    let owner = owners.find(|it| it.controller == Some(true))?;
    let hash = labels.get(TEMPLATE_HASH).map(String::as_str);
    let ours = is_selected
        && account == Some(&name::own(connection))
        && is_workload(owner, connection, hash);
    ours.then(|| connection.clone())
}

/// Whether the owner is the Connection's StatefulSet, or a ReplicaSet of its Deployment.
fn is_workload(owner: &OwnerReference, connection: &str, hash: Option<&str>) -> bool {
    let of_deployment = || hash.is_some_and(|hash| owner.name == format!("{connection}-{hash}"));
    owner.api_version == "apps/v1"
        && match owner.kind.as_str() {
            "StatefulSet" => owner.name == connection,
            "ReplicaSet" => of_deployment(),
            _ => false,
        }
}

/// The Connections whose sidecars a pod has.
fn of_sidecars(pod: &Pod) -> Vec<String> {
    let spec = pod.spec.as_ref();
    let containers = spec.and_then(|it| it.init_containers.as_ref());
    let mut all: Vec<String> = containers
        .into_iter()
        .flatten()
        .filter_map(of_container)
        .collect();
    all.sort();
    all.dedup();
    all
}

fn of_container(container: &Container) -> Option<String> {
    let arguments = container.args.iter().flatten().map(String::as_str);
    let restarts = container.restart_policy.as_deref();
    sidecar_of(&container.name, restarts, arguments).map(str::to_owned)
}

pub(super) fn key(pod: &Pod) -> Option<Key> {
    let meta = &pod.metadata;
    Some(Key::new(meta.namespace.clone()?, meta.name.clone()?))
}
