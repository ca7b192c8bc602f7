//! Whether a cluster is meant, and which.

use serde_json::Value;

use super::server::{Server, list, nowhere};
use crate::run::{complained, json, said};

#[test]
fn without_state_or_kubeconfig_nothing_is_guessed() {
    let home = tempfile::tempdir().unwrap();
    let decide = ["approve", "orders-1", "--reason", "why"];
    let commands: [&[&str]; 6] = [
        &decide,
        &["approvals", "list"],
        &["approvals", "show", "orders-1"],
        &["status"],
        &["explain", "SELECT 1"],
        &["sessions", "list", "--open"],
    ];
    for command in commands {
        let output = nowhere(home.path(), command).output().unwrap();
        let words = complained(&output);
        assert_eq!(output.status.code(), Some(2), "{command:?}: {words}");
        assert!(words.contains("--state DIR"), "{command:?}: {words}");
        assert!(words.contains("--kubeconfig FILE"), "{command:?}: {words}");
    }
}

#[test]
fn a_kubeconfig_that_is_named_and_cannot_be_read_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("missing");
    let path = file.to_str().unwrap();
    let named = nowhere(home.path(), &["status", "--kubeconfig", path]);
    let mut inherited = nowhere(home.path(), &["status"]);
    inherited.env("KUBECONFIG", path);
    for mut command in [named, inherited] {
        // As in a pod, whose own account must not be taken instead.
        command.env("KUBERNETES_SERVICE_HOST", "127.0.0.1");
        let output = command.output().unwrap();
        let words = complained(&output);
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert!(words.contains("missing"), "{words}");
    }
}

#[test]
fn a_command_means_one_of_both() {
    let server = Server::start(|_, _| list(&[]));
    let kubeconfig = server.kubeconfig();
    let decide = ["deny", "x", "--reason", "y", "--state", "."];
    let both: [&[&str]; 5] = [
        &["approvals", "list", "--state", "."],
        &["approvals", "show", "x", "--state", "."],
        &["explain", "--config", ".", "--user", "u", "SELECT 1"],
        &["sessions", "list", "--store", "."],
        &decide,
    ];
    for command in both {
        let command = [command, &["--kubeconfig", &kubeconfig]].concat();
        let output = server.run(&command);
        assert_eq!(output.status.code(), Some(2), "{command:?}: {output:?}");
    }
    // A namespace is no cluster: with --state it tells two requests of one name apart.
    let output = server.run(&[
        "approvals",
        "show",
        "x",
        "--state",
        ".",
        "--namespace",
        "shop",
    ]);
    assert!(complained(&output).contains("control.sock"), "{output:?}");
}

#[test]
fn the_context_says_where_and_the_options_say_otherwise() {
    let server = Server::start(|what, _| match what {
        "GET /apis/portcullis.dev/v1alpha1/namespaces/shop/approvalrequests"
        | "GET /apis/portcullis.dev/v1alpha1/namespaces/other/approvalrequests"
        | "GET /apis/portcullis.dev/v1alpha1/approvalrequests" => list(&[]),
        other => panic!("{other}"),
    });
    let list = ["approvals", "list", "--output", "json"];
    for more in [&[][..], &["-n", "other"], &["--all-namespaces"]] {
        let output = server.run(&[&list, more].concat());
        assert_eq!(json(&output), Value::Array(Vec::new()), "{output:?}");
    }
    let output = server.run(&["approvals", "list", "--context", "nowhere"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(complained(&output).contains("nowhere"), "{output:?}");
    assert_eq!(said(&output), "");
}

#[test]
fn records_of_a_cluster_lie_in_a_store() {
    let server = Server::start(|_, _| list(&[]));
    for command in [&["sessions", "verify"][..], &["sessions", "show", "1"]] {
        let output = server.run(command);
        assert_eq!(output.status.code(), Some(2));
        assert!(complained(&output).contains("--store URL"), "{output:?}");
    }
}
