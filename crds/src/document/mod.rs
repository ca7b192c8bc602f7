//! Reads documents from files, strictly.
//!
//! A misspelt field in a policy is a hole, and a standalone run has no API server that would
//! refuse it. So a file is held to everything that an API server checks (unknown fields, types,
//! bounds, patterns, CEL rules, keys of lists) and to more: nothing is read that two readers of
//! YAML could understand differently, and nothing is there twice.
//!
//! What a cluster notes on an object (`status`, and in `metadata` such as `uid`) is passed over, so
//! that what `kubectl get -o yaml` prints reads as it is: it says nothing that could be enforced.
//!
//! All errors of all files are told at once, each with its file, document, field and position; a
//! document's rules are only asked once its fields are right. No error repeats a value of a Secret.

mod character;
mod check;
mod limit;
mod list;
mod metadata;
mod object;
mod scalar;
mod tree;

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};

use self::check::Problem;
pub use self::limit::{
    MAX_DEPTH, MAX_DOCUMENTS, MAX_ERRORS, MAX_FILE_BYTES, MAX_NODES, MAX_OBJECTS, MAX_TOTAL_BYTES,
};
use self::list::Part;
use self::object::Kinds;
pub use self::tree::Position;
use crate::lower::masking::Keys;
use crate::{ApprovalRequest, Connection, ConnectionClass, GuardrailPolicy, MaskingRule};

/// Everything that was read. Defaults are filled in as an API server would, a namespaced object
/// without a namespace is in `default`, and each has a UID made from its name and a generation
/// made from its content.
#[derive(Clone, Default, PartialEq)]
pub struct Documents {
    pub connections: Vec<Connection>,
    pub connection_classes: Vec<ConnectionClass>,
    pub guardrail_policies: Vec<GuardrailPolicy>,
    pub masking_rules: Vec<MaskingRule>,
    pub approval_requests: Vec<ApprovalRequest>,
    /// Values under `stringData` are moved to `data`.
    pub secrets: Vec<Secret>,
    pub config_maps: Vec<ConfigMap>,
    /// For their labels; see [`Documents::namespace_labels`].
    pub namespaces: Vec<Namespace>,
}

/// The label that every namespace has, with its name.
pub const NAMESPACE_NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// One thing that is wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentError {
    /// The file, as `Reader::add` was told.
    pub file: String,
    /// Which document of the file, counted from 1; 0 where the file as a whole is meant.
    pub document: usize,
    /// Path of the field, such as `spec.rules[0].action`; empty where the document is meant.
    pub field: String,
    pub position: Option<Position>,
    /// What is wrong, and what would be right.
    pub reason: String,
}

/// Where objects were read: kind, namespace (empty for what belongs to none) and name, to the file
/// and which document of it.
pub type Places = BTreeMap<(String, String, String), (String, usize)>;

/// Reads files one by one into one set of documents.
#[derive(Debug)]
pub struct Reader {
    kinds: Kinds,
    documents: Documents,
    seen: Places,
    errors: Vec<DocumentError>,
    /// Bytes of all files so far.
    bytes: usize,
    /// Errors beyond `MAX_ERRORS`, which are only counted.
    untold: usize,
}

/// Reads the text of one file.
pub fn read(text: &[u8]) -> Result<Documents, Vec<DocumentError>> {
    let mut reader = Reader::new();
    reader.add("", text);
    reader.finish()
}

// === impl Documents ===

impl Documents {
    /// The labels of a namespace, whether or not it is among the documents: those written, and its
    /// name, which a cluster sets whatever is written.
    pub fn namespace_labels(&self, namespace: &str) -> BTreeMap<String, String> {
        let written = self
            .namespaces
            .iter()
            .find(|written| written.metadata.name.as_deref() == Some(namespace))
            .and_then(|written| written.metadata.labels.clone());
        let mut labels = written.unwrap_or_default();
        labels.insert(NAMESPACE_NAME_LABEL.to_owned(), namespace.to_owned());
        labels
    }
}

impl Documents {
    /// All values of a Secret.
    pub fn secret(&self, namespace: &str, name: &str) -> Option<BTreeMap<&str, &[u8]>> {
        let mut secrets = self.secrets.iter();
        let secret = secrets.find(|secret| {
            let metadata = &secret.metadata;
            metadata.name.as_deref() == Some(name)
                && metadata.namespace.as_deref() == Some(namespace)
        })?;
        let values = secret.data.iter().flatten();
        Some(
            values
                .map(|(key, value)| (key.as_str(), value.0.as_slice()))
                .collect(),
        )
    }
}

impl Keys for Documents {
    fn key(&self, namespace: &str, name: &str, key: &str) -> Option<Vec<u8>> {
        let value = self.secret(namespace, name)?.get(key)?.to_vec();
        Some(value)
    }
}

impl fmt::Debug for Documents {
    /// Without the values of Secrets, for what is printed ends in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.secrets.iter().map(|secret| &secret.metadata.name);
        f.debug_struct("Documents")
            .field("connections", &self.connections)
            .field("connection_classes", &self.connection_classes)
            .field("guardrail_policies", &self.guardrail_policies)
            .field("masking_rules", &self.masking_rules)
            .field("approval_requests", &self.approval_requests)
            .field("secrets", &names.collect::<Vec<_>>())
            .field("config_maps", &self.config_maps)
            .field("namespaces", &self.namespaces)
            .finish()
    }
}

