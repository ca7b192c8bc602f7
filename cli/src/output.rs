//! Tables for people, JSON and YAML for machines. Colours only on a terminal.
//!
//! All that is printed goes through here. Where nobody reads it any more the program ends quietly,
//! as a filter does in a pipe, and never by a panic.

use std::error::Error;
use std::io::{self, ErrorKind, IsTerminal, Write};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use portcullis_crds::yaml::to_yaml;
use serde_json::Value;

use crate::Failed;

/// How an answer is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Table,
    Json,
    Yaml,
}

impl Format {
    pub(crate) fn is_table(self) -> bool {
        self == Self::Table
    }
}

/// How a word is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Waiting,
    Faint,
    Bold,
}

/// What all output is written to.
#[derive(Debug)]
pub(crate) struct Out(io::StdoutLock<'static>);

/// Nobody reads the output any more.
#[derive(Debug, thiserror::Error)]
#[error("the output is not read any more")]
struct Unread;

/// Prints a value for machines, or says that the caller must print a table.
pub(crate) fn for_machines(format: Format, value: &Value) -> Result<bool, Failed> {
    let text = match format {
        Format::Table => return Ok(false),
        Format::Json => serde_json::to_string_pretty(value)? + "\n",
        Format::Yaml => to_yaml(value),
    };
    let mut out = Out::new();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(true)
}

/// Prints one value of several that come one by one: a line of JSON, or a document of YAML; or says
/// that the caller must print lines.
pub(crate) fn one_by_one(format: Format, value: impl FnOnce() -> Value) -> Result<bool, Failed> {
    let text = match format {
        Format::Table => return Ok(false),
        Format::Json => format!("{}\n", value()),
        Format::Yaml => format!("---\n{}", to_yaml(&value())),
    };
    let mut out = Out::new();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(true)
}

/// Prints rows under headings. Control characters of what others wrote are made visible.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) -> Result<(), Failed> {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    if !io::stdout().is_terminal() {
        table.set_width(u16::MAX);
    }
    table.set_header(headings.to_vec());
    for row in rows {
        table.add_row(row.clone());
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    say([table.trim_fmt()])
}

/// Prints lines.
pub(crate) fn say(lines: impl IntoIterator<Item = String>) -> Result<(), Failed> {
    let mut out = Out::new();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

/// Tells of what is wrong beside the output; where nobody can read that either, it stays untold.
pub(crate) fn warn(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Whether something ended for want of a reader of its output. A pipe that breaks elsewhere is
/// another matter.
pub(crate) fn is_unread(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(|io| io.get_ref());
        if inner.is_some_and(|inner| inner.is::<Unread>()) {
            return true;
        }
        next = error.source();
    }
    false
}

// === impl Out ===

impl Out {
    pub(crate) fn new() -> Self {
        Self(io::stdout().lock())
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(unread)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(unread)
    }
}

fn unread(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::BrokenPipe => io::Error::new(ErrorKind::BrokenPipe, Unread),
        _ => error,
    }
}

/// A word in colour on a terminal, plain elsewhere.
pub(crate) fn tinted(tone: Tone, word: &str) -> String {
    if !io::stdout().is_terminal() {
        return word.to_owned();
    }
    let code = match tone {
        Tone::Good => "32",
        Tone::Bad => "31",
        Tone::Waiting => "33",
        Tone::Faint => "2",
        Tone::Bold => "1",
    };
    format!("\u{1b}[{code}m{word}\u{1b}[0m")
}

/// Text that somebody else wrote, in one line of at most `limit` characters, with nothing in it that
/// could play tricks on a terminal.
pub(crate) fn line(text: &str, limit: usize) -> String {
    let mut shown = String::new();
    let mut count = 0;
    let mut blank = false;
    for character in text.trim().chars() {
        if count >= limit {
            shown.push('…');
            break;
        }
        if character.is_whitespace() {
            if !blank {
                shown.push(' ');
                count += 1;
            }
            blank = true;
            continue;
        }
        blank = false;
        show(&mut shown, character);
        count += 1;
    }
    shown
}

/// Text that somebody else wrote, whole and as it is, but for what could play tricks.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::new();
    text.chars().for_each(|one| show(&mut shown, one));
    shown
}

fn show(shown: &mut String, character: char) {
    if character.is_control() || is_directional(character) {
        shown.extend(character.escape_unicode());
    } else {
        shown.push(character);
    }
}

/// Characters that turn the direction of text, or hide.
fn is_directional(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use crate::output::{line, visible};

    #[test]
    fn what_others_wrote_cannot_steer_a_terminal() {
        assert_eq!(line("a\u{1b}[2Jb", 80), "a\\u{1b}[2Jb");
        assert_eq!(line("x\u{202e}y", 80), "x\\u{202e}y");
        let text = "a  \tb\u{1b}[2J\u{61c}\r";
        assert_eq!(visible(text), "a  \\u{9}b\\u{1b}[2J\\u{61c}\\u{d}");
    }

    #[test]
    fn white_space_is_one_blank_and_long_texts_are_cut() {
        assert_eq!(line(" SELECT\n\t1 ", 80), "SELECT 1");
        assert_eq!(line("abcdef", 3), "abc…");
    }
}
