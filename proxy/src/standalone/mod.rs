//! A run without a cluster, put together: each part is built by a function of its own.
//!
//! The documents are compiled before anything else is touched, so that a configuration that never
//! compiled leaves nothing behind.

mod ports;
mod runners;

use std::io;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use portcullis_policy::limit::Counters;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::admin::{AdminPort, Office};
use crate::config::Standalone;
use crate::control::approvals::socket::{Desk, Socket};
use crate::control::approvals::{Book, Folder, KEY_FILE, MAX_KEY_FILE, Requests, new_key};
use crate::control::caretaker::Ward;
use crate::control::clock::SystemClock;
use crate::control::compile::{Configuration, compile};
use crate::control::doors::{Doors, Standing};
use crate::control::file::{Changes, Directory, Files, Look, WatchError};
use crate::control::heads::{Heads, HeadsError};
use crate::control::recording::{Recorder, RecordingError};
use crate::control::refusal::Refusal;
use crate::control::state::{State, StateError};
use crate::metrics::Metrics;
use crate::session::ports::{Approvals, Clock, House};
use crate::session::registry::Registry;
use crate::shutdown::Shutdown;
use ports::TcpPorter;
use runners::Runners;

/// How often requests are looked through for what is over.
const SWEEP: std::time::Duration = std::time::Duration::from_millis(500);

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
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
}

/// Runs until the process is told to stop, and drains.
pub async fn run(settings: &Standalone) -> Result<(), Failed> {
    let directory = Directory::new(&settings.config);
    let (look, files) = directory.read().map_err(Failed::Refused)?;
    let configuration = compile(&files).map_err(Failed::Refused)?;
    drop(files);

    let state = State::open(&settings.state)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let metrics = Arc::new(Metrics::new()?);
    let shutdown = Shutdown::default();
    let signals = Signals::new()?;
    let recorder = Recorder::open(
        &configuration.recording,
        &state,
        Arc::clone(&clock),
        Arc::clone(&metrics),
    )?;
    let heads = settings.heads.as_ref();
    let heads = heads.map(|path| Heads::open(path, &state)).transpose()?;
    let requests = requests(&state, &clock, &recorder)?;
    let house = Arc::new(House {
        writer: Arc::clone(&recorder.writer),
        counters: Mutex::new(Counters::default()),
        approvals: Arc::new(requests.clone()) as Arc<dyn Approvals>,
        metrics,
        registry: Registry::default(),
        shutdown: shutdown.clone(),
        clock,
        replica: settings.replica,
        peers: settings.peers.clone(),
    });
    let standing: Arc<ArcSwap<Standing>> = Arc::default();
    let mut tasks = JoinSet::new();
    serve_admin(settings, &standing, &house, &mut tasks).await?;
    serve_socket(&state, &requests, &standing, &house, &mut tasks)?;
    let doors = doors(settings, &state, &standing, &house, configuration)?;
    watch(directory, look, doors, &house, &mut tasks)?;
    tasks.spawn(async move {
        loop {
            tokio::time::sleep(SWEEP).await;
            requests.sweep().await;
        }
    });
    tracing::info!(config = %settings.config.display(), admin = %settings.admin, "running");
    until_stopped(settings, signals, &shutdown, (&recorder, heads)).await;
    tasks.shutdown().await;
    Ok(())
}

fn requests(
    state: &State,
    clock: &Arc<dyn Clock>,
    recorder: &Recorder,
) -> Result<Requests, StateError> {
    let key = state.secret_file(KEY_FILE, MAX_KEY_FILE, new_key)?;
    let folder = Folder::new(state.approvals(), &key);
    let book = Book::open(folder, clock.now())?;
    Ok(Requests::new(
        book,
        Arc::clone(clock),
        Arc::clone(&recorder.writer),
    ))
}

async fn serve_admin(
    settings: &Standalone,
    standing: &Arc<ArcSwap<Standing>>,
    house: &Arc<House>,
    tasks: &mut JoinSet<()>,
) -> Result<(), Failed> {
    let port = AdminPort::bind(settings.admin).await;
    let port = port.map_err(io_at(format!("the admin port {}", settings.admin)))?;
    tasks.spawn(port.serve(Office {
        ward: ward(standing, house),
    }));
    Ok(())
}

