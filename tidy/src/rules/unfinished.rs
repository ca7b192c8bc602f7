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
    for file in files {
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
mod tests {
    use super::*;

    fn file(text: &str) -> [SourceFile; 1] {
        [SourceFile {
            path: "a.md".to_owned(),
            text: text.to_owned(),
        }]
    }

    #[test]
    fn every_note_is_found_with_its_line() {
        for note in NOTES {
            let found = notes(file(&format!("fine\n// {note}: later")).iter());
            let places: Vec<_> = found.iter().map(|f| (f.line, f.subject.as_str())).collect();
            assert_eq!(places, [(2, *note)]);
        }
    }

    #[test]
    fn a_note_inside_another_word_passes() {
        for note in NOTES {
            assert_eq!(
                notes(file(&format!("{note}S and A{note} and a_{note}")).iter()),
                []
            );
        }
    }

    #[test]
    fn every_machine_folder_is_found() {
        for folder in MACHINE_FOLDERS {
            let found = machine_paths(file(&format!("cd {folder}x")).iter());
            assert_eq!(found.len(), 1, "{folder}");
            let found = machine_paths(file(&format!("\"{folder}x\"")).iter());
            assert_eq!(found.len(), 1, "{folder}");
        }
    }

    #[test]
    fn a_resource_pattern_and_a_longer_path_pass() {
        for folder in MACHINE_FOLDERS {
            assert_eq!(machine_paths(file(&format!("path:{folder}x")).iter()), []);
            assert_eq!(machine_paths(file(&format!("/srv{folder}x")).iter()), []);
        }
    }
}
