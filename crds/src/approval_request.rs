//! ApprovalRequest: one operation that waits for people.
//!
//! The spec is written once, by a proxy. Approvers append decisions, the operator writes
//! conditions, state and grant, the proxy claims the grant or withdraws. What must hold whoever
//! writes (nobody approves for themselves, the quorum, claim once, nothing taken back) is in the
//! schema, where no webhook that is down can switch it off. Names of people compare without case
//! there, for an owner is written by hand: two who differ in nothing else count as one.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::condition::{UNSEEN_GENERATION, condition_list};
use crate::connection_class::extra_map;
use crate::duration::Duration;
use crate::guardrail_policy::{Effect, Flag, Grant};
use crate::validation::{field_rule, rule};

/// The most of an operation that an approver is shown; a longer one cannot be approved.
pub const MAX_SHOWN_TEXT: usize = 16 * 1024;
/// The most decisions that one request takes.
pub const MAX_DECISIONS: usize = 16;

/// One operation that waits for people.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "portcullis.dev",
    version = "v1alpha1",
    kind = "ApprovalRequest",
    plural = "approvalrequests",
    shortname = "appr",
    category = "portcullis",
    namespaced,
    status = "ApprovalRequestStatus",
    derive = "PartialEq",
    doc = "One operation that waits for people to approve it. Only proxies create it.",
    selectable = ".spec.connectionRef.name",
    selectable = ".status.state",
    validation = Rule::new("!has(self.status) || !has(self.status.decisions) || self.status.decisions.all(d, d.decision != 'Approve' || (d.username.lowerAscii() != self.spec.requester.username.lowerAscii() && (!has(self.spec.requester.onBehalfOf) || d.username.lowerAscii() != self.spec.requester.onBehalfOf.lowerAscii())))")
        .message("who asks, or answers for who asks, cannot approve")
        .reason(Reason::FieldValueForbidden),
    validation = Rule::new("!has(self.status) || !has(self.status.conditions) || !self.status.conditions.exists(c, c.type == 'Approved' && c.status == 'True') || (has(self.status.decisions) && self.status.decisions.filter(d, d.decision == 'Approve').size() >= self.spec.requiredApprovals)")
        .message("Approved needs as many Approve decisions as spec.requiredApprovals"),
    validation = Rule::new("!has(self.status) || !has(self.status.grant) || !has(self.spec.grant) || !has(self.spec.grant.duration) || self.status.grant.expiresAt - self.status.grant.notBefore <= self.spec.grant.duration")
        .message("a grant cannot last longer than spec.grant.duration"),
    printcolumn(name = "Connection", type_ = "string", json_path = ".spec.connectionRef.name"),
    printcolumn(name = "Requester", type_ = "string", json_path = ".spec.requester.username"),
    printcolumn(name = "On Behalf Of", type_ = "string", json_path = ".spec.requester.onBehalfOf"),
    printcolumn(name = "Summary", type_ = "string", json_path = ".spec.operation.summary"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Approvals", type_ = "string", json_path = ".status.approvals"),
    printcolumn(name = "Expires", type_ = "string", json_path = ".spec.expiresAt"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Target",
        type_ = "string",
        priority = 1,
        json_path = ".spec.connectionRef.address"
    ),
    printcolumn(name = "Rule", type_ = "string", priority = 1, json_path = ".spec.policyRef.rule"),
    printcolumn(name = "Hash", type_ = "string", priority = 1, json_path = ".spec.operation.hash")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    rule("self == oldSelf", "a request cannot change once it is made"),
]))]
pub struct ApprovalRequestSpec {
    /// The Connection that the operation is for.
    pub connection_ref: ConnectionReference,
    /// The policy and rule that ask for approval.
    pub policy_ref: PolicyReference,
    /// Who asks.
    pub requester: Requester,
    /// What would run.
    pub operation: OperationSummary,
    /// What an approval gives.
    #[serde(default)]
    pub grant: GrantTerms,
    /// How many people must approve.
    #[schemars(range(min = 1, max = 5), example = 2)]
    pub required_approvals: i64,
    /// What the API server must know of an approver beside the name: keys of `userInfo.extra`, each
    /// with the values of which one must be there. Written from the class.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "extra_map", example = BTreeMap::from([("acr", ["mfa"])]))]
    pub required_extra: BTreeMap<String, Vec<String>>,
    /// Until when they may.
    #[schemars(example = "2026-11-20T10:15:00Z")]
    pub expires_at: Time,
    /// Seconds for which the request is kept once it is finished.
    #[serde(default = "ttl_seconds")]
    #[schemars(range(min = 0, max = 31_536_000), example = 86_400)]
    pub ttl_seconds_after_finished: i64,
}

