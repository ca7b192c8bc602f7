//! The schemas of what is not ours: metadata, Secret, ConfigMap and Namespace.

use serde_json::{Value, json};

use super::limit::MAX_FILE_BYTES;
use super::tree::Node;

/// Keys of `data`, as an API server takes them.
pub(super) const DATA_KEY: &str = "^[-._a-zA-Z0-9]{1,253}$";

/// What a cluster notes on an object. It says nothing about what the object means, so it is passed
/// over where it stands.
const NOTES: [&str; 6] = [
    "creationTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// What would mean something to a cluster and means nothing here, so it is refused.
pub(super) const FOR_CLUSTERS: [&str; 5] = [
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "ownerReferences",
];

/// Takes out what a cluster notes, and the status unless it `carries_status`.
pub(super) fn take_notes(object: &mut Node, carries_status: bool) {
    if !carries_status {
        object.take("status");
    }
    if let Some(metadata) = object.member_mut("metadata") {
        for note in NOTES {
            metadata.node.take(note);
        }
    }
}

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
        properties["namespace"] = namespace_name();
    }
    schema
}

/// What may be written under `metadata` of a Namespace.
pub(super) fn of_namespace() -> Value {
    let mut schema = metadata(false);
    schema["properties"]["name"] = namespace_name();
    schema
}

fn namespace_name() -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": 63,
        "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        "example": "shop",
    })
}

/// A `v1` Namespace. A cluster writes `finalizers` into each.
pub(super) fn namespace() -> Value {
    json!({
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "finalizers": {
                        "type": "array",
                        "maxItems": 16,
                        "items": { "type": "string", "maxLength": 253 },
                    },
                },
            },
        },
    })
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
        "propertyNames": { "pattern": DATA_KEY },
        "additionalProperties": { "type": "string", "format": format, "maxLength": MAX_FILE_BYTES },
    })
}
