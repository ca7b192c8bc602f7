//! Requests go away when they are finished, or with what they belong to.

use portcullis_e2e::wait_until;
use serde_json::json;

use portcullis_e2e::approvals::{request, with_bed};

#[test]
fn a_request_that_is_not_finished_is_not_deleted() {
    with_bed(|bed| {
        let name = bed.request("a");
        for delete in [
            &["delete", "appr", &name] as &[&str],
            &["delete", "appr", "--all"],
        ] {
            let said = bed.admin.run(delete);
            said.must_be_refused(
                "the request is Pending; deny or revoke it instead of deleting it",
            );
        }
        let denied = bed.denied("b");
        bed.admin.must(&["delete", "appr", &denied]);
    });
}

#[test]
fn a_request_goes_with_what_owns_it() {
    with_bed(|bed| {
        bed.admin.must(&["create", "configmap", "owner"]);
        let uid = bed.admin.get(&["configmap", "owner"])["metadata"]["uid"].clone();
        let mut object = request("a");
        let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid});
        object["metadata"]["ownerReferences"] = json!([owner]);
        bed.proxy.try_create(&object.to_string()).must_succeed();
        bed.admin.must(&["delete", "configmap", "owner"]);
        wait_until("the request to be collected", || {
            match bed.admin.find(&["appr", "a"]) {
                None => Ok(()),
                Some(found) => Err(found["metadata"].to_string()),
            }
        });
    });
}
