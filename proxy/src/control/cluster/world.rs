//! What the API server shows: objects by kind, those that cannot be read among them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::DeserializeGuard;
use portcullis_crds::{Connection, ConnectionClass, GuardrailPolicy, MaskingRule};
use tokio::sync::Notify;

use super::follow::Change;
use crate::control::compile::Name;
use crate::control::identity::AccountIssuer;

/// All that bears on one Connection. Clones are one.
#[derive(Debug, Clone, Default)]
pub struct World {
    seen: Arc<Mutex<Seen>>,
    changed: Arc<Notify>,
}

/// What is seen at one moment.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub connection: Shelf<Connection>,
    pub classes: Shelf<ConnectionClass>,
    pub namespaces: Shelf<Namespace>,
    /// Of the Connection's own namespace.
    pub guardrails: Shelf<GuardrailPolicy>,
    pub masks: Shelf<MaskingRule>,
    /// Of the platform's, where that is another.
    pub platform_guardrails: Shelf<GuardrailPolicy>,
    pub platform_masks: Shelf<MaskingRule>,
    pub endpoints: Shelf<EndpointSlice>,
    /// Who issues the tokens of service accounts; none until that is known.
    pub issuer: Option<AccountIssuer>,
}

/// The objects of one kind.
#[derive(Debug, Clone)]
pub struct Shelf<K> {
    /// False until all of them have been listed once.
    pub listed: bool,
    pub objects: BTreeMap<Name, Found<K>>,
}

/// An object, or what is left of one that cannot be read.
#[derive(Debug, Clone)]
pub enum Found<K> {
    Readable(K),
    Unreadable {
        metadata: Box<ObjectMeta>,
        error: String,
    },
}

// === impl World ===

impl World {
    /// Everything that is seen now, once all of it has been listed.
    pub fn look(&self) -> Option<Seen> {
        let seen = self.lock();
        seen.is_complete().then(|| seen.clone())
    }

    /// Waits for the next change. One that came before is not missed.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Changes what is seen, and says whether that is worth judging anew.
    pub fn change(&self, change: impl FnOnce(&mut Seen) -> bool) {
        if change(&mut self.lock()) {
            self.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Seen ===

impl Seen {
    fn is_complete(&self) -> bool {
        self.connection.listed
            && self.classes.listed
            && self.namespaces.listed
            && self.guardrails.listed
            && self.masks.listed
            && self.platform_guardrails.listed
            && self.platform_masks.listed
            && self.endpoints.listed
    }
}

// === impl Shelf ===

impl<K> Shelf<K> {
    /// A shelf that nothing will ever be put on.
    pub fn never() -> Self {
        Self {
            listed: true,
            objects: BTreeMap::new(),
        }
    }
}

impl<K: Resource + Clone> Shelf<K> {
    /// Puts a change on the shelf. False where it is of a status alone, which the operator writes
    /// often and nobody is judged by.
    pub fn apply(&mut self, change: Change<K>) -> bool {
        match change {
            Change::All(objects) => {
                self.objects = objects.into_iter().map(named).collect();
                self.listed = true;
                true
            }
            Change::Put(object) => {
                let (name, found) = named(object);
                let before = self.objects.get(&name);
                let same = before.is_some_and(|before| before.says_what(&found));
                self.objects.insert(name, found);
                !same
            }
            Change::Gone(object) => self.objects.remove(&named(object).0).is_some(),
        }
    }
}

impl<K> Default for Shelf<K> {
    fn default() -> Self {
        Self {
            listed: false,
            objects: BTreeMap::new(),
        }
    }
}

// === impl Found ===

impl<K: Resource> Found<K> {
    pub fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Readable(object) => object.meta(),
            Self::Unreadable { metadata, .. } => metadata,
        }
    }

    /// Whether another version of it differs in nothing but its status. Labels are no part of what a
    /// generation counts.
    fn says_what(&self, other: &Self) -> bool {
        let (this, other) = (self.metadata(), other.metadata());
        this.generation.is_some()
            && (&this.uid, this.generation, &this.labels)
                == (&other.uid, other.generation, &other.labels)
    }
}

fn named<K: Resource>(object: DeserializeGuard<K>) -> (Name, Found<K>) {
    let found = match object.0 {
        Ok(mut object) => {
            object.meta_mut().managed_fields = None;
            Found::Readable(object)
        }
        Err(invalid) => Found::Unreadable {
            metadata: Box::new(invalid.metadata),
            error: invalid.error,
        },
    };
    let metadata = found.metadata();
    let name = (
        metadata.namespace.clone().unwrap_or_default(),
        metadata.name.clone().unwrap_or_default(),
    );
    (name, found)
}
