//! Every object of three Connections against golden files, and what no golden file says.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, Role, RoleBinding};
use portcullis_crds::{Connection, ConnectionClass, MaskingRule};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::objects::{Source, references};
use super::platform::{Data, Objects, copies};
use super::pod::Placement;
use super::{Desired, Inputs, Kind, name, platform, pod, rbac, secret};

struct Cluster(BTreeMap<(Source, String), Data>);

impl Objects for Cluster {
    fn data(&self, source: Source, namespace: &str, name: &str) -> Option<&Data> {
        self.0.get(&(source, format!("{namespace}/{name}")))
    }
}

fn cluster() -> Cluster {
    let data = |pairs: &[(&str, &str)]| -> Data {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec()))
            .collect()
    };
    let at = |source, name: &str| (source, name.to_owned());
    Cluster(BTreeMap::from([
        (
            at(Source::Secret, "shop/orders-credentials"),
            data(&[
                ("serves", "orders-db@orders.internal:5432\n"),
                ("username", "u"),
            ]),
        ),
        (
            at(Source::ConfigMap, "shop/orders-ca"),
            data(&[("ca.crt", "PEM")]),
        ),
        (
            at(Source::Secret, "portcullis-system/mask-key"),
            data(&[("key", "0123456789abcdef"), ("other", "x")]),
        ),
        (
            at(Source::Secret, "portcullis-system/store"),
            data(&[("aws_access_key_id", "id"), ("aws_secret_access_key", "s")]),
        ),
        (
            at(Source::ConfigMap, "portcullis-system/idp-ca"),
            data(&[("ca.crt", "PEM")]),
        ),
    ]))
}

fn connection(delivery: &Value) -> Connection {
    serde_json::from_value(json!({
        "apiVersion": "portcullis.dev/v1alpha1",
        "kind": "Connection",
        "metadata": { "name": "orders-db", "namespace": "shop", "uid": "uid-1", "generation": 3 },
        "spec": {
            "protocol": "PostgreSQL",
            "upstream": {
                "host": "orders.internal",
                "database": "orders",
                "tls": { "caRef": { "name": "orders-ca" } },
            },
            "credentials": { "secretRef": { "name": "orders-credentials" } },
            "delivery": delivery,
        },
    }))
    .unwrap()
}

fn class(more: &Value) -> ConnectionClass {
    let mut spec = json!({
        "identity": { "oidc": [{
            "issuer": "https://idp.example",
            "audiences": ["portcullis"],
            "caRef": { "name": "idp-ca" },
        }] },
        "recording": { "store": { "url": "s3://r/p", "secretRef": { "name": "store" } } },
    });
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    serde_json::from_value(json!({
        "apiVersion": "portcullis.dev/v1alpha1",
        "kind": "ConnectionClass",
        "metadata": { "name": "default" },
        "spec": spec,
    }))
    .unwrap()
}

fn masks() -> Vec<Arc<MaskingRule>> {
    let mask = serde_json::from_value(json!({
        "apiVersion": "portcullis.dev/v1alpha1",
        "kind": "MaskingRule",
        "metadata": { "name": "emails", "namespace": "portcullis-system" },
        "spec": {
            "targetSelector": {},
            "match": { "columns": ["public.customers.email"] },
            "transform": { "type": "Hash", "keySecretRef": { "name": "mask-key", "key": "key" } },
        },
    }));
    vec![Arc::new(mask.unwrap())]
}

fn inputs(delivery: &Value, of_class: &Value) -> Inputs {
    let (connection, class) = (connection(delivery), class(of_class));
    let references = references(&connection, &class, &masks());
    let copies = copies(&references, "shop", &cluster());
    Inputs {
        connection: Arc::new(connection),
        class: Arc::new(class),
        image: "registry.example/portcullis-proxy:0.1.0".to_owned(),
        references,
        copies: copies.paths,
        live_replicas: None,
    }
}

fn gateway(more: &Value) -> Value {
    json!({ "mode": "Gateway", "gateway": more })
}

fn found(objects: &[Desired], kind: Kind) -> Value {
    let mut all = objects.iter().filter(|it| it.kind == kind);
    all.next().map(|it| it.value.clone()).unwrap_or_default()
}

/// Whether the API's own type keeps every field: a field that it does not know would be dropped.
fn is_known<K: DeserializeOwned + Serialize>(value: &Value) {
    let typed: K = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(serde_json::to_value(typed).unwrap(), *value);
}

