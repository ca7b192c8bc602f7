//! A namespace with a proxy's account, approvers, and requests.

use crate::kubectl::{Kubectl, Said};
use crate::namespace::{Namespace, with_namespace};
use crate::waiting::wait_until;
use serde_json::{Value, json};

/// The operator, as the API server calls it.
pub const OPERATOR: &str = "system:serviceaccount:portcullis-system:portcullis-operator";
/// The Connection that the requests are for. It need not exist: verbs are about names.
pub const CONNECTION: &str = "orders";

/// Bob, carol and erin approve; alice does not; nobody approves for other Connections.
#[derive(Debug)]
pub struct Bed<'n> {
    pub namespace: &'n Namespace,
    pub admin: Kubectl,
    pub proxy: Kubectl,
}

/// Runs a test with a bed of its own.
pub fn with_bed(test: impl FnOnce(&Bed<'_>)) {
    with_namespace("e2e-approvals", |namespace| {
        let admin = namespace.admin();
        admin.apply(&roles());
        let proxy = namespace.service_account("proxy");
        let bed = Bed {
            namespace,
            admin,
            proxy,
        };
        bed.wait_for_rights();
        test(&bed);
    });
}

// === impl Bed ===

impl Bed<'_> {
    pub fn user(&self, name: &str) -> Kubectl {
        self.namespace.user(name)
    }

    /// The operator's own account, as an attacker in its place would use it.
    pub fn operator(&self) -> Kubectl {
        self.admin.impersonating(OPERATOR)
    }

    /// A request by `oidc:agent`, on behalf of dana, for two approvals.
    pub fn request(&self, name: &str) -> String {
        self.proxy
            .try_create(&request(name).to_string())
            .must_succeed();
        name.to_owned()
    }

    pub fn status(&self, name: &str) -> Value {
        self.admin.get(&["appr", name])["status"].clone()
    }

    /// The decisions of a request, each as `who decision`.
    pub fn decisions(&self, name: &str) -> Vec<String> {
        let status = self.status(name);
        let decisions = status["decisions"].as_array().cloned().unwrap_or_default();
        let words = |it: &Value| {
            let word = |key: &str| it[key].as_str().unwrap_or_default().to_owned();
            format!("{} {}", word("username"), word("decision"))
        };
        decisions.iter().map(words).collect()
    }

    /// A request that bob denied, and that is finished.
    pub fn denied(&self, name: &str) -> String {
        let name = self.request(name);
        decide(&self.user("bob"), &name, "bob", "Deny").must_succeed();
        wait_until("the request to be Denied", || {
            // Where no operator runs, what it would write.
            let state = json!([{"op": "replace", "path": "/status/state", "value": "Denied"}]);
            let _either = patch_status(&self.operator(), &name, &state);
            let state = self.status(&name)["state"].clone();
            if state == "Denied" {
                Ok(())
            } else {
                Err(state.to_string())
            }
        });
        name
    }

    /// Roles take a moment to reach the authorizer.
    fn wait_for_rights(&self) {
        wait_until("roles to hold", || {
            // What the last role and the last binding give.
            let alice = self.user("alice");
            let can =
                |(verb, what): &(&str, &str)| alice.run(&["auth", "can-i", verb, what]).succeeded;
            let verbs = [("approve", "connections/billing"), ("create", "pods")];
            if verbs.iter().all(can) {
                Ok(())
            } else {
                Err("not yet".to_owned())
            }
        });
    }
}

/// A request as a proxy makes it.
pub fn request(name: &str) -> Value {
    json!({
        "apiVersion": "portcullis.dev/v1alpha1",
        "kind": "ApprovalRequest",
        "metadata": {"name": name},
        "spec": {
            "connectionRef": {"name": CONNECTION, "uid": "5d3c1f5e"},
            "policyRef": {"name": "production", "rule": "no-ddl", "generation": 1},
            "requester": {"username": "oidc:agent", "onBehalfOf": "oidc:dana@example.com"},
            "operation": {
                "hash": format!("sha256:{}", "0".repeat(64)),
                "hashVersion": "v1",
                "summary": "DELETE FROM orders",
            },
            "requiredApprovals": 2,
            "expiresAt": "2099-01-01T00:00:00Z",
        },
    })
}

/// Appends a decision to the status, as an approver does it by hand.
pub fn decide(who: &Kubectl, request: &str, username: &str, decision: &str) -> Said {
    let value = json!({"username": username, "decision": decision, "reason": "for a test"});
    let append = json!([{"op": "add", "path": "/status/decisions/-", "value": value}]);
    patch_status(who, request, &append)
}

pub fn patch_status(who: &Kubectl, request: &str, patch: &Value) -> Said {
    let patch = patch.to_string();
    who.run(&[
        "patch",
        "appr",
        request,
        "--subresource=status",
        "--type=json",
        "-p",
        &patch,
    ])
}

pub fn patch(who: &Kubectl, request: &str, patch: &Value) -> Said {
    who.run(&[
        "patch",
        "appr",
        request,
        "--type=json",
        "-p",
        &patch.to_string(),
    ])
}

/// Writes a stamp as the webhook would, under a key of the test's choice.
pub fn stamp(who: &Kubectl, request: &str, key: &str, value: &str) -> Said {
    let annotation = format!("decision.portcullis.dev/{key}={value}");
    who.run(&["annotate", "appr", request, &annotation])
}

/// Who may do what. Alice, and an account called `robot`, have all rights of RBAC that an approver
/// has but the verb; `robot` has that too.
fn roles() -> String {
    let user =
        |name: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name});
    let account = |name: &str| json!({"kind": "ServiceAccount", "name": name});
    let approvers = json!([
        user("bob"),
        user("carol"),
        user("oidc:erin@example.com"),
        user("x|3|bob"),
        account("robot")
    ]);
    let own = |resource: &str, verbs: &[&str], names: &[&str]| json!({"apiGroups": ["portcullis.dev"], "resources": [resource], "verbs": verbs, "resourceNames": names});
    let requests = own(
        "approvalrequests",
        &["get", "list", "watch", "create", "patch"],
        &[],
    );
    let status = own("approvalrequests/status", &["get", "patch"], &[]);
    let items = json!([
        role(
            "proxies",
            &[
                requests.clone(),
                status.clone(),
                own("connections", &["request-for"], &[CONNECTION])
            ]
        ),
        role(
            "other-proxies",
            &[
                requests.clone(),
                status.clone(),
                own("connections", &["request-for"], &["billing"])
            ]
        ),
        role(
            "almost",
            &[
                requests,
                status,
                own("connections", &["approve"], &["billing"])
            ]
        ),
        binding("proxies", "Role", &json!([account("proxy")])),
        binding("other-proxies", "Role", &json!([account("other-proxy")])),
        binding("almost", "Role", &json!([user("alice"), user("bob")])),
        binding("portcullis-approver", "ClusterRole", &approvers),
        binding("edit", "ClusterRole", &json!([user("alice")])),
    ]);
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

fn role(name: &str, rules: &[Value]) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": name}, "rules": rules,
    })
}

fn binding(role: &str, kind: &str, subjects: &Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": role}, "subjects": subjects,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
    })
}