/// The Connection that an operation is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectionReference {
    /// Name of the Connection, in the request's namespace.
    #[schemars(length(min = 1, max = 253), example = "orders-db")]
    pub name: String,
    /// UID of the Connection, so that one made anew under the name is another.
    #[schemars(
        length(min = 1, max = 64),
        example = "5d3c1f5e-8f39-4a0e-9a55-1f4c6a2f9b10"
    )]
    pub uid: String,
    /// Host and port of the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 320), example = "orders.internal:5432")]
    pub address: Option<String>,
}

/// The policy and rule that ask for approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyReference {
    /// Namespace of the policy; without it the request's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), example = "portcullis-system")]
    pub namespace: Option<String>,
    /// Name of the policy.
    #[schemars(length(min = 1, max = 253), example = &"production")]
    pub name: String,
    /// Name of the rule.
    #[schemars(length(min = 1, max = 63), example = "no-ddl")]
    pub rule: String,
    /// Generation of the policy that was read.
    #[schemars(range(min = 0), example = 7)]
    pub generation: i64,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Requester {
    /// Username of who asks, as the API server would call them; it may not approve.
    #[schemars(length(min = 1, max = 256), example = "oidc:agent-7")]
    pub username: String,
    /// Username of the person who answers for the requester where that is somebody else: the person
    /// in a signed actor chain, or the owner of an API key or service account. It may not approve
    /// either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), example = "oidc:alice@example.com")]
    pub on_behalf_of: Option<String>,
    /// Who vouches for the requester.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), example = "https://idp.example")]
    pub issuer: Option<String>,
    /// The requester by the issuer's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256), example = "u-123")]
    pub subject: Option<String>,
}

/// What would run, as far as an approver must see it: all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OperationSummary {
    /// SHA-256 over the operation's exact meaning; what is approved is this and nothing else.
    #[schemars(
        length(min = 71, max = 71),
        regex(pattern = r"^sha256:[0-9a-f]{64}$"),
        example = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    )]
    pub hash: String,
    /// Version of the encoding that was hashed.
    #[schemars(length(min = 1, max = 16), example = &"v1")]
    pub hash_version: String,
    /// The operation in a line, with masked values left out.
    #[schemars(
        length(min = 1, max = 4096),
        example = "DELETE FROM orders WHERE id = 7"
    )]
    pub summary: String,
    /// The protocol's own word for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), example = &"DELETE")]
    pub verb: Option<String>,
    /// What it does to what it touches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 6), example = [Effect::Write])]
    pub effects: Vec<Effect>,
    /// All that it touches, each as `effect kind:path`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 512)), example = ["Write table:public.orders"])]
    pub resources: Vec<String>,
    /// Its properties.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), example = [Flag::Unbounded])]
    pub flags: Vec<Flag>,
    /// Facts that change its meaning, such as database and role.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "attribute_map", example = BTreeMap::from([("database", ["orders"])]))]
    pub attributes: BTreeMap<String, Vec<String>>,
    /// The whole text, with control and bidirectional characters escaped and masked values marked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16384), example = "DELETE FROM orders WHERE id = 7")]
    pub text: Option<String>,
    /// How many values the text leaves out.
    #[serde(default)]
    #[schemars(range(min = 0, max = 16384), example = 0)]
    pub masked_values: i64,
}

/// What an approval gives.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    field_rule(
        ".duration",
        "(self.type == 'TimeBoxed') == has(self.duration)",
        "type TimeBoxed needs duration, and no other type takes it",
    ),
]))]
pub struct GrantTerms {
    /// `OneShot` lets the operation run once; `TimeBoxed` lets the same operation run again until
    /// `duration` has passed.
    #[serde(rename = "type", default)]
    #[schemars(example = Grant::OneShot)]
    pub kind: Grant,
    /// How long a `TimeBoxed` grant lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "30m", extend("x-kubernetes-validations" = [
        rule(
            "self >= duration('1s') && self <= duration('24h')",
            "duration must be between 1s and 24h",
        ),
    ]))]
    pub duration: Option<Duration>,
}

