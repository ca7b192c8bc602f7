//! How callers prove who they are.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::CertificateReference;
use crate::validation::{field_rule, rule};

/// How callers prove who they are; any one way is enough.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identity {
    /// Issuers of tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["issuer"],
        "x-kubernetes-validations" = [rule(
            "self.all(a, self.exists_one(b, a.usernamePrefix.startsWith(b.usernamePrefix)))",
            "each issuer needs a usernamePrefix with which no other's begins, or two could speak for one name",
        )],
    ))]
    pub oidc: Vec<OidcIssuer>,
    /// Service-account tokens of the cluster that the proxy runs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_tokens: Option<ServiceAccountTokens>,
    /// Client certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtls: Option<Mtls>,
    /// API keys; only their hashes are written here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["sha256"],
    ))]
    pub api_keys: Vec<ApiKey>,
    /// Users of the machine that a standalone proxy runs on, who may decide about requests, and
    /// look after sessions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["uid"],
    ))]
    pub os_users: Vec<OsUser>,
}

/// One issuer of tokens, and how its claims become a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "!has(self.jwks) || !has(self.jwksUri)",
        "write at most one of jwks and jwksUri",
    ),
    field_rule(
        ".issuer",
        "has(self.jwks) || has(self.jwksUri) || self.issuer.startsWith('https://') || self.issuer.matches('^http://(localhost|127[.]0[.]0[.]1)(:[0-9]+)?(/|$)')",
        "without jwks or jwksUri the keys are found from the issuer, which must then be an https URL",
    ),
]))]
pub struct OidcIssuer {
    /// The `iss` that its tokens carry, compared exactly. Its keys are found from it, by https or
    /// on this machine, unless `jwksUri` or `jwks` is written.
    #[schemars(length(min = 1, max = 512), example = "https://idp.example")]
    pub issuer: String,
    /// Audiences, one of which the token's `aud` must carry.
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 256)), example = ["portcullis"])]
    pub audiences: Vec<String>,
    /// Claim that holds the username.
    #[serde(default = "username_claim")]
    #[schemars(length(min = 1, max = 128), example = &"email")]
    pub username_claim: String,
    /// Put before the username, so that two issuers cannot speak for one name; write the same as in
    /// the API server's authentication configuration. Without it nothing is put before.
    #[serde(default)]
    #[schemars(length(max = 64), example = "oidc:")]
    pub username_prefix: String,
    /// Claim that holds the groups; without it its subjects are in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), example = &"groups")]
    pub groups_claim: Option<String>,
    /// Put before each group; without it `usernamePrefix`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), example = "oidc:")]
    pub groups_prefix: Option<String>,
    /// Where the issuer's keys are, when they are not found from `issuer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 512),
        regex(pattern = r"^(https://.|http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?(/|$))"),
        example = "https://idp.example/keys"
    )]
    pub jwks_uri: Option<String>,
    /// The issuer's public keys themselves, for use without a network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Jwks>,
    /// Certificates that may vouch for the issuer; without it the proxy's system roots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_ref: Option<CertificateReference>,
    /// Claims that a token must carry with exactly these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "claim_map", example = BTreeMap::from([("tenant", "acme")]))]
    pub required_claims: BTreeMap<String, String>,
}

/// A set of public keys (RFC 7517).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Jwks {
    /// The keys.
    #[schemars(length(min = 1, max = 16))]
    pub keys: Vec<Jwk>,
}

/// One public key (RFC 7517). Members beside those listed are kept as they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("maxProperties" = 32, "x-kubernetes-validations" = [
    field_rule(".d", "!has(self.d)", "this is a private key; write only its public members"),
]))]
pub struct Jwk {
    /// Type of the key; a shared secret (`oct`) is none of them.
    #[schemars(extend("enum" = ["RSA", "EC", "OKP"]), example = &"EC")]
    pub kty: String,
    /// Name of the key, which tokens repeat in their header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256), example = "2026-11")]
    pub kid: Option<String>,
    /// Signature algorithm that the key is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), example = &"ES256")]
    pub alg: Option<String>,
    /// The secret part of a private key, which must never be here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096), example = &"never")]
    pub d: Option<String>,
    #[serde(flatten)]
    pub rest: BTreeMap<String, serde_json::Value>,
}

