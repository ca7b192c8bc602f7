//! The Connections that are served: listeners are started and stopped, targets replaced, as the
//! configuration says.
//!
//! A configuration is taken over whole or not at all: every port that it needs anew is taken
//! before anything else changes.

mod standing;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

pub use self::standing::{ClassInForce, Served, Standing};
use super::compile::{Class, Compiled, Configuration, Name, RecordingSettings};
use super::refusal::Refusal;
use crate::identity::Identities;
use crate::session::ports::{CurrentTarget, Door, House};

/// Where listeners come from.
pub trait Porter: Debug + Send + Sync {
    /// Takes a port; nobody is served on it yet. Dropping what it returns gives the port back.
    fn bind(&self, port: u16) -> Result<Box<dyn Bound>, String>;
}

/// A port that was taken.
pub trait Bound: Debug + Send {
    /// Serves clients until what it returns is dropped.
    fn serve(self: Box<Self>, door: Arc<Door>) -> Box<dyn Serving>;
}

/// A listener that runs. Dropping it stops it; sessions go on.
pub trait Serving: Debug + Send {}

/// All doors of the process.
#[derive(Debug)]
pub struct Doors {
    house: Arc<House>,
    porter: Arc<dyn Porter>,
    recording: RecordingSettings,
    open: Mutex<BTreeMap<Name, OpenDoor>>,
    standing: Arc<ArcSwap<Standing>>,
}

#[derive(Debug)]
struct OpenDoor {
    door: Arc<Door>,
    port: u16,
    serving: Box<dyn Serving>,
}

type Ports = BTreeMap<u16, Box<dyn Bound>>;

// === impl Doors ===

impl Doors {
    /// Nothing is served until a configuration is applied. `recording` is what the process records
    /// with; a configuration that asks for another is refused. Others read `standing`.
    pub fn new(
        house: Arc<House>,
        porter: Arc<dyn Porter>,
        recording: RecordingSettings,
        standing: Arc<ArcSwap<Standing>>,
    ) -> Self {
        Self {
            house,
            porter,
            recording,
            open: Mutex::default(),
            standing,
        }
    }

    /// Takes a configuration over, or says why not and leaves all as it is.
    pub fn apply(&self, configuration: Configuration) -> Result<(), Vec<Refusal>> {
        let mut open = self.open();
        let mut bound = self.check(&configuration, &open)?;
        let classes = self.classes(configuration.classes);
        let mut served = BTreeMap::new();
        let mut next = BTreeMap::new();
        for (name, compiled) in configuration.connections {
            let Some(class) = classes.get(&compiled.class) else {
                continue;
            };
            let identities = Arc::clone(&class.identities);
            let taken = bound.remove(&compiled.port);
            served.insert(
                name.clone(),
                Served {
                    protocol: compiled.protocol,
                    port: compiled.port,
                    class: compiled.class.clone(),
                },
            );
            let door = self.door(&name, &compiled, identities, open.remove(&name), taken);
            next.extend(door.map(|door| (name, door)));
        }
        let gone = std::mem::replace(&mut *open, next);
        self.standing.store(Arc::new(Standing {
            revision: configuration.revision,
            connections: served,
            refused: configuration.closed,
            classes,
            closed: configuration.for_one && open.is_empty(),
        }));
        gone.into_iter().for_each(|(name, door)| close(&name, door));
        Ok(())
    }

    /// An edit was refused: what is in force stays, and status says why.
    pub fn refuse(&self, refused: &[Refusal]) {
        self.standing.rcu(|standing| Standing {
            refused: refused.to_vec(),
            ..Standing::clone(standing)
        });
    }

    /// Whether a Connection can listen on this port, now.
    pub fn takes(&self, name: &Name, port: u16) -> Result<(), String> {
        let open = self.open();
        match open.get(name).is_some_and(|door| door.port == port) {
            true => Ok(()),
            false => self.bind(port, &open).map(drop),
        }
    }

