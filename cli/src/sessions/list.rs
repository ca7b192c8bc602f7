//! `portcullis sessions list`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use portcullis_recording::event::{Body, SessionId, Timestamp};
use portcullis_recording::reader::{Payload, Query};
use serde_json::{Value, json};

use super::source;
use super::time::{day_and_time, duration, rfc3339};
use crate::Done;
use crate::args::Recorded;
use crate::output::{Format, Tone, for_machines, line, table, tinted};

/// What is told of a session.
#[derive(Debug, Default)]
struct Summary {
    started: Timestamp,
    ended: Option<Timestamp>,
    subject: String,
    connection: String,
    operations: u64,
    refused: u64,
    how: String,
}

pub(super) async fn run(from: &Recorded, output: Format) -> Done {
    let recordings = source::open(from)?;
    let mut sessions: BTreeMap<SessionId, Summary> = BTreeMap::new();
    let mut events = recordings.events(Query::all(), source::keyring(from)?);
    while let Some(record) = events.next().await {
        let record = record?;
        if record.session.is_none() {
            continue;
        }
        let summary = sessions.entry(record.session).or_default();
        if let Payload::Event(event) = record.payload {
            summary.take(event.body, record.time);
        }
    }
    let mut sessions: Vec<(SessionId, Summary)> = sessions.into_iter().collect();
    sessions.sort_by_key(|(id, summary)| (summary.started, *id));
    let machine: Vec<Value> = sessions.iter().map(|(id, one)| one.json(*id)).collect();
    if !for_machines(output, &Value::Array(machine))? {
        let rows: Vec<Vec<String>> = sessions.iter().map(|(id, one)| one.row(*id)).collect();
        let headings = [
            "SESSION",
            "STARTED",
            "LASTED",
            "SUBJECT",
            "CONNECTION",
            "OPERATIONS",
            "REFUSED",
            "END",
        ];
        table(&headings, &rows)?;
    }
    Ok(ExitCode::SUCCESS)
}

// === impl Summary ===

impl Summary {
    fn take(&mut self, body: Body, time: Timestamp) {
        match body {
            Body::SessionStarted(start) => {
                self.started = time;
                self.subject = start.subject;
                self.connection = start.connection;
            }
            Body::Operation(operation) => {
                self.operations += 1;
                self.refused += u64::from(operation.decision == "deny");
            }
            Body::SessionEnded(end) => {
                self.ended = Some(time);
                self.how = end.outcome;
            }
            _ => {}
        }
    }

    fn json(&self, id: SessionId) -> Value {
        let (namespace, connection) = match self.connection.split_once('/') {
            Some((namespace, name)) => (namespace, name),
            None => ("", self.connection.as_str()),
        };
        json!({
            "session": id.to_string(),
            "startedAt": rfc3339(self.started),
            "endedAt": self.ended.map(rfc3339),
            "subject": self.subject,
            "namespace": namespace,
            "connection": connection,
            "operations": self.operations,
            "refused": self.refused,
            "outcome": self.how,
        })
    }

    fn row(&self, id: SessionId) -> Vec<String> {
        let refused = match self.refused {
            0 => "0".to_owned(),
            some => tinted(Tone::Bad, &some.to_string()),
        };
        vec![
            id.to_string().chars().take(12).collect(),
            day_and_time(self.started),
            match self.ended {
                Some(ended) => duration(
                    u64::try_from(ended.since(self.started).as_micros()).unwrap_or(u64::MAX),
                ),
                None => "open".to_owned(),
            },
            line(&self.subject, 40),
            line(&self.connection, 40),
            self.operations.to_string(),
            refused,
            line(&self.how, 30),
        ]
    }
}
