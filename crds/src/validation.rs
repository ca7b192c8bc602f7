//! What the schemas add to the types: CEL rules and list semantics.

use serde_json::{Value, json};

/// A rule that the API server evaluates on every write of the value that carries it.
pub(crate) fn rule(expression: &str, message: &str) -> Value {
    json!({ "rule": expression, "message": message })
}

/// A rule whose failure names the field that it is about, relative to the value that carries it.
pub(crate) fn field_rule(field: &str, expression: &str, message: &str) -> Value {
    json!({ "rule": expression, "message": message, "fieldPath": field })
}
