//! asciicast v3, as asciinema plays it: a header, then `[interval, code, data]` on
//! each line, intervals in seconds since the line before.
//!
//! Output to the client is `o` (the error stream too: a terminal shows both), input
//! `i`, a new size `r`, a mark `m`, the exit status `x`. Text that is cut in the
//! middle of a character is put together again; bytes that are no text are shown as
//! U+FFFD. Operations of the session become marks with their decision, so that a
//! player shows where something was denied.

use std::io::Write;

use serde_json::{Value as Json, json};

use super::{ExportError, json, time};
use crate::event::{
    Body, Operation, SessionEnded, SessionId, SessionStarted, Stream, Timestamp, Value,
};
use crate::reader::{Payload, Record};

/// The size of a terminal that did not tell it before its first output.
pub const DEFAULT_COLUMNS: u32 = 80;
/// See [`DEFAULT_COLUMNS`].
pub const DEFAULT_ROWS: u32 = 24;

/// The most columns, and rows, that a size may have.
pub const MAX_TERMINAL_SIZE: u32 = 65_535;

/// The attribute of a session's start that names the terminal's type.
pub const TERM_ATTRIBUTE: &str = "term";

/// The attribute of a session's end that tells the exit status.
pub const EXIT_STATUS_ATTRIBUTE: &str = "exitStatus";

/// Writes one session's events as they come. What is of no use to a player is left out.
#[derive(Debug)]
pub struct Asciicast<W> {
    out: W,
    session: Option<SessionId>,
    start: Start,
    /// The time of the last line, once there is a header.
    last: Option<Timestamp>,
    output: Text,
    error: Text,
    input: Text,
}

/// What the header tells, until it is written.
#[derive(Debug, Default)]
struct Start {
    time: Option<Timestamp>,
    term: Option<String>,
    title: Option<String>,
}

/// The bytes of a character that has not come whole yet; at most three.
#[derive(Debug, Default)]
struct Text {
    rest: Vec<u8>,
}

// === impl Asciicast ===

impl<W: Write> Asciicast<W> {
    pub fn new(out: W) -> Self {
        Self {
            out,
            session: None,
            start: Start::default(),
            last: None,
            output: Text::default(),
            error: Text::default(),
            input: Text::default(),
        }
    }

    pub fn record(&mut self, record: &Record) -> Result<(), ExportError> {
        let expected = *self.session.get_or_insert(record.session);
        if record.session != expected {
            return Err(ExportError::OtherSession {
                expected,
                found: record.session,
            });
        }
        let at = record.time;
        self.start.time.get_or_insert(at);
        match &record.payload {
            Payload::Unreadable { why, .. } => self.line(at, "m", &format!("unreadable: {why}")),
            Payload::Event(event) => match &event.body {
                Body::SessionStarted(started) => {
                    self.started(started);
                    Ok(())
                }
                Body::Terminal(terminal) => self.terminal(at, terminal.stream, &terminal.data),
                Body::Operation(operation) => self.operation(at, operation),
                Body::SessionEnded(ended) => self.ended(at, ended),
                _ => Ok(()),
            },
        }
    }

