//! `portcullis sessions replay`: a recorded session as it happened.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use portcullis_recording::event::Body;
use portcullis_recording::reader::Payload;
use portcullis_recording::replay::Pacer;

use super::seen::Seen;
use super::show::SHOWN;
use super::{show, source};
use crate::Done;
use crate::args::Recorded;
use crate::output::{Format, line, one_by_one, say};

/// No pause is longer, at any speed.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Operations of which answers are put together at a time; a session has few under way at once.
const MAX_ANSWERS: usize = 64;

pub(super) async fn run(
    session: &str,
    from: &Recorded,
    speed: Option<f64>,
    format: Format,
) -> Done {
    let mut pacer = Pacer::new(speed.unwrap_or(1.0), LONGEST_PAUSE)?;
    let waits = speed.is_some() || std::io::stdout().is_terminal();
    let recordings = source::open(from)?;
    let query = source::query(&recordings, Some(session)).await?;
    let mut events = recordings.events(query, source::keyring(from)?);
    let mut answers: BTreeMap<u64, Seen> = BTreeMap::new();
    let mut any = false;
    while let Some(record) = events.next().await {
        let record = record?;
        any = true;
        if waits {
            tokio::time::sleep(pacer.wait_before(record.time)).await;
        }
        if !format.is_table() {
            let told = show::json(&record)?;
            one_by_one(format, || told)?;
            continue;
        }
        say(show::lines(&record))?;
        let Payload::Event(event) = &record.payload else {
            continue;
        };
        match &event.body {
            Body::Output(output) => {
                if answers.len() >= MAX_ANSWERS {
                    answers.pop_first();
                }
                let seen = answers.entry(output.number).or_default();
                let lines = seen.piece(&output.data, output.omitted_bytes).into_iter();
                say(lines.map(|line| format!("{:14}       {line}", "")))?;
            }
            Body::Input(input) => {
                let sent = String::from_utf8_lossy(&input.data);
                let lines = sent.lines().map(|sent| line(sent, SHOWN));
                say(lines.map(|line| format!("{:14}       < {line}", "")))?;
            }
            Body::OperationEnded(end) => {
                answers.remove(&end.number);
            }
            _ => {}
        }
    }
    match any {
        true => Ok(ExitCode::SUCCESS),
        false => Err(format!("no session {session}").into()),
    }
}
