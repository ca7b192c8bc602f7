//! Decisions that approvers append to the status themselves.

use portcullis_e2e::{Kubectl, Said};
use serde_json::json;

use portcullis_e2e::approvals::{Bed, CONNECTION, decide, patch_status, request, with_bed};

#[test]
fn approvers_decide_under_their_own_names() {
    with_bed(|bed| {
        let name = bed.request("a");
        decide(&bed.user("bob"), &name, "bob", "Approve").must_succeed();
        let erin = "oidc:erin@example.com";
        decide(&bed.user("erin"), &name, erin, "Revoke").must_succeed();
        assert_eq!(
            bed.decisions(&name),
            ["bob Approve", "oidc:erin@example.com Revoke"]
        );
    });
}

#[test]
fn nobody_decides_under_another_s_name() {
    with_bed(|bed| {
        let name = bed.request("a");
        for (user, forged) in [
            ("bob", "carol"),
            ("bob", "Bob"),
            ("bob", "bob "),
            ("carol", "bob"),
        ] {
            let said = decide(&bed.user(user), &name, forged, "Approve");
            said.must_be_refused(&format!("record only your own decision: you are {user}"));
        }
        // Their own beside another's.
        let both = json!([
            {"op": "add", "path": "/status/decisions/-", "value": {"username": "bob", "decision": "Approve"}},
            {"op": "add", "path": "/status/decisions/-", "value": {"username": "carol", "decision": "Approve"}},
        ]);
        let said = patch_status(&bed.user("bob"), &name, &both);
        said.must_be_refused("record only your own decision: you are bob");
        let said = decide(
            &bed.user("bob").impersonating("carol"),
            &name,
            "carol",
            "Approve",
        );
        said.must_be_refused("cannot impersonate resource \"users\"");
        assert_eq!(bed.decisions(&name), Vec::<String>::new());
    });
}

#[test]
fn only_holders_of_the_verb_decide_and_machines_never() {
    with_bed(|bed| {
        let name = bed.request("a");
        for decision in ["Approve", "Deny", "Revoke"] {
            // She has the verb for another Connection, and may patch.
            let said = decide(&bed.user("alice"), &name, "alice", decision);
            said.must_be_refused(&format!(
                "alice is no approver: it does not hold approve on Connection {CONNECTION}"
            ));
        }
        let robot = bed.namespace.service_account("robot");
        let account = format!("system:serviceaccount:{}:robot", bed.namespace.name);
        for decision in ["Approve", "Deny"] {
            decide(&robot, &name, &account, decision).must_be_refused("a person must");
        }
        decide(&bed.user("bob"), &name, "bob", "Approve").must_succeed();
    });
}

#[test]
fn who_asks_or_answers_for_it_does_not_approve() {
    with_bed(|bed| {
        for (at, requester) in [
            json!({"username": "bob"}),
            json!({"username": "oidc:agent", "onBehalfOf": "bob"}),
            json!({"username": "oidc:agent", "onBehalfOf": "BOB"}),
        ]
        .into_iter()
        .enumerate()
        {
            let name = format!("own-{at}");
            let mut object = request(&name);
            object["spec"]["requester"] = requester;
            bed.proxy.try_create(&object.to_string()).must_succeed();
            let said = decide(&bed.user("bob"), &name, "bob", "Approve");
            said.must_be_refused("who asks, or answers for who asks, cannot approve");
            // Taking it back is theirs.
            decide(&bed.user("bob"), &name, "bob", "Deny").must_succeed();
        }
    });
}

#[test]
fn decisions_are_only_added() {
    with_bed(|bed| {
        let name = bed.request("a");
        decide(&bed.user("carol"), &name, "carol", "Deny").must_succeed();
        for change in [
            json!([{"op": "remove", "path": "/status/decisions/0"}]),
            json!([{"op": "replace", "path": "/status/decisions/0/decision", "value": "Approve"}]),
            json!([{"op": "replace", "path": "/status/decisions/0/reason", "value": "another"}]),
            json!([{"op": "replace", "path": "/status/decisions/0", "value": {"username": "bob", "decision": "Deny"}}]),
        ] {
            for who in ["bob", "carol"] {
                patch_status(&bed.user(who), &name, &change)
                    .must_be_refused("never changed or taken out");
            }
            let said = patch_status(&bed.operator(), &name, &change);
            said.must_be_refused("never changed or taken out");
        }
    });
}

#[test]
fn nothing_is_decided_about_what_is_finished() {
    with_bed(|bed| {
        let name = bed.denied("a");
        let said = decide(&bed.user("carol"), &name, "carol", "Approve");
        said.must_be_refused("nothing can be decided any more: the request is Denied");
    });
}

