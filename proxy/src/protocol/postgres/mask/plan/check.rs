//! What would show a masked column in another way than in the answer.

use std::slice;

use portcullis_dialect::sql::Lacks;
use portcullis_dialect::sql::catalogue::{Catalogue, Relation};
use portcullis_dialect::sql::lineage::{ColumnRef, Lineage, Origin, Rows, Use};
use portcullis_policy::mask::{Coverage, MaskSet, Predicates};
use portcullis_policy::{Class, Effect, Flag, ObjectName, Resource, ResourceKind};

use super::fields::{holds_json, segments};
use super::{Known, Reach};
use crate::protocol::postgres::mask::denied::denial;
use crate::protocol::postgres::mask::revealing::revealing;
use crate::session::denial::Denial;

/// Definitions that show no column under another name.
const HARMLESS: [&str; 3] = ["DROP", "COMMENT", "REINDEX"];

pub(super) fn reach(masks: &MaskSet, known: &Known<'_>) -> Reach {
    if !masks.has_columns() && !masks.has_paths() {
        return Reach::Unmasked;
    }
    let operation = known.operation;
    let is_dark = [Flag::OutboundConnection, Flag::DynamicCode]
        .iter()
        .any(|flag| operation.flags.contains(flag));
    if is_dark || !known.touches_are_known {
        return Reach::Unknown;
    }
    let is_masked = operation.accesses.iter().any(|access| {
        let Resource::Named { kind, segments } = &access.resource else {
            return true;
        };
        *kind == ResourceKind::Table && is_masked(masks, segments, known.catalogue)
    });
    // Catalogues that hold values, definitions, and CLUSTER of all tables concern whoever has masks.
    let is_checked = masks.has_columns()
        && (revealing(operation.accesses.iter()).is_some()
            || defines(known).is_some()
            || reorders(known));
    let fetches = operation.attributes.contains_key("cursor");
    match is_masked || is_checked || fetches {
        true => Reach::Masked,
        false => Reach::Unmasked,
    }
}

/// True when a column of the table, or one that shares rows with it, may be masked by name.
fn is_masked(masks: &MaskSet, table: &[String], catalogue: &Catalogue) -> bool {
    let [schema, name] = table else { return true };
    let Some(relation) = catalogue.relation(schema, name) else {
        return masks.has_paths() || masks.touches(table);
    };
    let shares_rows = |kin: &&Relation| {
        kin.columns.iter().any(|column| {
            let column = ColumnRef {
                schema: kin.name.schema.clone(),
                table: kin.name.name.clone(),
                column: column.name.clone(),
            };
            is_masked_column(masks, &column, catalogue)
        })
    };
    catalogue.family(relation.oid).iter().any(shares_rows)
}

fn is_masked_column(masks: &MaskSet, column: &ColumnRef, catalogue: &Catalogue) -> bool {
    let named = masks.has_columns() && masks.columns([&segments(column)[..]]).transform().is_some();
    named || (masks.has_paths() && holds_json(column, catalogue))
}

/// True for what leaves the rows of tables in another order.
fn reorders(known: &Known<'_>) -> bool {
    known.statements.iter().any(|s| s.verb == "CLUSTER")
}

