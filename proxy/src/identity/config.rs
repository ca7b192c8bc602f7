//! What identity is told; `control` fills it from a ConnectionClass.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use portcullis_policy::Glob;
use serde_json::Value;

use crate::secret::Secret;

/// All ways in; any one is enough.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdentityConfig {
    /// Issuers of tokens, the cluster's own among them where service accounts may come.
    pub oidc: Vec<OidcIssuer>,
    /// Who answers for a service account, by its namespace and name.
    pub owners: BTreeMap<(String, String), String>,
    pub mtls: Option<Mtls>,
    pub api_keys: Vec<ApiKey>,
    /// Namespace and name of the service account that stands for whoever reaches this process over
    /// loopback, where nobody else can: no other way in is asked for then.
    pub local: Option<(String, String)>,
}

/// One issuer of tokens, and how its claims become a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcIssuer {
    /// The `iss` of its tokens, exactly.
    pub issuer: String,
    /// One of these must be in `aud`.
    pub audiences: Vec<String>,
    pub username_claim: String,
    pub username_prefix: String,
    pub groups_claim: Option<String>,
    /// None: the username's.
    pub groups_prefix: Option<String>,
    pub keys: KeySource,
    /// Certificates in PEM that may vouch for the issuer; none: the system's.
    pub ca: Option<Vec<u8>>,
    /// Claims that a token must carry with exactly these values.
    pub required_claims: BTreeMap<String, String>,
    /// Who is asked whether a token that is good by all this still holds; nobody where it is none.
    pub reviewer: Option<ReviewedBy>,
}

/// Where an issuer's public keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// The issuer's own discovery document.
    Discovery,
    Uri(String),
    /// A set of keys (RFC 7517), written down.
    Inline(Value),
    /// Asked of somebody who knows them, such as the API server of a cluster.
    From(KeysFrom),
}

/// Somebody who knows an issuer's keys.
#[async_trait]
pub trait Keyring: std::fmt::Debug + Send + Sync {
    /// A set of keys (RFC 7517), or why it is not to be had.
    async fn keys(&self) -> Result<Value, String>;
}

/// Somebody who knows which tokens were taken back.
#[async_trait]
pub trait Reviewer: std::fmt::Debug + Send + Sync {
    /// The username that a token for one of these audiences proves now, or why none.
    async fn review(&self, token: &Secret, audiences: &[String]) -> Result<String, NotReviewed>;
}

/// Why a token proves nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotReviewed {
    TakenBack,
    Unavailable(String),
}

/// Whom to ask about tokens. Clones are one, and nothing else is equal.
#[derive(Debug, Clone)]
pub struct ReviewedBy(pub Arc<dyn Reviewer>);

impl PartialEq for ReviewedBy {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ReviewedBy {}

/// Whom to ask for keys. Clones are one, and nothing else is equal.
#[derive(Debug, Clone)]
pub struct KeysFrom(pub Arc<dyn Keyring>);

impl PartialEq for KeysFrom {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for KeysFrom {}

/// Client certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mtls {
    /// Certificates in PEM that may vouch for callers.
    pub ca: Vec<u8>,
    pub username_from: CertificateName,
    pub username_prefix: String,
    pub organizations_are_groups: bool,
    /// Only for [`CertificateName::SpiffeId`].
    pub trust_domains: Vec<String>,
}

/// The part of a certificate that names its holder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CertificateName {
    #[default]
    CommonName,
    DnsName,
    EmailAddress,
    SpiffeId,
}

/// One API key, by its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub username: String,
    pub owner: String,
    pub groups: Vec<String>,
    /// Namespace and name of the connections that it opens; empty: all.
    pub connections: Vec<(Glob, Glob)>,
    pub sha256: [u8; 32],
    pub expires_at: Option<SystemTime>,
}

/// Something in the configuration that opens nothing, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct Unusable {
    /// As in `oidc[0].jwks.keys[2]`, below `identity`.
    pub field: String,
    pub reason: String,
}
