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
