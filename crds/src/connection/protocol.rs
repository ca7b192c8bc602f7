//! The protocols, by their own names.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The protocols of which all has been built; the schema admits no other on a Connection.
pub const SUPPORTED_PROTOCOLS: [Protocol; 1] = [Protocol::PostgreSql];

/// A protocol by its own name.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Protocol {
    #[serde(rename = "PostgreSQL")]
    PostgreSql,
    #[serde(rename = "MySQL")]
    MySql,
    Redis,
    #[serde(rename = "SSH")]
    Ssh,
    Kubernetes,
    #[serde(rename = "HTTP")]
    Http,
}

// === impl Protocol ===

impl Protocol {
    /// The name that people and schemas use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PostgreSql => "PostgreSQL",
            Self::MySql => "MySQL",
            Self::Redis => "Redis",
            Self::Ssh => "SSH",
            Self::Kubernetes => "Kubernetes",
            Self::Http => "HTTP",
        }
    }

    /// The port that the protocol is known by.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::PostgreSql => 5432,
            Self::MySql => 3306,
            Self::Redis => 6379,
            Self::Ssh => 22,
            Self::Kubernetes => 443,
            Self::Http => 80,
        }
    }

    pub fn is_supported(self) -> bool {
        SUPPORTED_PROTOCOLS.contains(&self)
    }
}

/// Only what is supported: an API server refuses the others at once, by name.
pub(crate) fn supported_protocol(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "string",
        "enum": SUPPORTED_PROTOCOLS,
        "example": Protocol::PostgreSql,
    })
}
