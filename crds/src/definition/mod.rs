//! The five kinds as an API server gets them.
//!
//! The derived schemas say `nullable` of every optional field. Here that is taken out: a field is
//! there with a value or it is absent, and no rule has to think of a third case. (An API server
//! drops a `null` as if the field were absent; a file with one is refused.)

use std::sync::LazyLock;

use kube::CustomResourceExt;
use serde_json::{Value, json};

use crate::{
    ApprovalRequest, Connection, ConnectionClass, GROUP, GuardrailPolicy, MaskingRule, VERSION,
};

/// One kind, with its CustomResourceDefinition.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    crd: Value,
}

/// How tools for Gateway API policies find ours (GEP-713).
const POLICY_LABEL: (&str, &str) = ("gateway.networking.k8s.io/policy", "Direct");

static DEFINITIONS: LazyLock<[Definition; 5]> = LazyLock::new(|| {
    [
        Definition::of::<Connection>(),
        Definition::of::<ConnectionClass>(),
        Definition::of::<GuardrailPolicy>().labelled(POLICY_LABEL),
        Definition::of::<MaskingRule>().labelled(POLICY_LABEL),
        Definition::of::<ApprovalRequest>(),
    ]
});

// === impl Definition ===

impl Definition {
    /// All kinds, in the order in which people meet them.
    pub fn all() -> &'static [Definition] {
        DEFINITIONS.as_slice()
    }

    /// The kind of that name.
    pub fn find(kind: &str) -> Option<&'static Definition> {
        Self::all()
            .iter()
            .find(|definition| definition.kind() == kind)
    }

    /// The whole CustomResourceDefinition.
    pub fn crd(&self) -> &Value {
        &self.crd
    }

    /// The schema of the kind's objects.
    pub fn schema(&self) -> &Value {
        self.at("/spec/versions/0/schema/openAPIV3Schema")
    }

    pub fn kind(&self) -> &str {
        self.text("/spec/names/kind")
    }

    pub fn plural(&self) -> &str {
        self.text("/spec/names/plural")
    }

    pub fn is_namespaced(&self) -> bool {
        self.text("/spec/scope") == "Namespaced"
    }

    /// `portcullis.dev/v1alpha1`, of every kind.
    pub fn api_version() -> String {
        format!("{GROUP}/{VERSION}")
    }

    fn of<K: CustomResourceExt>() -> Self {
        // A definition that did not serialise is null: it has no schema, and what has no schema
        // admits nothing.
        let mut crd = serde_json::to_value(K::crd()).unwrap_or_default();
        tidy(&mut crd);
        Self { crd }
    }

    fn labelled(mut self, (key, value): (&str, &str)) -> Self {
        if let Some(metadata) = self.crd.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("labels".to_owned(), json!({ key: value }));
        }
        self
    }

    fn at(&self, pointer: &str) -> &Value {
        self.crd.pointer(pointer).unwrap_or(&Value::Null)
    }

    fn text(&self, pointer: &str) -> &str {
        self.at(pointer).as_str().unwrap_or_default()
    }
}

/// Takes `nullable` out, writes whole bounds as whole numbers, and joins the lines of descriptions.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.get("nullable") == Some(&Value::Bool(true)) {
                members.remove("nullable");
                if let Some(Value::Array(words)) = members.get_mut("enum") {
                    words.retain(|word| !word.is_null());
                }
            }
            for bound in ["minimum", "maximum"] {
                if let Some(number) = members.get_mut(bound).filter(|number| number.is_f64()) {
                    *number = whole(number);
                }
            }
            if let Some(Value::String(text)) = members.get_mut("description") {
                *text = joined(text);
            }
            members.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// Paragraphs without the line breaks of the source.
fn joined(text: &str) -> String {
    let paragraphs: Vec<String> = text
        .split("\n\n")
        .map(|part| part.replace('\n', " "))
        .collect();
    paragraphs.join("\n\n")
}

/// A bound that has no fraction, as the whole number that it is.
fn whole(number: &Value) -> Value {
    let text = number
        .as_f64()
        .map(|number| format!("{number:.0}"))
        .unwrap_or_default();
    match text.parse::<i64>() {
        Ok(whole) => Value::from(whole),
        Err(_) => number.clone(),
    }
}

#[cfg(test)]
mod tests;
