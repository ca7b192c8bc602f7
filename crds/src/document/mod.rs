//! Reads documents from files, strictly.
//!
//! A misspelt field in a policy is a hole, and a standalone run has no API server that would
//! refuse it. So a file is held to everything that an API server checks (unknown fields, types,
//! bounds, patterns, CEL rules, keys of lists) and to more: nothing is read that two readers of
//! YAML could understand differently, and nothing is there twice.
//!
//! All errors of all files are told at once, each with its file, document, field and position; a
//! document's rules are only asked once its fields are right. No error repeats a value of a Secret.

mod check;
mod limit;
mod metadata;
mod object;
mod scalar;
mod tree;

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};

pub use self::limit::{
    MAX_DEPTH, MAX_DOCUMENTS, MAX_ERRORS, MAX_FILE_BYTES, MAX_NODES, MAX_OBJECTS,
};
use self::object::Kinds;
pub use self::tree::Position;
use crate::{ApprovalRequest, Connection, ConnectionClass, GuardrailPolicy, MaskingRule};

/// Everything that was read. Defaults are filled in as an API server would, a namespaced object
/// without a namespace is in `default`, and each has a UID made from its name and a generation
/// made from its content.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Documents {
    pub connections: Vec<Connection>,
    pub connection_classes: Vec<ConnectionClass>,
    pub guardrail_policies: Vec<GuardrailPolicy>,
    pub masking_rules: Vec<MaskingRule>,
    pub approval_requests: Vec<ApprovalRequest>,
    /// Values under `stringData` are moved to `data`.
    pub secrets: Vec<Secret>,
    pub config_maps: Vec<ConfigMap>,
}

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

/// Reads files one by one into one set of documents.
#[derive(Debug)]
pub struct Reader {
    kinds: Kinds,
    documents: Documents,
    /// Where each object was read: kind, namespace, name.
    seen: BTreeMap<(String, String, String), (String, usize)>,
    errors: Vec<DocumentError>,
    /// Errors beyond `MAX_ERRORS`, which are only counted.
    untold: usize,
}

/// Reads the text of one file.
pub fn read(text: &[u8]) -> Result<Documents, Vec<DocumentError>> {
    let mut reader = Reader::new();
    reader.add("", text);
    reader.finish()
}

// === impl Reader ===

impl Reader {
    pub fn new() -> Self {
        Self {
            kinds: Kinds::new(),
            documents: Documents::default(),
            seen: BTreeMap::new(),
            errors: Vec::new(),
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
            let number = root.number;
            match self.kinds.read(&root.node) {
                Ok(object) => self.keep(file, number, object),
                Err(problems) => {
                    for problem in problems {
                        self.refuse(
                            file,
                            number,
                            problem.field,
                            problem.position,
                            problem.reason,
                        );
                    }
                }
            }
        }
    }

    /// All that was read, or everything that is wrong with it.
    pub fn finish(mut self) -> Result<Documents, Vec<DocumentError>> {
        if self.errors.is_empty() {
            return Ok(self.documents);
        }
        if self.untold > 0 {
            self.errors.push(DocumentError {
                file: String::new(),
                document: 0,
                field: String::new(),
                position: None,
                reason: format!("{} more errors are not listed", self.untold),
            });
        }
        Err(self.errors)
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
        match std::str::from_utf8(text) {
            // A byte order mark says nothing that UTF-8 does not say itself.
            Ok(text) => Some(text.strip_prefix('\u{feff}').unwrap_or(text)),
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

    fn keep(&mut self, file: &str, document: usize, object: object::Object) {
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
                "metadata.name".to_owned(),
                Some(object.position),
                reason,
            );
            return;
        }
        if self.seen.len() >= MAX_OBJECTS {
            let reason = format!("there are more than {MAX_OBJECTS} objects; write fewer");
            self.refuse(file, document, String::new(), Some(object.position), reason);
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
