//! Connection: one target, how to reach it, who may open a session, how the proxy is delivered.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::DEFAULT_CLASS;
use crate::condition::{condition_list, unseen_status};
use crate::connection_class::{Durability, OnFailure, Payloads};
use crate::duration::Duration;
use crate::reference::{CertificateReference, SecretReference};
use crate::selector::{LabelSelector, SubjectSelector};
use crate::validation::{field_rule, rule};

/// The protocols of which all has been built; the schema admits no other on a Connection.
pub const SUPPORTED_PROTOCOLS: [Protocol; 1] = [Protocol::PostgreSql];

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
        type_ = "string",
        json_path = ".status.policies[*].name"
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
    /// Bounds on sessions; what is absent is unbounded.
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

/// Where a target is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Upstream {
    /// Host name or IP address of the target.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[A-Za-z0-9]([A-Za-z0-9._:-]*[A-Za-z0-9])?$"),
        example = "orders.internal"
    )]
    pub host: String,
    /// Port of the target; without it the protocol's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535), example = 5432)]
    pub port: Option<i64>,
    /// Database that a client gets when it names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), example = &"orders")]
    pub database: Option<String>,
    /// Databases that a client may name, with `*` and `?` as wildcards; without it only `database`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 63)), example = ["orders", "orders_archive_*"])]
    pub databases: Vec<String>,
    /// How the proxy makes sure that it speaks to the target and to nobody else.
    #[serde(default)]
    pub tls: UpstreamTls,
}

/// TLS towards the target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    field_rule(
        ".caRef",
        "!has(self.caRef) || self.mode in ['VerifyFull', 'VerifyCA']",
        "caRef is of no use unless mode is VerifyFull or VerifyCA",
    ),
    field_rule(
        ".serverName",
        "!has(self.serverName) || self.mode == 'VerifyFull'",
        "serverName is of no use unless mode is VerifyFull",
    ),
]))]
pub struct UpstreamTls {
    /// `VerifyFull` checks the certificate and its name, `VerifyCA` the certificate alone,
    /// `Require` encrypts without checking, `Disable` sends in clear. Below `VerifyFull` a target
    /// that asks for the password in clear or as md5 is refused.
    #[serde(default)]
    #[schemars(example = TlsMode::VerifyFull)]
    pub mode: TlsMode,
    /// Certificates that may vouch for the target; without it the proxy's system roots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_ref: Option<CertificateReference>,
    /// Name that the target's certificate must carry; without it `upstream.host`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), example = "orders.internal")]
    pub server_name: Option<String>,
}

/// How far the target's certificate is checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TlsMode {
    #[default]
    VerifyFull,
    #[serde(rename = "VerifyCA")]
    VerifyCa,
    Require,
    Disable,
}

/// What the proxy proves itself with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "has(self.secretRef) != has(self.serviceAccountName)",
        "write either secretRef or serviceAccountName",
    ),
]))]
pub struct Credentials {
    /// Secret with the keys `serves` (`<connection>@<host>:<port>`: which Connection may use it),
    /// `username` and `password`, or `token`, or `tls.crt` and `tls.key` (a client certificate),
    /// or `ssh-privatekey`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretReference>,
    /// Service account that the proxy acts as; only for protocol Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), example = "cluster-reader")]
    pub service_account_name: Option<String>,
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

/// How the proxy comes to the callers. A standalone proxy ignores it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    field_rule(
        ".gateway",
        "(self.mode == 'Gateway') == has(self.gateway)",
        "mode Gateway needs gateway, and no other mode takes it",
    ),
    field_rule(
        ".sidecar",
        "(self.mode == 'Sidecar') == has(self.sidecar)",
        "mode Sidecar needs sidecar, and no other mode takes it",
    ),
]))]
pub struct Delivery {
    /// `Gateway` runs proxies of their own behind a Service; `Sidecar` puts one into each selected
    /// pod.
    #[schemars(example = DeliveryMode::Gateway)]
    pub mode: DeliveryMode,
    /// How many proxies; only for mode `Gateway`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Gateway>,
    /// Into which pods; only for mode `Sidecar`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sidecar: Option<Sidecar>,
}

/// Where the proxy runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeliveryMode {
    Gateway,
    Sidecar,
}

