//! The committed files are those that the types make.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests read files of this repository, whose size is known, and may panic"
)]

use std::collections::BTreeSet;
use std::path::Path;

use portcullis_crds::generated::{files, undescribed};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[test]
fn generated_files_are_current() {
    for file in files() {
        let found = std::fs::read_to_string(root().join(&file.path)).unwrap_or_default();
        assert!(
            found == file.content,
            "{} is stale; run `make gen`",
            file.path
        );
    }
}

#[test]
fn folders_of_generated_files_hold_nothing_else() {
    let made: BTreeSet<String> = files().into_iter().map(|file| file.path).collect();
    for folder in [
        "crds/generated",
        "charts/portcullis-crds/templates",
        "docs/reference",
    ] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap());
            assert!(
                made.contains(&path),
                "{path} is made from nothing; remove it"
            );
        }
    }
}

#[test]
fn every_field_has_a_sentence_and_every_value_an_example() {
    assert_eq!(undescribed(), Vec::<String>::new());
}

#[test]
fn the_chart_has_the_version_of_the_crate() {
    let chart = std::fs::read_to_string(root().join("charts/portcullis-crds/Chart.yaml")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        chart.contains(&format!("\nversion: {version}\n")),
        "{chart}"
    );
    assert!(
        chart.contains(&format!("\nappVersion: \"{version}\"\n")),
        "{chart}"
    );
}

#[test]
fn the_charts_copy_is_kept_on_uninstall_and_otherwise_the_same() {
    let files = files();
    let content = |path: &str| {
        files
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.content.clone())
            .unwrap()
    };
    for plural in [
        "connections",
        "connectionclasses",
        "guardrailpolicies",
        "maskingrules",
        "approvalrequests",
    ] {
        let copy = content(&format!("charts/portcullis-crds/templates/{plural}.yaml"));
        let original = content(&format!("crds/generated/{plural}.yaml"));
        assert!(copy.contains("    helm.sh/resource-policy: keep\n"));
        let without: Vec<&str> = copy
            .lines()
            .filter(|line| {
                !line.contains("{{")
                    && !line.contains("helm.sh/")
                    && !line.contains("argocd.")
                    && *line != "  annotations:"
            })
            .collect();
        assert_eq!(without, original.lines().collect::<Vec<_>>());
    }
}
