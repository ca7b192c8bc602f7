use portcullis_dialect::postgres::copy::copies_out;
use portcullis_dialect::postgres::wire::backend::{Backend, tag};
use portcullis_dialect::sql::catalogue::{Loader, Section};
use portcullis_dialect::sql::lineage::{ColumnRef, Origin, Use};
use portcullis_dialect::sql::prepared::Prepared;
use portcullis_dialect::sql::settings::Settings;
use portcullis_dialect::sql::{Analysis, analyse};
use portcullis_policy::mask::{JsonPath, Predicates, Transform};

use super::*;
use crate::protocol::postgres::mask::samples::{detectors, masks, rule};

/// `people` with its child `people_de`, and `orders`, where nothing is masked.
fn catalogue() -> Catalogue {
    let mut loader = Loader::new();
    let mut row = |section, values: &[&str]| {
        let values: Vec<_> = values
            .iter()
            .map(|value| (*value != "-").then_some(*value))
            .collect();
        loader.row(section, &values).unwrap();
    };
    row(Section::Server, &["150018"]);
    row(Section::Schemas, &["public", "o", "t"]);
    row(Section::Schemas, &["pg_catalog", "o", "t"]);
    for (oid, name) in [
        ("20001", "people"),
        ("20002", "people_de"),
        ("20003", "orders"),
    ] {
        row(
            Section::Relations,
            &[oid, "public", name, "r", "o", "-", "-", "-"],
        );
        row(Section::Columns, &[oid, "1", "id", "23", "-", "f"]);
        let second = if name == "orders" { "note" } else { "ssn" };
        row(Section::Columns, &[oid, "2", second, "25", "-", "f"]);
    }
    row(Section::Columns, &["20003", "3", "doc", "3802", "-", "f"]);
    row(
        Section::Relations,
        &["2619", "pg_catalog", "pg_stats", "v", "o", "-", "-", "-"],
    );
    row(Section::Children, &["20001", "20002"]);
    loader.finish()
}

fn settings() -> Settings {
    Settings::new("db", "o")
}

fn analysis(text: &str) -> Analysis {
    analyse(text, &settings(), &catalogue(), &Prepared::default()).unwrap()
}

fn column(table: &str, column: &str) -> ColumnRef {
    ColumnRef {
        schema: "public".to_owned(),
        table: table.to_owned(),
        column: column.to_owned(),
    }
}

fn ssn() -> Arc<MaskSet> {
    masks(&[rule(&["public.people.ssn"], Transform::Redact)])
}

