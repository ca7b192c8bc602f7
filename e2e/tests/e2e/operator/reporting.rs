//! What proxies load is told by themselves alone.

use portcullis_e2e::{Kubectl, Said, wait_until};
use serde_json::{Value, json};

use super::bed::{Bed, with_bed};

/// Why a Lease is refused, by the four rules for one.
const NOT_YOURS: &str = "is written by its own proxies alone";
const NOT_ITS: &str = "does not become another's";
const NO_POD: &str = "is named as its proxy's pod";
const NOT_YOUR_POD: &str = "a proxy reports for its own pod and for no other";
/// Why it is not deleted.
const WITH_ITS_POD: &str = "a report goes with its proxy's pod, and not before";

/// The name and UID of a pod.
pub(super) type Pod = (String, String);

/// The pods of the gateway, as many as there should be. None of them has a program.
pub(super) fn pods(bed: &Bed<'_>, count: usize) -> Vec<Pod> {
    wait_until("the pods of the gateway", || {
        let select = "--selector=portcullis.dev/connection=orders";
        let pods = bed.admin.get(&["pods", select])["items"].clone();
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let one = |pod: &Value| {
            (
                word(&pod["metadata"]["name"]),
                word(&pod["metadata"]["uid"]),
            )
        };
        let all: Vec<Pod> = pods.as_array().unwrap().iter().map(one).collect();
        match all.len() == count {
            true => Ok(all),
            false => Err(format!("{all:?}")),
        }
    })
}

/// The Lease of a proxy, as it writes it.
pub(super) fn report(bed: &Bed<'_>, pod: &Pod, revision: &str) {
    let lease = lease("orders", pod, revision);
    proxy(bed, &pod.0).apply(&lease.to_string());
}

/// The account of the proxies of `orders`, by the token of that pod.
fn proxy(bed: &Bed<'_>, pod: &str) -> Kubectl {
    let extra = [("authentication.kubernetes.io/pod-name", pod)];
    bed.admin
        .knowing(&account(bed, "orders-portcullis"), &extra)
}

fn account(bed: &Bed<'_>, name: &str) -> String {
    format!("system:serviceaccount:{}:{name}", bed.namespace.name)
}

fn lease(connection: &str, (name, uid): &Pod, revision: &str) -> Value {
    let date = std::process::Command::new("date")
        .args(["-u", "+%Y-%m-%dT%H:%M:%S.%6NZ"])
        .output()
        .unwrap();
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": name,
            "labels": {
                "portcullis.dev/connection": connection,
                "app.kubernetes.io/managed-by": "portcullis",
            },
            "annotations": { "portcullis.dev/revision": revision },
            "ownerReferences": [{ "apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid }],
        },
        "spec": {
            "holderIdentity": name,
            "renewTime": String::from_utf8_lossy(&date.stdout).trim(),
        },
    })
}

/// Rights on Leases for an account, and to ask for a Connection where one is named.
fn entitle(bed: &Bed<'_>, name: &str, connection: Option<&str>) {
    bed.admin.must(&["create", "serviceaccount", name]);
    let mut rules = vec![json!({
        "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create", "patch"],
    })];
    rules.extend(connection.map(|connection| {
        json!({
            "apiGroups": ["portcullis.dev"], "resources": ["connections"],
            "resourceNames": [connection], "verbs": ["request-for"],
        })
    }));
    let api = "rbac.authorization.k8s.io/v1";
    let role = json!({
        "apiVersion": api, "kind": "Role", "metadata": { "name": name }, "rules": rules,
    });
    let group = "rbac.authorization.k8s.io";
    let binding = json!({
        "apiVersion": api, "kind": "RoleBinding", "metadata": { "name": name },
        "roleRef": { "apiGroup": group, "kind": "Role", "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": name }],
    });
    for object in [role, binding] {
        bed.admin.apply(&object.to_string());
    }
    let who = bed.admin.impersonating(&account(bed, name));
    wait_until("its rights", || {
        let said = who.run(&["auth", "can-i", "patch", "leases"]);
        said.succeeded.then_some(()).ok_or(said.output)
    });
}

