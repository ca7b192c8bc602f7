//! The bounds of lineage, and what it keeps from one text to the next.

use portcullis_dialect::sql::catalogue::{Catalogue, Loader, Section};
use portcullis_dialect::sql::lineage::{
    CursorChange, Cursors, Lineage, MAX_COLUMNS, MAX_CURSORS, Origin, Rows, lineage,
};
use portcullis_dialect::sql::parser::MAX_TEXT;
use portcullis_dialect::sql::prepared::Prepared;
use portcullis_dialect::sql::settings::Settings;

/// One table with two columns, and a chain of views over it.
fn catalogue(views: u32) -> Catalogue {
    let mut loader = Loader::new();
    let mut row = |section, values: &[Option<&str>]| loader.row(section, values).unwrap();
    row(Section::Server, &[Some("150018")]);
    for schema in ["pg_catalog", "public"] {
        row(Section::Schemas, &[Some(schema), Some("ann"), Some("t")]);
    }
    for number in 0..=views {
        let oid = (20_000 + number).to_string();
        let name = format!("t{number}");
        let below = format!("SELECT a, b FROM public.t{}", number.saturating_sub(1));
        let (kind, definition) = match number {
            0 => ("r", None),
            _ => ("v", Some(below.as_str())),
        };
        let (public, ann) = (Some("public"), Some("ann"));
        row(
            Section::Relations,
            &[
                Some(&oid),
                public,
                Some(&name),
                Some(kind),
                ann,
                definition,
                None,
            ],
        );
        for (place, column) in [("1", "a"), ("2", "b")] {
            row(
                Section::Columns,
                &[
                    Some(&oid),
                    Some(place),
                    Some(column),
                    Some("25"),
                    None,
                    Some("f"),
                ],
            );
        }
    }
    loader.finish()
}

fn told(catalogue: &Catalogue, cursors: &Cursors, text: &str) -> Lineage {
    let settings = Settings::new("db", "ann");
    let prepared = Prepared::default();
    lineage(text, &settings, catalogue, &prepared, cursors).unwrap()
}

fn is_value_of(rows: &Rows, table: &str) -> bool {
    match rows {
        Rows::Columns(columns) => columns.iter().all(|column| match &column.origin {
            Origin::Column(all) => all.iter().any(|one| one.table == table),
            _ => false,
        }),
        _ => false,
    }
}

#[test]
fn an_answer_has_as_many_columns_as_the_server_allows_and_one_more_is_untraced() {
    let catalogue = catalogue(0);
    let wide = |count: usize| {
        let columns = vec!["a"; count].join(",");
        told(
            &catalogue,
            &Cursors::default(),
            &format!("SELECT {columns} FROM t0"),
        )
    };
    let most = wide(MAX_COLUMNS);
    assert!(is_value_of(&most.results[0], "t0"));
    assert!(matches!(&most.results[0], Rows::Columns(all) if all.len() == MAX_COLUMNS));
    assert_eq!(wide(MAX_COLUMNS + 1).results, [Rows::Untraced]);
}

#[test]
fn views_are_followed_to_the_bound_and_one_more_is_untraced() {
    let deep = u32::try_from(portcullis_dialect::sql::MAX_EXPANSION_DEPTH).unwrap();
    let catalogue = catalogue(deep + 1);
    let none = Cursors::default();
    let last = told(&catalogue, &none, &format!("SELECT a FROM t{deep}"));
    assert!(is_value_of(&last.results[0], "t0"));
    assert!(!last.untraced);
    let past = told(&catalogue, &none, &format!("SELECT a FROM t{}", deep + 1));
    assert!(past.untraced);
    assert!(!is_value_of(&past.results[0], "t0"));
}

#[test]
fn a_text_that_takes_too_much_work_is_untraced_and_ends() {
    let catalogue = catalogue(0);
    let none = Cursors::default();
    let many = vec!["t0"; MAX_TEXT / 8].join(",");
    let names = vec!["a0"; MAX_TEXT / 8].join(",");
    let text = format!("SELECT {names} FROM {many}");
    let found = told(&catalogue, &none, &text);
    assert!(found.untraced);
    assert_eq!(found.results, [Rows::Untraced]);
    let mut nested = "SELECT 1 AS a".to_owned();
    for _ in 0..9 {
        nested =
            format!("WITH RECURSIVE r AS ({nested} UNION SELECT a || a FROM r) SELECT * FROM r");
    }
    let found = told(&catalogue, &none, &nested);
    assert_eq!(found.results.len(), 1);
}

