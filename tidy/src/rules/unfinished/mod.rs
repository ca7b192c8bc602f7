//! Nothing unfinished is committed, and nothing that only holds on one machine.

use crate::finding::Finding;
use crate::repository::SourceFile;

/// Notes to oneself. Spelt apart, for this file is judged too.
pub const NOTES: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];

/// Folders of one machine.
pub const MACHINE_FOLDERS: &[&str] = &[
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/Us", "ers/"),
];

/// A resource pattern speaks of the target's paths, not of ours.
const RESOURCE_PATH: &str = "path:";

pub fn notes<'a>(files: impl Iterator<Item = &'a SourceFile>) -> Vec<Finding> {
    search(
        files,
        NOTES,
        whole_word,
        "is a note to oneself",
        "Finish it, or say why it stands.",
    )
}

pub fn machine_paths<'a>(files: impl Iterator<Item = &'a SourceFile>) -> Vec<Finding> {
    let remedy = "Take the path from the environment or make it relative to the repository.";
    search(
        files,
        MACHINE_FOLDERS,
        starts_a_path,
        "is a folder of one machine",
        remedy,
    )
}

fn search<'a>(
    files: impl Iterator<Item = &'a SourceFile>,
    words: &[&'static str],
    counts: fn(&str, usize, usize) -> bool,
    fact: &str,
    remedy: &'static str,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.filter(|file| !file.is_test_data()) {
        for (at, line) in file.text.lines().enumerate() {
            let said = words.iter().filter(|word| {
                line.match_indices(**word)
                    .any(|(from, _)| counts(line, from, from + word.len()))
            });
            findings.extend(said.map(|word| Finding {
                path: file.path.clone(),
                line: at + 1,
                subject: (*word).to_owned(),
                fact: format!("`{word}` {fact}"),
                remedy,
            }));
        }
    }
    findings
}

fn whole_word(line: &str, from: usize, to: usize) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let (before, after) = (line.get(..from), line.get(to..));
    !before.is_some_and(|text| text.ends_with(word))
        && !after.is_some_and(|text| text.starts_with(word))
}

fn starts_a_path(line: &str, from: usize, _to: usize) -> bool {
    let before = line.get(..from).unwrap_or_default();
    let inside_another = |c: char| c.is_alphanumeric() || "._-~}*".contains(c);
    !before.ends_with(RESOURCE_PATH) && !before.ends_with(inside_another)
}

#[cfg(test)]
mod tests;
