//! The controllers: one reconcile a kind, and what they share.
//!
//! A reconcile is told which object to look at and nothing else; it looks at everything anew, and
//! writes only where what is differs from what should be. Nothing that a controller writes says
//! more than what it saw, so it does not matter in which order, how often, or by which replica
//! reconciles run.

pub mod approval_request;
pub mod authority;
pub mod connection;
pub mod connection_class;
pub mod guardrail_policy;
pub mod masking_rule;
mod policy;
pub mod proxies;
mod queue;
#[cfg(test)]
mod tests;
mod token;

use std::collections::HashMap;
use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::api::{Patch, PatchParams};
use kube::runtime::controller::{Action, Config};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Api, Resource, ResourceExt};
use portcullis_crds::Connection;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::watch;

pub use self::queue::run;
use crate::api_server::ApiServer;
use crate::apply::Applier;
use crate::clock::Clock;
use crate::error::{Class, Failed};
use crate::metrics::{Controller, Metrics, Outcome};
use crate::pki::{Authority, InvalidAuthority, Leaf};
use crate::world::data::Contents;
use crate::world::{Change, Key, World};

/// Name under which Events are reported.
const REPORTER: &str = "portcullis-operator";
/// The longest note of an Event, in characters; the API server takes 1024 bytes.
const MAX_NOTE: usize = 250;
/// The most certificates that are remembered; past it they are read again.
const MAX_LEAVES: usize = 4096;

/// What every reconcile has.
#[derive(Debug)]
pub struct Context {
    pub client: ApiServer,
    pub world: Arc<World>,
    pub applier: Applier,
    pub contents: Contents,
    pub metrics: Arc<Metrics>,
    pub clock: Arc<dyn Clock>,
    /// Image of proxies whose class names none.
    pub proxy_image: String,
    /// The CA, once it is read or made.
    pub authority: watch::Receiver<Option<Arc<Authority>>>,
    /// Certificates that were made here.
    leaves: Leaves,
    recorder: Recording,
    failures: Mutex<HashMap<(Controller, Key), u32>>,
}

/// Certificates that were made here, by UID of their Connection: the watch may be behind.
#[derive(Debug, Default)]
struct Leaves(Mutex<HashMap<String, Leaf>>);

/// Debug for what has none.
struct Recording(Recorder);

// === impl Leaves ===

impl Leaves {
    fn get_or_make(
        &self,
        connection: &Connection,
        make: impl FnOnce(Option<Leaf>) -> Result<Leaf, InvalidAuthority>,
    ) -> Result<Leaf, InvalidAuthority> {
        let uid = connection.uid().unwrap_or_default();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_LEAVES {
            all.clear();
        }
        let leaf = make(all.remove(&uid))?;
        all.insert(uid, leaf.clone());
        Ok(leaf)
    }
}

// === impl Recording ===

impl Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recorder")
    }
}

/// One controller.
pub trait Reconcile: Send + Sync + 'static {
    type Object: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static;

    const CONTROLLER: Controller;
    /// How long changes of one object are gathered.
    const DEBOUNCE: Duration;

    fn store(world: &World) -> Store<Self::Object>;

    /// The objects that a change sets off.
    fn objects(world: &World, change: &Change) -> Vec<ObjectRef<Self::Object>>;

    /// Looks at one object. A time to look again, if time itself changes something.
    fn reconcile(
        context: Arc<Context>,
        object: Arc<Self::Object>,
    ) -> impl Future<Output = Result<Option<Duration>, Failed>> + Send;
}

// === impl Context ===

