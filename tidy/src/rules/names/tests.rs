use super::*;

fn facts(path: &str, text: &str) -> Vec<String> {
    let file = SourceFile {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    check([file].iter()).into_iter().map(|f| f.fact).collect()
}

#[test]
fn files_and_folders_by_an_empty_name_are_found() {
    assert_eq!(
        facts("policy/src/utils.rs", ""),
        ["`utils.rs` is named `utils`"]
    );
    assert_eq!(
        facts("policy/src/common/x.rs", ""),
        ["`common` is named `common`"]
    );
    assert_eq!(
        facts("crds/test_helpers.yaml", ""),
        ["`test_helpers.yaml` is named `helpers`"]
    );
}

#[test]
fn an_inline_module_by_an_empty_name_is_found() {
    let found = facts("a.rs", "mod a {\n  mod core {}\n}");
    assert_eq!(found, ["module `core` is named `core`"]);
}

#[test]
fn a_word_that_only_contains_one_passes() {
    assert_eq!(
        facts("policy/src/score.rs", "mod encore {}"),
        Vec::<String>::new()
    );
    assert_eq!(
        facts("crds/v2alpha.rs", "// mod utils"),
        Vec::<String>::new()
    );
}
