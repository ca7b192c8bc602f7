//! Condition types and reasons, and the parts of a status that several kinds share.
//!
//! Reasons are API: scripts and dashboards compare them, so they are constants here and never
//! written out elsewhere.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The most conditions that one list holds.
pub const MAX_CONDITIONS: usize = 16;
/// The most ancestors that a policy's status lists.
pub const MAX_ANCESTORS: usize = 16;
/// `observedGeneration` of an object that no controller has seen yet.
pub const UNSEEN_GENERATION: i64 = -1;
/// The `controllerName` under which the operator writes ancestors.
pub const CONTROLLER_NAME: &str = "portcullis.dev/operator";

/// The object is well formed: every field, pattern and expression compiles.
pub const ACCEPTED: &str = "Accepted";
/// All that the object refers to is there and may be used.
pub const RESOLVED_REFS: &str = "ResolvedRefs";
/// Every proxy that it concerns has loaded it and said so.
pub const PROGRAMMED: &str = "Programmed";
/// The object does its work now.
pub const READY: &str = "Ready";
/// A controller is working on it; only present while true.
pub const RECONCILING: &str = "Reconciling";
/// It will not get better by itself; only present while true.
pub const STALLED: &str = "Stalled";
/// A request has its quorum.
pub const APPROVED: &str = "Approved";
/// An approver said no.
pub const DENIED: &str = "Denied";
/// Nobody decided, or nobody used the grant, in time.
pub const EXPIRED: &str = "Expired";
/// An approver took the approval back.
pub const REVOKED: &str = "Revoked";
/// Nothing more will happen to a request.
pub const COMPLETE: &str = "Complete";

/// Reasons of conditions, by the condition that carries them.
pub mod reason {
    /// `Accepted=True`, and `ResolvedRefs=True`.
    pub const ACCEPTED: &str = "Accepted";
    /// `Accepted=False`: a field does not hold; the message names its path.
    pub const INVALID: &str = "Invalid";
    /// `Accepted=False`: a CEL expression does not compile.
    pub const INVALID_EXPRESSION: &str = "InvalidExpression";
    /// `Accepted=False`: the protocol is not supported by this version.
    pub const UNSUPPORTED_PROTOCOL: &str = "UnsupportedProtocol";
    /// `Accepted=False`: the class is absent, or does not admit this namespace or upstream.
    pub const NOT_ADMITTED_BY_CLASS: &str = "NotAdmittedByClass";
    /// `Accepted=False`: no such Connection.
    pub const TARGET_NOT_FOUND: &str = "TargetNotFound";
    /// `Accepted=False`: two objects claim the same thing.
    pub const CONFLICTED: &str = "Conflicted";
    /// `ResolvedRefs=True`: all references resolve.
    pub const RESOLVED_REFS: &str = "ResolvedRefs";
    /// `ResolvedRefs=False`: no such Secret, or it lacks a key.
    pub const SECRET_NOT_FOUND: &str = "SecretNotFound";
    /// `ResolvedRefs=False`: the Secret's `serves` names another connection or address.
    pub const REF_NOT_PERMITTED: &str = "RefNotPermitted";
    /// `ResolvedRefs=False`: a guardrail or mask in `requires` is absent.
    pub const REQUIREMENT_NOT_FOUND: &str = "RequirementNotFound";
    /// `Programmed=True`: every proxy has loaded it.
    pub const PROGRAMMED: &str = "Programmed";
    /// `Programmed=False`: proxies have not yet said that they loaded it.
    pub const PENDING: &str = "Pending";
    /// `Programmed=False`: some proxies have loaded it.
    pub const PARTIALLY_PROGRAMMED: &str = "PartiallyProgrammed";
    /// `Programmed=False`: the gateway's rollout does not come to an end.
    pub const ROLLOUT_FAILED: &str = "RolloutFailed";
    /// `Ready=True`: every proxy serves the newest policy.
    pub const ALL_PROXIES_CURRENT: &str = "AllProxiesCurrent";
    /// `Ready=True`: proxies are about to load a newer policy.
    pub const PROXIES_LOADING: &str = "ProxiesLoading";
    /// `Ready=False`: some proxies serve an older policy.
    pub const PROXIES_STALE: &str = "ProxiesStale";
    /// `Ready=False`: no proxy serves.
    pub const NO_READY_REPLICAS: &str = "NoReadyReplicas";
    /// `Ready=False`: the class is locked down.
    pub const LOCKED_DOWN: &str = "LockedDown";
    /// `Approved=True`: as many people approved as the policy asks for.
    pub const QUORUM_REACHED: &str = "QuorumReached";
    /// `Denied=True`: an approver denied.
    pub const DENIED_BY_APPROVER: &str = "DeniedByApprover";
    /// `Revoked=True`: an approver revoked.
    pub const REVOKED_BY_APPROVER: &str = "RevokedByApprover";
    /// `Expired=True`: no quorum by `spec.expiresAt`.
    pub const DEADLINE_PASSED: &str = "DeadlinePassed";
    /// `Expired=True`: the grant ran out.
    pub const GRANT_EXPIRED: &str = "GrantExpired";
    /// `Complete=True`: a proxy used the grant.
    pub const CONSUMED: &str = "Consumed";
    /// `Complete=True`: the caller gave up waiting.
    pub const WITHDRAWN: &str = "Withdrawn";
}

