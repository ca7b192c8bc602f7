use serde_json::{Value, json};

use super::super::tests::{Known, Nothing, inputs, patched, pod};
use super::guard;
use crate::admission::review::Request;

fn known() -> Known {
    Known(vec![inputs("orders", "shop", 15432)], Vec::new())
}

fn injected() -> Value {
    patched(&known(), pod())
}

fn made(object: Value) -> Option<String> {
    judge("CREATE", Value::Null, object)
}

fn changed(object: Value) -> Option<String> {
    judge("UPDATE", injected(), object)
}

fn judge(operation: &str, old_object: Value, object: Value) -> Option<String> {
    let request = Request {
        namespace: "shop".to_owned(),
        operation: operation.to_owned(),
        object,
        old_object,
        ..Request::default()
    };
    guard(&known(), &request).reason().map(str::to_owned)
}

fn late(more: &Value) -> Value {
    let mut container = json!({ "name": "debug", "image": "busybox:1" });
    for (key, value) in more.as_object().unwrap() {
        container[key] = value.clone();
    }
    let mut object = injected();
    object["spec"]["ephemeralContainers"] = json!([container]);
    object
}

#[test]
fn what_was_put_into_a_pod_passes() {
    assert_eq!(made(injected()), None);
    assert_eq!(changed(injected()), None);
    assert_eq!(changed(late(&json!({}))), None);
    assert_eq!(
        changed(late(&json!({ "targetContainerName": "app" }))),
        None
    );
    // A pod of anybody, and one that only has the label.
    assert_eq!(made(pod()), None);
    let mut image = injected();
    image["spec"]["containers"][0]["image"] = json!("shop:2");
    assert_eq!(changed(image), None);
}

#[test]
fn who_comes_after_the_injection_finds_nothing_of_the_sidecar_either() {
    let token = json!({ "name": "t", "secret": { "secretName": "orders-portcullis-token" } });
    let mut by_another = injected();
    by_another["spec"]["volumes"]
        .as_array_mut()
        .unwrap()
        .push(token);
    let told = made(by_another).unwrap();
    assert!(
        told.contains("orders-portcullis-token is what the sidecar"),
        "{told}"
    );
    let mut by_mount = injected();
    let mount = json!([{ "name": "orders-portcullis-account", "mountPath": "/x" }]);
    by_mount["spec"]["containers"][0]["volumeMounts"] = mount;
    let told = made(by_mount).unwrap();
    assert!(told.contains("is the sidecar's own volume"), "{told}");
    let mut by_node = injected();
    let node = json!({ "name": "n", "hostPath": { "path": "/" } });
    by_node["spec"]["volumes"]
        .as_array_mut()
        .unwrap()
        .push(node);
    assert!(made(by_node).unwrap().contains("hostPath"));
    let mut by_pid = injected();
    by_pid["spec"]["shareProcessNamespace"] = json!(true);
    assert!(
        made(by_pid)
            .unwrap()
            .starts_with("spec.shareProcessNamespace: ")
    );
}

/// As webhooks of clouds do, that give every container of a pod a token of its account.
#[test]
fn a_volume_that_others_put_into_every_container_is_not_the_sidecar_s() {
    let mut pod = injected();
    let mount = json!({ "name": "aws-iam-token", "mountPath": "/var/run/secrets/eks" });
    let token =
        json!({ "serviceAccountToken": { "audience": "sts.amazonaws.com", "path": "token" } });
    let volume = json!({ "name": "aws-iam-token", "projected": { "sources": [token] } });
    let volumes = pod["spec"]["volumes"].as_array_mut();
    volumes.unwrap().push(volume);
    for list in ["initContainers", "containers"] {
        for container in pod["spec"][list].as_array_mut().unwrap() {
            let mounts = container.as_object_mut().unwrap();
            let mounts = mounts.entry("volumeMounts").or_insert(json!([]));
            mounts.as_array_mut().unwrap().push(mount.clone());
        }
    }
    assert_eq!(made(pod), None);
}

#[test]
fn an_ephemeral_container_stays_out_of_the_sidecar() {
    let file = json!({ "fileKeyRef": {
        "volumeName": "orders-portcullis-state", "path": "a", "key": "A",
    } });
    let secret = json!({ "secretKeyRef": { "name": "orders-portcullis-token", "key": "token" } });
    for (more, field) in [
        (
            json!({ "volumeMounts": [{ "name": "orders-portcullis-account", "mountPath": "/x" }] }),
            "spec.ephemeralContainers[0].volumeMounts: ",
        ),
        (
            json!({ "env": [{ "name": "A", "valueFrom": secret }] }),
            "spec.ephemeralContainers[0].env[0].valueFrom.secretKeyRef: ",
        ),
        (
            json!({ "env": [{ "name": "A", "valueFrom": file }] }),
            "spec.ephemeralContainers[0].env: ",
        ),
        (
            json!({ "targetContainerName": "orders-portcullis" }),
            "spec.ephemeralContainers[0].targetContainerName: ",
        ),
        (
            json!({ "securityContext": { "privileged": true } }),
            "spec.ephemeralContainers[0].securityContext.privileged: ",
        ),
    ] {
        let told = changed(late(&more)).unwrap_or_default();
        assert!(told.starts_with(field), "{field}: {told}");
    }
}

#[test]
fn the_program_of_a_sidecar_is_not_exchanged() {
    let mut object = injected();
    object["spec"]["initContainers"][0]["image"] = json!("evil:1");
    let told = changed(object).unwrap();
    assert!(
        told.starts_with("the sidecar of Connection orders is changed"),
        "{told}"
    );
}

#[test]
fn nothing_passes_before_all_connections_are_known() {
    let request = Request {
        object: injected(),
        ..Request::default()
    };
    assert!(!guard(&Nothing, &request).is_allowed());
}
