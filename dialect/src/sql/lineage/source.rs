//! FROM: what each entry of it brings into sight.

use pg_query::protobuf::{Alias, JoinExpr, Node, RangeSubselect, RangeVar, node};

use super::scope::Item;
use super::trace::Tracer;
use super::value::{Column, Table, Value};
use crate::sql::catalogue::{Relation, RelationKind};
use crate::sql::classify::Resolved;
use crate::sql::names;
use crate::sql::visit::Counted;

impl<'c> Tracer<'c> {
    /// Adds the entries of FROM to the scope of the query, one after the other.
    pub(super) fn from(&mut self, nodes: &[Node]) {
        for node in nodes {
            let items = self.source(node);
            self.show(items);
        }
    }

    pub(super) fn show(&mut self, items: Vec<Item>) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.items.extend(items);
        }
    }

    /// The entries of one node of FROM. The last of them is the one whose columns `*` stands for.
    pub(super) fn source(&mut self, node: &Node) -> Vec<Item> {
        use node::Node as N;
        self.work += 1;
        match node.node.as_ref() {
            Some(N::RangeVar(variable)) => vec![self.range(variable)],
            Some(N::JoinExpr(join)) => self.join(join),
            Some(N::RangeSubselect(select)) => vec![self.subselect(select)],
            Some(N::RangeFunction(function)) => vec![self.range_function(function)],
            Some(N::RangeTableFunc(function)) => vec![self.xml_table(function)],
            Some(N::RangeTableSample(sample)) => {
                for argument in sample.args.iter().chain(sample.repeatable.as_deref()) {
                    let value = self.expression(argument);
                    self.reveal(&value);
                }
                match sample.relation.as_deref() {
                    Some(relation) => self.source(relation),
                    None => vec![Item::new(None, Table::opaque())],
                }
            }
            _ => {
                self.unknown(node);
                vec![Item::new(None, Table::opaque())]
            }
        }
    }

    /// A relation, or a WITH query, by its name.
    pub(super) fn range(&mut self, variable: &RangeVar) -> Item {
        let (schema, name) = names::relation(variable);
        let common = match schema.is_none() && variable.catalogname.is_empty() {
            true => self.common_named(name).cloned(),
            false => None,
        };
        match common {
            Some(table) => {
                self.saw(Counted::RangeVar);
                aliased(Item::new(Some(name), table), variable.alias.as_ref())
            }
            None => self.stored_range(variable).0,
        }
    }

    /// A stored relation, never a WITH query.
    pub(super) fn stored_range(&mut self, variable: &RangeVar) -> (Item, Option<&'c Relation>) {
        self.saw(Counted::RangeVar);
        let (schema, name) = names::relation(variable);
        let elsewhere = !variable.catalogname.is_empty()
            && variable.catalogname != self.names.settings.database;
        let relation = match self.names.resolve(schema, name) {
            Resolved::Relations(relations) if !elsewhere && !self.void => match relations[..] {
                [relation] => Some(relation),
                _ => None,
            },
            // What this text has made is filled by what it copies, which is told as such.
            Resolved::Fresh(_) => None,
            _ => {
                self.untraced = true;
                None
            }
        };
        let mut item = Item::new(Some(name), Table::opaque());
        if let Some(relation) = relation {
            let only = !variable.inh;
            item.table = self.relation(relation, only);
            item.schema = Some(relation.name.schema.as_str().into());
            let has_rows = matches!(
                relation.kind,
                RelationKind::Table
                    | RelationKind::Partitioned
                    | RelationKind::MaterialisedView
                    | RelationKind::Foreign
            );
            item.relation = has_rows.then_some((relation.oid, only));
        }
        (aliased(item, variable.alias.as_ref()), relation)
    }

    fn subselect(&mut self, select: &RangeSubselect) -> Item {
        // Without LATERAL the entries before it are not visible.
        let hidden = self.hide(!select.lateral);
        let table = self.optional_query(select.subquery.as_deref());
        self.hide(hidden);
        aliased(Item::new(None, table), select.alias.as_ref())
    }

    /// Hides the entries of the query at hand or shows them again; tells how it was before.
    fn hide(&mut self, hidden: bool) -> bool {
        match self.scopes.last_mut() {
            Some(scope) => std::mem::replace(&mut scope.hidden, hidden),
            None => false,
        }
    }

    // === joins ===

    fn join(&mut self, join: &JoinExpr) -> Vec<Item> {
        let mut items = match join.larg.as_deref() {
            Some(left) => self.source(left),
            None => Vec::new(),
        };
        let shown = self.scopes.last().map_or(0, |scope| scope.items.len());
        self.show(items.clone());
        let right = match join.rarg.as_deref() {
            Some(right) => self.source(right),
            None => Vec::new(),
        };
        if let Some(scope) = self.scopes.last_mut() {
            scope.items.truncate(shown);
        }
        let sides = [items.last(), right.last()].map(|side| match side {
            Some(item) => item.table.clone(),
            None => Table::opaque(),
        });
        let (table, merged) = self.joined(join, &sides);
        items.extend(right);
        self.join_condition(join, &mut items);
        for item in &mut items {
            item.plain = false;
        }
        if let Some(alias) = &join.join_using_alias {
            let mut item = Item::new(Some(&alias.aliasname), Table::of(merged));
            item.plain = false;
            items.push(item);
        }
        match &join.alias {
            // An alias hides what it names, but for that of USING.
            Some(alias) => {
                let using = join.join_using_alias.as_ref().and_then(|_| items.pop());
                items.clear();
                items.extend(using);
                items.push(aliased(Item::new(None, table), Some(alias)));
            }
            None => items.push(Item::new(None, table)),
        }
        items
    }

    /// ON sees the two sides of its join, and the queries around.
    fn join_condition(&mut self, join: &JoinExpr, items: &mut Vec<Item>) {
        let Some(condition) = join.quals.as_deref() else {
            return;
        };
        let swap = |trace: &mut Self, items: &mut Vec<Item>| {
            if let Some(scope) = trace.scopes.last_mut() {
                std::mem::swap(&mut scope.items, items);
            }
        };
        swap(self, items);
        self.condition(condition);
        swap(self, items);
    }

    /// The columns of a join, and those among them that USING or NATURAL made one of two.
    fn joined(&mut self, join: &JoinExpr, sides: &[Table; 2]) -> (Table, Vec<Column>) {
        let [left, right] = sides;
        let has = |table: &Table, name: &str| {
            let called = |column: &&Column| column.name.as_deref() == Some(name);
            table.columns.iter().filter(called).count() == 1
        };
        let unclear =
            |table: &Table| table.opaque || table.columns.iter().any(|c| c.name.is_none());
        let mut opaque = left.opaque || right.opaque;
        let common: Vec<String> = if join.is_natural {
            opaque |= unclear(left) || unclear(right);
            let own = left
                .columns
                .iter()
                .filter_map(|column| column.name.as_deref());
            let shared = |name: &&str| {
                right
                    .columns
                    .iter()
                    .any(|c| c.name.as_deref() == Some(*name))
            };
            own.filter(shared).map(str::to_owned).collect()
        } else {
            let written = names::strings(&join.using_clause);
            written.into_iter().map(str::to_owned).collect()
        };
        self.work += left.columns.len() * right.columns.len().min(common.len() + 1);
        let mut merged = Vec::new();
        for name in &common {
            if !has(left, name) || !has(right, name) {
                opaque = true;
                self.untraced |= unclear(left) || unclear(right);
            }
            let mut value: Option<Value> = None;
            for side in sides {
                for column in side.columns.iter() {
                    if column.name.as_deref() == Some(name.as_str()) {
                        self.reveal(&column.value);
                        match &mut value {
                            Some(value) => self.work += value.or(&column.value),
                            None => value = Some(column.value.clone()),
                        }
                    }
                }
            }
            merged.push(Column::new(
                Some(name),
                value.unwrap_or_else(Value::untraced),
            ));
        }
        self.operator(&["="], &[]);
        let mut columns = merged.clone();
        for side in sides {
            let rest = side.columns.iter().filter(|column| {
                !column
                    .name
                    .as_deref()
                    .is_some_and(|own| common.iter().any(|name| name == own))
            });
            columns.extend(rest.cloned());
        }
        let columns = columns.into();
        (Table { columns, opaque }, merged)
    }
}

/// An entry under its alias.
pub(super) fn aliased(mut item: Item, alias: Option<&Alias>) -> Item {
    if let Some(alias) = alias {
        item.alias = Some(alias.aliasname.as_str().into());
        item.schema = None;
        item.table = item.table.renamed(&names::strings(&alias.colnames));
    }
    item
}
