//! How a Connection stands.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RequirementKind;
use crate::condition::{condition_list, unseen_status};

/// How a Connection stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = unseen_status()))]
pub struct ConnectionStatus {
    /// Generation of the object that this status speaks of; -1 until a controller has seen it.
    #[schemars(example = 3)]
    pub observed_generation: i64,
    /// How it stands: `Accepted`, `ResolvedRefs`, `Programmed`, `Ready`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition_list")]
    pub conditions: Vec<Condition>,
    /// Host and port that callers dial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 320), example = "orders-db.shop.svc:5432")]
    pub address: Option<String>,
    /// Number of proxies that run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100_000), example = 2)]
    pub replicas: Option<i64>,
    /// Labels of the proxies' pods, for `kubectl scale` and autoscalers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), example = "portcullis.dev/connection=orders-db")]
    pub selector: Option<String>,
    /// Revision of the policies that proxies should serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128), example = "sha256:4f2a")]
    pub policy_revision: Option<String>,
    /// How many proxies serve that revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxies: Option<ProxyCount>,
    /// How many policies bind this Connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100_000), example = 3)]
    pub policy_count: Option<i64>,
    /// The policies that bind this Connection, as far as there is room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub policies: Vec<BoundPolicy>,
}

/// How many proxies there are, and how many serve the newest policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProxyCount {
    /// Proxies that report.
    #[schemars(range(min = 0, max = 100_000), example = 2)]
    pub total: i64,
    /// Proxies that serve the newest revision.
    #[schemars(range(min = 0, max = 100_000), example = 2)]
    pub current: i64,
}

/// A policy that binds a Connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BoundPolicy {
    /// Kind of the policy.
    #[schemars(example = RequirementKind::GuardrailPolicy)]
    pub kind: RequirementKind,
    /// Namespace of the policy.
    #[schemars(length(max = 63), example = &"shop")]
    pub namespace: String,
    /// Name of the policy.
    #[schemars(length(max = 253), example = "read-only")]
    pub name: String,
}
