//! Tables for people, JSON and YAML for machines. Colours only on a terminal.

use std::io::{IsTerminal, Write};

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

/// How a word is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Waiting,
    Faint,
    Bold,
}

/// Prints a value for machines, or says that the caller must print a table.
pub(crate) fn for_machines(format: Format, value: &Value) -> Result<bool, Failed> {
    let text = match format {
        Format::Table => return Ok(false),
        Format::Json => serde_json::to_string_pretty(value)? + "\n",
        Format::Yaml => to_yaml(value),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(true)
}

/// Prints rows under headings. Control characters of what others wrote are made visible.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    if !std::io::stdout().is_terminal() {
        table.set_width(u16::MAX);
    }
    table.set_header(headings.to_vec());
    for row in rows {
        table.add_row(row.clone());
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    println!("{}", table.trim_fmt());
}

/// Prints lines, or tells that nobody reads them any more.
pub(crate) fn say(lines: impl IntoIterator<Item = String>) -> Result<(), Failed> {
    let mut out = std::io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

/// A word in colour on a terminal, plain elsewhere.
pub(crate) fn tinted(tone: Tone, word: &str) -> String {
    if !std::io::stdout().is_terminal() {
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
        if character.is_control() || is_directional(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
        count += 1;
    }
    shown
}

/// Characters that turn the direction of text, or hide.
fn is_directional(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn what_others_wrote_cannot_steer_a_terminal() {
        assert_eq!(line("a\u{1b}[2Jb", 80), "a\\u{1b}[2Jb");
        assert_eq!(line("x\u{202e}y", 80), "x\\u{202e}y");
    }

    #[test]
    fn white_space_is_one_blank_and_long_texts_are_cut() {
        assert_eq!(line(" SELECT\n\t1 ", 80), "SELECT 1");
        assert_eq!(line("abcdef", 3), "abc…");
    }
}
