//! `portcullis sessions show`: one session, line by line.

use std::process::ExitCode;

use portcullis_recording::event::{Approval, Body, Map, Operation, Value as Recorded};
use portcullis_recording::export::JsonLines;
use portcullis_recording::reader::{Payload, Record};
use serde_json::Value;

use super::source;
use super::time::{duration, time_of_day};
use crate::output::{Format, Tone, for_machines, line, say, tinted};
use crate::{Done, Failed, args};

/// The most of a text that one line shows.
pub(super) const SHOWN: usize = 160;

pub(super) async fn run(session: &str, from: &args::Recorded, output: Format) -> Done {
    let recordings = source::open(from)?;
    let query = source::query(&recordings, Some(session)).await?;
    let mut events = recordings.events(query, source::keyring(from)?);
    let mut machine = Vec::new();
    let mut seen = false;
    while let Some(record) = events.next().await {
        let record = record?;
        seen = true;
        match output {
            Format::Table => say(lines(&record))?,
            Format::Json | Format::Yaml => machine.push(json(&record)?),
        }
    }
    if !seen {
        return Err(format!("no session {session}").into());
    }
    for_machines(output, &Value::Array(machine))?;
    Ok(ExitCode::SUCCESS)
}

/// The same words as in an export.
pub(super) fn json(record: &Record) -> Result<Value, Failed> {
    let mut lines = JsonLines::new(Vec::new());
    lines.record(record)?;
    Ok(serde_json::from_slice(&lines.finish()?)?)
}

/// An event in lines for people.
pub(super) fn lines(record: &Record) -> Vec<String> {
    let time = tinted(Tone::Faint, &time_of_day(record.time, 3));
    let event = match &record.payload {
        Payload::Event(event) => event,
        Payload::Unreadable { why, .. } => return vec![format!("{time}  unreadable: {why}")],
    };
    vec![match &event.body {
        Body::SessionStarted(start) => format!(
            "{time}  {} {} at {} from {}",
            tinted(Tone::Bold, "session"),
            line(&start.subject, 60),
            line(&start.connection, 60),
            line(&start.client_address, 60),
        ),
        Body::Operation(operation) => return operation_lines(&time, operation),
        Body::OperationEnded(end) => format!(
            "{time}     {} {}, {} rows, {} bytes, {}{}",
            end.number,
            line(&end.outcome, 60),
            end.rows,
            end.bytes,
            duration(end.duration_micros),
            written(&end.attributes),
        ),
        Body::Output(output) => format!(
            "{time}     {} saw {} bytes{}",
            output.number,
            output.data.len(),
            match output.omitted_bytes {
                0 => String::new(),
                left_out => format!(", {left_out} more were not kept"),
            },
        ),
        Body::Input(input) => format!(
            "{time}     {} sent {} bytes{}",
            input.number,
            input.data.len(),
            match input.omitted_bytes {
                0 => String::new(),
                left_out => format!(", {left_out} more were not kept"),
            },
        ),
        Body::Approval(approval) => format!(
            "{time}     {} {} {}",
            approval.number,
            line(&approval.request, 80),
            fact(approval),
        ),
        Body::SessionEnded(end) => format!(
            "{time}  {} {} {}",
            tinted(Tone::Bold, "end"),
            line(&end.outcome, 60),
            line(&end.reason, SHOWN),
        ),
        other => format!("{time}  {}", line(&format!("{other:?}"), SHOWN)),
    }]
}

/// What became of a request, by whom and why. A grant is claimed by the proxy; its decider is who
/// gave it.
fn fact(approval: &Approval) -> String {
    let mut told = tinted(Tone::Waiting, &line(&approval.fact, 30));
    let by = match approval.fact.as_str() {
        "claimed" => " by the proxy, approved by ",
        _ => " by ",
    };
    if !approval.decider.is_empty() {
        told = format!("{told}{by}{}", line(&approval.decider, 60));
    }
    if !approval.reason.is_empty() {
        told = format!("{told}: {}", line(&approval.reason, SHOWN));
    }
    told
}

fn operation_lines(time: &str, operation: &Operation) -> Vec<String> {
    let mut lines = vec![format!(
        "{time}  {}",
        decided(
            operation.number,
            &operation.decision,
            text(&operation.operation, "text")
        )
    )];
    if operation.decision != "allow" {
        lines.push(format!(
            "{:14}       {} {} {}",
            "",
            line(&operation.class, 40),
            line(&operation.policy, 80),
            line(&operation.rule, 60),
        ));
    }
    lines
}

/// An operation, and what was decided about it.
pub(super) fn decided(number: u64, decision: &str, text: &str) -> String {
    let tone = match decision {
        "allow" => Tone::Good,
        "hold" => Tone::Waiting,
        _ => Tone::Bad,
    };
    format!(
        "{number:>4} {} {}",
        tinted(tone, &format!("{:<5}", line(decision, 12))),
        line(text, SHOWN),
    )
}

/// What a COPY of the client's wrote.
fn written(attributes: &Map) -> String {
    let number = |name: &str| match attributes.get(name) {
        Some(Recorded::Integer(number)) => Some(*number),
        _ => None,
    };
    match (number("sentBytes"), number("writtenRows")) {
        (Some(bytes), Some(rows)) => format!(", wrote {rows} rows of {bytes} bytes"),
        (Some(bytes), None) => format!(", wrote none of {bytes} bytes"),
        (None, _) => String::new(),
    }
}

fn text<'m>(map: &'m Map, name: &str) -> &'m str {
    match map.get(name) {
        Some(Recorded::Text(text)) => text,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_of_an_approval_names_who_and_why_as_far_as_there_is_somebody() {
        let told = |what: &str, decider: &str, reason: &str| {
            fact(&Approval {
                fact: what.to_owned(),
                decider: decider.to_owned(),
                reason: reason.to_owned(),
                ..Approval::default()
            })
        };
        let bare = tinted(Tone::Waiting, "claimed");
        assert_eq!(
            told("claimed", "erin", ""),
            format!("{bare} by the proxy, approved by erin")
        );
        let bare = tinted(Tone::Waiting, "approved");
        assert_eq!(
            told("approved", "erin", "ticket 7"),
            format!("{bare} by erin: ticket 7")
        );
        let bare = tinted(Tone::Waiting, "expired");
        assert_eq!(told("expired", "", ""), bare);
    }
}
