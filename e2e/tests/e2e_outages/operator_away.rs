//! Without the operator nothing opens, nothing is lost, and what was decided is recorded when it is
//! back.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use portcullis_e2e::approvals::{Bed, OPERATOR, decide, patch, patch_status, stamp, with_bed};
use portcullis_e2e::{Cluster, Kubectl, wait_until};
use serde_json::{Value, json};

const BOBS: &str = "81b637d8fcd2c6da";
const CAROLS: &str = "4c26d9074c27d89e";

/// Runs a test while no replica of the operator runs; however it ends, they run again.
fn without_operator(test: impl FnOnce()) {
    let admin = Cluster::named().admin().within("portcullis-system");
    let replicas =
        admin.get(&["deployment", "portcullis-operator"])["spec"]["replicas"].to_string();
    let scale = |count: &str| {
        let count = format!("--replicas={count}");
        admin.must(&["scale", "deployment/portcullis-operator", &count]);
    };
    scale("0");
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        wait_until("the operator to be gone", || {
            let pods = admin.get(&[
                "pods",
                "--selector=app.kubernetes.io/name=portcullis-operator",
            ]);
            match pods["items"].as_array().map(Vec::len) {
                Some(0) => Ok(()),
                count => Err(format!("{count:?} pods")),
            }
        });
        test();
    }));
    scale(&replicas);
    admin.must(&[
        "rollout",
        "status",
        "deployment/portcullis-operator",
        "--timeout=90s",
    ]);
    outcome.unwrap_or_else(|panic| resume_unwind(panic));
}

#[test]
fn nothing_opens_and_nothing_is_lost_while_the_operator_is_away() {
    let _alone = crate::alone();
    with_bed(|bed| {
        let name = bed.request("a");
        without_operator(|| {
            annotations_are_refused(bed, &name);
            stamps_stand(bed, &name);
            the_operator_s_account_decides_nothing(bed, &name);
            decide(&bed.user("bob"), &name, "bob", "Approve").must_succeed();
            assert_eq!(bed.status(&name)["state"], "Pending");
            what_cannot_be_judged_is_not_written(&bed.admin);
            pods_wait_only_where_they_want_a_sidecar(bed);
        });
        wait_until("both decisions to count", || {
            let status = bed.status(&name);
            match (&status["state"], bed.decisions(&name).as_slice()) {
                (Value::String(state), [bob, carol])
                    if state == "Approved" && bob == "bob Approve" && carol == "carol Approve" =>
                {
                    Ok(())
                }
                _ => Err(status.to_string()),
            }
        });
    });
}

/// The webhook would have taken the annotation away. Left there, nobody would read it.
fn annotations_are_refused(bed: &Bed<'_>, name: &str) {
    for word in ["approve", "deny", "revoke"] {
        let annotation = format!("portcullis.dev/{word}=why");
        let said = bed
            .user("bob")
            .run(&["annotate", "appr", name, &annotation]);
        said.must_be_refused("the operator's webhook does not answer");
    }
}

fn stamps_stand(bed: &Bed<'_>, name: &str) {
    stamp(
        &bed.user("carol"),
        name,
        CAROLS,
        "Approve|5|carol|looks fine",
    )
    .must_succeed();
    let path = format!("/metadata/annotations/decision.portcullis.dev~1{CAROLS}");
    for change in [
        json!([{"op": "replace", "path": path, "value": "Deny|3|bob|"}]),
        json!([{"op": "replace", "path": path, "value": "Approve|5|carol|another reason"}]),
        json!([{"op": "remove", "path": path}]),
        json!([{"op": "remove", "path": "/metadata/annotations"}]),
    ] {
        for who in [bed.user("bob"), bed.user("carol"), bed.admin.clone()] {
            let said = patch(&who, name, &change);
            said.must_be_refused("a decision that stands is changed and removed by nobody");
        }
    }
    let said = stamp(&bed.user("carol"), name, "another", "Approve|5|carol|twice");
    said.must_be_refused("this decision of yours stands already");
}

fn the_operator_s_account_decides_nothing(bed: &Bed<'_>, name: &str) {
    let operator = bed.operator();
    let append = |username: &str, decision: &str, reason: &str| {
        let value = json!({"username": username, "decision": decision, "reason": reason});
        json!([{"op": "add", "path": "/status/decisions/-", "value": value}])
    };
    for other in [
        append("bob", "Approve", "looks fine"),
        append("carol", "Deny", "looks fine"),
        append("carol", "Approve", "looks bad"),
        append("carol|looks", "Approve", "fine"),
        append(OPERATOR, "Deny", ""),
    ] {
        let said = patch_status(&operator, name, &other);
        said.must_be_refused("only decisions that stand as stamps");
    }
    let path = format!("/metadata/annotations/decision.portcullis.dev~1{CAROLS}");
    let remove = json!([{"op": "remove", "path": path}]);
    patch(&operator, name, &remove).must_be_refused("a stamp is taken away only when");
    let said = stamp(&operator, name, BOBS, "Approve|3|bob|");
    said.must_be_refused("the operator makes no decisions");
    // What stands it may record, and then take away; that is left to the operator itself.
    let dry = ["--dry-run=server"];
    let arguments = [
        "patch",
        "appr",
        name,
        "--subresource=status",
        "--type=json",
        "-p",
    ];
    let good = append("carol", "Approve", "looks fine").to_string();
    let arguments: Vec<&str> = arguments
        .into_iter()
        .chain([good.as_str()])
        .chain(dry)
        .collect();
    operator.must(&arguments);
}

fn what_cannot_be_judged_is_not_written(admin: &Kubectl) {
    let policy = json!({
        "apiVersion": "portcullis.dev/v1alpha1", "kind": "GuardrailPolicy", "metadata": {"name": "a"},
        "spec": {"targetRefs": [{"name": "orders"}], "enforcement": "Enforce", "default": "Deny"},
    });
    let said = admin.try_apply(&policy.to_string());
    said.must_be_refused("failed calling webhook \"validate.portcullis.dev\"");
}

fn pods_wait_only_where_they_want_a_sidecar(bed: &Bed<'_>) {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
        "spec": {"containers": [{"name": "a", "image": Cluster::image("busybox")}]},
    });
    let create = || {
        bed.admin
            .run_with(&["create", "--dry-run=server", "-f", "-"], &pod.to_string())
    };
    create().must_succeed();
    let namespace = [
        "label",
        "namespace",
        &bed.namespace.name,
        "portcullis.dev/inject=enabled",
    ];
    bed.admin.must(&namespace);
    create().must_be_refused("failed calling webhook \"inject.portcullis.dev\"");
}