    /// Stops listening; open sessions go on.
    pub fn stop_listening(&self) {
        for door in self.open().values_mut() {
            door.serving = Box::new(Stopped);
        }
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<Name, OpenDoor>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that could go wrong, before anything is changed.
    fn check(
        &self,
        configuration: &Configuration,
        open: &BTreeMap<Name, OpenDoor>,
    ) -> Result<Ports, Vec<Refusal>> {
        let mut refused = Vec::new();
        let mut bound = BTreeMap::new();
        if configuration.recording != self.recording {
            let reason = "store, spoolSize, encryptionKey and signingKeyRef hold for the life of \
                          the process; restart it, or write them as they were";
            let place = &configuration.recording_place;
            refused.push(place.refuse("spec.recording", reason));
        }
        for (name, compiled) in &configuration.connections {
            let before = open.get(name);
            if before.is_some_and(|before| before.door.protocol != compiled.protocol) {
                let reason = "protocol cannot change; make another Connection";
                refused.push(compiled.place.refuse("spec.protocol", reason));
            }
            if before.is_some_and(|before| before.port == compiled.port) {
                continue;
            }
            match self.bind(compiled.port, open) {
                Ok(taken) => {
                    bound.insert(compiled.port, taken);
                }
                Err(reason) => refused.push(compiled.place.refuse("spec.port", reason)),
            }
        }
        match refused.is_empty() {
            true => Ok(bound),
            false => Err(refused),
        }
    }

    fn bind(&self, port: u16, open: &BTreeMap<Name, OpenDoor>) -> Result<Box<dyn Bound>, String> {
        let holder = open.iter().find(|(_, door)| door.port == port);
        if let Some(((namespace, name), _)) = holder {
            return Err(format!(
                "port {port} is {namespace}/{name}'s until this edit; free it with an edit of its \
                 own first"
            ));
        }
        self.porter.bind(port)
    }

    /// Keys that were fetched for a class go on being used.
    fn classes(&self, classes: BTreeMap<String, Class>) -> BTreeMap<String, ClassInForce> {
        let standing = self.standing.load();
        let in_force = |(name, class): (String, Class)| {
            let previous = standing.classes.get(&name);
            let previous = previous.map(|previous| previous.identities.as_ref());
            let class = ClassInForce {
                identities: Arc::new(Identities::new(class.identity, previous)),
                admin_groups: class.admin_groups,
                deciders: class.deciders,
            };
            (name, class)
        };
        classes.into_iter().map(in_force).collect()
    }

    /// The door of a Connection, by what there is of it already.
    fn door(
        &self,
        name: &Name,
        compiled: &Compiled,
        identities: Arc<Identities>,
        before: Option<OpenDoor>,
        taken: Option<Box<dyn Bound>>,
    ) -> Option<OpenDoor> {
        let target = compiled.pieces.target(identities);
        let (namespace, connection) = (name.0.as_str(), name.1.as_str());
        let (door, serving) = match (before, taken) {
            (Some(before), None) => {
                before.door.target.store(target);
                (before.door, before.serving)
            }
            (Some(before), Some(taken)) => {
                before.door.target.store(target);
                tracing::info!(
                    namespace,
                    connection,
                    port = compiled.port,
                    "connection moved"
                );
                let serving = taken.serve(Arc::clone(&before.door));
                (before.door, serving)
            }
            (None, Some(taken)) => {
                let door = Arc::new(Door {
                    namespace: name.0.clone(),
                    name: name.1.clone(),
                    protocol: compiled.protocol,
                    target: CurrentTarget::new(target),
                    house: Arc::clone(&self.house),
                    closed: CancellationToken::new(),
                });
                tracing::info!(
                    namespace,
                    connection,
                    port = compiled.port,
                    "connection served"
                );
                let serving = taken.serve(Arc::clone(&door));
                (door, serving)
            }
            // `check` took a port for every Connection that had none.
            (None, None) => return None,
        };
        Some(OpenDoor {
            door,
            port: compiled.port,
            serving,
        })
    }
}

/// A listener that was stopped.
#[derive(Debug)]
struct Stopped;

impl Serving for Stopped {}

/// No new sessions first, and then the end of those that are open.
fn close(name: &Name, left: OpenDoor) {
    drop(left.serving);
    left.door.closed.cancel();
    tracing::info!(
        namespace = name.0,
        connection = name.1,
        "connection removed"
    );
}
