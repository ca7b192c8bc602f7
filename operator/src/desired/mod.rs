//! What a Connection's objects should be: pure builders, one file a kind of object.
//!
//! Everything here is a function of [`Inputs`]; nothing asks the cluster, a clock or chance. What
//! comes out is applied by server-side apply, so a builder writes the fields that the operator
//! means and no others.

pub mod autoscaler;
pub mod deployment;
pub mod disruption;
pub mod kind;
pub mod name;
pub mod network_policy;
pub mod objects;
pub mod platform;
pub mod pod;
pub mod rbac;
pub mod secret;
pub mod service;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};
use portcullis_crds::connection::{Connection, DeliveryMode};
use portcullis_crds::connection_class::{ConnectionClass, Spool};
use serde_json::{Value, json};

pub use self::kind::Kind;
use self::objects::Reference;

/// What owned objects are made of.
#[derive(Debug, Clone)]
pub struct Inputs {
    pub connection: Arc<Connection>,
    pub class: Arc<ConnectionClass>,
    /// Image of the proxy where the class names none.
    pub image: String,
    /// What proxies read from `--objects`.
    pub references: Vec<Reference>,
    /// Paths of the copies in the platform Secret, by their keys there.
    pub copies: Vec<(String, String)>,
    /// How many replicas the workload has now; what an autoscaler decided is left alone.
    pub live_replicas: Option<i64>,
}

/// One object as it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    pub kind: Kind,
    pub value: Value,
}

// === impl Inputs ===

impl Inputs {
    pub fn name(&self) -> String {
        self.connection.name_any()
    }

    pub fn namespace(&self) -> String {
        self.connection.namespace().unwrap_or_default()
    }

    /// Where proxies listen, and callers dial.
    pub fn port(&self) -> i64 {
        let spec = &self.connection.spec;
        let own = i64::from(spec.protocol.default_port());
        spec.port.unwrap_or(own)
    }

    pub fn is_persistent(&self) -> bool {
        self.class.spec.recording.spool == Spool::Persistent
    }

    /// Everything but Secrets and ConfigMaps, which take more than a spec to make.
    pub fn objects(&self) -> Vec<Desired> {
        let mut all = vec![
            rbac::service_account(self),
            rbac::role(self),
            rbac::role_binding(self),
        ];
        if self.connection.spec.delivery.mode == DeliveryMode::Gateway {
            all.push(network_policy::network_policy(self));
            all.push(service::service(self));
            all.push(deployment::workload(self));
            all.push(disruption::disruption_budget(self));
            all.extend(autoscaler::autoscaler(self));
        }
        all
    }

    /// Metadata of an owned object.
    fn metadata(&self, name: &str) -> Value {
        json!({
            "name": name,
            "namespace": self.namespace(),
            "labels": name::labels(&self.connection),
            "ownerReferences": [owner(&self.connection)],
        })
    }
}

// === impl Desired ===

impl Desired {
    pub fn name(&self) -> &str {
        self.metadata("name")
    }

    pub fn namespace(&self) -> &str {
        self.metadata("namespace")
    }

    fn metadata(&self, field: &str) -> &str {
        let value = self.value.pointer("/metadata").and_then(|it| it.get(field));
        value.and_then(Value::as_str).unwrap_or_default()
    }
}

/// Whose an object is. A Connection's deletion need not wait for what it owns.
pub fn owner(connection: &Connection) -> OwnerReference {
    OwnerReference {
        api_version: Connection::api_version(&()).into_owned(),
        kind: Connection::kind(&()).into_owned(),
        name: connection.name_any(),
        uid: connection.uid().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(false),
    }
}
