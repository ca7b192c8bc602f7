//! What could not be read for the locks of another session: nothing of it is guessed.

use portcullis_dialect::sql::catalogue::{Catalogue, Loader, Section};
use portcullis_dialect::sql::lineage::{Cursors, Rows, lineage};
use portcullis_dialect::sql::names::Name;
use portcullis_dialect::sql::prepared::Prepared;
use portcullis_dialect::sql::settings::Settings;
use portcullis_dialect::sql::{Analysis, Lacks, analyse};
use portcullis_policy::Effect;

/// Two tables and a view over each; `more` are rows about the first table or over it.
fn catalogue(more: &[(Section, &[Option<&str>])]) -> Catalogue {
    let mut loader = Loader::new();
    let mut put = |section, values: &[Option<&str>]| loader.row(section, values).unwrap();
    put(Section::Server, &[Some("150000")]);
    put(
        Section::Schemas,
        &[Some("public"), Some("trusted"), Some("t")],
    );
    for (oid, name, kind, definition) in [
        ("20000", "a", "r", None),
        ("20001", "b", "r", None),
        ("20002", "over_b", "v", Some("SELECT id FROM public.b")),
    ] {
        let row = [oid, "public", name, kind, "trusted"].map(Some);
        put(
            Section::Relations,
            &[&row[..], &[definition, None]].concat(),
        );
        let column = ["1", "id", "23"].map(Some);
        put(
            Section::Columns,
            &[&[Some(oid)], &column[..], &[None, Some("f")]].concat(),
        );
    }
    for (section, values) in more {
        put(*section, values);
    }
    loader.finish()
}

fn told(catalogue: &Catalogue, text: &str) -> Analysis {
    let settings = Settings::new("shop", "trusted");
    analyse(text, &settings, catalogue, &Prepared::default()).unwrap()
}

#[test]
fn a_relation_of_which_something_was_not_read_is_unknown_and_the_others_are_not() {
    let view = ["20003", "public", "over_a", "v", "trusted", ""].map(Some);
    let view = [&view[..], &[None]].concat();
    let trigger = ["20000", "public", "stamp", "7", ""].map(Some);
    for (section, values, text, name) in [
        (
            Section::Relations,
            &view[..],
            "SELECT * FROM over_a",
            "over_a",
        ),
        (
            Section::Columns,
            &["20000", "2", "c", "23", "", "f"].map(Some),
            "SELECT id FROM a",
            "a",
        ),
        (
            Section::Policies,
            &["20000", ""].map(Some),
            "SELECT id FROM a",
            "a",
        ),
        (
            Section::Checks,
            &["20000", ""].map(Some),
            "INSERT INTO a VALUES (1)",
            "a",
        ),
        (
            Section::Rules,
            &["20000", "3", ""].map(Some),
            "INSERT INTO a VALUES (1)",
            "a",
        ),
        (Section::Triggers, &trigger, "INSERT INTO a VALUES (1)", "a"),
    ] {
        let catalogue = catalogue(&[(section, values)]);
        assert!(catalogue.is_unread(), "{section:?}");
        let analysis = told(&catalogue, text);
        assert_eq!(analysis.operation.effect, Effect::Unknown, "{section:?}");
        assert_eq!(analysis.unread, [Name::new("public", name)], "{section:?}");
        // The server is not asked to read a text instead of running it: the names are there.
        assert_eq!(analysis.lacks, Lacks::Nothing, "{section:?}");
        assert_eq!(analysis.reading, None, "{section:?}");
        let beside = told(&catalogue, "SELECT * FROM over_b");
        assert_eq!(beside.operation.effect, Effect::Read, "{section:?}");
        assert!(beside.unread.is_empty(), "{section:?}");
    }
}

#[test]
fn where_all_was_read_nothing_is_unread() {
    let catalogue = catalogue(&[]);
    assert!(!catalogue.is_unread());
    for text in ["SELECT id FROM a", "SELECT id FROM over_b"] {
        assert_eq!(told(&catalogue, text).operation.effect, Effect::Read);
    }
}

#[test]
fn a_function_whose_body_was_not_read_is_unknown() {
    let function = [
        Some("20010"),
        Some("public"),
        Some("f"),
        Some("f"),
        Some("trusted"),
        Some("sql"),
        Some("0"),
        Some("0"),
        Some("f"),
        Some("f"),
        Some("f"),
        None,
        Some(""),
        None,
        None,
        None,
        None,
    ];
    let catalogue = catalogue(&[(Section::Functions, &function)]);
    assert!(catalogue.is_unread());
    let analysis = told(&catalogue, "SELECT f()");
    assert_eq!(analysis.operation.effect, Effect::Unknown);
    assert_eq!(analysis.unread, [Name::new("public", "f")]);
    // There is no hash that a review could name.
    assert!(analysis.unreviewed.is_empty());
}

#[test]
fn columns_of_a_table_that_was_not_read_whole_are_not_traced() {
    let generated = ["20000", "2", "c", "23", "", "f"].map(Some);
    let catalogue = catalogue(&[(Section::Columns, &generated)]);
    let settings = Settings::new("shop", "trusted");
    let of = |text| {
        let prepared = Prepared::default();
        let lineage = lineage(text, &settings, &catalogue, &prepared, &Cursors::default());
        lineage.unwrap().results.remove(0)
    };
    assert_eq!(of("SELECT * FROM a"), Rows::Untraced);
    assert_ne!(of("SELECT * FROM b"), Rows::Untraced);
}