#[test]
fn the_rest_of_a_status_is_the_operator_s() {
    with_bed(|bed| {
        let name = bed.request("a");
        let approved = json!({
            "type": "Approved", "status": "True", "reason": "QuorumReached", "message": "",
            "lastTransitionTime": "2026-11-20T10:03:00Z",
        });
        let grant =
            json!({"notBefore": "2026-11-20T10:03:00Z", "expiresAt": "2099-01-01T00:00:00Z"});
        for change in [
            json!([{"op": "replace", "path": "/status/state", "value": "Revoked"}]),
            json!([{"op": "replace", "path": "/status/state", "value": "Expired"}]),
            json!([{"op": "add", "path": "/status/conditions", "value": [{
                "type": "Ready", "status": "True", "reason": "Odd", "message": "",
                "lastTransitionTime": "2026-11-20T10:03:00Z",
            }]}]),
            json!([{"op": "add", "path": "/status/approvals", "value": "2/2"}]),
            json!([{"op": "replace", "path": "/status/observedGeneration", "value": 77}]),
        ] {
            for who in [bed.user("bob"), bed.proxy.clone(), bed.admin.clone()] {
                let said = patch_status(&who, &name, &change);
                said.must_be_refused("written by the operator alone");
            }
        }
        // All at once, with everything that would make it stand.
        let all = json!([
            {"op": "add", "path": "/status/decisions/-", "value": {"username": "bob", "decision": "Approve"}},
            {"op": "add", "path": "/status/conditions", "value": [approved]},
            {"op": "add", "path": "/status/grant", "value": grant},
            {"op": "replace", "path": "/status/state", "value": "Approved"},
        ]);
        assert!(!patch_status(&bed.user("bob"), &name, &all).succeeded);
        assert_eq!(bed.status(&name)["state"], "Pending");
    });
}

#[test]
fn usage_is_written_by_a_proxy_of_the_connection() {
    with_bed(|bed| {
        let name = bed.request("a");
        let withdraw = json!([{"op": "add", "path": "/status/usage", "value": {"withdrawnAt": "2026-11-20T10:04:00Z"}}]);
        let other = bed.namespace.service_account("other-proxy");
        for who in [bed.user("bob"), bed.user("alice"), other, bed.operator()] {
            let said = patch_status(&who, &name, &withdraw);
            said.must_be_refused("usage is written by the proxies of the Connection");
        }
        patch_status(&bed.proxy, &name, &withdraw).must_succeed();
        // A proxy decides nothing.
        let account = format!("system:serviceaccount:{}:proxy", bed.namespace.name);
        decide(&bed.proxy, &bed.request("b"), &account, "Approve").must_be_refused("a person must");
    });
}

#[test]
fn a_class_may_ask_more_of_an_approver_than_the_name() {
    with_bed(|bed| {
        let mut object = request("a");
        object["spec"]["requiredExtra"] = json!({"acr": ["mfa", "hardware"]});
        bed.proxy.try_create(&object.to_string()).must_succeed();
        // What an identity provider tells of a person comes to admission as an impersonated person's
        // extra does.
        let carol = |extra: &[(&str, &str)]| bed.admin.knowing("carol", extra);
        let refused =
            |said: Said| said.must_be_refused("the class asks more of an approver than the name");
        refused(decide(&carol(&[]), "a", "carol", "Approve"));
        refused(decide(
            &carol(&[("acr", "password")]),
            "a",
            "carol",
            "Approve",
        ));
        refused(decide(&carol(&[("other", "mfa")]), "a", "carol", "Approve"));
        decide(&carol(&[("acr", "hardware")]), "a", "carol", "Approve").must_succeed();
        // To say no it takes no more than the verb.
        decide(&bed.user("bob"), "a", "bob", "Deny").must_succeed();
    });
}

#[test]
fn two_approvers_at_once_are_both_heard() {
    with_bed(|bed| {
        let name = bed.request("a");
        let at_once = |who: &Kubectl, username: &str| decide(who, &name, username, "Approve");
        let (bob, carol) = (bed.user("bob"), bed.user("carol"));
        std::thread::scope(|scope| {
            let first = scope.spawn(|| at_once(&bob, "bob"));
            at_once(&carol, "carol").must_succeed();
            first.join().unwrap().must_succeed();
        });
        let mut decisions = bed.decisions(&name);
        decisions.sort();
        assert_eq!(decisions, ["bob Approve", "carol Approve"]);
        twice(bed, &name);
    });
}

/// One person counts once.
fn twice(bed: &Bed<'_>, name: &str) {
    let said = decide(&bed.user("bob"), name, "bob", "Approve");
    assert!(!said.succeeded, "{said:?}");
}
