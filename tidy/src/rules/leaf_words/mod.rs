//! `policy` and `recording` must outlive every protocol, so they name none.

use crate::finding::Finding;
use crate::repository::SourceFile;

/// Folders of the leaves' own code.
pub const LEAVES: &[&str] = &["policy/src/", "recording/src/"];

/// Compared without case, at the beginning of a word.
pub const PROTOCOL_WORDS: &[&str] = &[
    "http",
    "kubectl",
    "kubernetes",
    "mysql",
    "pg_",
    "postgres",
    "psql",
    "redis",
    "ssh",
];

/// Where a comment may point to is no protocol that the code knows.
const LINK: &str = "https://";

pub fn check<'a>(files: impl Iterator<Item = &'a SourceFile>) -> Vec<Finding> {
    let of_leaves = files.filter(|file| {
        LEAVES.iter().any(|leaf| file.path.starts_with(leaf)) && file.is_rust() && !file.is_test()
    });
    let mut findings = Vec::new();
    for file in of_leaves {
        for (at, line) in file.text.lines().enumerate() {
            findings.extend(words_in(line).map(|word| finding(file, at + 1, word)));
        }
    }
    findings
}

fn finding(file: &SourceFile, line: usize, word: &'static str) -> Finding {
    Finding {
        path: file.path.clone(),
        line,
        subject: word.to_owned(),
        fact: format!("says `{word}`: a leaf names no protocol"),
        remedy: "Say it neutrally, or move it to `dialect`.",
    }
}

fn words_in(line: &str) -> impl Iterator<Item = &'static str> {
    let spoken = match line.split_once("//") {
        Some((code, comment)) => format!("{code}//{}", comment.replace(LINK, "")),
        None => line.to_owned(),
    };
    let lower = spoken.to_ascii_lowercase();
    PROTOCOL_WORDS.iter().copied().filter(move |word| {
        lower
            .match_indices(word)
            .any(|(at, _)| begins_word(spoken.as_bytes(), at))
    })
}

/// True after anything but a letter, and where an upper-case letter follows a lower-case one.
/// So `OpenSshKey` says it, and the `OPENSSH` of a PEM header does not.
fn begins_word(text: &[u8], at: usize) -> bool {
    let here = text.get(at).copied().unwrap_or_default();
    match at.checked_sub(1).and_then(|before| text.get(before)) {
        Some(before) if before.is_ascii_alphabetic() => {
            before.is_ascii_lowercase() && here.is_ascii_uppercase()
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests;
