//! Bounds on what a database may lead to. The catalogues are made row by row; no server is needed.

use portcullis_dialect::sql::catalogue::{Catalogue, Loader, MAX_ROWS, Section};
use portcullis_dialect::sql::depth::MAX_STORED_NESTING;
use portcullis_dialect::sql::names::{MAX_NAMES, parse_list};
use portcullis_dialect::sql::prepared::Prepared;
use portcullis_dialect::sql::settings::Settings;
use portcullis_dialect::sql::{
    Analysis, MAX_ACCESSES, MAX_EXPANSION_DEPTH, MAX_EXPANSIONS, analyse,
};
use portcullis_policy::Effect;

/// The first number that is free for objects of ours.
const FIRST: usize = 20_000;

fn told(text: &str, catalogue: &Catalogue) -> Analysis {
    let settings = Settings::new("db", "role");
    analyse(text, &settings, catalogue, &Prepared::default()).unwrap()
}

/// A loader that knows the two schemas of every path.
fn loader() -> Loader {
    let mut loader = Loader::new();
    loader.row(Section::Server, &[Some("150018")]).unwrap();
    for schema in ["pg_catalog", "public"] {
        let row = [Some(schema), Some("role"), Some("t")];
        loader.row(Section::Schemas, &row).unwrap();
    }
    loader
}

fn relation(loader: &mut Loader, number: usize, kind: &str, definition: Option<&str>) {
    let (oid, name) = ((FIRST + number).to_string(), format!("r{number}"));
    let (schema, owner) = (Some("public"), Some("role"));
    let row = [
        Some(&*oid),
        schema,
        Some(&name),
        Some(kind),
        owner,
        definition,
        None,
    ];
    loader.row(Section::Relations, &row).unwrap();
}

/// A function in SQL that is named `f`, without arguments.
fn overload(loader: &mut Loader, number: usize) {
    let oid = (FIRST + number).to_string();
    let no = Some("f");
    let mut row = [
        Some(&*oid),
        Some("public"),
        Some("f"),
        Some("f"),
        Some("role"),
        Some("sql"),
    ]
    .to_vec();
    row.extend([Some("0"), Some("0"), no, no, no, Some("SELECT 1")]);
    row.extend([None; 5]);
    loader.row(Section::Functions, &row).unwrap();
}

/// A table and views over it, each over the one before: so many relations in all.
fn chain(length: usize) -> Analysis {
    let mut loader = loader();
    relation(&mut loader, 0, "r", None);
    for number in 1..length {
        let view = format!("SELECT * FROM public.r{}", number - 1);
        relation(&mut loader, number, "v", Some(&view));
    }
    told(&format!("SELECT * FROM r{}", length - 1), &loader.finish())
}

#[test]
fn views_are_followed_to_the_greatest_depth_and_no_deeper() {
    let deepest = chain(MAX_EXPANSION_DEPTH).operation;
    assert_eq!(deepest.effect, Effect::Read);
    assert_eq!(deepest.accesses.len(), MAX_EXPANSION_DEPTH);
    assert_eq!(
        chain(MAX_EXPANSION_DEPTH + 1).operation.effect,
        Effect::Unknown
    );
}

/// A view over a sum of so many operators.
fn sum(operators: usize) -> Effect {
    let mut loader = loader();
    let definition = format!("SELECT 1{} AS a", " + 1".repeat(operators));
    relation(&mut loader, 0, "v", Some(&definition));
    told("SELECT * FROM r0", &loader.finish()).operation.effect
}

#[test]
fn what_is_stored_is_read_to_its_greatest_nesting_and_one_more_is_unknown() {
    // Two parts each, and ten around them.
    let most = (MAX_STORED_NESTING - 10) / 2;
    assert_eq!(sum(most), Effect::Read);
    assert_eq!(sum(most + 1), Effect::Unknown);
}

/// A call that may mean any of so many functions.
fn overloads(count: usize) -> Effect {
    let mut loader = loader();
    (0..count).for_each(|number| overload(&mut loader, number));
    told("SELECT f()", &loader.finish()).operation.effect
}

#[test]
fn the_greatest_number_of_definitions_is_followed_and_one_more_is_unknown() {
    assert_eq!(overloads(MAX_EXPANSIONS), Effect::Read);
    assert_eq!(overloads(MAX_EXPANSIONS + 1), Effect::Unknown);
}

/// A query of so many tables, the first of them named twice.
fn tables(count: usize) -> Analysis {
    let mut loader = loader();
    let mut names = Vec::new();
    for number in 0..count {
        relation(&mut loader, number, "r", None);
        names.push(format!("r{number}"));
    }
    let text = format!("SELECT FROM {}, r0 AS again", names.join(", "));
    told(&text, &loader.finish())
}

#[test]
fn the_greatest_number_of_accesses_is_told_and_one_more_is_unknown() {
    let most = tables(MAX_ACCESSES).operation;
    assert_eq!(
        (most.effect, most.accesses.len()),
        (Effect::Read, MAX_ACCESSES)
    );
    let over = tables(MAX_ACCESSES + 1).operation;
    assert_eq!(over.effect, Effect::Unknown);
    assert_eq!(over.accesses.len(), MAX_ACCESSES + 1);
    assert!(over.is_unknown());
}

#[test]
fn a_catalogue_takes_its_greatest_number_of_rows_and_refuses_the_next() {
    let mut loader = Loader::new();
    for _ in 0..MAX_ROWS {
        loader.row(Section::Server, &[Some("150018")]).unwrap();
    }
    let refused = loader.row(Section::Server, &[Some("150018")]).unwrap_err();
    assert_eq!(refused.reason, "there are too many rows");
}

#[test]
fn a_list_of_the_most_names_is_read_and_one_name_more_is_malformed() {
    let names = vec!["a"; MAX_NAMES];
    assert_eq!(parse_list(&names.join(", ")).unwrap().len(), MAX_NAMES);
    assert_eq!(parse_list(&format!("{}, a", names.join(", "))), None);
}
