//! How the proxy comes to the callers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::SecretReference;
use crate::selector::LabelSelector;
use crate::validation::{field_rule, rule};

/// How the proxy comes to the callers. A standalone proxy ignores it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    field_rule(
        ".gateway",
        "(self.mode == 'Gateway') == has(self.gateway)",
        "mode Gateway needs gateway, and no other mode takes it",
    ),
    field_rule(
        ".sidecar",
        "(self.mode == 'Sidecar') == has(self.sidecar)",
        "mode Sidecar needs sidecar, and no other mode takes it",
    ),
]))]
pub struct Delivery {
    /// `Gateway` runs proxies of their own behind a Service; `Sidecar` puts one into each selected
    /// pod.
    #[schemars(example = DeliveryMode::Gateway)]
    pub mode: DeliveryMode,
    /// How many proxies; only for mode `Gateway`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Gateway>,
    /// Into which pods; only for mode `Sidecar`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sidecar: Option<Sidecar>,
}

/// Where the proxy runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeliveryMode {
    Gateway,
    Sidecar,
}

/// Proxies behind a Service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "has(self.replicas) != has(self.autoscaling)",
        "write either replicas or autoscaling",
    ),
]))]
pub struct Gateway {
    /// Number of proxies, and what `kubectl scale` changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100), example = 2)]
    pub replicas: Option<i64>,
    /// Lets the number follow the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<Autoscaling>,
    /// Secret with the certificate that callers see, as cert-manager keeps it: `tls.crt`, `tls.key`
    /// and `ca.crt`. Without it the operator makes one, and signs it with a CA of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_secret_ref: Option<SecretReference>,
}

/// A number of proxies that follows the load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    field_rule(
        ".maxReplicas",
        "self.minReplicas <= self.maxReplicas",
        "maxReplicas must be at least minReplicas",
    ),
]))]
pub struct Autoscaling {
    /// Never fewer proxies than this.
    #[schemars(range(min = 1, max = 100), example = 2)]
    pub min_replicas: i64,
    /// Never more proxies than this.
    #[schemars(range(min = 1, max = 100), example = 6)]
    pub max_replicas: i64,
    /// Share of the requested CPU, in percent, above which proxies are added.
    #[serde(rename = "targetCPU", default = "target_cpu")]
    #[schemars(range(min = 1, max = 100), example = 70)]
    pub target_cpu: i64,
}

/// A proxy in each selected pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sidecar {
    /// Labels of the pods, in the Connection's namespace.
    pub pod_selector: LabelSelector,
    /// Port on 127.0.0.1 that the application dials.
    #[schemars(range(min = 1, max = 65535), example = 15432)]
    pub port: i64,
}

// === impl Delivery ===

impl Default for Delivery {
    fn default() -> Self {
        Self {
            mode: DeliveryMode::Gateway,
            gateway: Some(Gateway {
                replicas: Some(1),
                autoscaling: None,
                certificate_secret_ref: None,
            }),
            sidecar: None,
        }
    }
}

fn target_cpu() -> i64 {
    70
}
