//! The command as people run it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and reads files of this repository"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn portcullis(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(arguments)
        .output()
        .unwrap()
}

fn sample(name: &str) -> String {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/samples");
    samples.join(name).to_str().unwrap().to_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        panic!("no JSON; {said}")
    })
}

fn explained(folder: &str, more: &[&str], statement: &str) -> (Option<i32>, Value) {
    let config = sample(folder);
    let mut arguments = vec!["explain", "--config", &config, "-o", "json"];
    arguments.extend(more);
    arguments.push(statement);
    let output = portcullis(&arguments);
    (output.status.code(), json(&output))
}

#[test]
fn every_sample_is_valid() {
    let folders = std::fs::read_dir(sample("")).unwrap();
    let folders: Vec<PathBuf> = folders.map(|entry| entry.unwrap().path()).collect();
    let folders: Vec<_> = folders.iter().filter(|path| path.is_dir()).collect();
    assert_eq!(folders.len(), 7);
    for folder in folders {
        let output = portcullis(&["validate", folder.to_str().unwrap(), "-o", "json"]);
        assert_eq!(output.status.code(), Some(0), "{folder:?}: {output:?}");
        assert_eq!(json(&output)["valid"], true);
    }
}

#[test]
fn every_error_is_named_with_its_file_and_field() {
    let folder = tempfile::tempdir().unwrap();
    let text = "apiVersion: portcullis.dev/v1alpha1\nkind: GuardrailPolicy\nmetadata: {name: a}\n\
                spec: {targetRefs: [{name: c}], default: Alow, rulez: []}\n";
    std::fs::write(folder.path().join("policy.yaml"), text).unwrap();
    let output = portcullis(&["validate", folder.path().to_str().unwrap(), "-o", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let told = json(&output);
    let fields: Vec<&str> = told["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            assert_eq!(error["file"], "policy.yaml");
            assert_eq!(error["document"], 1);
            error["field"].as_str().unwrap()
        })
        .collect();
    assert_eq!(fields, ["spec.default", "spec.rulez"]);
}

#[test]
fn an_empty_directory_is_an_error_and_not_a_valid_one() {
    let folder = tempfile::tempdir().unwrap();
    let output = portcullis(&["validate", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_read_is_explained_with_the_rule_that_allows_it() {
    let agent = ["--user", "oidc:a", "--group", "oidc:support"];
    let (code, told) = explained("pii-masking", &agent, "SELECT name FROM customers");
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(told["verdict"], "Allow");
    assert_eq!(told["admitted"], true);
    assert_eq!(told["assumedTables"][0], "public.customers");
    assert_eq!(
        told["operation"]["accesses"][0],
        "Read table:public.customers"
    );
}

#[test]
fn a_stranger_is_told_that_no_session_opens() {
    let (code, told) = explained("pii-masking", &["--user", "oidc:x"], "SELECT 1");
    assert_eq!(code, Some(1));
    assert_eq!(told["admitted"], false);
}

#[test]
fn a_change_waits_for_approval_where_the_policy_says_so() {
    let agent = ["--user", "oidc:a", "--group", "oidc:agents"];
    let update = "UPDATE orders SET status = 'paid' WHERE id = 4";
    let (code, told) = explained("approval-for-writes", &agent, update);
    assert_eq!(code, Some(1));
    assert_eq!(told["verdict"], "RequireApproval(1)");
}

#[test]
fn a_text_that_is_no_sql_is_refused_by_name() {
    let config = sample("pii-masking");
    let output = portcullis(&["explain", "--config", &config, "--user", "a", "SELEC 1"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("would be refused: syntax error"), "{said}");
}

#[test]
fn what_is_piped_has_no_colours() {
    let output = portcullis(&["validate", &sample("limits")]);
    assert!(!output.stdout.contains(&0x1b));
}

#[test]
fn functions_that_nobody_reviewed_are_told_as_a_review_names_them() {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(sample("read-only-agent")).unwrap() {
        let from = entry.unwrap().path();
        std::fs::copy(&from, folder.path().join(from.file_name().unwrap())).unwrap();
    }
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    // As `psql -At` writes what the server tells, with one line end more.
    let definition = "CREATE OR REPLACE FUNCTION shop.touch(integer)\n RETURNS integer\n \
                      LANGUAGE plpgsql\nAS $function$BEGIN RETURN 1; END$function$\n";
    std::fs::write(path("touch.sql"), format!("{definition}\n")).unwrap();
    let hash = "c82b3300c5fe959fea5470f2034dff99fd7a9ae0dfb863bc7aec18f67544239c";
    let ask = |statement: &str, more: &[&str]| {
        let mut arguments = vec!["explain", "-o", "json", "--user", "oidc:x", "--config"];
        let config = folder.path().to_str().unwrap();
        arguments.push(config);
        arguments.extend(more);
        arguments.push(statement);
        json(&portcullis(&arguments))["unreviewedFunctions"].take()
    };
    let file = path("touch.sql");
    let given = ["--definition", file.as_str()];
    let named = |name: &str, sha256: Value| serde_json::json!([{"name": name, "sha256": sha256}]);
    assert_eq!(
        ask("SELECT shop.touch(1)", &[]),
        named("shop.touch", Value::Null)
    );
    assert_eq!(
        ask("SELECT shop.touch(1)", &given),
        named("shop.touch", hash.into())
    );
    assert_eq!(
        ask("SELECT upper(touch(1)::text)", &given),
        named("shop.touch", hash.into())
    );
    assert_eq!(
        ask("SELECT other.touch(1)", &given),
        named("other.touch", Value::Null)
    );
    // What is the server's own needs none.
    let own = ask(
        "SELECT upper('a'), pg_catalog.lower('b'), count(*) FROM t",
        &given,
    );
    assert_eq!(own, serde_json::json!([]));
    // Once it is reviewed it is not listed, and with another definition it is again.
    let mut class = std::fs::read_to_string(path("connection.yaml")).unwrap();
    let review = format!("spec:\n  reviewedFunctions: [{{name: shop.touch, sha256: {hash}}}]\n");
    class = class.replacen("spec:\n", &review, 1);
    std::fs::write(path("connection.yaml"), class).unwrap();
    assert_eq!(ask("SELECT shop.touch(1)", &given), serde_json::json!([]));
    std::fs::write(&file, definition.replace("RETURN 1", "RETURN 2")).unwrap();
    assert_ne!(ask("SELECT shop.touch(1)", &given), serde_json::json!([]));
    std::fs::write(&file, "SELECT 1").unwrap();
    let config = folder.path().to_str().unwrap();
    let words = [
        "explain",
        "--user",
        "x",
        "--config",
        config,
        "--definition",
        &file,
        "SELECT 1",
    ];
    let output = portcullis(&words);
    assert!(!output.status.success() && output.stdout.is_empty());
}
