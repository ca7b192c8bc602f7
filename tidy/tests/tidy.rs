//! The rules over this repository, each as a test of its own.

#![allow(clippy::panic, reason = "a finding fails the test with its report")]

use std::path::{Path, PathBuf};

use portcullis_tidy::cargo::{self, Edges, Metadata};
use portcullis_tidy::finding::report;
use portcullis_tidy::rules::{
    bans, crate_arrows, declared, ignored_tests, leaf_words, licences, limits, links,
    module_arrows, names, sizes, unfinished, unsafety,
};
use portcullis_tidy::{Exception, Finding, Repository, exceptions};

fn root() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder
        .parent()
        .map(Path::to_owned)
        .unwrap_or_else(|| panic!("no folder above"))
}

fn repository() -> Repository {
    Repository::read(&root()).unwrap_or_else(|error| panic!("{error}"))
}

fn metadata() -> Metadata {
    Metadata::read(&root()).unwrap_or_else(|error| panic!("{error}"))
}

fn expect_none(findings: Vec<Finding>, exceptions: &[Exception]) {
    let left = exceptions::apply(findings, exceptions);
    assert!(
        left.is_empty(),
        "{} finding(s):\n\n{}",
        left.len(),
        report(&left)
    );
}

#[test]
fn crates_know_only_whom_they_may() {
    let metadata = metadata();
    let mut findings = crate_arrows::between_ours(&metadata.members);
    for member in &metadata.members {
        let built = cargo::built(&root(), Some(&member.name), Edges::Product)
            .unwrap_or_else(|error| panic!("{error}"));
        findings.extend(crate_arrows::reach(member, &built));
    }
    expect_none(findings, &[]);
}

#[test]
fn modules_know_only_whom_they_may() {
    let repository = repository();
    expect_none(
        module_arrows::check(repository.rust_files(), module_arrows::CRATES),
        &[],
    );
}

#[test]
fn every_rust_file_is_declared() {
    let repository = repository();
    let findings = declared::check(repository.rust_files(), &metadata().members);
    expect_none(findings, &[]);
}

#[test]
fn every_ignored_test_says_why() {
    expect_none(ignored_tests::check(repository().rust_files()), &[]);
}

#[test]
fn no_file_is_longer_than_its_budget() {
    expect_none(
        sizes::check(repository().rust_files()),
        exceptions::LONG_FILES,
    );
}

#[test]
fn leaves_name_no_protocol() {
    expect_none(
        leaf_words::check(repository().files.iter()),
        exceptions::PROTOCOL_WORDS,
    );
}

#[test]
fn unsafe_code_stands_only_where_it_has_a_reason() {
    expect_none(
        unsafety::check(repository().rust_files()),
        exceptions::UNSAFE_CODE,
    );
}

#[test]
fn every_licence_is_permissive() {
    expect_none(licences::check(&metadata().packages), exceptions::LICENCES);
}

#[test]
fn no_banned_or_doubled_package_is_built() {
    let built = cargo::built(&root(), None, Edges::All).unwrap_or_else(|error| panic!("{error}"));
    expect_none(
        bans::check(&metadata().members, &built),
        exceptions::DUPLICATES,
    );
}

#[test]
fn every_limit_says_what_it_bounds_and_stands_in_the_page() {
    let repository = repository();
    let all = limits::collect(repository.rust_files());
    let mut findings = limits::undocumented(&all);
    let page = repository
        .files
        .iter()
        .find(|file| file.path == limits::PAGE);
    findings.extend(limits::drift(&all, page));
    expect_none(findings, &[]);
}

#[test]
fn every_link_in_a_document_leads_somewhere() {
    let repository = repository();
    expect_none(
        links::check(repository.files.iter(), &repository.paths),
        &[],
    );
}

#[test]
fn names_say_what_is_inside() {
    expect_none(names::check(repository().files.iter()), &[]);
}

#[test]
fn nothing_unfinished_is_committed() {
    expect_none(unfinished::notes(repository().files.iter()), &[]);
}

#[test]
fn no_path_of_one_machine_is_committed() {
    let findings = unfinished::machine_paths(repository().files.iter());
    expect_none(findings, exceptions::MACHINE_PATHS);
}
