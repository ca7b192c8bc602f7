//! The mask of one field.

use std::collections::BTreeSet;

use portcullis_dialect::postgres::wire::backend::Field as Described;
use portcullis_dialect::sql::catalogue::{Catalogue, Relation, RelationKind};
use portcullis_dialect::sql::lineage::{ColumnRef, Origin};
use portcullis_policy::mask::FieldMask;

use super::{Plan, Reach};
use crate::protocol::postgres::mask::field::Field;
use crate::protocol::postgres::mask::kind::Kind;

/// Documents, and arrays of them.
const JSON_TYPES: [u32; 4] = [114, 3802, 199, 3807];

/// A name for every value whose type is not known: NULL where it is masked.
const NO_TYPE: u32 = 0;

// === impl Plan ===

impl Plan {
    pub(super) fn described(&self, field: &Described<'_>, origin: Option<&Origin>) -> Field {
        let (mask, is_computed) = match self.reach {
            Reach::Unmasked => (self.masks.text(), false),
            _ => {
                let stored = stored(field, &self.catalogue);
                match (stored, origin) {
                    (Some(stored), Some(Origin::Column(columns))) => {
                        (self.mask(&union(stored.columns, columns), false), false)
                    }
                    (Some(stored), Some(Origin::Derived(columns))) => {
                        (self.mask(&union(stored.columns, columns), true), true)
                    }
                    (Some(stored), _) if stored.is_computed => (self.masks.untraced(), true),
                    (Some(stored), _) => (self.mask(&stored.columns, false), false),
                    (None, origin) => self.traced_mask(origin),
                }
            }
        };
        made(Field::new(mask, field.type_oid, field.binary), is_computed)
    }

    pub(super) fn copied(&self, origin: Option<&Origin>, binary: bool) -> Field {
        let (mask, is_computed) = match self.reach {
            Reach::Unmasked => (self.masks.text(), false),
            _ => self.traced_mask(origin),
        };
        let type_oid = match origin {
            Some(Origin::Column(columns)) => type_of(columns, &self.catalogue),
            _ => None,
        };
        made(
            Field::new(mask, type_oid.unwrap_or(NO_TYPE), binary),
            is_computed,
        )
    }

    /// The mask, and whether the value is computed.
    fn traced_mask(&self, origin: Option<&Origin>) -> (FieldMask, bool) {
        match origin {
            Some(Origin::Column(columns)) => (self.mask(columns, false), false),
            Some(Origin::Derived(columns)) => (self.mask(columns, true), true),
            Some(Origin::Untraced) | None => (self.masks.untraced(), true),
        }
    }

    fn mask(&self, columns: &BTreeSet<ColumnRef>, is_derived: bool) -> FieldMask {
        // What is taken out of a document no longer stands where a path would find it, and no path
        // leads into a row, a range or an array of a user's type.
        let is_out_of_reach = |column: &ColumnRef| {
            let told = column_type(column, &self.catalogue);
            let is_document = told.is_some_and(|oid| Kind::of(oid).holds_json());
            (is_derived || !is_document) && holds_json(column, &self.catalogue)
        };
        if self.masks.has_paths() && columns.iter().any(is_out_of_reach) {
            return self.masks.untraced();
        }
        let names: Vec<[&str; 3]> = columns.iter().map(segments).collect();
        let names = names.iter().map(|name| name.as_slice());
        match is_derived {
            true => self.masks.derived(names),
            false => self.masks.columns(names),
        }
    }
}

/// A computed field tells nothing by being NULL either; one that stores a value may.
fn made(field: Field, is_computed: bool) -> Field {
    match is_computed {
        true => field.hiding_null(),
        false => field,
    }
}

pub(super) fn segments(column: &ColumnRef) -> [&str; 3] {
    [&column.schema, &column.table, &column.column]
}

/// True unless it is known to hold no JSON.
pub(super) fn holds_json(column: &ColumnRef, catalogue: &Catalogue) -> bool {
    column_type(column, catalogue).is_none_or(|oid| catalogue.may_hold(oid, &JSON_TYPES))
}

/// As the server tells it.
fn column_type(column: &ColumnRef, catalogue: &Catalogue) -> Option<u32> {
    let relation = catalogue.relation(&column.schema, &column.table)?;
    let found = relation.columns.iter().find(|c| c.name == column.column);
    found.map(|column| catalogue.told_type(column.type_oid))
}

/// The type that all of them have.
fn type_of(columns: &BTreeSet<ColumnRef>, catalogue: &Catalogue) -> Option<u32> {
    let mut types = columns.iter().map(|column| column_type(column, catalogue));
    let first = types.next()??;
    types.all(|other| other == Some(first)).then_some(first)
}

struct Stored {
    columns: BTreeSet<ColumnRef>,
    /// It is computed from other columns of its row.
    is_computed: bool,
}

/// The column of a stored table that the server names, with those of its parents and children. A
/// view's column is none: the server does not look behind views, nor does a materialised view's
/// name say where its rows came from.
fn stored(field: &Described<'_>, catalogue: &Catalogue) -> Option<Stored> {
    let relation = catalogue.relation_by_oid(field.table)?;
    let is_stored = matches!(
        relation.kind,
        RelationKind::Table | RelationKind::Partitioned | RelationKind::Foreign
    );
    let mut columns = relation.columns.iter();
    let column = columns.find(|column| is_stored && column.number == field.attribute)?;
    Some(Stored {
        columns: family(relation, &column.name, catalogue),
        is_computed: column.generated,
    })
}

/// The columns of one name that share rows.
pub(super) fn family(
    relation: &Relation,
    column: &str,
    catalogue: &Catalogue,
) -> BTreeSet<ColumnRef> {
    let family = catalogue.family(relation.oid);
    let with_column = family
        .into_iter()
        .filter(|relation| relation.columns.iter().any(|c| c.name == column));
    let named = with_column.map(|relation| ColumnRef {
        schema: relation.name.schema.clone(),
        table: relation.name.name.clone(),
        column: column.to_owned(),
    });
    named.collect()
}

fn union(mut one: BTreeSet<ColumnRef>, other: &BTreeSet<ColumnRef>) -> BTreeSet<ColumnRef> {
    one.extend(other.iter().cloned());
    one
}
