//! The proxy's container and its volumes, for a gateway's own pods and for the pods that a sidecar
//! is put into: one and the same program, told where it runs.

use portcullis_crds::connection_class::ProxySettings;
use serde_json::{Map, Value, json};

use super::{Inputs, name, objects};

/// User and group of the proxy's process; nothing on a node has this number.
const USER: i64 = 65532;
/// Port of probes, metrics and status of a gateway's pods.
pub const ADMIN_PORT: u16 = 9090;
/// How long a pod of a gateway serves on after it was told to end: so long new sessions may still
/// be sent to it, until every node knows that its Service has others.
pub const LEAVE_SECONDS: i64 = 5;
/// How long sessions may finish what runs, after that.
const DRAIN_SECONDS: i64 = 30;
/// How long a proxy may take beyond: a farewell of two seconds, and the upload of what was recorded.
const FAREWELL_SECONDS: i64 = 30;
/// How long a pod has until it is ended.
pub const GRACE_SECONDS: i64 = LEAVE_SECONDS + DRAIN_SECONDS + FAREWELL_SECONDS;
/// How long a token for the API server is good; the kubelet renews it long before.
const TOKEN_SECONDS: i64 = 3600;
/// What the spool's volume has beyond the spool, for keys and what is being written.
const SPOOL_MARGIN: u64 = 64 * 1024 * 1024;

/// Where a client library looks for its service account.
const ACCOUNT_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const OBJECTS_PATH: &str = "/etc/portcullis/objects";
const CERTIFICATE_PATH: &str = "/etc/portcullis/certificate";
const STATE_PATH: &str = "/var/lib/portcullis";
/// The proxy makes it, for itself alone: the root of a volume is open to others.
const STATE_FOLDER: &str = "/var/lib/portcullis/state";
/// Files of a gateway's volumes are its group's, which the pod sets. Into the pods of others no
/// group is written: there everybody may read, and nobody but the proxy's container mounts them.
const GATEWAY_MODE: i32 = 0o440;
const SIDECAR_MODE: i32 = 0o444;

/// Where the proxy runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement<'a> {
    Gateway,
    /// Beside an application.
    Sidecar {
        /// Where probes reach it; two sidecars of one pod must differ in it.
        admin_port: u16,
        /// Namespace and service account of the pod, `namespace/name`: who the caller is.
        caller: &'a str,
    },
}

/// The container.
pub fn container(inputs: &Inputs, placement: Placement<'_>) -> Value {
    let admin_port = match placement {
        Placement::Gateway => ADMIN_PORT,
        Placement::Sidecar { admin_port, .. } => admin_port,
    };
    let mut container = json!({
        "name": container_name(inputs, placement),
        "image": image(inputs),
        "args": arguments(inputs, placement),
        "env": [
            field("POD_NAME", "metadata.name"),
            field("POD_UID", "metadata.uid"),
            field("POD_IP", "status.podIP"),
        ],
        "startupProbe": probe("/readyz", admin_port, 1, 60),
        "livenessProbe": probe("/healthz", admin_port, 10, 3),
        "readinessProbe": probe("/readyz", admin_port, 2, 2),
        "resources": resources(&inputs.class.spec.proxy),
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": { "drop": ["ALL"] },
            "privileged": false,
            "readOnlyRootFilesystem": true,
            "runAsGroup": USER,
            "runAsNonRoot": true,
            "runAsUser": USER,
            "seccompProfile": { "type": "RuntimeDefault" },
        },
        "volumeMounts": mounts(inputs, placement),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    });
    let Some(fields) = container.as_object_mut() else {
        return container;
    };
    if let Some(policy) = inputs.class.spec.proxy.image_pull_policy {
        fields.insert("imagePullPolicy".to_owned(), json!(policy));
    }
    match placement {
        Placement::Gateway => {
            let ports = json!([
                { "name": "proxy", "containerPort": inputs.port(), "protocol": "TCP" },
                { "name": "admin", "containerPort": ADMIN_PORT, "protocol": "TCP" },
            ]);
            fields.insert("ports".to_owned(), ports);
            // The kubelet does it: the image has no program to wait with.
            let leave = json!({ "preStop": { "sleep": { "seconds": LEAVE_SECONDS } } });
            fields.insert("lifecycle".to_owned(), leave);
        }
        Placement::Sidecar { .. } => {
            fields.insert("restartPolicy".to_owned(), json!("Always"));
        }
    }
    container
}

