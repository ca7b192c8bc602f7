//! The Service that callers dial.

use serde_json::json;

use super::{Desired, Inputs, Kind, name};

pub fn service(inputs: &Inputs) -> Desired {
    let name = inputs.name();
    let value = json!({
        "apiVersion": Kind::Service.api_version(),
        "kind": Kind::Service.name(),
        "metadata": inputs.metadata(&name),
        "spec": {
            "type": "ClusterIP",
            "selector": name::pod_selector(&name),
            "ports": [{
                "name": "proxy",
                "port": inputs.port(),
                "targetPort": "proxy",
                "protocol": "TCP",
            }],
        },
    });
    Desired {
        kind: Kind::Service,
        value,
    }
}
