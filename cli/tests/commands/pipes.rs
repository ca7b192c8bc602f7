//! Output that nobody reads to its end.

use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::json;

use crate::run::{command, proxy};
use crate::sessions::recorded;

/// What a shell tells of a filter whose pipe was closed.
const AS_A_FILTER: Option<i32> = Some(141);

/// Runs with a pipe for output that is closed already.
fn unread(arguments: &[&str]) -> Output {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = command(arguments);
    command.stdin(Stdio::null()).stdout(writer);
    command.output().unwrap()
}

fn ends_quietly(arguments: &[&str]) {
    let output = unread(arguments);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert_eq!(complained, "", "{arguments:?}");
    assert_eq!(output.status.code(), AS_A_FILTER, "{arguments:?}");
}

#[test]
fn judgements_end_quietly_where_nobody_reads_them() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/samples");
    let sample = samples.join("pii-masking");
    let config = sample.to_str().unwrap();
    for output in ["table", "json", "yaml"] {
        ends_quietly(&["validate", config, "-o", output]);
        let statement = "SELECT other.f(name) FROM customers";
        let explain = ["explain", "--config", config, "--user", "oidc:a"];
        ends_quietly(&[&explain[..], &["-o", output, statement]].concat());
    }
}

#[test]
fn records_end_quietly_where_nobody_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let writer = recorded(folder.path(), None);
    let state = folder.path().to_str().unwrap();
    for words in [
        &["list"][..],
        &["list", "-o", "json"],
        &["show", "abab"],
        &["show", "abab", "-o", "yaml"],
        &["export"],
        &["replay", "abab"],
        &["verify"],
    ] {
        ends_quietly(&[&["sessions"], words, &["--state", state]].concat());
    }
    drop(writer);
}

#[test]
fn what_a_proxy_tells_ends_quietly_where_nobody_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_str().unwrap();
    let done = json!({ "ok": true, "state": "Approved" });
    let none = json!({ "ok": true, "requests": [], "sessions": [] });
    let answers = vec![vec![done], vec![none.clone()], vec![none]];
    let proxy = proxy(folder.path(), answers);
    ends_quietly(&["approve", "r-1", "--reason", "x", "--state", state]);
    ends_quietly(&["approvals", "list", "--state", state]);
    ends_quietly(&["sessions", "list", "--open", "--state", state]);
    assert_eq!(proxy.join().unwrap().len(), 3);
}

#[test]
fn an_error_that_nobody_can_read_is_no_panic() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut failing = command(&["validate", "/nonexistent"]);
    failing.stdout(Stdio::null()).stderr(writer);
    assert_eq!(failing.status().unwrap().code(), Some(2));
}

#[test]
fn a_proxy_that_hangs_up_is_an_error_and_no_closed_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let proxy = proxy(folder.path(), vec![vec![]]);
    let state = folder.path().to_str().unwrap();
    let output = unread(&["approvals", "list", "--state", state]);
    assert_eq!(output.status.code(), Some(2));
    let complained = String::from_utf8_lossy(&output.stderr);
    assert_eq!(complained, "portcullis: the proxy said nothing\n");
    drop(proxy.join().unwrap());
}
