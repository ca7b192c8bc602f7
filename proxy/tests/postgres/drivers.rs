//! Drivers that others wrote, with and without us: each tells all that it can do and what came of
//! it, and both tell the same. Masks and limits are on all the while, and reach none of it.

use std::process::Command;

use crate::house::PASSWORD;
use crate::peers;
use crate::run::Run;

/// What the drivers work on beside tables of their own.
const SCHEMA: &str = "
CREATE SCHEMA drivers;
CREATE TYPE drivers.mood AS ENUM ('low', 'high');
CREATE TABLE drivers.people (id int PRIMARY KEY, name text NOT NULL, ssn text);
INSERT INTO drivers.people SELECT i, 'name ' || i, '123-45-678' || i FROM generate_series(1, 5) i;
COMMENT ON TABLE drivers.people IS 'people';
";

const RULES: &str = r#"
apiVersion: portcullis.dev/v1alpha1
kind: GuardrailPolicy
metadata: {name: rules, namespace: shop}
spec:
  targetRefs: [{name: orders}]
  default: Allow
  rules:
    - {name: no-drops, match: {verbs: [DROP DATABASE, TRUNCATE]}, action: Deny}
    - {name: real-where, match: {flags: [unbounded, constantWhere]}, action: Deny}
  limits:
    rows: {max: 1000000, onExceed: Error}
    bytes: {max: 1000000000, onExceed: Error}
    operations: {max: 100000, per: 60s}
    writes: {max: 100000, per: 60s}
    sessions: {max: 50}
---
apiVersion: portcullis.dev/v1alpha1
kind: MaskingRule
metadata: {name: pii, namespace: shop}
spec:
  targetRefs: [{name: orders}]
  match: {columns: [drivers.people.ssn]}
  transform: {type: Redact}
  ddl: Allow
"#;

/// The first two of the people, with their masked column.
const MASKED: &str = "@masked [(1, 'name 1', '[redacted]'), (2, 'name 2', '[redacted]')]";

/// Runs a driver's script before the server and before the proxy, in a database of its own. Tells
/// the lines that may differ, which begin with `@`, of the one before the proxy.
async fn compared(name: &str, script: impl Fn() -> Command, tls: &[&str]) -> Vec<String> {
    let server = crate::server::shared();
    server.sql("postgres", &format!("CREATE DATABASE {name}"));
    server.sql(name, SCHEMA);
    let run = Run::start_on(name, "carol", RULES);
    let ca = run.folder.path().join("state/ca.crt");
    let ca = ca.to_str().unwrap();
    let mut told = Vec::new();
    for (port, more) in [
        (run.server.port, [].as_slice()),
        (run.address().port(), tls),
    ] {
        let mut command = script();
        command.args(["host=localhost", "user=trusted"]);
        command.arg(format!("dbname={name}"));
        command.arg(format!("port={port}"));
        command.arg(format!("password={PASSWORD}"));
        command.args(more.iter().map(|word| word.replace("{ca}", ca)));
        let said = peers::said(command).await;
        let lines = said.lines().map(str::to_owned);
        told.push(lines.partition::<Vec<_>, _>(|line| !line.starts_with('@')));
    }
    let (proxied, apart) = told.pop().unwrap();
    let (direct, _) = told.pop().unwrap();
    for line in &direct {
        assert!(!line.contains("raised"), "without us: {line}");
    }
    for (proxied, direct) in proxied.iter().zip(&direct) {
        assert_eq!(proxied, direct);
    }
    assert_eq!(proxied.len(), direct.len());
    assert!(direct.len() > 3, "{direct:?}");
    apart
}

#[tokio::test(flavor = "multi_thread")]
async fn psycopg_does_all_it_can_do() {
    // Direct TLS and the newest protocol, both of libpq 18.
    let tls = [
        "sslmode=verify-full",
        "sslnegotiation=direct",
        "sslrootcert={ca}",
        "min_protocol_version=3.2",
        "max_protocol_version=latest",
    ];
    let script = || peers::python("drive_psycopg.py");
    let apart = compared("psycopg", script, &tls).await;
    let expected = [
        "@payload ['[redacted]']",
        "@protocol 30002 True",
        MASKED,
        MASKED,
    ];
    assert_eq!(apart, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn asyncpg_does_all_it_can_do() {
    let script = || peers::python("drive_asyncpg.py");
    let apart = compared("asyncpg", script, &["ssl={ca}"]).await;
    assert_eq!(apart, [MASKED]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlalchemy_does_all_it_can_do() {
    let script = || peers::python("drive_sqlalchemy.py");
    compared(
        "sqlalchemy",
        script,
        &["sslmode=verify-full", "sslrootcert={ca}"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_of_node_does_all_it_can_do() {
    let script = || peers::node("drive_pg.mjs", "pg");
    compared("node_pg", script, &["ssl={ca}"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pgjdbc_does_all_it_can_do_but_function_calls_by_message() {
    if peers::java("DrivePgjdbc", "pgjdbc").is_none() {
        return;
    }
    let script = || peers::java("DrivePgjdbc", "pgjdbc").unwrap();
    let tls = ["sslmode=verify-full", "sslrootcert={ca}"];
    let apart = compared("pgjdbc", script, &tls).await;
    let masked = format!("@masked [{}]", ["[[1, name 1, [redacted]]]"; 6].join(", "));
    // Its large objects are read and written by FunctionCall.
    let expected = ["@payload [redacted]", "@large_objects 0A000", &masked];
    assert_eq!(apart, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn pgx_does_all_it_can_do() {
    let script = || peers::built("drive_pgx");
    let tls = ["sslmode=verify-full", "sslrootcert={ca}"];
    let apart = compared("pgx", script, &tls).await;
    assert_eq!(apart, ["@masked [1 name 1 [redacted]]"]);
}
