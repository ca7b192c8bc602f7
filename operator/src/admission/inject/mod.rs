//! A proxy beside an application: a native sidecar, first in the list of init containers, so that it
//! runs before everything else of the pod and does not keep a Job from completing.
//!
//! It acts by a token of its Connection's own service account, which no other container mounts; the
//! pod's service account gets no rights, and is who the caller is. Where a pod would let its other
//! containers reach into the sidecar, or read what it acts by, it is refused: when it is made, when
//! everybody else has changed it, and when it is changed later. `kubectl exec` into the sidecar is
//! out of reach here, and said in docs/operations/sidecars.md.

pub mod guard;
mod reach;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use kube::ResourceExt;
use portcullis_crds::lower::target::has_labels;
use serde_json::{Value, json};

use self::reach::{Held, refuse_node};
use super::review::{Answer, Request};
use crate::desired::Inputs;
use crate::desired::name::SIDECAR;
use crate::desired::pod::{self, Placement};

/// The first port of probes and metrics of sidecars; the next free one is taken where a container or
/// another sidecar names it.
pub const FIRST_ADMIN_PORT: u16 = 19090;
/// The annotation that tells which Connections a pod was given.
pub const SIDECARS: &str = "portcullis.dev/sidecars";
/// The most sidecars in one pod.
pub const MAX_SIDECARS: usize = 8;

/// What is known of Connections that are delivered as sidecars.
pub trait Sidecars: std::fmt::Debug + Send + Sync {
    /// Those of a namespace; for each that cannot be delivered, why. None while not all are known.
    fn of(&self, namespace: &str) -> Option<Vec<Result<Inputs, Undelivered>>>;
}

/// A Connection that selects pods and cannot be put into them.
#[derive(Debug, Clone)]
pub struct Undelivered {
    pub connection: std::sync::Arc<portcullis_crds::Connection>,
    pub reason: String,
}

/// Answers for a pod that is created in a namespace that opted in.
pub fn inject(sidecars: &dyn Sidecars, request: &Request) -> Answer {
    let Some(known) = sidecars.of(&request.namespace) else {
        return Answer::refuse(
            "the operator has not read all Connections yet; try again in a moment",
        );
    };
    let (mut chosen, mut others) = (Vec::new(), Vec::new());
    for found in known {
        match found {
            Ok(inputs) if selects(&inputs.connection, &request.object) => chosen.push(inputs),
            Err(not) if selects(&not.connection, &request.object) => {
                let name = not.connection.name_any();
                return Answer::refuse(format!(
                    "Connection {name} selects this pod: {}",
                    not.reason
                ));
            }
            Ok(inputs) => others.push(inputs.name()),
            Err(not) => others.push(not.connection.name_any()),
        }
    }
    if let Err(reason) = Held::by_name(others.into_iter()).refuse(&request.object, &[], &[]) {
        return Answer::refuse(reason);
    }
    if chosen.is_empty() {
        return Answer::allow();
    }
    chosen.sort_by_key(Inputs::name);
    match injected(&chosen, &request.namespace, &request.object) {
        Ok(patch) => Answer::change(patch).warn(reachable(&chosen, &request.object)),
        Err(reason) => Answer::refuse(reason),
    }
}

