//! SQL of PostgreSQL, told by a small catalogue.
//!
//! Input: a text. Checked: it is analysed or refused, each time alike; nothing in it is passed
//! over; its effect is no weaker than that of any statement or access; statements stand in the
//! text in their order; a DELETE behind it is always seen.

use std::sync::LazyLock;

use portcullis_dialect::sql::catalogue::{Catalogue, Loader, Section};
use portcullis_dialect::sql::parser::{STACK_SIZE, readable};
use portcullis_dialect::sql::prepared::Prepared;
use portcullis_dialect::sql::settings::Settings;
use portcullis_dialect::sql::{Analysis, Refused, analyse};
use portcullis_policy::{Effect, Flag};

pub(crate) static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(catalogue);

pub fn check(data: &[u8]) {
    on_its_stack(data, check_text);
}

/// Runs on the stack that the analysis asks of its callers.
pub(crate) fn on_its_stack(data: &[u8], check: fn(&[u8])) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_SIZE);
        let running = thread.spawn_scoped(scope, || check(data));
        if let Err(failure) = running.expect("a thread").join() {
            std::panic::resume_unwind(failure);
        }
    });
}

fn told(text: &[u8]) -> Result<Analysis, Refused> {
    let settings = Settings::new("shop", "ann");
    let text = readable(text, &settings)?;
    analyse(&text, &settings, &CATALOGUE, &Prepared::default())
}

fn check_text(data: &[u8]) {
    let first = told(data);
    let second = told(data);
    let Ok(analysis) = first else {
        assert_eq!(first.err(), second.err());
        return;
    };
    let again = second
        .expect("what is analysed once is analysed again")
        .operation;
    assert_eq!(analysis.operation, again);
    holds_together(&analysis, data.len());
    let mut longer = data.to_vec();
    longer.extend_from_slice(b"\n;DELETE FROM orders");
    match told(&longer) {
        Ok(longer) => assert!(longer.operation.effect >= Effect::Write),
        Err(Refused::TooLong { .. } | Refused::TooManyStatements { .. }) => {}
        Err(other) => panic!("a statement behind it makes it unreadable: {other}"),
    }
}

fn holds_together(analysis: &Analysis, length: usize) {
    let operation = &analysis.operation;
    assert!(!operation.attributes.contains_key("unaccounted"));
    let several = analysis.statements.len() > 1;
    assert_eq!(operation.flags.contains(&Flag::MultiStatement), several);
    let mut end = 0;
    for statement in &analysis.statements {
        assert!(operation.effect >= statement.effect);
        assert!(end <= statement.start && statement.start <= statement.end);
        end = statement.end;
    }
    assert!(end <= length);
    for access in operation.accesses.iter() {
        assert!(operation.effect >= access.effect, "{access:?}");
    }
}

/// Two tables, a view over them, a table with a trigger, a function in SQL and one that is not.
fn catalogue() -> Catalogue {
    let mut loader = Loader::new();
    let mut row = |section, values: &[Option<&str>]| {
        loader.row(section, values).expect("a row of its section");
    };
    let (public, ann) = (Some("public"), Some("ann"));
    row(Section::Server, &[Some("150018")]);
    for schema in ["pg_catalog", "public", "app"] {
        row(Section::Schemas, &[Some(schema), ann, Some("t")]);
    }
    let view = "SELECT o.id, c.name FROM public.orders o, public.customers c";
    for (oid, name, kind, definition) in [
        ("16400", "orders", "r", None),
        ("16401", "customers", "r", None),
        ("16402", "overview", "v", Some(view)),
        ("16403", "stamped", "r", None),
    ] {
        let (oid, name, kind) = (Some(oid), Some(name), Some(kind));
        row(
            Section::Relations,
            &[oid, public, name, kind, ann, definition, None],
        );
    }
    for (oid, columns) in [
        ("16400", ["id", "customer", "amount"].as_slice()),
        ("16401", &["id", "name", "ssn"]),
        ("16402", &["id", "name"]),
        ("16403", &["id", "updated"]),
    ] {
        for (place, column) in columns.iter().enumerate() {
            let place = (place + 1).to_string();
            let values = [
                Some(oid),
                Some(place.as_str()),
                Some(*column),
                Some("25"),
                None,
                Some("f"),
            ];
            row(Section::Columns, &values);
        }
    }
    let trigger = "CREATE TRIGGER stamp BEFORE UPDATE ON public.stamped FOR EACH ROW EXECUTE FUNCTION public.stamp()";
    let stamp = Some("stamp");
    row(
        Section::Triggers,
        &[Some("16403"), public, stamp, Some("19"), Some(trigger)],
    );
    let close = "DELETE FROM public.orders WHERE id = $1";
    for (oid, name, language, arguments, body) in [
        ("16410", "close_order", "sql", "1", Some(close)),
        ("16411", "stamp", "plpgsql", "0", None),
    ] {
        let (oid, name, language) = (Some(oid), Some(name), Some(language));
        let (arguments, none, no) = (Some(arguments), Some("0"), Some("f"));
        let named = [oid, public, name, no, ann, language, arguments, none];
        let rest = [no, no, no, body, None, None, None, None];
        // No argument has a default.
        row(Section::Functions, &[&named[..], &rest, &[None]].concat());
    }
    loader.finish()
}
