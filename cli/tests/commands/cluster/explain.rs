//! What the proxies of a cluster would say to a statement.

use serde_json::{Value, json};

use super::SHOP;
use super::server::{Server, list, refusal};
use crate::run::{complained, json, said};

const PLATFORM: &str = "/apis/portcullis.dev/v1alpha1/namespaces/portcullis-system";

fn object(kind: &str, namespace: Option<&str>, name: &str, spec: &Value) -> Value {
    let mut metadata = json!({ "name": name, "uid": format!("uid-{name}"), "generation": 1 });
    if let Some(namespace) = namespace {
        metadata["namespace"] = json!(namespace);
    }
    json!({
        "apiVersion": "portcullis.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec,
    })
}

fn connection() -> Value {
    let mut object = object(
        "Connection",
        Some("shop"),
        "orders-db",
        &json!({
            "className": "default", "protocol": "PostgreSQL",
            "upstream": { "host": "orders.internal", "database": "orders" },
            "credentials": { "secretRef": { "name": "orders" } },
            "access": { "subjects": [{ "kind": "Group", "name": "approvers" }] },
            "delivery": { "mode": "Gateway", "gateway": { "replicas": 2 } },
        }),
    );
    object["status"] = json!({ "observedGeneration": 1, "proxies": { "total": 2, "current": 1 } });
    object
}

fn guardrail() -> Value {
    let spec = json!({
        "targetRefs": [{ "name": "orders-db" }], "default": "Allow",
        "rules": [{ "name": "nothing-is-removed", "match": { "verbs": ["DELETE"] }, "action": "Deny" }],
    });
    object("GuardrailPolicy", Some("shop"), "customers", &spec)
}

/// Of the platform, for namespaces that say so of themselves.
fn platform() -> Value {
    let spec = json!({
        "targetSelector": { "namespaceSelector": { "matchLabels": { "tier": "production" } } },
        "default": "Allow",
        "rules": [{ "name": "no-ddl", "match": { "effects": ["Define"] }, "action": "Deny" }],
    });
    object(
        "GuardrailPolicy",
        Some("portcullis-system"),
        "production",
        &spec,
    )
}

fn server(hidden: &'static str) -> Server {
    Server::start(move |what, _| {
        let path = what.split(' ').nth(1).unwrap();
        if !hidden.is_empty() && path.ends_with(hidden) {
            return refusal(403, &format!("carol cannot see {hidden}"));
        }
        if what == "POST /apis/authentication.k8s.io/v1/selfsubjectreviews" {
            let user = json!({
                "username": "carol", "groups": ["approvers", "system:authenticated"],
            });
            return (
                201,
                json!({ "metadata": {}, "status": { "userInfo": user } }),
            );
        }
        if path == "/api/v1/namespaces/shop" {
            let metadata = json!({ "name": "shop", "labels": { "tier": "production" } });
            return (200, json!({ "metadata": metadata }));
        }
        if path.ends_with("/connectionclasses/default") {
            return (200, object("ConnectionClass", None, "default", &json!({})));
        }
        match path {
            _ if path == format!("{SHOP}/connections") => list(&[connection()]),
            _ if path == format!("{SHOP}/connections/orders-db") => (200, connection()),
            _ if path == format!("{SHOP}/guardrailpolicies") => list(&[guardrail()]),
            _ if path == format!("{PLATFORM}/guardrailpolicies") => list(&[platform()]),
            _ if path.ends_with("/maskingrules") => list(&[]),
            other => refusal(404, &format!("{other}: not found")),
        }
    })
}

#[test]
fn a_statement_is_judged_by_the_resources_as_they_are() {
    let server = server("");
    let explain = |statement: &str| {
        let output = server.run(&["explain", statement, "-o", "json"]);
        (output.status.code(), json(&output))
    };
    let (code, told) = explain("SELECT * FROM orders");
    assert_eq!(
        (code, &told["verdict"]),
        (Some(0), &json!("Allow")),
        "{told}"
    );
    assert_eq!(told["connection"], "shop/orders-db");
    // Yourself, without what the API server alone adds.
    let subject = json!({ "username": "carol", "groups": ["approvers"] });
    assert_eq!(told["subject"], subject);
    let (code, told) = explain("DELETE FROM orders");
    assert_eq!(
        (code, &told["verdict"]),
        (Some(1), &json!("Deny")),
        "{told}"
    );
    let (code, told) = explain("CREATE TABLE more (a int)");
    assert_eq!(
        (code, &told["verdict"]),
        (Some(1), &json!("Deny")),
        "{told}"
    );
    let policies = told["policies"].as_array().unwrap().iter();
    let deny = policies.filter(|one| one["verdict"] == "Deny");
    let deny: Vec<_> = deny.map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(deny, ["portcullis-system/production"]);
    let aside = told["aside"].to_string();
    assert!(aside.contains("1 of 2 proxies have loaded this"), "{aside}");
    assert!(
        aside.contains("the role of the credential is not known"),
        "{aside}"
    );
}

#[test]
fn somebody_else_may_be_asked_about_and_does_not_come_in_without_access() {
    let server = server("");
    let ask = [
        "explain",
        "--connection",
        "shop/orders-db",
        "--user",
        "dana",
    ];
    let output = server.run(&[&ask[..], &["SELECT 1"]].concat());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(said(&output).contains("no session opens"), "{output:?}");
    let output = server.run(&[&ask[..], &["--group", "approvers", "SELECT 1"]].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let output = server.run(&["explain", "--connection", "billing", "SELECT 1"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let words = complained(&output);
    assert!(
        words.contains("there is no Connection shop/billing"),
        "{words}"
    );
}

#[test]
fn from_a_part_of_what_bears_on_it_nothing_is_told() {
    for hidden in [
        "portcullis-system/guardrailpolicies",
        "portcullis-system/maskingrules",
        "connectionclasses/default",
        "namespaces/shop",
    ] {
        let output = server(hidden).run(&["explain", "SELECT 1"]);
        assert_eq!(output.status.code(), Some(2), "{hidden}: {output:?}");
        let words = complained(&output);
        assert!(words.contains("portcullis-reader"), "{hidden}: {words}");
        assert_eq!(said(&output), "", "{hidden}");
    }
}
