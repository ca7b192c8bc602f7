//! Connection: one target, how to reach it, who may open a session, how the proxy is delivered.

mod delivery;
mod protocol;
mod status;
mod upstream;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::delivery::{Autoscaling, Delivery, DeliveryMode, Gateway, Sidecar};
use self::protocol::supported_protocol;
pub use self::protocol::{Protocol, SUPPORTED_PROTOCOLS};
pub use self::status::{BoundPolicy, ConnectionStatus, ProxyCount};
pub use self::upstream::{Credentials, TlsMode, Upstream, UpstreamTls};
use crate::DEFAULT_CLASS;
use crate::connection_class::{Durability, OnFailure, Payloads};
use crate::duration::{Bytes, Duration};
use crate::selector::SubjectSelector;
use crate::validation::{field_rule, rule};

/// One target behind Portcullis.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "portcullis.dev",
    version = "v1alpha1",
    kind = "Connection",
    plural = "connections",
    shortname = "conn",
    category = "portcullis",
    namespaced,
    status = "ConnectionStatus",
    derive = "PartialEq",
    doc = "One target: how to reach it, who may open a session, and how the proxy is delivered.",
    selectable = ".spec.protocol",
    scale(
        spec_replicas_path = ".spec.delivery.gateway.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(name = "Protocol", type_ = "string", json_path = ".spec.protocol"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.delivery.mode"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "Replicas", type_ = "integer", json_path = ".status.replicas"),
    printcolumn(
        name = "Policies",
        type_ = "integer",
        json_path = ".status.policyCount"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        priority = 1,
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(
        name = "Endpoint",
        type_ = "string",
        priority = 1,
        json_path = ".status.address"
    )
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    field_rule(
        ".protocol",
        "self.protocol == oldSelf.protocol",
        "protocol cannot change; make another Connection",
    ),
    field_rule(
        ".credentials",
        "has(self.credentials) || self.protocol == 'HTTP'",
        "credentials are required for every protocol but HTTP",
    ),
    field_rule(
        ".credentials.serviceAccountName",
        "!has(self.credentials) || !has(self.credentials.serviceAccountName) || self.protocol == 'Kubernetes'",
        "serviceAccountName is for protocol Kubernetes only; use secretRef",
    ),
    field_rule(
        ".upstream",
        "self.protocol in ['PostgreSQL', 'MySQL'] || (!has(self.upstream.database) && !has(self.upstream.databases))",
        "database and databases are for protocols that have databases",
    ),
    field_rule(
        ".upstream.database",
        "self.protocol != 'PostgreSQL' || has(self.upstream.database)",
        "database is required for PostgreSQL",
    ),
]))]
pub struct ConnectionSpec {
    /// The ConnectionClass whose platform settings apply.
    #[serde(default = "default_class")]
    #[schemars(length(min = 1, max = 253), example = DEFAULT_CLASS)]
    pub class_name: String,
    /// What the target speaks; it cannot change. This version supports PostgreSQL.
    #[schemars(schema_with = "supported_protocol")]
    pub protocol: Protocol,
    /// Port on which the proxy listens; without it the protocol's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535), example = 5432)]
    pub port: Option<i64>,
    /// Where the target is, and how the proxy makes sure of it.
    pub upstream: Upstream,
    /// What the proxy proves itself with to the target; callers never see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Who may open a session; nobody when empty.
    #[serde(default)]
    pub access: Access,
    /// Guardrails and masks without which the Connection opens for nobody, so that a policy that
    /// is renamed, removed or late opens nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["kind", "name"],
    ))]
    pub requires: Vec<Requirement>,
    /// How the proxy comes to the callers.
    #[serde(default)]
    pub delivery: Delivery,
    /// Bounds on sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<Sessions>,
    /// Audience that a caller's token must carry for this Connection, beside being one that its
    /// issuer's entry in the class accepts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), example = "portcullis/orders-db")]
    pub audience: Option<String>,
    /// Recording settings that are stricter than the class's; a looser one is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<RecordingOverrides>,
    /// What a proxy does when it has lost sight of the policies.
    #[serde(default)]
    pub on_policy_stale: OnPolicyStale,
}

