//! Labels that make a pod a proxy are the operator's.

use portcullis_e2e::{Cluster, wait_until};
use serde_json::{Value, json};

use portcullis_e2e::approvals::with_bed;

const REFUSED: &str = "labels of pods under portcullis.dev/ are the operator's own";

fn labels(key: &str) -> Value {
    json!({"app": "odd", key: "orders"})
}

fn pod(name: &str, key: &str) -> String {
    let container = json!({"name": "app", "image": Cluster::image("busybox")});
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels(key)},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
    })
    .to_string()
}

fn workload(kind: &str, name: &str, key: &str) -> String {
    let container = json!({"name": "app", "image": Cluster::image("busybox")});
    json!({
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "odd"}},
            "template": {
                "metadata": {"labels": labels(key)},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
            },
        },
    })
    .to_string()
}

#[test]
fn nobody_makes_a_pod_look_like_a_proxy() {
    with_bed(|bed| {
        let alice = bed.user("alice");
        for who in [&alice, &bed.admin] {
            who.try_create(&pod("a", "portcullis.dev/connection"))
                .must_be_refused(REFUSED);
        }
        alice
            .try_create(&pod("a", "example.com/connection"))
            .must_succeed();
        let said = alice.run(&["label", "pod", "a", "portcullis.dev/connection=orders"]);
        said.must_be_refused(REFUSED);
        alice.must(&[
            "label",
            "pod",
            "a",
            "example.com/connection=billing",
            "--overwrite",
        ]);
        for kind in ["Deployment", "StatefulSet", "ReplicaSet"] {
            let said = alice.try_create(&workload(kind, "b", "portcullis.dev/connection"));
            said.must_be_refused(REFUSED);
            alice
                .try_create(&workload(kind, "b", "example.com/connection"))
                .must_succeed();
        }
        // What makes pods in other ways is refused when it makes one.
        let mut set: Value =
            serde_json::from_str(&workload("DaemonSet", "c", "portcullis.dev/x")).unwrap();
        set["spec"].as_object_mut().unwrap().remove("replicas");
        alice.try_create(&set.to_string()).must_succeed();
        wait_until("the pods of the DaemonSet to be refused", || {
            let events = bed
                .admin
                .must(&["get", "events", "--field-selector=reason=FailedCreate"]);
            if events.contains(REFUSED) {
                Ok(())
            } else {
                Err(events)
            }
        });
    });
}

#[test]
fn the_operator_s_workloads_have_them() {
    with_bed(|bed| {
        let deployment = workload("Deployment", "a", "portcullis.dev/connection");
        bed.operator().try_apply(&deployment).must_succeed();
        let select = "--selector=portcullis.dev/connection=orders";
        wait_until("its pod", || {
            let pods = bed.admin.get(&["pods", select]);
            match pods["items"]
                .as_array()
                .is_some_and(|pods| !pods.is_empty())
            {
                true => Ok(()),
                false => Err(bed.admin.run(&["describe", "replicasets"]).output),
            }
        });
        // Others change what is beside the labels, and never them.
        let alice = bed.user("alice");
        alice.must(&["rollout", "restart", "deployment/a"]);
        let path = "/spec/template/metadata/labels/portcullis.dev~1connection";
        for change in [
            json!([{"op": "replace", "path": path, "value": "billing"}]),
            json!([{"op": "remove", "path": path}]),
        ] {
            let said = alice.run(&[
                "patch",
                "deployment",
                "a",
                "--type=json",
                "-p",
                &change.to_string(),
            ]);
            said.must_be_refused(REFUSED);
        }
    });
}
