//! A run in a cluster, put together.
//!
//! The admin port answers from the start. Nothing else is opened before the Connection and all that
//! bears on it have been seen once: how to record is said there too.

use std::sync::{Arc, Mutex, OnceLock};

use arc_swap::ArcSwap;
use portcullis_policy::limit::Counters;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::admin::{AdminPort, Office, Reception};
use crate::config;
use crate::control::clock::SystemClock;
use crate::control::cluster::approvals::Requests;
use crate::control::cluster::guard::ApiGuard;
use crate::control::cluster::judged::{Judged, Served, Told};
use crate::control::cluster::lease::{Keeper, Word};
use crate::control::cluster::plane::{Given, Plane, Step, replica};
use crate::control::cluster::sight::Sight;
use crate::control::cluster::tree::Tree;
use crate::control::cluster::{Cluster, Place};
use crate::control::compile::{Configuration, RecordingSettings};
use crate::control::doors::{Doors, Standing};
use crate::control::recording::Recorder;
use crate::control::refusal::Refusal;
use crate::control::state::State;
use crate::listen::tls::mounted::Mounted;
use crate::metrics::Metrics;
use crate::serving::ports::Certificates;
use crate::serving::{self, Failed, Signals, io_at, until_stopped};
use crate::session::ports::{Approvals, Clock, House, Peers};
use crate::session::registry::Registry;
use crate::shutdown::Shutdown;

/// Below the directory that is given: that is a volume, which anybody in the pod may write, and what
/// is in here is for us alone.
const STATE_FOLDER: &str = "proxy";

/// The most characters of a pod's name that begin the name of who writes its record: a spool adds
/// sixteen and a hyphen of its own.
const MAX_WRITER_NAME: usize = 63;

/// What there is before anything has been seen.
struct Ground {
    state: State,
    certificates: Certificates,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    shutdown: Shutdown,
    peers: Peers,
    requests: Requests,
    standing: Arc<ArcSwap<Standing>>,
    house: Arc<OnceLock<Arc<House>>>,
}

/// What is in force, and where it goes.
struct Front {
    doors: Doors,
    peers: Peers,
    /// What the process records with, for all its life.
    recording: RecordingSettings,
    /// Which Connection of the name it is.
    uid: String,
    port: u16,
    stale: bool,
    word: watch::Sender<Word>,
    metrics: Arc<Metrics>,
}

/// Runs until the process is told to stop, and drains.
pub async fn run(settings: &config::Cluster) -> Result<(), Failed> {
    let ground_place = place(settings);
    let cluster = Cluster::connect().await?;
    let mut signals = Signals::new()?;
    let ground = ground(settings, &cluster, &ground_place)?;
    let mut tasks = JoinSet::new();
    serve_admin(settings, &cluster, &ground, &mut tasks).await?;

    let sight = Sight::new();
    // Requests are no policy: what is claimed is read live.
    tasks.spawn(ground.requests.clone().follow(Sight::new()));
    let given = Given {
        ip: settings.pod.ip,
        port: settings.port,
        caller: settings.caller.clone(),
    };
    let tree = Tree::new(&settings.objects);
    let mut plane = Plane::new(
        &cluster,
        &ground_place,
        (given, tree),
        sight.clone(),
        &mut tasks,
    );
    let word = watch::Sender::new(Word::default());
    let sealed = CancellationToken::new();
    let keeper = Keeper::new(
        &cluster,
        ground_place,
        Arc::clone(&ground.house),
        Arc::clone(&ground.clock),
        sight,
    );
    let leasing = tokio::spawn(keeper.run(word.subscribe(), sealed.clone()));
    tracing::info!(namespace = settings.namespace, connection = settings.connection, admin = %settings.admin, "running");

    let first = tokio::select! {
        first = first(&mut plane, &word, &ground) => first,
        () = signals.next() => {
            tracing::info!("stopped before anything was served");
            tasks.shutdown().await;
            return Ok(());
        }
    };
    let (recorder, mut front) = open(settings, &ground, &first, word)?;
    front.take(first);
    tasks.spawn(async move {
        loop {
            let step = plane.next().await;
            front.take(step);
        }
    });
    let hand_out = |stop: CancellationToken| async move {
        stop.cancelled().await;
        sealed.cancel();
        let _ = leasing.await;
    };
    let drain = settings.drain_timeout;
    until_stopped(drain, signals, &ground.shutdown, &recorder, hand_out).await;
    tasks.shutdown().await;
    Ok(())
}

