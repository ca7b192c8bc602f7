//! The custom resources: their shapes, their generated YAML, and how files with them are read.
//!
//! The Rust types are the source. The schema, its defaults, its CEL rules, the reference pages and
//! the chart's copy are generated from them, and a file on disk is held to that same schema, so a
//! standalone proxy and an API server accept and refuse the same objects.
//!
//! No spec reads past a field that it does not know, wherever it comes from: a proxy that is older
//! than the definitions would otherwise enforce less than is written.

#![allow(
    clippy::duplicated_attributes,
    reason = "each printer column of a kind repeats the words name, type_ and json_path"
)]

pub mod approval_request;
pub mod condition;
pub mod connection;
pub mod connection_class;
pub mod definition;
pub mod document;
pub mod duration;
pub mod generated;
pub mod guardrail_policy;
pub mod lower;
pub mod masking_rule;
pub mod reference;
pub mod revision;
pub mod selector;
pub mod stamp;
mod validation;
pub mod yaml;

pub use approval_request::{ApprovalRequest, ApprovalRequestSpec};
pub use connection::{Connection, ConnectionSpec};
pub use connection_class::{ConnectionClass, ConnectionClassSpec};
pub use definition::Definition;
pub use duration::{Bytes, Duration};
pub use guardrail_policy::{GuardrailPolicy, GuardrailPolicySpec};
pub use masking_rule::{MaskingRule, MaskingRuleSpec};

/// The API group of all our kinds.
pub const GROUP: &str = "portcullis.dev";
/// The one version of them.
pub const VERSION: &str = "v1alpha1";
/// The namespace of the operator and of platform policies, also of a standalone run.
pub const PLATFORM_NAMESPACE: &str = "portcullis-system";
/// The class of a Connection that names none.
pub const DEFAULT_CLASS: &str = "default";
