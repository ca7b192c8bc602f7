//! The schemas of what is not ours: metadata, Secret and ConfigMap.

use serde_json::{Value, json};

use super::limit::MAX_FILE_BYTES;

/// Members that a cluster writes, so that pasted output is refused with the right advice.
pub(super) const WRITTEN_BY_CLUSTER: [&str; 10] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "uid",
];

/// What may be written under `metadata`.
pub(super) fn metadata(namespaced: bool) -> Value {
    let mut schema = json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {
                "type": "string",
                "minLength": 1,
                "maxLength": 253,
                "pattern": r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$",
                "example": "orders-db",
            },
            "labels": {
                "type": "object",
                "maxProperties": 64,
                "additionalProperties": { "type": "string", "maxLength": 63 },
            },
            "annotations": {
                "type": "object",
                "maxProperties": 64,
                "additionalProperties": { "type": "string", "maxLength": 262_144 },
            },
        },
    });
    if namespaced && let Some(properties) = schema.get_mut("properties") {
        properties["namespace"] = json!({
            "type": "string",
            "minLength": 1,
            "maxLength": 63,
            "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
            "example": "shop",
        });
    }
    schema
}

/// A `v1` Secret.
pub(super) fn secret() -> Value {
    json!({
        "type": "object",
        "properties": {
            "type": { "type": "string", "maxLength": 253 },
            "immutable": { "type": "boolean" },
            "data": values("byte"),
            "stringData": values("text"),
        },
    })
}

/// A `v1` ConfigMap.
pub(super) fn config_map() -> Value {
    json!({
        "type": "object",
        "properties": {
            "immutable": { "type": "boolean" },
            "data": values("text"),
            "binaryData": values("byte"),
        },
    })
}

fn values(format: &str) -> Value {
    json!({
        "type": "object",
        "maxProperties": 256,
        "additionalProperties": { "type": "string", "format": format, "maxLength": MAX_FILE_BYTES },
    })
}
