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
                     tidy/src/exceptions.rs (LONG_FILES).",
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_of(lines: usize, path: &str) -> SourceFile {
        SourceFile {
            path: path.to_owned(),
            text: "// x\n".repeat(lines),
        }
    }

    #[test]
    fn a_file_at_the_limit_passes_and_one_line_more_does_not() {
        assert_eq!(check([file_of(MAX_LINES, "a.rs")].iter()), []);
        let found = check([file_of(MAX_LINES + 1, "b.rs")].iter());
        let facts: Vec<_> = found
            .iter()
            .map(|f| (f.path.as_str(), f.fact.as_str()))
            .collect();
        assert_eq!(facts, [("b.rs", "501 lines, 500 are the limit")]);
    }

    #[test]
    fn only_rust_has_a_budget() {
        assert_eq!(check([file_of(MAX_LINES + 1, "data.yaml")].iter()), []);
    }
}
