//! Every clause of how policies decide, as data in `cases/`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test may panic, and reads its own files"
)]

mod table;

use std::path::Path;

use portcullis_policy::{Decision, Request};
use table::{Case, Group};

fn run(group: &Group, case: &Case) -> Result<(), String> {
    let (subject, session, operation) = (case.subject(), table::session(), case.operation());
    let request = Request {
        subject: &subject,
        session: &session,
        operation: &operation,
        now: table::now(),
    };
    let snapshot = group.given.snapshot();
    let decision = snapshot.decide(&request);
    let (explained, explanation) = snapshot.explain(&request);
    let told = explanation.to_string();
    let expected = case.expect.explained.as_deref().unwrap_or_default();
    let same =
        explained == decision && explanation.verdict == decision.verdict && told.contains(expected);
    match differences(case, &decision) {
        found if found.is_empty() && same => Ok(()),
        found => Err(format!("{}: {}\n{told}", case.name, found.join("; "))),
    }
}

fn differences(case: &Case, decision: &Decision) -> Vec<String> {
    let expect = &case.expect;
    let mut found = Vec::new();
    let mut compare = |what: &str, expected: Option<String>, actual: String| {
        if expected
            .as_ref()
            .is_some_and(|expected| *expected != actual)
        {
            found.push(format!("{what} is `{actual}`, not `{}`", expected.unwrap()));
        }
    };
    let verdict = format!("{:?}", expect.verdict());
    compare("verdict", Some(verdict), format!("{:?}", decision.verdict));
    let reason = decision.reason.as_ref();
    let policy = reason.and_then(|reason| reason.policy.as_ref());
    let rule = reason.and_then(|reason| reason.rule.as_ref());
    let by = match (policy, rule) {
        (Some(policy), Some(rule)) => format!("{}/{rule}", policy.name),
        (Some(policy), None) => policy.name.clone(),
        (None, _) => String::new(),
    };
    compare("by", expect.by.clone(), by);
    let class = reason
        .map(|reason| reason.class.to_string())
        .unwrap_or_default();
    compare("class", expect.class.clone(), class);
    let message = reason
        .map(|reason| reason.message.to_string())
        .unwrap_or_default();
    compare("message", expect.message.clone(), message);
    let would_be = decision.would_be.iter().map(|would| {
        let rule = would
            .rule
            .as_ref()
            .map(|rule| format!("/{rule}"))
            .unwrap_or_default();
        format!("{}{rule} {}", would.policy.name, would.verdict)
    });
    let would_be: Vec<_> = would_be.collect();
    compare(
        "would_be",
        expect.would_be.as_ref().map(|list| list.join(", ")),
        would_be.join(", "),
    );
    found
}

#[test]
fn every_case_is_decided_as_its_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let (mut ran, mut failed) = (0, Vec::new());
    for file in files {
        for group in table::read(&std::fs::read_to_string(&file).unwrap()) {
            for case in &group.cases {
                ran += 1;
                if let Err(difference) = run(&group, case) {
                    let file = file.file_name().unwrap().to_string_lossy().into_owned();
                    failed.push(format!("{file}: {difference}"));
                }
            }
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {ran} cases fail:\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert!(ran > 100, "only {ran} cases were found");
}
