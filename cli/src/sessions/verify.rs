//! `portcullis sessions verify`.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use portcullis_recording::checkpoint::{Head, PublicKey, SigningKey, TrustedKeys};
use portcullis_recording::verify::{Report, Trust, Verdict, WriterReport, verify};
use serde_json::{Value, json};

use super::source;
use crate::args::Recorded;
use crate::output::{Format, Tone, for_machines, table, tinted};
use crate::{Done, Failed};

/// Where a proxy that makes its own key keeps it, in its state directory.
const OWN_KEY: &str = "signing-key.pem";

/// The longest file of keys or heads that is read.
const MAX_FILE: u64 = 64 * 1024 * 1024;

pub(super) async fn run(
    from: &Recorded,
    keys: &[String],
    anchors: Option<&Path>,
    output: Format,
) -> Done {
    let recordings = source::open(from)?;
    let trust = Trust {
        keys: trusted(from, keys)?,
        anchors: heads(anchors)?,
        ..Trust::default()
    };
    let report = verify(&recordings, &trust).await?;
    let verdict = report.verdict();
    if !for_machines(output, &told(&report))? {
        print(&report);
    }
    // What no anchor covers yet is the ordinary state of a record that is being written.
    Ok(ExitCode::from(u8::from(verdict == Verdict::Broken)))
}

fn trusted(from: &Recorded, keys: &[String]) -> Result<TrustedKeys, Failed> {
    if !keys.is_empty() {
        return keys.iter().map(|key| public(key)).collect();
    }
    let Some(state) = &from.state else {
        return Err("whose signature counts? give --key".into());
    };
    let path = state.join(OWN_KEY);
    let key = SigningKey::from_pem(&read(&path)?)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok([key.public()].into_iter().collect())
}

fn public(digits: &str) -> Result<PublicKey, Failed> {
    let wrong = || format!("--key {digits}: write 64 hexadecimal digits");
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

fn heads(path: Option<&Path>) -> Result<Vec<Head>, Failed> {
    let Some(path) = path else {
        return Ok(Vec::new());
    };
    let text = read(path)?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let heads: Result<Vec<Head>, _> = lines.map(|line| line.trim().parse()).collect();
    heads.map_err(|error| format!("{}: {error}", path.display()).into())
}

fn read(path: &Path) -> Result<String, Failed> {
    let mut text = String::new();
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    #[allow(clippy::disallowed_methods, reason = "bounded by take")]
    file.take(MAX_FILE)
        .read_to_string(&mut text)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text)
}

fn told(report: &Report) -> Value {
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
    })
}

fn print(report: &Report) {
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
    );
    for one in &report.writers {
        for finding in &one.findings {
            println!("{}: {finding}", one.writer);
        }
    }
    println!("{}", shown(report.verdict()));
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
