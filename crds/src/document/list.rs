//! A `v1` List, as `kubectl get -o yaml` writes several objects.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::check::{Checker, Problem};
use super::scalar::Scalar;
use super::tree::{Node, NodeValue};

/// The kind that holds others.
pub(super) const LIST: &str = "List";

/// One object of a document, and where in the document it stands.
#[derive(Debug)]
pub(super) struct Part {
    /// What stands before each field in an error, such as `items[3]`, or nothing.
    pub(super) place: String,
    pub(super) node: Node,
}

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "type": "object",
        "required": ["apiVersion", "items"],
        "properties": {
            "apiVersion": { "type": "string", "enum": ["v1"] },
            "kind": { "type": "string" },
            // A List has no name of its own.
            "metadata": {
                "type": "object",
                "properties": {
                    "resourceVersion": { "type": "string" },
                    "selfLink": { "type": "string" },
                },
            },
            "items": {
                "type": "array",
                "items": { "x-kubernetes-preserve-unknown-fields": true },
            },
        },
    })
});

/// The objects of a document: its entries if it is a List, else itself.
pub(super) fn parts(checker: &mut Checker, mut root: Node) -> Result<Vec<Part>, Vec<Problem>> {
    let kind = root.member("kind").map(|member| &member.node.value);
    if !matches!(kind, Some(NodeValue::Scalar(Scalar::Text(kind))) if kind == LIST) {
        let place = String::new();
        return Ok(vec![Part { place, node: root }]);
    }
    // What the entries hold may be secret.
    let (_, problems) = checker.check(&SCHEMA, &root, false);
    if !problems.is_empty() {
        return Err(problems);
    }
    let items = root.take("items").map(|items| items.value);
    let Some(NodeValue::List(items)) = items else {
        return Ok(Vec::new());
    };
    let numbered = |(index, node): (usize, Node)| Part {
        place: format!("items[{index}]"),
        node,
    };
    Ok(items.into_iter().enumerate().map(numbered).collect())
}

/// The path from the document's root of a field of the object at `place`.
pub(super) fn path(place: &str, field: &str) -> String {
    match (place, field) {
        ("", field) => field.to_owned(),
        (place, "") => place.to_owned(),
        (place, field) => format!("{place}.{field}"),
    }
}
