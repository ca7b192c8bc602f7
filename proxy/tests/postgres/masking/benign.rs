//! What masks do not concern is as it is without us.

use portcullis_policy::mask::Predicates;
use portcullis_policy::{Limits, OnExceed, Policy, SizeLimit};

use super::Masked;
use crate::bed::open_policy;
use crate::talk::{Client, shape};

#[tokio::test(flavor = "multi_thread")]
async fn what_touches_no_masked_column_is_answered_as_without_us() {
    let masked = Masked::open().await;
    for text in [
        "SELECT * FROM orders ORDER BY id",
        "SELECT id, name FROM people WHERE name LIKE 'a%' ORDER BY name",
        "SELECT upper(name), id + 1, name || '!' FROM people ORDER BY 2",
        "SELECT count(*), max(id), array_agg(name ORDER BY id) FROM people",
        "SELECT row_to_json(x) FROM (SELECT id, name FROM people ORDER BY id) x",
        "SELECT name, count(*) FROM people GROUP BY name ORDER BY 1",
        "SELECT * FROM people_names ORDER BY id",
        "SELECT id, n FROM people_counted ORDER BY id",
        "SELECT o.note, p.name FROM orders o JOIN people p ON p.id = o.person ORDER BY o.id",
        "SELECT doc, doc->'public' FROM people WHERE id = 1",
        "WITH c AS (SELECT id FROM people) SELECT sum(id) FROM c",
        "SELECT id, rank() OVER (ORDER BY name) FROM people ORDER BY id",
        "SELECT g, g * 1.5, 'it''s', NULL, true, '{1,2}'::int[] FROM generate_series(1, 50) g",
        "SELECT set_config('x.y', 'b', false), current_setting('search_path')",
        "SHOW server_version",
        "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1, 2, 3",
        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'pg_catalog'",
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a WHERE a.attrelid = 'people'::regclass AND a.attnum > 0 ORDER BY a.attnum",
    ] {
        let (out, error) = masked.psql(&format!("{text};\n")).await;
        assert_eq!((out, error), (masked.direct(text), String::new()), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_copy_nothing_masked_pass() {
    let masked = Masked::open().await;
    let script = "INSERT INTO people (id, name, ssn) VALUES (9, 'new', 'his');\n\
                  UPDATE people SET ssn = 'hers' WHERE id = 9;\n\
                  UPDATE people SET pin = pin + 1, ssn = coalesce('hers', ssn) WHERE id = 9;\n\
                  DELETE FROM people WHERE ssn = 'hers';\n\
                  INSERT INTO badges (id, number) VALUES (1, 'given');\n\
                  INSERT INTO logs SELECT name FROM people WHERE id < 3 RETURNING a;\n\
                  COPY logs FROM STDIN;\nfrom stdin\n\\.\n\
                  SELECT count(*) FROM logs;\n";
    let (out, error) = masked.psql(script).await;
    assert_eq!((out.as_str(), error.as_str()), ("ann\nbob\n3", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_psql_asks_the_catalogue_for_passes() {
    let masked = Masked::open().await;
    let told = "\\d\n\\d people\n\\d+ people\n\\dt+\n\\df\n\\dn\n\\du\n\\l\n\\dv\n\\di\n\\dp\n\\sf ssn_of\n\\dx\n\\dT\n\\conninfo\n";
    let (out, error) = masked.psql(told).await;
    assert_eq!(error, "");
    assert!(
        out.contains("ssn|text|||") && out.contains("people_view|view"),
        "{out}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_tables_up_passes() {
    let masked = Masked::open().await;
    let script = "CLUSTER orders USING orders_pkey;\nCLUSTER orders;\nVACUUM FULL people;\n\
                  ANALYZE people;\nREINDEX TABLE people;\nSELECT id, note FROM orders;\n";
    let told = masked.psql(script).await;
    assert_eq!(told, ("1|x\n2|y".to_owned(), String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_placeholder_is_not_copied_back() {
    let masked = Masked::open().await;
    let script = "COPY logs FROM STDIN;\nfirst\n[redacted]\n\\.\nSELECT 'on', count(*) FROM logs;\n\
                  COPY logs FROM STDIN;\n[redacte\nd]\n\\.\nSELECT count(*) FROM logs;\n";
    let (out, error) = masked.psql(script).await;
    assert_eq!(out, "on|0\n2");
    assert_eq!(
        error.matches("ERROR:  42501: the write carries").count(),
        1,
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_placeholder_is_not_copied_back_in_csv_or_in_binary() {
    let masked = Masked::open().await;
    let mut client = Client::log_in(masked.house.address).await;
    let binary = |value: &[u8]| {
        let length = u32::try_from(value.len()).unwrap().to_be_bytes();
        let head = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x01";
        [head.as_slice(), &length, value, &[0xff, 0xff]].concat()
    };
    let csv = |value: &str| format!("first\n\"{value}\"\n").into_bytes();
    let cases = [
        ("csv", csv("[redacted]"), csv("redacted"), "2"),
        (
            "binary",
            binary(b"a [redacted] b"),
            binary(b"[redact]"),
            "1",
        ),
    ];
    for (format, with, without, rows) in cases {
        let text = format!("COPY {}.logs FROM STDIN (FORMAT {format})", masked.schema);
        for (data, answer, there) in [(with, "EZ", "0"), (without, "CZ", rows)] {
            client.query(&text).send().await;
            client.until(b'G').await;
            // In one message, and in two: what is refused fails before its end is told.
            let (one, two) = data.split_at(data.len() / 2);
            client.say(b'd', &[one]).say(b'd', &[two]).say(b'c', &[]);
            let told = client.answer().await;
            assert_eq!(shape(&told), answer, "{format}");
            let counted = masked.direct("SELECT count(*) FROM logs");
            assert_eq!(counted, there, "{format}");
        }
        masked.direct("TRUNCATE logs");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_looked_through_for_what_a_mask_writes_and_for_nothing_else() {
    let masked = Masked::open().await;
    // The list of a word is the client's own; the mask writes a string.
    let list = r#"{"state": ["redacted"]}"#;
    let placeholder = r#"{"state": "[redacted]"}"#;
    let csv = |value: &str| format!("\"{}\"", value.replace('"', "\"\""));
    for (options, with, without) in [
        ("", placeholder.to_owned(), list.to_owned()),
        ("(FORMAT csv)", csv(placeholder), csv(list)),
        (
            "(FORMAT csv, QUOTE '~', ESCAPE '!')",
            r#"~{"state": "[redacted]!~"}~"#.to_owned(),
            format!("~{list}~"),
        ),
        // So many bytes of text are not parsed once more: its rows are searched in every way.
        (
            &format!("(FORMAT csv, QUOTE '~') /* {} */", "x".repeat(3000)),
            placeholder.to_owned(),
            "{}".to_owned(),
        ),
    ] {
        let script = format!(
            "COPY logs FROM STDIN {options};\n{with}\n\\.\n\
             SELECT count(*) FROM logs;\n\
             COPY logs FROM STDIN {options};\n{without}\n\\.\n\
             SELECT a FROM logs;\nTRUNCATE logs;\n"
        );
        let (out, error) = masked.psql(&script).await;
        let stored = if options.contains("/*") { "{}" } else { list };
        assert_eq!(out, format!("0\n{stored}"), "{options}: {error}");
        assert_eq!(
            error.matches("42501: the write carries").count(),
            1,
            "{error}"
        );
    }
    let script = format!(
        "INSERT INTO logs VALUES ('{list}');\nINSERT INTO logs VALUES ('{placeholder}');\n\
         SELECT a FROM logs;\n"
    );
    let (out, error) = masked.psql(&script).await;
    assert_eq!(out, list);
    assert_eq!(
        error.matches("ERROR:  42501: this writes").count(),
        1,
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_was_just_made_is_known_once_it_was_met() {
    let masked = Masked::open().await;
    masked.psql("SELECT 1;\n").await;
    masked.direct("ALTER TABLE made ADD fresh text DEFAULT 'new'");
    let script = "SELECT ssn, fresh FROM made;\n".repeat(2);
    let (out, error) = masked.psql(&script).await;
    assert_eq!(error, "");
    assert!(out.ends_with("[redacted]|new"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_count_what_the_client_gets() {
    let limit = |max, on_exceed| Some(SizeLimit { max, on_exceed });
    let with = |limits| Policy {
        limits,
        ..open_policy()
    };
    let rows = with(Limits {
        rows: limit(2, OnExceed::Truncate),
        ..Limits::default()
    });
    let masked = Masked::under(rows, Predicates::Equality).await;
    let script =
        "SELECT ssn FROM people ORDER BY id;\nCOPY people (ssn) TO STDOUT;\nSELECT 'on';\n";
    let (out, error) = masked.psql(script).await;
    assert_eq!(out, "[redacted]\n".repeat(4) + "on");
    assert_eq!(error.matches("cut after 2 rows").count(), 2, "{error}");
    let bytes = with(Limits {
        bytes: limit(1000, OnExceed::Error),
        ..Limits::default()
    });
    let masked = Masked::under(bytes, Predicates::Equality).await;
    masked.direct("UPDATE made SET ssn = repeat('canary', 1000)");
    let (out, error) = masked.psql("SELECT ssn FROM made;\n").await;
    assert_eq!((out.as_str(), error.as_str()), ("[redacted]", ""));
}
