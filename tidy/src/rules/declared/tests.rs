use super::*;

fn lost(files: &[(&str, &str)], targets: &[&str]) -> Vec<String> {
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| SourceFile {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        })
        .collect();
    let targets = targets.iter().map(|target| (*target).to_owned()).collect();
    let member = Member {
        targets,
        ..Member::default()
    };
    check(files.iter(), &[member])
        .into_iter()
        .map(|f| f.path)
        .collect()
}

#[test]
fn declared_files_pass_in_every_layout() {
    let files = [
        ("a/src/lib.rs", "mod b; mod c; mod f;"),
        ("a/src/b.rs", "#[cfg(test)] mod tests;"),
        ("a/src/b/tests.rs", ""),
        (
            "a/src/c/mod.rs",
            "mod d; #[cfg(test)] mod tests; mod inline { mod e; }",
        ),
        ("a/src/c/d.rs", ""),
        ("a/src/c/tests.rs", ""),
        ("a/src/c/inline/e.rs", ""),
        ("a/src/f.rs", "#[path = \"../shared/g.rs\"] mod g;"),
        ("a/shared/g.rs", ""),
        ("a/tests/it.rs", "mod steps;"),
        ("a/tests/steps.rs", ""),
    ];
    assert_eq!(
        lost(&files, &["a/src/lib.rs", "a/tests/it.rs"]),
        Vec::<String>::new()
    );
}

#[test]
fn an_undeclared_test_file_is_found() {
    let files = [
        ("a/src/lib.rs", "mod b;"),
        ("a/src/b.rs", ""),
        ("a/src/b/tests.rs", ""),
    ];
    assert_eq!(lost(&files, &["a/src/lib.rs"]), ["a/src/b/tests.rs"]);
}

#[test]
fn a_declaration_in_a_comment_does_not_count() {
    let files = [("a/src/lib.rs", "// mod b;"), ("a/src/b.rs", "")];
    assert_eq!(lost(&files, &["a/src/lib.rs"]), ["a/src/b.rs"]);
}

#[test]
fn a_file_outside_every_target_is_found_and_data_is_not() {
    let files = [("x.rs", ""), ("a/testdata/y.rs", "")];
    assert_eq!(lost(&files, &[]), ["x.rs"]);
}
