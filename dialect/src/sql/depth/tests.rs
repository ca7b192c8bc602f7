use super::{MAX_LOOKED_AT, MAX_STORED_NESTING, Stack, deepest, is_shallow, on_its_stack};
use crate::sql::parser::{Parsed, parse};
use crate::sql::settings::Tracked;
use crate::sql::visit;

/// What nests, and what is put around it.
const WAYS: [(&str, &str); 40] = [
    ("", " + 1"),
    ("", "::int"),
    ("(", " IS NULL)"),
    ("(", " ISNULL)"),
    ("(", " NOTNULL)"),
    ("(", " IS TRUE)"),
    ("(", " IS JSON)"),
    ("(", " IS DISTINCT FROM 1)"),
    ("", " COLLATE \"C\""),
    ("", " AT LOCAL"),
    ("(", " LIKE 'a' ESCAPE 'b')"),
    ("(", " SIMILAR TO 'a')"),
    ("(", " BETWEEN 1 AND 2)"),
    ("(", " IN (1))"),
    ("", " OPERATOR(pg_catalog.+) 1"),
    ("- ", ""),
    ("NOT ", ""),
    ("@ ", ""),
    ("1 IN (", ")"),
    ("a = ANY (", ")"),
    ("f(", ")"),
    ("f(VARIADIC a => ", ")"),
    ("count(*) FILTER (WHERE ", ")"),
    ("sum(a) OVER (PARTITION BY b ORDER BY ", ")"),
    ("percentile_cont(1) WITHIN GROUP (ORDER BY ", ")"),
    ("CAST(", " AS int)"),
    ("ARRAY[", "]"),
    ("x[", "]"),
    ("x[1:", "]"),
    ("ROW(", ")"),
    ("(a, ", ")"),
    ("(ROW(1, ", ")).f1"),
    ("CASE WHEN a THEN ", " END"),
    ("(a AND b OR NOT ", ")"),
    ("(SELECT ", ")"),
    ("ARRAY(VALUES (", "))"),
    ("EXISTS (TABLE t UNION SELECT ", " INTERSECT TABLE t)"),
    (
        "(SELECT 1 FROM a JOIN b USING (c) JOIN LATERAL (SELECT ",
        ") s ON true)",
    ),
    (
        "(WITH RECURSIVE a AS (SELECT ",
        ") SELECT 1 GROUP BY ROLLUP (a))",
    ),
    ("json_object('a': ", ")"),
];

fn depth(text: &str) -> Option<usize> {
    let read = || match parse(text, &Tracked::Known(true))? {
        Parsed::Tree(tree) => Ok(visit::depth(&tree)),
        Parsed::Ambiguous => Ok(None),
    };
    on_its_stack(Stack::Made, text, read).unwrap_or_default()
}

#[test]
fn no_tree_is_deeper_than_its_text_is_thought_to_nest() {
    for (before, after) in WAYS {
        for count in [1, 2, 7, 20] {
            let nested = format!("{}b{}", before.repeat(count), after.repeat(count));
            for around in [
                format!("SELECT {nested}"),
                format!("DELETE FROM t WHERE {nested}"),
                format!("CREATE TABLE t (a int DEFAULT ({nested}))"),
                format!("CREATE VIEW v AS SELECT 1 ORDER BY {nested}"),
                format!("INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = {nested}"),
            ] {
                let depth = depth(&around).unwrap_or_else(|| panic!("{around}"));
                assert!(depth <= deepest(&around), "{depth} of {around}");
            }
        }
    }
    for statement in include_str!("../../../tests/sql/corpus.sql").split(";\n") {
        if let Some(depth) = depth(statement) {
            assert!(depth <= deepest(statement), "{depth} of {statement}");
        }
    }
}

#[test]
fn what_does_not_nest_is_read_where_its_caller_stands() {
    let short = "SELECT a, b FROM t JOIN u ON t.id = u.id WHERE a = 1 AND b = 2 ORDER BY a";
    assert!(is_shallow(short));
    let here = || Ok(std::thread::current().id());
    let own = std::thread::current().id();
    assert_eq!(on_its_stack(Stack::Made, short, here), Ok(own));
    let fills = |length: usize| format!("SELECT '{}'", "a".repeat(length - "SELECT ''".len()));
    assert!(is_shallow(&fills(MAX_LOOKED_AT)));
    assert!(!is_shallow(&fills(MAX_LOOKED_AT + 1)));
    // 32 around everything, 12 for SELECT, 2 for each sign.
    let signs = |count: usize| format!("SELECT a{}", "+1".repeat(count));
    assert_eq!(deepest(&signs(28)), MAX_STORED_NESTING);
    assert!(is_shallow(&signs(28)));
    assert!(!is_shallow(&signs(29)));
    assert_ne!(on_its_stack(Stack::Made, &signs(29), here), Ok(own));
    // Where the caller's is as deep, no other is made.
    assert_eq!(on_its_stack(Stack::Deep, &signs(29), here), Ok(own));
}
