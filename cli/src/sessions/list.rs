//! `portcullis sessions list`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use portcullis_recording::event::{Body, SessionId, Timestamp, Value as Noted};
use portcullis_recording::format::kind;
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
    /// Something of it is there and cannot be told: what is counted here is not all.
    unreadable: bool,
    /// The request of an operation that waited and may run: its run is no other operation.
    granted: Option<String>,
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
        match record.payload {
            Payload::Event(event) => summary.take(event.body, record.time),
            Payload::Unreadable { kind, .. } => summary.pass_over(kind, record.time),
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
                let request = match operation.attributes.get("approvalRequest") {
                    Some(Noted::Text(request)) => Some(request),
                    _ => None,
                };
                let goes_on = request.is_some() && self.granted.as_ref() == request;
                if goes_on {
                    self.granted = None;
                }
                self.operations += u64::from(!goes_on);
                self.refused += u64::from(operation.decision == "deny");
            }
            Body::Approval(approval) if approval.fact == "approved" => {
                self.granted = Some(approval.request);
            }
            Body::SessionEnded(end) => {
                self.ended = Some(time);
                self.how = end.outcome;
            }
            _ => {}
        }
    }

    /// Kind and time are clear also where a key is missing.
    fn pass_over(&mut self, kind: u16, time: Timestamp) {
        self.unreadable = true;
        match kind {
            kind::SESSION_STARTED => self.started = time,
            kind::SESSION_ENDED => self.ended = Some(time),
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
            "unreadable": self.unreadable,
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
            match self.unreadable {
                true => "unreadable".to_owned(),
                false => line(&self.how, 30),
            },
        ]
    }
}

#[cfg(test)]
mod tests {
    use portcullis_recording::event::{Approval, Map, Operation};

    use super::*;

    fn operation(decision: &str, request: &str) -> Body {
        let attributes = Map::from([("approvalRequest".to_owned(), request.into())]);
        Body::Operation(Operation {
            decision: decision.to_owned(),
            attributes,
            ..Operation::default()
        })
    }

    fn approved(request: &str) -> Body {
        Body::Approval(Approval {
            fact: "approved".to_owned(),
            request: request.to_owned(),
            ..Approval::default()
        })
    }

    fn counted(bodies: Vec<Body>) -> (u64, u64) {
        let mut summary = Summary::default();
        for body in bodies {
            summary.take(body, Timestamp::default());
        }
        (summary.operations, summary.refused)
    }

    #[test]
    fn an_operation_that_waited_counts_once() {
        let held = || operation("hold", "r-1");
        let runs = || operation("allow", "r-1");
        assert_eq!(counted(vec![held(), approved("r-1"), runs()]), (1, 0));
        let refused = operation("deny", "r-1");
        assert_eq!(counted(vec![held(), approved("r-1"), refused]), (1, 1));
        // Under a grant for a time it runs again, and what was turned away is sent again.
        assert_eq!(
            counted(vec![held(), approved("r-1"), runs(), runs()]),
            (2, 0)
        );
        assert_eq!(counted(vec![held(), runs()]), (2, 0));
        let other = operation("allow", "r-2");
        assert_eq!(counted(vec![held(), approved("r-1"), other]), (2, 0));
    }
}
