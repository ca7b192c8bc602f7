//! How objects choose others: labels, targets of a policy, subjects.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::connection::Protocol;
use crate::validation::{field_rule, rule};

/// Who: one subject, or several by a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "(self.kind == 'ServiceAccount') == has(self.__namespace__)",
        "namespace is required for kind ServiceAccount and belongs to no other kind",
    ),
]))]
pub struct SubjectSelector {
    /// What the name is compared with: `User` the username, `Group` each group, `ServiceAccount`
    /// the Kubernetes service account.
    #[schemars(example = SubjectKind::Group)]
    pub kind: SubjectKind,
    /// Name with its issuer's prefix; `*` stands for any run of characters, `?` for one, `\`
    /// takes the next character as it is.
    #[schemars(length(min = 1, max = 256), example = "oidc:agents-*")]
    pub name: String,
    /// Namespace of the service account, with the same wildcards; only for kind `ServiceAccount`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), example = &"agents")]
    pub namespace: Option<String>,
}

/// What a subject selector compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SubjectKind {
    User,
    Group,
    ServiceAccount,
}

/// Objects by their labels: all that is said must hold, and an empty selector takes all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabelSelector {
    /// Labels that must be there with exactly these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "label_map", example = BTreeMap::from([("app", "shop")]))]
    pub match_labels: BTreeMap<String, String>,
    /// Conditions on labels, all of which must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub match_expressions: Vec<LabelExpression>,
}

/// One condition on a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    field_rule(
        ".values",
        "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
        "In and NotIn need at least one value, Exists and DoesNotExist take none",
    ),
]))]
pub struct LabelExpression {
    /// Key of the label.
    #[schemars(length(min = 1, max = 317), example = &"tier")]
    pub key: String,
    /// `In` and `NotIn` compare with `values`; `Exists` and `DoesNotExist` look at the key alone.
    #[schemars(example = LabelOperator::In)]
    pub operator: LabelOperator,
    /// Values for `In` and `NotIn`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 63)), example = ["production"])]
    pub values: Vec<String>,
}

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LabelOperator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

/// Which Connections a policy binds: all that is said must hold, and `{}` takes all of them.
///
/// A policy in the platform namespace reaches Connections of every namespace, any other policy
/// those of its own. Labels of a Connection are its tenant's to write, so a platform policy that
/// selects by them is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetSelector {
    /// Names of Connections, any of them; `*` and `?` are wildcards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 253)), example = ["orders-*"])]
    pub names: Vec<String>,
    /// Protocols, any of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 6), example = [Protocol::PostgreSql])]
    pub protocols: Vec<Protocol>,
    /// Labels of the Connection's namespace; only for policies in the platform namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
    /// Labels of the Connection; not for policies in the platform namespace.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "label_map", example = BTreeMap::from([("data", "customers")]))]
    pub match_labels: BTreeMap<String, String>,
    /// Conditions on labels of the Connection; not for policies in the platform namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub match_expressions: Vec<LabelExpression>,
}

/// A bounded map of labels.
pub(crate) fn label_map(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "additionalProperties": { "type": "string", "maxLength": 63 },
        "maxProperties": 16,
    })
}
