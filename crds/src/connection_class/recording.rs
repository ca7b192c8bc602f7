//! How sessions are recorded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::{Bytes, Duration};
use crate::reference::{SecretKeyReference, SecretReference};
use crate::validation::field_rule;

/// How sessions are recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    field_rule(
        ".spoolStorageClassName",
        "!has(self.spoolStorageClassName) || self.spool == 'Persistent'",
        "spoolStorageClassName is of no use unless spool is Persistent",
    ),
]))]
pub struct Recording {
    /// Where recordings go from the spool; without it they stay there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<Store>,
    /// `Ephemeral` keeps the spool in the pod, so losing the pod loses what was not yet uploaded;
    /// `Persistent` keeps it on a volume that outlives the pod.
    #[serde(default)]
    #[schemars(example = Spool::Persistent)]
    pub spool: Spool,
    /// Most that the spool holds.
    #[serde(default = "spool_size")]
    #[schemars(example = "10Gi")]
    pub spool_size: Bytes,
    /// StorageClass of the spool's volume; without it the cluster's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), example = "fast-ssd")]
    pub spool_storage_class_name: Option<String>,
    /// X25519 public key to which recordings are encrypted, 32 bytes in base64; without it they are
    /// not encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 44, max = 44),
        regex(pattern = r"^[A-Za-z0-9+/]{43}=$"),
        example = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="
    )]
    pub encryption_key: Option<String>,
    /// Key with which checkpoints are signed, Ed25519 in PKCS #8; without it each proxy makes its
    /// own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_key_ref: Option<SecretKeyReference>,
    /// How long recordings are to be kept. It is written into them as a hint; the store's own
    /// life-cycle rules do the removing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "8760h")]
    pub retention: Option<Duration>,
    /// How much is kept of each response as the client saw it, and of what is sent beside texts:
    /// `Full` keeps all, `Capped` the first 64 KiB, `Metadata` none of it. Terminal sessions are
    /// always kept whole.
    #[serde(default)]
    #[schemars(example = Payloads::Capped)]
    pub payloads: Payloads,
    /// What happens when nothing can be recorded: `Deny` stops new operations, `Allow` lets them
    /// run unrecorded.
    #[serde(default)]
    #[schemars(example = OnFailure::Deny)]
    pub on_failure: OnFailure,
    /// When an event is on disk: `Batched` within a second, which a power cut may lose, `Strict`
    /// before its operation runs.
    #[serde(default)]
    #[schemars(example = Durability::Batched)]
    pub durability: Durability,
}

/// Where recordings go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Store {
    /// Bucket or directory, with the prefix that all recordings share: `s3://`, `gs://`, `az://` or
    /// `file://`.
    #[schemars(
        length(min = 1, max = 512),
        regex(pattern = r"^(s3|gs|az|file)://.+$"),
        example = "s3://recordings/production"
    )]
    pub url: String,
    /// Address of an S3-compatible store that is not Amazon's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 512),
        regex(pattern = r"^https?://"),
        example = "https://minio.internal:9000"
    )]
    pub endpoint: Option<String>,
    /// Region of the bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), example = "eu-central-1")]
    pub region: Option<String>,
    /// Secret in the platform namespace with the store's own credential, best one that may only
    /// write; without it the identity of the proxy's pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretReference>,
}

/// Where events wait until the store has them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Spool {
    #[default]
    Ephemeral,
    Persistent,
}

/// How much of each response is kept; each word keeps less than the one before.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Payloads {
    Full,
    #[default]
    Capped,
    Metadata,
}

/// What happens when nothing can be recorded.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum OnFailure {
    #[default]
    Deny,
    Allow,
}

/// When an event is on disk.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Durability {
    #[default]
    Batched,
    Strict,
}

// === impl Recording ===

impl Default for Recording {
    fn default() -> Self {
        Self {
            store: None,
            spool: Spool::default(),
            spool_size: spool_size(),
            spool_storage_class_name: None,
            encryption_key: None,
            signing_key_ref: None,
            retention: None,
            payloads: Payloads::default(),
            on_failure: OnFailure::default(),
            durability: Durability::default(),
        }
    }
}

fn spool_size() -> Bytes {
    Bytes::from_mebibytes(1024)
}
