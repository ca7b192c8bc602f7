//! Queries: their columns, and what decides about their rows.

use pg_query::protobuf::{Node, SelectStmt, SetOperation, SortBy, a_const, node};

use super::scope::{Item, Scope};
use super::trace::Tracer;
use super::value::{Column, Table, Value};
use crate::sql::names;
use crate::sql::visit::Counted;

/// Where the name of a sort or group key is looked up first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    /// Among the names of the answer's columns: ORDER BY, DISTINCT ON.
    Answer,
    /// Among the columns of FROM: GROUP BY.
    From,
}

impl<'c> Tracer<'c> {
    pub(super) fn optional_query(&mut self, node: Option<&Node>) -> Table {
        match node {
            Some(node) => self.query(node),
            None => Table::opaque(),
        }
    }

    /// A query, or a change of data, in a place where rows are expected.
    pub(super) fn query(&mut self, node: &Node) -> Table {
        use node::Node as N;
        self.work += 1;
        if self.is_exhausted() {
            return Table::opaque();
        }
        let answer = match node.node.as_ref() {
            Some(N::SelectStmt(select)) => return self.select(select),
            Some(N::InsertStmt(insert)) => self.insert(insert),
            Some(N::UpdateStmt(update)) => self.update(update),
            Some(N::DeleteStmt(delete)) => self.delete(delete),
            Some(N::MergeStmt(merge)) => self.merge(merge),
            _ => {
                self.unknown(node);
                None
            }
        };
        answer.unwrap_or_else(|| Table::of(Vec::new()))
    }

    pub(super) fn select(&mut self, select: &SelectStmt) -> Table {
        self.work += 1;
        if self.is_exhausted() {
            return Table::opaque();
        }
        self.saw(Counted::SelectStmt);
        let scoped = self.with(select.with_clause.as_ref());
        self.scopes.push(Scope::default());
        let table = match SetOperation::try_from(select.op) {
            Ok(SetOperation::SetopNone) if select.values_lists.is_empty() => self.simple(select),
            Ok(SetOperation::SetopNone) => self.values(&select.values_lists),
            Ok(operation) => self.combined(select, operation),
            Err(_) => {
                self.untraced = true;
                Table::opaque()
            }
        };
        self.ends(select, &table);
        self.scopes.pop();
        self.leave(scoped);
        if let Some(into) = &select.into_clause {
            self.new_table(into);
        }
        table
    }

    /// A query that is no set operation and no list of values.
    fn simple(&mut self, select: &SelectStmt) -> Table {
        self.from(&select.from_clause);
        if let Some(condition) = select.where_clause.as_deref() {
            self.condition(condition);
        }
        self.windows(&select.window_clause);
        let table = self.targets(&select.target_list);
        for key in &select.group_clause {
            self.group(key, &table);
        }
        if let Some(condition) = select.having_clause.as_deref() {
            self.condition(condition);
        }
        self.distinct(&select.distinct_clause, &table);
        table
    }

    /// Order, limits and locks, which every form of a query may have.
    fn ends(&mut self, select: &SelectStmt, table: &Table) {
        for key in &select.sort_clause {
            match key.node.as_ref() {
                Some(node::Node::SortBy(sort)) => self.sort(sort, table),
                _ => {
                    self.unknown(key);
                }
            }
        }
        for limit in [&select.limit_offset, &select.limit_count]
            .into_iter()
            .flatten()
        {
            let value = self.expression(limit);
            self.reveal(&value);
        }
        self.pass_over(&select.locking_clause);
    }

    fn distinct(&mut self, clause: &[Node], table: &Table) {
        for item in clause {
            let value = match item.node.as_ref() {
                // DISTINCT alone is written as one absent expression.
                None => self.whole_row(table),
                Some(_) => self.key(item, table, First::Answer),
            };
            self.reveal(&value);
        }
    }

    fn sort(&mut self, sort: &SortBy, table: &Table) {
        if let Some(node) = sort.node.as_deref() {
            let value = self.key(node, table, First::Answer);
            self.reveal(&value);
            self.operator(&names::strings(&sort.use_op), &[&value]);
        }
    }

