//! JSON lines: one object for each event.
//!
//! ```text
//! {"writer","segment","sequence","time","session","kind", then either
//!  "event": {its fields} or "unreadable": why}
//! ```
//!
//! Names are those of [`crate::event`] in camelCase. Bytes that are UTF-8 are text; others are
//! `{"$base64": "…"}`. In open maps bytes are always that, so that text stays text; a name
//! that begins with `$` gets a second one. What a later version wrote is given as base64.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map as Object, Value as Json, json};

use super::{ExportError, json, time};
use crate::event::{Body, Event, LaterField, Map, Operation, Stream, Value};
use crate::format::kind;
use crate::reader::{Payload, Record};

/// Writes events as they come.
#[derive(Debug)]
pub struct JsonLines<W> {
    out: W,
}

// === impl JsonLines ===

impl<W: Write> JsonLines<W> {
    pub fn new(out: W) -> Self {
        Self { out }
    }

    pub fn record(&mut self, record: &Record) -> Result<(), ExportError> {
        let mut line = json!({
            "writer": record.writer.as_str(),
            "segment": record.segment,
            "sequence": record.sequence,
            "time": time::rfc3339(record.time),
            "session": record.session.to_string(),
        });
        if let Some(line) = line.as_object_mut() {
            let (number, name, value) = match &record.payload {
                Payload::Event(event) => (event.body.kind(), "event", event_json(event)),
                Payload::Unreadable { kind, why } => (*kind, "unreadable", json!(why.to_string())),
            };
            line.insert("kind".to_owned(), kind_json(number));
            line.insert(name.to_owned(), value);
        }
        json::write(&mut self.out, &line)?;
        self.out.write_all(b"\n")?;
        Ok(())
    }

    /// Hands back what was written to, flushed.
    pub fn finish(mut self) -> Result<W, ExportError> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// A kind of a later version is told by its number.
fn kind_json(number: u16) -> Json {
    match number {
        kind::SESSION_STARTED => json!("sessionStarted"),
        kind::OPERATION => json!("operation"),
        kind::OPERATION_ENDED => json!("operationEnded"),
        kind::OUTPUT => json!("output"),
        kind::TERMINAL => json!("terminal"),
        kind::APPROVAL => json!("approval"),
        kind::ADMIN_ACT => json!("adminAct"),
        kind::SESSION_ENDED => json!("sessionEnded"),
        kind::NOTICE => json!("notice"),
        kind::INPUT => json!("input"),
        other => json!(other),
    }
}

fn event_json(event: &Event) -> Json {
    let mut fields = match &event.body {
        Body::SessionStarted(body) => json!({
            "subject": body.subject,
            "actor": body.actor,
            "groups": body.groups,
            "connection": body.connection,
            "protocol": body.protocol,
            "clientAddress": body.client_address,
            "attributes": map(&body.attributes),
        }),
        Body::Operation(body) => operation(body),
        Body::OperationEnded(body) => json!({
            "number": body.number,
            "outcome": body.outcome,
            "rows": body.rows,
            "bytes": body.bytes,
            "durationMicros": body.duration_micros,
            "attributes": map(&body.attributes),
        }),
        Body::Output(body) => json!({
            "number": body.number,
            "offset": body.offset,
            "data": bytes_or_text(&body.data),
            "omittedBytes": body.omitted_bytes,
            "omittedRows": body.omitted_rows,
        }),
        Body::Input(body) => json!({
            "number": body.number,
            "offset": body.offset,
            "data": bytes_or_text(&body.data),
            "omittedBytes": body.omitted_bytes,
        }),
        Body::Terminal(body) => json!({
            "stream": stream(body.stream),
            "data": bytes_or_text(&body.data),
        }),
        Body::Approval(body) => json!({
            "number": body.number,
            "request": body.request,
            "fact": body.fact,
            "decider": body.decider,
            "reason": body.reason,
            "attributes": map(&body.attributes),
        }),
        Body::AdminAct(body) => json!({
            "act": body.act,
            "actor": body.actor,
            "target": body.target,
            "reason": body.reason,
            "attributes": map(&body.attributes),
        }),
        Body::SessionEnded(body) => json!({
            "outcome": body.outcome,
            "reason": body.reason,
            "operations": body.operations,
            "attributes": map(&body.attributes),
        }),
        Body::Notice(body) => json!({
            "what": body.what,
            "attributes": map(&body.attributes),
        }),
        Body::Unknown { payload, .. } => json!({ "payload": base64(payload) }),
    };
    if let (Some(fields), false) = (fields.as_object_mut(), event.later.is_empty()) {
        let later =
            |field: &LaterField| json!({ "number": field.number, "bytes": base64(&field.bytes) });
        fields.insert("later".to_owned(), event.later.iter().map(later).collect());
    }
    fields
}

fn operation(body: &Operation) -> Json {
    json!({
        "number": body.number,
        "operation": map(&body.operation),
        "decision": body.decision,
        "class": body.class,
        "policy": body.policy,
        "rule": body.rule,
        "hash": crate::hex::text(&body.hash),
        "revision": body.revision,
        "attributes": map(&body.attributes),
    })
}

fn stream(stream: Stream) -> Json {
    match stream {
        Stream::Input => json!("input"),
        Stream::Output => json!("output"),
        Stream::Error => json!("error"),
        Stream::Resize => json!("resize"),
        Stream::Marker => json!("marker"),
        Stream::Other(number) => json!(number),
    }
}

fn map(map: &Map) -> Json {
    let pairs = map.iter().map(|(name, item)| (escaped(name), value(item)));
    Json::Object(pairs.collect::<Object<String, Json>>())
}

/// Depth is bounded by the format.
fn value(item: &Value) -> Json {
    match item {
        Value::Text(text) => json!(text),
        Value::Bytes(bytes) => base64(bytes),
        Value::Integer(number) => json!(number),
        Value::List(items) => items.iter().map(value).collect(),
        Value::Map(items) => map(items),
        Value::Opaque { tag, bytes } => json!({ "$tag": tag, "$base64": STANDARD.encode(bytes) }),
    }
}

fn escaped(name: &str) -> String {
    if name.starts_with('$') {
        format!("${name}")
    } else {
        name.to_owned()
    }
}

fn bytes_or_text(bytes: &[u8]) -> Json {
    std::str::from_utf8(bytes).map_or_else(|_| base64(bytes), |text| json!(text))
}

fn base64(bytes: &[u8]) -> Json {
    json!({ "$base64": STANDARD.encode(bytes) })
}
