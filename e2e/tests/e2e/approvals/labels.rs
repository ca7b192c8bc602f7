//! Labels that make a pod a proxy are the operator's.

use portcullis_e2e::{Cluster, wait_until};
use serde_json::{Value, json};

use portcullis_e2e::approvals::with_bed;

const REFUSED: &str = "labels of pods under portcullis.dev/ are the operator's own";
const NOT_YOURS: &str = "what proxies run is the operator's own";

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
    });
}

/// What pods are made of, in every kind that Kubernetes makes pods of.
fn templates(key: &str) -> Vec<Value> {
    let container = json!({"name": "app", "image": Cluster::image("busybox"), "command": ["true"]});
    let template = |restart: &str| {
        let spec = json!({"containers": [container], "restartPolicy": restart});
        json!({"metadata": {"labels": labels(key)}, "spec": spec})
    };
    let (always, never) = (template("Always"), template("Never"));
    let object = |api: &str, kind: &str, spec: &Value| {
        let name = kind.to_lowercase();
        json!({"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec})
    };
    let selector = json!({"matchLabels": {"app": "odd"}});
    let job = json!({"template": never});
    let cron = json!({"schedule": "0 0 1 1 *", "suspend": true, "jobTemplate": {"spec": job}});
    let set = json!({"selector": selector, "template": always});
    let replicas = json!({"replicas": 0, "selector": {"app": "odd"}, "template": always});
    let mut all = vec![
        object("batch/v1", "Job", &job),
        object("batch/v1", "CronJob", &cron),
        object("apps/v1", "DaemonSet", &set),
        object("v1", "ReplicationController", &replicas),
        object("v1", "PodTemplate", &json!({})),
    ];
    let last = all.last_mut().unwrap();
    last["template"] = always;
    last.as_object_mut().unwrap().remove("spec");
    all
}

#[test]
fn nothing_that_makes_pods_makes_them_look_like_proxies() {
    with_bed(|bed| {
        for object in templates("portcullis.dev/connection") {
            bed.admin
                .try_create(&object.to_string())
                .must_be_refused(REFUSED);
        }
        for object in templates("example.com/connection") {
            bed.admin.try_create(&object.to_string()).must_succeed();
        }
        // Added to what is there; and what is there is changed in other ways.
        let label = json!({"metadata": {"labels": {"portcullis.dev/connection": "orders"}}});
        for (kind, patch) in [
            ("daemonset", json!({"spec": {"template": label}})),
            (
                "replicationcontroller",
                json!({"spec": {"template": label}}),
            ),
            (
                "cronjob",
                json!({"spec": {"jobTemplate": {"spec": {"template": label}}}}),
            ),
            ("podtemplate", json!({"template": label})),
        ] {
            let line = [
                "patch",
                kind,
                kind,
                "--type=merge",
                "-p",
                &patch.to_string(),
            ];
            bed.admin.run(&line).must_be_refused(REFUSED);
            bed.admin.must(&["label", kind, kind, "example.com/x=y"]);
        }
    });
}

#[test]
fn labels_come_neither_by_the_status_nor_by_the_place_of_a_pod() {
    with_bed(|bed| {
        let mut object: Value = serde_json::from_str(&pod("a", "example.com/connection")).unwrap();
        object["spec"]["schedulerName"] = json!("nobody");
        bed.admin.try_create(&object.to_string()).must_succeed();
        let label = json!({"metadata": {"labels": {"portcullis.dev/connection": "orders"}}});
        let status = [
            "patch",
            "pod",
            "a",
            "--subresource=status",
            "--type=merge",
            "-p",
        ];
        let label = label.to_string();
        let line = [&status[..], &[&label]].concat();
        bed.admin.run(&line).must_be_refused(REFUSED);
        let other = json!({"status": {"message": "waits"}}).to_string();
        bed.admin.must(&[&status[..], &[&other]].concat());
        let node = bed.admin.get(&["nodes"])["items"][0]["metadata"]["name"].clone();
        let mut binding = json!({
            "apiVersion": "v1", "kind": "Binding",
            "metadata": {"name": "a", "labels": {"portcullis.dev/connection": "orders"}},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        });
        let base = format!("/api/v1/namespaces/{}", bed.namespace.name);
        let place = |path: &str, binding: &Value| {
            let line = ["create", "--raw", &format!("{base}/{path}"), "-f", "-"];
            bed.admin.run_with(&line, &binding.to_string())
        };
        for path in ["pods/a/binding", "bindings"] {
            place(path, &binding).must_be_refused(REFUSED);
        }
        binding["metadata"]["labels"] = json!({});
        place("pods/a/binding", &binding).must_succeed();
    });
}

/// In some clusters every controller of Kubernetes is this user.
#[test]
fn one_user_for_all_controllers_makes_proxies_of_workloads_alone() {
    with_bed(|bed| {
        let user = "system:kube-controller-manager";
        let edit = [
            "create",
            "rolebinding",
            "one",
            "--clusterrole=cluster-admin",
        ];
        bed.admin
            .must(&[&edit[..], &[&format!("--user={user}")]].concat());
        let one = bed.admin.impersonating(user);
        let owned = |name: &str, api: &str, kind: &str| {
            let mut object: Value =
                serde_json::from_str(&pod(name, "portcullis.dev/connection")).unwrap();
            object["metadata"]["ownerReferences"] = json!([{
                "apiVersion": api, "kind": kind, "name": "x", "uid": "x", "controller": true,
            }]);
            object.to_string()
        };
        for (api, kind) in [
            ("batch/v1", "Job"),
            ("apps/v1", "DaemonSet"),
            ("v1", "ReplicationController"),
            ("example.com/v1", "ReplicaSet"),
        ] {
            one.try_create(&owned("b", api, kind))
                .must_be_refused(REFUSED);
        }
        one.try_create(&pod("b", "portcullis.dev/connection"))
            .must_be_refused(REFUSED);
        one.try_create(&owned("b", "apps/v1", "ReplicaSet"))
            .must_succeed();
        // And nobody else does by saying so.
        bed.admin
            .try_create(&owned("c", "apps/v1", "ReplicaSet"))
            .must_be_refused(REFUSED);
    });
}

#[test]
fn the_label_of_pods_with_a_sidecar_comes_with_the_pod_and_stays() {
    with_bed(|bed| {
        let alice = bed.user("alice");
        alice
            .try_create(&pod("a", "portcullis.dev/sidecar"))
            .must_succeed();
        alice
            .run(&["label", "pod", "a", "portcullis.dev/sidecar-"])
            .must_be_refused(REFUSED);
        alice
            .try_create(&pod("b", "example.com/sidecar"))
            .must_succeed();
        alice
            .run(&["label", "pod", "b", "portcullis.dev/sidecar=true"])
            .must_be_refused(REFUSED);
        let deployment = workload("Deployment", "c", "portcullis.dev/sidecar");
        alice.try_create(&deployment).must_be_refused(REFUSED);
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

#[test]
fn nobody_puts_another_program_where_a_proxy_runs() {
    with_bed(|bed| {
        let tenant = bed.namespace.tenant();
        let image = |what: &str, image: &str| {
            let image = format!("app={image}");
            tenant.run(&["set", "image", what, &image])
        };
        for kind in ["Deployment", "StatefulSet"] {
            let name = kind.to_lowercase();
            let object = workload(kind, "a", "portcullis.dev/connection");
            bed.operator().try_apply(&object).must_succeed();
            image(&format!("{name}/a"), "evil:1").must_be_refused(NOT_YOURS);
            let beside = json!({"name": "evil", "image": "evil:1"});
            let path = "/spec/template/spec/containers/-";
            let change = json!([{"op": "add", "path": path, "value": beside}]).to_string();
            tenant
                .run(&["patch", &name, "a", "--type=json", "-p", &change])
                .must_be_refused(NOT_YOURS);
            // What is nobody's proxy is whose it is.
            let own = workload(kind, "own", "example.com/connection");
            tenant.try_create(&own).must_succeed();
            image(&format!("{name}/own"), "other:1").must_succeed();
        }
        for kind in ["replicaset", "pod"] {
            let found = wait_until(kind, || {
                let select = "--selector=portcullis.dev/connection=orders,pod-template-hash";
                let all = bed.admin.get(&[kind, select])["items"].clone();
                let name = all[0]["metadata"]["name"].as_str().map(str::to_owned);
                name.ok_or(all.to_string())
            });
            let found = format!("{kind}/{found}");
            image(&found, "evil:1").must_be_refused(NOT_YOURS);
            tenant.must(&["annotate", &found, "example.com/x=y"]);
        }
        // When and how many are no program.
        for kind in ["deployment", "statefulset"] {
            tenant.must(&["rollout", "restart", kind, "a"]);
            tenant.must(&["scale", kind, "a", "--replicas=0"]);
        }
    });
}
