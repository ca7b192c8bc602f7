//! A run in a cluster: the Connection and all that bears on it, as the API server shows them.
//!
//! ```text
//! API server ─ follow ─> World ─┐
//! mounted Secrets ──── tree ────┼─> judged (per object the last good one) ─> Configuration
//! lease <─ revision, refused ───┘      approvals: ApprovalRequests, claims
//! ```
//!
//! The only folder that uses the kube crate. It reads no Secret from the API server: they are
//! mounted. Nothing is compiled before everything has been listed once.

pub mod approvals;
pub mod follow;
pub mod guard;
pub mod issuer;
pub mod judged;
pub mod lease;
pub mod plane;
pub mod sight;
pub mod stored;
pub mod tree;
pub mod world;

use std::time::Duration;

use kube::{Client, Config};

/// How long the API server may take to let us connect.
const CONNECT_TIME: Duration = Duration::from_secs(3);

/// How long one request may take.
pub const REQUEST_TIME: Duration = Duration::from_secs(5);

/// Why the cluster cannot be reached at all.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error("no way to it is known: {0}")]
    Config(String),
    #[error("no client for it: {0}")]
    Client(String),
}

/// The pod that the process runs in, and the Connection that it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub namespace: String,
    pub connection: String,
    pub pod: String,
    pub pod_uid: String,
}

/// A way to the API server. Clones are one.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
}

// === impl Cluster ===

impl Cluster {
    /// By KUBECONFIG, or as a pod of the cluster.
    pub async fn connect() -> Result<Self, ClusterError> {
        let config = Config::infer().await;
        Self::by(config.map_err(|error| ClusterError::Config(error.to_string()))?)
    }

    fn by(mut config: Config) -> Result<Self, ClusterError> {
        config.connect_timeout = Some(CONNECT_TIME);
        // What is tried again is decided where it is known what that means.
        config.default_retry = false;
        let client = Client::try_from(config);
        let client = client.map_err(|error| ClusterError::Client(error.to_string()))?;
        Ok(Self { client })
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cluster")
    }
}

/// A request that must be answered in time.
async fn in_time<T>(
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, RequestError> {
    match tokio::time::timeout(REQUEST_TIME, request).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) => Err(RequestError::Refused {
            code: status.code,
            message: status.message,
        }),
        Ok(Err(error)) => Err(RequestError::Failed(error.to_string())),
        Err(_) => Err(RequestError::Failed(format!(
            "no answer within {} seconds",
            REQUEST_TIME.as_secs()
        ))),
    }
}

/// Why a request came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum RequestError {
    /// The API server said so: nothing was done.
    #[error("{message} (status {code})")]
    Refused { code: u16, message: String },
    /// Nobody knows whether it was done.
    #[error("{0}")]
    Failed(String),
}