    fn group(&mut self, key: &Node, table: &Table) {
        match key.node.as_ref() {
            Some(node::Node::GroupingSet(set)) => {
                for part in &set.content {
                    self.group(part, table);
                }
            }
            Some(node::Node::RowExpr(row)) => {
                for part in &row.args {
                    self.group(part, table);
                }
            }
            _ => {
                let value = self.key(key, table, First::From);
                self.reveal(&value);
            }
        }
    }

    /// A key of ORDER BY, GROUP BY or DISTINCT ON: a column of the answer by its place or name, or
    /// an expression.
    fn key(&mut self, node: &Node, table: &Table, first: First) -> Value {
        match node.node.as_ref() {
            Some(node::Node::AConst(constant)) => match &constant.val {
                Some(a_const::Val::Ival(place)) => usize::try_from(place.ival)
                    .ok()
                    .and_then(|place| table.columns.get(place.checked_sub(1)?))
                    .filter(|_| !table.opaque)
                    .map_or_else(Value::untraced, |column| column.value.clone()),
                _ => self.expression(node),
            },
            Some(node::Node::ColumnRef(column)) => match names::strings(&column.fields)[..] {
                [name] if column.fields.len() == 1 => {
                    self.saw(Counted::ColumnRef);
                    self.named_key(name, table, first)
                }
                _ => self.expression(node),
            },
            _ => self.expression(node),
        }
    }

    fn named_key(&mut self, name: &str, table: &Table, first: First) -> Value {
        if first == First::From
            && let Some(value) = self.own_column(name)
        {
            return value;
        }
        let called = |column: &&Column| column.name.as_deref() == Some(name);
        let named: Vec<&Value> = table
            .columns
            .iter()
            .filter(called)
            .map(|column| &column.value)
            .collect();
        self.work += table.columns.len();
        if !named.is_empty() {
            return self.derived(named);
        }
        let unclear = table.opaque || table.columns.iter().any(|column| column.name.is_none());
        let mut value = self.column(name);
        value.untraced |= unclear;
        value
    }

    // === lists of values, set operations ===

    fn values(&mut self, lists: &[Node]) -> Table {
        let mut columns: Vec<Column> = Vec::new();
        let mut opaque = false;
        for (index, list) in lists.iter().enumerate() {
            let Some(node::Node::List(list)) = list.node.as_ref() else {
                self.unknown(list);
                opaque = true;
                continue;
            };
            let row = self.targets(&list.items);
            opaque |= row.opaque || (index > 0 && row.columns.len() != columns.len());
            for (place, column) in row.columns.iter().enumerate() {
                match columns.get_mut(place) {
                    Some(known) => self.work += known.value.or(&column.value),
                    None => columns.push(Column {
                        name: Some(format!("column{}", place + 1).into()),
                        value: column.value.clone(),
                    }),
                }
            }
        }
        Table {
            columns: columns.into(),
            opaque,
        }
    }

    fn combined(&mut self, select: &SelectStmt, operation: SetOperation) -> Table {
        let [left, right] = [&select.larg, &select.rarg].map(|side| match side.as_deref() {
            Some(side) => self.select(side),
            None => Table::opaque(),
        });
        if operation != SetOperation::SetopUnion || !select.all {
            for side in [&left, &right] {
                let row = self.whole_row(side);
                self.reveal(&row);
            }
        }
        let opaque = left.opaque || right.opaque || left.columns.len() != right.columns.len();
        if opaque {
            return Table::opaque();
        }
        let mut columns = left.columns.to_vec();
        for (column, other) in columns.iter_mut().zip(right.columns.iter()) {
            self.work += column.value.or(&other.value);
        }
        let table = Table::of(columns);
        // ORDER BY sees the columns of the whole and nothing else.
        if let Some(scope) = self.scopes.last_mut() {
            scope.items.push(Item::new(None, table.clone()));
        }
        table
    }
}
