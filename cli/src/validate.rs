//! `portcullis validate`: every error of a directory, or what it amounts to.

use std::process::ExitCode;

use portcullis_crds::lower::documents::lower_all;
use portcullis_policy::Snapshot;
use serde_json::{Value, json};

use crate::Done;
use crate::args::Validate;
use crate::documents::{DocumentKeys, read};
use crate::output::{Tone, for_machines, table, tinted};

/// One thing that is wrong.
struct Wrong {
    file: String,
    document: usize,
    field: String,
    reason: String,
}

pub(crate) fn run(args: &Validate) -> Done {
    let (wrong, connections) = match read(&args.directory)? {
        Err(errors) => {
            let wrong = errors.into_iter().map(|error| Wrong {
                file: error.file,
                document: error.document,
                field: error.field,
                reason: error.reason,
            });
            (wrong.collect(), Vec::new())
        }
        Ok(documents) => judge(&documents),
    };
    let told = json!({
        "valid": wrong.is_empty(),
        "errors": wrong.iter().map(Wrong::json).collect::<Vec<_>>(),
        "connections": connections,
    });
    if !for_machines(args.output, &told)? {
        print(&wrong, &connections);
    }
    Ok(ExitCode::from(u8::from(!wrong.is_empty())))
}

fn judge(documents: &portcullis_crds::document::Documents) -> (Vec<Wrong>, Vec<Value>) {
    let mut wrong: Vec<Wrong> = Vec::new();
    let mut connections = Vec::new();
    for document in lower_all(documents, 1, &DocumentKeys(documents)) {
        for refused in &document.lowered.refused {
            wrong.extend(refused.errors.iter().map(|error| Wrong {
                file: format!("{} {}", refused.kind, refused.name),
                document: 0,
                field: error.field.clone(),
                reason: error.reason.clone(),
            }));
        }
        let (policies, masks) = (
            document.lowered.parts.policies.len(),
            document.lowered.parts.masks.len(),
        );
        let name = document.name();
        let revision = document.lowered.parts.revision.clone();
        if let Err(errors) = Snapshot::compile(document.lowered.parts) {
            wrong.extend(errors.into_iter().map(|error| Wrong {
                file: format!("Connection {name}"),
                document: 0,
                field: String::new(),
                reason: error.to_string(),
            }));
        }
        connections.push(json!({
            "namespace": name.namespace, "name": name.name,
            "protocol": document.connection.spec.protocol.name(),
            "policies": policies, "masks": masks, "revision": revision,
        }));
    }
    // One object may bear on several Connections; its error is one.
    wrong.sort_by(|one, two| {
        (&one.file, &one.field, &one.reason).cmp(&(&two.file, &two.field, &two.reason))
    });
    wrong.dedup_by(|one, two| {
        one.file == two.file && one.field == two.field && one.reason == two.reason
    });
    (wrong, connections)
}

fn print(wrong: &[Wrong], connections: &[Value]) {
    if wrong.is_empty() {
        let text = |value: &Value, name: &str| match &value[name] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let rows: Vec<Vec<String>> = connections
            .iter()
            .map(|connection| {
                ["namespace", "name", "protocol", "policies", "masks"]
                    .map(|column| text(connection, column))
                    .to_vec()
            })
            .collect();
        table(
            &["NAMESPACE", "CONNECTION", "PROTOCOL", "POLICIES", "MASKS"],
            &rows,
        );
        println!("{}", tinted(Tone::Good, "valid"));
        return;
    }
    for one in wrong {
        println!("{}", one.line());
    }
    let errors = if wrong.len() == 1 { "error" } else { "errors" };
    println!(
        "{}",
        tinted(Tone::Bad, &format!("{} {errors}", wrong.len()))
    );
}

// === impl Wrong ===

impl Wrong {
    fn line(&self) -> String {
        let mut place = self.file.clone();
        if self.document > 0 {
            place = format!("{place}: {}", self.document);
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
