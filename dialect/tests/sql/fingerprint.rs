//! Whatever changes what a catalogue tells changes its fingerprint; what changes data alone does not.

use portcullis_dialect::sql::catalogue::{FINGERPRINT, PREAMBLE};

use crate::server::Server;

const SCHEMA: &str = "
CREATE TABLE t (a int, b text);
CREATE TABLE other (a int PRIMARY KEY);
CREATE TABLE parent (a int);
CREATE TABLE parts (a int) PARTITION BY RANGE (a);
CREATE TABLE part (a int);
CREATE VIEW v AS SELECT a FROM t;
CREATE SEQUENCE counter;
CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION heard() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE DOMAIN code AS text;
CREATE TYPE mood AS ENUM ('low');
CREATE ROLE fingerprinted;
INSERT INTO t SELECT i, 'x' FROM generate_series(1, 100) i;
";

/// One after the other; each changes something that is told.
const CHANGES: &str = "
CREATE TABLE made (a int)
ALTER TABLE t ADD COLUMN c int
ALTER TABLE t RENAME COLUMN c TO d
ALTER TABLE t ALTER COLUMN d SET DEFAULT 1
ALTER TABLE t ALTER COLUMN d SET DEFAULT 2
ALTER TABLE t ALTER COLUMN d DROP DEFAULT
ALTER TABLE t ALTER COLUMN a SET NOT NULL
ALTER TABLE t ADD COLUMN g int GENERATED ALWAYS AS (a * 2) STORED
ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0)
ALTER TABLE t DROP CONSTRAINT positive
CREATE UNIQUE INDEX one ON t (a)
CREATE STATISTICS counted ON a, (upper(b)) FROM t
CREATE OPERATOR CLASS ordered FOR TYPE int USING btree AS OPERATOR 3 =, FUNCTION 1 btint4cmp(int, int)
CREATE INDEX two ON t (upper(b)) WHERE a > 1
DROP INDEX two
ALTER TABLE other ADD FOREIGN KEY (a) REFERENCES t (a) ON DELETE CASCADE
CREATE TRIGGER stamp BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION stamp()
DROP TRIGGER stamp ON t
CREATE RULE also AS ON INSERT TO t DO ALSO NOTIFY x
CREATE OR REPLACE RULE also AS ON INSERT TO t DO ALSO NOTIFY y
CREATE POLICY p ON t USING (a > 1)
ALTER POLICY p ON t USING (a > 2)
ALTER TABLE t ENABLE ROW LEVEL SECURITY
ALTER TABLE t OWNER TO fingerprinted
ALTER ROLE fingerprinted RENAME TO renamed
CREATE OR REPLACE VIEW v AS SELECT a + 1 AS a FROM t
CREATE OR REPLACE VIEW v AS SELECT a + 2 AS a FROM t
CREATE MATERIALIZED VIEW mv AS SELECT a FROM t
ALTER TABLE part INHERIT parent
ALTER TABLE part NO INHERIT parent
ALTER TABLE parts ATTACH PARTITION part FOR VALUES FROM (1) TO (5)
ALTER TABLE parts DETACH PARTITION part
CREATE OR REPLACE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 2'
ALTER FUNCTION f(int) SET search_path = public
ALTER FUNCTION f(int) SECURITY DEFINER
CREATE AGGREGATE total (int) (sfunc = int4pl, stype = int)
CREATE OPERATOR ~~~ (function = int4pl, leftarg = int, rightarg = int)
CREATE TYPE row_type AS (a int)
ALTER TYPE row_type ADD ATTRIBUTE b int
CREATE CAST (row_type AS int) WITH FUNCTION asint(row_type)
CREATE TYPE span AS RANGE (subtype = int)
ALTER DOMAIN code ADD CONSTRAINT short CHECK (length(VALUE) < 9)
ALTER DOMAIN code SET DEFAULT 'x'
ALTER DOMAIN code DROP CONSTRAINT short
CREATE SCHEMA s
ALTER SCHEMA s OWNER TO renamed
ALTER TABLE other SET SCHEMA s
CREATE EVENT TRIGGER heard ON ddl_command_end EXECUTE FUNCTION heard()
ALTER EVENT TRIGGER heard DISABLE
CREATE FOREIGN DATA WRAPPER wrapper
CREATE SERVER far FOREIGN DATA WRAPPER wrapper
CREATE FOREIGN TABLE far_table (a int) SERVER far
DROP TABLE made
";

const NO_CHANGES: &str = "
INSERT INTO t (a, b) VALUES (1000, 'y')
UPDATE t SET b = 'z' WHERE a = 1000
DELETE FROM t WHERE a = 1000
SELECT nextval('counter')
ANALYZE t
VACUUM t
REVOKE renamed FROM renamed_twice
CREATE TEMP TABLE passing (a int PRIMARY KEY DEFAULT 1)
BEGIN; CREATE TABLE never (a int); ROLLBACK
COMMENT ON TABLE t IS 'x'
";

fn fingerprint(server: &Server, database: &str) -> String {
    let told = server.psql(
        database,
        &["-At", "-c", "BEGIN", "-c", PREAMBLE, "-c", FINGERPRINT],
    );
    assert!(
        told.status.success(),
        "{}",
        String::from_utf8_lossy(&told.stderr)
    );
    String::from_utf8(told.stdout).unwrap()
}

#[test]
fn a_change_of_what_is_told_changes_the_fingerprint_and_no_other_does() {
    let server = Server::shared();
    let database = "fingerprints";
    server.database(database, SCHEMA);
    server.psql(database, &["-c", "CREATE ROLE renamed_twice"]);
    let run = |text: &str| {
        if text.starts_with("CREATE CAST") {
            let made = "CREATE FUNCTION asint(row_type) RETURNS int LANGUAGE sql AS 'SELECT 1'";
            assert!(server.psql(database, &["-c", made]).status.success());
        }
        let ran = server.psql(database, &["-v", "ON_ERROR_STOP=1", "-c", text]);
        assert!(
            ran.status.success(),
            "{text}: {}",
            String::from_utf8_lossy(&ran.stderr)
        );
    };
    for text in CHANGES.trim().lines() {
        let before = fingerprint(&server, database);
        run(text);
        assert_ne!(fingerprint(&server, database), before, "{text}");
    }
    for text in NO_CHANGES.trim().lines() {
        let before = fingerprint(&server, database);
        run(text);
        assert_eq!(fingerprint(&server, database), before, "{text}");
    }
}
