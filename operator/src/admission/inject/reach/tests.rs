use serde_json::{Value, json};

use super::super::tests::{Known, ask, connection, inputs, pod};
use super::secrets;
use crate::admission::inject::Undelivered;
use crate::desired::Inputs;
use crate::desired::objects::{Keys, Reference, Source, Use};

/// A Connection whose sidecars read a credential, the key of a mask, and a CA.
fn orders() -> Inputs {
    let reference = |source, name: &str, field: &str| Reference {
        source,
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        keys: Keys::All,
        purpose: Use::Plain,
        field: field.to_owned(),
    };
    let mask = "MaskingRule shop/m: spec.transform.keySecretRef";
    let elsewhere = Reference {
        namespace: "portcullis-system".to_owned(),
        ..reference(Source::Secret, "of-the-platform", "x")
    };
    Inputs {
        references: vec![
            reference(
                Source::Secret,
                "orders-credentials",
                "spec.credentials.secretRef",
            ),
            reference(Source::Secret, "mask-key", mask),
            reference(Source::Secret, "the-ca", "spec.upstream.tls.caRef"),
            reference(Source::ConfigMap, "bundle", "spec.upstream.tls.caRef"),
            elsewhere,
        ],
        ..inputs("orders", "shop", 15432)
    }
}

fn with_volume(volume: &Value) -> Value {
    let mut object = pod();
    let mut own = json!({ "name": "own" });
    for (key, value) in volume.as_object().unwrap() {
        own[key] = value.clone();
    }
    object["spec"]["volumes"].as_array_mut().unwrap().push(own);
    let mount = json!([{ "name": "own", "mountPath": "/own" }]);
    object["spec"]["containers"][0]["volumeMounts"] = mount;
    object
}

fn with_variable(list: &str, variable: &Value) -> Value {
    let mut object = pod();
    object["spec"]["containers"][0][list] = json!([variable]);
    object
}

fn refusal(object: Value) -> Option<String> {
    let known = Known(vec![orders()], Vec::new());
    ask(&known, object).reason().map(str::to_owned)
}

#[test]
fn what_the_sidecar_acts_by_is_shown_to_nobody_under_another_name() {
    let from = |secret: &str| json!({ "name": "A", "valueFrom": { "secretKeyRef": { "name": secret, "key": "k" } } });
    for secret in [
        "orders-credentials",
        "mask-key",
        "orders-portcullis-token",
        "orders-portcullis-platform",
        "orders-portcullis-token-20778",
    ] {
        for (object, field) in [
            (
                with_volume(&json!({ "secret": { "secretName": secret } })),
                "spec.volumes[1].secret.secretName",
            ),
            (
                with_volume(
                    &json!({ "projected": { "sources": [{ "secret": { "name": secret } }] } }),
                ),
                "spec.volumes[1].projected.sources[0].secret",
            ),
            (
                with_volume(
                    &json!({ "csi": { "driver": "d", "nodePublishSecretRef": { "name": secret } } }),
                ),
                "spec.volumes[1].csi.nodePublishSecretRef",
            ),
            (
                with_variable("env", &from(secret)),
                "spec.containers[0].env[0].valueFrom.secretKeyRef",
            ),
            (
                with_variable("envFrom", &json!({ "secretRef": { "name": secret } })),
                "spec.containers[0].envFrom[0].secretRef",
            ),
        ] {
            let told = refusal(object).unwrap_or_default();
            let wanted =
                format!("{field}: Secret {secret} is what the sidecar of Connection orders");
            assert!(told.starts_with(&wanted), "{wanted}: {told}");
        }
    }
}

#[test]
fn the_proxies_account_is_nobody_else_s() {
    for field in ["serviceAccountName", "serviceAccount"] {
        let mut object = pod();
        object["spec"][field] = json!("orders-portcullis");
        let told = refusal(object).unwrap_or_default();
        let wanted =
            format!("spec.{field}: orders-portcullis is what the proxies of Connection orders");
        assert!(told.starts_with(&wanted), "{told}");
    }
}

#[test]
fn the_node_s_files_are_shown_to_no_pod_with_a_sidecar() {
    for path in ["/var/lib/kubelet/pods", "/", "/elsewhere/kubelet"] {
        let told = refusal(with_volume(&json!({ "hostPath": { "path": path } })));
        let told = told.unwrap_or_default();
        assert!(told.starts_with("spec.volumes[1].hostPath: "), "{told}");
    }
}

#[test]
fn what_a_pod_has_of_its_own_passes() {
    for object in [
        pod(),
        with_volume(&json!({ "secret": { "secretName": "own" } })),
        with_volume(&json!({ "secret": { "secretName": "of-the-platform" } })),
        // Nobody has to hide what vouches for the target.
        with_volume(&json!({ "secret": { "secretName": "the-ca" } })),
        with_volume(&json!({ "configMap": { "name": "bundle" } })),
        with_volume(&json!({ "configMap": { "name": "orders-credentials" } })),
        with_volume(&json!({ "emptyDir": {} })),
        with_volume(&json!({ "persistentVolumeClaim": { "claimName": "orders-credentials" } })),
        with_volume(&json!({ "projected": { "sources": [
            { "serviceAccountToken": { "path": "token", "audience": "own" } },
            { "secret": { "name": "own" } },
            { "configMap": { "name": "kube-root-ca.crt" } },
        ] } })),
        with_volume(&json!({ "secret": { "secretName": "x-portcullis-token-1" } })),
        with_volume(&json!({ "secret": { "secretName": "orders-portcullis-tokens" } })),
        with_variable(
            "env",
            &json!({ "name": "orders-credentials", "value": "orders-credentials" }),
        ),
        with_variable(
            "envFrom",
            &json!({ "configMapRef": { "name": "orders-credentials" } }),
        ),
    ] {
        assert_eq!(refusal(object.clone()), None, "{object}");
    }
}

#[test]
fn in_a_pod_without_a_sidecar_the_connection_s_own_names_are_refused_and_no_others() {
    let other = |mut object: Value| {
        object["metadata"]["labels"]["app"] = json!("other");
        object
    };
    let secret = |name: &str| with_volume(&json!({ "secret": { "secretName": name } }));
    let mut account = pod();
    account["spec"]["serviceAccountName"] = json!("orders-portcullis");
    for object in [account, secret("orders-portcullis-token")] {
        assert!(refusal(other(object.clone())).is_some(), "{object}");
        // Also where the Connection cannot be delivered.
        let lost = Undelivered {
            connection: connection("orders", "shop", 15432),
            reason: "no class".to_owned(),
        };
        let answer = ask(&Known(Vec::new(), vec![lost]), other(object));
        assert!(answer.reason().unwrap().contains("Connection orders"));
    }
    for object in [
        secret("orders-credentials"),
        with_volume(&json!({ "hostPath": { "path": "/" } })),
    ] {
        assert_eq!(refusal(other(object)), None);
    }
}

#[test]
fn a_secret_is_found_wherever_a_volume_names_it() {
    let found = secrets(
        &json!({ "a": [{ "b": { "secretRef": { "name": "x" } } }] }),
        "f",
    );
    assert_eq!(found, [("f.a[0].b.secretRef".to_owned(), "x".to_owned())]);
}