#[test]
fn a_nested_text_is_traced_or_untraced_or_refused() {
    let catalogue = catalogue(0);
    let (mut traced, mut untraced, mut refused) = (0, 0, 0);
    for depth in (1..150).step_by(10).chain(160..172) {
        let text = format!(
            "SELECT {}a{} FROM t0",
            "(SELECT ".repeat(depth),
            ")".repeat(depth)
        );
        let settings = Settings::new("db", "ann");
        let (prepared, cursors) = (Prepared::default(), Cursors::default());
        match lineage(&text, &settings, &catalogue, &prepared, &cursors) {
            Ok(found) if found.untraced => {
                assert_eq!(found.results, [Rows::Untraced]);
                untraced += 1;
            }
            Ok(found) => {
                assert!(is_value_of(&found.results[0], "t0"), "{depth}");
                traced += 1;
            }
            Err(_) => refused += 1,
        }
    }
    assert!(
        traced > 5 && untraced + refused > 5,
        "{traced} {untraced} {refused}"
    );
}

#[test]
fn a_cursor_is_known_to_later_texts_as_long_as_the_server_keeps_it() {
    let catalogue = catalogue(0);
    let mut cursors = Cursors::default();
    let run = |cursors: &mut Cursors, text: &str| {
        let found = told(&catalogue, cursors, text);
        for change in found.cursors {
            cursors.apply(change);
        }
        found.results.into_iter().last().unwrap()
    };
    run(&mut cursors, "DECLARE c CURSOR FOR SELECT a FROM t0");
    run(
        &mut cursors,
        "DECLARE h CURSOR WITH HOLD FOR SELECT b FROM t0",
    );
    assert!(is_value_of(&run(&mut cursors, "FETCH ALL FROM c"), "t0"));
    assert_eq!(run(&mut cursors, "MOVE ALL FROM c"), Rows::None);
    run(&mut cursors, "COMMIT");
    assert_eq!(run(&mut cursors, "FETCH c"), Rows::Untraced);
    assert!(is_value_of(&run(&mut cursors, "FETCH h"), "t0"));
    run(&mut cursors, "DECLARE late CURSOR FOR SELECT a FROM t0");
    run(&mut cursors, "ROLLBACK");
    assert_eq!(run(&mut cursors, "FETCH late"), Rows::Untraced);
    assert!(is_value_of(&run(&mut cursors, "FETCH h"), "t0"));
    run(&mut cursors, "CLOSE h");
    assert_eq!(run(&mut cursors, "FETCH h"), Rows::Untraced);
}

#[test]
fn code_that_cannot_be_read_may_open_cursors_of_the_same_names() {
    let catalogue = catalogue(0);
    for text in [
        "DO 'BEGIN END'",
        "SELECT open_one('c')",
        "CLOSE ALL",
        "DISCARD ALL",
    ] {
        let mut cursors = Cursors::default();
        let texts = ["DECLARE c CURSOR WITH HOLD FOR SELECT a FROM t0", text];
        for text in texts {
            for change in told(&catalogue, &cursors, text).cursors {
                cursors.apply(change);
            }
        }
        assert_eq!(cursors.rows("c"), Rows::Untraced, "{text}");
    }
}

#[test]
fn as_many_cursors_are_remembered_as_the_limit_says_and_one_more_is_untraced() {
    let mut cursors = Cursors::default();
    for number in 0..=MAX_CURSORS {
        cursors.apply(CursorChange::Declare {
            name: format!("c{number}"),
            rows: Rows::None,
            holds: false,
        });
    }
    assert_eq!(cursors.rows(&format!("c{}", MAX_CURSORS - 1)), Rows::None);
    assert_eq!(cursors.rows(&format!("c{MAX_CURSORS}")), Rows::Untraced);
}
