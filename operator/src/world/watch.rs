//! The watches themselves: one task a kind.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::Hash;
use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use futures_util::{Stream, StreamExt};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, Role, RoleBinding};
use kube::core::{DeserializeGuard, ObjectMeta, PartialObjectMeta};
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{Lookup, store};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource};
use portcullis_crds::{ApprovalRequest, Connection, ConnectionClass, GuardrailPolicy, MaskingRule};
use serde::de::DeserializeOwned;
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::pod::{self, Placement};
use super::{CHANGES, Change, Key, Watches, World};
use crate::desired::{Kind, name};
use crate::metrics::Metrics;

/// Secrets of Helm's releases are large, many, and nobody's to refer to.
const SECRETS: &str = "type!=helm.sh/release.v1";
/// The binding of all proxies.
const PROXIES: &str = "metadata.name=portcullis-proxies";
/// The annotation of Secrets that is kept.
const KEPT_ANNOTATION: &str = crate::desired::platform::PATHS;

/// Who fills the stores of a world.
pub(crate) struct Writers {
    pub(crate) connections: Writer<Connection>,
    pub(crate) classes: Writer<ConnectionClass>,
    pub(crate) guardrails: Writer<GuardrailPolicy>,
    pub(crate) masks: Writer<MaskingRule>,
    pub(crate) requests: Writer<ApprovalRequest>,
    pub(crate) namespaces: Writer<PartialObjectMeta<Namespace>>,
    pub(crate) secrets: Writer<PartialObjectMeta<Secret>>,
    pub(crate) config_maps: Writer<PartialObjectMeta<ConfigMap>>,
    pub(crate) deployments: Writer<Deployment>,
    pub(crate) stateful_sets: Writer<StatefulSet>,
}

/// A world of which nothing is known.
pub(crate) fn empty(metrics: Arc<Metrics>) -> (Arc<World>, Writers) {
    let (connections, connections_writer) = store();
    let (classes, classes_writer) = store();
    let (guardrails, guardrails_writer) = store();
    let (masks, masks_writer) = store();
    let (requests, requests_writer) = store();
    let (namespaces, namespaces_writer) = store();
    let (secrets, secrets_writer) = store();
    let (config_maps, config_maps_writer) = store();
    let (deployments, deployments_writer) = store();
    let (stateful_sets, stateful_sets_writer) = store();
    let (changes, _) = broadcast::channel(CHANGES);
    let world = World {
        connections,
        classes,
        guardrails,
        masks,
        requests,
        namespaces,
        secrets,
        config_maps,
        deployments,
        stateful_sets,
        owned: Mutex::default(),
        pods: Mutex::default(),
        reports: Mutex::default(),
        views: Mutex::default(),
        changes,
        ready: Arc::new(AtomicBool::new(false)),
        metrics,
    };
    let writers = Writers {
        connections: connections_writer,
        classes: classes_writer,
        guardrails: guardrails_writer,
        masks: masks_writer,
        requests: requests_writer,
        namespaces: namespaces_writer,
        secrets: secrets_writer,
        config_maps: config_maps_writer,
        deployments: deployments_writer,
        stateful_sets: stateful_sets_writer,
    };
    (Arc::new(world), writers)
}

pub(super) fn begin(client: &Client, metrics: Arc<Metrics>) -> (Arc<World>, Watches) {
    let (world, writers) = empty(metrics);
    let mut tasks = Tasks {
        client: client.clone(),
        world: Arc::clone(&world),
        set: JoinSet::new(),
    };
    tasks.ours(writers.connections, Change::Connection);
    tasks.ours(writers.classes, |key| Change::Class(key.name));
    tasks.ours(writers.guardrails, Change::Guardrail);
    tasks.ours(writers.masks, Change::Mask);
    tasks.ours(writers.requests, Change::Request);
    tasks.metadata(writers.namespaces, "", |key| Change::Namespace(key.name));
    tasks.metadata(writers.secrets, SECRETS, Change::Secret);
    tasks.metadata(writers.config_maps, "", Change::ConfigMap);
    tasks.workloads::<Deployment>(writers.deployments, Kind::Deployment);
    tasks.workloads::<StatefulSet>(writers.stateful_sets, Kind::StatefulSet);
    tasks.owned::<Service>(Kind::Service);
    tasks.owned::<ServiceAccount>(Kind::ServiceAccount);
    tasks.owned::<Role>(Kind::Role);
    tasks.owned::<RoleBinding>(Kind::RoleBinding);
    tasks.owned::<NetworkPolicy>(Kind::NetworkPolicy);
    tasks.owned::<PodDisruptionBudget>(Kind::PodDisruptionBudget);
    tasks.owned::<HorizontalPodAutoscaler>(Kind::HorizontalPodAutoscaler);
    tasks.owned::<ClusterRoleBinding>(Kind::ClusterRoleBinding);
    tasks.reports();
    for placement in Placement::ALL {
        tasks.pods(placement);
    }
    (world, Watches(tasks.set))
}

/// What a task a kind is begun with.
struct Tasks {
    client: Client,
    world: Arc<World>,
    set: JoinSet<()>,
}

