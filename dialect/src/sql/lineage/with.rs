//! WITH queries, also those that refer to themselves.

use std::collections::BTreeSet;

use pg_query::protobuf::{CommonTableExpr, SelectStmt, SetOperation, WithClause, node};

use super::trace::Tracer;
use super::value::{Column, Table};
use crate::sql::names;
use crate::sql::visit::{self, Counted};

/// A WITH query by its name.
#[derive(Debug)]
pub(super) struct CommonTable {
    pub(super) name: String,
    pub(super) table: Table,
}

/// How often a query that refers to itself is followed before all its columns count as mixed.
const ROUNDS: usize = 4;

impl<'c> Tracer<'c> {
    /// Traces the queries of a WITH clause and brings their names into force. Tells whether there
    /// are any: [`Tracer::leave`] ends them.
    pub(super) fn with(&mut self, clause: Option<&WithClause>) -> bool {
        let Some(clause) = clause else { return false };
        let mut queries = Vec::new();
        for node in &clause.ctes {
            match node.node.as_ref() {
                Some(node::Node::CommonTableExpr(query)) => queries.push(&**query),
                _ => {
                    self.unknown(node);
                }
            }
        }
        self.common.push(Vec::new());
        if !clause.recursive {
            for query in queries {
                let table = self.common_table(query);
                self.bind(&query.ctename, table);
            }
            return true;
        }
        for query in &queries {
            self.bind(&query.ctename, Table::opaque());
        }
        for (query, recurses) in ordered(&queries) {
            let table = match recurses {
                true => self.recursive(query),
                false => self.common_table(query),
            };
            self.bind(&query.ctename, table);
        }
        true
    }

    pub(super) fn leave(&mut self, scoped: bool) {
        if scoped {
            self.common.pop();
        }
    }

    /// The WITH query of a name.
    pub(super) fn common_named(&self, name: &str) -> Option<&Table> {
        let mut all = self
            .common
            .iter()
            .rev()
            .flat_map(|frame| frame.iter().rev());
        all.find(|common| common.name == name)
            .map(|common| &common.table)
    }

    fn bind(&mut self, name: &str, table: Table) {
        let Some(frame) = self.common.last_mut() else {
            return;
        };
        match frame.iter_mut().find(|common| common.name == name) {
            Some(known) => known.table = table,
            None => frame.push(CommonTable {
                name: name.to_owned(),
                table,
            }),
        }
    }

    fn common_table(&mut self, query: &CommonTableExpr) -> Table {
        self.saw(Counted::CommonTableExpr);
        let table = self.optional_query(query.ctequery.as_deref());
        let table = table.renamed(&names::strings(&query.aliascolnames));
        if query.search_clause.is_none() && query.cycle_clause.is_none() {
            return table;
        }
        // They compare rows and add columns, which `*` leaves out in some places.
        if let Some(cycle) = &query.cycle_clause {
            self.pass_over(&cycle.cycle_mark_value);
            self.pass_over(&cycle.cycle_mark_default);
        }
        let all = self.whole_row(&table);
        self.reveal(&all);
        Table {
            opaque: true,
            columns: std::rc::Rc::new([]),
        }
    }

    /// Follows a query that refers to itself until nothing new comes of it.
    fn recursive(&mut self, query: &CommonTableExpr) -> Table {
        let before = self.seen;
        let mut bound = match select_of(query) {
            Some(select) if select.op != SetOperation::SetopNone as i32 => {
                let scoped = self.with(select.with_clause.as_ref());
                let first = match select.larg.as_deref() {
                    Some(first) => self.select(first),
                    None => Table::opaque(),
                };
                self.leave(scoped);
                first.renamed(&names::strings(&query.aliascolnames))
            }
            _ => Table::opaque(),
        };
        for _ in 0..ROUNDS {
            self.seen = before;
            self.bind(&query.ctename, bound.clone());
            let found = repeated(self.common_table(query), &bound);
            if found == bound || found.opaque || self.is_exhausted() {
                return found;
            }
            bound = found;
        }
        let all = self.whole_row(&bound).into_computed();
        let mixed: Vec<Column> = bound
            .columns
            .iter()
            .map(|column| Column {
                name: column.name.clone(),
                value: all.clone(),
            })
            .collect();
        let mixed = Table::of(mixed);
        self.seen = before;
        self.bind(&query.ctename, mixed.clone());
        self.common_table(query);
        mixed
    }
}

/// What a round took further from what is stored, more rounds take as far as one likes.
fn repeated(found: Table, before: &Table) -> Table {
    let mut columns = found.columns.to_vec();
    for (column, before) in columns.iter_mut().zip(before.columns.iter()) {
        if column.value.stretch > before.value.stretch {
            column.value.stretch = f64::INFINITY;
        }
        if column.value.growth > before.value.growth {
            column.value.growth = f64::INFINITY;
        }
    }
    Table {
        columns: columns.into(),
        opaque: found.opaque,
    }
}

fn select_of(query: &CommonTableExpr) -> Option<&SelectStmt> {
    match query.ctequery.as_ref()?.node.as_ref()? {
        node::Node::SelectStmt(select) => Some(select),
        _ => None,
    }
}

/// The queries of a recursive WITH, each after those that it mentions, and whether it mentions
/// itself. What goes round in a circle otherwise is refused by the server and comes in any order.
fn ordered<'q>(queries: &[&'q CommonTableExpr]) -> Vec<(&'q CommonTableExpr, bool)> {
    let own: BTreeSet<&str> = queries.iter().map(|query| query.ctename.as_str()).collect();
    let mut waiting: Vec<(&CommonTableExpr, BTreeSet<String>)> = queries
        .iter()
        .map(|query| {
            let mentioned = visit::mentions(*query).map_or_else(Vec::new, |all| all.relations);
            let names = mentioned
                .into_iter()
                .filter(|named| named.schema.is_empty());
            let names = names.map(|named| named.name);
            (
                *query,
                names.filter(|name| own.contains(name.as_str())).collect(),
            )
        })
        .collect();
    let mut done = BTreeSet::new();
    let mut order = Vec::new();
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|(query, mentions)| {
            let known = |name: &String| *name == query.ctename || done.contains(name);
            mentions.iter().all(known)
        });
        let (query, mentions) = waiting.remove(ready.unwrap_or_default());
        done.insert(query.ctename.clone());
        order.push((query, mentions.contains(&query.ctename)));
    }
    order
}
