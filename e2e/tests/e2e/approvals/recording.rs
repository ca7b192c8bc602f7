//! What the operator's own account may write: a copy of what stands, and no decision of its own.

use serde_json::json;

use portcullis_e2e::approvals::{OPERATOR, patch, patch_status, stamp, with_bed};

const BOBS: &str = "81b637d8fcd2c6da";

fn append(username: &str, decision: &str, reason: &str) -> serde_json::Value {
    let value = json!({"username": username, "decision": decision, "reason": reason});
    json!([{"op": "add", "path": "/status/decisions/-", "value": value}])
}

#[test]
fn the_operator_records_what_stands() {
    with_bed(|bed| {
        let name = bed.request("a");
        for (username, decision) in [("bob", "Approve"), (OPERATOR, "Deny")] {
            let said = patch_status(&bed.operator(), &name, &append(username, decision, ""));
            said.must_be_refused("only decisions that stand as stamps");
        }
        stamp(&bed.user("bob"), &name, BOBS, "Approve|3|bob|looks fine").must_succeed();
        // Where an operator runs it has done so by now.
        let said = patch_status(
            &bed.operator(),
            &name,
            &append("bob", "Approve", "looks fine"),
        );
        assert!(
            said.succeeded || bed.decisions(&name) == ["bob Approve"],
            "{said:?}"
        );
    });
}

#[test]
fn the_operator_writes_no_stamp() {
    with_bed(|bed| {
        let name = bed.request("a");
        for value in ["Approve|3|bob|", "anything"] {
            let said = stamp(&bed.operator(), &name, BOBS, value);
            said.must_be_refused("the operator makes no decisions");
        }
    });
}

#[test]
fn a_stamp_is_taken_away_when_its_decision_is_recorded() {
    with_bed(|bed| {
        let name = bed.request("a");
        stamp(&bed.user("bob"), &name, BOBS, "Deny|3|bob|no").must_succeed();
        let path = format!("/metadata/annotations/decision.portcullis.dev~1{BOBS}");
        let remove = json!([{"op": "remove", "path": path}]);
        let said = patch(&bed.operator(), &name, &remove);
        // Where an operator runs, it may have recorded the decision between the two.
        if said.succeeded {
            assert_eq!(bed.decisions(&name), ["bob Deny"]);
        } else if said.errors.contains("a stamp is taken away only when") {
            let _either = patch_status(&bed.operator(), &name, &append("bob", "Deny", "no"));
            assert_eq!(bed.decisions(&name), ["bob Deny"]);
            let _either = patch(&bed.operator(), &name, &remove);
        }
        let found = bed.admin.get(&["appr", &name]);
        let annotations = found["metadata"]["annotations"].to_string();
        assert!(!annotations.contains(BOBS), "{annotations}");
    });
}
