//! Where a target is, and what the proxy proves itself with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::{CertificateReference, SecretReference};
use crate::validation::{field_rule, rule};

/// Where a target is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Upstream {
    /// Host name or IP address of the target.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[A-Za-z0-9:]([A-Za-z0-9._:-]*[A-Za-z0-9:])?$"),
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