/// Where a request stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend(
    "default" = new_status(),
    "x-kubernetes-validations" = status_rules(),
))]
pub struct ApprovalRequestStatus {
    /// Generation of the object that this status speaks of; -1 until a controller has seen it.
    #[schemars(example = 3)]
    pub observed_generation: i64,
    /// Where it stands; `Pending` and `Approved` go on, every other state is final.
    #[serde(default)]
    #[schemars(example = ApprovalState::Pending)]
    pub state: ApprovalState,
    /// How many people have approved, of how many that must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), example = "1/2")]
    pub approvals: Option<String>,
    /// What approvers said; nothing is ever taken out.
    #[serde(default)]
    #[schemars(length(max = 16), extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["username", "decision"],
    ))]
    pub decisions: Vec<Decision>,
    /// How it stands: `Approved`, `Denied`, `Expired`, `Revoked`, `Complete`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition_list")]
    pub conditions: Vec<Condition>,
    /// What was granted, once it is approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantWindow>,
    /// What the proxy did with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// Where a request stands, in one word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApprovalState {
    #[default]
    Pending,
    Approved,
    Denied,
    Expired,
    Withdrawn,
    Consumed,
    Revoked,
}

/// What one approver said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    field_rule(
        ".username",
        "self.decision != 'Approve' || !self.username.startsWith('system:serviceaccount:')",
        "service accounts do not approve; a person must",
    ),
]))]
pub struct Decision {
    /// Username of the approver; admission lets nobody write another's.
    #[schemars(length(min = 1, max = 256), example = "oidc:carol@example.com")]
    pub username: String,
    /// `Approve` counts towards the quorum; one `Deny` or `Revoke` beats every `Approve`.
    #[schemars(example = DecisionKind::Approve)]
    pub decision: DecisionKind,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), example = "Agreed in the incident channel.")]
    pub reason: Option<String>,
}

/// What an approver can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DecisionKind {
    Approve,
    Deny,
    Revoke,
}

// === impl ApprovalRequestStatus ===

impl ApprovalRequestStatus {
    /// The status of a request that came without the schema's default: nobody has looked at it.
    pub fn unseen() -> Self {
        Self {
            observed_generation: UNSEEN_GENERATION,
            state: ApprovalState::Pending,
            approvals: None,
            decisions: Vec::new(),
            conditions: Vec::new(),
            grant: None,
            usage: None,
        }
    }
}

// === impl ApprovalState ===

impl ApprovalState {
    /// The state by the word that objects have for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Approved => "Approved",
            Self::Denied => "Denied",
            Self::Expired => "Expired",
            Self::Withdrawn => "Withdrawn",
            Self::Consumed => "Consumed",
            Self::Revoked => "Revoked",
        }
    }
}

// === impl DecisionKind ===

impl DecisionKind {
    /// The decision by the word that objects have for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Approve => "Approve",
            Self::Deny => "Deny",
            Self::Revoke => "Revoke",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        let all = [Self::Approve, Self::Deny, Self::Revoke];
        all.into_iter().find(|kind| kind.word() == word)
    }
}

/// From when until when a grant holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule("self == oldSelf", "a grant cannot change once it is made"),
    field_rule(
        ".expiresAt",
        "self.notBefore < self.expiresAt",
        "expiresAt must be after notBefore",
    ),
]))]
pub struct GrantWindow {
    /// Not before.
    #[schemars(example = "2026-11-20T10:03:00Z")]
    pub not_before: Time,
    /// Not from then on.
    #[schemars(example = "2026-11-20T10:15:00Z")]
    pub expires_at: Time,
}

