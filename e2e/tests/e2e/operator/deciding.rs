//! Requests with an operator that runs: stamps become decisions, decisions a grant.

use portcullis_e2e::approvals::{Bed, stamp, with_bed};
use portcullis_e2e::wait_until;
use serde_json::{Value, json};

const BOBS: &str = "81b637d8fcd2c6da";
const CAROLS: &str = "4c26d9074c27d89e";

fn wait_for_state(bed: &Bed<'_>, name: &str, state: &str) -> Value {
    wait_until(&format!("state {state}"), || {
        let status = bed.status(name);
        match status["state"] == state {
            true => Ok(status),
            false => Err(status.to_string()),
        }
    })
}

#[test]
fn a_quorum_of_stamps_opens_a_grant_and_leaves_no_stamps() {
    with_bed(|bed| {
        let name = bed.request("a");
        stamp(&bed.user("bob"), &name, BOBS, "Approve|3|bob|fine").must_succeed();
        wait_until("1/2", || {
            let status = bed.status(&name);
            match status["approvals"] == "1/2" {
                true => Ok(()),
                false => Err(status.to_string()),
            }
        });
        stamp(&bed.user("carol"), &name, CAROLS, "Approve|5|carol|fine").must_succeed();
        let status = wait_for_state(bed, &name, "Approved");
        assert_eq!(status["approvals"], "2/2");
        assert!(status["grant"]["expiresAt"].is_string(), "{status}");
        wait_until("the stamps to be gone", || {
            let annotations = bed.admin.get(&["appr", &name])["metadata"]["annotations"].clone();
            match annotations.to_string().contains("decision.portcullis.dev") {
                false => Ok(()),
                true => Err(annotations.to_string()),
            }
        });
        // A word against it later takes it back.
        let revoke = format!("{BOBS}.revoke");
        stamp(&bed.user("bob"), &name, &revoke, "Revoke|3|bob|no").must_succeed();
        wait_for_state(bed, &name, "Revoked");
    });
}

#[test]
fn one_denial_ends_a_request() {
    with_bed(|bed| {
        let name = bed.request("a");
        stamp(&bed.user("bob"), &name, BOBS, "Deny|3|bob|no").must_succeed();
        let status = wait_for_state(bed, &name, "Denied");
        let conditions = json!(status["conditions"]);
        assert_eq!(conditions[0]["reason"], "DeniedByApprover");
        assert_eq!(status.get("grant"), None);
    });
}
