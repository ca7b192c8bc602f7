//! What is the sidecar's alone: nobody else in its pod comes by its token or the target's
//! credential under another name, by the node's files, or as the sidecar's own account.
//!
//! In pods that have no sidecar the Connection's own names are refused too: nobody else has a use
//! for them. A credential of the target may be theirs as well, and is left to who wrote it.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

use super::{all_containers, name as name_of, text};
use crate::desired::objects::Source;
use crate::desired::{Inputs, name};

/// The Connection's field that names what anybody may read.
const PUBLIC: &str = "spec.upstream.tls.caRef";
/// Fields that hold the name of a Secret, and those whose `name` is one.
const NAMES: [&str; 1] = ["secretName"];
const REFERENCES: [&str; 4] = [
    "nodePublishSecretRef",
    "secret",
    "secretKeyRef",
    "secretRef",
];
/// What all Secrets that a token comes from end with, beside a number.
const TOKEN_SOURCE: &str = "-portcullis-token-";

/// What a Connection's sidecars have of their own.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Names of Connections.
    connections: Vec<String>,
    /// Secrets of the namespace that their sidecars read, and which Connection does.
    secrets: BTreeMap<String, String>,
}

// === impl Held ===

impl Held {
    /// What goes by the names of these Connections.
    pub(super) fn by_name(connections: impl Iterator<Item = String>) -> Self {
        Self {
            connections: connections.collect(),
            secrets: BTreeMap::new(),
        }
    }

    /// That, and what their sidecars read.
    pub(super) fn by<'i>(chosen: impl Iterator<Item = &'i Inputs>) -> Self {
        let mut held = Self::default();
        for inputs in chosen {
            let namespace = inputs.namespace();
            let read = inputs.references.iter().filter(|it| {
                it.source == Source::Secret && it.namespace == namespace && it.field != PUBLIC
            });
            let read = read.map(|it| (it.name.clone(), inputs.name()));
            held.secrets.extend(read);
            held.connections.push(inputs.name());
        }
        held
    }

    /// Why a pod would come by it, apart from the volumes and containers of these names.
    pub(super) fn refuse(
        &self,
        pod: &Value,
        volumes: &[&str],
        containers: &[&str],
    ) -> Result<(), String> {
        self.refuse_account(pod)?;
        let found = pod.pointer("/spec/volumes").and_then(Value::as_array);
        for (index, volume) in found.into_iter().flatten().enumerate() {
            if name_of(volume).is_some_and(|name| volumes.contains(&name)) {
                continue;
            }
            self.refuse_secrets(volume, &format!("spec.volumes[{index}]"))?;
        }
        for (field, container) in all_containers(pod) {
            if name_of(container).is_some_and(|name| containers.contains(&name)) {
                continue;
            }
            for list in ["env", "envFrom"] {
                if let Some(list_of) = container.get(list) {
                    self.refuse_secrets(list_of, &format!("{field}.{list}"))?;
                }
            }
        }
        Ok(())
    }

    fn refuse_account(&self, pod: &Value) -> Result<(), String> {
        for field in ["serviceAccountName", "serviceAccount"] {
            let account = text(pod, &format!("/spec/{field}")).unwrap_or_default();
            let mut all = self.connections.iter();
            if let Some(connection) = all.find(|it| name::own(it) == account) {
                return Err(format!(
                    "spec.{field}: {account} is what the proxies of Connection {connection} act as; a pod \
                     has an account of its own"
                ));
            }
        }
        Ok(())
    }

    fn refuse_secrets(&self, value: &Value, field: &str) -> Result<(), String> {
        for (field, secret) in secrets(value, field) {
            if let Some(connection) = self.of_secret(&secret) {
                return Err(format!(
                    "{field}: Secret {secret} is what the sidecar of Connection {connection} acts by; no \
                     other container may read it"
                ));
            }
        }
        Ok(())
    }

    fn of_secret(&self, secret: &str) -> Option<&String> {
        let source = |connection: &str| {
            let day = secret.rsplit_once(TOKEN_SOURCE).map(|(_, day)| day);
            day.is_some_and(|day| {
                let suffix = format!("{}{day}", TOKEN_SOURCE.trim_start_matches('-'));
                name::of(connection, &suffix) == secret
            })
        };
        let own = |connection: &str| {
            name::token(connection) == secret || name::platform(connection) == secret
        };
        let mut all = self.connections.iter();
        let by_name = all.find(|connection| own(connection) || source(connection));
        by_name.or_else(|| self.secrets.get(secret))
    }
}

/// Where a pod would be shown files of the node: those of every pod are among them, wherever the
/// kubelet keeps them.
pub(super) fn refuse_node(pod: &Value, volumes: &[&str]) -> Result<(), String> {
    let found = pod.pointer("/spec/volumes").and_then(Value::as_array);
    for (index, volume) in found.into_iter().flatten().enumerate() {
        let is_ours = name_of(volume).is_some_and(|name| volumes.contains(&name));
        if !is_ours && volume.get("hostPath").is_some_and(|it| !it.is_null()) {
            return Err(format!(
                "spec.volumes[{index}].hostPath: a pod with a sidecar of Portcullis may not mount files of \
                 the node, where those of the sidecar are too"
            ));
        }
    }
    Ok(())
}

/// The names of Secrets in a part of a pod, whatever sort of volume or variable names them, each with
/// its field. What the API server takes is no deeper than its schema.
fn secrets(value: &Value, field: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![(field.to_owned(), value)];
    while let Some((field, value)) = open.pop() {
        match value {
            Value::Array(items) => {
                let items = items.iter().enumerate();
                open.extend(items.map(|(index, it)| (format!("{field}[{index}]"), it)));
            }
            Value::Object(fields) => {
                for (key, value) in fields {
                    let at = format!("{field}.{key}");
                    let by_key = NAMES.contains(&key.as_str()).then(|| value.as_str());
                    let by_name = || value.get("name").and_then(Value::as_str);
                    let by_reference = REFERENCES.contains(&key.as_str()).then(by_name);
                    for name in [by_key, by_reference].into_iter().flatten().flatten() {
                        found.push((at.clone(), name.to_owned()));
                    }
                    open.push((at, value));
                }
            }
            _ => {}
        }
    }
    found
}
