//! Requests of a cluster, and decisions about them.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::SHOP;
use super::server::{Server, list, refusal};
use crate::run::{complained, json, said};

const NAME: &str = "orders-db-1f0c8d2a9b7e6543-1";
const WHOAMI: &str = "POST /apis/authentication.k8s.io/v1/selfsubjectreviews";

fn request() -> Value {
    json!({
        "apiVersion": "portcullis.dev/v1alpha1", "kind": "ApprovalRequest",
        "metadata": { "namespace": "shop", "name": NAME, "uid": "uid-1", "generation": 1 },
        "spec": {
            "connectionRef": { "name": "orders-db", "uid": "u", "address": "orders.internal:5432" },
            "policyRef": { "namespace": "shop", "name": "writes-wait", "rule": "changes", "generation": 0 },
            "requester": { "username": "oidc:agent-7", "onBehalfOf": "oidc:alice@example.com" },
            "operation": {
                "hash": format!("sha256:{}", "ab".repeat(32)), "hashVersion": "v1",
                "summary": "DELETE Write table:public.orders", "text": "DELETE FROM orders",
            },
            "requiredApprovals": 2,
            "expiresAt": "2099-11-20T10:15:00Z",
        },
        "status": {
            "observedGeneration": 1, "state": "Pending", "approvals": "0/2", "decisions": [],
        },
    })
}

/// What an operator makes of the decisions, and how it says so.
fn counted(request: &mut Value) {
    let decisions = request["status"]["decisions"].as_array().unwrap().clone();
    let of = |word: &str| {
        decisions
            .iter()
            .filter(|one| one["decision"] == word)
            .count()
    };
    let approvals = of("Approve");
    request["status"]["approvals"] = json!(format!("{approvals}/2"));
    request["status"]["state"] = json!(match (of("Deny") + of("Revoke"), approvals) {
        (0, 0 | 1) => "Pending",
        (0, _) => "Approved",
        _ => "Denied",
    });
}

/// Keeps one request; an operator counts what is decided, if there is one.
fn server(mut kept: Value, has_operator: bool) -> Server {
    let path = format!("{SHOP}/approvalrequests");
    Server::start(move |what, body| match what {
        WHOAMI => (
            201,
            json!({
                "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": {},
                "status": { "userInfo": { "username": "carol", "groups": ["approvers"] } },
            }),
        ),
        _ if what == format!("GET {path}") => list(&[kept.clone()]),
        _ if what == format!("GET {path}/{NAME}") => {
            if has_operator {
                counted(&mut kept);
            }
            (200, kept.clone())
        }
        _ if what == format!("PATCH {path}/{NAME}/status") => {
            let added = body[1]["value"].clone();
            kept["status"]["decisions"]
                .as_array_mut()
                .unwrap()
                .push(added);
            (200, kept.clone())
        }
        other => refusal(404, &format!("{other}: not found")),
    })
}

fn decided(decision: &str, reason: &str) -> Vec<(String, Value)> {
    let value = json!({ "username": "carol", "decision": decision, "reason": reason });
    let patch = json!([
        { "op": "test", "path": "/metadata/uid", "value": "uid-1" },
        { "op": "add", "path": "/status/decisions/-", "value": value },
    ]);
    vec![(
        format!("PATCH {SHOP}/approvalrequests/{NAME}/status"),
        patch,
    )]
}

