//! The gateway's workload: a Deployment, or a StatefulSet with a volume for each replica where the
//! spool outlives pods.

use serde_json::{Value, json};

use super::{Desired, Inputs, Kind, name, pod};

/// Which of the two.
pub fn kind(inputs: &Inputs) -> Kind {
    match inputs.is_persistent() {
        true => Kind::StatefulSet,
        false => Kind::Deployment,
    }
}

pub fn workload(inputs: &Inputs) -> Desired {
    let connection = inputs.name();
    let kind = kind(inputs);
    let mut value = json!({
        "apiVersion": kind.api_version(),
        "kind": kind.name(),
        "metadata": inputs.metadata(&connection),
        "spec": {
            "replicas": replicas(inputs),
            "revisionHistoryLimit": 3,
            "selector": { "matchLabels": name::pod_selector(&connection) },
        },
    });
    let spec = value.pointer_mut("/spec").and_then(Value::as_object_mut);
    if let Some(spec) = spec {
        let hash = match kind {
            Kind::StatefulSet => "controller-revision-hash",
            _ => "pod-template-hash",
        };
        spec.insert("template".to_owned(), pod::gateway(inputs, hash));
        let more = match kind {
            Kind::StatefulSet => with_volume(inputs, &connection),
            _ => json!({
                // A new proxy serves before an old one goes.
                "strategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 },
                },
                "progressDeadlineSeconds": 300,
            }),
        };
        if let Value::Object(more) = more {
            spec.extend(more);
        }
    }
    Desired { kind, value }
}

fn with_volume(inputs: &Inputs, connection: &str) -> Value {
    let recording = &inputs.class.spec.recording;
    let mut claim = json!({
        "accessModes": ["ReadWriteOnce"],
        "resources": { "requests": { "storage": recording.spool_size.get().to_string() } },
    });
    if let (Some(class), Some(fields)) =
        (&recording.spool_storage_class_name, claim.as_object_mut())
    {
        fields.insert("storageClassName".to_owned(), json!(class));
    }
    json!({
        "serviceName": connection,
        "podManagementPolicy": "Parallel",
        "updateStrategy": { "type": "RollingUpdate" },
        // What is recorded stays when proxies go; somebody removes it knowingly.
        "persistentVolumeClaimRetentionPolicy": { "whenDeleted": "Retain", "whenScaled": "Retain" },
        "volumeClaimTemplates": [{
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": pod::STATE_VOLUME,
                "labels": name::labels(&inputs.connection),
            },
            "spec": claim,
        }],
    })
}

/// As many as are written; under an autoscaler as many as there are, within its bounds. The field
/// is written there too: a field that its only owner stops writing falls back to one.
fn replicas(inputs: &Inputs) -> i64 {
    let Some(gateway) = &inputs.connection.spec.delivery.gateway else {
        return 0;
    };
    match &gateway.autoscaling {
        Some(scaling) => {
            let live = inputs.live_replicas.unwrap_or(scaling.min_replicas);
            live.max(scaling.min_replicas).min(scaling.max_replicas)
        }
        None => gateway.replicas.unwrap_or(1),
    }
}
