//! Unsafe code stands only in files that are listed with a reason.

use crate::finding::Finding;
use crate::repository::SourceFile;
use crate::rust;

/// The keyword, and the lint that a file must lift to use it.
const WORDS: &[&str] = &["unsafe", "unsafe_code"];

pub fn check<'a>(files: impl Iterator<Item = &'a SourceFile>) -> Vec<Finding> {
    files
        .filter(|file| file.is_rust())
        .flat_map(in_file)
        .collect()
}

fn in_file(file: &SourceFile) -> Vec<Finding> {
    let finding = |line, fact: String| Finding {
        path: file.path.clone(),
        line,
        subject: "unsafe".to_owned(),
        fact,
        remedy: "Write it safely, or give the reason in tidy/src/exceptions/mod.rs (UNSAFE_CODE).",
    };
    let tokens = match rust::tokens(&file.text) {
        Ok(tokens) => tokens,
        Err(error) => return vec![finding(0, format!("is not Rust: {error}"))],
    };
    let mut found = Vec::new();
    rust::each_run(&tokens, &mut |run| {
        for token in run {
            if WORDS.iter().any(|word| rust::is_word(Some(token), word)) {
                found.push(finding(rust::line(token), format!("`{token}`")));
            }
        }
    });
    // One finding a file: the exception is for the file, and the first place shows it.
    found.truncate(1);
    found
}

#[cfg(test)]
mod tests;
