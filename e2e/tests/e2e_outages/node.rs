//! A pod that sees the processes of its node, to end them as a node's own troubles would.

use portcullis_e2e::{Kubectl, Namespace};
use serde_json::json;

pub(crate) struct Node {
    admin: Kubectl,
}

// === impl Node ===

impl Node {
    pub(crate) fn of(namespace: &Namespace) -> Self {
        let admin = namespace.admin();
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "node" },
            "spec": {
                "hostPID": true, "terminationGracePeriodSeconds": 0,
                "containers": [{
                    "name": "node", "image": "busybox:test",
                    "command": ["/bin/busybox", "sleep", "1800"],
                }],
            },
        });
        admin.apply(&pod.to_string());
        admin.must(&["wait", "--for=condition=Ready", "--timeout=60s", "pod/node"]);
        Self { admin }
    }

    /// What a script on the node says.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) -> String {
        let line = ["exec", "node", "--", "/bin/busybox", "sh", "-c", script];
        self.admin.must(&line).trim().to_owned()
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
