use super::*;

fn source(path: &str, text: &str) -> SourceFile {
    SourceFile {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

fn limits(path: &str, text: &str) -> Vec<Limit> {
    collect([source(path, text)].iter())
}

const TEXT: &str = "\
/// Bytes of one \"text\",
/// as [`sent`].
///
/// More about it.
#[allow(dead_code, reason = \"x\")]
pub(crate) const MAX_TEXT: usize =
    4 * 1024;
mod inner {
    const SPOOL_LIMIT: Duration = Duration::from_secs(1 << 4);
}
pub const PREFIX: usize = 3;
// const MAX_COMMENT: usize = 1;
";

#[test]
fn limits_are_collected_with_value_and_first_paragraph() {
    let found = limits("policy/src/a.rs", TEXT);
    let found: Vec<_> = found
        .iter()
        .map(|l| (l.line, l.name.as_str(), l.value.as_str(), l.text.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (
                6,
                "MAX_TEXT",
                "4 * 1024",
                "Bytes of one \"text\", as `sent`."
            ),
            (9, "SPOOL_LIMIT", "Duration::from_secs(1 << 4)", ""),
        ]
    );
}

#[test]
fn tests_and_the_house_itself_have_no_limits_that_users_meet() {
    for path in [
        "policy/src/a/tests.rs",
        "policy/tests/a.rs",
        "tidy/src/a.rs",
        "fuzz/src/a.rs",
    ] {
        assert_eq!(limits(path, TEXT), [], "{path}");
    }
}

#[test]
fn a_limit_without_a_comment_is_found() {
    let found = undocumented(&limits("policy/src/a.rs", TEXT));
    let found: Vec<_> = found.iter().map(|f| (f.line, f.subject.as_str())).collect();
    assert_eq!(found, [(9, "SPOOL_LIMIT")]);
}

#[test]
fn a_page_that_says_something_else_is_found() {
    let limits = limits("policy/src/a.rs", TEXT);
    let page = page(&limits);
    let row =
        "| [`MAX_TEXT`](../policy/src/a.rs) | `4 * 1024` | Bytes of one \"text\", as `sent`. |";
    assert!(page.contains(row), "{page}");
    assert_eq!(drift(&limits, Some(&source(PAGE, &page))), []);
    assert_eq!(
        drift(&limits, Some(&source(PAGE, &page.replace("1024", "1025")))).len(),
        1
    );
    assert_eq!(drift(&limits, None).len(), 1);
}
