//! A test that does not run says why.

use proc_macro2::TokenTree;

use crate::finding::Finding;
use crate::repository::SourceFile;
use crate::rust;

pub fn check<'a>(files: impl Iterator<Item = &'a SourceFile>) -> Vec<Finding> {
    files
        .filter(|file| file.is_rust())
        .flat_map(in_file)
        .collect()
}

fn in_file(file: &SourceFile) -> Vec<Finding> {
    let mut found = Vec::new();
    // What is not Rust is named by the rule on unsafe code.
    let tokens = rust::tokens(&file.text).unwrap_or_default();
    rust::each_run(&tokens, &mut |run| {
        for pair in run.windows(2) {
            if let [sign, TokenTree::Group(group)] = pair
                && rust::is_sign(Some(sign), '#')
                && let [only] = rust::inside(group).as_slice()
                && rust::is_word(Some(only), "ignore")
            {
                found.push(Finding {
                    path: file.path.clone(),
                    line: rust::line(sign),
                    subject: "ignore".to_owned(),
                    fact: "a test is ignored without a reason".to_owned(),
                    remedy: "Write #[ignore = \"why, and which command runs it\"].",
                });
            }
        }
    });
    found
}

#[cfg(test)]
mod tests;
