//! A pod that sees the processes of its node, to end them as a node's own troubles would.

use portcullis_e2e::{Cluster, Kubectl, Namespace, lacks};
use serde_json::json;

use crate::replicas::platform;

pub(crate) struct Node {
    admin: Kubectl,
    name: String,
}

// === impl Node ===

impl Node {
    /// The node on which a pod of the operator's runs.
    pub(crate) fn under(pod: &str, namespace: &Namespace) -> Self {
        let pod = platform().get(&["pod", pod]);
        let node = pod["spec"]["nodeName"].as_str().unwrap();
        let name = format!("node-{node}");
        let admin = namespace.admin();
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name },
            "spec": {
                "hostPID": true, "nodeName": node, "terminationGracePeriodSeconds": 0,
                "tolerations": [{ "operator": "Exists" }],
                "containers": [{
                    "name": "node", "image": Cluster::image("busybox"),
                    "command": ["/bin/busybox", "sleep", "1800"],
                }],
            },
        });
        let said = admin.try_apply(&pod.to_string());
        if !said.succeeded {
            let why = said.errors.trim();
            lacks(&format!("pod that sees the processes of its node ({why})"));
        }
        let name = format!("pod/{name}");
        admin.must(&["wait", "--for=condition=Ready", "--timeout=60s", &name]);
        Self { admin, name }
    }

    /// What a script on the node says.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) -> String {
        self.try_run(script)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same, or what it has against it.
    pub(crate) fn try_run(&self, script: &str) -> Result<String, String> {
        let script = ["--", "/bin/busybox", "sh", "-c", script];
        let said = self
            .admin
            .run(&[&["exec", &self.name], &script[..]].concat());
        match said.succeeded {
            true => Ok(said.output.trim().to_owned()),
            false => Err(format!("{script:?}: {}{}", said.output, said.errors)),
        }
    }

    /// The process of a program in a pod, if it runs.
    pub(crate) fn process(&self, program: &str, pod: &str) -> Option<String> {
        // Some ways to name groups have no `-`.
        let script = format!(
            "for it in /proc/[0-9]*; do
               busybox tr _ - <$it/cgroup 2>/dev/null | busybox grep -q '{pod}' || continue
               busybox tr '\\0' ' ' <$it/cmdline | busybox grep -q '^[^ ]*{program} ' && echo ${{it#/proc/}}
             done; true"
        );
        self.run(&script).lines().next().map(str::to_owned)
    }
}
