//! What a table demands of its rows, where a change meets it.
//!
//! Checks, row security, computed columns and indexes are computed anew for a row that changes: from
//! what the change puts into it and from what was there. The caller chooses the one, and by whether
//! the change fails would read the other.

use std::collections::{BTreeMap, BTreeSet};

use pg_query::protobuf::Node;
use pg_query::protobuf::node::Node as N;

use super::change::Assigned;
use super::kept;
use super::scope::Item;
use super::sort::Sort;
use super::trace::Tracer;
use super::value::{Column, Kind, Table, Value};
use crate::sql::catalogue::{self, Occasion, Part, Relation, Stored};
use crate::sql::{names, visit};

/// A number of fewer digits before its point is passed by few small sums.
const FEW_DIGITS: u32 = 7;

/// What a change puts into the columns of one relation, by their names.
#[derive(Default)]
struct Given {
    values: BTreeMap<String, Value>,
    /// The rest are defaults, and not what was there.
    is_new: bool,
    /// These are what is stored.
    kept: BTreeSet<String>,
    /// These become no smaller.
    raised: BTreeSet<String>,
}

impl<'c> Tracer<'c> {
    /// A change, whose SET list is written so (without one they are new rows), meets what is demanded
    /// of the rows behind its target, and what it does not give is taken from defaults.
    pub(super) fn meets(
        &mut self,
        target: &Item,
        assigned: &mut Assigned,
        written: Option<&[Node]>,
    ) {
        self.demanded(target, assigned, written);
        let defaults = self.defaulted(target, assigned, written);
        assigned.extend(defaults);
    }

    fn demanded(&mut self, target: &Item, assigned: &Assigned, written: Option<&[Node]>) {
        let list = written.unwrap_or_default();
        let kept: Vec<&str> = list.iter().filter_map(kept::keeps).collect();
        let raised: Vec<&str> = list.iter().filter_map(kept::raises).collect();
        let mut behind: BTreeMap<u32, Given> = BTreeMap::new();
        for (name, value) in assigned {
            for (relation, column) in self.stored_behind(target, name) {
                let given = behind.entry(relation.oid).or_default();
                given.is_new = written.is_none();
                given.values.insert(column.name.clone(), value.clone());
                let own = (relation.oid, column.number);
                if kept.contains(&name.as_str()) || is_itself(value, own) {
                    given.kept.insert(column.name.clone());
                }
                if raised.contains(&name.as_str()) {
                    given.raised.insert(column.name.clone());
                }
            }
        }
        for (oid, given) in behind {
            let Some(relation) = self.catalogue.relation_by_oid(oid) else {
                continue;
            };
            // Children demand what their parents do, and may demand more.
            let mut met = BTreeSet::new();
            for member in self.family(relation, false) {
                for (stored, decides) in demands(member) {
                    let reads = self.calls_what_reads(stored);
                    if met.insert(stored.text()) && given.is_met_by(stored, reads) {
                        self.demand(member, stored, &given, decides);
                    }
                }
            }
        }
    }

    fn demand(&mut self, relation: &Relation, stored: &'c Stored, given: &Given, decides: bool) {
        let columns = relation.columns.iter().map(|column| {
            let sort = Sort::of(self.catalogue, column.type_oid);
            let value = match given.values.get(&column.name) {
                Some(value) => value.clone(),
                None if given.is_new => Value::computed(),
                None => self.stored_value(relation, column, false),
            };
            let sort = match value.is_literal() {
                true => sort,
                false => value.sort,
            };
            Column::new(Some(&column.name), value.sorted(sort))
        });
        let row = Table::of(columns.collect());
        let item = Item::new(Some(&relation.name.name), row);
        let renews = std::mem::replace(&mut self.renews, true);
        let value = self.run_anew(stored, item);
        self.renews = renews;
        if decides {
            self.may_fail(&value);
        }
    }

    /// What an expression gives that the change runs. What a function in it does that cannot be read,
    /// classification tells.
    fn run_anew(&mut self, stored: &'c Stored, item: Item) -> Value {
        let untraced = self.untraced;
        let value = self.stored_expression(stored, item);
        self.untraced = untraced;
        value
    }

    /// A value that is made of a column's own and put in its place may not fit there: a text that is
    /// too long, a number that is too large, what the check of a domain refuses.
    pub(super) fn own_may_not_fit(&mut self, target: &Item, name: &str, value: &Value) {
        let catalogue = self.catalogue;
        let narrow = |(_, column): &(&'c Relation, &'c catalogue::Column)| {
            let is_tight = match Sort::of(catalogue, column.type_oid) {
                Sort::Int2 => true,
                Sort::Numeric(_) => column.digits.is_some_and(|it| it.before < FEW_DIGITS),
                _ => column.has_length,
            };
            is_tight || !catalogue.inside(column.type_oid).checks.is_empty()
        };
        if self.stored_behind(target, name).iter().any(narrow) {
            self.may_fail(value);
        }
    }