/// Proxies behind a Service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "has(self.replicas) != has(self.autoscaling)",
        "write either replicas or autoscaling",
    ),
]))]
pub struct Gateway {
    /// Number of proxies, and what `kubectl scale` changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100), example = 2)]
    pub replicas: Option<i64>,
    /// Lets the number follow the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<Autoscaling>,
}

/// A number of proxies that follows the load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    field_rule(
        ".maxReplicas",
        "self.minReplicas <= self.maxReplicas",
        "maxReplicas must be at least minReplicas",
    ),
]))]
pub struct Autoscaling {
    /// Never fewer proxies than this.
    #[schemars(range(min = 1, max = 100), example = 2)]
    pub min_replicas: i64,
    /// Never more proxies than this.
    #[schemars(range(min = 1, max = 100), example = 6)]
    pub max_replicas: i64,
    /// Share of the requested CPU, in percent, above which proxies are added.
    #[serde(rename = "targetCPU", default = "target_cpu")]
    #[schemars(range(min = 1, max = 100), example = 70)]
    pub target_cpu: i64,
}

/// A proxy in each selected pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sidecar {
    /// Labels of the pods, in the Connection's namespace.
    pub pod_selector: LabelSelector,
    /// Port on 127.0.0.1 that the application dials.
    #[schemars(range(min = 1, max = 65535), example = 15432)]
    pub port: i64,
}

/// Bounds on sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sessions {
    /// Sessions open at the same time on the whole Connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000), example = 200)]
    pub max_concurrent: Option<i64>,
    /// Age at which a session is ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "8h", extend("x-kubernetes-validations" = [
        rule("self >= duration('1s')", "maxDuration must be at least 1s"),
    ]))]
    pub max_duration: Option<Duration>,
    /// Time without an operation after which a session is ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "30m", extend("x-kubernetes-validations" = [
        rule("self >= duration('1s')", "idleTimeout must be at least 1s"),
    ]))]
    pub idle_timeout: Option<Duration>,
}

/// Recording settings that a Connection may tighten.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordingOverrides {
    /// How much of each response is kept: `Full` keeps all, `Capped` its first 64 KiB, `Metadata`
    /// none of it.
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
    #[schemars(example = "60s", extend("x-kubernetes-validations" = [
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

/// How a Connection stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = unseen_status()))]
pub struct ConnectionStatus {
    /// Generation of the object that this status speaks of; -1 until a controller has seen it.
    pub observed_generation: i64,
    /// How it stands: `Accepted`, `ResolvedRefs`, `Programmed`, `Ready`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition_list")]
    pub conditions: Vec<Condition>,
    /// Host and port that callers dial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 320), example = "orders-db.shop.svc:5432")]
    pub address: Option<String>,
    /// Number of proxies that run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100_000), example = 2)]
    pub replicas: Option<i64>,
    /// Labels of the proxies' pods, for `kubectl scale` and autoscalers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), example = "portcullis.dev/connection=orders-db")]
    pub selector: Option<String>,
    /// Revision of the policies that proxies should serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128), example = "sha256:4f2a")]
    pub policy_revision: Option<String>,
    /// How many proxies serve that revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxies: Option<ProxyCount>,
    /// The policies that bind this Connection.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub policies: Vec<BoundPolicy>,
}

/// How many proxies there are, and how many serve the newest policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProxyCount {
    /// Proxies that report.
    #[schemars(range(min = 0, max = 100_000), example = 2)]
    pub total: i64,
    /// Proxies that serve the newest revision.
    #[schemars(range(min = 0, max = 100_000), example = 2)]
    pub current: i64,
}

/// A policy that binds a Connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BoundPolicy {
    /// Kind of the policy.
    #[schemars(example = RequirementKind::GuardrailPolicy)]
    pub kind: RequirementKind,
    /// Namespace of the policy.
    #[schemars(length(max = 63), example = &"shop")]
    pub namespace: String,
    /// Name of the policy.
    #[schemars(length(max = 253), example = "read-only")]
    pub name: String,
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

// === impl Delivery ===

impl Default for Delivery {
    fn default() -> Self {
        Self {
            mode: DeliveryMode::Gateway,
            gateway: Some(Gateway {
                replicas: Some(1),
                autoscaling: None,
            }),
            sidecar: None,
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

fn stale_after() -> Duration {
    Duration::from_secs(60)
}

fn target_cpu() -> i64 {
    70
}

fn supported_protocol(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "string",
        "enum": SUPPORTED_PROTOCOLS,
        "example": Protocol::PostgreSql,
    })
}
