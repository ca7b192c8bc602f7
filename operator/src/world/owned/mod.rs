//! What the operator made and what it found: which objects a Connection owns, and which of them
//! stand as they were applied last.
//!
//! An object counts as standing while its fingerprint is that of the answer to its last apply. A
//! fingerprint leaves out what is not the operator's: of kinds with a generation, all but
//! generation, labels and owners. Another edit, or a deletion, voids it, and the next reconcile
//! applies anew. So a reconcile that finds nothing to do asks the API server nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use portcullis_crds::Connection;

use crate::desired::{Kind, name};
use crate::world::Key;

/// An object of a kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object {
    pub kind: Kind,
    pub key: Key,
}

/// What must be as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fingerprint {
    uid: Option<String>,
    /// Generation, or where the kind has none the version.
    spec: String,
    labels: BTreeMap<String, String>,
    owners: Vec<String>,
}

/// What was applied last.
#[derive(Debug, Clone)]
struct Applied {
    desired: [u8; 32],
    fingerprint: Fingerprint,
    version: u64,
}

/// An object that carries the operator's label.
#[derive(Debug, Clone, Default)]
struct Known {
    /// Its Connection by label, and the UID of who owns it.
    connection: Option<Key>,
    owner: Option<String>,
    uid: Option<String>,
}

/// What the operator made and what it found.
#[derive(Debug, Default)]
pub struct Owned {
    known: BTreeMap<Object, Known>,
    applied: HashMap<Object, Applied>,
    /// Kinds whose first list is complete.
    listed: BTreeSet<Kind>,
    watched: BTreeSet<Kind>,
}

// === impl Owned ===

impl Owned {
    /// A kind of which a first list is to be waited for.
    pub fn expect(&mut self, kind: Kind) {
        self.watched.insert(kind);
    }

    pub fn is_complete(&self) -> bool {
        self.listed == self.watched
    }

    /// An object was seen. Tells the Connection whose reconcile it sets off, where it is not as it
    /// was applied.
    pub fn saw(&mut self, kind: Kind, meta: &ObjectMeta) -> Option<Key> {
        let object = object(kind, meta);
        let connection = connection(meta);
        let known = Known {
            connection: connection.clone(),
            owner: owner(meta),
            uid: meta.uid.clone(),
        };
        let before = self.known.insert(object.clone(), known);
        let Some(applied) = self.applied.get(&object) else {
            return connection;
        };
        // An answer to an apply overtakes the watch.
        let stale = version(meta) < applied.version && meta.uid == applied.fingerprint.uid;
        if stale || applied.fingerprint == fingerprint(meta) {
            return None;
        }
        self.applied.remove(&object);
        connection.or(before.and_then(|before| before.connection))
    }

    /// An object is gone, or carries the label no more.
    pub fn gone(&mut self, kind: Kind, meta: &ObjectMeta) -> Option<Key> {
        self.forget(&object(kind, meta))
    }

    /// A whole list was read: what is not in it is gone.
    pub fn relisted(&mut self, kind: Kind, present: &BTreeSet<Key>) {
        self.listed.insert(kind);
        let known: Vec<Object> = self
            .known
            .keys()
            .filter(|it| it.kind == kind && !present.contains(&it.key))
            .cloned()
            .collect();
        for object in known {
            self.forget(&object);
        }
    }

    /// Whether an apply would change something, as far as is known.
    pub fn needs(&self, object: &Object, desired: &[u8; 32]) -> bool {
        let applied = self.applied.get(object);
        applied.is_none_or(|applied| applied.desired != *desired)
    }

    /// Whether the object is there and carries our label.
    pub fn knows(&self, object: &Object) -> bool {
        self.known.contains_key(object)
    }

    /// An apply was answered with this.
    pub fn record(&mut self, object: Object, desired: [u8; 32], meta: &ObjectMeta) {
        let known = Known {
            connection: connection(meta),
            owner: owner(meta),
            uid: meta.uid.clone(),
        };
        self.known.insert(object.clone(), known);
        let applied = Applied {
            desired,
            fingerprint: fingerprint(meta),
            version: version(meta),
        };
        self.applied.insert(object, applied);
    }

    /// Nothing is known of it any more.
    pub fn forget(&mut self, object: &Object) -> Option<Key> {
        self.applied.remove(object);
        self.known.remove(object)?.connection
    }

    /// What this very Connection owns, with the UIDs.
    pub fn of(&self, connection: &Connection) -> Vec<(Object, Option<String>)> {
        let key = Key::of(connection);
        let uid = &connection.metadata.uid;
        self.known
            .iter()
            .filter(|(_, known)| known.connection.as_ref() == Some(&key) && known.owner == *uid)
            .map(|(object, known)| (object.clone(), known.uid.clone()))
            .collect()
    }
}

/// The Connection that an object's label names.
pub fn connection(meta: &ObjectMeta) -> Option<Key> {
    let labels = meta.labels.as_ref()?;
    let name = labels.get(name::CONNECTION)?;
    Some(Key::new(meta.namespace.clone()?, name))
}

/// UID of the Connection that owns an object.
pub fn owner(meta: &ObjectMeta) -> Option<String> {
    let owners = meta.owner_references.iter().flatten();
    let mut controllers = owners.filter(|it| it.controller == Some(true));
    controllers.next().map(|it: &OwnerReference| it.uid.clone())
}

fn object(kind: Kind, meta: &ObjectMeta) -> Object {
    Object {
        kind,
        key: Key::new(
            meta.namespace.clone().unwrap_or_default(),
            meta.name.clone().unwrap_or_default(),
        ),
    }
}

fn fingerprint(meta: &ObjectMeta) -> Fingerprint {
    let owners = meta.owner_references.iter().flatten();
    Fingerprint {
        uid: meta.uid.clone(),
        spec: match meta.generation {
            Some(generation) if generation > 0 => generation.to_string(),
            _ => meta.resource_version.clone().unwrap_or_default(),
        },
        labels: meta.labels.clone().unwrap_or_default(),
        owners: owners.map(|owner| owner.uid.clone()).collect(),
    }
}

/// Versions of one kind count up.
fn version(meta: &ObjectMeta) -> u64 {
    let version = meta.resource_version.as_deref();
    version.and_then(|it| it.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
