//! What a session is given by `control`: the Connection at this moment, and approvals.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use portcullis_policy::limit::Counters;
use portcullis_policy::{ApprovalTerms, Glob, Snapshot};
use portcullis_recording::writer::Writer;
use rustls_pki_types::CertificateDer;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::identity::Identities;
use crate::metrics::Metrics;
use crate::secret::Secret;
use crate::session::registry::Registry;
use crate::shutdown::Shutdown;

/// One Connection as the data plane meets it; lives as long as its listener.
#[derive(Debug)]
pub struct Door {
    pub namespace: String,
    pub name: String,
    pub protocol: &'static str,
    pub target: CurrentTarget,
    pub house: Arc<House>,
    /// Cancelled when the Connection is gone: its sessions end, and no new one opens.
    pub closed: CancellationToken,
}

/// What all Connections of the process share.
#[derive(Debug)]
pub struct House {
    pub writer: Arc<Writer>,
    pub counters: std::sync::Mutex<Counters>,
    pub approvals: Arc<dyn Approvals>,
    pub metrics: Arc<Metrics>,
    pub registry: Registry,
    pub shutdown: Shutdown,
    pub clock: Arc<dyn Clock>,
    /// Which replica this is, for cancel keys; and where the others are.
    pub replica: u16,
    pub peers: Peers,
}

/// Where the other replicas are at this moment. Clones are one.
#[derive(Debug, Clone, Default)]
pub struct Peers(Arc<ArcSwap<Vec<Peer>>>);

/// Another replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    pub address: SocketAddr,
    /// Its number, where that is known.
    pub replica: Option<u16>,
}

// === impl Peers ===

impl Peers {
    pub fn new(peers: Vec<Peer>) -> Self {
        let peers_now = Self::default();
        peers_now.store(peers);
        peers_now
    }

    pub fn store(&self, peers: Vec<Peer>) {
        self.0.store(Arc::new(peers));
    }

    /// Those that may be this replica.
    pub fn of(&self, replica: u16) -> Vec<SocketAddr> {
        let peers = self.0.load();
        let may_be = |peer: &&Peer| peer.replica.is_none_or(|its| its == replica);
        peers
            .iter()
            .filter(may_be)
            .map(|peer| peer.address)
            .collect()
    }
}

/// The one place that time comes from.
pub trait Clock: std::fmt::Debug + Send + Sync {
    fn now(&self) -> SystemTime;
    fn monotonic(&self) -> portcullis_policy::limit::Monotonic;
}

/// All that holds for a Connection at this moment. Replaced whole.
#[derive(Debug)]
pub struct Target {
    pub snapshot: Arc<Snapshot>,
    pub upstream: Upstream,
    /// None, with the reason for logs, while it is missing or its `serves` is another address.
    pub credential: Result<Arc<Credential>, String>,
    pub identities: Arc<Identities>,
    pub audience: Option<String>,
    pub sessions: SessionBounds,
    pub recording: RecordingRules,
    pub approvals: ApprovalBounds,
    pub reviews: Arc<Reviews>,
}

/// Functions of the target that somebody has read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reviews {
    pub functions: Vec<ReviewedFunction>,
    /// Of all that they say: tells one list from another. Zero where there is none.
    pub digest: [u8; 32],
}

/// What somebody says of a function, as long as its definition has this hash. Names are a schema
/// and a name in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewedFunction {
    pub name: (String, String),
    pub sha256: String,
    pub reads: Vec<(String, String)>,
    pub writes: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    pub host: String,
    pub port: u16,
    pub database: String,
    /// The databases that a client may name.
    pub databases: Vec<Glob>,
    pub tls: TlsMode,
    /// None: the system's roots.
    pub ca: Option<Vec<CertificateDer<'static>>>,
    /// None: `host`.
    pub server_name: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    VerifyFull,
    VerifyCa,
    Require,
    Disable,
}

