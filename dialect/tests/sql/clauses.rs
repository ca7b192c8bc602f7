//! What a statement of DDL does beside its verb.

use portcullis_dialect::sql::analyse;
use portcullis_dialect::sql::catalogue::Catalogue;
use portcullis_dialect::sql::prepared::Prepared;
use portcullis_dialect::sql::settings::Settings;

fn clauses(text: &str) -> Vec<String> {
    let settings = Settings::new("db", "postgres");
    let told = analyse(text, &settings, &Catalogue::default(), &Prepared::default()).unwrap();
    let attributes = &told.operation.attributes;
    attributes.get("clause").cloned().unwrap_or_default()
}

const CASES: &[(&str, &[&str])] = &[
    ("ALTER TABLE t ADD COLUMN a int", &["ADD COLUMN"]),
    (
        "ALTER TABLE t ADD a int, DROP b, ALTER c TYPE int, ALTER c SET DEFAULT 1, \
         ALTER d DROP DEFAULT",
        &[
            "ADD COLUMN",
            "ALTER COLUMN TYPE",
            "DROP COLUMN",
            "DROP DEFAULT",
            "SET DEFAULT",
        ],
    ),
    (
        "ALTER TABLE t DROP CONSTRAINT c CASCADE",
        &["DROP CONSTRAINT"],
    ),
    ("ALTER TABLE t ADD CHECK (a > 0)", &["ADD CONSTRAINT"]),
    ("ALTER TABLE t ADD UNIQUE (a)", &["ADD CONSTRAINT"]),
    ("ALTER TABLE t RENAME TO u", &["RENAME"]),
    ("ALTER TABLE t RENAME a TO b", &["RENAME COLUMN"]),
    (
        "ALTER TABLE t RENAME CONSTRAINT a TO b",
        &["RENAME CONSTRAINT"],
    ),
    ("ALTER TABLE t SET SCHEMA s", &["SET SCHEMA"]),
    ("ALTER TABLE t OWNER TO r", &["OWNER TO"]),
    (
        "ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
        &["DETACH PARTITION"],
    ),
    (
        "ALTER TABLE t DETACH PARTITION p FINALIZE",
        &["DETACH PARTITION"],
    ),
    (
        "ALTER TABLE t ATTACH PARTITION p DEFAULT",
        &["ATTACH PARTITION"],
    ),
    ("ALTER TABLE t NO INHERIT p", &["NO INHERIT"]),
    ("ALTER TABLE t SET UNLOGGED", &["SET UNLOGGED"]),
    ("ALTER TABLE t DISABLE TRIGGER ALL", &["DISABLE TRIGGER"]),
    ("ALTER TABLE t DISABLE RULE r", &["DISABLE RULE"]),
    (
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
        &["ENABLE ROW LEVEL SECURITY"],
    ),
    (
        "ALTER TABLE t ALTER a DROP EXPRESSION",
        &["DROP EXPRESSION"],
    ),
    ("ALTER TABLE t ALTER a DROP IDENTITY", &["DROP IDENTITY"]),
    ("ALTER VIEW v RENAME TO w", &["RENAME"]),
    ("ALTER INDEX i RENAME TO j", &["RENAME"]),
    ("ALTER FUNCTION f() SET SCHEMA s", &["SET SCHEMA"]),
    ("ALTER TYPE t DROP ATTRIBUTE a", &["DROP ATTRIBUTE"]),
    (
        "ALTER TYPE t RENAME ATTRIBUTE a TO b",
        &["RENAME ATTRIBUTE"],
    ),
    ("ALTER TYPE t ADD VALUE 'x'", &["ADD VALUE"]),
    ("ALTER TYPE t RENAME VALUE 'x' TO 'y'", &["RENAME VALUE"]),
    ("ALTER DOMAIN d DROP CONSTRAINT c", &["DROP CONSTRAINT"]),
    ("ALTER DOMAIN d DROP DEFAULT", &["DROP DEFAULT"]),
    ("ALTER DATABASE d RENAME TO e", &["RENAME"]),
    ("ALTER SCHEMA s RENAME TO u", &["RENAME"]),
    ("ALTER EXTENSION e DROP TABLE t", &["DROP"]),
    ("ALTER EXTENSION e ADD TABLE t", &["ADD"]),
    ("ALTER PUBLICATION p DROP TABLE t", &["DROP"]),
    ("CREATE OR REPLACE VIEW v AS SELECT 1", &["OR REPLACE"]),
    (
        "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        &["OR REPLACE"],
    ),
    (
        "CREATE OR REPLACE RULE r AS ON DELETE TO t DO INSTEAD NOTHING",
        &["DO INSTEAD", "OR REPLACE"],
    ),
    (
        "CREATE RULE r AS ON DELETE TO t DO ALSO NOTIFY x",
        &["DO ALSO"],
    ),
    (
        "REFRESH MATERIALIZED VIEW m WITH NO DATA",
        &["WITH NO DATA"],
    ),
    ("REFRESH MATERIALIZED VIEW m", &[]),
    ("CREATE VIEW v AS SELECT 1", &[]),
    ("DROP TABLE t; ALTER TABLE u DROP a", &["DROP COLUMN"]),
];

#[test]
fn each_thing_that_a_statement_does_is_told_in_the_words_of_sql() {
    for (text, expected) in CASES {
        assert_eq!(clauses(text), *expected, "{text}");
    }
}