// === impl Reader ===

impl Reader {
    pub fn new() -> Self {
        Self {
            kinds: Kinds::new(),
            documents: Documents::default(),
            seen: BTreeMap::new(),
            errors: Vec::new(),
            bytes: 0,
            untold: 0,
        }
    }

    /// Reads one file. Its name is only for errors.
    pub fn add(&mut self, file: &str, text: &[u8]) {
        let Some(text) = self.text(file, text) else {
            return;
        };
        let (roots, errors) = tree::parse(text);
        for error in errors {
            self.refuse(
                file,
                error.document,
                String::new(),
                Some(error.position),
                error.reason,
            );
        }
        for root in roots {
            match self.kinds.parts(root.node) {
                Ok(parts) => parts
                    .into_iter()
                    .for_each(|part| self.object(file, root.number, part)),
                Err(problems) => self.refuse_all(file, root.number, "", problems),
            }
        }
    }

    fn object(&mut self, file: &str, document: usize, part: Part) {
        match self.kinds.read(part.node) {
            Ok(object) => self.keep(file, document, &part.place, object),
            Err(problems) => self.refuse_all(file, document, &part.place, problems),
        }
    }

    fn refuse_all(&mut self, file: &str, document: usize, place: &str, problems: Vec<Problem>) {
        for problem in problems {
            let field = list::path(place, &problem.field);
            self.refuse(file, document, field, problem.position, problem.reason);
        }
    }

    /// Where each object was read.
    pub fn places(&self) -> &Places {
        &self.seen
    }

    /// All that was read, or everything that is wrong with it.
    pub fn finish(self) -> Result<Documents, Vec<DocumentError>> {
        match self.finish_in_part() {
            (documents, errors) if errors.is_empty() => Ok(documents),
            (_, errors) => Err(errors),
        }
    }

    /// What could be read, and everything that is wrong with the rest. Nothing may be enforced by
    /// a part: it is to tell of what else is wrong.
    pub fn finish_in_part(mut self) -> (Documents, Vec<DocumentError>) {
        if self.untold > 0 {
            self.errors.push(DocumentError {
                file: String::new(),
                document: 0,
                field: String::new(),
                position: None,
                reason: format!("{} more errors are not listed", self.untold),
            });
        }
        (self.documents, self.errors)
    }

    fn text<'t>(&mut self, file: &str, text: &'t [u8]) -> Option<&'t str> {
        if text.len() > MAX_FILE_BYTES {
            let reason = format!(
                "the file has {} bytes; at most {MAX_FILE_BYTES} are read, so split it",
                text.len()
            );
            self.refuse(file, 0, String::new(), None, reason);
            return None;
        }
        self.bytes = self.bytes.saturating_add(text.len());
        if self.bytes > MAX_TOTAL_BYTES {
            let reason = format!(
                "with this file there are more than {MAX_TOTAL_BYTES} bytes; no more are read together"
            );
            self.refuse(file, 0, String::new(), None, reason);
            return None;
        }
        match std::str::from_utf8(text) {
            Ok(text) => {
                // A byte order mark says nothing that UTF-8 does not say itself.
                let text = text.strip_prefix('\u{feff}').unwrap_or(text);
                let Some((character, position)) = character::first_disputed(text) else {
                    return Some(text);
                };
                let reason = format!(
                    "the character U+{0:04X} is not taken, for readers and people see different \
                     things there; remove it, or write it as \"\\u{0:04X}\" in double quotes",
                    u32::from(character)
                );
                self.refuse(file, 0, String::new(), Some(position), reason);
                None
            }
            Err(error) => {
                let reason = format!(
                    "byte {} is not UTF-8; save the file as UTF-8",
                    error.valid_up_to()
                );
                self.refuse(file, 0, String::new(), None, reason);
                None
            }
        }
    }

    fn keep(&mut self, file: &str, document: usize, at: &str, object: object::Object) {
        let key = object.key();
        if let Some((other, number)) = self.seen.get(&key) {
            let place = if other == file {
                String::new()
            } else {
                format!(" of {other}")
            };
            let reason = format!(
                "{} is already written in document {number}{place}; write each object once",
                object.title()
            );
            self.refuse(
                file,
                document,
                list::path(at, "metadata.name"),
                Some(object.position),
                reason,
            );
            return;
        }
        if self.seen.len() >= MAX_OBJECTS {
            let reason = format!("there are more than {MAX_OBJECTS} objects; write fewer");
            self.refuse(file, document, at.to_owned(), Some(object.position), reason);
            return;
        }
        self.seen.insert(key, (file.to_owned(), document));
        object.kept(&mut self.documents);
    }

    fn refuse(
        &mut self,
        file: &str,
        document: usize,
        field: String,
        position: Option<Position>,
        reason: String,
    ) {
        if self.errors.len() >= MAX_ERRORS {
            self.untold += 1;
            return;
        }
        self.errors.push(DocumentError {
            file: file.to_owned(),
            document,
            field,
            position,
            reason,
        });
    }
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

// === impl DocumentError ===

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            write!(f, "{}: ", self.file)?;
        }
        if self.document > 0 {
            write!(f, "document {}: ", self.document)?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.reason)?;
        match self.position {
            Some(position) => write!(f, " ({position})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for DocumentError {}

#[cfg(test)]
mod tests;
