//! Names that say nothing collect everything.

use std::collections::BTreeSet;

use crate::finding::Finding;
use crate::repository::SourceFile;
use crate::rust;

/// As a whole name or as one word of it.
pub const EMPTY_NAMES: &[&str] = &[
    "common", "commons", "core", "helper", "helpers", "manager", "managers", "util", "utils", "v2",
];

pub fn check<'a>(files: impl Iterator<Item = &'a SourceFile>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for file in files {
        for part in file.path.split('/') {
            if let Some(word) = empty_word(part)
                && seen.insert(part)
            {
                findings.push(finding(file, word, format!("`{part}` is named `{word}`")));
            }
        }
        findings.extend(modules(file));
    }
    findings
}

/// Modules by such a name, inline ones too.
fn modules(file: &SourceFile) -> Vec<Finding> {
    let mut found = Vec::new();
    let Ok(tokens) = rust::tokens(if file.is_rust() { &file.text } else { "" }) else {
        return found;
    };
    rust::each_run(&tokens, &mut |run| {
        for pair in run.windows(2) {
            if let [first, second] = pair
                && rust::is_word(Some(first), "mod")
                && let Some(word) = empty_word(&second.to_string())
            {
                let fact = format!("module `{second}` is named `{word}`");
                found.push(Finding {
                    line: rust::line(first),
                    ..finding(file, word, fact)
                });
            }
        }
    });
    found
}

fn finding(file: &SourceFile, word: &str, fact: String) -> Finding {
    let remedy = "Name it for what it holds; if that is hard, it holds several things.";
    Finding::of_file(&file.path, word, fact, remedy)
}

fn empty_word(name: &str) -> Option<&'static str> {
    let stem = name
        .split_once('.')
        .map_or(name, |(stem, _)| stem)
        .to_lowercase();
    EMPTY_NAMES
        .iter()
        .copied()
        .find(|word| stem.split(['_', '-']).any(|part| part == *word))
}

#[cfg(test)]
mod tests;
