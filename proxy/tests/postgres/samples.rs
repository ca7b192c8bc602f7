//! The samples before a real server: what they say they refuse is refused, and what they let
//! through runs.

use crate::run::Run;
use crate::talk::{Client, words};

const TABLES: &str = "
CREATE SCHEMA ddl; CREATE SCHEMA ddl_other; CREATE SCHEMA scratch;
SET search_path = ddl;
CREATE TABLE t (id int PRIMARY KEY, a text DEFAULT 'x', b int CHECK (b > 0));
CREATE INDEX t_a ON t (a);
CREATE TABLE parent (id int) PARTITION BY LIST (id);
CREATE TABLE part PARTITION OF parent FOR VALUES IN (1);
CREATE VIEW v AS SELECT id FROM t;
CREATE MATERIALIZED VIEW m AS SELECT id FROM t;
CREATE SEQUENCE s;
CREATE TYPE e AS ENUM ('one');
CREATE TYPE c AS (x int, y int);
CREATE DOMAIN d AS int CHECK (VALUE > 0);
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1';
CREATE RULE r AS ON DELETE TO t DO ALSO NOTIFY x;
CREATE POLICY own ON t USING (true);
CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION tf();
CREATE STATISTICS st ON id, b FROM t;
CREATE TABLE scratch.x (id int, a text);
CREATE TABLE scratch.gone (id int);
INSERT INTO t VALUES (1, 'x', 1);
";

/// Each would destroy or hide something of `ddl`.
const DESTROYS: &[&str] = &[
    "DROP TABLE ddl.t",
    "DROP TABLE IF EXISTS ddl.t CASCADE",
    "DROP SCHEMA ddl CASCADE",
    "DROP INDEX ddl.t_a",
    "DROP INDEX CONCURRENTLY ddl.t_a",
    "DROP VIEW ddl.v",
    "DROP MATERIALIZED VIEW ddl.m",
    "DROP SEQUENCE ddl.s",
    "DROP TYPE ddl.e",
    "DROP TYPE ddl.c CASCADE",
    "DROP DOMAIN ddl.d",
    "DROP FUNCTION ddl.f()",
    "DROP PROCEDURE ddl.p()",
    "DROP ROUTINE ddl.f()",
    "DROP RULE r ON ddl.t",
    "DROP POLICY own ON ddl.t",
    "DROP TRIGGER tr ON ddl.t",
    "DROP STATISTICS ddl.st",
    "DROP EXTENSION plpgsql CASCADE",
    "DROP OWNED BY CURRENT_USER CASCADE",
    "REASSIGN OWNED BY CURRENT_USER TO pg_monitor",
    "DROP DATABASE postgres",
    "DROP ROLE scram",
    "DROP USER scram",
    "TRUNCATE ddl.t",
    "ALTER TABLE ddl.t DROP COLUMN a",
    "ALTER TABLE ddl.t ADD COLUMN fine int, DROP COLUMN a",
    "ALTER TABLE ddl.t ALTER COLUMN a TYPE int USING 0",
    "ALTER TABLE ddl.t DROP CONSTRAINT t_pkey",
    "ALTER TABLE ddl.t RENAME TO hidden",
    "ALTER TABLE ddl.t RENAME COLUMN a TO hidden",
    "ALTER TABLE ddl.t RENAME CONSTRAINT t_pkey TO hidden",
    "ALTER TABLE ddl.t SET SCHEMA ddl_other",
    "ALTER TABLE ddl.t SET SCHEMA scratch",
    "ALTER TABLE scratch.x SET SCHEMA ddl",
    "ALTER TABLE ddl.t OWNER TO pg_monitor",
    "ALTER TABLE ddl.t DISABLE TRIGGER ALL",
    "ALTER TABLE ddl.t DISABLE RULE r",
    "ALTER TABLE ddl.t ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE ddl.t SET UNLOGGED",
    "ALTER TABLE ddl.parent DETACH PARTITION ddl.part",
    "ALTER VIEW ddl.v RENAME TO hidden",
    "ALTER INDEX ddl.t_a RENAME TO hidden",
    "ALTER SCHEMA ddl RENAME TO hidden",
    "ALTER FUNCTION ddl.f() RENAME TO hidden",
    "ALTER TYPE ddl.e RENAME VALUE 'one' TO 'two'",
    "ALTER TYPE ddl.c DROP ATTRIBUTE x",
    "ALTER DOMAIN ddl.d DROP CONSTRAINT d_check",
    "CREATE OR REPLACE VIEW ddl.v AS SELECT 0 AS id",
    "CREATE OR REPLACE FUNCTION ddl.f() RETURNS int LANGUAGE sql AS 'SELECT 2'",
    "CREATE RULE gone AS ON INSERT TO ddl.t DO INSTEAD NOTHING",
    "REFRESH MATERIALIZED VIEW ddl.m WITH NO DATA",
    "DELETE FROM ddl.t",
    "UPDATE ddl.t SET a = NULL WHERE true",
    "SELECT 1; DROP TABLE ddl.t",
    "DO 'BEGIN DROP TABLE ddl.t; END'",
];

