//! What a Connection's proxies may do: its own service account, and a Role with no more than a proxy
//! needs in its namespace. No rule names Secrets: what proxies read of those is mounted.

use portcullis_crds::{GROUP, PLATFORM_NAMESPACE};
use serde_json::{Value, json};

use super::{Desired, Inputs, Kind, name};

const RBAC: &str = "rbac.authorization.k8s.io";
/// ClusterRole, and Role of the platform's namespace, that every proxy is bound to.
pub const PROXY_ROLE: &str = "portcullis-proxy";
/// The two bindings whose subjects are all proxies.
pub const PROXIES: &str = "portcullis-proxies";

pub fn service_account(inputs: &Inputs) -> Desired {
    let value = json!({
        "apiVersion": Kind::ServiceAccount.api_version(),
        "kind": Kind::ServiceAccount.name(),
        "metadata": inputs.metadata(&name::own(&inputs.name())),
        // A pod that wants a token of it says so.
        "automountServiceAccountToken": false,
    });
    Desired {
        kind: Kind::ServiceAccount,
        value,
    }
}

pub fn role(inputs: &Inputs) -> Desired {
    let connection = inputs.name();
    let value = json!({
        "apiVersion": Kind::Role.api_version(),
        "kind": Kind::Role.name(),
        "metadata": inputs.metadata(&name::own(&connection)),
        "rules": [
            rule(GROUP, &["connections"], &["get", "list", "watch", "request-for"], Some(&connection)),
            rule(GROUP, &["guardrailpolicies", "maskingrules"], &["get", "list", "watch"], None),
            rule(GROUP, &["approvalrequests"], &["create", "get", "list", "watch"], None),
            rule(GROUP, &["approvalrequests/status"], &["patch"], None),
            // Of its own pod alone, by an admission policy: names of what is made cannot be told here.
            rule("coordination.k8s.io", &["leases"], &["create", "patch"], None),
            rule("discovery.k8s.io", &["endpointslices"], &["get", "list", "watch"], None),
        ],
    });
    Desired {
        kind: Kind::Role,
        value,
    }
}

pub fn role_binding(inputs: &Inputs) -> Desired {
    let own = name::own(&inputs.name());
    let value = json!({
        "apiVersion": Kind::RoleBinding.api_version(),
        "kind": Kind::RoleBinding.name(),
        "metadata": inputs.metadata(&own),
        "roleRef": { "apiGroup": RBAC, "kind": "Role", "name": own },
        "subjects": [subject(&inputs.namespace(), &own)],
    });
    Desired {
        kind: Kind::RoleBinding,
        value,
    }
}

/// The bindings of all proxies to what they may read beyond their namespace, written whole: whose
/// Connection is gone is no longer in them. `connections` are namespaces and names.
pub fn proxies(connections: &[(String, String)]) -> [Desired; 2] {
    let mut subjects: Vec<(String, String)> = connections
        .iter()
        .map(|(namespace, connection)| (namespace.clone(), name::own(connection)))
        .collect();
    subjects.sort();
    subjects.dedup();
    let subjects: Vec<Value> = subjects
        .iter()
        .map(|(namespace, account)| subject(namespace, account))
        .collect();
    let labels = json!({ name::MANAGED_BY: name::MANAGER });
    let cluster = json!({
        "apiVersion": Kind::ClusterRoleBinding.api_version(),
        "kind": Kind::ClusterRoleBinding.name(),
        "metadata": { "name": PROXIES, "labels": labels },
        "roleRef": { "apiGroup": RBAC, "kind": "ClusterRole", "name": PROXY_ROLE },
        "subjects": subjects,
    });
    let platform = json!({
        "apiVersion": Kind::RoleBinding.api_version(),
        "kind": Kind::RoleBinding.name(),
        "metadata": { "name": PROXIES, "namespace": PLATFORM_NAMESPACE, "labels": labels },
        "roleRef": { "apiGroup": RBAC, "kind": "Role", "name": PROXY_ROLE },
        "subjects": subjects,
    });
    [
        Desired {
            kind: Kind::ClusterRoleBinding,
            value: cluster,
        },
        Desired {
            kind: Kind::RoleBinding,
            value: platform,
        },
    ]
}

fn rule(group: &str, resources: &[&str], verbs: &[&str], name: Option<&str>) -> Value {
    let mut rule = json!({ "apiGroups": [group], "resources": resources, "verbs": verbs });
    if let (Some(name), Some(fields)) = (name, rule.as_object_mut()) {
        fields.insert("resourceNames".to_owned(), json!([name]));
    }
    rule
}

fn subject(namespace: &str, account: &str) -> Value {
    json!({ "kind": "ServiceAccount", "name": account, "namespace": namespace })
}
