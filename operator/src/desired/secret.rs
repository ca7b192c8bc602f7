//! Secrets and the ConfigMap of a Connection: the certificate that callers see, what vouches for it,
//! and the token that sidecars act by.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::platform::Data;
use super::{Desired, Inputs, Kind, name};
use crate::pki::Leaf;

/// Annotation of a Secret of type service-account token: which account it is of. Kubernetes reads
/// it.
const ACCOUNT: &str = "kubernetes.io/service-account.name";
/// Label of the Secrets that tokens come from; no pod mounts them.
pub const TOKEN_SOURCE: &str = "portcullis.dev/token-source";

/// Names that callers may dial a gateway by, `localhost` for who forwards a port.
pub fn host_names(inputs: &Inputs) -> Vec<String> {
    let (name, namespace) = (inputs.name(), inputs.namespace());
    vec![
        name.clone(),
        format!("{name}.{namespace}"),
        format!("{name}.{namespace}.svc"),
        format!("{name}.{namespace}.svc.cluster.local"),
        "localhost".to_owned(),
    ]
}

/// The certificate that callers see.
pub fn certificate(inputs: &Inputs, leaf: &Leaf) -> Desired {
    let data = BTreeMap::from([
        ("tls.crt", encoded(leaf.certificate.as_bytes())),
        ("tls.key", encoded(leaf.key.as_bytes())),
        ("ca.crt", encoded(leaf.authorities.as_bytes())),
    ]);
    let name = name::certificate(&inputs.name());
    secret(inputs, &name, "kubernetes.io/tls", json!(data))
}

/// What callers verify it with: they may not read Secrets.
pub fn authority(inputs: &Inputs, authorities: &str) -> Desired {
    let value = json!({
        "apiVersion": Kind::ConfigMap.api_version(),
        "kind": Kind::ConfigMap.name(),
        "metadata": inputs.metadata(&name::authority(&inputs.name())),
        "data": { "ca.crt": authorities },
    });
    Desired {
        kind: Kind::ConfigMap,
        value,
    }
}

/// A Secret that Kubernetes fills with a token of the Connection's service account.
pub fn token_source(inputs: &Inputs, name: &str) -> Desired {
    let kind = "kubernetes.io/service-account-token";
    let mut desired = secret(inputs, name, kind, Value::Null);
    let metadata = desired.value.pointer_mut("/metadata");
    if let Some(fields) = metadata.and_then(Value::as_object_mut) {
        let account = name::own(&inputs.name());
        fields.insert("annotations".to_owned(), json!({ ACCOUNT: account }));
        if let Some(labels) = fields.get_mut("labels").and_then(Value::as_object_mut) {
            labels.insert(TOKEN_SOURCE.to_owned(), json!("true"));
        }
    }
    desired
}

/// The Secret that sidecars mount: the newest token, under one name, so that a mount never has a
/// gap.
pub fn token(inputs: &Inputs, source: &Data) -> Desired {
    let wanted = ["token", "ca.crt", "namespace"];
    let data: BTreeMap<&str, String> = wanted
        .iter()
        .filter_map(|key| Some((*key, encoded(source.get(*key)?))))
        .collect();
    secret(inputs, &name::token(&inputs.name()), "Opaque", json!(data))
}

fn secret(inputs: &Inputs, name: &str, kind: &str, data: Value) -> Desired {
    let mut value = json!({
        "apiVersion": Kind::Secret.api_version(),
        "kind": Kind::Secret.name(),
        "metadata": inputs.metadata(name),
        "type": kind,
    });
    if let (false, Some(fields)) = (data.is_null(), value.as_object_mut()) {
        fields.insert("data".to_owned(), data);
    }
    Desired {
        kind: Kind::Secret,
        value,
    }
}

fn encoded(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
