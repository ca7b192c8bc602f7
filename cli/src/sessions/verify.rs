//! `portcullis sessions verify`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use portcullis_recording::checkpoint::{
    Head, MAX_KEY_FILE_BYTES, PublicKey, SigningKey, TrustedKeys,
};
use portcullis_recording::event::SessionId;
use portcullis_recording::reader::{Payload, Query, Recordings};
use portcullis_recording::verify::{Report, Trust, Verdict, WriterReport, verify};
use serde_json::{Value, json};

use super::source;
use crate::args::Recorded;
use crate::files::bounded;
use crate::output::{Format, Tone, for_machines, say, table, tinted, warn};
use crate::{Done, Failed};

/// Where a proxy that makes its own key keeps it, in its state directory.
const OWN_KEY: &str = "signing-key.pem";

/// The longest file of heads that is read.
const MAX_HEADS_FILE: u64 = 64 * 1024 * 1024;

/// The most sessions that are named because they could not be read; more are counted.
const MAX_NAMED: usize = 100;

/// What the private keys did not open.
#[derive(Debug, Default)]
struct Unread {
    sessions: BTreeMap<SessionId, String>,
    more: u64,
}

pub(super) async fn run(
    from: &Recorded,
    signers: &[String],
    heads: &[PathBuf],
    output: Format,
) -> Done {
    let recordings = source::open(from)?;
    let trust = Trust {
        keys: trusted(from, signers)?,
        anchors: anchors(heads)?,
        ..Trust::default()
    };
    let report = verify(&recordings, &trust).await?;
    let unread = unread(&recordings, from).await?;
    if !for_machines(output, &told(&report, &unread))? {
        print(&report, &unread)?;
    }
    // What no anchor covers yet is the ordinary state of a record that is being written.
    let broken = report.verdict() == Verdict::Broken || !unread.sessions.is_empty();
    Ok(ExitCode::from(u8::from(broken)))
}

/// The chain covers ciphertext and verifies without any key; with keys, all of it must open.
async fn unread(recordings: &Recordings, from: &Recorded) -> Result<Unread, Failed> {
    let mut unread = Unread::default();
    if from.keys.is_empty() {
        return Ok(unread);
    }
    let mut events = recordings.events(Query::all(), source::keyring(from)?);
    while let Some(record) = events.next().await {
        let record = record?;
        let Payload::Unreadable { why, .. } = record.payload else {
            continue;
        };
        let known = unread.sessions.contains_key(&record.session);
        if !known && unread.sessions.len() >= MAX_NAMED {
            unread.more += 1;
        } else {
            let why = why.to_string();
            unread.sessions.entry(record.session).or_insert(why);
        }
    }
    Ok(unread)
}

fn trusted(from: &Recorded, signers: &[String]) -> Result<TrustedKeys, Failed> {
    if !signers.is_empty() {
        return signers.iter().map(|key| public(key)).collect();
    }
    let Some(state) = &from.place.state else {
        return Err("whose signature counts? give --signer".into());
    };
    let path = state.join(OWN_KEY);
    let key = SigningKey::from_pem(&bounded(&path, MAX_KEY_FILE_BYTES as u64)?)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok([key.public()].into_iter().collect())
}

fn public(digits: &str) -> Result<PublicKey, Failed> {
    let wrong = || format!("--signer {digits}: write 64 hexadecimal digits");
    if digits.len() != 64 || !digits.is_ascii() {
        return Err(wrong().into());
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair)?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
    }
    Ok(PublicKey::new(bytes))
}

/// A line that is no head is told of and passed over: a crash may have left half of one.
fn anchors(paths: &[PathBuf]) -> Result<Vec<Head>, Failed> {
    let mut anchors = Vec::new();
    for path in paths {
        let text = bounded(path, MAX_HEADS_FILE)?;
        for (number, line) in (1..).zip(text.lines()) {
            match line.trim().parse() {
                Ok(head) => anchors.push(head),
                Err(_) if line.trim().is_empty() => {}
                Err(error) => warn(&format!("{}: line {number}: {error}", path.display())),
            }
        }
    }
    match anchors.is_empty() && !paths.is_empty() {
        true => Err("--heads: there is no head in it".into()),
        false => Ok(anchors),
    }
}

fn told(report: &Report, unread: &Unread) -> Value {
    let writer = |one: &WriterReport| {
        json!({
            "writer": one.writer.as_str(),
            "verdict": word(one.verdict()),
            "segments": one.segments, "events": one.events, "bytes": one.bytes,
            "last": one.last, "signed": one.signed, "anchored": one.anchored,
            "findings": one.findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "moreFindings": one.more,
        })
    };
    json!({
        "verdict": word(report.verdict()),
        "writers": report.writers.iter().map(writer).collect::<Vec<_>>(),
        "unread": unread.sessions.iter()
            .map(|(session, why)| json!({ "session": session.to_string(), "why": why }))
            .collect::<Vec<_>>(),
        "moreUnreadEvents": unread.more,
    })
}

fn print(report: &Report, unread: &Unread) -> Result<(), Failed> {
    let rows: Vec<Vec<String>> = report
        .writers
        .iter()
        .map(|one| {
            vec![
                one.writer.to_string(),
                one.segments.to_string(),
                one.events.to_string(),
                format!("{} of {}", one.signed, one.last),
                format!("{} of {}", one.anchored, one.last),
                shown(one.verdict()),
            ]
        })
        .collect();
    table(
        &[
            "WRITER", "SEGMENTS", "EVENTS", "SIGNED", "ANCHORED", "VERDICT",
        ],
        &rows,
    )?;
    for one in &report.writers {
        let findings = one.findings.iter();
        say(findings.map(|finding| format!("{}: {finding}", one.writer)))?;
    }
    let unreadable = unread.sessions.iter();
    say(unreadable.map(|(session, why)| format!("session {session} cannot be read: {why}")))?;
    if unread.more > 0 {
        say([format!("{} more events cannot be read", unread.more)])?;
    }
    say([shown(report.verdict())])
}

fn shown(verdict: Verdict) -> String {
    let tone = match verdict {
        Verdict::Intact => Tone::Good,
        Verdict::Uncovered => Tone::Waiting,
        Verdict::Broken => Tone::Bad,
    };
    tinted(tone, word(verdict))
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Intact => "intact",
        Verdict::Uncovered => "intact as far as signatures and anchors reach",
        Verdict::Broken => "BROKEN",
    }
}
