//! The tools that come with PostgreSQL, with and without us: they must say the same.

use std::net::SocketAddr;
use std::process::{Command, Output};
use std::time::Duration;

use portcullis_policy::{Action, DefaultAction, Effect, Policy};

use crate::bed::{open_policy, policy, rule};
use crate::house::{House, PASSWORD};

/// What one test works on.
const SCHEMA: &str = "
DROP SCHEMA IF EXISTS tools CASCADE;
CREATE SCHEMA tools;
CREATE TYPE tools.mood AS ENUM ('low', 'high');
CREATE TABLE tools.parent (id int PRIMARY KEY, name text NOT NULL DEFAULT 'x', m tools.mood);
CREATE TABLE tools.child (id int REFERENCES tools.parent ON DELETE CASCADE, CHECK (id > 0));
CREATE INDEX ON tools.child (id);
CREATE VIEW tools.seen AS SELECT id, upper(name) AS name FROM tools.parent;
CREATE FUNCTION tools.add(a int, b int) RETURNS int LANGUAGE sql RETURN a + b;
COMMENT ON TABLE tools.parent IS 'the parent';
INSERT INTO tools.parent SELECT i, 'name ' || i FROM generate_series(1, 1000) i;
";

pub(crate) async fn ran(address: SocketAddr, program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command
        .args([
            "-h",
            "127.0.0.1",
            "-U",
            "trusted",
            "-p",
            &address.port().to_string(),
        ])
        .args(arguments)
        .env("PGPASSWORD", PASSWORD)
        .env("PGDATABASE", "postgres");
    let ran = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = tokio::time::timeout(Duration::from_secs(60), ran);
    output.await.expect("the program ends").unwrap()
}

/// Runs a program before both, and compares all that it says.
async fn compared(house: &House, program: &str, arguments: &[&str]) {
    let direct = SocketAddr::from(([127, 0, 0, 1], house.server.port));
    let [direct, proxied] = [
        ran(direct, program, arguments).await,
        ran(house.address, program, arguments).await,
    ];
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(text(&proxied.stderr), text(&direct.stderr), "{arguments:?}");
    assert_eq!(text(&proxied.stdout), text(&direct.stdout), "{arguments:?}");
    assert_eq!(proxied.status.code(), Some(0), "{arguments:?}");
    assert!(!direct.stdout.is_empty(), "{arguments:?} says something");
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_say_the_same_with_and_without_us() {
    let house = House::open(vec![open_policy()]).await;
    house.server.sql("postgres", SCHEMA);
    for command in [
        r"\d tools.*",
        r"\d+ tools.parent",
        r"\dt tools.*",
        r"\dv+ tools.seen",
        r"\df tools.*",
        r"\dT tools.*",
        r"\di tools.*",
        r"\dn",
        r"\du",
        r"\l",
        r"\dp tools.*",
        r"\sf tools.add",
        r"\sv tools.seen",
        r"\dd tools.*",
        r"\copy (SELECT * FROM tools.parent ORDER BY id) TO STDOUT CSV HEADER",
        "SELECT * FROM tools.parent ORDER BY id LIMIT 3 \\gdesc",
        "SELECT 'SELECT ' || i FROM generate_series(1, 3) i \\gexec",
        "BEGIN; DECLARE c CURSOR FOR SELECT * FROM tools.seen ORDER BY id; FETCH 2 FROM c; COMMIT",
    ] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{command}\n")).unwrap();
        compared(&house, "psql", &["-X", "-f", file.path().to_str().unwrap()]).await;
    }
    // Rows in parts, by a cursor of psql's own.
    let fetched = [
        "-X",
        "-v",
        "FETCH_COUNT=100",
        "-c",
        "SELECT * FROM tools.parent ORDER BY id",
    ];
    compared(&house, "psql", &fetched).await;
    // A superuser's dump asks for the passwords of subscriptions, which the baseline keeps.
    let dump = [
        "--schema",
        "tools",
        "--no-subscriptions",
        "--restrict-key=tools",
    ];
    compared(&house, "pg_dump", &dump).await;
}

/// Denies what changes definitions, and with it what cannot be told.
pub(crate) fn no_definitions() -> Policy {
    let deny = rule(
        "no-ddl",
        &[Effect::Define, Effect::Administer],
        Action::Deny,
    );
    policy("no-ddl", DefaultAction::Allow, vec![deny])
}

pub(crate) fn read_only() -> Policy {
    let allow = rule("reads", &[Effect::Read, Effect::Session], Action::Allow);
    policy("read-only", DefaultAction::Deny, vec![allow])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_passes_where_only_reads_are_allowed() {
    const MADE: &str = "DROP SCHEMA IF EXISTS dumped CASCADE; CREATE SCHEMA dumped;
        CREATE TABLE dumped.a (id serial PRIMARY KEY, name text CHECK (name <> ''));
        CREATE VIEW dumped.v AS SELECT id FROM dumped.a;
        INSERT INTO dumped.a (name) SELECT 'name ' || i FROM generate_series(1, 100) i";
    let house = House::open(vec![read_only()]).await;
    house.server.sql("postgres", MADE);
    // A superuser's dump asks for the passwords of subscriptions, which the baseline keeps.
    let mut dump = vec!["--schema", "dumped", "--no-subscriptions"];
    let sets = Command::new("pg_dump").arg("--help").output().unwrap();
    if String::from_utf8_lossy(&sets.stdout).contains("--restrict-key") {
        dump.push("--restrict-key=tools");
    }
    for policy in [read_only(), no_definitions()] {
        house.edit(vec![policy]);
        compared(&house, "pg_dump", &dump).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pgbench_runs_in_all_its_modes() {
    let house = House::open(vec![open_policy()]).await;
    let made = ran(house.address, "pgbench", &["-i", "-q"]).await;
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    for mode in ["simple", "extended", "prepared"] {
        let output = ran(
            house.address,
            "pgbench",
            &["-n", "-M", mode, "-c", "4", "-t", "25"],
        )
        .await;
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            said.contains("number of transactions actually processed: 100/100"),
            "{mode}: {said}"
        );
        assert!(
            said.contains("number of failed transactions: 0 "),
            "{mode}: {said}"
        );
    }
    let count = house
        .server
        .sql("postgres", "SELECT count(*) FROM pgbench_history");
    assert_eq!(count, "300");
}
