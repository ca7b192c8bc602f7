//! ConnectionClass: platform settings that Connections share, as a StorageClass has for volumes.

pub mod identity;
pub mod proxy;
pub mod recording;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::identity::{
    ApiKey, Identity, Jwk, Jwks, Mtls, OidcIssuer, OsUser, ServiceAccountTokens,
};
pub use self::proxy::ProxySettings;
pub use self::recording::{Durability, OnFailure, Payloads, Recording, Spool, Store};
use crate::condition::{condition_list, unseen_status};
use crate::duration::Duration;
use crate::guardrail_policy::Wait;
use crate::selector::LabelSelector;
use crate::validation::rule;

/// Platform settings that Connections share.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "portcullis.dev",
    version = "v1alpha1",
    kind = "ConnectionClass",
    plural = "connectionclasses",
    shortname = "connclass",
    category = "portcullis",
    status = "ConnectionClassStatus",
    derive = "PartialEq",
    doc = "Platform settings that Connections share: identity, recording, proxies, approvals.",
    printcolumn(name = "Lockdown", type_ = "boolean", json_path = ".spec.lockdown"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Accepted\")].status"
    ),
    printcolumn(
        name = "Payloads",
        type_ = "string",
        json_path = ".spec.recording.payloads"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    ),
    printcolumn(
        name = "Store",
        type_ = "string",
        priority = 1,
        json_path = ".spec.recording.store.url"
    )
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectionClassSpec {
    /// How callers prove who they are; with nothing here nobody gets in.
    #[serde(default)]
    pub identity: Identity,
    /// Namespaces whose Connections may use this class; without it every namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<AllowedNamespaces>,
    /// Addresses that Connections of this class may dial, any of them; without it every address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64))]
    pub allowed_upstreams: Vec<AllowedUpstream>,
    /// How sessions are recorded.
    #[serde(default)]
    pub recording: Recording,
    /// How proxies run in a cluster.
    #[serde(default)]
    pub proxy: ProxySettings,
    /// What approvals do where a rule does not say.
    #[serde(default)]
    pub approvals: ApprovalDefaults,
    /// Cuts every session of this class and refuses new ones.
    #[serde(default)]
    #[schemars(example = false)]
    pub lockdown: bool,
    /// Functions and triggers of PostgreSQL that somebody has read. Without a review a function in
    /// another language than SQL is of effect Unknown, and so is a write that sets it off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 1024), extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["name", "sha256"],
    ))]
    pub reviewed_functions: Vec<ReviewedFunction>,
    /// Who may read recordings, follow and end sessions.
    #[serde(default)]
    pub admin: Admin,
}

/// Namespaces, by name or by label; either is enough.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    rule("has(self.names) || has(self.selector)", "write names, or selector, or both"),
]))]
pub struct AllowedNamespaces {
    /// Names of namespaces; `*` and `?` are wildcards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 63)), example = ["shop", "team-*"])]
    pub names: Vec<String>,
    /// Labels of namespaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// Addresses that may be dialled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllowedUpstream {
    /// Host name, compared without case, or IP address in any spelling; `*` and `?` are wildcards.
    /// A pattern of digits, dots and wildcards alone takes addresses only: `10.*` is not meant for
    /// `10.example.com`.
    #[schemars(length(min = 1, max = 253), example = "*.internal")]
    pub host: String,
    /// Ports, any of them; without it every port.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 16), inner(range(min = 1, max = 65535)), example = [5432])]
    pub ports: Vec<i64>,
}

