//! Pods of namespaces that opted in get their sidecars. What the pod is made into is asked by a dry
//! run, which passes all admission.

use portcullis_e2e::{Cluster, Namespace, Said, wait_until, with_namespace};
use serde_json::{Value, json};

use super::validating::object;

const PREFIX: &str = "e2e-admission";

/// A pod that the restricted profile lets in.
fn pod(name: &str, app: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": app}},
        "spec": {
            "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "app", "image": Cluster::image("busybox"),
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
            "initContainers": [{
                "name": "migrate", "image": Cluster::image("busybox"), "command": ["true"],
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
        },
    })
}

fn sidecar(namespace: &Namespace, name: &str, app: &str, port: u16) {
    let selector = json!({"matchLabels": {"app": app}});
    let sidecar = json!({"podSelector": selector, "port": port});
    connection(
        namespace,
        name,
        &json!({"mode": "Sidecar", "sidecar": sidecar}),
    );
}

fn connection(namespace: &Namespace, name: &str, delivery: &Value) {
    let spec = json!({
        "protocol": "PostgreSQL",
        "upstream": {"host": "db.internal", "database": "orders"},
        "credentials": {"secretRef": {"name": "orders"}},
        "delivery": delivery,
    });
    namespace.admin().apply(&object("Connection", name, &spec));
}

fn try_pod(namespace: &Namespace, pod: &Value) -> Said {
    let create = ["create", "--dry-run=server", "--output=json", "-f", "-"];
    namespace.admin().run_with(&create, &pod.to_string())
}

fn made(namespace: &Namespace, pod: &Value) -> Value {
    serde_json::from_str(&try_pod(namespace, pod).must_succeed()).unwrap()
}