/// The status of a policy: how it stands, and how it stands with each Connection that it binds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("default" = unseen_status()))]
pub struct PolicyStatus {
    /// Generation of the object that this status speaks of; -1 until a controller has seen it.
    #[schemars(example = 3)]
    pub observed_generation: i64,
    /// How the policy stands as a whole: `Accepted`, `Programmed`, `Ready`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition_list")]
    pub conditions: Vec<Condition>,
    /// How it stands with each Connection; beyond sixteen the last entry is a summary.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "atomic"))]
    pub ancestors: Vec<Ancestor>,
}

/// How a policy stands with one Connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ancestor {
    /// The Connection.
    pub ancestor_ref: AncestorReference,
    /// Which controller wrote this entry.
    #[schemars(length(min = 1, max = 253), example = CONTROLLER_NAME)]
    pub controller_name: String,
    /// `Accepted` and `Programmed` for this Connection.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition_list")]
    pub conditions: Vec<Condition>,
}

/// The object that a policy binds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AncestorReference {
    /// API group of the object.
    #[schemars(length(max = 253), example = crate::GROUP)]
    pub group: String,
    /// Kind of the object, or `StatusSummary` for the entry that stands for the rest.
    #[schemars(length(min = 1, max = 63), example = &"Connection")]
    pub kind: String,
    /// Namespace of the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), example = &"shop")]
    pub namespace: Option<String>,
    /// Name of the object.
    #[schemars(length(min = 1, max = 253), example = "orders-db")]
    pub name: String,
}

/// A status that no controller has written yet. Without it a new object would look healthy.
pub(crate) fn unseen_status() -> Value {
    json!({ "observedGeneration": UNSEEN_GENERATION })
}

/// The schema of a list of `metav1.Condition`, with the bounds that the API server's own has.
pub(crate) fn condition_list(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": MAX_CONDITIONS,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "description": "One aspect of the object's state.",
            "required": ["type", "status", "reason", "message", "lastTransitionTime"],
            "properties": {
                "type": {
                    "type": "string",
                    "description": "Which aspect.",
                    "maxLength": 316,
                    "example": READY,
                },
                "status": {
                    "type": "string",
                    "description": "Whether it holds.",
                    "enum": ["True", "False", "Unknown"],
                    "example": "True",
                },
                "reason": {
                    "type": "string",
                    "description": "Why, in one word for machines.",
                    "minLength": 1,
                    "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                    "example": reason::ALL_PROXIES_CURRENT,
                },
                "message": {
                    "type": "string",
                    "description": "Why, in words for people.",
                    "maxLength": 32768,
                    "example": "2 of 2 proxies serve revision sha256:4f2a",
                },
                "lastTransitionTime": {
                    "type": "string",
                    "description": "When `status` last changed.",
                    "format": "date-time",
                    "example": "2026-11-20T10:00:00Z",
                },
                "observedGeneration": {
                    "type": "integer",
                    "description": "Generation of the object that this condition speaks of.",
                    "format": "int64",
                    "minimum": 0,
                    "example": 3,
                },
            },
        },
    })
}
