//! Every example in the docs that is a custom resource is read strictly and lowered.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests may panic, and read files of this repository"
)]

use std::path::{Path, PathBuf};

use portcullis_crds::connection_class::ApprovalDefaults;
use portcullis_crds::document::Reader;
use portcullis_crds::lower::{class, guardrail, masking};
use portcullis_policy::Expression;

fn pages(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            pages(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// The blocks of a page that are fenced with this word.
fn blocks(page: &str, word: &str) -> Vec<String> {
    let fenced = page.split("\n```").skip(1).step_by(2);
    let wanted = fenced.filter_map(|block| block.split_once('\n').filter(|(of, _)| *of == word));
    wanted.map(|(_, text)| text.to_owned()).collect()
}

#[test]
fn custom_resources_in_the_docs_are_what_the_reader_takes() {
    let mut found = Vec::new();
    pages(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs"),
        &mut found,
    );
    let mut examples = 0;
    for page in found {
        let text = std::fs::read_to_string(&page).unwrap();
        for block in blocks(&text, "yaml") {
            let mut reader = Reader::new();
            reader.add(page.to_str().unwrap(), block.as_bytes());
            let documents = reader
                .finish()
                .unwrap_or_else(|errors| panic!("{errors:#?}"));
            for one in &documents.connection_classes {
                class::check(one).unwrap();
                examples += 1;
            }
            for policy in &documents.guardrail_policies {
                guardrail::lower(policy, &ApprovalDefaults::default()).unwrap();
                examples += 1;
            }
            for rule in &documents.masking_rules {
                masking::lower(rule, &masking::AnyKey).unwrap();
                examples += 1;
            }
        }
    }
    assert!(examples >= 4, "only {examples} examples were found");
}

#[test]
fn expressions_in_the_docs_compile() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/concepts/guardrails.md");
    let text = std::fs::read_to_string(page).unwrap();
    let block = blocks(&text, "cel").into_iter().next().unwrap();
    assert_eq!(block.lines().count(), 3);
    for line in block.lines() {
        Expression::compile(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}
