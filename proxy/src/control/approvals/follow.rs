//! What whoever follows a session is told, a JSON object a line:
//!
//! ```text
//! {"ok":true,"session":{…}}                                   first, and once
//! {"operation":{"number":N,"decision":D,"text":T,"class":C,"rule":R}}
//! {"output":{"number":N,"data":BASE64,"leftOut":BYTES}}        what the client saw
//! {"end":{"number":N,"outcome":O}}
//! {"missed":LINES}                                            lost, for they were not read in time
//! {"over":true}                                               the session ended
//! ```
//!
//! The session never waits. Who reads too slowly loses lines; who reads nothing for a while, leaves,
//! or may not follow any more is not served any longer.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::socket::told_of;
use crate::session::registry::{Line, Listed, Tail};

/// How long a line may wait to be taken.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells until the session ends, as long as they may.
pub async fn follow(
    session: &Listed,
    mut tail: Tail,
    may: impl Fn() -> bool,
    mut reading: impl AsyncRead + Unpin,
    mut writing: impl AsyncWrite + Unpin,
) {
    let mut said = [0];
    let mut line = json!({ "ok": true, "session": told_of(session) });
    loop {
        if !may() {
            line = json!({ "ok": false, "error": "you may not follow this session any more" });
        }
        let last = line.get("over").is_some() || line.get("ok") == Some(&Value::Bool(false));
        let text = format!("{line}\n");
        let written = timeout(PATIENCE, writing.write_all(text.as_bytes())).await;
        if !matches!(written, Ok(Ok(()))) {
            tracing::info!(session = %session.id, "somebody who followed a session read too slowly");
            return;
        }
        if last {
            return;
        }
        line = tokio::select! {
            next = tail.next() => next.as_ref().map_or(json!({ "over": true }), told),
            // Nothing more is to be said; most likely they left.
            _ = reading.read(&mut said) => return,
        };
    }
}

fn told(line: &Line) -> Value {
    match line {
        Line::Operation {
            number,
            text,
            decision,
            class,
            rule,
        } => json!({ "operation": {
            "number": number, "decision": decision, "text": &**text,
            "class": class, "rule": &**rule,
        }}),
        Line::Output {
            number,
            bytes,
            left_out,
        } => json!({ "output": {
            "number": number, "data": STANDARD.encode(bytes), "leftOut": left_out,
        }}),
        Line::Ended { number, outcome } => {
            json!({ "end": { "number": number, "outcome": outcome } })
        }
        Line::Missed(lines) => json!({ "missed": lines }),
    }
}