fn with_known<T>(text: &str, tell: impl FnOnce(&Known<'_>) -> T) -> T {
    let analysis = analysis(text);
    tell(&Known {
        operation: &analysis.operation,
        statements: &analysis.statements,
        touches_are_known: analysis.touches_are_known(),
        lacks: analysis.lacks,
        is_readable: analysis.reading.is_some(),
        catalogue: &Arc::new(catalogue()),
    })
}

fn planned(masks: &Arc<MaskSet>, text: &str, traced: &Lineage) -> Result<Plan, Denial> {
    with_known(text, |known| {
        let reach = Reach::of(masks, known);
        Plan::traced(masks.clone(), reach, known, Arc::new(traced.clone()))
    })
}

/// Which fields of a result are looked at: (table, attribute) as the server describes them.
fn looked_at(plan: &Plan, fields: &[(u32, i16)]) -> Vec<bool> {
    let mut body = (fields.len() as u16).to_be_bytes().to_vec();
    for (table, attribute) in fields {
        body.extend(b"same name\0");
        body.extend(table.to_be_bytes());
        body.extend(attribute.to_be_bytes());
        body.extend(25u32.to_be_bytes());
        body.extend([0; 8]);
    }
    let Backend::RowDescription(description) =
        Backend::decode(tag::ROW_DESCRIPTION, &body).unwrap()
    else {
        panic!("no description");
    };
    let described = description.fields().enumerate().map(|(at, field)| {
        let origins = plan.results_of(0, description.len());
        let origin = origins.and_then(|columns| columns.get(at));
        let origin = origin.map(|column| &column.origin);
        !plan.described(&field, origin).passes()
    });
    described.collect()
}

fn traced(results: Vec<Origin>) -> Lineage {
    let column = |origin| ResultColumn { name: None, origin };
    Lineage {
        results: vec![Rows::Columns(results.into_iter().map(column).collect())],
        ..Lineage::default()
    }
}

#[test]
fn fields_are_matched_by_the_servers_word_with_parents_and_children() {
    let plan = planned(&ssn(), "SELECT * FROM people", &Lineage::default()).unwrap();
    let fields = [(20001, 1), (20001, 2), (20002, 2), (20003, 2)];
    assert_eq!(looked_at(&plan, &fields), [false, true, true, false]);
    let child = masks(&[rule(&["public.people_de.ssn"], Transform::Redact)]);
    let plan = planned(&child, "SELECT * FROM people", &Lineage::default()).unwrap();
    assert_eq!(looked_at(&plan, &fields), [false, true, true, false]);
}

#[test]
fn computed_fields_are_matched_by_lineage_and_redacted_where_there_is_none() {
    let from = |name: &str| Origin::Derived([column("people", name)].into());
    let told = traced(vec![from("ssn"), from("id"), Origin::Untraced]);
    let plan = planned(&ssn(), "SELECT 1, 2, 3 FROM people", &told).unwrap();
    assert_eq!(looked_at(&plan, &[(0, 0); 3]), [true, false, true]);
    // Lineage of another width is of another result.
    assert_eq!(looked_at(&plan, &[(0, 0); 2]), [true, true]);
}

#[test]
fn where_server_and_lineage_differ_the_stricter_counts() {
    let told = traced(vec![
        Origin::Column([column("people", "ssn")].into()),
        Origin::Column([column("people", "id")].into()),
    ]);
    let plan = planned(&ssn(), "SELECT id, ssn FROM people", &told).unwrap();
    assert_eq!(looked_at(&plan, &[(20001, 1), (20001, 2)]), [true, true]);
}

#[test]
fn what_reaches_nothing_masked_pays_nothing() {
    let orders = "SELECT upper(note) FROM orders ORDER BY note";
    let reach = with_known(orders, |known| Reach::of(&ssn(), known));
    assert_eq!(reach, Reach::Unmasked);
    let plan = Plan::unmasked(ssn());
    assert!(plan.is_clear());
    assert_eq!(looked_at(&plan, &[(0, 0)]), [false]);
    assert!(!Plan::unmasked(detectors()).is_clear());
}

#[test]
fn uses_are_judged_by_the_rules_predicates() {
    let with = |predicates| {
        let mut rule = rule(&["public.people.ssn"], Transform::Redact);
        rule.predicates = predicates;
        masks(&[rule])
    };
    let text = "SELECT id FROM people WHERE ssn = 'x'";
    for (predicates, usage, allowed) in [
        (Predicates::Allow, Use::Reveals, true),
        (Predicates::Equality, Use::Equality, true),
        (Predicates::Equality, Use::Reveals, false),
        (Predicates::Deny, Use::Equality, false),
    ] {
        let mut told = traced(vec![Origin::Column([column("people", "id")].into())]);
        told.uses.insert(column("people", "ssn"), usage);
        told.uses.insert(column("orders", "note"), Use::Reveals);
        let plan = planned(&with(predicates), text, &told);
        assert_eq!(plan.is_ok(), allowed, "{predicates:?} {usage:?}");
        let Err(denial) = plan else { continue };
        assert_eq!(denial.class, Class::PolicyDenied);
        assert!(denial.message.contains("public.people.ssn"), "{denial:?}");
        assert_eq!(
            denial.policy.map(|p| p.to_string()),
            Some("ns/pii".to_owned())
        );
    }
    let mut told = Lineage::default();
    told.uses.insert(column("people", "ssn"), Use::Equality);
    let explained = format!("EXPLAIN {text}");
    assert!(planned(&with(Predicates::Equality), &explained, &told).is_err());
    assert!(
        planned(
            &with(Predicates::Equality),
            "EXPLAIN SELECT ssn FROM people",
            &Lineage::default()
        )
        .is_ok()
    );
}

#[test]
fn copies_definitions_and_revealing_catalogues_are_refused() {
    let mut copied = Lineage::default();
    copied.copies.insert(column("people", "ssn"));
    let text = "INSERT INTO orders (note) SELECT ssn FROM people";
    assert!(planned(&ssn(), text, &copied).is_err());
    let mut other = Lineage::default();
    other.copies.insert(column("people", "id"));
    assert!(planned(&ssn(), text, &other).is_ok());
    for (text, allowed) in [
        ("CREATE VIEW v AS SELECT id FROM people", false),
        ("ALTER TABLE orders RENAME TO x", false),
        ("DROP TABLE orders", true),
        ("SELECT * FROM pg_stats", false),
        ("SELECT 1", true),
        ("INSERT INTO orders (note) VALUES ('x')", true),
        ("UPDATE people SET ssn = 'x' WHERE id = 1", true),
    ] {
        let plan = planned(&ssn(), text, &Lineage::default());
        assert_eq!(plan.is_ok(), allowed, "{text}");
        // Whom to ask about it: a definition is refused by one of the rules.
        let rule = plan.err().and_then(|denial| denial.policy);
        let defines = !allowed && !text.starts_with("SELECT");
        let named = defines.then(|| "ns/pii".to_owned());
        assert_eq!(rule.map(|rule| rule.to_string()), named, "{text}");
        assert!(
            planned(&detectors(), text, &Lineage::default()).is_ok(),
            "{text}"
        );
    }
}

#[test]
fn what_cannot_be_told_is_redacted_or_refused() {
    let dark = Lineage {
        untraced: true,
        ..Lineage::default()
    };
    let plan = planned(&ssn(), "SELECT unknown_f(id), id FROM people", &dark).unwrap();
    assert_eq!(looked_at(&plan, &[(0, 0), (20001, 1)]), [true, false]);
    for text in [
        "DO $$ BEGIN END $$",
        "SELECT query_to_xml('SELECT ssn FROM people', true, true, '')",
        "SELECT unknown_f(id) FROM not_known",
        "SET work_mem = 64; SELECT * FROM not_known",
        "INSERT INTO people SELECT unknown_f(1)",
    ] {
        let denial = planned(&ssn(), text, &dark).expect_err(text);
        assert_eq!(denial.class, Class::MaskImpossible, "{text}");
        assert!(planned(&masks(&[]), text, &dark).is_ok(), "{text}");
    }
    // The server may say that it is not there, and not run it.
    for (text, only_read) in [
        ("SELECT * FROM not_known", true),
        ("SELECT 1; SELECT * FROM not_known", true),
        ("INSERT INTO not_known SELECT id FROM people", true),
        ("SELECT unknown_f(id), id FROM people", false),
    ] {
        let plan = planned(&ssn(), text, &dark).unwrap();
        assert_eq!(plan.only_read().is_some(), only_read, "{text}");
    }
}

#[test]
fn what_is_taken_out_of_a_document_is_redacted_where_paths_apply() {
    let mut paths = rule(&[], Transform::Redact);
    paths.json_paths = vec![JsonPath::parse("$.ssn").unwrap()];
    let told = traced(vec![
        Origin::Derived([column("orders", "doc")].into()),
        Origin::Derived([column("orders", "note")].into()),
    ]);
    let plan = planned(
        &masks(&[paths]),
        "SELECT doc->>'ssn', upper(note) FROM orders",
        &told,
    );
    assert_eq!(looked_at(&plan.unwrap(), &[(0, 0); 2]), [true, false]);
}

fn copied(text: &str, origins: Vec<Origin>, data: &[u8]) -> Option<Vec<u8>> {
    let plan = planned(&ssn(), text, &traced(origins)).unwrap();
    let plan = plan.with_copies(copies_out(text, &settings()).unwrap());
    let mut mask = plan.copy(0, (2, false), 1024).unwrap()?;
    let mut out = Vec::new();
    mask.push(data, &mut out).unwrap();
    mask.finish().unwrap();
    Some(out)
}

#[test]
fn the_data_of_a_copy_is_masked_by_lineage() {
    let named = |name: &str| Origin::Column([column("people", name)].into());
    let text = "COPY people TO STDOUT (FORMAT csv, FORCE_QUOTE *)";
    let out = copied(
        text,
        vec![named("id"), named("ssn")],
        b"\"1\",\"a\"\n\"2\",\n",
    );
    assert_eq!(out, Some(b"\"1\",[redacted]\n\"2\",\n".to_vec()));
    let derived = Origin::Derived([column("people", "ssn")].into());
    let text = "COPY (SELECT id, ssn || 'x' FROM people) TO STDOUT";
    let out = copied(text, vec![named("id"), derived], b"1\ta\n");
    assert_eq!(out, Some(b"1\t\\N\n".to_vec()));
    assert_eq!(
        copied(text, vec![named("id"), named("id")], b"1\t2\n"),
        None
    );
}

#[test]
fn a_copy_whose_layout_cannot_be_told_is_refused() {
    let text = "COPY people TO STDOUT (ENCODING 'SJIS')";
    let plan = planned(&ssn(), text, &Lineage::default()).unwrap();
    let plan = plan.with_copies(copies_out(text, &settings()).unwrap());
    let denial = plan.copy(0, (2, false), 1024).unwrap_err();
    assert_eq!(denial.class, Class::MaskImpossible);
    assert!(plan.copy(0, (2, true), 1024).is_err());
    assert!(plan.copy(1, (2, false), 1024).is_err());
}
