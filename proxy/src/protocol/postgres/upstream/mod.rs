//! The side towards the target: dial, TLS, login, cancel, and the queries of the proxy's own.
//!
//! Whatever goes wrong here has two faces ([`ConnectFailed`]): logs read the host and the reason,
//! a client reads neither an address nor the credential nor the user that it belongs to.
//!
//! - A password leaves the proxy in clear or as md5 only over TLS whose certificate *and name*
//!   were checked (`VerifyFull`). Elsewhere only SCRAM may prove it, for SCRAM tells nothing to
//!   whoever is in between, and over TLS it is bound to the certificate where the target can.
//! - A target that skips its own proof in SCRAM is not the target: the session does not start.

mod dial;
mod failed;
mod link;
mod login;
mod query;
mod scram;
mod tls;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use portcullis_dialect::postgres::wire::write;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout_at};

pub use dial::{ATTEMPT_DEADLINE, DIAL_DEADLINE, MAX_ADDRESSES};
pub use failed::{ConnectFailed, ToldFailure};
pub use link::{Link, LinkFailed};
pub use login::{MAX_LOGIN_FRAME, MAX_PARAMETERS};
pub use query::{Answer, Ask, AskFailed, Bounds, MAX_ASIDE, NAME, ServerReport, ask, ask_each};
pub use scram::{MAX_ITERATIONS, MIN_ITERATIONS};

use crate::io::Stream;
use crate::session::ports::{Credential, Upstream};
use tls::Prepared;

/// TLS and login together must end within this.
pub const LOGIN_DEADLINE: Duration = Duration::from_secs(15);

/// A cancel request is over within this, dialling included.
pub const CANCEL_DEADLINE: Duration = Duration::from_secs(10);

/// Opens connections to the target of one Connection. What TLS needs is made once and kept until
/// the target or the credential is another.
#[derive(Debug, Default)]
pub struct Connector {
    prepared: Mutex<Option<Arc<Prepared>>>,
}

/// What the relay asks for in the name of a client.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    pub database: &'a str,
    /// The minor version of protocol 3 that the client speaks.
    pub minor: u16,
    /// The client's own start-up parameters, as far as they are allowed. `user`, `database` and
    /// `replication` are never taken from here.
    pub parameters: &'a [(&'a [u8], &'a [u8])],
}

/// A session on the target that waits for its first query.
#[derive(Debug)]
pub struct Connected {
    pub stream: Stream,
    /// Bytes that were read behind the first ReadyForQuery.
    pub ahead: BytesMut,
    /// ParameterStatus, in the order in which they came.
    pub parameters: Vec<(Vec<u8>, Vec<u8>)>,
    /// Process id and key, for a cancel request. None from servers that give none.
    pub backend_key: Option<(u32, Vec<u8>)>,
    /// The minor version of protocol 3 that the target settled on.
    pub minor: u16,
    /// Such as 150018; 0 when the target did not tell one that can be read.
    pub server_version_num: u32,
    pub tls: bool,
}

// === impl Connector ===

impl Connector {
    pub fn new() -> Self {
        Self::default()
    }

    /// Dials, starts TLS, and logs in with the credential.
    pub async fn connect(
        &self,
        upstream: &Upstream,
        credential: &Arc<Credential>,
        login: &Login<'_>,
    ) -> Result<Connected, ConnectFailed> {
        let prepared = self.prepared(upstream, credential).await?;
        let tcp = dial::dial(&upstream.host, upstream.port).await?;
        let deadline = Instant::now() + LOGIN_DEADLINE;
        timeout_at(deadline, async {
            let (stream, binding) = tls::start(tcp, &prepared).await?;
            login::log_in(stream, binding, upstream.tls, credential, login).await
        })
        .await
        .map_err(|_| ConnectFailed::TimedOut("login"))?
    }

    /// Asks the target to cancel what a session runs. It answers nothing; the end of the
    /// connection says that it has read the request.
    pub async fn cancel(
        &self,
        upstream: &Upstream,
        credential: &Arc<Credential>,
        pid: u32,
        key: &[u8],
    ) -> Result<(), ConnectFailed> {
        let prepared = self.prepared(upstream, credential).await?;
        let deadline = Instant::now() + CANCEL_DEADLINE;
        timeout_at(deadline, async {
            let tcp = dial::dial(&upstream.host, upstream.port).await?;
            let (mut stream, _) = tls::start(tcp, &prepared).await?;
            let mut packet = Vec::with_capacity(16);
            write::cancel(&mut packet, pid, key);
            stream.write_all(&packet).await?;
            stream.flush().await?;
            link::wait_for_end(&mut stream).await
        })
        .await
        .map_err(|_| ConnectFailed::TimedOut("cancel"))?
    }

    /// What TLS needs for this target and credential.
    async fn prepared(
        &self,
        upstream: &Upstream,
        credential: &Arc<Credential>,
    ) -> Result<Arc<Prepared>, ConnectFailed> {
        let kept = self.lock().clone();
        if let Some(kept) = kept.filter(|kept| kept.is_for(upstream, credential)) {
            return Ok(kept);
        }
        // The system's roots are files.
        let (upstream, credential) = (upstream.clone(), Arc::clone(credential));
        let made = tokio::task::spawn_blocking(move || Prepared::new(upstream, credential))
            .await
            .map_err(|error| ConnectFailed::Tls(error.to_string()))??;
        let made = Arc::new(made);
        *self.lock() = Some(Arc::clone(&made));
        Ok(made)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Prepared>>> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
