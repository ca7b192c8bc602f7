use super::*;

fn modules(text: &str) -> Vec<(String, Option<String>)> {
    let tokens = tokens(text).unwrap();
    declared_modules(&tokens)
        .into_iter()
        .map(|m| (m.path.join("::"), m.file))
        .collect()
}

fn paths(text: &str) -> Vec<(usize, String)> {
    let tokens = tokens(text).unwrap();
    written_paths(&tokens)
        .into_iter()
        .map(|p| (p.line, p.segments.join("::")))
        .collect()
}

#[test]
fn modules_are_found_inside_inline_modules_too() {
    let text = "pub mod a;\n#[cfg(test)] mod tests;\nmod b { mod c; }\nmod d {}";
    let names: Vec<_> = modules(text).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "tests", "b::c"]);
}

#[test]
fn a_module_in_a_comment_or_a_string_is_none() {
    assert_eq!(
        modules("// mod a;\n/* mod b; */\nconst X: &str = \"mod c;\";"),
        []
    );
}

#[test]
fn a_path_attribute_belongs_to_the_next_module_only() {
    let text = "#[path = \"x.rs\"] mod a; mod b;";
    let expected = [
        ("a".to_owned(), Some("x.rs".to_owned())),
        ("b".to_owned(), None),
    ];
    assert_eq!(modules(text), expected);
}

#[test]
fn braces_in_a_use_are_multiplied_out() {
    let text = "use crate::{\n  a::{b, c},\n  d,\n};";
    let expected = [
        (2, "crate::a::b".to_owned()),
        (2, "crate::a::c".to_owned()),
        (3, "crate::d".to_owned()),
    ];
    assert_eq!(paths(text), expected);
}

#[test]
fn a_glob_counts_as_the_module_it_opens() {
    assert_eq!(paths("use crate::a::*;"), [(1, "crate::a".to_owned())]);
}

#[test]
fn paths_in_expressions_and_types_count() {
    let text = "fn f(x: crate::a::T) { super::b::g::<crate::c::U>(x); }";
    let found: Vec<_> = paths(text).into_iter().map(|p| p.1).collect();
    assert_eq!(found, ["crate::a::T", "super::b::g", "crate::c::U"]);
}

#[test]
fn a_path_in_a_comment_or_a_string_is_none() {
    assert_eq!(
        paths("// crate::a::b\nconst X: &str = \"crate::a::b\";"),
        []
    );
}

#[test]
fn text_that_is_not_rust_is_an_error() {
    assert!(tokens("fn f( {").is_err());
}
