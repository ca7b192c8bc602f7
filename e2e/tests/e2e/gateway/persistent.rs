//! A spool on a volume that outlives its pod.

use portcullis_e2e::{Cluster, Kubectl, wait_until};
use serde_json::{Value, json};

use super::bed::{Bed, with_bed};
use super::record::recorded;

/// By what label of a node volumes are bound to it.
const HOSTNAME: &str = "kubernetes.io/hostname";

#[test]
fn what_was_recorded_is_there_after_its_proxy_and_the_chain_goes_on() {
    with_bed(|bed| {
        let volume = Volume::of(bed);
        bed.class(&json!({ "recording": {
            "spool": "Persistent", "spoolSize": "64Mi", "spoolStorageClassName": volume.name,
        } }));
        bed.connection(&json!({ "mode": "Gateway", "gateway": { "replicas": 1 } }));
        let first = uid_once_ready(bed, &Value::Null);
        bed.keep_ca();
        assert_eq!(bed.admin.find(&["deployment", "orders"]), None);
        let mut session = bed.session("dana");
        assert!(
            session
                .ask("delete from customers")
                .contains("customers stay")
        );
        let written = recorded(bed, "orders-0");
        assert!(written.contains("delete from customers"), "{written}");
        // Gone without a word: nothing is drained, sealed or uploaded.
        bed.admin
            .must(&["delete", "pod", "orders-0", "--grace-period=0", "--force"]);
        uid_once_ready(bed, &first);
        let mut session = bed.session("dana");
        assert_eq!(session.ask("select 'after it'"), "after it");
        let written = recorded(bed, "orders-0");
        for operation in ["delete from customers", "after it"] {
            assert!(written.contains(operation), "{operation}: {written}");
        }
        let writers = writers(&written);
        assert_eq!(writers.len(), 1, "{writers:?}");
        // Whoever removes the Connection has not removed what it recorded.
        bed.admin.must(&["delete", "connection", "orders"]);
        wait_until("the proxies to go", || {
            let pods = bed
                .admin
                .get(&["pods", "--selector=portcullis.dev/connection=orders"]);
            let pods = &pods["items"];
            (*pods == json!([])).then_some(()).ok_or(pods.to_string())
        });
        let claim = bed.admin.get(&["pvc", "state-orders-0"]);
        assert_eq!(claim["status"]["phase"], "Bound", "{claim}");
        assert_eq!(claim["metadata"]["deletionTimestamp"], Value::Null);
    });
}

/// The UID of the one proxy, once it is another than `before` and serves.
fn uid_once_ready(bed: &Bed<'_>, before: &Value) -> Value {
    let uid = wait_until("the proxy", || {
        let pod = bed.admin.find(&["pod", "orders-0"]).unwrap_or_default();
        let conditions = pod["status"]["conditions"].as_array().cloned();
        let ready = conditions
            .unwrap_or_default()
            .iter()
            .any(|it| it["type"] == "Ready" && it["status"] == "True");
        let uid = pod["metadata"]["uid"].clone();
        let is_new = ready && uid != *before;
        is_new.then_some(uid).ok_or(pod["status"].to_string())
    });
    bed.wait_until_it_serves();
    uid
}

fn writers(exported: &str) -> std::collections::BTreeSet<String> {
    let lines = exported.lines();
    let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.map(|line| line["writer"].to_string()).collect()
}

/// A folder of the node as a volume, which claims of a class of its own get. There need be nothing in
/// the cluster that makes volumes.
struct Volume {
    admin: Kubectl,
    name: String,
}

impl Volume {
    fn of(bed: &Bed<'_>) -> Self {
        let name = bed.namespace.name.clone();
        let folder = json!({ "path": format!("/var/lib/{name}"), "type": "DirectoryOrCreate" });
        // A folder is on one node, and whoever claims it has to go there.
        let node = bed.admin.get(&["pod", "database"])["spec"]["nodeName"].clone();
        let labels = bed.admin.get(&["node", node.as_str().unwrap()])["metadata"]["labels"].clone();
        let there = json!([{ "matchExpressions": [{
            "key": HOSTNAME, "operator": "In", "values": [labels[HOSTNAME]],
        }] }]);
        let volume = json!({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": name },
            "spec": {
                "capacity": { "storage": "1Gi" }, "accessModes": ["ReadWriteOnce"],
                "storageClassName": name, "persistentVolumeReclaimPolicy": "Retain",
                "hostPath": folder,
                "nodeAffinity": { "required": { "nodeSelectorTerms": there } },
            },
        });
        bed.admin.apply(&volume.to_string());
        let volume = Self {
            admin: bed.admin.clone(),
            name,
        };
        // A volume's root is the user's whose pod has it; a folder of the node is root's.
        volume.open(&node, &folder);
        volume
    }

    fn open(&self, node: &Value, folder: &Value) {
        let script = "busybox chmod 0777 /folder";
        let object = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "open" },
            "spec": {
                "restartPolicy": "Never", "nodeName": node,
                "containers": [{
                    "name": "main", "image": Cluster::image("busybox"),
                    "command": ["/bin/busybox", "sh", "-c", script],
                    "securityContext": { "runAsUser": 0 },
                    "volumeMounts": [{ "name": "folder", "mountPath": "/folder" }],
                }],
                "volumes": [{ "name": "folder", "hostPath": folder }],
            },
        });
        self.admin.apply(&object.to_string());
        let done = "--for=jsonpath={.status.phase}=Succeeded";
        self.admin
            .must(&["wait", done, "--timeout=60s", "pod/open"]);
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let volume = ["delete", "persistentvolume", &self.name, "--wait=false"];
        let _gone_before = self.admin.run(&volume);
    }
}
