//! One step of the walk: a heading, a command, its output, and what must be in it.

use std::process::{Command, Output, Stdio};

use crate::Failed;
use crate::output::{Tone, say, tinted};

/// What must, and what must not, be in what a step prints.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Expected<'e> {
    pub(super) there: &'e [&'e str],
    pub(super) absent: &'e [&'e str],
}

/// A step that ran.
#[derive(Debug)]
pub(super) struct Ran {
    title: String,
    text: String,
}

// === impl Ran ===

impl Ran {
    /// What is not as it should be.
    pub(super) fn failures(&self, expected: Expected<'_>) -> Vec<String> {
        let missing = expected
            .there
            .iter()
            .filter(|text| !self.text.contains(**text))
            .map(|text| format!("{}: there is no {text:?} in it", self.title));
        let unwanted = expected
            .absent
            .iter()
            .filter(|text| self.text.contains(**text))
            .map(|text| format!("{}: {text:?} is in it", self.title));
        missing.chain(unwanted).collect()
    }
}

pub(super) fn heading(title: &str) -> Result<(), Failed> {
    let title = tinted(Tone::Bold, &format!("== {title}"));
    say([String::new(), title])
}

pub(super) fn shown(command: &str) -> Result<(), Failed> {
    say([tinted(Tone::Faint, &format!("$ {command}"))])
}

/// Runs a command and prints what it says.
pub(super) fn run(title: &str, command: &mut Command) -> Result<Ran, Failed> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", command.get_program().to_string_lossy()))?;
    said(title, &output)
}

/// Prints what a command said: people see both streams, so a reader of the demonstration does too.
pub(super) fn said(title: &str, output: &Output) -> Result<Ran, Failed> {
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    say(folded(text.trim_end()))?;
    Ok(Ran {
        title: title.to_owned(),
        text,
    })
}

/// The head and the tail of a long text: what is between is more of the same.
fn folded(text: &str) -> Vec<String> {
    const HEAD: usize = 6;
    const TAIL: usize = 5;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let folded = lines.len().saturating_sub(HEAD + TAIL);
    if folded >= 10 {
        let more = tinted(Tone::Faint, &format!("  … {folded} more lines …"));
        lines.splice(HEAD..HEAD + folded, [more]);
    }
    lines
}
