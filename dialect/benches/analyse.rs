//! Time to tell what a statement does, and where its columns come from: nothing is cached but the
//! trees of views.

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use portcullis_dialect::sql::analyse;
use portcullis_dialect::sql::catalogue::{Catalogue, Loader, Section};
use portcullis_dialect::sql::lineage::{Cursors, lineage};
use portcullis_dialect::sql::prepared::Prepared;
use portcullis_dialect::sql::settings::Settings;

fn main() {
    divan::main();
}

/// Two tables, and a view over them.
fn catalogue() -> Catalogue {
    let view =
        "SELECT o.id, c.name FROM public.orders o JOIN public.customers c ON c.id = o.customer";
    let mut loader = Loader::new();
    let mut row = |section, values: &[Option<&str>]| loader.row(section, values).unwrap();
    row(Section::Server, &[Some("150018")]);
    for schema in ["pg_catalog", "public"] {
        row(
            Section::Schemas,
            &[Some(schema), Some("postgres"), Some("t")],
        );
    }
    for (oid, name, kind, definition) in [
        ("16400", "orders", "r", None),
        ("16401", "customers", "r", None),
        ("16402", "overview", "v", Some(view)),
    ] {
        let schema = Some("public");
        let owner = Some("postgres");
        row(
            Section::Relations,
            &[
                Some(oid),
                schema,
                Some(name),
                Some(kind),
                owner,
                definition,
                None,
            ],
        );
    }
    for (oid, columns) in [
        ("16400", ["id", "customer", "amount", "placed"].as_slice()),
        ("16401", &["id", "name"]),
        ("16402", &["id", "name"]),
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
    loader.finish()
}

#[divan::bench(args = [
    "SELECT id, name FROM customers WHERE id = 5",
    "UPDATE orders SET amount = amount + 1 WHERE id = 5",
    "SELECT * FROM overview WHERE id = 5",
    "WITH gone AS (DELETE FROM orders WHERE id < 10 RETURNING *) INSERT INTO customers SELECT * FROM gone",
    "SELECT c.name, count(*), sum(o.amount) FROM orders o JOIN customers c ON c.id = o.customer WHERE o.placed > now() - interval '1 day' GROUP BY c.name HAVING count(*) > 1 ORDER BY 2 DESC LIMIT 10",
])]
fn analysis(bencher: divan::Bencher<'_, '_>, text: &str) {
    let (catalogue, settings, prepared) = (
        catalogue(),
        Settings::new("db", "postgres"),
        Prepared::default(),
    );
    bencher.bench(|| analyse(text, &settings, &catalogue, &prepared).unwrap());
}

#[divan::bench(args = [
    "SELECT id, name FROM customers WHERE id = 5",
    "SELECT * FROM orders o JOIN customers c ON c.id = o.customer WHERE o.id = 5",
    "SELECT * FROM overview WHERE id = 5",
])]
fn trace(bencher: divan::Bencher<'_, '_>, text: &str) {
    let (catalogue, settings) = (catalogue(), Settings::new("db", "postgres"));
    let (prepared, cursors) = (Prepared::default(), Cursors::default());
    bencher.bench(|| lineage(text, &settings, &catalogue, &prepared, &cursors).unwrap());
}
