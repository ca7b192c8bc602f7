//! The HorizontalPodAutoscaler, where the Connection asks for one.

use serde_json::json;

use super::{Desired, Inputs, Kind, deployment, name};

pub fn autoscaler(inputs: &Inputs) -> Option<Desired> {
    let gateway = inputs.connection.spec.delivery.gateway.as_ref()?;
    let scaling = gateway.autoscaling.as_ref()?;
    let connection = inputs.name();
    let target = deployment::kind(inputs);
    let value = json!({
        "apiVersion": Kind::HorizontalPodAutoscaler.api_version(),
        "kind": Kind::HorizontalPodAutoscaler.name(),
        "metadata": inputs.metadata(&name::own(&connection)),
        "spec": {
            "scaleTargetRef": {
                "apiVersion": target.api_version(),
                "kind": target.name(),
                "name": connection,
            },
            "minReplicas": scaling.min_replicas,
            "maxReplicas": scaling.max_replicas,
            "metrics": [{
                "type": "Resource",
                "resource": {
                    "name": "cpu",
                    "target": {
                        "type": "Utilization",
                        "averageUtilization": scaling.target_cpu,
                    },
                },
            }],
        },
    });
    Some(Desired {
        kind: Kind::HorizontalPodAutoscaler,
        value,
    })
}
