use super::*;

fn found(text: &str) -> Vec<(usize, String)> {
    let file = SourceFile {
        path: "a.rs".to_owned(),
        text: text.to_owned(),
    };
    check([file].iter())
        .into_iter()
        .map(|f| (f.line, f.fact))
        .collect()
}

#[test]
fn a_block_a_function_and_a_lifted_lint_are_found() {
    let unsafe_ = || "`unsafe`".to_owned();
    assert_eq!(found("fn f() {\n  unsafe { g() }\n}"), [(2, unsafe_())]);
    assert_eq!(found("mod a { unsafe fn f() {} }"), [(1, unsafe_())]);
    assert_eq!(found("#[unsafe(no_mangle)] fn f() {}"), [(1, unsafe_())]);
    assert_eq!(
        found("#![allow(unsafe_code)]"),
        [(1, "`unsafe_code`".to_owned())]
    );
}

#[test]
fn a_comment_and_a_string_pass() {
    assert_eq!(found("// unsafe\nconst X: &str = \"unsafe\";"), []);
}

#[test]
fn a_file_that_cannot_be_read_as_rust_is_found() {
    assert_eq!(found("fn f( {").len(), 1);
}