#[test]
fn an_approval_is_written_as_who_one_is_and_what_it_still_needs_is_told() {
    let server = server(request(), true);
    let output = server.run(&["approve", NAME, "--reason", "ticket 4711"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let expected = format!(
        "shop/{NAME} Pending 1/2, as carol\n\
         1 more must approve, who hold approve on Connection orders-db: not oidc:agent-7 or \
         oidc:alice@example.com, who asked, and not carol again\n"
    );
    assert_eq!(said(&output), expected);
    assert_eq!(server.changes(), decided("Approve", "ticket 4711"));
    // To say the same twice does nothing.
    let output = server.run(&["approve", NAME, "--reason", "again", "-o", "json"]);
    let expected = json!({
        "namespace": "shop", "name": NAME, "state": "Pending", "approvals": "1/2",
        "decidedAs": "carol", "takenIn": true,
    });
    assert_eq!(json(&output), expected);
    assert_eq!(server.changes().len(), 1);
}

#[test]
fn the_last_approval_and_a_denial_tell_what_came_of_it() {
    let mut waits = request();
    waits["status"]["decisions"] = json!([{ "username": "bob", "decision": "Approve" }]);
    let approved = server(waits.clone(), true);
    let output = approved.run(&["approve", NAME, "--reason", "why"]);
    assert_eq!(
        said(&output),
        format!("shop/{NAME} Approved 2/2, as carol\n")
    );
    let denied = server(waits, true);
    let output = denied.run(&["deny", NAME, "--reason", "not now"]);
    assert_eq!(said(&output), format!("shop/{NAME} Denied 1/2, as carol\n"));
    assert_eq!(denied.changes(), decided("Deny", "not now"));
}

#[test]
fn a_decision_stands_while_the_operator_is_away() {
    let server = server(request(), false);
    let output = server.run(&["revoke", NAME, "--reason", "over"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let words = said(&output);
    assert!(words.contains("Pending 0/2, as carol\n"), "{words}");
    assert!(
        words.contains("the operator has not counted it yet"),
        "{words}"
    );
    assert_eq!(server.changes(), decided("Revoke", "over"));
}

#[test]
fn what_admission_refuses_is_told_in_its_words() {
    let words = "carol is no approver: it does not hold approve on Connection orders-db";
    let policy = "approvalrequests.portcullis.dev \"x\" is forbidden: ValidatingAdmissionPolicy \
                  'portcullis-approval-status' with binding 'portcullis-approval-status' denied \
                  request: ";
    let said_no = Arc::new(Mutex::new(0));
    let counts = Arc::clone(&said_no);
    let server = Server::start(move |what, _| {
        if what == WHOAMI {
            let user = json!({ "userInfo": { "username": "carol" } });
            return (201, json!({ "metadata": {}, "status": user }));
        }
        if what.starts_with("PATCH") {
            *counts.lock().unwrap() += 1;
            return refusal(403, &format!("{policy}{words}"));
        }
        (200, request())
    });
    let output = server.run(&["approve", NAME, "--reason", "why"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(complained(&output), format!("portcullis: {words}\n"));
    assert_eq!(*said_no.lock().unwrap(), 1);
    let long = "é".repeat(1025);
    let output = server.run(&["approve", NAME, "--reason", &long]);
    assert!(complained(&output).contains("at most 1024"), "{output:?}");
    assert_eq!(*said_no.lock().unwrap(), 1);
}

#[test]
fn a_request_that_is_not_there_is_named() {
    let server = server(request(), true);
    for command in [
        &["approve", "gone", "--reason", "x"][..],
        &["approvals", "show", "gone"],
    ] {
        let output = server.run(command);
        assert_eq!(output.status.code(), Some(2));
        let words = complained(&output);
        assert_eq!(words, "portcullis: there is no request shop/gone\n");
    }
}

#[test]
fn requests_are_told_as_a_standalone_proxy_tells_them() {
    let mut waits = request();
    waits["metadata"]["annotations"] = json!({
        "decision.portcullis.dev/0123456789abcdef": "Deny|3|bob|no",
        "decision.portcullis.dev/fedcba9876543210": "no stamp",
    });
    let server = server(waits, false);
    let expected = format!(
        "NAMESPACE  NAME                          STATE    APPROVALS  REQUESTER     OPERATION                         EXPIRES\n\
         shop       {NAME}  Pending  0/2        oidc:agent-7  DELETE Write table:public.orders  2099-11-20T10:15:00Z\n\
         `portcullis approvals show NAME` tells all of an operation\n"
    );
    assert_eq!(said(&server.run(&["approvals", "list"])), expected);
    let shown = server.run(&["approvals", "show", NAME]);
    let words = said(&shown);
    assert!(
        words.contains("connection     shop/orders-db at orders.internal:5432\n"),
        "{words}"
    );
    assert!(words.contains("  DELETE FROM orders\n"), "{words}");
    // The operator has not moved it, and it beats every approval.
    assert!(words.contains("Deny by bob: no\n"), "{words}");
    let whole = json(&server.run(&["approvals", "list", "-o", "json"]));
    assert_eq!(whole[0]["spec"]["requiredApprovals"], 2);
    assert_eq!(whole[0]["heldUntil"], Value::Null);
}
