//! A run without a cluster, put together: each part is built by a function of its own.
//!
//! The documents are compiled before anything else is touched, so that a configuration that never
//! compiled leaves nothing behind.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};

use arc_swap::ArcSwap;
use portcullis_policy::limit::Counters;
use tokio::task::JoinSet;

use crate::admin::{AdminPort, Office, Reception};
use crate::config::Standalone;
use crate::control::approvals::socket::{Desk, Socket};
use crate::control::approvals::{Book, Folder, KEY_FILE, MAX_KEY_FILE, Requests, new_key};
use crate::control::caretaker::Ward;
use crate::control::clock::SystemClock;
use crate::control::compile::{Configuration, compile};
use crate::control::doors::{Doors, Standing};
use crate::control::file::{Changes, Directory, Files, Look};
use crate::control::heads::Heads;
use crate::control::recording::Recorder;
use crate::control::refusal::Refusal;
use crate::control::state::{State, StateError};
use crate::listen::tls::generated::Generated;
use crate::metrics::Metrics;
use crate::serving::ports::Certificates;
use crate::serving::{self, Failed, Signals, advise, io_at, until_stopped};
use crate::session::ports::{Approvals, Clock, House, Peer, Peers};
use crate::session::registry::Registry;
use crate::shutdown::Shutdown;

/// Who writes the record.
const WRITER: &str = "standalone";

/// How often requests are looked through for what is over.
const SWEEP: std::time::Duration = std::time::Duration::from_millis(500);

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
        WRITER,
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
        peers: peers(settings),
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
    let writer = Arc::clone(&recorder.writer);
    let hand_out = |sealed| async move {
        if let Some(heads) = heads {
            heads.run(writer, sealed).await;
        }
    };
    let drain = settings.drain_timeout;
    until_stopped(drain, signals, &shutdown, &recorder, hand_out).await;
    tasks.shutdown().await;
    Ok(())
}

fn peers(settings: &Standalone) -> Peers {
    let peer = |address: &SocketAddr| Peer {
        address: *address,
        replica: None,
    };
    Peers::new(settings.peers.iter().map(peer).collect())
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
        standing: Arc::clone(standing),
        house: Arc::new(OnceLock::from(Arc::clone(house))),
        reception: Reception::Classes,
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
    let generated = Generated::new(state.root(), [settings.bind.to_string()]);
    let certificates = Certificates::Generated(generated);
    let porter = serving::porter(settings.bind, certificates, house, settings.threads)?;
    let doors = Doors::new(
        Arc::clone(house),
        porter,
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
