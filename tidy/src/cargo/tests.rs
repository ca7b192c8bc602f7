use super::*;

#[test]
fn members_are_told_from_packages_of_others() {
    let json = r#"{"workspace_root": "/w", "packages": [
        {"name": "portcullis-a", "version": "0.1.0", "license": "Apache-2.0", "source": null,
         "manifest_path": "/w/a/Cargo.toml", "dependencies": [{"name": "b"}],
         "targets": [{"name": "x", "src_path": "/w/a/src/lib.rs"}]},
        {"name": "b", "version": "2.0.0", "license": null, "source": "registry",
         "manifest_path": "/r/b/Cargo.toml", "dependencies": [], "targets": []}]}"#;
    let metadata = Metadata::parse(json).unwrap();
    assert_eq!(
        metadata.members,
        [Member {
            name: "portcullis-a".to_owned(),
            folder: "a".to_owned(),
            dependencies: vec!["b".to_owned()],
            targets: vec!["a/src/lib.rs".to_owned()],
        }]
    );
    let licences: Vec<_> = metadata
        .packages
        .iter()
        .map(|p| p.licence.as_deref())
        .collect();
    assert_eq!(licences, [Some("Apache-2.0"), None]);
}

#[test]
fn a_missing_field_is_named() {
    let error = Metadata::parse("{}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "cargo's answer is not as expected: workspace_root"
    );
}

#[test]
fn a_tree_is_read_once_per_package_and_version() {
    let text = "a v0.1.0 (/w/a)\nb v1.2.3\nc v0.1.0 (proc-macro)\nb v1.2.3 (*)\n\nb v2.0.0\n";
    let found = parse_tree(text);
    let found: Vec<_> = found
        .iter()
        .map(|b| format!("{} {}", b.name, b.version))
        .collect();
    assert_eq!(found, ["a 0.1.0", "b 1.2.3", "b 2.0.0", "c 0.1.0"]);
}
