//! How deep a text may nest: at the bound, one past it, and far past it, by each way to nest.

use portcullis_dialect::postgres::copy::copies_out;
use portcullis_dialect::sql::assume::assume;
use portcullis_dialect::sql::catalogue::Catalogue;
use portcullis_dialect::sql::depth::MAX_NESTING;
use portcullis_dialect::sql::lineage::{Cursors, lineage};
use portcullis_dialect::sql::prepared::Prepared;
use portcullis_dialect::sql::settings::Settings;
use portcullis_dialect::sql::{Refused, analyse};

/// How a text nests: what stands before, what is opened, what is within, what closes, and how often
/// that is read.
type Way = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    usize,
);

/// One for each part of the grammar that holds others of its kind.
const WAYS: [Way; 32] = [
    ("SELECT 1", "", "", " + 1", 495),
    ("SELECT 'a'", "", "", " || 'a'", 495),
    ("SELECT ", "- ", "a", "", 495),
    ("SELECT ", "NOT ", "a", "", 495),
    ("SELECT a", "", "", " IS NULL", 495),
    ("SELECT a", "", "", "::int", 495),
    ("SELECT a", "", "", " COLLATE \"C\"", 495),
    ("SELECT a", "", "", " AT TIME ZONE 'UTC'", 495),
    ("SELECT ", "a = (", "b", ")", 495),
    ("SELECT ", "a IN (", "b", ")", 247),
    ("SELECT ", "a LIKE (", "b", ")", 495),
    ("SELECT ", "a BETWEEN b AND (", "c", ")", 247),
    ("SELECT ", "f(", "1", ")", 495),
    ("SELECT ARRAY", "[", "1", "]", 495),
    ("SELECT ", "x[", "1", "]", 247),
    ("SELECT ", "ROW(", "1", ")", 495),
    ("SELECT ", "(a, ", "1", ")", 495),
    ("SELECT ", "coalesce(a, ", "b", ")", 495),
    ("SELECT ", "greatest(a, ", "b", ")", 495),
    ("SELECT ", "CASE WHEN a THEN b ELSE ", "c", " END", 494),
    ("SELECT ", "CASE a WHEN ", "c", " THEN d END", 247),
    ("SELECT ", "a AND (b OR ", "c", ")", 247),
    ("SELECT ", "(SELECT ", "1", ")", 165),
    ("SELECT 1 WHERE ", "EXISTS (SELECT 1 WHERE ", "a", ")", 247),
    ("SELECT ", "a IN (SELECT ", "b", ")", 165),
    ("SELECT * FROM ", "(SELECT * FROM ", "t", ") s", 247),
    ("SELECT * FROM t", "", "", " JOIN t ON true", 496),
    (
        "SELECT * FROM ",
        "t JOIN (",
        "t",
        " JOIN t ON true) ON true",
        248,
    ),
    ("SELECT 1", "", "", " UNION SELECT 1", 991),
    ("", "WITH w AS (", "SELECT 1", ") SELECT 1", 198),
    ("SELECT 1 GROUP BY ", "GROUPING SETS (", "a", ")", 496),
    ("SELECT ", "xmlelement(NAME a, ", "b", ")", 495),
];

fn text((before, open, within, close, _): Way, depth: usize) -> String {
    let (open, close) = (open.repeat(depth), close.repeat(depth));
    format!("{before}{open}{within}{close}")
}

/// All that reads a text and walks over its tree.
fn read(text: &str) -> Result<bool, Refused> {
    let settings = Settings::new("db", "role");
    let (catalogue, prepared) = (Catalogue::default(), Prepared::default());
    let analysis = analyse(text, &settings, &catalogue, &prepared)?;
    lineage(text, &settings, &catalogue, &prepared, &Cursors::default())?;
    copies_out(text, &settings)?;
    assume(text, &settings)?;
    Ok(analysis.operation.attributes.contains_key("unaccounted"))
}

#[test]
fn each_way_to_nest_is_read_to_the_bound_and_refused_one_past_it() {
    for way in WAYS {
        assert_eq!(read(&text(way, way.4)), Ok(false), "{way:?}");
        assert_eq!(
            read(&text(way, way.4 + 1)),
            Err(Refused::TooDeep),
            "{way:?}"
        );
    }
    assert_eq!(MAX_NESTING, 1000);
}

#[test]
fn far_past_the_bound_the_parser_or_we_refuse() {
    for way in WAYS {
        for depth in [2_000, 9_000] {
            let text = text(way, depth);
            if text.len() <= portcullis_dialect::sql::parser::MAX_TEXT {
                assert_eq!(read(&text), Err(Refused::TooDeep), "{way:?} {depth}");
            }
        }
    }
}

#[test]
fn what_only_looks_deep_is_read() {
    let all = [
        format!("SELECT 1 WHERE {}", vec!["a = 1"; 3_000].join(" OR ")),
        format!("SELECT 1 WHERE a IN ({})", vec!["1"; 5_000].join(", ")),
        format!(
            "INSERT INTO t VALUES {}",
            vec!["(1, 'x')"; 2_000].join(", ")
        ),
        format!("SELECT CASE {} END", "WHEN a = 1 THEN 2 ".repeat(1_000)),
        format!("SELECT '{}'", "(".repeat(100_000)),
        format!("SELECT {}1{}", "(".repeat(4_000), ")".repeat(4_000)),
        format!("SELECT {}", vec!["a + b"; 2_000].join(", ")),
        "SELECT 1;".repeat(4_000),
    ];
    for text in all {
        let shown: String = text.chars().take(40).collect();
        assert_eq!(read(&text), Ok(false), "{shown}");
    }
}