/// The changes that put these sidecars into a pod, or why they cannot be.
pub fn injected(chosen: &[Inputs], namespace: &str, pod: &Value) -> Result<Vec<Value>, String> {
    if chosen.len() > MAX_SIDECARS {
        return Err(format!(
            "{} Connections select this pod; at most {MAX_SIDECARS} may",
            chosen.len()
        ));
    }
    refuse_shared(pod)?;
    let ports = listening(chosen)?;
    let account = text(pod, "/spec/serviceAccountName").unwrap_or("default");
    let caller = format!("{namespace}/{account}");
    let mut taken: BTreeSet<i64> = declared_ports(pod).chain(ports).collect();
    let (mut containers, mut volumes) = (Vec::new(), Vec::new());
    for inputs in chosen {
        let admin_port = (FIRST_ADMIN_PORT..u16::MAX)
            .find(|port| taken.insert(i64::from(*port)))
            .ok_or("every port is taken")?;
        let placement = Placement::Sidecar {
            admin_port,
            caller: &caller,
        };
        containers.push(pod::container(inputs, placement));
        volumes.extend(pod::volumes(inputs, placement));
    }
    refuse_mounts(pod, &containers, &volumes)?;
    let ours: Vec<_> = volumes.iter().filter_map(name).collect();
    let own: Vec<_> = containers.iter().filter_map(name).collect();
    refuse_node(pod, &ours)?;
    Held::by(chosen.iter()).refuse(pod, &ours, &own)?;
    let names: Vec<String> = chosen.iter().map(Inputs::name).collect();
    Ok(patch(pod, containers, volumes, &names.join(",")))
}

fn selects(connection: &portcullis_crds::Connection, pod: &Value) -> bool {
    let labels: BTreeMap<String, String> = pod
        .pointer("/metadata/labels")
        .and_then(|labels| serde_json::from_value(labels.clone()).ok())
        .unwrap_or_default();
    let sidecar = connection.spec.delivery.sidecar.as_ref();
    sidecar.is_some_and(|sidecar| has_labels(&sidecar.pod_selector, &labels))
}

/// Pods whose containers can look into each other, or into the node.
fn refuse_shared(pod: &Value) -> Result<(), String> {
    for field in ["hostNetwork", "hostPID", "shareProcessNamespace"] {
        if pod
            .pointer(&format!("/spec/{field}"))
            .and_then(Value::as_bool)
            == Some(true)
        {
            return Err(format!(
                "spec.{field}: a pod with a sidecar of Portcullis may not set it, for others would \
                 reach what the sidecar holds"
            ));
        }
    }
    for (field, container) in all_containers(pod) {
        let privileged = container
            .pointer("/securityContext/privileged")
            .and_then(Value::as_bool);
        if privileged == Some(true) {
            return Err(format!(
                "{field}.securityContext.privileged: a pod with a sidecar of Portcullis may have no \
                 privileged container, for it would reach what the sidecar holds"
            ));
        }
    }
    Ok(())
}

/// The ports on which the sidecars listen, each once.
fn listening(chosen: &[Inputs]) -> Result<Vec<i64>, String> {
    let mut taken: BTreeMap<i64, String> = BTreeMap::new();
    for inputs in chosen {
        let sidecar = inputs.connection.spec.delivery.sidecar.as_ref();
        let Some(port) = sidecar.map(|sidecar| sidecar.port) else {
            continue;
        };
        if let Some(other) = taken.insert(port, inputs.name()) {
            return Err(format!(
                "Connections {other} and {} select this pod, and both listen on {port}: change \
                 delivery.sidecar.port or podSelector of one",
                inputs.name()
            ));
        }
    }
    Ok(taken.into_keys().collect())
}

/// Nobody but the sidecar mounts what is the sidecar's.
fn refuse_mounts(pod: &Value, containers: &[Value], volumes: &[Value]) -> Result<(), String> {
    let ours: Vec<_> = volumes.iter().filter_map(name).collect();
    let own: Vec<_> = containers.iter().filter_map(name).collect();
    for (field, container) in all_containers(pod) {
        if name(container).is_some_and(|name| own.contains(&name)) {
            // What a pod that was read back carries of ours is written anew.
            if field.starts_with("spec.initContainers") {
                continue;
            }
            return Err(format!(
                "{field}.name is that of the sidecar; choose another"
            ));
        }
        refuse_volumes(&field, container, &ours)?;
    }
    Ok(())
}