/// The volumes that the container mounts.
pub fn volumes(inputs: &Inputs, placement: Placement<'_>) -> Vec<Value> {
    let connection = inputs.name();
    let name = |part: &str| volume_name(inputs, placement, part);
    let mut volumes = Vec::new();
    match placement {
        Placement::Gateway => {
            volumes.push(objects::volume(inputs, &name("objects"), GATEWAY_MODE));
            volumes.push(json!({
                "name": name("certificate"),
                "secret": { "secretName": certificate(inputs), "defaultMode": GATEWAY_MODE },
            }));
            volumes.push(account(&name("account")));
        }
        // Its own service account, not the pod's: see docs/operations/kubernetes.md.
        Placement::Sidecar { .. } => {
            volumes.push(objects::volume(inputs, &name("objects"), SIDECAR_MODE));
            volumes.push(json!({
                "name": name("account"),
                "secret": { "secretName": name::token(&connection), "defaultMode": SIDECAR_MODE },
            }));
        }
    }
    if !(inputs.is_persistent() && placement == Placement::Gateway) {
        let spool = inputs.class.spec.recording.spool_size.get();
        let size = spool.saturating_add(SPOOL_MARGIN).to_string();
        volumes.push(json!({ "name": name("state"), "emptyDir": { "sizeLimit": size } }));
    }
    volumes
}

/// The Secret with the certificate that callers see: the named one, or the operator's.
pub fn certificate(inputs: &Inputs) -> String {
    let gateway = inputs.connection.spec.delivery.gateway.as_ref();
    let named = gateway.and_then(|gateway| gateway.certificate_secret_ref.as_ref());
    named.map_or_else(
        || name::certificate(&inputs.name()),
        |secret| secret.name.clone(),
    )
}

/// What a gateway's pods are, beside container and volumes.
pub fn gateway(inputs: &Inputs, hash_label: &str) -> Value {
    let connection = inputs.name();
    let settings = &inputs.class.spec.proxy;
    let selector = json!({ "matchLabels": name::pod_selector(&connection) });
    let spread = |key: &str| {
        json!({
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": selector,
            // Only pods of one roll-out are weighed against each other.
            "matchLabelKeys": [hash_label],
        })
    };
    let mut spec = Map::new();
    let mut set = |key: &str, value: Value| spec.insert(key.to_owned(), value);
    set("serviceAccountName", json!(name::own(&connection)));
    set("automountServiceAccountToken", json!(false));
    set("enableServiceLinks", json!(false));
    set("terminationGracePeriodSeconds", json!(GRACE_SECONDS));
    set(
        "securityContext",
        json!({
            "fsGroup": USER,
            "runAsGroup": USER,
            "runAsNonRoot": true,
            "runAsUser": USER,
            "seccompProfile": { "type": "RuntimeDefault" },
        }),
    );
    set(
        "topologySpreadConstraints",
        json!([
            spread("kubernetes.io/hostname"),
            spread("topology.kubernetes.io/zone")
        ]),
    );
    set("containers", json!([container(inputs, Placement::Gateway)]));
    set("volumes", json!(volumes(inputs, Placement::Gateway)));
    if !settings.node_selector.is_empty() {
        set("nodeSelector", json!(settings.node_selector));
    }
    if !settings.tolerations.is_empty() {
        set("tolerations", json!(settings.tolerations));
    }
    if !settings.image_pull_secrets.is_empty() {
        set("imagePullSecrets", json!(settings.image_pull_secrets));
    }
    if let Some(class) = &settings.priority_class_name {
        set("priorityClassName", json!(class));
    }
    let mut labels = settings.pod_labels.clone();
    // What others select by is not the class's to write.
    labels.extend(name::labels(&inputs.connection));
    json!({
        "metadata": { "labels": labels, "annotations": settings.pod_annotations },
        "spec": spec,
    })
}

/// Name of the volume that outlives a pod, where there is one.
pub const STATE_VOLUME: &str = "state";

fn container_name(inputs: &Inputs, placement: Placement<'_>) -> String {
    match placement {
        Placement::Gateway => "proxy".to_owned(),
        Placement::Sidecar { .. } => name::of(&inputs.name(), "portcullis"),
    }
}

