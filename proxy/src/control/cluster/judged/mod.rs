//! Per object the last good one: what is in force of what is seen.
//!
//! One object that cannot be enforced holds up no other's edits. An edit that cannot be keeps the
//! version before it; a policy of which there is no good version denies where it applies; what is
//! deleted is gone. A version is judged by what surrounds it now: a Connection that its class no
//! longer allows is not served, whatever it was before.

mod policies;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, ResourceExt};
use portcullis_crds::connection::{OnPolicyStale, StaleAction};
use portcullis_crds::lower::connection::LoweredConnection;
use portcullis_crds::lower::snapshot::{Lowered, Objects as Bearing, lower};
use portcullis_crds::lower::target::Target;
use portcullis_crds::lower::{FieldError, connection};
use portcullis_crds::{Connection, ConnectionClass, GuardrailPolicy, MaskingRule};
use portcullis_policy::rule::ObjectName;
use portcullis_policy::{Snapshot, SnapshotParts};
use serde::Serialize;

use super::world::{Found, Seen};
use crate::control::compile::{Class, Compiled, Name, RecordingSettings, lower_class, settings};
use crate::control::identity::Cluster;
use crate::control::objects::Objects;
use crate::control::refusal::{Place, Refusal};
use crate::control::target::Pieces;
use crate::session::ports::SessionBounds;
use policies::Policies;

/// The versions that were good when they were last judged.
#[derive(Debug, Default)]
pub struct LastGood {
    connection: BTreeMap<Name, Connection>,
    classes: BTreeMap<Name, ConnectionClass>,
    guardrails: BTreeMap<Name, GuardrailPolicy>,
    masks: BTreeMap<Name, MaskingRule>,
}

/// What objects are judged by, beside each other.
#[derive(Debug)]
pub struct Terms<'a> {
    pub objects: &'a Objects,
    pub cluster: &'a Cluster,
    /// How many replicas share the limits.
    pub replicas: u32,
    /// For how long something may have changed unseen.
    pub blind_for: Duration,
    /// Instead of the Connection's.
    pub port: Option<u16>,
}

/// What is in force.
#[derive(Debug)]
pub struct Judged {
    /// None: the Connection is not served.
    pub served: Option<Served>,
    /// Empty while nothing is served.
    pub revision: String,
    pub refused: Vec<Told>,
    /// The policies may be others by now, and are as if they denied.
    pub stale: bool,
    pub on_stale: OnPolicyStale,
}

/// The Connection as it is served.
#[derive(Debug)]
pub struct Served {
    pub name: Name,
    pub uid: String,
    pub compiled: Compiled,
    pub class_name: String,
    pub class: Class,
    pub recording: RecordingSettings,
}

/// One thing that is wrong with one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Told {
    pub kind: &'static str,
    pub namespace: String,
    pub name: String,
    pub field: String,
    pub reason: String,
}

