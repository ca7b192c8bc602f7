//! Names that the catalogue does not have: what a text does beside them.

use portcullis_dialect::sql::Lacks;
use portcullis_policy::Effect;

use crate::cases::{access, catalogue, told};
use crate::server::Server;

/// The effect and the accesses.
type Beside = Option<(Effect, &'static [&'static str])>;

#[test]
fn what_a_text_does_beside_the_names_that_are_not_there_is_told() {
    let Some(server) = Server::shared() else {
        return;
    };
    let catalogue = catalogue(&server);
    let cases: [(&str, Lacks, Beside); 13] = [
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
        // Not looked up before it runs, or not by itself.
        ("DROP TABLE nosuch", Lacks::Relations, None),
        ("SELECT 1; SELECT * FROM nosuch", Lacks::Relations, None),
        ("PREPARE p AS SELECT * FROM nosuch", Lacks::Nothing, None),
        (
            "CREATE TABLE t AS SELECT * FROM nosuch",
            Lacks::Relations,
            None,
        ),
        // More of it is not known.
        (
            "SELECT query_to_xml('x', true, true, '') FROM nosuch",
            Lacks::More,
            None,
        ),
    ];
    for (text, lacks, beside) in cases {
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