#[test]
fn every_field_is_one_that_the_api_knows() {
    let plain = inputs(&gateway(&json!({ "replicas": 2 })), &json!({}));
    let persistent = json!({ "recording": {
        "spool": "Persistent", "spoolSize": "2Gi", "spoolStorageClassName": "fast",
    } });
    let scaling = json!({ "autoscaling": { "minReplicas": 2, "maxReplicas": 6, "targetCPU": 70 } });
    let stateful = inputs(&gateway(&scaling), &persistent);
    let mut all = plain.objects();
    all.extend(stateful.objects());
    all.push(platform::secret(
        &plain,
        &copies(&plain.references, "shop", &cluster()),
    ));
    all.push(secret::token_source(&plain, "t"));
    all.push(secret::authority(&plain, "PEM"));
    all.extend(rbac::proxies(&[(
        "shop".to_owned(),
        "orders-db".to_owned(),
    )]));
    for Desired { kind, value } in &all {
        match kind {
            Kind::ConfigMap => is_known::<ConfigMap>(value),
            Kind::Deployment => is_known::<Deployment>(value),
            Kind::HorizontalPodAutoscaler => is_known::<HorizontalPodAutoscaler>(value),
            Kind::NetworkPolicy => is_known::<NetworkPolicy>(value),
            Kind::PodDisruptionBudget => is_known::<PodDisruptionBudget>(value),
            Kind::Role => is_known::<Role>(value),
            Kind::RoleBinding => is_known::<RoleBinding>(value),
            Kind::Secret => is_known::<Secret>(value),
            Kind::Service => is_known::<Service>(value),
            Kind::ServiceAccount => is_known::<ServiceAccount>(value),
            Kind::StatefulSet => is_known::<StatefulSet>(value),
            Kind::ClusterRoleBinding => is_known::<ClusterRoleBinding>(value),
        }
    }
    let kinds: Vec<&str> = plain.objects().iter().map(|it| it.kind.name()).collect();
    assert_eq!(
        kinds,
        [
            "ServiceAccount",
            "Role",
            "RoleBinding",
            "NetworkPolicy",
            "Service",
            "Deployment",
            "PodDisruptionBudget"
        ]
    );
}

/// A change of what is made shows in review. To write the files anew, remove them and run this.
#[test]
fn what_is_made_is_what_the_golden_files_say() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/desired/golden");
    let persistent = json!({ "recording": { "spool": "Persistent", "spoolSize": "2Gi" } });
    let scaling = json!({ "autoscaling": { "minReplicas": 2, "maxReplicas": 6 } });
    let sidecar = json!({
        "mode": "Sidecar",
        "sidecar": { "podSelector": { "matchLabels": { "app": "shop" } }, "port": 15432 },
    });
    let cases = [
        (
            "gateway",
            inputs(&gateway(&json!({ "replicas": 2 })), &json!({})),
        ),
        ("persistent", inputs(&gateway(&scaling), &persistent)),
        ("sidecar", inputs(&sidecar, &json!({}))),
    ];
    for (case, inputs) in cases {
        let mut made = String::new();
        for desired in inputs.objects() {
            let text = serde_json::to_string_pretty(&desired.value).unwrap();
            writeln!(made, "{text}").unwrap();
        }
        if inputs.connection.spec.delivery.sidecar.is_some() {
            let place = Placement::Sidecar {
                admin_port: 9091,
                caller: "shop/web",
            };
            let all = json!([pod::container(&inputs, place), pod::volumes(&inputs, place)]);
            writeln!(made, "{}", serde_json::to_string_pretty(&all).unwrap()).unwrap();
        }
        let path = folder.join(format!("{case}.json"));
        if !path.exists() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &made).unwrap();
            panic!(
                "{} was written; look at it and run this again",
                path.display()
            );
        }
        #[allow(clippy::disallowed_methods, reason = "a file of this repository")]
        let golden = std::fs::read_to_string(&path).unwrap();
        assert!(golden == made, "{case} differs from {}", path.display());
    }
}

#[test]
fn no_rule_of_a_proxy_names_secrets_or_reaches_other_connections() {
    let objects = inputs(&gateway(&json!({ "replicas": 1 })), &json!({})).objects();
    let role: Role = serde_json::from_value(found(&objects, Kind::Role)).unwrap();
    for rule in role.rules.unwrap() {
        let resources = rule.resources.unwrap();
        assert!(
            !resources
                .iter()
                .any(|it| it.contains("secret") || it.contains('*'))
        );
        assert!(!rule.verbs.iter().any(|it| it == "*"));
        if resources.iter().any(|it| it == "connections") {
            assert_eq!(rule.resource_names.unwrap(), ["orders-db"]);
        }
    }
}

#[test]
fn labels_that_others_select_by_are_not_the_class_s_to_write() {
    let of_class = json!({ "proxy": { "podLabels": {
        "app.kubernetes.io/name": "mine", "team": "platform",
    } } });
    let objects = inputs(&gateway(&json!({ "replicas": 1 })), &of_class).objects();
    let labels = found(&objects, Kind::Deployment);
    let labels = labels.pointer("/spec/template/metadata/labels").unwrap();
    assert_eq!(labels["app.kubernetes.io/name"], "portcullis-proxy");
    assert_eq!(labels["team"], "platform");
}

#[test]
fn an_autoscaler_s_number_is_left_alone_within_its_bounds() {
    let scaling = json!({ "autoscaling": { "minReplicas": 2, "maxReplicas": 6 } });
    let mut inputs = inputs(&gateway(&scaling), &json!({}));
    for (live, expected) in [(None, 2), (Some(1), 2), (Some(4), 4), (Some(9), 6)] {
        inputs.live_replicas = live;
        let deployment = found(&inputs.objects(), Kind::Deployment);
        assert_eq!(
            deployment.pointer("/spec/replicas").unwrap(),
            expected,
            "{live:?}"
        );
    }
}

