//! Why something in the documents is not in force, and where it is written.

use std::fmt;

use portcullis_crds::document::DocumentError;
use portcullis_crds::lower::FieldError;
use serde::Serialize;

/// One thing that is wrong with the documents.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Refusal {
    pub file: String,
    /// Which document of the file, counted from 1; 0 where the file as a whole is meant.
    pub document: usize,
    /// Path of the field; empty where the document is meant.
    pub field: String,
    pub reason: String,
}

/// Where an object is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    pub file: String,
    pub document: usize,
}

// === impl Refusal ===

impl Refusal {
    /// Of a file or directory as a whole.
    pub fn of_file(file: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self {
            file: file.into(),
            document: 0,
            field: String::new(),
            reason: reason.to_string(),
        }
    }
}

impl fmt::Display for Refusal {
    /// `file: document: field: reason`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if self.document > 0 {
            write!(f, "document {}: ", self.document)?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.reason)
    }
}

impl From<DocumentError> for Refusal {
    fn from(error: DocumentError) -> Self {
        let reason = match error.position {
            Some(position) => format!("{} ({position})", error.reason),
            None => error.reason,
        };
        Self {
            file: error.file,
            document: error.document,
            field: error.field,
            reason,
        }
    }
}

// === impl Place ===

impl Place {
    pub fn refuse(&self, field: impl Into<String>, reason: impl fmt::Display) -> Refusal {
        Refusal {
            file: self.file.clone(),
            document: self.document,
            field: field.into(),
            reason: reason.to_string(),
        }
    }

    pub fn refuse_all(&self, errors: Vec<FieldError>) -> impl Iterator<Item = Refusal> {
        errors
            .into_iter()
            .map(|error| self.refuse(error.field, error.reason))
    }
}
