//! Values of the open maps that events carry.

use std::collections::BTreeMap;

/// An open map: names to values, in one order only, so that it has one encoding.
pub type Map = BTreeMap<String, Value>;

/// What a name in an open map stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Bytes(Vec<u8>),
    Integer(i64),
    List(Vec<Value>),
    Map(Map),
    /// A sort of value that a later version added, kept as it was read.
    Opaque {
        tag: u8,
        bytes: Vec<u8>,
    },
}

// === impl Value ===

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}