fn place(settings: &config::Cluster) -> Place {
    Place {
        namespace: settings.namespace.clone(),
        connection: settings.connection.clone(),
        pod: settings.pod.name.clone(),
        pod_uid: settings.pod.uid.clone(),
    }
}

fn ground(settings: &config::Cluster, cluster: &Cluster, place: &Place) -> Result<Ground, Failed> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let certificates = match &settings.certificate {
        Some(folder) => Certificates::Mounted(Mounted::new(folder)),
        None => Certificates::None,
    };
    if settings.certificate.is_some() {
        // Without one, whoever comes from elsewhere would be turned away for good.
        let usable = certificates.server(clock.now());
        usable.map_err(Failed::Certificate)?;
    }
    Ok(Ground {
        state: State::open(&settings.state.join(STATE_FOLDER))?,
        certificates,
        requests: Requests::new(cluster.clone(), place.clone(), Arc::clone(&clock)),
        clock,
        metrics: Arc::new(Metrics::new()?),
        shutdown: Shutdown::default(),
        peers: Peers::default(),
        standing: Arc::default(),
        house: Arc::default(),
    })
}

async fn serve_admin(
    settings: &config::Cluster,
    cluster: &Cluster,
    ground: &Ground,
    tasks: &mut JoinSet<()>,
) -> Result<(), Failed> {
    let port = AdminPort::bind(settings.admin).await;
    let port = port.map_err(io_at(format!("the admin port {}", settings.admin)))?;
    let guard = ApiGuard::new(cluster.clone(), place(settings));
    tasks.spawn(port.serve(Office {
        standing: Arc::clone(&ground.standing),
        house: Arc::clone(&ground.house),
        reception: Reception::Cluster(Arc::new(guard)),
    }));
    Ok(())
}

/// The first judgement by which the Connection can be served. What keeps it from that is told.
async fn first(plane: &mut Plane, word: &watch::Sender<Word>, ground: &Ground) -> Step {
    loop {
        let step = plane.next().await;
        if step.judged.served.is_some() {
            return step;
        }
        tell(word, &step.judged);
        let refused = step.judged.refused.iter().map(Refusal::from).collect();
        ground.standing.store(Arc::new(Standing {
            refused,
            ..Standing::default()
        }));
    }
}

fn open(
    settings: &config::Cluster,
    ground: &Ground,
    first: &Step,
    word: watch::Sender<Word>,
) -> Result<(Recorder, Front), Failed> {
    let served = first.judged.served.as_ref();
    let recording = served.map(|served| served.recording.clone());
    let recording = recording.unwrap_or_default();
    // The spool tells those of one name apart.
    let writer: String = settings.pod.name.chars().take(MAX_WRITER_NAME).collect();
    let recorder = Recorder::open(
        &recording,
        &ground.state,
        Arc::clone(&ground.clock),
        Arc::clone(&ground.metrics),
        &writer,
    )?;
    let house = Arc::new(House {
        writer: Arc::clone(&recorder.writer),
        counters: Mutex::new(Counters::default()),
        approvals: Arc::new(ground.requests.clone()) as Arc<dyn Approvals>,
        metrics: Arc::clone(&ground.metrics),
        registry: Registry::default(),
        shutdown: ground.shutdown.clone(),
        clock: Arc::clone(&ground.clock),
        replica: replica(settings.pod.ip),
        peers: ground.peers.clone(),
    });
    let certificates = ground.certificates.clone();
    let porter = serving::porter(settings.bind, certificates, &house, settings.threads)?;
    let doors = Doors::new(
        Arc::clone(&house),
        porter,
        recording.clone(),
        Arc::clone(&ground.standing),
    );
    // Only now is there something to ask about.
    let _ = ground.house.set(house);
    let front = Front {
        doors,
        peers: ground.peers.clone(),
        recording,
        uid: served.map(|served| served.uid.clone()).unwrap_or_default(),
        port: served.map_or(0, |served| served.compiled.port),
        stale: false,
        word,
        metrics: Arc::clone(&ground.metrics),
    };
    Ok((recorder, front))
}