/// Service-account tokens of the cluster that the proxy runs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceAccountTokens {
    /// Audiences, one of which the token must carry; the API server's own is never enough.
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 256)), example = ["portcullis"])]
    pub audiences: Vec<String>,
    /// Whether the API server is asked about each token at login: `AtLogin` sees that a pod or an
    /// account was deleted before its token expired, and lets nobody in while the API server is
    /// away; `Never` goes by the token's signature and times alone.
    #[serde(default)]
    #[schemars(example = Review::AtLogin)]
    pub review: Review,
    /// People who answer for service accounts. An account without one may do what needs no
    /// approval, and nothing else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["namespace", "name"],
    ))]
    pub owners: Vec<ServiceAccountOwner>,
}

/// When the API server is asked about a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Review {
    #[default]
    Never,
    AtLogin,
}

/// Who answers for a service account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceAccountOwner {
    /// Namespace of the service account.
    #[schemars(length(min = 1, max = 63), example = &"agents")]
    pub namespace: String,
    /// Name of the service account.
    #[schemars(length(min = 1, max = 253), example = &"nightly")]
    pub name: String,
    /// Username of the person who answers for it, and so may not approve what it asks for.
    #[schemars(length(min = 1, max = 256), example = "oidc:alice@example.com")]
    pub owner: String,
}

/// Client certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    field_rule(
        ".trustDomains",
        "(self.usernameFrom == 'SpiffeId') == has(self.trustDomains)",
        "trustDomains are required for usernameFrom SpiffeId and belong to no other",
    ),
]))]
pub struct Mtls {
    /// Certificates that may vouch for callers.
    pub ca_ref: CertificateReference,
    /// Which part of the certificate is the username.
    #[serde(default)]
    #[schemars(example = CertificateName::CommonName)]
    pub username_from: CertificateName,
    /// Put before the username; without it nothing is.
    #[serde(default)]
    #[schemars(length(max = 64), example = "cert:")]
    pub username_prefix: String,
    /// Whether the certificate's organizations are groups, each with `usernamePrefix` before it.
    #[serde(default)]
    #[schemars(example = true)]
    pub organizations_are_groups: bool,
    /// SPIFFE trust domains whose identities are accepted; only for `usernameFrom: SpiffeId`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 253)), example = ["prod.example"])]
    pub trust_domains: Vec<String>,
}

/// A part of a certificate that names its holder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CertificateName {
    #[default]
    CommonName,
    DnsName,
    EmailAddress,
    SpiffeId,
}

/// One API key, by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiKey {
    /// Username of whoever presents the key.
    #[schemars(length(min = 1, max = 256), example = "agent-7")]
    pub username: String,
    /// Username of the person who answers for the key, and so may not approve what it asks for.
    #[schemars(length(min = 1, max = 256), example = "oidc:alice@example.com")]
    pub owner: String,
    /// Groups of whoever presents the key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 256)), example = ["agents"])]
    pub groups: Vec<String>,
    /// Connections that the key opens, as `namespace/name` with wildcards; without it all whose
    /// `access` admits it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 64),
        inner(length(min = 3, max = 317), regex(pattern = r"^[^/]+/[^/]+$")),
        example = ["shop/orders-*"]
    )]
    pub connections: Vec<String>,
    /// SHA-256 of the key, as 64 hex digits in lower case.
    #[schemars(
        length(min = 64, max = 64),
        regex(pattern = r"^[0-9a-f]{64}$"),
        example = "0000000000000000000000000000000000000000000000000000000000000000"
    )]
    pub sha256: String,
    /// When the key stops working, and sessions that it opened end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "2027-01-01T00:00:00Z")]
    pub expires_at: Option<Time>,
}

/// A user of the machine that a standalone proxy runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OsUser {
    /// Numeric user id.
    #[schemars(range(min = 0, max = 4_294_967_294_i64), example = 1000)]
    pub uid: i64,
    /// Username that the user's decisions are recorded under.
    #[schemars(length(min = 1, max = 256), example = "oidc:carol@example.com")]
    pub username: String,
    /// Groups that the user is in here; a member of one in `spec.admin.groups` may list, follow and
    /// end sessions of this class.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 256)), example = ["oidc:platform"])]
    pub groups: Vec<String>,
}

fn username_claim() -> String {
    "sub".to_owned()
}

fn claim_map(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": { "type": "string", "maxLength": 256 },
    })
}
