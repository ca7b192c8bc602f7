//! A file that grows past its budget is split by phase or responsibility.

use crate::finding::Finding;
use crate::repository::SourceFile;

/// Lines of a Rust file, tests included.
pub const MAX_LINES: usize = 500;

pub fn check<'a>(files: impl Iterator<Item = &'a SourceFile>) -> Vec<Finding> {
    files
        .filter(|file| file.is_rust())
        .map(|file| (file, file.text.lines().count()))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(file, lines)| Finding {
            path: file.path.clone(),
            line: 0,
            subject: "length".to_owned(),
            fact: format!("{lines} lines, {MAX_LINES} are the limit"),
            remedy: "Split it by phase or responsibility, or give a reason in \
                     tidy/src/exceptions/mod.rs (LONG_FILES).",
        })
        .collect()
}

#[cfg(test)]
mod tests;