fn volume_name(inputs: &Inputs, placement: Placement<'_>, part: &str) -> String {
    match placement {
        Placement::Gateway => part.to_owned(),
        Placement::Sidecar { .. } => sidecar_volume(&inputs.name(), part),
    }
}

fn sidecar_volume(connection: &str, part: &str) -> String {
    name::of(connection, &format!("portcullis-{part}")).replace('.', "-")
}

/// Names of the volumes that a Connection's sidecar has of its own. Others may have put more into it.
pub fn sidecar_volumes(connection: &str) -> [String; 3] {
    ["objects", "account", STATE_VOLUME].map(|part| sidecar_volume(connection, part))
}

fn image(inputs: &Inputs) -> &str {
    let of_class = inputs.class.spec.proxy.image.as_deref();
    of_class.unwrap_or(&inputs.image)
}

/// The Connection whose sidecar a container is, by its name, its restart policy and its arguments.
pub fn sidecar_of<'a>(
    container: &str,
    restarts: Option<&str>,
    mut arguments: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let connection = arguments.find_map(|it| it.strip_prefix("--connection="))?;
    (restarts == Some("Always") && container == name::own(connection)).then_some(connection)
}

fn arguments(inputs: &Inputs, placement: Placement<'_>) -> Vec<String> {
    let mut arguments = vec!["cluster".to_owned()];
    let mut flag = |name: &str, value: String| arguments.push(format!("--{name}={value}"));
    flag("namespace", inputs.namespace());
    flag("connection", inputs.name());
    flag("objects", OBJECTS_PATH.to_owned());
    flag("state", STATE_FOLDER.to_owned());
    flag("drain-timeout", format!("{DRAIN_SECONDS}s"));
    flag("log-form", "json".to_owned());
    match placement {
        Placement::Gateway => {
            flag("certificate", CERTIFICATE_PATH.to_owned());
            flag("bind", "0.0.0.0".to_owned());
            flag("admin", format!("0.0.0.0:{ADMIN_PORT}"));
        }
        Placement::Sidecar { admin_port, caller } => {
            let sidecar = inputs.connection.spec.delivery.sidecar.as_ref();
            flag("bind", "127.0.0.1".to_owned());
            flag("admin", format!("0.0.0.0:{admin_port}"));
            if let Some(sidecar) = sidecar {
                flag("port", sidecar.port.to_string());
            }
            flag("caller", caller.to_owned());
        }
    }
    arguments
}

fn mounts(inputs: &Inputs, placement: Placement<'_>) -> Vec<Value> {
    let mount = |part: &str, path: &str, writable: bool| {
        json!({
            "name": volume_name(inputs, placement, part),
            "mountPath": path,
            "readOnly": !writable,
        })
    };
    let mut mounts = vec![
        mount("objects", OBJECTS_PATH, false),
        mount("account", ACCOUNT_PATH, false),
        mount(STATE_VOLUME, STATE_PATH, true),
    ];
    if placement == Placement::Gateway {
        mounts.push(mount("certificate", CERTIFICATE_PATH, false));
    }
    mounts
}

/// Token, certificates and namespace, as a client library looks for them.
fn account(volume: &str) -> Value {
    json!({
        "name": volume,
        "projected": {
            "defaultMode": GATEWAY_MODE,
            "sources": [
                { "serviceAccountToken": { "path": "token", "expirationSeconds": TOKEN_SECONDS } },
                { "configMap": {
                    "name": "kube-root-ca.crt",
                    "items": [{ "key": "ca.crt", "path": "ca.crt" }],
                } },
                { "downwardAPI": { "items": [{
                    "path": "namespace",
                    "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" },
                }] } },
            ],
        },
    })
}

fn field(name: &str, path: &str) -> Value {
    json!({
        "name": name,
        "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": path } },
    })
}

fn probe(path: &str, port: u16, period: i64, failures: i64) -> Value {
    json!({
        "httpGet": { "path": path, "port": i64::from(port), "scheme": "HTTP" },
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": 2,
    })
}

/// What the class says, else what a proxy with few sessions needs.
fn resources(settings: &ProxySettings) -> Value {
    match &settings.resources {
        Some(resources) => json!({
            "requests": resources.requests,
            "limits": resources.limits,
        }),
        None => json!({ "requests": { "cpu": "100m", "memory": "128Mi" } }),
    }
}
