//! Event triggers: which statements set them off.

use portcullis_dialect::sql::analyse;
use portcullis_dialect::sql::prepared::Prepared;
use portcullis_dialect::sql::settings::Settings;

use crate::cases::access;
use crate::server::Server;

const DATABASE: &str = "events";

const SCHEMA: &str = "
CREATE TABLE plain (a int, b text);
CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM plain;
CREATE FUNCTION defined() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN NULL; END$$;
CREATE FUNCTION begun() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN NULL; END$$;
CREATE FUNCTION dropped() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN NULL; END$$;
CREATE FUNCTION moved() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN NULL; END$$;
CREATE FUNCTION unused() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN NULL; END$$;
CREATE EVENT TRIGGER defined ON ddl_command_end EXECUTE FUNCTION defined();
CREATE EVENT TRIGGER begun ON ddl_command_start WHEN TAG IN ('CREATE TABLE', 'COMMENT')
    EXECUTE FUNCTION begun();
CREATE EVENT TRIGGER dropped ON sql_drop EXECUTE FUNCTION dropped();
CREATE EVENT TRIGGER moved ON table_rewrite EXECUTE FUNCTION moved();
CREATE EVENT TRIGGER unused ON ddl_command_end EXECUTE FUNCTION unused();
ALTER EVENT TRIGGER unused DISABLE;
CREATE FUNCTION makes() RETURNS void LANGUAGE sql AS 'CREATE TABLE public.made (a int)';
";

/// A statement, and the functions that run by it.
const CASES: &[(&str, &[&str])] = &[
    ("CREATE TABLE t (a int)", &["begun", "defined"]),
    ("CREATE VIEW v AS SELECT 1", &["begun", "defined"]),
    ("CREATE TABLE t AS SELECT 1", &["begun", "defined"]),
    ("SELECT a INTO t FROM plain", &["defined"]),
    ("SELECT a INTO t FROM plain UNION SELECT 1", &["defined"]),
    (
        "ALTER TABLE plain ADD COLUMN c int",
        &["defined", "dropped", "moved"],
    ),
    (
        "ALTER TABLE plain RENAME TO other",
        &["defined", "dropped", "moved"],
    ),
    ("DROP TABLE plain", &["defined", "dropped"]),
    ("DROP OWNED BY ann", &["defined", "dropped"]),
    ("COMMENT ON TABLE plain IS 'x'", &["begun", "defined"]),
    ("COMMENT ON COLUMN plain.a IS NULL", &["begun", "defined"]),
    ("SECURITY LABEL ON TABLE plain IS 'x'", &["defined"]),
    ("GRANT SELECT ON plain TO ann", &["defined"]),
    (
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO ann",
        &["defined"],
    ),
    ("REVOKE SELECT ON plain FROM ann", &["defined"]),
    (
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO ann",
        &["defined", "dropped", "moved"],
    ),
    ("REFRESH MATERIALIZED VIEW totals", &["defined"]),
    // The server makes, alters and drops tables for it, each as a statement of its own.
    (
        "REFRESH MATERIALIZED VIEW CONCURRENTLY totals",
        &["begun", "defined", "dropped"],
    ),
    (
        "CREATE USER MAPPING FOR ann SERVER s",
        &["begun", "defined"],
    ),
    (
        "IMPORT FOREIGN SCHEMA x FROM SERVER s INTO public",
        &["defined"],
    ),
    ("CREATE TEMP TABLE t (a int)", &["begun", "defined"]),
    ("SELECT makes()", &["begun", "defined", "makes"]),
    // What databases share, and what is no definition.
    ("COMMENT ON DATABASE events IS 'x'", &[]),
    ("COMMENT ON ROLE ann IS 'x'", &[]),
    ("GRANT CONNECT ON DATABASE events TO ann", &[]),
    ("GRANT admin TO ann", &[]),
    ("REASSIGN OWNED BY ann TO eve", &[]),
    ("CREATE ROLE ann", &[]),
    ("CREATE DATABASE other", &[]),
    ("ALTER SYSTEM SET work_mem = '1MB'", &[]),
    ("ALTER EVENT TRIGGER defined ENABLE", &[]),
    ("DROP EVENT TRIGGER defined", &[]),
    ("REINDEX TABLE plain", &[]),
    ("VACUUM plain", &[]),
    ("ANALYZE plain", &[]),
    ("TRUNCATE plain", &[]),
    ("INSERT INTO plain VALUES (1)", &[]),
    ("SELECT a FROM plain", &[]),
    ("EXPLAIN CREATE TABLE t AS SELECT 1", &[]),
    ("SET search_path = public", &[]),
    ("BEGIN", &[]),
];

#[test]
fn event_triggers_count_with_what_sets_them_off() {
    let server = Server::shared();
    server.database(DATABASE, SCHEMA);
    let catalogue = server.catalogue(DATABASE);
    let settings = Settings::new(DATABASE, "postgres");
    for (text, expected) in CASES {
        let told = analyse(text, &settings, &catalogue, &Prepared::default()).unwrap();
        let mut runs: Vec<String> = told.operation.accesses.iter().map(access).collect();
        runs.retain(|access| access.starts_with("Unknown function:"));
        let mut expected: Vec<String> = expected
            .iter()
            .map(|name| format!("Unknown function:public.{name}"))
            .collect();
        runs.sort();
        expected.sort();
        assert_eq!(runs, expected, "{text}");
    }
}
