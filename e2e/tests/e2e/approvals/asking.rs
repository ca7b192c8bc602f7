//! Who may make a request.

use portcullis_e2e::approvals::{request, with_bed};

#[test]
fn only_a_proxy_of_the_connection_asks() {
    with_bed(|bed| {
        let ahead = request("orders-0123456789abcdef-1").to_string();
        // An approver and a developer, both with the right to create: who knows the name that a
        // proxy will look for gains nothing by it.
        for user in ["alice", "bob"] {
            let said = bed.user(user).try_create(&ahead);
            said.must_be_refused("only a proxy of Connection orders may ask for approval");
        }
        let other = bed.namespace.service_account("other-proxy");
        let said = other.try_create(&ahead);
        said.must_be_refused("other-proxy does not hold request-for on it");
        bed.proxy.try_create(&ahead).must_succeed();
    });
}

#[test]
fn a_request_is_made_without_decisions() {
    with_bed(|bed| {
        for (key, value) in [
            ("decision.portcullis.dev/81b637d8fcd2c6da", "Approve|3|bob|"),
            ("portcullis.dev/approve", "yes"),
        ] {
            let mut object = request("a");
            object["metadata"]["annotations"][key] = value.into();
            let said = bed.proxy.try_create(&object.to_string());
            said.must_be_refused("a request is made without decisions");
        }
        // A status is not taken from who creates.
        let mut object = request("b");
        object["status"] = serde_json::json!({
            "observedGeneration": 1, "state": "Pending",
            "decisions": [{"username": "bob", "decision": "Approve"}],
        });
        object["metadata"]["annotations"]["example.com/note"] = "harmless".into();
        bed.proxy.try_create(&object.to_string()).must_succeed();
        assert_eq!(bed.decisions("b"), Vec::<String>::new());
    });
}

#[test]
fn a_request_does_not_change() {
    with_bed(|bed| {
        let name = bed.request("a");
        let hash = format!("sha256:{}", "1".repeat(64));
        let edit =
            serde_json::json!([{"op": "replace", "path": "/spec/operation/hash", "value": hash}]);
        for who in [bed.proxy.clone(), bed.user("bob"), bed.admin.clone()] {
            let said = portcullis_e2e::approvals::patch(&who, &name, &edit);
            said.must_be_refused("a request cannot change once it is made");
        }
    });
}