/// What the proxy proves itself with to the target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credential {
    pub username: String,
    pub password: Option<Secret>,
    /// PEM: a client certificate and its key.
    pub certificate: Option<(Secret, Secret)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionBounds {
    pub max_concurrent: Option<u64>,
    pub max_duration: Option<Duration>,
    pub idle_timeout: Option<Duration>,
    /// Of what follows a message's length, in bytes.
    pub max_message_size: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payloads {
    Full,
    Capped,
    Metadata,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordingRules {
    pub payloads: Payloads,
    /// False: operations run unrecorded when nothing can be recorded.
    pub deny_on_failure: bool,
    pub strict: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalBounds {
    pub max_pending_per_subject: u32,
    pub ttl_after_finished: Duration,
    /// What must be known of an approver beside the name, each with the values that do.
    pub required_extra: BTreeMap<String, Vec<String>>,
}

/// Where the target is read: nanoseconds, for each operation.
#[derive(Debug, Clone)]
pub struct CurrentTarget(Arc<CurrentTargetInner>);

#[derive(Debug)]
struct CurrentTargetInner {
    target: ArcSwap<Target>,
    changed: watch::Sender<u64>,
}

// === impl WantedApproval ===

impl WantedApproval {
    /// Whether an approver of one agreed to the other: an edit of the policy that asks for the same
    /// changes nothing.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let mut one = self.clone();
        one.generation = other.generation;
        one == *other
    }
}

// === impl CurrentTarget ===

impl CurrentTarget {
    pub fn new(target: Target) -> Self {
        Self(Arc::new(CurrentTargetInner {
            target: ArcSwap::from_pointee(target),
            changed: watch::Sender::new(0),
        }))
    }

    pub fn load(&self) -> arc_swap::Guard<Arc<Target>> {
        self.0.target.load()
    }

    /// The target at this moment, to be kept across awaits.
    pub fn load_full(&self) -> Arc<Target> {
        self.0.target.load_full()
    }

    /// Replaces the target and tells everybody who listens.
    pub fn store(&self, target: Target) {
        self.0.target.store(Arc::new(target));
        self.0.changed.send_modify(|revision| *revision += 1);
    }

    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }
}

/// What is asked to be approved: all that an approver sees, and all that is compared later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedApproval {
    pub namespace: String,
    pub connection: String,
    pub connection_uid: String,
    pub address: String,
    pub policy: (String, String),
    /// Which edit of the policy asks.
    pub generation: i64,
    pub rule: String,
    pub requester: String,
    pub on_behalf_of: Option<String>,
    pub issuer: String,
    /// SHA-256, hex.
    pub hash: String,
    pub summary: String,
    pub verb: String,
    pub effects: Vec<&'static str>,
    pub resources: Vec<String>,
    pub flags: Vec<&'static str>,
    pub attributes: BTreeMap<String, Vec<String>>,
    pub text: String,
    pub masked_values: u64,
    pub terms: ApprovalTerms,
    pub bounds: ApprovalBounds,
}

/// How a request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    Pending,
    /// Approved by these, and not yet used up.
    Approved {
        by: Vec<String>,
        /// What they said, in the same order; empty where somebody said nothing.
        reasons: Vec<String>,
    },
    Denied {
        by: String,
        reason: String,
    },
    Expired,
    Revoked {
        by: String,
        reason: String,
    },
    Withdrawn,
    Consumed,
}

/// Approvals could not be reached, or a bound was reached: nothing runs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalsRefused {
    #[error("{0} requests of this subject are waiting already")]
    TooManyPending(u32),
    #[error(
        "no approver could be told from {0}, who asks: the names of the two are not of one kind"
    )]
    Ambiguous(String),
    #[error("approvals cannot be stored: {0}")]
    Unavailable(String),
    #[error("request {0} is not what this operation asks for")]
    Mismatch(String),
}

/// Where approvals are kept.
#[async_trait]
pub trait Approvals: std::fmt::Debug + Send + Sync {
    /// Finds the request of this operation that goes on (Pending, Approved, or Denied within ten
    /// minutes), or makes one. Tells its name and how it stands.
    async fn request(
        &self,
        wanted: &WantedApproval,
    ) -> Result<(String, Standing), ApprovalsRefused>;
    /// Waits until it is no longer Pending.
    async fn decided(&self, namespace: &str, name: &str) -> Result<Standing, ApprovalsRefused>;
    /// Takes the grant for one execution, after comparing the request with `wanted` once more.
    /// [`Standing::Approved`] means that this execution has it, and it alone; any other answer
    /// means that it has not.
    async fn claim(
        &self,
        name: &str,
        wanted: &WantedApproval,
        execution: &str,
    ) -> Result<Standing, ApprovalsRefused>;
    async fn withdraw(&self, namespace: &str, name: &str) -> Result<(), ApprovalsRefused>;
}
