//! A set of files, compiled whole or refused whole.
//!
//! Every error is told, each at its file, document and field. What is wrong with one Secret closes
//! the Connection that names it and is told, but holds up nothing else: credentials are rotated by
//! other hands than policies.

mod classes;
mod recording;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_crds::connection::Connection;
use portcullis_crds::connection_class::ConnectionClass;
use portcullis_crds::document::{Documents, Places, Reader};
use portcullis_crds::lower::FieldError;
use portcullis_crds::lower::advice::advice;
use portcullis_crds::lower::connection::LoweredConnection;
use portcullis_crds::lower::documents::{self, lower_all};
use portcullis_crds::lower::snapshot::{Lowered, Refused};
use portcullis_crds::revision::{Versioned, revision};
use portcullis_policy::{Snapshot, SnapshotParts};

pub use self::classes::{Class, Deciders, lower_class};
pub use self::recording::{RecordingSettings, StoreSettings, settings};
use super::objects::Objects;
use super::refusal::{Place, Refusal};
use super::target::Pieces;

/// Namespace and name of a Connection.
pub type Name = (String, String);

/// All that the documents say.
#[derive(Debug, Default)]
pub struct Configuration {
    /// Over all objects but Secrets: it is shown to whoever asks, and must not help to guess them.
    pub revision: String,
    pub connections: BTreeMap<Name, Compiled>,
    /// All that are written, and the default one where a Connection takes it for granted.
    pub classes: BTreeMap<String, Class>,
    pub recording: RecordingSettings,
    /// The class that says so.
    pub recording_place: Place,
    /// Connections that are closed for want of a credential, and why.
    pub closed: Vec<Refusal>,
    /// What is allowed and probably not meant.
    pub advice: Vec<String>,
    /// The process is there for one Connection, and not ready while that is not served.
    pub for_one: bool,
}

/// One Connection, ready to be served.
#[derive(Debug)]
pub struct Compiled {
    pub protocol: &'static str,
    /// Where it listens.
    pub port: u16,
    pub class: String,
    pub pieces: Pieces,
    pub place: Place,
}

/// Compiles files, each with its name.
pub fn compile(files: &[(String, Vec<u8>)]) -> Result<Configuration, Vec<Refusal>> {
    let mut reader = Reader::new();
    for (name, content) in files {
        reader.add(name, content);
    }
    let places = reader.places().clone();
    match reader.finish() {
        Ok(documents) => Compiling::new(documents, places).finish(),
        Err(errors) => Err(errors.into_iter().map(Refusal::from).collect()),
    }
}

/// What has been compiled so far.
#[derive(Debug)]
struct Compiling {
    documents: Documents,
    places: Places,
    objects: Objects,
    revision: String,
    /// Sorted, and each once: a policy is judged anew for each Connection that it binds.
    refused: BTreeSet<Refusal>,
    closed: Vec<Refusal>,
    advice: Vec<String>,
}

// === impl Compiled ===

impl Compiled {
    /// A Connection that was lowered, with all that it refers to.
    pub fn new(
        object: &Connection,
        lowered: &LoweredConnection,
        parts: SnapshotParts,
        class: Option<&ConnectionClass>,
        (objects, place): (&Objects, Place),
    ) -> Result<Self, Vec<FieldError>> {
        let snapshot = Snapshot::compile(parts).map_err(|errors| {
            let whole = |reason: String| FieldError {
                field: String::new(),
                reason,
            };
            let errors = errors.into_iter().map(|error| whole(error.to_string()));
            errors.collect::<Vec<_>>()
        })?;
        let pieces = Pieces::new(object, lowered, class, Arc::new(snapshot), objects);
        Ok(Self {
            protocol: object.spec.protocol.name(),
            port: lowered.port,
            class: object.spec.class_name.clone(),
            pieces: pieces.map_err(|error| vec![error])?,
            place,
        })
    }

    /// What it is closed for want of.
    pub fn lacks(&self) -> Option<Refusal> {
        let reason = self.pieces.credential.as_ref().err()?;
        Some(self.place.refuse("spec.credentials.secretRef", reason))
    }
}

// === impl Compiling ===

impl Compiling {
    fn new(mut documents: Documents, places: Places) -> Self {
        let revision = revision_of(&documents);
        let secrets = std::mem::take(&mut documents.secrets);
        let objects = Objects::new(secrets, documents.config_maps.clone());
        Self {
            documents,
            places,
            objects,
            revision,
            refused: BTreeSet::new(),
            closed: Vec::new(),
            advice: Vec::new(),
        }
    }

