use super::*;

fn found(path: &str, text: &str) -> Vec<(usize, String)> {
    let file = SourceFile {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let paths = [
        "README.md",
        "docs/a.md",
        "docs/adr/0001-x.md",
        "policy/src/lib.rs",
    ];
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    check([file].iter(), &paths)
        .into_iter()
        .map(|f| (f.line, f.subject))
        .collect()
}

#[test]
fn links_to_files_and_folders_pass() {
    let text = "[a](docs/a.md) and [b](docs/adr/), [c](policy/src/lib.rs#L3)\n[d](./docs/a.md)";
    assert_eq!(found("README.md", text), []);
    assert_eq!(
        found("docs/a.md", "[r](../README.md) [x](adr/0001-x.md)"),
        []
    );
}

#[test]
fn a_link_that_leads_nowhere_is_found_with_its_line() {
    let text = "fine\n[a](docs/b.md) and [b](docs/a.md)";
    assert_eq!(found("README.md", text), [(2, "docs/b.md".to_owned())]);
    assert_eq!(
        found("docs/a.md", "[a](docs/a.md)"),
        [(1, "docs/a.md".to_owned())]
    );
    assert_eq!(
        found("README.md", "[a](../README.md)"),
        [(1, "../README.md".to_owned())]
    );
}

#[test]
fn links_elsewhere_and_within_the_page_are_not_ours_to_follow() {
    assert_eq!(
        found("README.md", "[a](https://example.org/x) [b](#limits)"),
        []
    );
}

#[test]
fn only_documents_have_links() {
    assert_eq!(found("policy/src/lib.rs", "[a](nowhere)"), []);
}
