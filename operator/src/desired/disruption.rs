//! The PodDisruptionBudget: a drained node takes one proxy at a time. `maxUnavailable` and never
//! `minAvailable`, which at one replica would hold up every drain.

use serde_json::json;

use super::{Desired, Inputs, Kind, name};

pub fn disruption_budget(inputs: &Inputs) -> Desired {
    let connection = inputs.name();
    let value = json!({
        "apiVersion": Kind::PodDisruptionBudget.api_version(),
        "kind": Kind::PodDisruptionBudget.name(),
        "metadata": inputs.metadata(&name::own(&connection)),
        "spec": {
            "maxUnavailable": 1,
            "selector": { "matchLabels": name::pod_selector(&connection) },
        },
    });
    Desired {
        kind: Kind::PodDisruptionBudget,
        value,
    }
}
