//! Pods that run beside their sidecar.

use portcullis_e2e::{Cluster, Kubectl, Namespace, wait_until, with_namespace};
use serde_json::{Value, json};

use super::validating::object;

/// A namespace that opted in, lets only restricted pods in, and has a sidecar for pods of `shop`.
fn with_sidecar(test: impl FnOnce(&Namespace)) {
    with_namespace("e2e-admission", |namespace| {
        let admin = namespace.admin();
        let labels = [
            "portcullis.dev/inject=enabled",
            "pod-security.kubernetes.io/enforce=restricted",
        ];
        admin.must(&["label", "namespace", &namespace.name, labels[0], labels[1]]);
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "orders"},
            "stringData": {
                "serves": "orders@db.internal:5432", "username": "guard", "password": "the-target-s-own",
            },
        });
        admin.apply(&secret.to_string());
        let connection = json!({
            "protocol": "PostgreSQL",
            "upstream": {"host": "db.internal", "database": "orders"},
            "credentials": {"secretRef": {"name": "orders"}},
            "access": {"subjects": [{"kind": "ServiceAccount", "namespace": namespace.name, "name": "shop"}]},
            "delivery": {
                "mode": "Sidecar",
                "sidecar": {"podSelector": {"matchLabels": {"app": "shop"}}, "port": 15432},
            },
        });
        admin.apply(&object("Connection", "orders", &connection));
        admin.must(&["create", "serviceaccount", "shop"]);
        wait_until("the sidecar's token", || {
            let token = admin.find(&["secret", "orders-portcullis-token"]);
            match token.is_some_and(|it| it["data"]["token"].is_string()) {
                true => Ok(()),
                false => Err(admin.get(&["connection", "orders"])["status"].to_string()),
            }
        });
        test(namespace);
    });
}

/// What a pod is that the restricted profile lets in, and that runs this script.
fn template(script: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": "shop"}},
        "spec": {
            "restartPolicy": "Never",
            "serviceAccountName": "shop",
            "terminationGracePeriodSeconds": 5,
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{
                "name": "app", "image": Cluster::image("busybox"), "command": ["/bin/busybox", "sh", "-c", script],
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
        },
    })
}

/// Whatever is told of the pods of a namespace.
fn state(namespace: &Namespace) -> String {
    let admin = namespace.admin();
    let logs = [
        "logs",
        "--selector=app=shop",
        "--all-containers",
        "--tail=5",
    ];
    let pods = admin.run(&["get", "pods", "-o", "jsonpath={.items[*].status}"]);
    format!("{}\n{:?}", pods.output, admin.run(&logs))
}

/// The job ends although its sidecar would not, and the application began when the sidecar listened.
#[test]
fn a_job_completes_beside_its_sidecar() {
    with_sidecar(|namespace| {
        let script = "/bin/busybox nc -w 2 127.0.0.1 15432 </dev/null && echo the sidecar listens";
        let job = json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "report"},
            "spec": {"backoffLimit": 0, "template": template(script)},
        });
        namespace.admin().apply(&job.to_string());
        wait_until("the job to complete", || {
            let job = namespace.admin().get(&["job", "report"]);
            match job["status"]["succeeded"] == 1 {
                true => Ok(()),
                false => Err(format!("{} {}", job["status"], state(namespace))),
            }
        });
        let said = namespace
            .admin()
            .must(&["logs", "job/report", "--container=app"]);
        assert_eq!(said.trim(), "the sidecar listens");
    });
}

/// Tells the token of who runs it, then each place where something of the sidecar's is.
const LOOK: &str = "cat /var/run/secrets/kubernetes.io/serviceaccount/token; echo; \
    for file in $(find / -type f -size -64k -not -path '/proc/*' -not -path '/sys/*' -not -path '/dev/*' 2>/dev/null); \
    do grep -l the-target-s-own $file 2>/dev/null; done; \
    ls -d /etc/portcullis/* /var/lib/portcullis /proc/*/root/etc/portcullis 2>/dev/null; echo end; sleep 600";

/// What a sidecar may do, and nobody else in its pod.
const RIGHTS: [(&str, &str); 3] = [
    ("get", "connections.portcullis.dev/orders"),
    ("request-for", "connections.portcullis.dev/orders"),
    ("create", "approvalrequests.portcullis.dev"),
];

