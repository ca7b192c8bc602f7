//! `portcullis sessions list --open` and `sessions kill`: what the proxy tells of open sessions.

use std::path::Path;
use std::process::ExitCode;

use portcullis_recording::event::{SessionId, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::time::{day_and_time, rfc3339};
use crate::output::{Format, for_machines, line, say, table};
use crate::socket::ask;
use crate::{Done, Failed};

/// An open session, as the proxy tells it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OpenSession {
    pub(crate) session: String,
    pub(super) subject: String,
    pub(super) namespace: String,
    pub(super) connection: String,
    pub(super) protocol: String,
    /// Seconds since 1970.
    pub(crate) started_at: u64,
    pub(super) operations: u64,
    pub(super) client: String,
}

pub(super) async fn list(state: &Path, output: Format) -> Done {
    let sessions = ask(state, &json!({ "verb": "sessions" })).await?.sessions;
    let told: Vec<Value> = sessions.iter().map(OpenSession::json).collect();
    if !for_machines(output, &Value::Array(told))? {
        print(&sessions)?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn print<'s>(sessions: impl IntoIterator<Item = &'s OpenSession>) -> Result<(), Failed> {
    let headings = [
        "SESSION",
        "STARTED",
        "SUBJECT",
        "CONNECTION",
        "PROTOCOL",
        "CLIENT",
        "OPERATIONS",
    ];
    let rows: Vec<Vec<String>> = sessions.into_iter().map(OpenSession::row).collect();
    table(&headings, &rows)
}

pub(super) async fn kill(session: &str, state: &Path, reason: &str, output: Format) -> Done {
    let session = find(session, state).await?;
    let asked = json!({ "verb": "kill", "session": session, "reason": reason });
    ask(state, &asked).await?;
    ended(&session, reason, output)
}

pub(crate) fn ended(session: &str, reason: &str, output: Format) -> Done {
    let told = json!({ "session": session, "ended": true, "reason": reason });
    if !for_machines(output, &told)? {
        say([format!("{session} is ended")])?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The open session whose number begins so.
pub(super) async fn find(digits: &str, state: &Path) -> Result<String, Failed> {
    if let Ok(session) = digits.parse::<SessionId>() {
        return Ok(session.to_string());
    }
    let sessions = ask(state, &json!({ "verb": "sessions" })).await?.sessions;
    let open = sessions.iter().map(|open| open.session.as_str());
    chosen(digits, open)
}

/// The one that begins so.
pub(crate) fn chosen<'s>(
    digits: &str,
    open: impl Iterator<Item = &'s str>,
) -> Result<String, Failed> {
    let digits = digits.to_ascii_lowercase();
    let mut found = open.filter(|session| session.starts_with(&digits));
    match (found.next(), found.next()) {
        (Some(session), None) => Ok(session.to_owned()),
        (Some(_), Some(_)) => {
            Err(format!("several open sessions begin with {digits}; write more of it").into())
        }
        (None, _) => Err(format!("no open session begins with {digits}").into()),
    }
}

// === impl OpenSession ===

impl OpenSession {
    fn started(&self) -> Timestamp {
        Timestamp(self.started_at.saturating_mul(1_000_000))
    }

    /// With the names that a recorded session has.
    pub(crate) fn json(&self) -> Value {
        json!({
            "session": self.session,
            "startedAt": rfc3339(self.started()),
            "subject": self.subject,
            "namespace": self.namespace,
            "connection": self.connection,
            "protocol": self.protocol,
            "client": self.client,
            "operations": self.operations,
        })
    }

    fn row(&self) -> Vec<String> {
        vec![
            self.session.chars().take(12).collect(),
            day_and_time(self.started()),
            line(&self.subject, 40),
            line(&format!("{}/{}", self.namespace, self.connection), 60),
            line(&self.protocol, 20),
            line(&self.client, 60),
            self.operations.to_string(),
        ]
    }
}
