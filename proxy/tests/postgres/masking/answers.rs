//! Answers of the simple protocol: each way that a value could take into one.

use portcullis_policy::mask::Predicates;

use super::Masked;

const X: &str = "[redacted]";

const LOOKUP: &str = "SELECT id FROM people WHERE ssn = E'\\x63anary-1';\n";

/// Statements with what psql shows. `#` stands for a value that is masked.
const SHOWN: &[(&str, &str)] = &[
    // Whether something computed is NULL would answer a question about the value.
    (
        "SELECT substring(ssn from '^can'), substring(ssn from '^dog'), nullif(ssn, 'canary-1') FROM people WHERE id IN (1, 3) ORDER BY id",
        "#|#|#\n#|#|#",
    ),
    (
        "SELECT o.id, p.ssn FROM orders o LEFT JOIN people p ON p.id = o.id + 1 ORDER BY 1",
        "1|#\n2|",
    ),
    (
        "SELECT id, ssn FROM people WHERE id < 4 ORDER BY id",
        "1|#\n2|#\n3|",
    ),
    (
        "SELECT * FROM people WHERE id = 1",
        "1|ann|#||||{\"public\": 1}",
    ),
    ("TABLE people_de", "4|dora|#|||||de"),
    // Names that the client chooses.
    (
        "SELECT ssn AS name, name AS ssn FROM people WHERE id = 1",
        "#|ann",
    ),
    ("SELECT b FROM people AS p(a, c, b) WHERE a = 1", "#"),
    (
        "SELECT ssn(people), (people).ssn FROM people WHERE id = 1",
        "#|#",
    ),
    // Values that are computed.
    (
        "SELECT ssn::varchar(20), ssn COLLATE \"C\", ssn || 'x' FROM people WHERE id = 1",
        "#|#|#",
    ),
    (
        "SELECT substr(ssn, 1, 3), reverse(ssn), md5(ssn), encode(sha256(convert_to(ssn, 'UTF8')), 'hex') FROM people WHERE id = 1",
        "#|#|#|#",
    ),
    (
        "SELECT length(ssn), coalesce(ssn, 'none'), greatest(ssn, 'a') FROM people WHERE id = 1",
        "|#|#",
    ),
    (
        "SELECT json_build_object('a', ssn), xmlelement(name x, ssn) FROM people WHERE id = 1",
        "\"#\"|#",
    ),
    // Whole rows and sets.
    (
        "SELECT row_to_json(people), people, (people.*)::text, row(people.*) FROM people WHERE id = 1",
        "\"#\"||#|",
    ),
    (
        "SELECT array_agg(ssn), string_agg(ssn, ','), max(ssn), count(id) FROM people",
        "|#|#|4",
    ),
    (
        "SELECT ARRAY(SELECT ssn FROM people), (SELECT ssn FROM people WHERE id = 1)",
        "|#",
    ),
    (
        "SELECT first_value(ssn) OVER (), row_number() OVER () FROM people WHERE id = 1",
        "#|1",
    ),
    (
        "SELECT ssn FROM people WHERE id = 1 UNION ALL SELECT name FROM people WHERE id = 1",
        "#\n#",
    ),
    (
        "WITH c AS (SELECT ssn FROM people WHERE id = 1) SELECT * FROM c",
        "#",
    ),
    (
        "WITH RECURSIVE c(n, s) AS (SELECT 1, ssn FROM people WHERE id = 1 UNION ALL SELECT n + 1, s FROM c WHERE n < 2) SELECT n, s FROM c",
        "1|#\n2|#",
    ),
    ("VALUES ((SELECT ssn FROM people WHERE id = 1))", "#"),
    (
        "SELECT p.*, o.note FROM people p JOIN orders o ON o.person = p.id WHERE p.id = 1",
        "1|ann|#||||{\"public\": 1}|x",
    ),
    (
        "SELECT l.x FROM people p, LATERAL (SELECT p.ssn AS x) l WHERE p.id = 1",
        "#",
    ),
    // Behind other names of the catalogue.
    ("SELECT * FROM people_view WHERE id = 1", "1|ann|#|#"),
    ("SELECT * FROM people_counted WHERE id = 1", "1|1|#"),
    ("SELECT * FROM people_kept WHERE id = 1", "1|#"),
    ("SELECT ssn_of(1), ssn_atomic(1), dark(1)", "#|#|#"),
    ("SELECT ssn FROM everyone() WHERE id = 1", "#"),
    ("SELECT ssn, land FROM people_de", "#|de"),
    ("SELECT ssn FROM parts_1", "#"),
    ("SELECT * FROM parts", "1|#"),
    ("SELECT ssn, twice FROM made", "#|#"),
    // Types that hold no text become NULL.
    (
        "SELECT pin, pin + 0, pin::text, to_hex(pin), photo, tags, tags[1] FROM people WHERE id = 1",
        "||#|#|||#",
    ),
    // Changes.
    (
        "UPDATE people SET name = 'ann' WHERE id = 1 RETURNING ssn, ssn || '', id",
        "#|#|1",
    ),
    (
        "PREPARE p AS SELECT ssn, upper(name) FROM people WHERE id = $1;\nEXECUTE p(1)",
        "#|ANN",
    ),
    // A lookup by a value that the caller knows.
    ("SELECT id FROM people WHERE ssn = E'\\x63anary-1'", "1"),
    (
        "SELECT id FROM people WHERE ssn IN (E'\\x63anary-1', 'x')",
        "1",
    ),
    // Several statements, each with its own columns.
    (
        "SELECT id, ssn FROM people WHERE id = 1 \\; SELECT name FROM people WHERE id = 1 \\; SELECT ssn || '' FROM people WHERE id = 1",
        "1|#\nann\n#",
    ),
    ("EXPLAIN (COSTS OFF) SELECT ssn FROM made", "#"),
];

