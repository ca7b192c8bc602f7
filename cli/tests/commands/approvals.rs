//! What an approver is told.

use serde_json::{Value, json};

use crate::run::{complained, json, portcullis, proxy, said};

const NAME: &str = "orders-db-1f0c8d2a9b7e6543-1";

fn short() -> Value {
    json!({
        "namespace": "shop", "connection": "orders-db", "name": NAME, "state": "Pending",
        "approvals": "1/2", "requester": "oidc:agent-7", "summary": "DELETE Write table:public.orders",
        "expiresAt": "2026-11-20T10:15:00Z",
    })
}

fn whole() -> Value {
    let mut request = short();
    let more = json!({
        "heldUntil": "2026-11-20T10:05:00Z",
        "spec": {
            "connectionRef": {"name": "orders-db", "uid": "u", "address": "orders.internal:5432"},
            "policyRef": {
                "namespace": "shop", "name": "writes-wait", "rule": "changes", "generation": 0,
            },
            "requester": {
                "username": "oidc:agent-7", "onBehalfOf": "oidc:alice@example.com",
                "issuer": "https://idp.example",
            },
            "operation": {
                "hash": format!("sha256:{}", "ab".repeat(32)), "hashVersion": "v1",
                "summary": "DELETE Write table:public.orders", "verb": "DELETE",
                "effects": ["Write"], "resources": ["Write table:public.orders"],
                "flags": ["constantWhere"], "attributes": {"role": ["app"]},
                "text": "$1 = 'a\u{1b}[2J'\nDELETE  FROM orders -- \u{202e}", "maskedValues": 3,
            },
            "grant": {"type": "TimeBoxed", "duration": "10m"},
            "requiredApprovals": 2,
            "expiresAt": "2026-11-20T10:15:00Z",
        },
        "status": {
            "observedGeneration": 1, "state": "Pending", "approvals": "1/2",
            "decisions": [{"username": "carol", "decision": "Approve", "reason": "ticket\r4711"}],
        },
    });
    let members = more.as_object().unwrap().clone();
    request.as_object_mut().unwrap().extend(members);
    request
}

#[test]
fn an_approver_sees_the_whole_operation_with_nothing_that_steers_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_str().unwrap();
    let answer = json!({"ok": true, "request": whole()});
    let proxy = proxy(folder.path(), vec![vec![answer.clone()], vec![answer]]);
    let show = ["approvals", "show", NAME, "--state", state];
    let told = said(&portcullis(&show));
    let expected = format!(
        "{NAME}  Pending 1/2\n\
         connection     shop/orders-db at orders.internal:5432\n\
         requester      oidc:agent-7\n\
         on behalf of   oidc:alice@example.com\n\
         known by       https://idp.example\n\
         policy         shop/writes-wait\n\
         rule           changes\n\
         grant          it runs as often as asked, for 10m\n\
         decide until   2026-11-20T10:15:00Z\n\
         caller waits   until 2026-11-20T10:05:00Z\n\
         operation      DELETE\n\
         effect         Write\n\
         touches        Write table:public.orders\n\
         flag           constantWhere\n\
         attribute      role = app\n\
         masked values  3\n\
         hash           sha256:{}\n\
         \n\
         \x20 $1 = 'a\\u{{1b}}[2J'\n\
         \x20 DELETE  FROM orders -- \\u{{202e}}\n\
         \n\
         Approve by carol: ticket\\u{{d}}4711\n",
        "ab".repeat(32)
    );
    assert_eq!(told, expected);
    let machine = [&show[..], &["-o", "json", "-n", "shop"]].concat();
    assert_eq!(json(&portcullis(&machine)), whole());
    let heard = proxy.join().unwrap();
    assert_eq!(
        heard[0],
        json!({"verb": "show", "name": NAME, "namespace": null})
    );
    assert_eq!(
        heard[1],
        json!({"verb": "show", "name": NAME, "namespace": "shop"})
    );
}

#[test]
fn the_list_is_short_for_people_and_whole_for_machines() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_str().unwrap();
    let list = json!({"ok": true, "requests": [short()]});
    let show = json!({"ok": true, "request": whole()});
    let answers = vec![vec![list.clone()], vec![list], vec![show]];
    let proxy = proxy(folder.path(), answers);
    let table = said(&portcullis(&["approvals", "list", "--state", state]));
    assert!(
        table.contains("DELETE Write table:public.orders"),
        "{table}"
    );
    assert!(
        table.contains("`portcullis approvals show NAME`"),
        "{table}"
    );
    let listed = portcullis(&["approvals", "list", "--state", state, "-o", "json"]);
    assert_eq!(json(&listed), json!([whole()]));
    assert_eq!(proxy.join().unwrap()[2]["verb"], "show");
}

#[test]
fn a_decision_is_told_to_machines_too_and_a_refusal_is_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_str().unwrap();
    let done = json!({"ok": true, "state": "Denied"});
    let no = json!({"ok": false, "error": "user id 7 is nobody here"});
    let proxy = proxy(folder.path(), vec![vec![done], vec![no]]);
    let deny = [
        "deny", NAME, "--state", state, "--reason", "no", "-o", "json",
    ];
    let denied = portcullis(&deny);
    assert_eq!(json(&denied), json!({"name": NAME, "state": "Denied"}));
    let refused = portcullis(&["approvals", "show", NAME, "--state", state]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(complained(&refused).contains("user id 7 is nobody here"));
    drop(proxy.join().unwrap());
}
