//! How a cluster stands.

use serde_json::{Value, json};

use super::SHOP;
use super::server::{Server, list, refusal};
use crate::run::{complained, json, said};

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2026-11-20T10:00:00Z",
    })
}

fn connection(generation: i64, conditions: &[Value]) -> Value {
    json!({
        "apiVersion": "portcullis.dev/v1alpha1", "kind": "Connection",
        "metadata": { "namespace": "shop", "name": "orders-db", "generation": generation },
        "spec": {
            "className": "default", "protocol": "PostgreSQL",
            "upstream": { "host": "orders.internal", "database": "orders" },
            "credentials": { "secretRef": { "name": "orders" } },
            "access": { "subjects": [{ "kind": "User", "name": "*" }] },
            "delivery": { "mode": "Gateway", "gateway": { "replicas": 2 } },
        },
        "status": {
            "observedGeneration": 3, "conditions": conditions,
            "address": "orders-db.shop.svc:5432", "policyCount": 2,
            "policyRevision": format!("sha256:{}", "4f2a".repeat(16)),
            "proxies": { "total": 2, "current": 1 },
            "policies": [
                { "kind": "GuardrailPolicy", "namespace": "shop", "name": "customers" },
                { "kind": "MaskingRule", "namespace": "portcullis-system", "name": "cards" },
            ],
        },
    })
}

fn guardrail(conditions: &[Value]) -> Value {
    json!({
        "apiVersion": "portcullis.dev/v1alpha1", "kind": "GuardrailPolicy",
        "metadata": { "namespace": "shop", "name": "customers", "generation": 1 },
        "spec": { "targetRefs": [{ "name": "orders-db" }], "default": "Allow", "rules": [] },
        "status": {
            "observedGeneration": 1, "conditions": conditions,
            "ancestors": [{
                "ancestorRef": {
                    "group": "portcullis.dev", "kind": "Connection", "namespace": "shop",
                    "name": "orders-db",
                },
                "controllerName": "portcullis.dev/operator",
            }],
        },
    })
}

fn well() -> [Value; 2] {
    let accepted = condition("Accepted", "True", "Accepted", "");
    [accepted, condition("Programmed", "True", "Programmed", "")]
}

fn ready() -> Value {
    condition("Ready", "True", "AllProxiesCurrent", "")
}

fn server(connection: Value, guardrail: Value) -> Server {
    Server::start(move |what, _| match what.strip_prefix("GET ") {
        Some(path) if path == format!("{SHOP}/connections") => {
            list(std::slice::from_ref(&connection))
        }
        Some(path) if path == format!("{SHOP}/guardrailpolicies") => {
            list(std::slice::from_ref(&guardrail))
        }
        _ => list(&[]),
    })
}