    /// Writes what is left, and hands back what was written to. A session without a
    /// single line is still a valid recording.
    pub fn finish(mut self) -> Result<W, ExportError> {
        let at = self.last.or(self.start.time).unwrap_or_default();
        self.flush_text(at)?;
        self.header(None)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn started(&mut self, started: &SessionStarted) {
        self.start.title = Some(format!("{} at {}", started.subject, started.connection));
        if let Some(Value::Text(term)) = started.attributes.get(TERM_ATTRIBUTE) {
            self.start.term = Some(term.clone());
        }
    }

    fn terminal(&mut self, at: Timestamp, stream: Stream, data: &[u8]) -> Result<(), ExportError> {
        let (code, text) = match stream {
            Stream::Output => ("o", self.output.push(data)),
            Stream::Error => ("o", self.error.push(data)),
            Stream::Input => ("i", self.input.push(data)),
            Stream::Marker => ("m", String::from_utf8_lossy(data).into_owned()),
            Stream::Resize => return self.resize(at, data),
            Stream::Other(number) => {
                let mark = format!("{} bytes of stream {number} of a later version", data.len());
                return self.line(at, "m", &mark);
            }
        };
        if text.is_empty() && code != "m" {
            return Ok(());
        }
        self.line(at, code, &text)
    }

    fn resize(&mut self, at: Timestamp, data: &[u8]) -> Result<(), ExportError> {
        match size(data) {
            // The first size of all is the header's.
            Some(size) if self.last.is_none() => self.header(Some(size)),
            Some((columns, rows)) => self.line(at, "r", &format!("{columns}x{rows}")),
            None => {
                let shown = String::from_utf8_lossy(data.get(..64).unwrap_or(data)).into_owned();
                self.line(at, "m", &format!("no size of a terminal: {shown}"))
            }
        }
    }

    fn operation(&mut self, at: Timestamp, operation: &Operation) -> Result<(), ExportError> {
        let text = match operation.operation.get("text") {
            Some(Value::Text(text)) => text.as_str(),
            _ => "",
        };
        let mark = format!("{}: {text}", operation.decision);
        self.line(at, "m", mark.trim_end_matches([' ', ':']))
    }

    fn ended(&mut self, at: Timestamp, ended: &SessionEnded) -> Result<(), ExportError> {
        self.flush_text(at)?;
        match ended.attributes.get(EXIT_STATUS_ATTRIBUTE) {
            Some(Value::Integer(status)) => self.line(at, "x", &status.to_string()),
            _ => Ok(()),
        }
    }

    /// Characters that never came whole.
    fn flush_text(&mut self, at: Timestamp) -> Result<(), ExportError> {
        for (code, text) in [
            ("o", self.output.end()),
            ("o", self.error.end()),
            ("i", self.input.end()),
        ] {
            if !text.is_empty() {
                self.line(at, code, &text)?;
            }
        }
        Ok(())
    }

    fn line(&mut self, at: Timestamp, code: &str, data: &str) -> Result<(), ExportError> {
        self.header(None)?;
        let last = self.last.replace(at).unwrap_or(at);
        // As text: a float would round, and roundings would add up.
        let interval = time::seconds(at.0.saturating_sub(last.0));
        write!(self.out, "[{interval}, \"{code}\", ")?;
        json::write(&mut self.out, &data)?;
        self.out.write_all(b"]\n")?;
        Ok(())
    }

    fn header(&mut self, size: Option<(u32, u32)>) -> Result<(), ExportError> {
        if self.last.is_some() {
            return Ok(());
        }
        let time = self.start.time.unwrap_or_default();
        let (columns, rows) = size.unwrap_or((DEFAULT_COLUMNS, DEFAULT_ROWS));
        let mut term = json!({ "cols": columns, "rows": rows });
        if let (Some(term), Some(name)) = (term.as_object_mut(), self.start.term.take()) {
            term.insert("type".to_owned(), Json::String(name));
        }
        let seconds = time.0 / 1_000_000;
        let mut header = json!({ "version": 3, "term": term, "timestamp": seconds });
        if let (Some(header), Some(title)) = (header.as_object_mut(), self.start.title.take()) {
            header.insert("title".to_owned(), Json::String(title));
        }
        json::write(&mut self.out, &header)?;
        self.out.write_all(b"\n")?;
        self.last = Some(time);
        Ok(())
    }
}

// === impl Text ===

impl Text {
    /// The text up to the last character that is whole.
    fn push(&mut self, bytes: &[u8]) -> String {
        self.rest.extend_from_slice(bytes);
        let held = std::mem::take(&mut self.rest);
        let mut text = String::with_capacity(held.len());
        let mut rest = held.as_slice();
        while let Err(error) = std::str::from_utf8(rest) {
            let (valid, after) = rest.split_at(error.valid_up_to());
            text.push_str(&String::from_utf8_lossy(valid));
            let Some(invalid) = error.error_len() else {
                self.rest = after.to_vec();
                return text;
            };
            text.push(char::REPLACEMENT_CHARACTER);
            rest = after.get(invalid..).unwrap_or_default();
        }
        text.push_str(&String::from_utf8_lossy(rest));
        text
    }

    /// What never came whole, shown as such.
    fn end(&mut self) -> String {
        let rest = std::mem::take(&mut self.rest);
        if rest.is_empty() {
            String::new()
        } else {
            char::REPLACEMENT_CHARACTER.to_string()
        }
    }
}

/// `80x24`.
fn size(data: &[u8]) -> Option<(u32, u32)> {
    let (columns, rows) = std::str::from_utf8(data).ok()?.split_once('x')?;
    let number = |text: &str| {
        let plain = text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number: u32 = if plain {
            text.parse().ok()?
        } else {
            return None;
        };
        (1..=MAX_TERMINAL_SIZE).contains(&number).then_some(number)
    };
    Some((number(columns)?, number(rows)?))
}
