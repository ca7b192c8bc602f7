use super::*;

const ONE: &[Exception] = &[Exception {
    path: "a.rs",
    subject: "ssh",
    reason: "a name",
}];

fn finding(path: &str, subject: &str) -> Finding {
    Finding {
        path: path.to_owned(),
        line: 3,
        subject: subject.to_owned(),
        fact: "a fact".to_owned(),
        remedy: "Do this.",
    }
}

#[test]
fn an_exception_excuses_its_own_subject_in_its_own_file_only() {
    let all = vec![
        finding("a.rs", "ssh"),
        finding("a.rs", "http"),
        finding("b.rs", "ssh"),
    ];
    let left = apply(all, ONE);
    assert_eq!(left, [finding("a.rs", "http"), finding("b.rs", "ssh")]);
}

#[test]
fn an_exception_that_excuses_nothing_is_a_finding() {
    let left = apply(Vec::new(), ONE);
    let facts: Vec<_> = left
        .iter()
        .map(|f| (f.path.as_str(), f.fact.as_str()))
        .collect();
    assert_eq!(facts, [("a.rs", "the exception for `ssh` excuses nothing")]);
}

#[test]
fn a_finding_shows_file_line_fact_and_remedy() {
    assert_eq!(
        finding("a.rs", "x").to_string(),
        "a.rs:3: a fact\n    Do this."
    );
}