#[test]
fn keys_of_platform_masks_are_another_in_each_namespace() {
    let inputs = inputs(&gateway(&json!({ "replicas": 1 })), &json!({}));
    let shop = copies(&inputs.references, "shop", &cluster());
    let other = copies(&inputs.references, "other", &cluster());
    let at = |copies: &platform::Copies, path: &str| {
        let mut paths = copies.paths.iter().filter(|(_, it)| it == path);
        let key = paths.next().map(|(key, _)| key.clone());
        key.and_then(|key| copies.data.get(&key).cloned())
    };
    let path = "secrets/portcullis-system/mask-key/key";
    let (of_shop, of_other) = (at(&shop, path).unwrap(), at(&other, path).unwrap());
    assert_ne!(of_shop, of_other);
    assert_ne!(of_shop, b"0123456789abcdef");
    // HKDF-SHA256 (RFC 5869) without salt, info `portcullis mask key shop`, by another program.
    let hex: String = of_shop.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        hex,
        "e734d486c06f602cdd5f40917b495b7e1dc6770384fd29909381f1998353832a"
    );
    assert_eq!(at(&shop, "secrets/portcullis-system/mask-key/other"), None);
    assert_eq!(
        at(&shop, "secrets/portcullis-system/store/aws_access_key_id").unwrap(),
        b"id"
    );
    assert_eq!(
        at(&shop, "configmaps/portcullis-system/idp-ca/ca.crt").unwrap(),
        b"PEM"
    );
    assert_eq!(
        at(&shop, "secrets/shop/orders-credentials/username"),
        None,
        "it is mounted itself"
    );
    let shown = format!("{shop:?}");
    assert!(!shown.contains("data"), "values are not shown: {shown}");
}

#[test]
fn what_is_missing_is_named_by_field() {
    let inputs = inputs(&gateway(&json!({ "replicas": 1 })), &json!({}));
    let mut all = cluster();
    assert!(platform::unresolved(&inputs.references, &all).is_empty());
    all.0
        .remove(&(Source::Secret, "portcullis-system/store".to_owned()));
    let short = all
        .0
        .get_mut(&(Source::Secret, "portcullis-system/mask-key".to_owned()));
    short
        .unwrap()
        .insert("key".to_owned(), vec![1; platform::MIN_KEY_BYTES - 1]);
    all.0
        .get_mut(&(Source::ConfigMap, "shop/orders-ca".to_owned()))
        .unwrap()
        .clear();
    let told: Vec<String> = platform::unresolved(&inputs.references, &all)
        .into_iter()
        .map(|it| it.message)
        .collect();
    assert_eq!(
        told,
        [
            "spec.upstream.tls.caRef: ConfigMap shop/orders-ca has no key ca.crt",
            "MaskingRule portcullis-system/emails: spec.transform.keySecretRef: key of Secret \
             portcullis-system/mask-key is shorter than 16 bytes",
            "ConnectionClass default: spec.recording.store.secretRef: there is no Secret \
             portcullis-system/store",
        ]
    );
    let copied = copies(&inputs.references, "shop", &all);
    assert!(
        !copied
            .paths
            .iter()
            .any(|(_, path)| path.contains("mask-key"))
    );
}

#[test]
fn a_credential_says_whom_it_serves() {
    let object = connection(&gateway(&json!({ "replicas": 1 })));
    let lowered =
        portcullis_crds::lower::connection::lower(&object, &class(&json!({})), &BTreeMap::new());
    let lowered = lowered.unwrap();
    for (serves, permitted) in [
        ("orders-db@orders.internal:5432", true),
        ("orders-db@ORDERS.internal:5432\n", true),
        ("orders-db@orders.internal:5433", false),
        ("orders@orders.internal:5432", false),
        ("orders-db@orders.internal", false),
        ("", false),
    ] {
        let mut all = cluster();
        let at = (Source::Secret, "shop/orders-credentials".to_owned());
        let data = all.0.get_mut(&at).unwrap();
        data.insert("serves".to_owned(), serves.as_bytes().to_vec());
        let told = platform::not_served(&object, &lowered, &all);
        assert_eq!(told.is_none(), permitted, "{serves}: {told:?}");
    }
}

#[test]
fn names_are_cut_and_stay_apart() {
    assert_eq!(name::own("orders-db"), "orders-db-portcullis");
    let long = |last: char| format!("{}{last}", "a".repeat(51));
    let (one, two) = (name::platform(&long('a')), name::platform(&long('b')));
    assert!(
        one.len() <= name::MAX_NAME && two.len() <= name::MAX_NAME,
        "{one}"
    );
    assert_ne!(one, two);
    for (connection, good) in [
        ("orders-db", true),
        (&long('a'), true),
        (&format!("{}a", long('a')), false),
        ("9db", false),
        ("orders.db", false),
        ("orders-", false),
        ("", false),
    ] {
        assert_eq!(name::refusal(connection).is_none(), good, "{connection}");
    }
}
