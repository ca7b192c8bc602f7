//! A pod that has sidecars, as it is going to be: after everybody changed it who may, and whenever
//! somebody changes it later.

#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use super::reach::{Held, refuse_node};
use super::{Sidecars, all_containers, name, refuse_shared, refuse_volumes};
use crate::admission::review::{Answer, Request};
use crate::desired::pod::{sidecar_of, sidecar_volumes};

/// Answers for a pod that has sidecars.
pub fn guard(sidecars: &dyn Sidecars, request: &Request) -> Answer {
    let Some(known) = sidecars.of(&request.namespace) else {
        return Answer::refuse(
            "the operator has not read all Connections yet; try again in a moment",
        );
    };
    let is_made = request.operation == "CREATE";
    let own = own(match is_made {
        true => &request.object,
        false => &request.old_object,
    });
    if own.is_empty() {
        return Answer::allow();
    }
    let connections: Vec<&str> = own.iter().map(|(connection, _)| *connection).collect();
    let known = known.iter().flatten();
    let known: Vec<_> = known
        .filter(|it| connections.contains(&it.name().as_str()))
        .collect();
    let read = Held::by(known.into_iter());
    let by_name = Held::by_name(connections.iter().map(|it| (*it).to_owned()));
    let judged = match is_made {
        true => whole(&request.object, &own, &[read, by_name]),
        false => changed(&request.object, &own, &[read, by_name]),
    };
    match judged {
        Ok(()) => Answer::allow(),
        Err(reason) => Answer::refuse(reason),
    }
}

/// A new pod.
fn whole(pod: &Value, own: &[(&str, &Value)], held: &[Held]) -> Result<(), String> {
    let (volumes, containers) = (volumes_of(own), names_of(own));
    let volumes: Vec<&str> = volumes.iter().map(String::as_str).collect();
    refuse_shared(pod)?;
    refuse_node(pod, &volumes)?;
    others_mount(pod, &volumes, &containers)?;
    held.iter()
        .try_for_each(|held| held.refuse(pod, &volumes, &containers))
}

/// A pod that runs: its sidecars stay as they are, and what is put beside them stays out of them.
fn changed(pod: &Value, own: &[(&str, &Value)], held: &[Held]) -> Result<(), String> {
    let there = pod
        .pointer("/spec/initContainers")
        .and_then(Value::as_array);
    for (connection, container) in own {
        if !there.is_some_and(|all| all.contains(container)) {
            return Err(format!(
                "the sidecar of Connection {connection} is changed by nobody; make the pod anew"
            ));
        }
    }
    let late = pod.pointer("/spec/ephemeralContainers");
    let late = json!({ "spec": { "ephemeralContainers": late } });
    let (volumes, containers) = (volumes_of(own), names_of(own));
    let volumes: Vec<&str> = volumes.iter().map(String::as_str).collect();
    for (field, container) in all_containers(&late) {
        let target = container.get("targetContainerName").and_then(Value::as_str);
        if let Some(target) = target.filter(|target| containers.contains(target)) {
            return Err(format!(
                "{field}.targetContainerName: {target} is a sidecar of Portcullis, whose processes \
                 nobody looks into"
            ));
        }
    }
    refuse_shared(&late)?;
    others_mount(&late, &volumes, &containers)?;
    held.iter()
        .try_for_each(|held| held.refuse(&late, &[], &[]))
}

/// The sidecars of a pod, each with its Connection.
fn own(pod: &Value) -> Vec<(&str, &Value)> {
    let found = pod
        .pointer("/spec/initContainers")
        .and_then(Value::as_array);
    found.into_iter().flatten().filter_map(of).collect()
}

fn of(container: &Value) -> Option<(&str, &Value)> {
    let arguments = container.get("args")?.as_array()?.iter();
    let restarts = container.get("restartPolicy").and_then(Value::as_str);
    let arguments = arguments.filter_map(Value::as_str);
    let connection = sidecar_of(name(container)?, restarts, arguments)?;
    Some((connection, container))
}

fn names_of<'v>(own: &[(&str, &'v Value)]) -> Vec<&'v str> {
    own.iter().filter_map(|(_, it)| name(it)).collect()
}

/// The volumes that are theirs alone: what else they mount, others put into all containers of a pod.
fn volumes_of(own: &[(&str, &Value)]) -> Vec<String> {
    let connections = own.iter().map(|(connection, _)| connection);
    connections.flat_map(|it| sidecar_volumes(it)).collect()
}

fn others_mount(pod: &Value, volumes: &[&str], containers: &[&str]) -> Result<(), String> {
    for (field, container) in all_containers(pod) {
        if name(container).is_some_and(|name| containers.contains(&name)) {
            continue;
        }
        refuse_volumes(&field, container, volumes)?;
    }
    Ok(())
}
