//! The list of what a query answers with.

use pg_query::protobuf::{AIndirection, ColumnRef, Node, node};

use super::label::label;
use super::sort::Sort;
use super::trace::Tracer;
use super::value::{Column, Table, Value};
use super::{MAX_COLUMNS, scope::Item};
use crate::sql::names;
use crate::sql::visit::Counted;

impl<'c> Tracer<'c> {
    /// The columns of a list, each `*` of it spelt out.
    pub(super) fn targets(&mut self, nodes: &[Node]) -> Table {
        let mut columns = Vec::new();
        let mut opaque = false;
        for node in nodes {
            let (name, value) = match node.node.as_ref() {
                Some(node::Node::ResTarget(target)) => {
                    let name = (!target.name.is_empty()).then_some(target.name.as_str());
                    (name, target.val.as_deref())
                }
                _ => (None, Some(node)),
            };
            let Some(value) = value else {
                opaque = true;
                continue;
            };
            match self.stars(value) {
                Some(Some(all)) => columns.extend(all),
                Some(None) => opaque = true,
                None => {
                    let traced = self.expression(value);
                    let name = name.or_else(|| label(value));
                    columns.push(Column::new(name, traced));
                }
            }
            if columns.len() > MAX_COLUMNS || self.is_exhausted() {
                columns.clear();
                opaque = true;
            }
        }
        Table {
            columns: columns.into(),
            opaque,
        }
    }

    /// The columns of an expression that ends in `*`; the outer `None` when it does not, the inner
    /// one when they are not known.
    #[allow(
        clippy::option_option,
        reason = "no star and a star that is not known are different answers"
    )]
    pub(super) fn stars(&mut self, node: &Node) -> Option<Option<Vec<Column>>> {
        match node.node.as_ref()? {
            node::Node::ColumnRef(column) if ends_in_star(&column.fields) => {
                self.saw(Counted::ColumnRef);
                Some(self.star_of(column))
            }
            node::Node::AIndirection(indirection) if ends_in_star(&indirection.indirection) => {
                let value = self.indirection(indirection);
                self.work += value.row.as_ref().map_or(0, |row| row.len());
                Some(value.row.map(|row| row.to_vec()))
            }
            _ => None,
        }
    }

    fn star_of(&mut self, column: &ColumnRef) -> Option<Vec<Column>> {
        let parts = names::strings(&column.fields);
        if parts.is_empty() {
            return self.star();
        }
        let (schema, name) = names::split(&parts)?;
        let columns = match self.item(schema, name) {
            Some(item) => item.filter(|item| !item.table.opaque)?.table.columns,
            None => self.argument(name)?.row?,
        };
        self.work += columns.len();
        Some(columns.to_vec())
    }

    /// `x.*` where one value is expected is the row.
    pub(super) fn starred_row(&mut self, column: &ColumnRef) -> Value {
        let parts = names::strings(&column.fields);
        match names::split(&parts) {
            Some((schema, name)) => match self.item(schema, name) {
                Some(Some(Item { table, .. })) => self.whole_row(&table),
                Some(None) => Value::untraced(),
                None => self.argument(name).unwrap_or_else(Value::untraced),
            },
            None => Value::untraced(),
        }
    }

    /// Fields and elements of a value.
    pub(super) fn indirection(&mut self, indirection: &AIndirection) -> Value {
        use node::Node as N;
        let mut value = match indirection.arg.as_deref() {
            Some(argument) => self.expression(argument),
            None => Value::untraced(),
        };
        for step in &indirection.indirection {
            value = match step.node.as_ref() {
                Some(N::String(name)) => self.field_or_call(value, &name.sval),
                Some(N::AIndices(indices)) if value.is_document() && !indices.is_slice => {
                    let key = self.optional(indices.uidx.as_deref());
                    self.step_into(&value, &key).sorted(Sort::Json)
                }
                Some(N::AIndices(indices)) => {
                    let sort = match value.sort {
                        Sort::Array(element) if !indices.is_slice && element != 0 => {
                            Sort::of(self.catalogue, element)
                        }
                        Sort::Array(_) if indices.is_slice => value.sort,
                        _ => Sort::Unknown,
                    };
                    let mut bounds = vec![value];
                    for bound in [&indices.lidx, &indices.uidx].into_iter().flatten() {
                        bounds.push(self.expression(bound));
                    }
                    let mut element = self.derived(&bounds).sorted(sort);
                    element.is_nulled = true;
                    element
                }
                Some(N::AStar(_)) => value,
                _ => self.unknown(step),
            };
        }
        value
    }

    /// `(x).name`: a field, or a function of one row.
    fn field_or_call(&mut self, value: Value, name: &str) -> Value {
        if let Some(field) = self.field(&value, name) {
            return field;
        }
        let functions = self.catalogue.functions_named(name);
        match value.row.is_some() || functions.iter().any(|function| function.takes_row) {
            true => self.call(&[name], &[value], false),
            false => value.into_computed(),
        }
    }
}

fn ends_in_star(fields: &[Node]) -> bool {
    matches!(
        fields.last().and_then(|last| last.node.as_ref()),
        Some(node::Node::AStar(_))
    )
}
