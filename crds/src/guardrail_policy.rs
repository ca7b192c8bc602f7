//! GuardrailPolicy: rules that allow, deny or hold operations, and limits on them.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition::PolicyStatus;
use crate::duration::Duration;
use crate::reference::TargetReference;
use crate::selector::{SubjectSelector, TargetSelector};
use crate::validation::{field_rule, rule};

/// Rules that allow, deny or hold operations, and limits on them.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "portcullis.dev",
    version = "v1alpha1",
    kind = "GuardrailPolicy",
    plural = "guardrailpolicies",
    shortname = "guard",
    category = "portcullis",
    namespaced,
    status = "PolicyStatus",
    derive = "PartialEq",
    doc = "Rules that allow, deny or hold operations on Connections, and limits on them.",
    printcolumn(
        name = "Enforcement",
        type_ = "string",
        json_path = ".spec.enforcement"
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
pub struct GuardrailPolicySpec {
    /// The Connections that this policy binds, by name, in its own namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 16), extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["group", "kind", "name"],
    ))]
    pub target_refs: Vec<TargetReference>,
    /// The Connections that this policy binds, by what they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_selector: Option<TargetSelector>,
    /// Whom this policy binds, any of them; without it everybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64))]
    pub subjects: Vec<SubjectSelector>,
    /// `Enforce` decides; `Audit` only reports what it would have decided, and opens nothing.
    #[serde(default)]
    #[schemars(example = Enforcement::Enforce)]
    pub enforcement: Enforcement,
    /// What happens to an operation that no rule matches. It must be written, so that nobody has to
    /// guess.
    #[schemars(example = DefaultAction::Deny)]
    pub default: DefaultAction,
    /// The rules; their order says nothing, the strictest that matches wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["name"],
    ))]
    pub rules: Vec<Rule>,
    /// Bounds on how much, and how often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

/// Whether a policy decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Enforcement {
    #[default]
    Enforce,
    Audit,
}

/// What happens where no rule matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DefaultAction {
    Allow,
    Deny,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    field_rule(
        ".approval",
        "(self.action == 'RequireApproval') == has(self.approval)",
        "action RequireApproval needs approval ({} takes the defaults), and no other action takes it",
    ),
]))]
pub struct Rule {
    /// Name of the rule within its policy; denials and recordings repeat it.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"),
        example = "no-ddl"
    )]
    pub name: String,
    /// Which operations; every field that is written must hold, and within a field any value.
    #[serde(rename = "match")]
    pub matching: Match,
    /// What is left out of it: a Deny or RequireApproval is lifted where this covers all that was
    /// matched, an Allow where it covers any of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<Match>,
    /// `Allow` lets pass, `Deny` refuses, `RequireApproval` holds until people have decided.
    #[schemars(example = Action::RequireApproval)]
    pub action: Action,
    /// How it is approved; for action `RequireApproval` and no other. `{}` is approval by one person
    /// for one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// What the caller is told when this rule refuses or holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 512),
        example = "Schema changes go through the release pipeline."
    )]
    pub message: Option<String>,
}

/// Which operations. At least one field must be written: an empty match would be everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct Match {
    /// What the operation does to what it touches; held together with `resources` against the same
    /// access.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 6), example = [Effect::Write, Effect::Define])]
    pub effects: Vec<Effect>,
    /// The protocol's own words, compared without case and as a whole: wildcards are not taken. Of
    /// several statements in one text any verb is enough to refuse or to hold; to be allowed, all
    /// must be named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 64)), example = ["CREATE TABLE"])]
    pub verbs: Vec<String>,
    /// What the operation touches, as `kind:path`; `*` stands for a run within a segment, `**`
    /// over segments, `?` for one character, `\` takes the next as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 64),
        inner(length(min = 3, max = 512), regex(pattern = r"^[a-z0-9]+:.")),
        example = ["table:public.analytics_*"]
    )]
    pub resources: Vec<String>,
    /// Properties that effect and resources do not show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 16), example = [Flag::Unbounded])]
    pub flags: Vec<Flag>,
    /// Regular expressions over the text as sent. A text can be written in many ways: prefer
    /// effects and resources. `\b` is the edge of a word of ASCII letters, digits and `_`; classes
    /// such as `\w` know all of Unicode. A search has a bound on its time: what cannot be told
    /// within it counts against the operation, whatever the rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 1024)), example = [r"(?i)\bticket-[0-9]+"])]
    pub text: Vec<String>,
    /// Facts by the names that each protocol documents, each with patterns for its values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "attribute_map", example = BTreeMap::from([("setting", ["search_path"])]))]
    pub attributes: BTreeMap<String, Vec<String>>,
    /// CEL for the rest, over `subject`, `operation`, `connection`, `session` and `now`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 2048),
        example = "!subject.groups.exists(g, g == 'oidc:dba')"
    )]
    pub expression: Option<String>,
}

