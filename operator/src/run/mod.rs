//! Wiring: what is built, in order, and what ends it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use aws_lc_rs::rand;
use kube::client::ClientBuilder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::admission::{Known, Webhooks};
use crate::api_server::ApiServer;
use crate::clock::{Clock, SystemClock};
use crate::config::Settings;
use crate::controller::approval_request::Requests;
use crate::controller::authority::Keeper;
use crate::controller::connection::Connections;
use crate::controller::connection_class::Classes;
use crate::controller::guardrail_policy::Guardrails;
use crate::controller::masking_rule::Masks;
use crate::controller::{Context, proxies};
use crate::desired::name::hex;
use crate::lease::{self, Candidate};
use crate::metrics::Metrics;
use crate::metrics::requests::Counting;
use crate::probe::{Health, Port};
use crate::world::World;

/// Why the process ends, other than by being asked to.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    #[error("no client for the cluster: {0}")]
    Client(#[from] kube::Error),
    #[error("no configuration for the cluster: {0}")]
    Configuration(#[from] kube::config::InferConfigError),
    #[error("{what}: {source}")]
    Io {
        what: &'static str,
        #[source]
        source: std::io::Error,
    },
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error("no random numbers")]
    Random,
    #[error("the lease is lost")]
    LeaseLost,
    #[error("a task died")]
    Died,
}

/// Runs until the process is told to stop, or cannot go on.
pub async fn run(settings: Settings) -> Result<(), Ended> {
    let metrics = Arc::new(Metrics::new()?);
    let client = client(&metrics).await?;
    let port = Port::bind(settings.metrics).await;
    let port = port.map_err(io("--metrics cannot be listened on"))?;
    let mut stop = signal(SignalKind::terminate()).map_err(io("no signals"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(io("no signals"))?;

    let (world, mut watches) = World::watch(&client, Arc::clone(&metrics));
    let serving = Arc::new(AtomicBool::new(false));
    let health = Health {
        metrics: Arc::clone(&metrics),
        ready: Arc::clone(&world.ready),
        serving: Arc::clone(&serving),
    };
    let webhooks = Webhooks::bind(settings.webhook, serving).await;
    let webhooks = webhooks.map_err(io("--webhook cannot be listened on"))?;
    let shutdown = CancellationToken::new();
    let known = Known {
        world: Arc::clone(&world),
        image: settings.proxy_image.clone(),
    };
    let answering = webhooks.serve(
        client.client(),
        Arc::new(SystemClock),
        Arc::new(known),
        shutdown.clone(),
    );
    let answering = tokio::spawn(answering);
    let _probes = tokio::spawn(port.serve(health));
    let identity = format!("{}_{}", settings.identity, suffix()?);
    let mut candidate = Candidate::new(
        client.client(),
        SystemClock,
        identity,
        settings.lease_duration,
    );
    let leads = metrics.runtime.leader.with_label_values(&[lease::NAME]);
    leads.set(0);

    let ended = tokio::select! {
        _ = stop.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        () = watches.ended() => Err(Ended::Died),
        ended = lead(&mut candidate, &client, &world, &metrics, &settings) => Err(ended),
    };
    shutdown.cancel();
    // What controllers were doing is dropped with them, before the lease goes.
    leads.set(0);
    if ended.is_ok()
        && let Err(error) = candidate.release().await
    {
        tracing::warn!(%error, "the lease cannot be given back");
    }
    // Questions that were asked are answered.
    let _ended = answering.await;
    tracing::info!("stopped");
    ended
}

/// Waits for the lease, and works for as long as it is held.
async fn lead(
    candidate: &mut Candidate<SystemClock>,
    client: &ApiServer,
    world: &Arc<World>,
    metrics: &Arc<Metrics>,
    settings: &Settings,
) -> Ended {
    world.until_ready().await;
    tracing::info!("everything is listed");
    candidate.acquire().await;
    tracing::info!("this replica holds the lease");
    metrics
        .runtime
        .leader
        .with_label_values(&[lease::NAME])
        .set(1);
    let mut controllers = controllers(client, world, metrics, settings);
    tokio::select! {
        () = candidate.hold() => Ended::LeaseLost,
        _ = controllers.join_next() => Ended::Died,
    }
}

/// Begins every controller; none ends by itself, and all end with the set.
fn controllers(
    client: &ApiServer,
    world: &Arc<World>,
    metrics: &Arc<Metrics>,
    settings: &Settings,
) -> JoinSet<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (sender, authority) = watch::channel(None);
    let context = Arc::new(Context::new(
        client.clone(),
        Arc::clone(world),
        Arc::clone(metrics),
        Arc::clone(&clock),
        settings.proxy_image.clone(),
        authority,
        settings.identity.clone(),
    ));
    let keeper = Keeper {
        client: client.clone(),
        world: Arc::clone(world),
        clock,
        metrics: Arc::clone(metrics),
        authority: sender,
    };
    let many = settings.concurrency;
    let mut set = JoinSet::new();
    set.spawn(keeper.run());
    set.spawn(proxies::run(Arc::clone(&context)));
    set.spawn(crate::controller::run::<Connections>(
        Arc::clone(&context),
        many,
    ));
    set.spawn(crate::controller::run::<Classes>(
        Arc::clone(&context),
        many,
    ));
    set.spawn(crate::controller::run::<Guardrails>(
        Arc::clone(&context),
        many,
    ));
    set.spawn(crate::controller::run::<Masks>(Arc::clone(&context), many));
    set.spawn(crate::controller::run::<Requests>(context, many));
    set
}

async fn client(metrics: &Metrics) -> Result<ApiServer, Ended> {
    // One provider of cryptography for the process; a second call finds the first.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let config = kube::Config::infer().await?;
    let host = config.cluster_url.authority().map(ToString::to_string);
    let counting = Counting::new(&metrics.runtime.requests, &host.unwrap_or_default());
    let client = ClientBuilder::try_from(config)?.with_layer(&counting);
    Ok(ApiServer::new(client.build()))
}

/// Another name for each process, also for a pod that starts anew.
fn suffix() -> Result<String, Ended> {
    let mut bytes = [0; 4];
    rand::fill(&mut bytes).map_err(|_| Ended::Random)?;
    Ok(hex(&bytes, 4))
}

fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> Ended {
    move |source| Ended::Io { what, source }
}