// === impl Front ===

impl Front {
    /// Puts a judgement in force. What the process cannot change while it runs stays, and is told.
    fn take(&mut self, step: Step) {
        let Step { mut judged, peers } = step;
        self.peers.store(peers);
        let served = judged.served.take();
        if served.as_ref().is_none_or(|served| served.uid != self.uid) {
            // Another of the same name is another: no session of the one goes on in the other.
            self.apply(None, &mut judged);
        }
        if let Some(served) = served {
            self.uid.clone_from(&served.uid);
            self.apply(Some(served), &mut judged);
        }
        let refused: Vec<Refusal> = judged.refused.iter().map(Refusal::from).collect();
        self.metrics.reloaded(refused.is_empty());
        self.doors.refuse(&refused);
        if std::mem::replace(&mut self.stale, judged.stale) != judged.stale {
            tracing::warn!(stale = judged.stale, "sight of the policies");
        }
        if tell(&self.word, &judged) {
            tracing::info!(revision = judged.revision, "in force");
            for refusal in &refused {
                tracing::error!(error = %refusal, "an object is refused");
            }
        }
    }

    fn apply(&mut self, served: Option<Served>, judged: &mut Judged) {
        let mut configuration = Configuration {
            revision: judged.revision.clone(),
            recording: self.recording.clone(),
            for_one: true,
            ..Configuration::default()
        };
        let Some(mut served) = served else {
            if let Err(refused) = self.doors.apply(configuration) {
                tracing::error!(?refused, "a Connection is not closed");
            }
            return;
        };
        let told = |kind, (namespace, name): (&str, &str), field: &str, reason: String| Told {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            field: field.to_owned(),
            reason,
        };
        if served.recording != self.recording {
            let reason = "store, spoolSize, encryptionKey, signingKeyRef and what they name hold \
                          for the life of a proxy; this one goes on with what it began with";
            let class = ("", served.class_name.as_str());
            let told = told(
                "ConnectionClass",
                class,
                "spec.recording",
                reason.to_owned(),
            );
            judged.refused.push(told);
        }
        let name = served.name.clone();
        let wanted = served.compiled.port;
        let takes = self.doors.takes(&name, wanted);
        if let Err(reason) = takes {
            served.compiled.port = self.port;
            let connection = (name.0.as_str(), name.1.as_str());
            judged
                .refused
                .push(told("Connection", connection, "spec.port", reason));
        }
        self.port = served.compiled.port;
        configuration
            .classes
            .insert(served.class_name, served.class);
        configuration.connections.insert(name, served.compiled);
        if let Err(refused) = self.doors.apply(configuration) {
            for refusal in refused {
                tracing::error!(error = %refusal, "an edit is not in force");
            }
        }
    }
}

/// Has the Lease say so. False where it does already.
fn tell(word: &watch::Sender<Word>, judged: &Judged) -> bool {
    let next = Word {
        revision: judged.revision.clone(),
        refused: judged.refused.clone(),
        stale_after: Some(judged.on_stale.after.into()),
    };
    word.send_if_modified(|word| {
        let changed = *word != next;
        *word = next;
        changed
    })
}
