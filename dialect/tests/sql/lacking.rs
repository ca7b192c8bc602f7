//! Names that the catalogue does not have: what a text does beside them.

use portcullis_dialect::sql::{Lacks, Reading};
use portcullis_policy::Effect;

use crate::cases::{access, catalogue, told};
use crate::server::Server;

/// The effect and the accesses.
type Beside = Option<(Effect, &'static [&'static str])>;

const CASES: &[(&str, Lacks, Beside)] = &[
    (
        "SELECT * FROM nosuch",
        Lacks::Relations,
        Some((Effect::Read, &[])),
    ),
    (
        "DELETE FROM nosuch",
        Lacks::Relations,
        Some((Effect::Write, &[])),
    ),
    (
        "SELECT * FROM nosuch FOR UPDATE",
        Lacks::Relations,
        Some((Effect::Write, &[])),
    ),
    (
        "INSERT INTO plain SELECT * FROM nosuch",
        Lacks::Relations,
        Some((Effect::Write, &["Write table:public.plain"])),
    ),
    (
        "SELECT nosuch(a) FROM plain",
        Lacks::Functions,
        Some((Effect::Read, &["Read table:public.plain"])),
    ),
    (
        "SELECT app.nosuch(), a FROM nosuch, plain",
        Lacks::Functions,
        Some((Effect::Read, &["Read table:public.plain"])),
    ),
    (
        "EXPLAIN DELETE FROM nosuch",
        Lacks::Relations,
        Some((Effect::Read, &[])),
    ),
    (
        "EXPLAIN ANALYZE DELETE FROM nosuch",
        Lacks::Relations,
        Some((Effect::Write, &[])),
    ),
    (
        "CREATE TABLE t AS SELECT * FROM nosuch",
        Lacks::Relations,
        Some((Effect::Define, &["Define table:public.t"])),
    ),
    (
        "SELECT 1; DELETE FROM plain; SELECT * FROM nosuch",
        Lacks::Relations,
        Some((Effect::Write, &["Write table:public.plain"])),
    ),
    (
        "COPY nosuch FROM STDIN",
        Lacks::Relations,
        Some((Effect::Write, &[])),
    ),
    (
        "ALTER TABLE nosuch DROP a",
        Lacks::Relations,
        Some((Effect::Define, &[])),
    ),
    // Not looked up before it runs, or not by itself.
    ("DROP TABLE nosuch", Lacks::Relations, None),
    (
        "SET work_mem = 64; SELECT * FROM nosuch",
        Lacks::Relations,
        None,
    ),
    (
        "CREATE TABLE t AS SELECT 1; SELECT * FROM t, nosuch",
        Lacks::Relations,
        None,
    ),
    ("PREPARE p AS SELECT * FROM nosuch", Lacks::Nothing, None),
    // More of it is not known.
    (
        "SELECT query_to_xml('x', true, true, '') FROM nosuch",
        Lacks::More,
        None,
    ),
];

#[test]
fn what_a_text_does_beside_the_names_that_are_not_there_is_told() {
    let server = Server::shared();
    let catalogue = catalogue(&server);
    for &(text, lacks, beside) in CASES {
        let analysis = told(&catalogue, text).unwrap();
        assert_eq!(analysis.lacks, lacks, "{text}");
        let found = analysis.beside.as_ref().map(|beside| {
            let accesses: Vec<_> = beside.accesses.iter().map(access).collect();
            (beside.effect, accesses)
        });
        let beside = beside
            .map(|(effect, accesses)| (effect, accesses.iter().map(ToString::to_string).collect()));
        assert_eq!(found, beside, "{text}");
        if analysis.lacks != Lacks::Nothing {
            assert!(analysis.operation.effect >= Effect::Define, "{text}");
        }
    }
}

#[test]
fn what_is_read_instead_of_a_text_has_its_names_where_they_stood() {
    let server = Server::shared();
    let catalogue = catalogue(&server);
    for (text, instead) in [
        (
            "SELECT 'ü'; SELECT * FROM nosuch; SELECT 2",
            "            SELECT * FROM nosuch",
        ),
        (
            "COPY /* ( */ (SELECT (1) FROM nosuch) TO STDOUT",
            "              SELECT (1) FROM nosuch",
        ),
        ("COPY nosuch (a) FROM STDIN", "TABLE\"nosuch\""),
        (
            "/* ü */ COPY app.\"No\"\"Such\" TO STDOUT",
            "        TABLE\"app\".\"No\"\"Such\"",
        ),
        ("TRUNCATE nosuch CASCADE", "    TABLE\"nosuch\""),
        (
            "ALTER TABLE ONLY nosuch ADD a int",
            "            TABLE\"nosuch\"",
        ),
    ] {
        let analysis = told(&catalogue, text).unwrap();
        let expected = Some(Reading::Instead(instead.to_owned()));
        assert_eq!(analysis.reading, expected, "{text}");
    }
    for text in [
        "TRUNCATE nosuch, plain",
        "DROP TABLE nosuch",
        "ALTER TABLE IF EXISTS nosuch ADD a int",
        "COPY plain TO STDOUT",
    ] {
        let analysis = told(&catalogue, text).unwrap();
        assert_eq!(analysis.reading, None, "{text}");
    }
}