    /// Defaults may call functions that read tables: their values go into the target. Of rows that change, only what the SET list says. Tells the columns
    /// that get such values.
    fn defaulted(
        &mut self,
        target: &Item,
        assigned: &Assigned,
        written: Option<&[Node]>,
    ) -> Assigned {
        let is_new = written.is_none();
        let reset: Vec<&str> = written
            .unwrap_or_default()
            .iter()
            .filter_map(kept::resets)
            .collect();
        let mut taken: BTreeMap<(u32, i16), (&str, bool)> = BTreeMap::new();
        let mut found = Vec::new();
        for column in target.table.columns.iter() {
            let name = column.name.as_deref().unwrap_or_default();
            let given = assigned.iter().find(|(given, _)| given == name);
            // DEFAULT among values stands for one that is made of nothing.
            let is_default = reset.contains(&name)
                || is_new
                    && given.is_none_or(|(_, value)| {
                        value.kind == Kind::Computed && value.sources.is_empty()
                    });
            for (relation, column) in self.stored_behind(target, name) {
                taken.insert((relation.oid, column.number), (name, is_default));
            }
        }
        let relations: BTreeSet<u32> = taken.keys().map(|(relation, _)| *relation).collect();
        let catalogue = self.catalogue;
        let relations = relations
            .iter()
            .filter_map(|oid| catalogue.relation_by_oid(*oid));
        for (relation, column) in relations.flat_map(|it| it.columns.iter().map(move |c| (it, c))) {
            let own = taken.get(&(relation.oid, column.number)).copied();
            let (name, is_default) = own.unwrap_or(("", is_new));
            if column.generated || !is_default {
                continue;
            }
            let of_type = catalogue.inside(column.type_oid).checks;
            let of_type = of_type.into_iter().map(|(_, stored)| stored);
            for stored in column.default.iter().chain(of_type) {
                if self.calls_what_reads(stored) {
                    let mut value = self.run_anew(stored, Item::new(None, Table::opaque()));
                    value.untraced = false;
                    self.copy(&value);
                    found.push((name.to_owned(), value));
                }
            }
        }
        found
    }

    /// True where it calls a function whose body is known.
    fn calls_what_reads(&self, stored: &Stored) -> bool {
        let mentioned = stored.tree().and_then(visit::mentions);
        mentioned.is_some_and(|mentioned| {
            let names = mentioned
                .functions
                .iter()
                .filter_map(|(parts, _)| parts.last());
            let mut named = names.flat_map(|name| self.catalogue.functions_named(name));
            named.any(|function| function.body.is_some())
        })
    }

    /// The stored columns that a column of a target is.
    fn stored_behind(
        &self,
        target: &Item,
        name: &str,
    ) -> Vec<(&'c Relation, &'c catalogue::Column)> {
        let named = |column: &&Column| column.name.as_deref() == Some(name);
        let Some(column) = target.table.columns.iter().find(named) else {
            return Vec::new();
        };
        let stored = column.value.sources.iter().filter_map(|source| {
            let relation = self.catalogue.relation_by_oid(source.relation)?;
            let mut columns = relation.columns.iter();
            let column = columns.find(|column| column.number == source.column)?;
            Some((relation, column))
        });
        stored.collect()
    }
}

/// What runs anew for a changed row, and whether its truth decides about the change.
fn demands(relation: &Relation) -> impl Iterator<Item = (&Stored, bool)> {
    let decides = relation.checks.iter().chain(&relation.policies);
    let computed = relation.columns.iter().filter(|column| column.generated);
    let computed = computed.filter_map(|column| column.default.as_ref());
    let indexed = relation.upkeep.iter().filter_map(|upkeep| {
        let is_index = matches!(upkeep.occasion, Occasion::Index | Occasion::Summary);
        match &upkeep.part {
            Part::Expression(stored) if is_index => Some(stored),
            _ => None,
        }
    });
    let computed = computed.chain(indexed).map(|stored| (stored, false));
    decides.map(|stored| (stored, true)).chain(computed)
}

// === impl Given ===

impl Given {
    /// True where an expression looks at something that is given, and at something stored beside it:
    /// in its row, or where `reads` says that it may look.
    fn is_met_by(&self, stored: &Stored, reads: bool) -> bool {
        if floor(stored).is_some_and(|column| self.raised.contains(column)) {
            return false;
        }
        let Some(mentioned) = stored.tree().and_then(visit::mentions) else {
            return true;
        };
        let (mut is_given, mut is_stored) = (false, reads);
        for name in mentioned.columns.iter().filter_map(|parts| parts.last()) {
            let is_all = name == "*";
            is_given |= is_all || self.values.contains_key(name) && !self.kept.contains(name);
            is_stored |= match self.values.get(name) {
                Some(value) => !value.sources.is_empty() || value.untraced,
                None => is_all || !self.is_new,
            };
        }
        is_given && is_stored
    }
}

/// It is the value of this column.
fn is_itself(value: &Value, (relation, column): (u32, i16)) -> bool {
    let mut sources = value.sources.iter();
    matches!(value.kind, Kind::Plain(_))
        && sources.any(|source| source.relation == relation && source.column == column)
}

/// The column that must be no smaller than a constant, where an expression says only that.
fn floor(stored: &Stored) -> Option<&str> {
    let [raw] = stored.tree()?.stmts.as_slice() else {
        return None;
    };
    let N::SelectStmt(select) = raw.stmt.as_deref()?.node.as_ref()? else {
        return None;
    };
    let [target] = select.target_list.as_slice() else {
        return None;
    };
    let N::ResTarget(target) = target.node.as_ref()? else {
        return None;
    };
    let N::AExpr(comparison) = target.val.as_deref()?.node.as_ref()? else {
        return None;
    };
    let operator = names::strings(&comparison.name);
    let is_floor =
        matches!(operator[..], [">" | ">="]) && kept::is_given(comparison.rexpr.as_deref()?);
    match comparison.lexpr.as_deref()?.node.as_ref()? {
        N::ColumnRef(column) if is_floor => names::strings(&column.fields).last().copied(),
        _ => None,
    }
}