/// Statements that would show a value in another way than in their answer, and the class told.
const REFUSED: &[(&str, &str)] = &[
    // What is left of a value could be looked up, and the change be rolled back.
    (
        "UPDATE people SET ssn = left(ssn, 1) WHERE id = 1",
        "PolicyDenied",
    ),
    (
        "UPDATE people SET pin = (pin > 500000)::int WHERE id = 1",
        "PolicyDenied",
    ),
    (
        "INSERT INTO people (id, ssn) SELECT id + 10, left(ssn, 3) FROM people",
        "PolicyDenied",
    ),
    (
        "INSERT INTO badges (id) VALUES (1) RETURNING number",
        "PolicyDenied",
    ),
    (
        "INSERT INTO badges (id, number) VALUES (1, DEFAULT)",
        "PolicyDenied",
    ),
    ("UPDATE badges SET number = DEFAULT", "PolicyDenied"),
    ("SELECT id FROM people WHERE ssn LIKE 'c%'", "PolicyDenied"),
    ("SELECT id FROM people WHERE ssn > 'b'", "PolicyDenied"),
    (
        "SELECT id FROM people WHERE pin BETWEEN 1 AND 5",
        "PolicyDenied",
    ),
    (
        "SELECT id FROM people WHERE substr(ssn, 1, 1) = 'c'",
        "PolicyDenied",
    ),
    ("SELECT id FROM people WHERE ssn IS NULL", "PolicyDenied"),
    ("SELECT id FROM people ORDER BY ssn", "PolicyDenied"),
    ("CLUSTER people USING people_ssn_key", "PolicyDenied"),
    ("CLUSTER people", "PolicyDenied"),
    ("CLUSTER", "MaskImpossible"),
    ("SELECT id, ssn FROM people ORDER BY 2", "PolicyDenied"),
    ("SELECT count(*) FROM people GROUP BY ssn", "PolicyDenied"),
    ("SELECT DISTINCT ssn FROM people", "PolicyDenied"),
    (
        "SELECT ssn FROM people UNION SELECT name FROM people",
        "PolicyDenied",
    ),
    (
        "SELECT p.id FROM people p JOIN people q ON p.ssn = q.ssn",
        "PolicyDenied",
    ),
    (
        "SELECT CASE WHEN ssn LIKE 'c%' THEN 1/0 END FROM people",
        "PolicyDenied",
    ),
    (
        "SELECT count(*) FILTER (WHERE ssn LIKE 'c%') FROM people",
        "PolicyDenied",
    ),
    ("SELECT generate_series(1, pin) FROM people", "PolicyDenied"),
    (
        "SELECT id FROM people LIMIT (SELECT pin FROM people WHERE id = 1)",
        "PolicyDenied",
    ),
    (
        "INSERT INTO people (id, ssn) VALUES (1, 'a') ON CONFLICT DO NOTHING",
        "PolicyDenied",
    ),
    (
        "EXPLAIN SELECT 1 FROM people WHERE ssn = 'a'",
        "PolicyDenied",
    ),
    (
        "SELECT pg_sleep(length(ssn) * 0.001) FROM people",
        "PolicyDenied",
    ),
    (
        "CREATE TEMP TABLE t AS SELECT ssn FROM people",
        "PolicyDenied",
    ),
    ("SELECT ssn INTO t FROM people", "PolicyDenied"),
    ("CREATE VIEW v AS SELECT ssn FROM people", "PolicyDenied"),
    ("ALTER TABLE people RENAME COLUMN ssn TO x", "PolicyDenied"),
    ("ALTER TABLE people SET SCHEMA public", "PolicyDenied"),
    ("INSERT INTO logs SELECT ssn FROM people", "PolicyDenied"),
    ("UPDATE people SET name = ssn", "PolicyDenied"),
    (
        "MERGE INTO orders o USING people p ON o.person = p.id WHEN MATCHED THEN UPDATE SET note = p.ssn",
        "PolicyDenied",
    ),
    (
        "SELECT set_config('x.y', ssn, false) FROM people",
        "PolicyDenied",
    ),
    ("SELECT pg_notify('x', ssn) FROM people", "PolicyDenied"),
    ("SELECT lo_from_bytea(0, photo) FROM people", "PolicyDenied"),
    ("SELECT most_common_vals FROM pg_stats", "PolicyDenied"),
    ("SELECT * FROM pg_statistic", "PolicyDenied"),
    ("SELECT query FROM pg_stat_activity", "PolicyDenied"),
    (
        "SELECT query_to_xml('SELECT ssn FROM people', true, true, '')",
        "MaskImpossible",
    ),
    (
        "SELECT table_to_xml('people', true, true, '')",
        "MaskImpossible",
    ),
    (
        "SELECT * FROM ts_stat('SELECT to_tsvector(ssn) FROM people')",
        "MaskImpossible",
    ),
    (
        "DO $$ BEGIN RAISE NOTICE '%', (SELECT ssn FROM people LIMIT 1); END $$",
        "MaskImpossible",
    ),
    (
        "INSERT INTO people VALUES (70, 'x', '[redacted]')",
        "MaskImpossible",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn values_are_masked_wherever_they_come_from() {
    let masked = Masked::open().await;
    for (text, shown) in SHOWN {
        let (out, error) = masked.psql(&format!("{text};\n")).await;
        assert_eq!(out, shown.replace('#', X), "{text}\n{error}");
        assert_eq!(error, "", "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_show_a_value_in_another_way_is_refused_and_recorded() {
    let masked = Masked::open().await;
    let before = masked.direct("SELECT count(*), min(name) FROM people");
    for (text, class) in REFUSED {
        let (out, error) = masked.psql(&format!("{text};\nSELECT 'goes on';\n")).await;
        assert_eq!(out, "goes on", "{text}\n{error}");
        let told =
            error.contains("ERROR:  42501") && error.contains(&format!("\"class\":\"{class}\""));
        assert!(told, "{text}\n{error}");
    }
    assert_eq!(
        masked.direct("SELECT count(*), min(name) FROM people"),
        before
    );
    let operations = masked.house.bed.operations();
    let refused = operations
        .iter()
        .filter(|operation| operation.decision == "deny");
    assert_eq!(refused.count(), REFUSED.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_are_masked_by_what_they_were_declared_for() {
    let masked = Masked::open().await;
    let declared =
        "DECLARE c CURSOR FOR SELECT id, ssn, upper(ssn), upper(name) FROM people ORDER BY id;\n";
    let script =
        format!("BEGIN;\n{declared}FETCH 1 FROM c;\nMOVE 1 FROM c;\nFETCH 1 FROM c;\nCOMMIT;\n");
    let (out, error) = masked.psql(&script).await;
    assert_eq!(
        (out.as_str(), error.as_str()),
        ("1|[redacted]|[redacted]|ANN\n3||[redacted]|EVE", "")
    );
    // One that is held outlives failures.
    let script = "DECLARE h CURSOR WITH HOLD FOR SELECT upper(ssn), upper(name) FROM people ORDER BY id;\n\
                  SELECT 1/0;\nFETCH 1 FROM h;\n";
    let (out, _) = masked.psql(script).await;
    assert_eq!(out, "[redacted]|ANN");
    // The name stands for something else after a rollback.
    let script = "BEGIN;\nDECLARE c CURSOR FOR SELECT name FROM people ORDER BY id;\nROLLBACK;\n\
                  BEGIN;\nDECLARE c CURSOR FOR SELECT upper(ssn) FROM people ORDER BY id;\nFETCH 1 FROM c;\nCOMMIT;\n";
    let (out, _) = masked.psql(script).await;
    assert_eq!(out, "[redacted]");
    let script = "BEGIN;\nDECLARE c BINARY CURSOR FOR SELECT ssn, pin FROM people ORDER BY id;\nFETCH 1 FROM c;\nCOMMIT;\n";
    let (out, _) = masked.psql(script).await;
    assert_eq!(out, "[redacted]|");
}

#[tokio::test(flavor = "multi_thread")]
async fn copied_data_is_masked_in_every_layout() {
    let masked = Masked::open().await;
    for (text, shown) in [
        (
            "COPY people (id, ssn, pin) TO STDOUT",
            "1\t#\t\\N\n2\t#\t\\N\n3\t\\N\t\\N",
        ),
        (
            "COPY people (id, ssn) TO STDOUT (FORMAT csv, HEADER)",
            "id,ssn\n1,#\n2,#\n3,",
        ),
        (
            "COPY people (id, ssn) TO STDOUT WITH DELIMITER 'X' NULL 'nil'",
            "1X#\n2X#\n3Xnil",
        ),
        (
            "COPY people (id, ssn) TO STDOUT (FORMAT csv, QUOTE '#', DELIMITER '[', FORCE_QUOTE *)",
            "##1##[###redacted]##",
        ),
        (
            "COPY (SELECT ssn || '', id FROM people ORDER BY id) TO STDOUT",
            "\\N\t1\n\\N\t2\n\\N\t3\n\\N\t4",
        ),
        (
            "COPY (SELECT id, name FROM people ORDER BY id) TO STDOUT",
            "1\tann\n2\tbob\n3\teve\n4\tdora",
        ),
        ("COPY orders TO STDOUT", "1\t1\tx\n2\t2\ty"),
    ] {
        let (out, error) = masked.psql(&format!("{text};\nSELECT 'on';\n")).await;
        assert_eq!(error, "", "{text}");
        if shown.starts_with("##") {
            assert!(out.starts_with("#1#[#[redacted]#\n"), "{out}");
            continue;
        }
        assert_eq!(out, shown.replace('#', X) + "\non", "{text}");
    }
    let (out, error) = masked
        .psql("COPY people (ssn) TO STDOUT (FORMAT binary);\n")
        .await;
    assert_eq!((out.matches("PGCOPY").count(), error.as_str()), (1, ""));
    // A layout that cannot be told: nothing of it, and the session goes on.
    let text = "COPY people TO STDOUT (ENCODING 'SJIS');\nSELECT 'on';\n";
    let (out, error) = masked.psql(text).await;
    assert_eq!(out, "on");
    assert!(error.contains("MaskImpossible"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn comparisons_are_as_free_as_the_rule_says() {
    for (predicates, lookup, sorted) in [
        (Predicates::Allow, true, true),
        (Predicates::Equality, true, false),
        (Predicates::Deny, false, false),
    ] {
        let masked = Masked::with(predicates).await;
        let (out, _) = masked.psql(LOOKUP).await;
        assert_eq!(out == "1", lookup, "{predicates:?}");
        let script = "SELECT ssn, name FROM people ORDER BY ssn LIMIT 1;\n";
        let (out, _) = masked.psql(script).await;
        assert_eq!(out == "[redacted]|ann", sorted, "{predicates:?} {out}");
        // An error is an answer too: what is computed may fail by what it is computed from.
        for (script, predicate) in [
            (
                "SELECT 1 / (ascii(ssn) - 98) FROM people WHERE id = 1;\n",
                true,
            ),
            ("SELECT ssn::int FROM people WHERE id = 1;\n", true),
            ("SELECT pin * 3000 FROM people WHERE id = 1;\n", true),
            ("SELECT ssn LIKE 'c\\' FROM people WHERE id = 1;\n", true),
            ("SELECT repeat('x', pin) FROM people WHERE id = 1;\n", true),
            (
                "SELECT jsonb_build_object(substring(ssn from '^can'), 1) FROM people WHERE id = 1;\n",
                true,
            ),
            (
                "SELECT (substring(ssn from '^can'), 1 / (id - 1)) = ('q', 1) FROM people WHERE id = 1;\n",
                true,
            ),
            (
                "SELECT pin BETWEEN 5000 AND 1 / (id - 1) FROM people WHERE id = 1;\n",
                true,
            ),
            (
                "SELECT jsonb_insert('{\"c\": 1}', ARRAY[left(ssn, 1)], '1') FROM people WHERE id = 1;\n",
                true,
            ),
            (
                "SELECT '[1]'::jsonb #- ARRAY[ssn] FROM people WHERE id = 1;\n",
                true,
            ),
            (
                "SELECT pin::numeric(3, 0) FROM people WHERE id = 1;\n",
                true,
            ),
            (
                "SELECT pin BETWEEN 1 AND 5000, jsonb_build_object('ssn', ssn), pin::numeric FROM people WHERE id = 1;\n",
                false,
            ),
            (
                "SELECT upper(ssn), pin * 1.1, pin::text FROM people WHERE id = 1;\n",
                false,
            ),
        ] {
            let (_, error) = masked.psql(script).await;
            let passes = match predicates {
                Predicates::Allow => true,
                Predicates::Equality => !predicate,
                Predicates::Deny => false,
            };
            assert_eq!(!error.contains("PolicyDenied"), passes, "{script}{error}");
        }
        let (out, _) = masked
            .psql("SELECT * FROM people_kept WHERE id = 1;\n")
            .await;
        assert_eq!(out, "1|[redacted]");
    }
}
