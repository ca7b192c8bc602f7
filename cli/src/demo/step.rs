//! One step of the walk: a heading, a command, its output, and what must be in it.

use std::process::{Command, Output, Stdio};

use crate::Failed;
use crate::output::{Tone, tinted};

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

pub(super) fn heading(title: &str) {
    println!("\n{}", tinted(Tone::Bold, &format!("== {title}")));
}

pub(super) fn shown(command: &str) {
    println!("{}", tinted(Tone::Faint, &format!("$ {command}")));
}

/// Runs a command and prints what it says.
pub(super) fn run(title: &str, command: &mut Command) -> Result<Ran, Failed> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", command.get_program().to_string_lossy()))?;
    Ok(said(title, &output))
}

/// Prints what a command said: people see both streams, so a reader of the demonstration does too.
pub(super) fn said(title: &str, output: &Output) -> Ran {
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    print_folded(text.trim_end());
    Ran {
        title: title.to_owned(),
        text,
    }
}

/// The head and the tail of a long text: what is between is more of the same.
fn print_folded(text: &str) {
    const HEAD: usize = 6;
    const TAIL: usize = 5;
    let lines: Vec<&str> = text.lines().collect();
    let folded = lines.len().saturating_sub(HEAD + TAIL);
    for (at, line) in lines.iter().enumerate() {
        match at {
            _ if folded < 10 || at < HEAD || at >= HEAD + folded => println!("{line}"),
            HEAD => println!(
                "{}",
                tinted(Tone::Faint, &format!("  … {folded} more lines …"))
            ),
            _ => {}
        }
    }
}