/// The first statement that defines what could show a column.
fn defines(known: &Known<'_>) -> Option<&'static str> {
    let defines = known.statements.iter().find(|statement| {
        let harmless = HARMLESS.iter().any(|verb| statement.verb.starts_with(verb));
        statement.effect == Effect::Define && !harmless
    });
    defines.map(|statement| statement.verb)
}

/// True when the operation may be read by the server, and not be run.
pub(super) fn check(masks: &MaskSet, known: &Known<'_>, lineage: &Lineage) -> Result<bool, Denial> {
    if masks.has_columns() {
        check_statement(masks, known)?;
    }
    let only_read = lineage.untraced && names_nothing(known);
    if lineage.untraced && !only_read {
        check_untraced(known)?;
    }
    let copied = |column: &&ColumnRef| is_masked_column(masks, column, known.catalogue);
    if let Some(column) = lineage.copies.iter().find(copied) {
        return Err(refused(
            &rules(masks, column),
            format!("the statement copies the masked column {column} elsewhere"),
            "Leave the column out of what is written or called.",
        ));
    }
    check_uses(masks, known, lineage)?;
    check_documents(masks, known, lineage)?;
    check_computed(masks, lineage)?;
    Ok(only_read)
}

/// Statements that name tables which are not there, and compute nothing of any row.
pub(super) fn tells_names(known: &Known<'_>) -> bool {
    let plain = ["DROP", "COMMENT", "LOCK"];
    let is_plain = |verb: &str| plain.iter().any(|plain| verb.starts_with(plain));
    known.lacks == Lacks::Relations && known.statements.iter().all(|s| is_plain(s.verb))
}

/// One statement that names tables which are not there, and of which all else can be told.
fn names_nothing(known: &Known<'_>) -> bool {
    known.lacks == Lacks::Relations && known.is_readable
}

/// By what the statement is, whatever columns it names.
fn check_statement(masks: &MaskSet, known: &Known<'_>) -> Result<(), Denial> {
    if let Some((name, why)) = revealing(known.operation.accesses.iter()) {
        return Err(refused(
            &[],
            format!("{name} is closed while columns are masked: {why}"),
            "Leave it out of the statement.",
        ));
    }
    if let (Some(rule), Some(verb)) = (masks.denies_ddl(), defines(known)) {
        return Err(refused(
            slice::from_ref(rule),
            format!("{verb} is not allowed to whom columns are masked: it could show them"),
            "Ask for a masking rule with `ddl: Allow`, or for an exemption from it.",
        ));
    }
    Ok(())
}

/// A text of which not all can be told: its answer is redacted, but it must not write either.
fn check_untraced(known: &Known<'_>) -> Result<(), Denial> {
    let operation = known.operation;
    let is_dynamic = operation.flags.contains(&Flag::DynamicCode);
    let is_unresolved = operation.accesses.iter().any(|access| {
        let table = ResourceKind::Table;
        matches!(&access.resource, Resource::Unresolved { kind } if *kind == table)
    });
    let writes = operation
        .accesses
        .iter()
        .any(|access| matches!(access.effect, Effect::Write | Effect::Define));
    match () {
        _ if is_dynamic => Err(dark("it runs text that is made while it runs")),
        _ if is_unresolved => Err(unresolved()),
        _ if writes => Err(dark("it writes, and not all that it reads can be told")),
        _ if reorders(known) => Err(dark("it puts the rows of all tables into an order")),
        _ => Ok(()),
    }
}

pub(super) fn unresolved() -> Denial {
    dark("not all tables that it reaches can be told")
}

fn dark(why: &str) -> Denial {
    denial(
        Class::MaskImpossible,
        None,
        format!("masked columns cannot be kept from this statement: {why}"),
        "Name tables and columns in the statement itself, and call reviewed functions only.",
    )
}

/// Row counts and times of a plan tell more than the answer does.
fn explains(known: &Known<'_>) -> bool {
    let mut attributes = known.operation.attributes.get("verb").into_iter().flatten();
    known.statements.iter().any(|s| s.verb == "EXPLAIN") || attributes.any(|verb| verb == "EXPLAIN")
}

fn check_uses(masks: &MaskSet, known: &Known<'_>, lineage: &Lineage) -> Result<(), Denial> {
    let explains = explains(known);
    for (column, usage) in &lineage.uses {
        let verdict = masks.verdict([&segments(column)[..]]);
        let is_allowed = match verdict.predicates {
            Predicates::Allow => true,
            Predicates::Equality => *usage == Use::Equality && !explains,
            Predicates::Deny => false,
        };
        if is_allowed || verdict.rules.is_empty() {
            continue;
        }
        let (what, help) = match verdict.predicates {
            Predicates::Equality if *usage == Use::Fails => (
                "part of a computation that may fail, or last, by what it holds",
                "Select the column itself, or what cannot fail: pieces, lengths, sums with small \
                 numbers, casts to text. Multiply whole numbers as `::numeric`.",
            ),
            Predicates::Equality => (
                "used in another way than `=` or IN with given values",
                "Compare it by `=` with a value that you know, and do not EXPLAIN that.",
            ),
            _ => ("used in a condition", "Select by other columns."),
        };
        return Err(refused(
            &verdict.rules,
            format!("the masked column {column} is {what}"),
            help,
        ));
    }
    Ok(())
}

/// The same of what paths mask in documents.
fn check_documents(masks: &MaskSet, known: &Known<'_>, lineage: &Lineage) -> Result<(), Denial> {
    if !masks.has_paths() {
        return Ok(());
    }
    let explains = explains(known);
    let columns = lineage.documents.iter();
    for (column, places) in columns.filter(|(column, _)| holds_json(column, known.catalogue)) {
        for (place, usage) in places {
            let (verdict, covered) = masks.place_verdict(place);
            let is_allowed = match verdict.predicates {
                Predicates::Allow => true,
                Predicates::Equality => {
                    *usage == Use::Equality && covered == Coverage::Whole && !explains
                }
                Predicates::Deny => false,
            };
            if is_allowed {
                continue;
            }
            return Err(refused(
                &verdict.rules,
                format!("what is masked at or below {place} of {column} is used in a condition"),
                "Compare other paths, or this one by `=` with a value that you know. A number or \
                 a date is told apart from what may stand below it by a cast, such as `::numeric`.",
            ));
        }
    }
    Ok(())
}

/// Whether a computed value fails, or how long it takes, tells of what it is computed from. A rule
/// that denies every comparison denies that too.
fn check_computed(masks: &MaskSet, lineage: &Lineage) -> Result<(), Denial> {
    let answers = lineage.results.iter().filter_map(|rows| match rows {
        Rows::Columns(columns) => Some(columns),
        _ => None,
    });
    for answer in answers.flatten() {
        let Origin::Derived(columns) = &answer.origin else {
            continue;
        };
        for column in columns {
            let verdict = masks.verdict([&segments(column)[..]]);
            if verdict.predicates == Predicates::Deny && !verdict.rules.is_empty() {
                return Err(refused(
                    &verdict.rules,
                    format!("a value is computed from the masked column {column}"),
                    "Select the column itself, or leave it out.",
                ));
            }
        }
    }
    Ok(())
}

fn rules(masks: &MaskSet, column: &ColumnRef) -> Vec<ObjectName> {
    masks.verdict([&segments(column)[..]]).rules
}

fn refused(rules: &[ObjectName], message: String, remediation: &str) -> Denial {
    denial(Class::PolicyDenied, rules.first(), message, remediation)
}