// === impl Tasks ===

impl Tasks {
    /// A kind of ours: whole. What cannot be read is told and left as it was, so that one object
    /// cannot end a watch.
    fn ours<K>(&mut self, writer: Writer<K>, change: impl Fn(Key) -> Change + Send + 'static)
    where
        K: Resource<DynamicType = ()> + Lookup<DynamicType = ()>,
        K: Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        let api: Api<DeserializeGuard<K>> = Api::all(self.client.clone());
        let world = Arc::clone(&self.world);
        let stream = watcher(api, watcher::Config::default()).default_backoff();
        let readable = stream.filter_map(move |event| {
            let event = readable(event, &world.metrics);
            std::future::ready(event)
        });
        let world = Arc::clone(&self.world);
        self.set.spawn(follow(readable, writer, move |event| {
            tell(&world, event, |_, meta| Some(change(key(meta))));
        }));
    }

    /// A kind of which names, labels and versions are enough. The data of a Secret of ours is
    /// watched here too.
    fn metadata<K>(
        &mut self,
        writer: Writer<PartialObjectMeta<K>>,
        fields: &str,
        change: impl Fn(Key) -> Change + Send + 'static,
    ) where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
        K: Send + Sync + 'static,
    {
        let api: Api<PartialObjectMeta<K>> = Api::all(self.client.clone());
        let config = match fields {
            "" => watcher::Config::default(),
            fields => watcher::Config::default().fields(fields),
        };
        let owned = match K::kind(&()).as_ref() {
            "Secret" => Some(Kind::Secret),
            "ConfigMap" => Some(Kind::ConfigMap),
            _ => None,
        };
        if let Some(kind) = owned {
            self.world.owned().expect(kind);
        }
        let stream = watcher(api, config).default_backoff();
        let world = Arc::clone(&self.world);
        let mut present = BTreeSet::new();
        self.set.spawn(follow(stream, writer, move |event| {
            if let Some(kind) = owned {
                of_ours(&world, kind, event, &mut present);
            }
            tell(&world, event, |_, meta| Some(change(key(meta))));
        }));
    }

    /// A kind of ours by its label, whole, for its status counts.
    fn workloads<K>(&mut self, writer: Writer<K>, kind: Kind)
    where
        K: Resource<DynamicType = ()> + Lookup<DynamicType = ()>,
        K: Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        self.world.owned().expect(kind);
        let api: Api<K> = Api::all(self.client.clone());
        let config = watcher::Config::default().labels(name::MANAGED);
        let stream = watcher(api, config).default_backoff();
        let world = Arc::clone(&self.world);
        let mut present = BTreeSet::new();
        self.set.spawn(follow(stream, writer, move |event| {
            of_ours(&world, kind, event, &mut present);
            // Also where the operator has nothing to do: how many are ready is told.
            tell(&world, event, |_, meta| {
                super::owned::connection(meta).map(Change::Owned)
            });
        }));
    }

    /// A kind of ours by its label, as metadata.
    fn owned<K>(&mut self, kind: Kind)
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
        K: Send + Sync + 'static,
    {
        self.world.owned().expect(kind);
        let api: Api<PartialObjectMeta<K>> = Api::all(self.client.clone());
        let config = match kind {
            // The one that it may look at.
            Kind::ClusterRoleBinding => watcher::Config::default().fields(PROXIES),
            _ => watcher::Config::default().labels(name::MANAGED),
        };
        let world = Arc::clone(&self.world);
        self.set.spawn(async move {
            let mut stream = pin!(watcher(api, config).default_backoff());
            let mut present = BTreeSet::new();
            while let Some(event) = stream.next().await {
                match event {
                    Ok(event) => of_ours(&world, kind, &event, &mut present),
                    Err(error) => tracing::warn!(%error, "a watch failed and begins anew"),
                }
            }
        });
    }

    /// The Leases of proxies.
    fn reports(&mut self) {
        self.listen::<Lease>(name::MANAGED, reported);
    }

    /// The pods of proxies.
    fn pods(&mut self, placement: Placement) {
        self.listen::<Pod>(placement.label(), move |world, event, present| {
            hosted(world, placement, event, present)
        });
    }

    /// A kind of which no more is kept than what `heard` makes of each event.
    fn listen<K>(
        &mut self,
        labels: &str,
        heard: impl Fn(&World, &Event<K>, &mut BTreeSet<Key>) -> Vec<Change> + Send + 'static,
    ) where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        let api: Api<K> = Api::all(self.client.clone());
        let config = watcher::Config::default().labels(labels);
        let world = Arc::clone(&self.world);
        self.set.spawn(async move {
            let mut stream = pin!(watcher(api, config).default_backoff());
            let mut present = BTreeSet::new();
            while let Some(event) = stream.next().await {
                match event {
                    Ok(event) => {
                        for change in heard(&world, &event, &mut present) {
                            world.tell(change);
                        }
                    }
                    Err(error) => tracing::warn!(%error, "a watch failed and begins anew"),
                }
            }
        });
    }
}

