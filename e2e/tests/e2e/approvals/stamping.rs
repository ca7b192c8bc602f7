//! Stamps: decisions that stand as annotations, written past the webhook.

use portcullis_e2e::wait_until;
use serde_json::json;

use portcullis_e2e::approvals::{patch, stamp, with_bed};

const BOBS: &str = "81b637d8fcd2c6da";
const CAROLS: &str = "4c26d9074c27d89e";

#[test]
fn an_approver_may_write_their_own_stamp() {
    with_bed(|bed| {
        let name = bed.request("a");
        stamp(&bed.user("bob"), &name, BOBS, "Approve|3|bob|looks fine").must_succeed();
        let erin = "Deny|21|oidc:erin@example.com|a|b";
        stamp(&bed.user("erin"), &name, "0000000000000000", erin).must_succeed();
    });
}

#[test]
fn nobody_writes_a_stamp_of_another() {
    with_bed(|bed| {
        let name = bed.request("a");
        for forged in [
            "Approve|5|carol|looks fine",
            "Approve|3|bobby|",
            "Approve|3|bob",
            "Approve|4|bob|",
            "Approve|03|bob|",
            "approve|3|bob|",
            "Maybe|3|bob|",
            "looks fine",
            " Approve|3|bob|",
        ] {
            let said = stamp(&bed.user("bob"), &name, BOBS, forged);
            said.must_be_refused("record only your own decision: you are bob");
        }
        let said = stamp(&bed.admin, &name, BOBS, "Approve|3|bob|");
        said.must_be_refused("record only your own decision: you are admin");
    });
}

#[test]
fn a_stamp_that_the_status_could_not_hold_is_refused() {
    with_bed(|bed| {
        let name = bed.request("a");
        let long = |length: usize| format!("Deny|3|bob|{}", "ä".repeat(length));
        let said = stamp(&bed.user("bob"), &name, BOBS, &long(1025));
        said.must_be_refused("a reason at most 1024");
        let length = 257;
        let somebody = "x".repeat(length);
        let approver = [
            "create",
            "rolebinding",
            "long",
            "--clusterrole=portcullis-approver",
        ];
        let user = format!("--user={somebody}");
        bed.admin.must(&[&approver[..], &[&user]].concat());
        let who = bed.admin.impersonating(&somebody);
        let value = format!("Deny|{length}|{somebody}|");
        wait_until("the rule to be asked", || {
            let said = stamp(&who, &name, "a", &value);
            assert!(!said.succeeded);
            let asked = said
                .errors
                .contains("a username has at most 256 characters");
            asked.then_some(()).ok_or(said.errors)
        });
        stamp(&bed.user("bob"), &name, BOBS, &long(1024)).must_succeed();
        wait_until("it to be recorded", || {
            let decisions = bed.decisions(&name);
            match decisions == ["bob Deny"] {
                true => Ok(()),
                false => Err(format!("{decisions:?}")),
            }
        });
    });
}

/// Only the value says whose it is.
#[test]
fn a_denial_under_any_key_is_heard() {
    with_bed(|bed| {
        let name = bed.request("a");
        for (user, key, value) in [
            ("bob", "zz.odd", "Approve|3|bob|"),
            ("erin", CAROLS, "Deny|21|oidc:erin@example.com|no"),
        ] {
            stamp(&bed.user(user), &name, key, value).must_succeed();
        }
        wait_until("the denial to count", || {
            let status = bed.status(&name);
            match status["state"] == "Denied" {
                true => Ok(()),
                false => Err(status.to_string()),
            }
        });
    });
}

#[test]
fn a_name_with_a_bar_is_one_name() {
    with_bed(|bed| {
        let name = bed.request("a");
        let odd = bed.admin.impersonating("x|3|bob");
        stamp(&odd, &name, "a", "Approve|3|bob|").must_be_refused("you are x|3|bob");
        stamp(&odd, &name, "a", "Approve|1|x|3|bob|").must_be_refused("you are x|3|bob");
        stamp(&odd, &name, "a", "Approve|7|x|3|bob|why").must_succeed();
        // Bob cannot pass for them either.
        let said = stamp(&bed.user("bob"), &name, "b", "Approve|7|x|3|bob|");
        said.must_be_refused("you are bob");
    });
}

#[test]
fn only_holders_of_the_verb_stamp_and_machines_never() {
    with_bed(|bed| {
        let name = bed.request("a");
        let said = stamp(&bed.user("alice"), &name, "a", "Approve|5|alice|");
        said.must_be_refused("alice is no approver");
        let robot = bed.namespace.service_account("robot");
        let account = format!("system:serviceaccount:{}:robot", bed.namespace.name);
        let value = format!("Approve|{}|{account}|", account.len());
        stamp(&robot, &name, "a", &value).must_be_refused("a person must");
        let done = bed.denied("b");
        let said = stamp(&bed.user("carol"), &done, CAROLS, "Approve|5|carol|");
        said.must_be_refused("nothing can be decided any more: the request is Denied");
    });
}

#[test]
fn more_than_the_name_is_asked_of_who_stamps_an_approval() {
    with_bed(|bed| {
        let mut object = portcullis_e2e::approvals::request("a");
        object["spec"]["requiredExtra"] = json!({"acr": ["mfa"]});
        bed.proxy.try_create(&object.to_string()).must_succeed();
        let carol = bed.admin.knowing("carol", &[("acr", "password")]);
        let said = stamp(&carol, "a", CAROLS, "Approve|5|carol|");
        said.must_be_refused("the class asks more of an approver than the name");
        let carol = bed.admin.knowing("carol", &[("acr", "mfa")]);
        stamp(&carol, "a", CAROLS, "Approve|5|carol|").must_succeed();
        stamp(&bed.user("bob"), "a", BOBS, "Deny|3|bob|").must_succeed();
    });
}

#[test]
fn who_asks_or_answers_for_it_does_not_stamp_an_approval() {
    with_bed(|bed| {
        for (name, requester) in [
            ("a", json!({"username": "bob"})),
            ("b", json!({"username": "oidc:agent", "onBehalfOf": "BOB"})),
        ] {
            let mut object = portcullis_e2e::approvals::request(name);
            object["spec"]["requester"] = requester;
            bed.proxy.try_create(&object.to_string()).must_succeed();
            let said = stamp(&bed.user("bob"), name, BOBS, "Approve|3|bob|");
            said.must_be_refused("who asks, or answers for who asks, cannot approve");
            stamp(&bed.user("bob"), name, BOBS, "Deny|3|bob|").must_succeed();
        }
    });
}

#[test]
fn the_rest_of_a_request_is_for_those_who_may_delete_it() {
    with_bed(|bed| {
        let name = bed.request("a");
        let uid = bed.admin.get(&["serviceaccount", "default"])["metadata"]["uid"].clone();
        let owner =
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "name": "default", "uid": uid});
        for change in [
            json!([{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}]),
            json!([{"op": "add", "path": "/metadata/finalizers", "value": ["example.com/never"]}]),
            json!([{"op": "add", "path": "/metadata/ownerReferences", "value": [owner]}]),
        ] {
            let said = patch(&bed.user("bob"), &name, &change);
            said.must_be_refused("are changed by those who may delete it");
        }
        let label = json!([{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}]);
        patch(&bed.admin, &name, &label).must_succeed();
        let note = ["annotate", "appr", &name, "example.com/note=harmless"];
        bed.user("bob").must(&note);
    });
}
