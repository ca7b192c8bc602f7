//! What changed, as far as somebody acts on it.

use kube::ResourceExt;

/// Namespace and name of an object; the namespace of a class is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub namespace: String,
    pub name: String,
}

/// One thing that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Connection(Key),
    Class(String),
    Guardrail(Key),
    Mask(Key),
    Request(Key),
    /// Labels of a namespace.
    Namespace(String),
    Secret(Key),
    ConfigMap(Key),
    /// Something that a Connection owns, or its workload's state.
    Owned(Key),
    /// What a Connection's proxies report.
    Report(Key),
    /// A list was read anew: anything may have changed.
    Everything,
}

// === impl Key ===

impl Key {
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    pub fn of(object: &impl ResourceExt) -> Self {
        Self::new(object.namespace().unwrap_or_default(), object.name_any())
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.namespace.as_str() {
            "" => f.write_str(&self.name),
            namespace => write!(f, "{namespace}/{}", self.name),
        }
    }
}