/// Keeps a store as the stream says, and tells after that.
async fn follow<K, S>(stream: S, mut writer: Writer<K>, mut after: impl FnMut(&Event<K>) + Send)
where
    K: Lookup + Resource + Clone + Send + 'static,
    <K as Lookup>::DynamicType: Eq + Hash + Clone + Send,
    S: Stream<Item = Result<Event<K>, watcher::Error>> + Send,
{
    let mut stream = pin!(stream);
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => {
                let event = event.modify(trim);
                writer.apply_watcher_event(&event);
                after(&event);
            }
            Err(error) => tracing::warn!(%error, "a watch failed and begins anew"),
        }
    }
}

/// What is large and of no use here.
fn trim<K: Resource>(object: &mut K) {
    let meta = object.meta_mut();
    meta.managed_fields = None;
    if let Some(annotations) = &mut meta.annotations {
        annotations
            .retain(|key, _| key == KEPT_ANNOTATION || !key.starts_with("kubectl.kubernetes.io/"));
    }
}

fn readable<K: Resource>(
    event: Result<Event<DeserializeGuard<K>>, watcher::Error>,
    metrics: &Metrics,
) -> Option<Result<Event<K>, watcher::Error>> {
    let one = |guard: DeserializeGuard<K>| match guard.0 {
        Ok(object) => Some(object),
        Err(error) => {
            metrics.unreadable.inc();
            let meta = &error.metadata;
            let name = format!(
                "{}/{}",
                meta.namespace.as_deref().unwrap_or_default(),
                meta.name.as_deref().unwrap_or_default()
            );
            tracing::warn!(%name, error = %error.error, "an object cannot be read, and is left out");
            None
        }
    };
    Some(Ok(match event {
        Ok(Event::Apply(object)) => Event::Apply(one(object)?),
        Ok(Event::Delete(object)) => Event::Delete(one(object)?),
        Ok(Event::InitApply(object)) => Event::InitApply(one(object)?),
        Ok(Event::Init) => Event::Init,
        Ok(Event::InitDone) => Event::InitDone,
        Err(error) => return Some(Err(error)),
    }))
}

/// One change for one object, and one for all when a list was read.
fn tell<K: Resource>(
    world: &World,
    event: &Event<K>,
    change: impl Fn(&K, &ObjectMeta) -> Option<Change>,
) {
    let change = match event {
        Event::Apply(object) | Event::Delete(object) => change(object, object.meta()),
        Event::InitDone => Some(Change::Everything),
        Event::Init | Event::InitApply(_) => None,
    };
    if let Some(change) = change {
        world.tell(change);
    }
}

/// Keeps account of an object that may be the operator's.
fn of_ours<K: Resource>(world: &World, kind: Kind, event: &Event<K>, present: &mut BTreeSet<Key>) {
    let ours = |meta: &ObjectMeta| {
        let label = meta
            .labels
            .as_ref()
            .and_then(|all| all.get(name::MANAGED_BY));
        label.is_some_and(|value| value == name::MANAGER)
    };
    let change = match event {
        Event::Apply(object) if ours(object.meta()) => world.owned().saw(kind, object.meta()),
        Event::Apply(object) | Event::Delete(object) => world.owned().gone(kind, object.meta()),
        Event::Init => {
            present.clear();
            None
        }
        Event::InitApply(object) => {
            if ours(object.meta()) {
                present.insert(key(object.meta()));
                world.owned().saw(kind, object.meta());
            }
            None
        }
        Event::InitDone => {
            world.owned().relisted(kind, &std::mem::take(present));
            world.tell(Change::Everything);
            None
        }
    };
    if let Some(connection) = change {
        world.tell(Change::Owned(connection));
    }
}

fn reported(world: &World, event: &Event<Lease>, present: &mut BTreeSet<Key>) -> Vec<Change> {
    let now = Instant::now();
    let told = match event {
        Event::Apply(lease) => world.reports().saw(lease, now),
        Event::Delete(lease) => world.reports().gone(lease),
        Event::Init => {
            present.clear();
            None
        }
        Event::InitApply(lease) => {
            present.insert(key(&lease.metadata));
            world.reports().saw(lease, now);
            None
        }
        Event::InitDone => {
            world.reports().relisted(&std::mem::take(present));
            return vec![Change::Everything];
        }
    };
    told.map(Change::Report).into_iter().collect()
}

fn hosted(
    world: &World,
    placement: Placement,
    event: &Event<Pod>,
    present: &mut BTreeSet<Key>,
) -> Vec<Change> {
    let told = match event {
        Event::Apply(found) => world.pods().saw(placement, found),
        Event::Delete(found) => world.pods().gone(found),
        Event::Init => {
            present.clear();
            Vec::new()
        }
        Event::InitApply(found) => {
            present.extend(pod::key(found));
            world.pods().saw(placement, found);
            Vec::new()
        }
        Event::InitDone => {
            world.pods().relisted(placement, &std::mem::take(present));
            return vec![Change::Everything];
        }
    };
    told.into_iter().map(Change::Report).collect()
}

fn key(meta: &ObjectMeta) -> Key {
    Key::new(
        meta.namespace.clone().unwrap_or_default(),
        meta.name.clone().unwrap_or_default(),
    )
}