/// Neither the credential nor the sidecar's token is a file of the application, and its own token is
/// good for nothing that the sidecar may do. The same look by the node finds it, and the sidecar may.
#[test]
fn the_application_reaches_nothing_of_its_sidecar() {
    with_sidecar(|namespace| {
        let mut pod = template(&busybox(LOOK));
        pod["apiVersion"] = json!("v1");
        pod["kind"] = json!("Pod");
        pod["metadata"]["name"] = json!("app");
        namespace.admin().apply(&pod.to_string());
        let (own, found) = looked(namespace, "app");
        assert_eq!(found, Vec::<String>::new(), "the application found it");
        assert_eq!(name(&own), account(namespace, "shop"));
        for (verb, what) in RIGHTS {
            let said = own.run(&["auth", "can-i", verb, what]);
            assert!(!said.succeeded, "{verb} {what}: {said:?}");
        }
        let pod = namespace.admin().get(&["pod", "app"]);
        with_namespace("e2e-admission-node", |elsewhere| {
            let found = by_the_node(&pod, elsewhere);
            let credential = |it: &String| it.ends_with("/password");
            assert!(found.iter().any(credential), "{found:?}");
        });
        let sidecars = sidecars(namespace);
        assert_eq!(name(&sidecars), account(namespace, "orders-portcullis"));
        for (verb, what) in RIGHTS {
            sidecars.must(&["auth", "can-i", verb, what]);
        }
        // Which neither may.
        for who in [&own, &sidecars] {
            assert!(
                !who.run(&["auth", "can-i", "get", "secrets/orders"])
                    .succeeded
            );
        }
    });
}

fn account(namespace: &Namespace, name: &str) -> String {
    format!("system:serviceaccount:{}:{name}", namespace.name)
}

fn name(who: &Kubectl) -> String {
    let name = "--output=jsonpath={.status.userInfo.username}";
    who.must(&["auth", "whoami", name])
}

/// Who the application of a pod is, and what it found, once it has looked.
fn looked(namespace: &Namespace, pod: &str) -> (Kubectl, Vec<String>) {
    let said = wait_until("the application to have looked", || {
        let said = namespace.admin().run(&["logs", pod, "--container=app"]);
        let whole = said.output.ends_with("end\n");
        let is = || format!("{said:?} {}", state(namespace));
        if whole {
            Ok(said.output.clone())
        } else {
            Err(is())
        }
    });
    let mut lines = said.lines().map(str::to_owned);
    let token = lines.next().unwrap();
    let found = lines.filter(|line| line != "end").collect();
    (namespace.bearer(&token), found)
}

/// Has somebody who has the node look: nobody else may mount what the sidecar has.
fn by_the_node(pod: &Value, elsewhere: &Namespace) -> Vec<String> {
    let volumes = format!(
        "/var/lib/kubelet/pods/{}/volumes",
        pod["metadata"]["uid"].as_str().unwrap()
    );
    let object = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "beside" },
        "spec": {
            "nodeName": pod["spec"]["nodeName"], "terminationGracePeriodSeconds": 1,
            "containers": [{
                "name": "app", "image": Cluster::image("busybox"),
                "command": ["/bin/busybox", "sh", "-c", busybox(LOOK)],
                "securityContext": { "runAsUser": 0 },
                "volumeMounts": [{ "name": "volumes", "mountPath": "/volumes", "readOnly": true }],
            }],
            "volumes": [{ "name": "volumes", "hostPath": { "path": volumes } }],
        },
    });
    elsewhere.admin().apply(&object.to_string());
    looked(elsewhere, "beside").1
}

/// Who the sidecar is, by the token that it has.
fn sidecars(namespace: &Namespace) -> Kubectl {
    let token = "--output=go-template={{.data.token | base64decode}}";
    let secret = ["get", "secret", "orders-portcullis-token", token];
    namespace.bearer(namespace.admin().must(&secret).trim())
}

/// The same script by the one program that the image has.
fn busybox(script: &str) -> String {
    let mut script = script.to_owned();
    for program in ["cat /", "find /", "grep -l", "ls -d", "sleep 6"] {
        script = script.replace(program, &format!("/bin/busybox {program}"));
    }
    script
}
