//! Many Connections without proxies: what the operator makes of each is there, and nothing runs.

use std::time::Duration;

use portcullis_e2e::{Kubectl, wait_within};
use serde_json::{Value, json};

/// Of each Connection there is one of each.
pub(crate) const OWNED: [&str; 4] = ["deployments", "services", "roles", "poddisruptionbudgets"];

pub(crate) fn connection(name: &str) -> Value {
    json!({
        "apiVersion": "portcullis.dev/v1alpha1",
        "kind": "Connection",
        "metadata": { "name": name, "labels": { "crowd": "yes" } },
        "spec": {
            "protocol": "PostgreSQL",
            "upstream": { "host": "orders.internal", "database": "orders" },
            "credentials": { "secretRef": { "name": "c" } },
            "delivery": { "mode": "Gateway", "gateway": { "replicas": 0 } },
        },
    })
}

pub(crate) fn list(items: &[Value]) -> String {
    json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()
}

/// Waits until everything of this many Connections is made and told. The API server may be away
/// meanwhile.
#[track_caller]
pub(crate) fn wait_for_all(admin: &Kubectl, count: usize, patience: Duration) {
    wait_within(patience, "all of it to be made", || {
        let mut counts = Vec::new();
        for kind in OWNED {
            counts.push(items(admin, kind)?.len());
        }
        let connections = items(admin, "connections")?;
        let accepted = connections.iter().filter(|it| {
            let condition = &it["status"]["conditions"][0];
            condition["type"] == "Accepted" && condition["status"] == "True"
        });
        let accepted = accepted.count();
        match counts == [count; 4] && accepted == count {
            true => Ok(()),
            false => Err(format!("{counts:?}, and {accepted} are accepted")),
        }
    });
    // Once each: whoever wrote another would have made another generation.
    for deployment in items(admin, "deployments").unwrap() {
        let name = &deployment["metadata"]["name"];
        assert_eq!(deployment["metadata"]["generation"], 1, "{name}");
    }
}

fn items(admin: &Kubectl, kind: &str) -> Result<Vec<Value>, String> {
    let said = admin.run(&["get", kind, "--output=json"]);
    let list: Value = serde_json::from_str(&said.output).map_err(|_| said.errors)?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}
