//! The NetworkPolicy of a gateway: in by the Connection's port from anywhere (callers prove who they
//! are), to probes and metrics only from the platform's namespace and from namespaces that are
//! labelled for it. What goes out is not narrowed: addresses of the target, the issuers and the API
//! server are names to us and numbers to a policy.

use portcullis_crds::PLATFORM_NAMESPACE;
use serde_json::json;

use super::{Desired, Inputs, Kind, name, pod};

/// Label of namespaces that may scrape metrics; the value is `true`.
pub const SCRAPES: &str = "portcullis.dev/scrape";

pub fn network_policy(inputs: &Inputs) -> Desired {
    let connection = inputs.name();
    let value = json!({
        "apiVersion": Kind::NetworkPolicy.api_version(),
        "kind": Kind::NetworkPolicy.name(),
        "metadata": inputs.metadata(&name::own(&connection)),
        "spec": {
            "podSelector": { "matchLabels": name::pod_selector(&connection) },
            "policyTypes": ["Ingress"],
            "ingress": [
                { "ports": [{ "port": "proxy", "protocol": "TCP" }] },
                {
                    "from": [
                        { "namespaceSelector": { "matchLabels": {
                            "kubernetes.io/metadata.name": PLATFORM_NAMESPACE,
                        } } },
                        { "namespaceSelector": { "matchLabels": { SCRAPES: "true" } } },
                    ],
                    "ports": [{ "port": i64::from(pod::ADMIN_PORT), "protocol": "TCP" }],
                },
            ],
        },
    });
    Desired {
        kind: Kind::NetworkPolicy,
        value,
    }
}