    fn finish(mut self) -> Result<Configuration, Vec<Refusal>> {
        self.check();
        let used: BTreeSet<String> = self
            .documents
            .connections
            .iter()
            .map(|connection| connection.spec.class_name.clone())
            .collect();
        let specs = documents::classes(&self.documents);
        let classes = self.classes(&specs);
        let (recording, recording_place) = self.recording(&used, &specs);
        let connections = self.connections(&specs);
        if !self.refused.is_empty() {
            return Err(self.refused.into_iter().collect());
        }
        Ok(Configuration {
            revision: self.revision,
            connections,
            classes,
            recording,
            recording_place,
            closed: self.closed,
            advice: self.advice,
            for_one: false,
        })
    }

    fn check(&mut self) {
        for refused in documents::check(&self.documents, &self.objects) {
            self.refuse_object(refused);
        }
        self.advice = advice(&self.documents);
    }

    fn connections(
        &mut self,
        specs: &BTreeMap<String, ConnectionClass>,
    ) -> BTreeMap<Name, Compiled> {
        let documents = std::mem::take(&mut self.documents);
        let mut connections = BTreeMap::new();
        for document in lower_all(&documents, specs, 1, &self.objects) {
            let (object, class) = (document.connection, document.class);
            let Lowered {
                parts,
                connection,
                refused,
            } = document.lowered;
            for refused in refused {
                self.refuse_object(refused);
            }
            let Some(lowered) = connection.filter(|_| parts.broken.is_empty()) else {
                continue;
            };
            if let Some(compiled) = self.compiled(object, &lowered, parts, class) {
                connections.insert(name_of(&object.metadata), compiled);
            }
        }
        connections
    }

    fn compiled(
        &mut self,
        object: &Connection,
        lowered: &LoweredConnection,
        parts: SnapshotParts,
        class: Option<&ConnectionClass>,
    ) -> Option<Compiled> {
        let name = name_of(&object.metadata);
        let place = self.place("Connection", &name);
        match Compiled::new(object, lowered, parts, class, (&self.objects, place)) {
            Ok(compiled) => {
                self.closed.extend(compiled.lacks());
                Some(compiled)
            }
            Err(errors) => {
                self.refuse("Connection", &name, errors);
                None
            }
        }
    }

    fn place(&self, kind: &str, name: &Name) -> Place {
        let key = (kind.to_owned(), name.0.clone(), name.1.clone());
        let (file, document) = self.places.get(&key).cloned().unwrap_or_default();
        Place { file, document }
    }

    fn refuse_object(&mut self, refused: Refused) {
        let name = (refused.name.namespace, refused.name.name);
        self.refuse(refused.kind, &name, refused.errors);
    }

    fn refuse(&mut self, kind: &str, name: &Name, errors: Vec<FieldError>) {
        let place = self.place(kind, name);
        self.refused.extend(place.refuse_all(errors));
    }

    fn refuse_at(&mut self, kind: &str, name: &Name, field: &str, reason: &str) {
        let place = self.place(kind, name);
        self.refused.insert(place.refuse(field, reason));
    }
}

fn name_of(metadata: &ObjectMeta) -> Name {
    (
        metadata.namespace.clone().unwrap_or_default(),
        metadata.name.clone().unwrap_or_default(),
    )
}

fn revision_of(documents: &Documents) -> String {
    let mut seen = Vec::new();
    let mut see = |kind: &str, metadata: &ObjectMeta| {
        seen.push(Versioned {
            kind: kind.to_owned(),
            uid: metadata.uid.clone().unwrap_or_default(),
            generation: metadata.generation.unwrap_or_default(),
        });
    };
    for it in &documents.connections {
        see("Connection", &it.metadata);
    }
    for it in &documents.connection_classes {
        see("ConnectionClass", &it.metadata);
    }
    for it in &documents.guardrail_policies {
        see("GuardrailPolicy", &it.metadata);
    }
    for it in &documents.masking_rules {
        see("MaskingRule", &it.metadata);
    }
    for it in &documents.config_maps {
        see("ConfigMap", &it.metadata);
    }
    for it in &documents.namespaces {
        see("Namespace", &it.metadata);
    }
    revision(seen)
}
