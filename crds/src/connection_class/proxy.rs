//! How proxies run in a cluster.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::reference::SecretReference;
use crate::selector::label_map;
use crate::validation::rule;

/// How proxies run in a cluster. A standalone proxy ignores it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProxySettings {
    /// Image of the proxy; without it the one of the operator's own release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 512),
        example = "registry.example/portcullis-proxy:0.1.0"
    )]
    pub image: Option<String>,
    /// When the image is pulled; without it as Kubernetes does by the image's tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = PullPolicy::IfNotPresent)]
    pub image_pull_policy: Option<PullPolicy>,
    /// Secrets with which the image is pulled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["name"],
    ))]
    pub image_pull_secrets: Vec<SecretReference>,
    /// CPU and memory of each proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Labels that the proxies' pods carry beside their own; none under `portcullis.dev/`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "pod_labels", example = BTreeMap::from([("team", "platform")]))]
    pub pod_labels: BTreeMap<String, String>,
    /// Annotations that the proxies' pods carry beside their own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "pod_annotations", example = BTreeMap::from([("example.com/scrape", "true")]))]
    pub pod_annotations: BTreeMap<String, String>,
    /// Labels of the nodes on which proxies run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "label_map", example = BTreeMap::from([("pool", "data")]))]
    pub node_selector: BTreeMap<String, String>,
    /// Taints of nodes that proxies tolerate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "atomic"))]
    pub tolerations: Vec<Toleration>,
    /// PriorityClass of the proxies' pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), example = "data-path")]
    pub priority_class_name: Option<String>,
}

/// When an image is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PullPolicy {
    Always,
    IfNotPresent,
    Never,
}

/// CPU and memory, as in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resources {
    /// What is set aside for each proxy.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "quantities", example = BTreeMap::from([("cpu", "500m"), ("memory", "256Mi")]))]
    pub requests: BTreeMap<String, String>,
    /// What no proxy gets beyond.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "quantities", example = BTreeMap::from([("memory", "1Gi")]))]
    pub limits: BTreeMap<String, String>,
}

/// A taint that is tolerated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Toleration {
    /// Key of the taint; without it every taint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 317), example = &"dedicated")]
    pub key: Option<String>,
    /// `Equal` compares the value, `Exists` looks at the key alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = TolerationOperator::Equal)]
    pub operator: Option<TolerationOperator>,
    /// Value of the taint; only for `Equal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63), example = &"data")]
    pub value: Option<String>,
    /// Effect of the taint; without it every effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = TaintEffect::NoSchedule)]
    pub effect: Option<TaintEffect>,
    /// How long a `NoExecute` taint is tolerated; without it for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000), example = 300)]
    pub toleration_seconds: Option<i64>,
}

/// How a taint is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TolerationOperator {
    Equal,
    Exists,
}

/// What a taint does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TaintEffect {
    NoSchedule,
    PreferNoSchedule,
    NoExecute,
}

fn pod_labels(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = label_map(generator);
    schema.insert(
        "x-kubernetes-validations".to_owned(),
        serde_json::json!([rule(
            "self.all(key, !key.startsWith('portcullis.dev/'))",
            "labels under portcullis.dev/ are the operator's own",
        )]),
    );
    schema
}

fn pod_annotations(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": { "type": "string", "maxLength": 4096 },
        "x-kubernetes-validations": [rule(
            "self.all(key, !key.startsWith('portcullis.dev/'))",
            "annotations under portcullis.dev/ are the operator's own",
        )],
    })
}

fn quantities(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 8,
        "additionalProperties": {
            "type": "string",
            "maxLength": 32,
            "pattern": r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$",
        },
    })
}
