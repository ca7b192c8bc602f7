//! What every run has: ports, threads for sessions, signals, the drain.

pub(crate) mod ports;
pub(crate) mod runners;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::control::cluster::ClusterError;
use crate::control::compile::Configuration;
use crate::control::doors::Porter;
use crate::control::file::WatchError;
use crate::control::heads::HeadsError;
use crate::control::recording::{Recorder, RecordingError};
use crate::control::refusal::Refusal;
use crate::control::state::StateError;
use crate::session::ports::House;
use crate::shutdown::Shutdown;
use ports::{Certificates, TcpPorter};
use runners::Runners;

/// Why a run did not come about.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Each as `file: document: field: reason`.
    #[error("the configuration is refused")]
    Refused(Vec<Refusal>),
    #[error("the state: {0}")]
    State(#[from] StateError),
    #[error("recording: {0}")]
    Recording(#[from] RecordingError),
    #[error("heads: {0}")]
    Heads(#[from] HeadsError),
    #[error(transparent)]
    Watch(#[from] WatchError),
    #[error("the cluster: {0}")]
    Cluster(#[from] ClusterError),
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error("the server's certificate: {0}")]
    Certificate(String),
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
}

/// The signals that end the process.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

// === impl Signals ===

impl Signals {
    pub(crate) fn new() -> Result<Self, Failed> {
        let hear = |kind| signal(kind).map_err(io_at("signals".to_owned()));
        Ok(Self {
            terminate: hear(SignalKind::terminate())?,
            interrupt: hear(SignalKind::interrupt())?,
        })
    }

    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Where listeners come from, with threads for their sessions.
pub(crate) fn porter(
    bind: IpAddr,
    certificates: Certificates,
    house: &Arc<House>,
    threads: Option<u16>,
) -> Result<Arc<dyn Porter>, Failed> {
    let threads = threads.map_or_else(runners::default_count, usize::from);
    let runners = Runners::start(threads).map_err(io_at("threads for sessions".to_owned()))?;
    Ok(Arc::new(TcpPorter::new(bind, certificates, house, runners)))
}

/// What is in force and probably not meant.
pub(crate) fn advise(configuration: &Configuration) {
    for advice in &configuration.advice {
        tracing::warn!(advice, "the configuration may not be what is meant");
    }
    for closed in &configuration.closed {
        tracing::warn!(error = %closed, "a Connection is closed for want of a credential");
    }
    if configuration.connections.is_empty() {
        tracing::warn!("there is no Connection, so nothing is served");
    }
}

/// Waits for a signal, and drains; a second one cuts. `hand_out` has heads of the record go out
/// until its token is cancelled, and once more then.
pub(crate) async fn until_stopped<H>(
    drain_timeout: Duration,
    mut signals: Signals,
    shutdown: &Shutdown,
    recorder: &Recorder,
    hand_out: impl FnOnce(CancellationToken) -> H,
) where
    H: Future<Output = ()>,
{
    let sealed = CancellationToken::new();
    let upload = recorder.upload(sealed.clone());
    let hand_out = hand_out(sealed.clone());
    let stop = async {
        signals.next().await;
        tracing::info!("draining");
        let cut = async {
            signals.next().await;
            tracing::warn!("told to stop again: what still runs is cut");
            shutdown.cut.cancel();
            std::future::pending::<usize>().await
        };
        let left = tokio::select! {
            left = shutdown.run(drain_timeout) => left,
            never = cut => never,
        };
        if left > 0 {
            tracing::warn!(sessions = left, "sessions did not end in time");
        }
        recorder.seal();
        sealed.cancel();
    };
    tokio::join!(upload, hand_out, stop);
    tracing::info!("stopped");
}

pub(crate) fn io_at(what: String) -> impl FnOnce(io::Error) -> Failed {
    move |source| Failed::Io { what, source }
}