/// What the proxy did with a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    field_rule(
        ".claimedBy",
        "!has(oldSelf.claimedBy) || (has(self.claimedBy) && self.claimedBy == oldSelf.claimedBy)",
        "a grant is claimed once, and a claim is never taken back",
    ),
    field_rule(
        ".claimedAt",
        "has(self.claimedAt) == has(self.claimedBy)",
        "claimedAt and claimedBy are written together",
    ),
    field_rule(
        ".claimedAt",
        "!has(oldSelf.claimedAt) || (has(self.claimedAt) && self.claimedAt == oldSelf.claimedAt)",
        "the time of a claim does not change",
    ),
    field_rule(
        ".withdrawnAt",
        "!has(oldSelf.withdrawnAt) || (has(self.withdrawnAt) && self.withdrawnAt == oldSelf.withdrawnAt)",
        "a request that was withdrawn stays withdrawn",
    ),
    rule(
        "!(has(self.claimedBy) && has(self.withdrawnAt))",
        "a request is either claimed or withdrawn",
    ),
]))]
pub struct Usage {
    /// The one execution that the grant went to, written before it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), example = "6f0d1c2e-pod/42")]
    pub claimed_by: Option<String>,
    /// When it was claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "2026-11-20T10:04:00Z")]
    pub claimed_at: Option<Time>,
    /// When the caller gave up waiting. Nothing runs afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "2026-11-20T10:04:00Z")]
    pub withdrawn_at: Option<Time>,
}

/// The status of a request that nobody has looked at, with a list that a patch can append to.
fn new_status() -> serde_json::Value {
    json!({ "observedGeneration": UNSEEN_GENERATION, "state": "Pending", "decisions": [] })
}

/// What holds for a status whoever writes it.
fn status_rules() -> [serde_json::Value; 11] {
    [
        field_rule(
            ".state",
            "oldSelf.state == self.state || oldSelf.state == 'Pending' || (oldSelf.state == 'Approved' && self.state in ['Consumed', 'Expired', 'Revoked', 'Withdrawn'])",
            "a final state stays, and Approved does not go back",
        ),
        field_rule(
            ".state",
            "!(self.state in ['Approved', 'Consumed']) || (has(self.conditions) && self.conditions.exists(c, c.type == 'Approved' && c.status == 'True'))",
            "state Approved or Consumed needs the condition Approved=True",
        ),
        field_rule(
            ".state",
            "self.state != 'Consumed' || (has(self.usage) && has(self.usage.claimedBy))",
            "state Consumed needs usage.claimedBy",
        ),
        field_rule(
            ".decisions",
            "oldSelf.decisions.all(o, self.decisions.exists(n, n == o))",
            "decisions are only added, never changed or taken out",
        ),
        field_rule(
            ".decisions",
            "self.decisions.all(a, a.decision != 'Approve' || self.decisions.exists_one(b, b.decision == 'Approve' && b.username.lowerAscii() == a.username.lowerAscii()))",
            "one person approves once, and names that differ only in case are one person's",
        ),
        field_rule(
            ".conditions",
            "(has(oldSelf.conditions) && oldSelf.conditions.exists(c, c.type == 'Approved' && c.status == 'True')) || !has(self.conditions) || !self.conditions.exists(c, c.type == 'Approved' && c.status == 'True') || (self.decisions.all(d, d.decision == 'Approve') && !(has(self.usage) && has(self.usage.withdrawnAt)))",
            "a request that was denied, revoked or withdrawn cannot become Approved",
        ),
        field_rule(
            ".grant",
            "!has(self.grant) || (has(self.conditions) && self.conditions.exists(c, c.type == 'Approved' && c.status == 'True'))",
            "grant needs the condition Approved=True",
        ),
        field_rule(
            ".grant",
            "!has(oldSelf.grant) || has(self.grant)",
            "a grant cannot be taken out; revoke it instead",
        ),
        field_rule(
            ".usage",
            "!has(oldSelf.usage) || has(self.usage)",
            "usage cannot be taken out",
        ),
        field_rule(
            ".usage.claimedBy",
            "!has(self.usage) || !has(self.usage.claimedBy) || has(self.grant)",
            "only what was granted can be claimed",
        ),
        field_rule(
            ".usage.claimedBy",
            "!has(self.usage) || !has(self.usage.claimedBy) || (has(oldSelf.usage) && has(oldSelf.usage.claimedBy)) || (oldSelf.state == 'Approved' && self.decisions.all(d, d.decision == 'Approve'))",
            "only a request in state Approved that nobody denied or revoked can be claimed",
        ),
    ]
}

fn ttl_seconds() -> i64 {
    86_400
}

fn attribute_map(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": {
            "type": "array",
            "maxItems": 64,
            "items": { "type": "string", "maxLength": 1024 },
        },
    })
}