fn serve_socket(
    state: &State,
    requests: &Requests,
    standing: &Arc<ArcSwap<Standing>>,
    house: &Arc<House>,
    tasks: &mut JoinSet<()>,
) -> Result<(), Failed> {
    let path = state.socket();
    let socket = Socket::bind(&path).map_err(io_at(path.display().to_string()))?;
    tasks.spawn(socket.serve(Desk {
        requests: requests.clone(),
        ward: ward(standing, house),
    }));
    Ok(())
}

fn ward(standing: &Arc<ArcSwap<Standing>>, house: &Arc<House>) -> Ward {
    Ward {
        standing: Arc::clone(standing),
        house: Arc::clone(house),
    }
}

fn doors(
    settings: &Standalone,
    state: &State,
    standing: &Arc<ArcSwap<Standing>>,
    house: &Arc<House>,
    configuration: Configuration,
) -> Result<Doors, Failed> {
    let threads = settings
        .threads
        .map_or_else(runners::default_count, usize::from);
    let runners = Runners::start(threads).map_err(io_at("threads for sessions".to_owned()))?;
    let porter = TcpPorter::new(settings.bind, state.root(), house, runners);
    let doors = Doors::new(
        Arc::clone(house),
        Arc::new(porter),
        configuration.recording.clone(),
        Arc::clone(standing),
    );
    advise(&configuration);
    doors.apply(configuration).map_err(Failed::Refused)?;
    Ok(doors)
}

fn watch(
    directory: Directory,
    look: Look,
    doors: Doors,
    house: &Arc<House>,
    tasks: &mut JoinSet<()>,
) -> Result<(), Failed> {
    let mut changes = Changes::new(directory, look)?;
    let metrics = Arc::clone(&house.metrics);
    tasks.spawn(async move {
        loop {
            let read = changes.next().await;
            match reload(&doors, read).await {
                Ok(()) => {
                    metrics.reloaded(true);
                    tracing::info!("an edit of the configuration is in force");
                }
                Err(refused) => {
                    metrics.reloaded(false);
                    for refusal in &refused {
                        tracing::error!(error = %refusal, "an edit of the configuration is refused");
                    }
                    doors.refuse(&refused);
                }
            }
        }
    });
    Ok(())
}

async fn reload(doors: &Doors, read: Result<Files, Vec<Refusal>>) -> Result<(), Vec<Refusal>> {
    let files = read?;
    let compiled = tokio::task::spawn_blocking(move || compile(&files)).await;
    let died = |_| Err(vec![Refusal::of_file("", "could not be compiled")]);
    let configuration = compiled.unwrap_or_else(died)?;
    advise(&configuration);
    doors.apply(configuration)
}

/// What is in force and probably not meant.
fn advise(configuration: &Configuration) {
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

/// Waits for a signal, and drains; a second one cuts.
async fn until_stopped(
    settings: &Standalone,
    mut signals: Signals,
    shutdown: &Shutdown,
    (recorder, heads): (&Recorder, Option<Heads>),
) {
    let sealed = CancellationToken::new();
    let upload = recorder.upload(sealed.clone());
    let hand_out = async {
        if let Some(heads) = heads {
            heads
                .run(Arc::clone(&recorder.writer), sealed.clone())
                .await;
        }
    };
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
            left = shutdown.run(settings.drain_timeout) => left,
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

/// The signals that end the process.
#[derive(Debug)]
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

// === impl Signals ===

impl Signals {
    fn new() -> Result<Self, Failed> {
        let hear = |kind| signal(kind).map_err(io_at("signals".to_owned()));
        Ok(Self {
            terminate: hear(SignalKind::terminate())?,
            interrupt: hear(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn io_at(what: String) -> impl FnOnce(io::Error) -> Failed {
    move |source| Failed::Io { what, source }
}
