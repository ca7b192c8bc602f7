//! How objects name others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::GROUP;

/// A Secret in the namespace of the object that names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretReference {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253), example = "orders-credentials")]
    pub name: String,
}

/// One key of a Secret in the namespace of the object that names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretKeyReference {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253), example = "masking-key")]
    pub name: String,
    /// Key within the Secret's data.
    #[schemars(length(min = 1, max = 253), example = &"key")]
    pub key: String,
}

/// One key of a ConfigMap or Secret that holds certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CertificateReference {
    /// Kind of the object: `ConfigMap`, or `Secret` where a CA is kept beside its key.
    #[serde(default)]
    #[schemars(example = CertificateSource::ConfigMap)]
    pub kind: CertificateSource,
    /// Name of the object.
    #[schemars(length(min = 1, max = 253), example = "orders-ca")]
    pub name: String,
    /// Key within the object's data; its value is one or more certificates in PEM.
    #[serde(default = "ca_key")]
    #[schemars(length(min = 1, max = 253), example = "ca.crt")]
    pub key: String,
}

/// Where certificates are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CertificateSource {
    #[default]
    ConfigMap,
    Secret,
}

/// A Connection by its kind and name, in the namespace of the policy that names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetReference {
    /// API group of the target: always `portcullis.dev`.
    #[serde(default = "own_group")]
    #[schemars(extend("enum" = [GROUP]), example = GROUP)]
    pub group: String,
    /// Kind of the target: always `Connection`.
    #[serde(default)]
    #[schemars(example = TargetKind::Connection)]
    pub kind: TargetKind,
    /// Name of the Connection.
    #[schemars(length(min = 1, max = 253), example = "orders-db")]
    pub name: String,
}

/// What a policy can be attached to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TargetKind {
    #[default]
    Connection,
}

fn ca_key() -> String {
    "ca.crt".to_owned()
}

fn own_group() -> String {
    GROUP.to_owned()
}