/// What an operation does to what it touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Effect {
    Read,
    Write,
    Define,
    Administer,
    Session,
    Unknown,
}

/// A property of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Flag {
    Unbounded,
    ConstantWhere,
    ServerFile,
    ServerProgram,
    ServerCode,
    OutboundConnection,
    RoleChange,
    PrivilegeChange,
    DynamicCode,
    MultiStatement,
    CredentialAccess,
    OwnResource,
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Action {
    Allow,
    Deny,
    RequireApproval,
}

/// How an operation is approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    field_rule(
        ".maxDuration",
        "(self.grant == 'TimeBoxed') == has(self.maxDuration)",
        "grant TimeBoxed needs maxDuration, and no other grant takes it",
    ),
]))]
pub struct Approval {
    /// How many people must approve; one who asked, or answers for who asked, is none of them.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 5), example = 2)]
    pub required: i64,
    /// `OneShot` lets the operation run once; `TimeBoxed` lets the same operation run again until
    /// `maxDuration` has passed.
    #[serde(default)]
    #[schemars(example = Grant::OneShot)]
    pub grant: Grant,
    /// How long a `TimeBoxed` grant lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "30m", extend("x-kubernetes-validations" = [
        rule(
            "self >= duration('1s') && self <= duration('24h')",
            "maxDuration must be between 1s and 24h",
        ),
    ]))]
    pub max_duration: Option<Duration>,
    /// `Hold` lets the operation wait; `Reject` answers at once, and the same operation passes when
    /// it is tried again after approval. Without it as the class says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = Wait::Hold)]
    pub wait: Option<Wait>,
    /// How long an operation is held before it is rejected as with `Reject`; without it as the
    /// class says (5m).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "5m", extend("x-kubernetes-validations" = [
        rule(
            "self >= duration('1s') && self <= duration('1h')",
            "holdFor must be between 1s and 1h",
        ),
    ]))]
    pub hold_for: Option<Duration>,
    /// How long approvers have to decide; without it as the class says (15m).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "15m", extend("x-kubernetes-validations" = [
        rule(
            "self >= duration('30s') && self <= duration('24h')",
            "expiresAfter must be between 30s and 24h",
        ),
    ]))]
    pub expires_after: Option<Duration>,
}

/// What an approval gives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Grant {
    #[default]
    OneShot,
    TimeBoxed,
}

/// What an operation does while people decide.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Wait {
    #[default]
    Hold,
    Reject,
}

/// Bounds on how much, and how often; of several policies the smallest counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "has(self.rows) || has(self.bytes) || has(self.operations) || has(self.writes) || has(self.sessions)",
        "write at least one of rows, bytes, operations, writes and sessions",
    ),
]))]
pub struct Limits {
    /// Rows that one operation may return.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<SizeLimit>,
    /// Bytes that one operation may return.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<SizeLimit>,
    /// Operations in a span of time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<RateLimit>,
    /// Operations that change something, in a span of time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writes: Option<RateLimit>,
    /// Sessions open at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<CountLimit>,
    /// What is counted together: `Subject` each subject by itself, `Connection` all that use the
    /// Connection, `Both` both.
    #[serde(default)]
    #[schemars(example = Per::Subject)]
    pub per: Per,
}

/// A bound on what one operation may return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SizeLimit {
    /// The most that passes.
    #[schemars(range(min = 1, max = 1_000_000_000_000_i64), example = 10_000)]
    pub max: i64,
    /// `Error` ends the operation with an error; `Truncate` ends it with what passed and a notice,
    /// and for an operation that changes something means `Error`.
    #[serde(default)]
    #[schemars(example = OnExceed::Error)]
    pub on_exceed: OnExceed,
}

/// A bound on how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimit {
    /// The most within the span.
    #[schemars(range(min = 1, max = 1_000_000_000), example = 600)]
    pub max: i64,
    /// The span, which slides.
    #[schemars(example = "1m", extend("x-kubernetes-validations" = [
        rule(
            "self >= duration('1s') && self <= duration('24h')",
            "per must be between 1s and 24h",
        ),
    ]))]
    pub per: Duration,
}

/// A bound on how many at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CountLimit {
    /// The most at the same time.
    #[schemars(range(min = 1, max = 100_000), example = 10)]
    pub max: i64,
}

/// What happens past a bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnExceed {
    #[default]
    Error,
    Truncate,
}

/// What is counted together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Per {
    #[default]
    Subject,
    Connection,
    Both,
}

// === impl Approval ===

impl Default for Approval {
    fn default() -> Self {
        Self {
            required: one(),
            grant: Grant::OneShot,
            max_duration: None,
            wait: None,
            hold_for: None,
            expires_after: None,
        }
    }
}

fn one() -> i64 {
    1
}

fn attribute_map(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": {
            "type": "array",
            "minItems": 1,
            "maxItems": 64,
            "items": { "type": "string", "minLength": 1, "maxLength": 256 },
        },
    })
}