/// Whether a container sees a volume of the sidecar's.
fn refuse_volumes(field: &str, container: &Value, ours: &[&str]) -> Result<(), String> {
    let mut seen = volumes_of(container).into_iter();
    match seen.find(|(_, volume)| ours.contains(volume)) {
        None => Ok(()),
        Some((part, volume)) => Err(format!(
            "{field}.{part}: {volume} is the sidecar's own volume; no other container may mount it"
        )),
    }
}

/// The volumes that a container sees, each with the field that names it: those that it mounts, and
/// those of whose files its variables are made.
fn volumes_of(container: &Value) -> Vec<(&'static str, &str)> {
    let list = |field: &str| container.get(field).and_then(Value::as_array);
    let mounts = list("volumeMounts").into_iter().flatten();
    let mounts = mounts.filter_map(|it| Some(("volumeMounts", name(it)?)));
    let variables = list("env").into_iter().flatten();
    let file = "/valueFrom/fileKeyRef/volumeName";
    let files = variables.filter_map(|it| Some(("env", text(it, file)?)));
    mounts.chain(files).collect()
}

fn patch(pod: &Value, containers: Vec<Value>, volumes: Vec<Value>, names: &str) -> Vec<Value> {
    let without = |pointer: &str, ours: &[Value]| -> Vec<Value> {
        let found = pod.pointer(pointer).and_then(Value::as_array);
        let found = found.into_iter().flatten();
        let is_ours = |it: &&Value| {
            name(it).is_some_and(|it| ours.iter().filter_map(name).any(|own| own == it))
        };
        found.filter(|it| !is_ours(it)).cloned().collect()
    };
    let mut all = containers.clone();
    all.extend(without("/spec/initContainers", &containers));
    let mut mounted = without("/spec/volumes", &volumes);
    mounted.extend(volumes);
    let mut patch = vec![
        json!({ "op": "add", "path": "/spec/initContainers", "value": all }),
        json!({ "op": "add", "path": "/spec/volumes", "value": mounted }),
    ];
    for (map, key, value) in [
        ("annotations", SIDECARS, names),
        ("labels", SIDECAR, "true"),
    ] {
        let map = format!("/metadata/{map}");
        if pod.pointer(&map).is_none() {
            patch.push(json!({ "op": "add", "path": map, "value": {} }));
        }
        let path = format!("{map}/{}", super::review::pointer_step(key));
        patch.push(json!({ "op": "add", "path": path, "value": value }));
    }
    patch
}

/// Ports that containers say they listen on, where a sidecar does too.
fn reachable(chosen: &[Inputs], pod: &Value) -> Vec<String> {
    let declared: BTreeSet<i64> = declared_ports(pod).collect();
    let clash = |inputs: &Inputs| {
        let port = inputs.connection.spec.delivery.sidecar.as_ref()?.port;
        declared.contains(&port).then(|| {
            format!(
                "a container of this pod listens on {port}, where the sidecar of {} does",
                inputs.name()
            )
        })
    };
    chosen.iter().filter_map(clash).collect()
}

fn declared_ports(pod: &Value) -> impl Iterator<Item = i64> {
    let ports = all_containers(pod).into_iter().flat_map(|(_, container)| {
        let ports = container.get("ports").and_then(Value::as_array);
        ports.into_iter().flatten()
    });
    ports.filter_map(|port| port.get("containerPort")?.as_i64())
}

fn all_containers(pod: &Value) -> Vec<(String, &Value)> {
    let mut all = Vec::new();
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        let found = pod
            .pointer(&format!("/spec/{list}"))
            .and_then(Value::as_array);
        let found = found.into_iter().flatten().enumerate();
        all.extend(found.map(|(index, it)| (format!("spec.{list}[{index}]"), it)));
    }
    all
}

fn name(value: &Value) -> Option<&str> {
    value.get("name")?.as_str()
}

fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    let found = value.pointer(pointer)?.as_str()?;
    (!found.is_empty()).then_some(found)
}
