//! `portcullis validate`: every error of a directory, or what it amounts to.
//!
//! Where a document cannot be read, what the others mean is judged without it: an error that
//! something is missing may be due to that, and the answer says so.

use std::collections::BTreeSet;
use std::process::ExitCode;

use portcullis_crds::document::{DocumentError, Documents, Places};
use portcullis_crds::lower::advice::advice;
use portcullis_crds::lower::documents::{LoweredDocument, check, classes, lower_all};
use portcullis_crds::lower::snapshot::Refused;
use portcullis_crds::lower::{FieldError, credential};
use portcullis_policy::Snapshot;
use serde_json::{Value, json};

use crate::args::Validate;
use crate::documents::read;
use crate::output::{Tone, for_machines, say, table, tinted};
use crate::{Done, Failed};

/// One thing that is wrong.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Wrong {
    file: String,
    /// Counted from 1; 0 where the file as a whole is meant.
    document: usize,
    field: String,
    reason: String,
}

/// What is told of a directory.
#[derive(Debug, Default)]
struct Told {
    /// Each once: a policy is judged anew for each Connection that it binds.
    wrong: BTreeSet<Wrong>,
    /// With these a Connection stays closed, and all others open.
    closed: BTreeSet<Wrong>,
    advice: Vec<String>,
    connections: Vec<Value>,
    /// A document cannot be read: the others were judged without it.
    unread: bool,
}

pub(crate) fn run(args: &Validate) -> Done {
    let judged = read(&args.directory)?;
    let mut told = Told::of(&judged.documents, &judged.places);
    if !judged.errors.is_empty() {
        told.in_part(judged.errors);
    }
    if !for_machines(args.output, &told.json())? {
        told.print()?;
    }
    Ok(ExitCode::from(u8::from(!told.wrong.is_empty())))
}

// === impl Told ===

impl Told {
    fn of(documents: &Documents, places: &Places) -> Self {
        let mut told = Self {
            advice: advice(documents),
            ..Self::default()
        };
        if documents.connections.is_empty() {
            let advice = "there is no Connection, so nothing is served";
            told.advice.push(advice.to_owned());
        }
        for refused in check(documents, documents) {
            told.refuse(places, refused);
        }
        let classes = classes(documents);
        for document in lower_all(documents, &classes, 1, documents) {
            told.connection(documents, places, document);
        }
        told
    }

    /// What stays closed, and what is worth a warning, is not known of a part.
    fn in_part(&mut self, errors: Vec<DocumentError>) {
        self.wrong.extend(errors.into_iter().map(Wrong::from));
        self.closed.clear();
        self.advice.clear();
        self.unread = true;
    }

    fn connection(
        &mut self,
        documents: &Documents,
        places: &Places,
        document: LoweredDocument<'_>,
    ) {
        let name = document.name();
        let (object, lowered) = (document.connection, document.lowered);
        let (policies, masks) = (lowered.parts.policies.len(), lowered.parts.masks.len());
        self.connections.push(json!({
            "namespace": name.namespace, "name": name.name,
            "protocol": object.spec.protocol.name(),
            "policies": policies, "masks": masks, "revision": lowered.parts.revision,
        }));
        let at = |field: &str, reason: String| Refused {
            kind: "Connection",
            name: name.clone(),
            errors: vec![FieldError {
                field: field.to_owned(),
                reason,
            }],
        };
        if let Some(connection) = &lowered.connection {
            let secret = |namespace: &str, name: &str| documents.secret(namespace, name);
            if let Err(reason) = credential::find(object, connection, secret) {
                let closed = at("spec.credentials.secretRef", reason);
                self.closed.extend(wrong(places, closed));
            }
        }
        let compiles = lowered.parts.broken.is_empty();
        for refused in lowered.refused {
            self.refuse(places, refused);
        }
        if !compiles {
            return;
        }
        for error in Snapshot::compile(lowered.parts).err().into_iter().flatten() {
            self.refuse(places, at("", error.to_string()));
        }
    }

    fn refuse(&mut self, places: &Places, refused: Refused) {
        self.wrong.extend(wrong(places, refused));
    }

    fn json(&self) -> Value {
        json!({
            "valid": self.wrong.is_empty(),
            "judgedInPart": self.unread,
            "errors": self.wrong.iter().map(Wrong::json).collect::<Vec<_>>(),
            "closed": self.closed.iter().map(Wrong::json).collect::<Vec<_>>(),
            "warnings": self.advice,
            "connections": self.connections,
        })
    }

    fn print(&self) -> Result<(), Failed> {
        if self.wrong.is_empty() {
            table(
                &["NAMESPACE", "CONNECTION", "PROTOCOL", "POLICIES", "MASKS"],
                &self.connections.iter().map(row).collect::<Vec<_>>(),
            )?;
        }
        say(self.wrong.iter().map(Wrong::line))?;
        let warning = tinted(Tone::Waiting, "warning:");
        let closed = self.closed.iter();
        say(closed.map(|one| format!("{warning} it stays closed: {}", one.line())))?;
        say(self.advice.iter().map(|one| format!("{warning} {one}")))?;
        if self.wrong.is_empty() {
            return say([tinted(Tone::Good, "valid")]);
        }
        if self.unread {
            say([
                "judged without what cannot be read: what is said to be missing may stand there"
                    .to_owned(),
            ])?;
        }
        let errors = if self.wrong.len() == 1 {
            "error"
        } else {
            "errors"
        };
        say([tinted(Tone::Bad, &format!("{} {errors}", self.wrong.len()))])
    }
}

// === impl Wrong ===

impl Wrong {
    /// `file: document N: field: reason`, as the proxy tells it.
    fn line(&self) -> String {
        let mut place = self.file.clone();
        if self.document > 0 {
            place = format!("{place}: document {}", self.document);
        }
        if !self.field.is_empty() {
            place = format!("{place}: {}", self.field);
        }
        format!("{}: {}", tinted(Tone::Bold, &place), self.reason)
    }

    fn json(&self) -> Value {
        json!({"file": self.file, "document": self.document, "field": self.field, "reason": self.reason})
    }
}

impl From<DocumentError> for Wrong {
    fn from(error: DocumentError) -> Self {
        Self {
            reason: match error.position {
                Some(position) => format!("{} ({position})", error.reason),
                None => error.reason,
            },
            file: error.file,
            document: error.document,
            field: error.field,
        }
    }
}

/// The errors of an object, where it is written.
fn wrong(places: &Places, refused: Refused) -> impl Iterator<Item = Wrong> {
    let key = (
        refused.kind.to_owned(),
        refused.name.namespace,
        refused.name.name,
    );
    let (file, document) = places.get(&key).cloned().unwrap_or_default();
    refused.errors.into_iter().map(move |error| Wrong {
        file: file.clone(),
        document,
        field: error.field,
        reason: error.reason,
    })
}

fn row(connection: &Value) -> Vec<String> {
    let columns = ["namespace", "name", "protocol", "policies", "masks"];
    let text = |column: &str| match connection.get(column) {
        Some(Value::String(text)) => text.clone(),
        other => other.cloned().unwrap_or_default().to_string(),
    };
    columns.map(text).to_vec()
}