/// Who may open a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Access {
    /// Subjects, any of whom may open a session.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub subjects: Vec<SubjectSelector>,
    /// CEL that must also be true, over `subject`, `connection`, `session` and `now`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048), example = "subject.claims.mfa == true")]
    pub expression: Option<String>,
}

/// A policy without which a Connection opens for nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Requirement {
    /// Kind of the policy.
    #[schemars(example = RequirementKind::GuardrailPolicy)]
    pub kind: RequirementKind,
    /// Name of the policy, in the Connection's namespace or the platform's.
    #[schemars(length(min = 1, max = 253), example = "read-only")]
    pub name: String,
}

/// A kind of policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RequirementKind {
    GuardrailPolicy,
    MaskingRule,
}

/// Bounds on sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sessions {
    /// Sessions open at the same time on the whole Connection; without it any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000), example = 200)]
    pub max_concurrent: Option<i64>,
    /// Age at which a session is ended; without it none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "8h", extend("x-kubernetes-validations" = [
        rule("self >= duration('1s')", "maxDuration must be at least 1s"),
    ]))]
    pub max_duration: Option<Duration>,
    /// Time without an operation after which a session is ended; without it none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "30m", extend("x-kubernetes-validations" = [
        rule("self >= duration('1s')", "idleTimeout must be at least 1s"),
    ]))]
    pub idle_timeout: Option<Duration>,
    /// The largest message of a client that is taken, and of the target that must be read whole. A
    /// session may need memory of that size, twice where the message is masked.
    #[serde(default = "max_message_size")]
    #[schemars(example = "256Mi", extend("x-kubernetes-validations" = [
        rule(
            "quantity(self).compareTo(quantity('1Mi')) >= 0 && quantity(self).compareTo(quantity('1Gi')) <= 0",
            "maxMessageSize must be between 1Mi and 1Gi",
        ),
    ]))]
    pub max_message_size: Bytes,
}

/// Recording settings that a Connection may tighten.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordingOverrides {
    /// How much is kept of each response, and of what is sent beside texts: `Full` keeps all,
    /// `Capped` the first 64 KiB, `Metadata` none of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = Payloads::Full)]
    pub payloads: Option<Payloads>,
    /// What happens when nothing can be recorded: `Deny` stops new operations, `Allow` lets them
    /// run unrecorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = OnFailure::Deny)]
    pub on_failure: Option<OnFailure>,
    /// When an event is on disk: `Strict` before its operation runs, `Batched` within a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = Durability::Strict)]
    pub durability: Option<Durability>,
    /// How long recordings are to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "8760h")]
    pub retention: Option<Duration>,
}

/// What a proxy does when it has lost sight of the policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OnPolicyStale {
    /// Time without word from the API server after which the action is taken.
    #[serde(default = "stale_after")]
    #[schemars(example = &"1m", extend("x-kubernetes-validations" = [
        rule(
            "self >= duration('1s') && self <= duration('24h')",
            "after must be between 1s and 24h",
        ),
    ]))]
    pub after: Duration,
    /// `Deny` refuses every operation until word comes; `KeepLastGood` goes on with the last
    /// policies that were read.
    #[serde(default)]
    #[schemars(example = StaleAction::Deny)]
    pub action: StaleAction,
}

/// What stale policies lead to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StaleAction {
    #[default]
    Deny,
    KeepLastGood,
}

// === impl Sessions ===

impl Default for Sessions {
    fn default() -> Self {
        Self {
            max_concurrent: None,
            max_duration: None,
            idle_timeout: None,
            max_message_size: max_message_size(),
        }
    }
}

// === impl OnPolicyStale ===

impl Default for OnPolicyStale {
    fn default() -> Self {
        Self {
            after: stale_after(),
            action: StaleAction::Deny,
        }
    }
}

fn default_class() -> String {
    DEFAULT_CLASS.to_owned()
}

fn max_message_size() -> Bytes {
    Bytes::from_mebibytes(64)
}

fn stale_after() -> Duration {
    Duration::from_secs(60)
}