impl Context {
    #[allow(
        clippy::too_many_arguments,
        reason = "a list of what was built, once, at the start"
    )]
    pub fn new(
        client: ApiServer,
        world: Arc<World>,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
        proxy_image: String,
        authority: watch::Receiver<Option<Arc<Authority>>>,
        identity: String,
    ) -> Self {
        let reporter = Reporter {
            controller: REPORTER.to_owned(),
            instance: Some(identity),
        };
        Self {
            applier: Applier::new(client.clone(), Arc::clone(&world), Arc::clone(&metrics)),
            contents: Contents::new(client.clone()),
            recorder: Recording(Recorder::new(client.client(), reporter)),
            failures: Mutex::default(),
            leaves: Leaves::default(),
            client,
            world,
            metrics,
            clock,
            proxy_image,
            authority,
        }
    }

    /// Tells people of something, once for as long as it lasts. Nothing depends on it: an Event
    /// that cannot be written is a line in the log.
    pub async fn tell<K>(&self, object: &K, kind: EventType, reason: &str, note: &str)
    where
        K: Resource<DynamicType = ()>,
    {
        let event = Event {
            type_: kind,
            reason: reason.to_owned(),
            note: Some(note.chars().take(MAX_NOTE).collect()),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        let reference = object.object_ref(&());
        if let Err(error) = self.recorder.0.publish(&event, &reference).await {
            tracing::warn!(%error, reason, "an Event cannot be written");
        }
    }

    /// Writes a status where it differs from the one that was read.
    pub async fn write_status<K, S>(
        &self,
        controller: Controller,
        object: &K,
        old: Option<&S>,
        new: &S,
    ) -> Result<bool, Failed>
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
        K: Clone + Debug + DeserializeOwned,
        S: Serialize + PartialEq,
    {
        let namespace = object.namespace().unwrap_or_default();
        let api: Api<K> = Api::namespaced(self.client.client(), &namespace);
        self.write_status_by(&api, controller, object, old, new)
            .await
    }

    /// The same by a client for the kind.
    pub async fn write_status_by<K, S>(
        &self,
        api: &Api<K>,
        controller: Controller,
        object: &K,
        old: Option<&S>,
        new: &S,
    ) -> Result<bool, Failed>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
        S: Serialize + PartialEq,
    {
        if old == Some(new) {
            return Ok(false);
        }
        let patch = json!({
            "apiVersion": K::api_version(&()),
            "kind": K::kind(&()),
            // A status is for this very object and not for one made anew under its name.
            "metadata": { "name": object.name_any(), "uid": object.uid() },
            "status": new,
        });
        let manager = format!("portcullis-{}-controller", controller.name());
        let parameters = PatchParams::apply(&manager).force();
        let name = object.name_any();
        let patch = Patch::Apply(&patch);
        match api.patch_status(&name, &parameters, &patch).await {
            Ok(_) => {}
            // It is gone, and with it what there was to say.
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(false),
            Err(error) => return Err(Failed::api("write a status")(error)),
        }
        let labels = [controller.name()];
        self.metrics.statuses.with_label_values(&labels).inc();
        Ok(true)
    }

    /// Counts failures one after the other, for their waits grow.
    fn failed(&self, controller: Controller, object: Key, class: Class) -> Duration {
        let mut all = self.failures();
        let count = all.entry((controller, object)).or_default();
        *count = count.saturating_add(1);
        class.wait(*count)
    }

    /// It succeeded, or is gone: nothing is remembered of it.
    fn forget(&self, controller: Controller, object: Key) {
        self.failures().remove(&(controller, object));
    }

    fn failures(&self) -> MutexGuard<'_, HashMap<(Controller, Key), u32>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One reconcile, counted.
async fn counted<R: Reconcile>(
    object: Arc<R::Object>,
    context: Arc<Context>,
) -> Result<Action, Failed> {
    let name = R::CONTROLLER.name();
    let active = context.metrics.runtime.active.with_label_values(&[name]);
    let queues = &context.metrics.runtime.queues;
    let timer = tokio::time::Instant::now();
    let key = Key::of(object.as_ref());
    queues.began(R::CONTROLLER, key.clone());
    active.inc();
    let result = R::reconcile(Arc::clone(&context), Arc::clone(&object)).await;
    active.dec();
    queues.ended(R::CONTROLLER, key.clone(), result.is_err());
    let outcome = match &result {
        Ok(None) => Outcome::Success,
        Ok(Some(_)) => Outcome::RequeueAfter,
        Err(_) => Outcome::Error,
    };
    let seconds = timer.elapsed().as_secs_f64();
    context.metrics.reconciled(R::CONTROLLER, outcome, seconds);
    let after = result?;
    context.forget(R::CONTROLLER, key);
    Ok(after.map_or_else(Action::await_change, Action::requeue))
}

fn on_error<R: Reconcile>(object: &R::Object, error: &Failed, context: &Context) -> Action {
    let class = error.class();
    let name = object.name_any();
    let namespace = object.namespace().unwrap_or_default();
    let controller = R::CONTROLLER.name();
    match class {
        // Somebody was first; what they wrote is on its way.
        Class::Conflict => {
            tracing::debug!(controller, namespace, name, %error, "a reconcile failed")
        }
        _ => {
            let class = class.name();
            tracing::warn!(controller, namespace, name, class, %error, "a reconcile failed");
        }
    }
    Action::requeue(context.failed(R::CONTROLLER, Key::of(object), class))
}

/// How one controller schedules.
fn schedule<R: Reconcile>(concurrency: u16) -> Config {
    Config::default()
        .debounce(R::DEBOUNCE)
        .concurrency(concurrency)
}

/// All objects of a store.
fn all<K>(store: &Store<K>) -> Vec<ObjectRef<K>>
where
    K: Resource<DynamicType = ()> + Clone,
    <K as kube::runtime::reflector::Lookup>::DynamicType: Eq + Hash + Clone,
{
    store
        .state()
        .iter()
        .map(|it| ObjectRef::from_obj(it.as_ref()))
        .collect()
}
