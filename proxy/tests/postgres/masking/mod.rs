//! Masked columns before a real server, whose role may see everything: nothing of a masked value
//! comes out, and what holds none comes out as it is.

mod answers;
mod benign;
mod bytes;
mod channels;
mod documents;
mod extended;
mod missing;
mod values;

use std::sync::atomic::{AtomicU32, Ordering};

use portcullis_policy::mask::{ColumnPattern, DdlRule, MaskRule, Predicates, Transform};
use portcullis_policy::{ObjectName, Origin, Policy};

use crate::bed::open_policy;
use crate::house::House;

/// A house before tables of the test's own, in a schema of the test's own. Masked are `ssn`, `pin`,
/// `photo` and `tags` of `people`; each of their values holds a canary.
pub(crate) struct Masked {
    pub(crate) house: House,
    pub(crate) schema: String,
}

/// Canaries, and what casts, encodings and functions make of them.
const CANARIES: [&str; 9] = [
    "canary",
    "63616e617279",
    "y2fuyxj5",
    "yranac",
    "777131",
    "777,131",
    "bde9b", // in hex
    "arycan",
    "\\x0bdbb", // as a binary integer
];

const TABLES: &str = "
CREATE SCHEMA {s};
SET search_path = {s};
CREATE TABLE people (id int PRIMARY KEY, name text, ssn text UNIQUE, pin int,
    photo bytea, tags text[], doc jsonb);
INSERT INTO people VALUES
    (1, 'ann', 'canary-1', 777131, 'canary', '{canary}', '{\"public\": 1}'),
    (2, 'bob', 'canary-2', 777131, 'canary', '{canary}', '{\"public\": 2}'),
    (3, 'eve', NULL, NULL, NULL, NULL, NULL);
CREATE TABLE orders (id int PRIMARY KEY, person int, note text);
INSERT INTO orders VALUES (1, 1, 'x'), (2, 2, 'y');
CREATE TABLE logs (a text);
CREATE TABLE people_de (land text) INHERITS (people);
INSERT INTO people_de VALUES (4, 'dora', 'canary-4', 777131, 'canary', '{canary}', NULL, 'de');
CREATE VIEW people_view AS SELECT id, name, ssn AS number, upper(ssn) AS shout FROM people;
CREATE VIEW people_names AS SELECT id, name FROM people;
CREATE MATERIALIZED VIEW people_kept AS SELECT id, ssn AS number FROM people;
CREATE FUNCTION ssn_of(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM people WHERE id = $1';
CREATE FUNCTION ssn_atomic(who int) RETURNS text LANGUAGE sql STABLE
    BEGIN ATOMIC SELECT ssn FROM people WHERE id = who; END;
CREATE FUNCTION everyone() RETURNS SETOF people LANGUAGE sql STABLE AS 'SELECT * FROM people';
CREATE FUNCTION dark(int) RETURNS text LANGUAGE plpgsql STABLE AS
    'BEGIN RETURN (SELECT ssn FROM people WHERE id = $1); END';
CREATE FUNCTION shouts(int) RETURNS int LANGUAGE plpgsql AS
    'BEGIN RAISE NOTICE ''it is %'', (SELECT ssn FROM people WHERE id = $1); RETURN 1; END';
CREATE TABLE made (id int, ssn text, twice text GENERATED ALWAYS AS (ssn || ssn) STORED);
INSERT INTO made VALUES (1, 'canary-9');
CREATE TABLE parts (id int, ssn text) PARTITION BY LIST (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
INSERT INTO parts VALUES (1, 'canary-8');
CREATE TABLE badges (id int, number text DEFAULT ssn_of(1));
CREATE FUNCTION orders_of(int) RETURNS bigint LANGUAGE sql STABLE
    AS 'SELECT count(*) FROM orders WHERE person = $1';
CREATE VIEW people_counted AS SELECT id, orders_of(id) AS n, ssn_of(id) AS number FROM people;
";

impl Masked {
    pub(crate) async fn open() -> Self {
        Self::with(Predicates::Equality).await
    }

    pub(crate) async fn with(predicates: Predicates) -> Self {
        Self::under(open_policy(), predicates).await
    }

    pub(crate) async fn under(policy: Policy, predicates: Predicates) -> Self {
        static SCHEMAS: AtomicU32 = AtomicU32::new(0);
        let schema = format!("m{}", SCHEMAS.fetch_add(1, Ordering::SeqCst));
        let house = House::masked(vec![policy.clone()], vec![masks(&schema, predicates)]).await;
        house
            .server
            .sql("postgres", &TABLES.replace("{s}", &schema));
        Self { house, schema }
    }

    /// From now on this policy holds, and the masks.
    pub(crate) fn mask(&self, policy: Policy, predicates: Predicates) {
        let rule = masks(&self.schema, predicates);
        self.house.edit_masked(vec![policy], vec![rule]);
    }

    /// What psql makes of a script, in this schema. Nothing of a canary may be in it.
    pub(crate) async fn psql(&self, script: &str) -> (String, String) {
        let options = format!("-c search_path={}", self.schema);
        let told = self
            .house
            .psql_with(script, &[("PGOPTIONS", &options)])
            .await;
        for text in [&told.0, &told.1] {
            assert_eq!(leak(text.as_bytes()), None, "{script}\n{text}");
        }
        told
    }

    /// What psql makes of the same without us.
    pub(crate) fn direct(&self, script: &str) -> String {
        let path = format!("SET search_path = {};", self.schema);
        self.house.server.sql("postgres", &(path + script))
    }
}

fn masks(schema: &str, predicates: Predicates) -> MaskRule {
    let columns = ["people.ssn", "people.pin", "people.photo", "people.tags"];
    let columns = columns.into_iter().chain(["made.ssn", "parts.ssn"]);
    let columns: Vec<_> = columns.map(|column| format!("{schema}.{column}")).collect();
    masks_of(&columns, predicates)
}

/// A rule that masks these columns.
pub(crate) fn masks_of(columns: &[String], predicates: Predicates) -> MaskRule {
    MaskRule {
        name: ObjectName::new("shop", "pii"),
        origin: Origin::Tenant,
        subjects: Vec::new(),
        exempt: Vec::new(),
        columns: columns
            .iter()
            .map(|column| ColumnPattern::parse(column).unwrap())
            .collect(),
        json_paths: Vec::new(),
        keys: Vec::new(),
        headers: Vec::new(),
        detectors: Vec::new(),
        patterns: Vec::new(),
        transform: Transform::Redact,
        predicates,
        ddl: DdlRule::Deny,
    }
}

/// The first canary in what a client read.
pub(crate) fn leak(bytes: &[u8]) -> Option<&'static str> {
    let lower = bytes.to_ascii_lowercase();
    let holds = |canary: &&&str| {
        let canary = canary.as_bytes();
        lower.windows(canary.len()).any(|window| window == canary)
    };
    CANARIES.iter().find(holds).copied()
}