/// With one pod of a gateway's, which has no program.
fn with_proxy(test: impl FnOnce(&Bed<'_>, &Pod)) {
    with_bed(
        &json!({ "proxy": { "image": "localhost/none:0" } }),
        |bed| {
            bed.credential("orders@orders.internal:5432");
            bed.connection(&json!({}));
            test(bed, &pods(bed, 1)[0]);
        },
    );
}

#[test]
fn nobody_reports_in_the_name_of_a_proxy() {
    with_proxy(|bed, pod| {
        let genuine = lease("orders", pod, "sha256:1");
        let write = |who: &Kubectl, lease: &Value| -> Said { who.try_apply(&lease.to_string()) };
        // Whoever may write Leases, the cluster's admin among them.
        write(&bed.admin, &genuine).must_be_refused(NOT_YOURS);
        let own = proxy(bed, &pod.0);
        write(&own, &genuine).must_succeed();
        bed.admin
            .run(&["annotate", "lease", &pod.0, "portcullis.dev/head=forged"])
            .must_be_refused(NOT_YOURS);
        bed.admin
            .run(&["label", "lease", &pod.0, "portcullis.dev/connection-"])
            .must_be_refused(NOT_YOURS);
        // The proxy of another Connection, in its own name and in this one's.
        entitle(bed, "billing-portcullis", Some("billing"));
        let billing = bed.admin.impersonating(&account(bed, "billing-portcullis"));
        write(&billing, &genuine).must_be_refused(NOT_YOURS);
        let taken = lease("billing", pod, "sha256:1");
        write(&billing, &taken).must_be_refused(NOT_ITS);
        // Its own proxy, of no pod, of another, or of more than one.
        let mut other = genuine.clone();
        other["metadata"]["name"] = json!("another");
        write(&own, &other).must_be_refused(NO_POD);
        let another = ("another".to_owned(), pod.1.clone());
        let other = lease("orders", &another, "sha256:1");
        write(&own, &other).must_be_refused(NOT_YOUR_POD);
        // A proxy writes no Lease but that: not the one by which the operator leads, say.
        let mut plain = genuine.clone();
        plain["metadata"]["labels"] = json!({});
        plain["metadata"]["name"] = json!("leader");
        write(&own, &plain).must_be_refused(NOT_YOURS);
    });
}

#[test]
fn leases_of_others_are_nobody_s_business() {
    with_bed(&json!({}), |bed| {
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": { "name": "leader", "labels": { "app": "web" } },
            "spec": { "holderIdentity": "web" },
        });
        bed.admin.apply(&lease.to_string());
        // A name that looks like ours makes no proxy of an account.
        entitle(bed, "web-portcullis", None);
        let web = bed.admin.impersonating(&account(bed, "web-portcullis"));
        web.apply(&lease.to_string());
        bed.admin.must(&["delete", "lease", "leader"]);
    });
}

/// What belongs to a pod may be left behind: Kubernetes takes the owner out of the Lease then.
#[test]
fn a_report_goes_with_its_pod_or_is_left_behind() {
    with_proxy(|bed, pod| {
        report(bed, pod, "sha256:1");
        let lease = ["delete", "lease", &pod.0];
        bed.admin.run(&lease).must_be_refused(WITH_ITS_POD);
        let leave = ["--cascade=orphan", "--grace-period=1", "--timeout=60s"];
        bed.admin
            .must(&[&["delete", "pod", &pod.0], &leave[..]].concat());
        let left = bed.admin.get(&["lease", &pod.0]);
        assert_eq!(left["metadata"].get("ownerReferences"), None, "{left}");
        bed.admin.must(&lease);
    });
}
