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
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        let file = SourceFile {
            path: "a.rs".to_owned(),
            text: text.to_owned(),
        };
        check([file].iter()).into_iter().map(|f| f.line).collect()
    }

    #[test]
    fn a_bare_ignore_is_found() {
        assert_eq!(
            lines("mod tests {\n  #[test]\n  #[ignore]\n  fn f() {}\n}"),
            [3]
        );
    }

    #[test]
    fn an_ignore_with_a_reason_passes() {
        let text = "#[test]\n#[ignore = \"an hour; make soak\"]\nfn f() {}";
        assert_eq!(lines(text), Vec::<usize>::new());
    }
}