/// Everything that is wrong, each object's once.
#[derive(Debug, Default)]
struct Refused(BTreeMap<(&'static str, Name), Vec<FieldError>>);

struct InForce {
    served: Served,
    revision: String,
    stale: bool,
    on_stale: OnPolicyStale,
}

/// A class, and what it means where it can be enforced.
struct Chosen {
    class: ConnectionClass,
    parts: (Class, RecordingSettings),
}

/// Judges all that is seen.
pub fn judge(seen: &Seen, good: &mut LastGood, terms: &Terms<'_>) -> Judged {
    let mut refused = Refused::default();
    let in_force = serve(seen, good, terms, &mut refused);
    let refused = refused.told();
    match in_force {
        Some(InForce {
            served,
            revision,
            stale,
            on_stale,
        }) => Judged {
            served: Some(served),
            revision,
            refused,
            stale,
            on_stale,
        },
        None => Judged {
            served: None,
            revision: String::new(),
            refused,
            stale: false,
            on_stale: OnPolicyStale::default(),
        },
    }
}

fn serve(
    seen: &Seen,
    good: &mut LastGood,
    terms: &Terms<'_>,
    refused: &mut Refused,
) -> Option<InForce> {
    let labels = namespace_labels(seen);
    let (object, lowered, chosen) = connection(seen, good, terms, (&labels, refused))?;
    let class = &chosen.class;
    let name = name_of(&object);
    let target = Target {
        namespace: &name.0,
        namespace_labels: &labels,
        name: &name.1,
        labels: object.labels(),
        protocol: object.spec.protocol,
    };
    let Policies {
        guardrails,
        masks,
        never_good,
    } = policies::choose(seen, good, (class, terms.objects), (&target, refused));
    let bearing = Bearing {
        connection: &object,
        class: Some(class),
        namespace_labels: &labels,
        guardrails: &guardrails,
        masks: &masks,
        replicas: terms.replicas,
    };
    let Lowered {
        mut parts,
        refused: not_lowered,
        ..
    } = lower(bearing, terms.objects);
    for it in not_lowered {
        refused.add(it.kind, (it.name.namespace, it.name.name), it.errors);
    }
    parts
        .policies
        .retain(|policy| !never_good.contains(&policy.name));
    parts.masks.retain(|mask| !never_good.contains(&mask.name));
    parts.broken.extend(never_good);
    // What stops everything is not put off by what else is wrong with its class.
    parts.lockdown |= locks_down(seen, &object);
    let on_stale = object.spec.on_policy_stale.clone();
    let after = Duration::from(on_stale.after);
    parts.stale = on_stale.action == StaleAction::Deny && terms.blind_for >= after;
    let (revision, stale) = (parts.revision.clone(), parts.stale);
    let compiled = compile(&object, &lowered, parts, (class, terms), refused)?;
    let (class_name, (class, recording)) = (object.spec.class_name.clone(), chosen.parts);
    let served = Served {
        uid: object.metadata.uid.clone().unwrap_or_default(),
        name,
        compiled,
        class_name,
        class,
        recording,
    };
    Some(InForce {
        served,
        revision,
        stale,
        on_stale,
    })
}

/// The Connection in its newest version that its class takes, with that class.
fn connection(
    seen: &Seen,
    good: &mut LastGood,
    terms: &Terms<'_>,
    (labels, refused): (&BTreeMap<String, String>, &mut Refused),
) -> Option<(Connection, LoweredConnection, Chosen)> {
    let current = |name: &Name| seen.connection.objects.get(name).map(Found::metadata);
    retain(current, &mut good.connection);
    let (name, found) = seen.connection.objects.iter().next()?;
    let last = good.connection.get(name).cloned();
    let newest = match found {
        Found::Readable(object) => Some(object.clone()),
        Found::Unreadable { error, .. } => {
            refused.add("Connection", name.clone(), unreadable(error));
            None
        }
    };
    for object in [newest, last].into_iter().flatten() {
        let class_name = &object.spec.class_name;
        let Some(chosen) = class(seen, good, terms, (class_name, refused)) else {
            let field = "spec.className".to_owned();
            let reason = format!("there is no ConnectionClass {class_name} that can be used");
            refused.add(
                "Connection",
                name.clone(),
                vec![FieldError { field, reason }],
            );
            continue;
        };
        let lowered = connection::lower(&object, &chosen.class, labels).and_then(|lowered| {
            reaches(&object, &lowered, (&chosen.class, terms.objects))?;
            Ok(lowered)
        });
        match lowered {
            Ok(lowered) => {
                good.connection.insert(name.clone(), object.clone());
                return Some((object, lowered, chosen));
            }
            Err(errors) => refused.add("Connection", name.clone(), errors),
        }
    }
    None
}

/// The class of this name in its newest version that can be enforced.
fn class(
    seen: &Seen,
    good: &mut LastGood,
    terms: &Terms<'_>,
    (name, refused): (&str, &mut Refused),
) -> Option<Chosen> {
    let current = |name: &Name| seen.classes.objects.get(name).map(Found::metadata);
    retain(current, &mut good.classes);
    let name = (String::new(), name.to_owned());
    let last = good.classes.get(&name).cloned();
    let newest = match seen.classes.objects.get(&name)? {
        Found::Readable(class) => Some(class.clone()),
        Found::Unreadable { error, .. } => {
            refused.add("ConnectionClass", name.clone(), unreadable(error));
            None
        }
    };
    for class in [newest, last].into_iter().flatten() {
        let lowered = lower_class(&class, terms.objects, Some(terms.cluster));
        let recording = settings(&class.spec.recording, terms.objects);
        match (lowered, recording) {
            (Ok(lowered), Ok(recording)) => {
                good.classes.insert(name, class.clone());
                let parts = (lowered, recording);
                return Some(Chosen { class, parts });
            }
            (lowered, recording) => {
                let errors = lowered.err().into_iter().chain(recording.err());
                refused.add("ConnectionClass", name.clone(), errors.flatten().collect());
            }
        }
    }
    None
}

fn compile(
    object: &Connection,
    lowered: &LoweredConnection,
    parts: SnapshotParts,
    (class, terms): (&ConnectionClass, &Terms<'_>),
    refused: &mut Refused,
) -> Option<Compiled> {
    let name = name_of(object);
    let place = || Place {
        file: format!("Connection {}/{}", name.0, name.1),
        document: 0,
    };
    // Together they may be too much where each is not. Nobody's edit is held up by that: all is
    // denied until it is less.
    let none = SnapshotParts {
        revision: parts.revision.clone(),
        connection: parts.connection.clone(),
        broken: vec![ObjectName::new(&name.0, &name.1)],
        replicas: parts.replicas,
        ..SnapshotParts::default()
    };
    for parts in [parts, none] {
        match Compiled::new(
            object,
            lowered,
            parts,
            Some(class),
            (terms.objects, place()),
        ) {
            Ok(mut compiled) => {
                compiled.port = terms.port.unwrap_or(compiled.port);
                share(&mut compiled.pieces.sessions, terms.replicas);
                if let Some(lacks) = compiled.lacks() {
                    let Refusal { field, reason, .. } = lacks;
                    refused.add(
                        "Connection",
                        name.clone(),
                        vec![FieldError { field, reason }],
                    );
                }
                return Some(compiled);
            }
            Err(errors) => refused.add("Connection", name.clone(), errors),
        }
    }
    None
}

/// Each replica has its part, and at least one.
fn share(bounds: &mut SessionBounds, replicas: u32) {
    let part = |max: u64| (max / u64::from(replicas.max(1))).max(1);
    bounds.max_concurrent = bounds.max_concurrent.map(part);
}

/// Whether all that the Connection names beside policies is there.
fn reaches(
    object: &Connection,
    lowered: &LoweredConnection,
    (class, objects): (&ConnectionClass, &Objects),
) -> Result<(), Vec<FieldError>> {
    let Ok(nothing) = Snapshot::compile(empty()) else {
        return Ok(());
    };
    let pieces = Pieces::new(object, lowered, Some(class), Arc::new(nothing), objects);
    pieces.map(drop).map_err(|error| vec![error])
}

fn empty() -> SnapshotParts {
    SnapshotParts {
        replicas: 1,
        ..SnapshotParts::default()
    }
}

fn locks_down(seen: &Seen, object: &Connection) -> bool {
    let name = (String::new(), object.spec.class_name.clone());
    let class = seen.classes.objects.get(&name);
    matches!(class, Some(Found::Readable(class)) if class.spec.lockdown)
}

fn namespace_labels(seen: &Seen) -> BTreeMap<String, String> {
    let namespace = seen.namespaces.objects.values().next();
    let labels = namespace.and_then(|found| found.metadata().labels.clone());
    labels.unwrap_or_default()
}

/// Forgets what is gone, or was made anew under the name.
fn retain<'f, K: Resource>(
    current: impl Fn(&Name) -> Option<&'f ObjectMeta>,
    good: &mut BTreeMap<Name, K>,
) {
    good.retain(|name, last| current(name).is_some_and(|current| current.uid == last.meta().uid));
}

fn same<K: Resource>(one: &K, other: &K) -> bool {
    let (one, other) = (one.meta(), other.meta());
    one.uid == other.uid && one.generation == other.generation
}

fn name_of(object: &impl Resource) -> Name {
    let metadata = object.meta();
    (
        metadata.namespace.clone().unwrap_or_default(),
        metadata.name.clone().unwrap_or_default(),
    )
}

fn unreadable(error: &str) -> Vec<FieldError> {
    vec![FieldError {
        field: String::new(),
        reason: format!("cannot be read: {error}"),
    }]
}

// === impl Refused ===

impl Refused {
    /// What was told of an object first is kept: it speaks of its newest version.
    fn add(&mut self, kind: &'static str, name: Name, errors: Vec<FieldError>) {
        self.0.entry((kind, name)).or_insert(errors);
    }

    fn told(self) -> Vec<Told> {
        let objects = self.0.into_iter();
        objects
            .flat_map(|((kind, (namespace, name)), errors)| {
                errors.into_iter().map(move |error| Told {
                    kind,
                    namespace: namespace.clone(),
                    name: name.clone(),
                    field: error.field,
                    reason: error.reason,
                })
            })
            .collect()
    }
}

impl From<&Told> for Refusal {
    fn from(told: &Told) -> Self {
        let name = match told.namespace.as_str() {
            "" => told.name.clone(),
            namespace => format!("{namespace}/{}", told.name),
        };
        Self {
            file: format!("{} {name}", told.kind),
            document: 0,
            field: told.field.clone(),
            reason: told.reason.clone(),
        }
    }
}
