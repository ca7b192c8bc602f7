//! MaskingRule: which values in what comes back are rewritten, and how.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition::PolicyStatus;
use crate::reference::{SecretKeyReference, TargetReference};
use crate::selector::{SubjectSelector, TargetSelector};
use crate::validation::{field_rule, rule};

/// Which values in what comes back are rewritten, and how.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "portcullis.dev",
    version = "v1alpha1",
    kind = "MaskingRule",
    plural = "maskingrules",
    shortname = "mask",
    category = "portcullis",
    namespaced,
    status = "PolicyStatus",
    derive = "PartialEq",
    doc = "Which values in what comes back from Connections are rewritten, and how.",
    printcolumn(
        name = "Transform",
        type_ = "string",
        json_path = ".spec.transform.type"
    ),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Accepted\")].status"
    ),
    printcolumn(
        name = "Programmed",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Programmed\")].status"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "has(self.targetRefs) != has(self.targetSelector)",
        "write either targetRefs or targetSelector",
    ),
]))]
pub struct MaskingRuleSpec {
    /// The Connections that this rule binds, by name, in its own namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 16), extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["group", "kind", "name"],
    ))]
    pub target_refs: Vec<TargetReference>,
    /// The Connections that this rule binds, by what they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_selector: Option<TargetSelector>,
    /// For whom values are masked, any of them; without it everybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64))]
    pub subjects: Vec<SubjectSelector>,
    /// For whom they are not, although `subjects` names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64))]
    pub exempt: Vec<SubjectSelector>,
    /// Which values: whatever any of the fields finds.
    #[serde(rename = "match")]
    pub matching: MaskMatch,
    /// What becomes of them.
    pub transform: Transform,
    /// Whether a masked column may be compared: `Allow` in any way, `Equality` only with a value
    /// that the caller already knows, `Deny` not at all.
    #[serde(default)]
    #[schemars(example = Predicates::Equality)]
    pub predicates: Predicates,
    /// Whether subjects who see masked values may change what columns mean: `Deny` refuses their
    /// schema changes.
    #[serde(default)]
    #[schemars(example = Ddl::Deny)]
    pub ddl: Ddl,
}

/// Which values. At least one field must be written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "has(self.columns) || has(self.jsonPaths) || has(self.keys) || has(self.headers) || has(self.detectors) || has(self.patterns)",
        "write at least one of columns, jsonPaths, keys, headers, detectors and patterns",
    ),
]))]
pub struct MaskMatch {
    /// Columns, as `schema.table.column`; `*` stands for a run within a segment, `**` over
    /// segments. This is enforcement: it follows the column, not the name in the result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 128), inner(length(min = 1, max = 256)), example = ["public.customers.email"])]
    pub columns: Vec<String>,
    /// Paths in JSON values, such as `$.user.ssn`, `$..ssn` or `$.items[*].card`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 128), inner(length(min = 1, max = 256)), example = ["$..ssn"])]
    pub json_paths: Vec<String>,
    /// Names of keys whose values are masked, where a protocol answers with keys; `*` and `?` are
    /// wildcards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 128), inner(length(min = 1, max = 256)), example = ["session:*"])]
    pub keys: Vec<String>,
    /// Names of headers whose values are masked, where a protocol answers with headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 128)), example = ["set-cookie"])]
    pub headers: Vec<String>,
    /// Detectors for values by how they look, in texts and inside JSON; `CreditCard` looks at
    /// numbers too. This is best effort: what is turned around, split or encoded no detector finds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 32), extend("x-kubernetes-list-type" = "set"), example = [Detector::CreditCard])]
    pub detectors: Vec<Detector>,
    /// Detectors of your own; best effort too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 32), extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["name"],
    ))]
    pub patterns: Vec<Pattern>,
}

/// A detector of values by how they look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Detector {
    CreditCard,
    SocialSecurityNumber,
    Email,
    Phone,
    Iban,
    IpAddress,
    MacAddress,
    Jwt,
    AwsKey,
    GcpKey,
    GithubToken,
    SlackToken,
    ApiKey,
    PrivateKey,
    ConnectionString,
    DateOfBirth,
}

/// A detector of one's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pattern {
    /// Name that recordings and metrics count its finds under.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"),
        example = "customer-number"
    )]
    pub name: String,
    /// Regular expression; it must bound how long a find can be.
    #[schemars(length(min = 1, max = 1024), example = r"\bC-[0-9]{8}\b")]
    pub regex: String,
    /// Check that a find must also pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = Validator::Luhn)]
    pub validator: Option<Validator>,
}

/// A check of a value's own digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Validator {
    Luhn,
    Iban,
}

/// What becomes of a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "(self.type == 'Partial') == (has(self.keepFirst) || has(self.keepLast))",
        "type Partial needs keepFirst or keepLast, and no other type takes them",
    ),
    field_rule(
        ".keySecretRef",
        "(self.type in ['Hash', 'Tokenize']) == has(self.keySecretRef)",
        "types Hash and Tokenize need keySecretRef, and no other type takes it",
    ),
]))]
pub struct Transform {
    /// `Redact` writes a placeholder, `Nullify` NULL, `Partial` keeps an end, `Hash` writes a keyed
    /// hash, `Tokenize` a keyed token of the same shape.
    #[serde(rename = "type")]
    #[schemars(example = TransformType::Partial)]
    pub kind: TransformType,
    /// Characters kept at the start; never more than half of a value is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 32), example = 2)]
    pub keep_first: Option<i64>,
    /// Characters kept at the end; never more than half of a value is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 32), example = 4)]
    pub keep_last: Option<i64>,
    /// Key for `Hash` and `Tokenize`: equal values give equal results under one key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_secret_ref: Option<SecretKeyReference>,
}

/// The sort of rewriting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TransformType {
    Redact,
    Nullify,
    Partial,
    Hash,
    Tokenize,
}

/// Whether a masked column may be compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Predicates {
    Allow,
    #[default]
    Equality,
    Deny,
}

/// Whether masked subjects may change the schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Ddl {
    Allow,
    #[default]
    Deny,
}