/// Adds, or is about scratch tables.
const PASSES: &[&str] = &[
    "SELECT * FROM ddl.t",
    "INSERT INTO ddl.parent VALUES (1)",
    "UPDATE ddl.t SET a = 'y' WHERE id = 1",
    "DELETE FROM ddl.parent WHERE id = 7",
    "CREATE TABLE ddl.fresh (id int)",
    "CREATE TABLE ddl.copied AS SELECT * FROM ddl.t",
    "CREATE INDEX ON ddl.fresh (id)",
    "CREATE UNIQUE INDEX CONCURRENTLY fresh_id ON ddl.fresh (id)",
    "CREATE VIEW ddl.w AS SELECT 1 AS one",
    "CREATE FUNCTION ddl.g() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE TYPE ddl.fresh_type AS ENUM ('a')",
    "CREATE SCHEMA ddl_fresh",
    "ALTER TABLE ddl.t ADD COLUMN fresh int",
    "ALTER TABLE ddl.t ADD CONSTRAINT fresh_check CHECK (fresh > 0)",
    "ALTER TABLE ddl.t ALTER COLUMN fresh SET DEFAULT 3",
    "ALTER TYPE ddl.e ADD VALUE 'another'",
    "CREATE TABLE ddl.second PARTITION OF ddl.parent FOR VALUES IN (2)",
    "REFRESH MATERIALIZED VIEW ddl.m",
    "COMMENT ON TABLE ddl.t IS 'kept'",
    "TRUNCATE scratch.x",
    "DELETE FROM scratch.x",
    "ALTER TABLE scratch.x DROP COLUMN a",
    "ALTER TABLE scratch.x RENAME TO y",
    "DROP TABLE scratch.gone",
];

/// What is there, as the server itself tells.
const THERE: &str = "
SELECT string_agg(line, chr(10)) FROM (
    SELECT format('%s.%s %s %s %s', n.nspname, c.relname, c.relkind, c.relowner, c.relpersistence) ||
        c.relrowsecurity || c.relispopulated || c.relispartition AS line
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname IN ('ddl', 'scratch')
    UNION ALL SELECT format('%s %s %s', attrelid::regclass, attname, atttypid) FROM pg_attribute
    WHERE attnum > 0 AND attrelid IN ('ddl.t'::regclass, 'scratch.x'::regclass)
    UNION ALL SELECT proname || prosrc FROM pg_proc WHERE pronamespace = 'ddl'::regnamespace
    UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'ddl'::regnamespace
    UNION ALL SELECT enumlabel FROM pg_enum WHERE enumtypid = 'ddl.e'::regtype
    UNION ALL SELECT conname FROM pg_constraint WHERE connamespace = 'ddl'::regnamespace
    UNION ALL SELECT format('%s %s', tgname, tgenabled) FROM pg_trigger WHERE tgrelid = 'ddl.t'::regclass
    UNION ALL SELECT format('%s %s', rulename, ev_enabled) FROM pg_rewrite WHERE ev_class = 'ddl.t'::regclass
    UNION ALL SELECT polname FROM pg_policy
    UNION ALL SELECT t::text FROM ddl.t ORDER BY 1) all_of_it";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_value_is_destroyed_under_the_sample_against_it() {
    let sample = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../manifests/samples/no-destructive-ddl/policy.yaml"
    );
    let policy = std::fs::read_to_string(sample).unwrap();
    let policy = policy.replace("name: orders-db", "name: orders");
    let server = crate::server::shared();
    server.sql("postgres", "CREATE DATABASE ddl");
    server.sql("ddl", TABLES);
    let run = Run::start_on("ddl", "carol", &policy);
    let before = run.server.sql("ddl", THERE);
    let mut client = Client::log_in_to(run.address(), "ddl").await;
    for text in DESTROYS {
        let answer = client.query(text).answer().await;
        let error = words(&answer, b'E');
        assert!(error.contains("no-destructive-ddl"), "{text}: {error}");
        assert_eq!(run.server.sql("ddl", THERE), before, "{text}");
    }
    for text in PASSES {
        let answer = client.query(text).answer().await;
        assert_eq!(words(&answer, b'E'), "", "{text}");
    }
}
