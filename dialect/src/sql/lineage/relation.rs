//! The columns of a stored relation, and what is behind them.

use std::collections::BTreeSet;
use std::rc::Rc;

use pg_query::protobuf::Node;

use super::scope::{Item, Scope};
use super::sort::Sort;
use super::trace::Tracer;
use super::value::{Column, Kind, Place, Source, Sources, Table, Value};
use crate::sql::catalogue::{self, Relation, RelationKind, Stored};

/// What every sequence has for columns.
const SEQUENCE: [&str; 3] = ["last_value", "log_cnt", "is_called"];

impl<'c> Tracer<'c> {
    /// The columns of a relation as a query sees them.
    pub(super) fn relation(&mut self, relation: &'c Relation, only: bool) -> Table {
        let key = (relation.oid, only);
        if let Some(known) = self.relations.get(&key) {
            return known.clone();
        }
        // A view that led to itself would find this.
        self.relations.insert(key, Table::opaque());
        let table = match relation.kind {
            RelationKind::Table
            | RelationKind::Partitioned
            | RelationKind::Foreign
            | RelationKind::View
            | RelationKind::MaterialisedView => self.columns(relation, only),
            RelationKind::Sequence => Table::of(
                SEQUENCE
                    .iter()
                    .map(|name| Column::new(Some(name), Value::computed()))
                    .collect(),
            ),
            RelationKind::Index | RelationKind::Toast | RelationKind::Composite => Table::opaque(),
        };
        self.policies(relation, &table);
        self.relations.insert(key, table.clone());
        table
    }

    fn columns(&mut self, relation: &'c Relation, only: bool) -> Table {
        if relation.unread {
            return Table::opaque();
        }
        let is_view = matches!(
            relation.kind,
            RelationKind::View | RelationKind::MaterialisedView
        );
        let behind = match (&relation.definition, is_view && !relation.is_system()) {
            (Some(definition), true) => Some(self.view(definition)),
            (None, true) => return Table::opaque(),
            (_, false) => None,
        };
        if let Some(behind) = &behind
            && (behind.opaque || behind.columns.len() != relation.columns.len())
        {
            return Table::opaque();
        }
        let mut columns = Vec::new();
        for (place, column) in relation.columns.iter().enumerate() {
            let mut value = self.stored_value(relation, column, only);
            if let Some(behind) = behind.as_ref().and_then(|table| table.columns.get(place)) {
                self.work += value.absorb(&behind.value);
                if behind.value.kind != value.kind {
                    value.kind = match behind.value.kind {
                        Kind::Part(own) => Kind::Part(own),
                        _ => Kind::Computed,
                    };
                }
                value.row = behind.value.row.clone();
            }
            columns.push(Column::new(Some(&column.name), value));
        }
        self.generated(relation, only, &mut columns);
        Table::of(columns)
    }

    pub(super) fn stored_value(
        &mut self,
        relation: &Relation,
        column: &catalogue::Column,
        only: bool,
    ) -> Value {
        let source = Source {
            relation: relation.oid,
            column: column.number,
            only,
            place: Place::default(),
        };
        self.work += 1;
        let kind = Kind::Plain(self.catalogue.told_type(column.type_oid));
        let sort = match Sort::of(self.catalogue, column.type_oid) {
            Sort::Numeric(_) => Sort::Numeric(column.digits),
            sort => sort,
        };
        let mut value = Value::of(Sources::one(source), kind).sorted(sort);
        value.row = self.fields_of(column.type_oid, &value);
        value
    }

    /// The fields of a value of a row type: each is made of what the whole is made of.
    pub(super) fn fields_of(&mut self, type_oid: u32, value: &Value) -> Option<Rc<[Column]>> {
        let row = self.catalogue.row_type(type_oid)?;
        self.work += row.columns.len();
        let field = |field: &catalogue::Column| {
            let sort = Sort::of(self.catalogue, field.type_oid);
            let value = value.clone().into_computed().sorted(sort);
            Column::new(Some(&field.name), value)
        };
        Some(row.columns.iter().map(field).collect())
    }

    /// Columns that are computed from others of their row come from those too, in each child by
    /// its own expression.
    fn generated(&mut self, relation: &'c Relation, only: bool, columns: &mut [Column]) {
        if !relation.columns.iter().any(|column| column.generated) {
            return;
        }
        for member in self.family(relation, only) {
            let row = member.columns.iter().map(|column| {
                let value = self.stored_value(member, column, only);
                Column::new(Some(&column.name), value)
            });
            let row: Vec<Column> = row.collect();
            let item = Item::new(Some(&member.name.name), Table::of(row));
            for stored in member.columns.iter().filter(|column| column.generated) {
                let value = match &stored.default {
                    Some(expression) => self.stored_expression(expression, item.clone()),
                    None => Value::untraced(),
                };
                let known = columns
                    .iter_mut()
                    .find(|column| column.name.as_deref() == Some(stored.name.as_str()));
                if let Some(column) = known {
                    self.work += column.value.absorb(&value);
                    column.value.kind = Kind::Computed;
                }
            }
        }
    }

    /// Row security decides by what it looks at which rows there are.
    fn policies(&mut self, relation: &'c Relation, table: &Table) {
        for policy in &relation.policies {
            let item = Item::new(Some(&relation.name.name), table.clone());
            let stored = std::mem::replace(&mut self.stored, true);
            let value = self.stored_expression(policy, item);
            self.reveal(&value);
            self.stored = stored;
        }
    }

    fn view(&mut self, definition: &'c Stored) -> Table {
        let traced = self.apart(|trace| {
            trace.stored = true;
            trace.names.enter_stored();
            trace.stored_query(definition)
        });
        traced.unwrap_or_else(Table::opaque)
    }

    /// The one query of a stored text.
    fn stored_query(&mut self, stored: &'c Stored) -> Table {
        match stored.tree().map(|tree| tree.stmts.as_slice()) {
            Some([raw]) => self.accounted(raw, |trace| {
                trace.optional_query(raw.stmt.as_deref().map(|node: &Node| node))
            }),
            _ => {
                self.untraced = true;
                Table::opaque()
            }
        }
    }

    /// An expression that the database stores about a row.
    pub(super) fn stored_expression(&mut self, stored: &'c Stored, item: Item) -> Value {
        let traced = self.apart(|trace| {
            trace.stored = true;
            trace.names.enter_stored();
            trace.scopes.push(Scope {
                items: vec![item],
                ..Scope::default()
            });
            let table = trace.stored_query(stored);
            trace.whole_row(&table)
        });
        traced.map_or_else(Value::untraced, Value::into_computed)
    }

    /// A relation with all that hold rows of it, and all whose rows it holds: its parents, and
    /// unless it is taken alone its children and their parents.
    pub(super) fn family(&mut self, relation: &'c Relation, only: bool) -> Vec<&'c Relation> {
        let mut members = BTreeSet::from([relation.oid]);
        if !only {
            self.reach(&mut members, |relation| &relation.children);
        }
        self.reach(&mut members, |relation| &relation.parents);
        members
            .into_iter()
            .filter_map(|oid| self.catalogue.relation_by_oid(oid))
            .collect()
    }

    fn reach(&mut self, members: &mut BTreeSet<u32>, next: fn(&Relation) -> &[u32]) {
        let mut waiting: Vec<u32> = members.iter().copied().collect();
        while let Some(oid) = waiting.pop() {
            self.work += 1;
            let Some(relation) = self.catalogue.relation_by_oid(oid) else {
                self.untraced = true;
                continue;
            };
            let new = next(relation).iter().filter(|oid| members.insert(**oid));
            waiting.extend(new);
        }
    }
}
