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