#[test]
fn what_is_well_is_a_table_and_what_is_not_says_why() {
    let late = "1 of 2 proxies serve it; orders-db-x refuses spec.rules[0]: no\u{1b}[2J";
    let conditions = [
        condition("Accepted", "True", "Accepted", ""),
        condition("Programmed", "False", "PartiallyProgrammed", late),
        // The same cause again is not told again.
        condition("Ready", "False", "ProxiesStale", late),
    ];
    let server = server(connection(3, &conditions), guardrail(&well()));
    let output = server.run(&["status"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let expected = "\
NAMESPACE  CONNECTION  PROTOCOL    READY  PROXIES  POLICIES                                              REVISION             ADDRESS
shop       orders-db   PostgreSQL  False  1/2      2: guard/customers mask/portcullis-system/cards  sha256:4f2a4f2a4f2a  orders-db.shop.svc:5432

NAMESPACE  KIND             NAME       ACCEPTED  PROGRAMMED  CONNECTIONS
shop       GuardrailPolicy  customers  True      True        shop/orders-db

What is not well
Connection shop/orders-db: Programmed=False PartiallyProgrammed: 1 of 2 proxies serve it; orders-db-x refuses spec.rules[0]: no\\u{1b}[2J
";
    let squeezed = |text: &str| {
        let lines = text.lines();
        let lines = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        lines.collect::<Vec<_>>()
    };
    assert_eq!(squeezed(&said(&output)), squeezed(expected));
    let output = server.run(&["status", "--check", "-o", "json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let value = json(&output);
    assert_eq!(value["well"], false);
    assert_eq!(value["connections"][0]["ready"], false);
    assert_eq!(
        value["connections"][0]["proxies"],
        json!({ "current": 1, "total": 2 })
    );
    assert_eq!(value["policies"][0]["programmed"], true);
    assert_eq!(
        value["policies"][0]["connections"],
        json!(["shop/orders-db"])
    );
}

#[test]
fn a_check_passes_where_all_is_well_and_waits_for_it_where_asked() {
    let fine = server(connection(3, &[ready()]), guardrail(&well()));
    assert_eq!(fine.run(&["status", "--check"]).status.code(), Some(0));
    // A status of an older version says nothing of this one.
    let stale = server(connection(4, &[ready()]), guardrail(&well()));
    let output = stale.run(&["status", "--check"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(said(&output).contains("has not looked at this version yet"));
    let mut looks = 0;
    let later = Server::start(move |what, _| {
        if !what.ends_with("/connections") {
            return list(&[]);
        }
        looks += 1;
        list(&[connection(if looks > 1 { 3 } else { 4 }, &[ready()])])
    });
    let output = later.run(&["status", "--wait", "20"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn what_may_not_be_seen_is_not_taken_for_well() {
    let server = Server::start(|what, _| match what.ends_with("/maskingrules") {
        true => refusal(403, "carol cannot list resource maskingrules"),
        false => list(&[]),
    });
    let output = server.run(&["status"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(said(&output), "no Connection in shop\n");
    let words = complained(&output);
    assert!(
        words.contains("not seen: maskingrules: carol cannot list"),
        "{words}"
    );
    let output = server.run(&["status", "--check"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let gone = Server::start(|_, _| refusal(500, "etcd is away"));
    let output = gone.run(&["status"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(complained(&output).contains("etcd is away"), "{output:?}");
}

#[test]
fn an_object_of_a_newer_version_is_named_and_not_read_in_part() {
    let mut newer = connection(3, &[ready()]);
    newer["spec"]["fromTheFuture"] = json!(true);
    let server = server(newer, guardrail(&well()));
    let output = server.run(&["status"]);
    assert_eq!(output.status.code(), Some(2));
    let words = complained(&output);
    assert!(
        words.contains("Connection shop/orders-db cannot be read"),
        "{words}"
    );
    assert!(words.contains("fromTheFuture"), "{words}");
}

#[test]
fn what_waits_for_approval_is_told_beside_it_and_all_pages_are_read() {
    let request = |number: usize, state: &str| {
        json!({
            "apiVersion": "portcullis.dev/v1alpha1", "kind": "ApprovalRequest",
            "metadata": { "namespace": "shop", "name": format!("orders-{number}") },
            "spec": {
                "connectionRef": { "name": "orders-db", "uid": "u" },
                "policyRef": { "name": "p", "rule": "r", "generation": 0 },
                "requester": { "username": "agent" },
                "operation": {
                    "hash": format!("sha256:{}", "ab".repeat(32)), "hashVersion": "v1",
                    "summary": "DELETE",
                },
                "requiredApprovals": 1, "expiresAt": "2099-11-20T10:15:00Z",
            },
            "status": { "observedGeneration": 1, "state": state, "decisions": [] },
        })
    };
    let mut pages = 0;
    let server = Server::start(move |what, _| {
        if !what.ends_with("/approvalrequests") {
            return list(&[]);
        }
        pages += 1;
        let state = if pages == 2 { "Denied" } else { "Pending" };
        let (status, mut page) = list(&[request(pages, state)]);
        if pages < 3 {
            page["metadata"]["continue"] = json!("next");
        }
        (status, page)
    });
    let output = server.run(&["status", "-o", "json"]);
    let value = json(&output);
    let names = value["pendingApprovals"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["orders-1", "orders-3"]);
    // There is no Connection and no policy: a name may be misspelt.
    assert_eq!(value["well"], false);
    assert_eq!(server.run(&["status", "--check"]).status.code(), Some(1));
    assert_eq!(
        server.run(&["status", "--wait", "86401"]).status.code(),
        Some(2)
    );
}