fn init_containers(pod: &Value) -> Vec<String> {
    let list = pod["spec"]["initContainers"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    list.iter()
        .map(|it| it["name"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// A namespace that opted in and lets only restricted pods in.
fn with_opted_in(test: impl FnOnce(&Namespace)) {
    with_namespace(PREFIX, |namespace| {
        let label = [
            "portcullis.dev/inject=enabled",
            "pod-security.kubernetes.io/enforce=restricted",
        ];
        let admin = namespace.admin();
        admin.must(&["label", "namespace", &namespace.name, label[0], label[1]]);
        test(namespace);
    });
}

/// The operator learns of a Connection by its watch.
fn wait_for_sidecar(namespace: &Namespace, app: &str, name: &str) {
    wait_until("the sidecar to be put into pods", || {
        let said = try_pod(namespace, &pod("probe", app));
        let pod: Value = serde_json::from_str(&said.output).unwrap_or_default();
        match init_containers(&pod).contains(&format!("{name}-portcullis")) {
            true => Ok(()),
            false => Err(format!("{}{}", said.output, said.errors)),
        }
    });
}

#[test]
fn a_selected_pod_gets_its_sidecar_first() {
    with_opted_in(|namespace| {
        sidecar(namespace, "orders", "shop", 15432);
        wait_for_sidecar(namespace, "shop", "orders");
        let injected = made(namespace, &pod("a", "shop"));
        assert_eq!(init_containers(&injected), ["orders-portcullis", "migrate"]);
        let first = &injected["spec"]["initContainers"][0];
        assert_eq!(first["restartPolicy"], "Always");
        // The pod's own token is not where the sidecar looks for one, and the sidecar's is nowhere else.
        let mounts = |container: &Value| -> Vec<(String, String)> {
            let mounts = container["volumeMounts"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let text = |it: &Value, key: &str| it[key].as_str().unwrap_or_default().to_owned();
            mounts
                .iter()
                .map(|it| (text(it, "name"), text(it, "mountPath")))
                .collect()
        };
        let account = "/var/run/secrets/kubernetes.io/serviceaccount";
        let at_account = |container: &Value| -> Vec<String> {
            mounts(container)
                .into_iter()
                .filter(|(_, path)| path == account)
                .map(|(name, _)| name)
                .collect()
        };
        let own = at_account(first);
        assert_eq!(own.len(), 1);
        let volumes = injected["spec"]["volumes"].as_array().unwrap();
        let volume = volumes
            .iter()
            .find(|it| it["name"] == own[0].as_str())
            .unwrap();
        assert_eq!(volume["secret"]["secretName"], "orders-portcullis-token");
        for container in [
            &injected["spec"]["containers"][0],
            &injected["spec"]["initContainers"][1],
        ] {
            assert!(!mounts(container).iter().any(|(name, _)| *name == own[0]));
            assert_eq!(at_account(container).len(), 1);
        }
        // The pod as it is now, given in again, stays so.
        let mut again = injected.clone();
        again["metadata"] = json!({"name": "a", "labels": {"app": "shop"}});
        assert_eq!(
            made(namespace, &again)["spec"]["initContainers"],
            injected["spec"]["initContainers"]
        );
        assert_eq!(
            init_containers(&made(namespace, &pod("b", "billing"))),
            ["migrate"]
        );
    });
}

#[test]
fn a_namespace_that_did_not_opt_in_is_left_alone() {
    with_namespace(PREFIX, |namespace| {
        sidecar(namespace, "orders", "shop", 15432);
        let mut object = pod("a", "shop");
        object["spec"]["hostNetwork"] = json!(true);
        assert_eq!(init_containers(&made(namespace, &object)), ["migrate"]);
    });
}

#[test]
fn what_would_reach_into_the_sidecar_is_refused() {
    with_opted_in(|namespace| {
        let relax = "pod-security.kubernetes.io/enforce=privileged";
        namespace
            .admin()
            .must(&["label", "namespace", &namespace.name, "--overwrite", relax]);
        sidecar(namespace, "orders", "shop", 15432);
        wait_for_sidecar(namespace, "shop", "orders");
        for field in ["hostNetwork", "hostPID", "shareProcessNamespace"] {
            let mut object = pod("a", "shop");
            object["spec"][field] = json!(true);
            try_pod(namespace, &object)
                .must_be_refused(&format!("spec.{field}: a pod with a sidecar"));
            // The same pod is nobody's business where no sidecar goes into it.
            object["metadata"]["labels"]["app"] = json!("other");
            try_pod(namespace, &object).must_succeed();
        }
        let mut object = pod("a", "shop");
        object["spec"]["containers"][0]["securityContext"] = json!({"privileged": true});
        try_pod(namespace, &object)
            .must_be_refused("spec.containers[0].securityContext.privileged: ");
        let mut object = pod("a", "shop");
        object["spec"]["containers"][0]["volumeMounts"] =
            json!([{"name": "orders-portcullis-account", "mountPath": "/x"}]);
        try_pod(namespace, &object).must_be_refused("is the sidecar's own volume");
    });
}

#[test]
fn what_the_sidecar_acts_by_is_read_by_nobody_else_in_its_pod() {
    with_opted_in(|namespace| {
        sidecar(namespace, "orders", "shop", 15432);
        wait_for_sidecar(namespace, "shop", "orders");
        let shows = |volume: Value| {
            let mut object = pod("a", "shop");
            object["spec"]["volumes"] = json!([volume]);
            let name = object["spec"]["volumes"][0]["name"].clone();
            let mount = json!([{"name": name, "mountPath": "/x"}]);
            object["spec"]["containers"][0]["volumeMounts"] = mount;
            try_pod(namespace, &object)
        };
        for secret in ["orders", "orders-portcullis-token"] {
            let held = format!("Secret {secret} is what the sidecar of Connection orders acts by");
            shows(json!({"name": "x", "secret": {"secretName": secret}})).must_be_refused(&held);
            let source = json!({"secret": {"name": secret}});
            shows(json!({"name": "x", "projected": {"sources": [source]}})).must_be_refused(&held);
        }
        shows(json!({"name": "x", "secret": {"secretName": "own"}})).must_succeed();
        shows(json!({"name": "x", "emptyDir": {}})).must_succeed();
        let mut object = pod("a", "shop");
        object["spec"]["serviceAccountName"] = json!("orders-portcullis");
        try_pod(namespace, &object)
            .must_be_refused("is what the proxies of Connection orders act as");
        // Not in a pod that has no sidecar either.
        object["metadata"]["labels"]["app"] = json!("other");
        try_pod(namespace, &object)
            .must_be_refused("is what the proxies of Connection orders act as");
        let relax = "pod-security.kubernetes.io/enforce=privileged";
        let admin = namespace.admin();
        admin.must(&["label", "namespace", &namespace.name, "--overwrite", relax]);
        shows(json!({"name": "x", "hostPath": {"path": "/var/lib/kubelet/pods"}}))
            .must_be_refused("spec.volumes[0].hostPath: ");
    });
}

#[test]
fn what_comes_later_stays_out_of_the_sidecar_too() {
    with_opted_in(|namespace| {
        sidecar(namespace, "orders", "shop", 15432);
        wait_for_sidecar(namespace, "shop", "orders");
        let admin = namespace.admin();
        let mut object = pod("a", "shop");
        // It is there, and runs nowhere.
        object["spec"]["nodeSelector"] = json!({"is": "nowhere"});
        admin.try_create(&object.to_string()).must_succeed();
        let path = format!(
            "/api/v1/namespaces/{}/pods/a/ephemeralcontainers",
            namespace.name
        );
        let debug = |more: &Value| {
            let mut object = admin.get(&["pod", "a"]);
            let mut container = pod("a", "shop")["spec"]["containers"][0].clone();
            container["name"] = json!("debug");
            for (key, value) in more.as_object().unwrap() {
                container[key] = value.clone();
            }
            object["spec"]["ephemeralContainers"] = json!([container]);
            admin.run_with(&["replace", "--raw", &path, "-f", "-"], &object.to_string())
        };
        let mount = json!([{"name": "orders-portcullis-account", "mountPath": "/x"}]);
        debug(&json!({"volumeMounts": mount})).must_be_refused("is the sidecar's own volume");
        debug(&json!({"targetContainerName": "orders-portcullis"}))
            .must_be_refused("spec.ephemeralContainers[0].targetContainerName: ");
        let token = json!({"secretKeyRef": {"name": "orders-portcullis-token", "key": "token"}});
        debug(&json!({"env": [{"name": "A", "valueFrom": token}]}))
            .must_be_refused("Secret orders-portcullis-token is what the sidecar");
        debug(&json!({"targetContainerName": "app"})).must_succeed();
        let image = |container: &str| {
            admin.run(&[
                "set",
                "image",
                "pod/a",
                &format!("{container}=busybox:other"),
            ])
        };
        image("orders-portcullis").must_be_refused("the sidecar of Connection orders is changed");
        image("app").must_succeed();
        admin.must(&["label", "pod", "a", "example.com/x=y"]);
    });
}

/// An empty selector takes all pods of the namespace, and these are no applications.
#[test]
fn a_gateway_s_own_pods_get_no_sidecar() {
    with_opted_in(|namespace| {
        let sidecar = json!({"podSelector": {}, "port": 15432});
        let everywhere = json!({"mode": "Sidecar", "sidecar": sidecar});
        connection(namespace, "orders", &everywhere);
        wait_for_sidecar(namespace, "any", "orders");
        let gateway = json!({"mode": "Gateway", "gateway": {"replicas": 1}});
        connection(namespace, "billing", &gateway);
        let pod = wait_until("a pod of the gateway", || {
            let select = "--selector=portcullis.dev/connection=billing";
            let pods = namespace.admin().get(&["pods", select])["items"].clone();
            match pods.as_array().is_some_and(|pods| !pods.is_empty()) {
                true => Ok(pods[0].clone()),
                false => Err(pods.to_string()),
            }
        });
        assert_eq!(init_containers(&pod), [""; 0], "{pod}");
        assert_eq!(
            pod["metadata"]["labels"].get("portcullis.dev/sidecar"),
            None
        );
    });
}

#[test]
fn two_sidecars_on_one_port_are_told_apart() {
    with_opted_in(|namespace| {
        sidecar(namespace, "audit", "shop", 15432);
        sidecar(namespace, "orders", "shop", 15432);
        let said = wait_until("both to be known", || {
            let said = try_pod(namespace, &pod("a", "shop"));
            if said.succeeded {
                Err(said.output)
            } else {
                Ok(said)
            }
        });
        said.must_be_refused(
            "Connections audit and orders select this pod, and both listen on 15432",
        );
        sidecar(namespace, "orders", "shop", 15433);
        wait_for_sidecar(namespace, "shop", "orders");
        let both = ["audit-portcullis", "orders-portcullis", "migrate"];
        assert_eq!(init_containers(&made(namespace, &pod("a", "shop"))), both);
    });
}
