use super::*;

fn found(path: &str, text: &str) -> Vec<(usize, String)> {
    let file = SourceFile {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    check([file].iter(), CRATES)
        .into_iter()
        .map(|f| (f.line, f.fact))
        .collect()
}

fn one(line: usize, from: &str, to: &str) -> [(usize, String); 1] {
    [(line, format!("`{from}` may not know `{to}`"))]
}

#[test]
fn drawn_arrows_pass() {
    for (path, text) in [
        (
            "proxy/src/main.rs",
            "use crate::{listen, control, protocol};",
        ),
        ("proxy/src/lib.rs", "pub use crate::protocol::postgres::X;"),
        ("proxy/src/protocol/mod.rs", "use self::postgres::Postgres;"),
        (
            "proxy/src/protocol/postgres/login.rs",
            "use super::refuse; use crate::session::Gate;",
        ),
        (
            "proxy/src/protocol/postgres/login.rs",
            "use portcullis_dialect::postgres::wire;",
        ),
        (
            "proxy/src/session/gate.rs",
            "use portcullis_recording::Event; use super::ports;",
        ),
        (
            "proxy/src/control/cluster/lease/mod.rs",
            "use kube::Client; use portcullis_crds::Connection;",
        ),
        (
            "dialect/src/mysql/classify.rs",
            "use crate::sql::Facts; use super::wire::Frame;",
        ),
        (
            "dialect/src/sql/lineage.rs",
            "use portcullis_policy::Operation;",
        ),
        (
            "proxy/src/session/gate.rs",
            "use std::sync::Arc; use tokio::sync::mpsc;",
        ),
    ] {
        assert_eq!(found(path, text), [], "{path}: {text}");
    }
}

#[test]
fn a_protocol_never_knows_another() {
    let path = "proxy/src/protocol/postgres/relay.rs";
    let expected = one(1, "protocol/postgres", "protocol/mysql");
    assert_eq!(found(path, "use crate::protocol::mysql::relay;"), expected);
    assert_eq!(found(path, "use super::super::mysql::relay;"), expected);
    let expected = one(2, "protocol/postgres", "portcullis_dialect::mysql");
    assert_eq!(
        found(path, "\nuse portcullis_dialect::mysql::wire;"),
        expected
    );
    let expected = one(1, "mysql", "postgres/wire");
    assert_eq!(
        found(
            "dialect/src/mysql/classify.rs",
            "use crate::postgres::wire;"
        ),
        expected
    );
}

#[test]
fn control_and_session_never_know_a_protocol() {
    let text = "fn f() { crate::protocol::redis::serve() }";
    for unit in ["control", "session", "listen", "identity"] {
        let path = format!("proxy/src/{unit}/mod.rs");
        assert_eq!(found(&path, text), one(1, unit, "protocol/redis"));
    }
}

#[test]
fn only_one_folder_knows_the_cluster_client() {
    let text = "use kube::Client;";
    assert_eq!(
        found("proxy/src/control/file.rs", text),
        one(1, "control", "kube")
    );
    assert_eq!(
        found("proxy/src/control/clusters.rs", text),
        one(1, "control", "kube")
    );
    assert_eq!(
        found("proxy/src/session/gate.rs", text),
        one(1, "session", "kube")
    );
}

#[test]
fn custom_resources_are_known_to_control_alone() {
    let text = "use portcullis_crds::Connection;";
    let expected = one(1, "protocol/ssh", "portcullis_crds");
    assert_eq!(found("proxy/src/protocol/ssh/mod.rs", text), expected);
}

#[test]
fn the_lowest_modules_know_nothing_of_ours() {
    for unit in ["io", "secret"] {
        let path = format!("proxy/src/{unit}.rs");
        assert_eq!(
            found(&path, "use crate::session::Gate;"),
            one(1, unit, "session")
        );
    }
    let path = "dialect/src/redis/wire/resp.rs";
    let expected = one(1, "redis/wire", "portcullis_policy");
    assert_eq!(found(path, "use portcullis_policy::Effect;"), expected);
}

#[test]
fn a_module_that_is_not_drawn_is_found() {
    let expected = [(0, "module `shared` is not drawn".to_owned())];
    assert_eq!(found("proxy/src/shared.rs", ""), expected);
}

#[test]
fn a_path_in_a_comment_does_not_count() {
    assert_eq!(
        found("proxy/src/session/gate.rs", "// crate::protocol::mysql::x"),
        []
    );
}

#[test]
fn tests_may_know_more() {
    let text = "use crate::protocol::mysql;";
    assert_eq!(found("proxy/src/session/tests.rs", text), []);
}