/// A function as it was when somebody read it. Where its definition changes, the review no longer
/// holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReviewedFunction {
    /// Schema and name, without arguments; in double quotes where it is not all lower case.
    #[schemars(
        length(min = 3, max = 261),
        regex(
            pattern = r#"^("([^"]|"")+"|[a-z_][a-z0-9_$]*)[.]("([^"]|"")+"|[a-z_][a-z0-9_$]*)$"#
        ),
        example = "shop.touch_updated_at"
    )]
    pub name: String,
    /// SHA-256 of what `pg_get_functiondef` tells of it, in hexadecimal. A refusal for a function
    /// that nobody reviewed tells it.
    #[schemars(length(min = 64, max = 64), regex(pattern = r"^[0-9a-f]{64}$"), example = &"0000000000000000000000000000000000000000000000000000000000000000")]
    pub sha256: String,
    /// Tables that it reads, beside those that the statement names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), inner(length(min = 3, max = 261), regex(pattern = r#"^("([^"]|"")+"|[a-z_][a-z0-9_$]*)[.]("([^"]|"")+"|[a-z_][a-z0-9_$]*)$"#)), example = ["shop.prices"])]
    pub reads: Vec<String>,
    /// Tables that it writes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), inner(length(min = 3, max = 261), regex(pattern = r#"^("([^"]|"")+"|[a-z_][a-z0-9_$]*)[.]("([^"]|"")+"|[a-z_][a-z0-9_$]*)$"#)), example = ["shop.audit"])]
    pub writes: Vec<String>,
}

/// What approvals do where a rule does not say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApprovalDefaults {
    /// `Hold` lets the operation wait; `Reject` answers at once, and the same operation passes when
    /// it is tried again after approval.
    #[serde(default)]
    #[schemars(example = Wait::Hold)]
    pub wait: Wait,
    /// How long an operation is held before it is rejected as with `Reject`.
    #[serde(default = "hold_for")]
    #[schemars(example = "5m", extend("x-kubernetes-validations" = [
        rule(
            "self >= duration('1s') && self <= duration('1h')",
            "holdFor must be between 1s and 1h",
        ),
    ]))]
    pub hold_for: Duration,
    /// How long approvers have to decide.
    #[serde(default = "expires_after")]
    #[schemars(example = "15m", extend("x-kubernetes-validations" = [
        rule(
            "self >= duration('30s') && self <= duration('24h')",
            "expiresAfter must be between 30s and 24h",
        ),
    ]))]
    pub expires_after: Duration,
    /// Requests that one subject may have waiting at the same time.
    #[serde(default = "max_pending")]
    #[schemars(range(min = 1, max = 100), example = 8)]
    pub max_pending_per_subject: i64,
    /// How long a finished request is kept before it is deleted.
    #[serde(default = "ttl_after_finished")]
    #[schemars(example = "24h")]
    pub ttl_after_finished: Duration,
    /// What the API server must know of an approver beside the name: keys of `userInfo.extra`, each
    /// with the values of which one must be there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "extra_map", example = BTreeMap::from([("acr", ["mfa"])]))]
    pub required_extra: BTreeMap<String, Vec<String>>,
}

/// Who may look after sessions and recordings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Admin {
    /// Groups whose members may; nobody when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 256)), example = ["oidc:platform"])]
    pub groups: Vec<String>,
}

/// How a class stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = unseen_status()))]
pub struct ConnectionClassStatus {
    /// Generation of the object that this status speaks of; -1 until a controller has seen it.
    #[schemars(example = 3)]
    pub observed_generation: i64,
    /// How it stands: `Accepted`, `ResolvedRefs`, `Ready`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition_list")]
    pub conditions: Vec<Condition>,
}

// === impl ApprovalDefaults ===

impl Default for ApprovalDefaults {
    fn default() -> Self {
        Self {
            wait: Wait::Hold,
            hold_for: hold_for(),
            expires_after: expires_after(),
            max_pending_per_subject: max_pending(),
            ttl_after_finished: ttl_after_finished(),
            required_extra: BTreeMap::new(),
        }
    }
}

fn hold_for() -> Duration {
    Duration::from_secs(5 * 60)
}

fn expires_after() -> Duration {
    Duration::from_secs(15 * 60)
}

fn max_pending() -> i64 {
    8
}

fn ttl_after_finished() -> Duration {
    Duration::from_secs(24 * 60 * 60)
}

/// Keys of `userInfo.extra`, each with values.
pub(crate) fn extra_map(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": 8,
        "additionalProperties": {
            "type": "array",
            "minItems": 1,
            "maxItems": 16,
            "items": { "type": "string", "minLength": 1, "maxLength": 256 },
        },
    })
}
