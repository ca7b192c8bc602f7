//! INSERT, UPDATE, DELETE and MERGE: what goes into which column, and what comes back.

use pg_query::protobuf::{
    CmdType, DeleteStmt, InferClause, InsertStmt, IntoClause, MergeStmt, Node, OnConflictClause,
    ReturningClause, UpdateStmt, node,
};

use super::kept;
use super::scope::Item;
use super::trace::Tracer;
use super::value::{Column, Kind, Table, Value};
use crate::sql::catalogue::{Event, Relation};
use crate::sql::visit::Counted;

/// The version in which RETURNING can tell rows before and after a change.
const OLD_AND_NEW: u32 = 180_000;

/// The values that a change puts into columns.
pub(super) type Assigned = Vec<(String, Value)>;

impl<'c> Tracer<'c> {
    pub(super) fn insert(&mut self, insert: &InsertStmt) -> Option<Table> {
        self.saw(Counted::InsertStmt);
        let scoped = self.with(insert.with_clause.as_ref());
        let (target, relation) = match &insert.relation {
            Some(variable) => self.stored_range(variable),
            None => (Item::new(None, Table::opaque()), None),
        };
        let query = insert.select_stmt.as_deref().map(|query| self.query(query));
        let query = query.unwrap_or_else(|| Table::of(Vec::new()));
        let written = self.written_columns(&insert.cols, &target);
        let mut assigned: Assigned = Vec::new();
        for (name, column) in written.into_iter().zip(query.columns.iter()) {
            self.assign(&target, &name, &column.value, false);
            assigned.push((name, column.value.clone()));
        }
        if query.opaque || query.columns.len() > assigned.len() {
            let all = self.whole_row(&query);
            self.copy(&all);
        }
        self.meets(&target, &mut assigned, None);
        let opaque = self.obeys_rules(relation, &[Event::Insert]);
        if let Some(clause) = &insert.on_conflict_clause {
            let updated = self.on_conflict(clause, relation, &target, &assigned);
            assigned.extend(updated);
        }
        let changed = self.changed(&target, &assigned);
        self.within(vec![changed.clone()]);
        let returned = self.returning(insert.returning_clause.as_ref(), &changed, opaque);
        self.scopes.pop();
        self.leave(scoped);
        returned
    }

    pub(super) fn update(&mut self, update: &UpdateStmt) -> Option<Table> {
        self.saw(Counted::UpdateStmt);
        let scoped = self.with(update.with_clause.as_ref());
        let (target, relation) = match &update.relation {
            Some(variable) => self.stored_range(variable),
            None => (Item::new(None, Table::opaque()), None),
        };
        self.within(vec![target.clone()]);
        self.from(&update.from_clause);
        let mut assigned = self.assignments(&update.target_list, &target);
        if let Some(condition) = update.where_clause.as_deref() {
            self.condition(condition);
        }
        self.meets(&target, &mut assigned, Some(&update.target_list));
        let opaque = self.obeys_rules(relation, &[Event::Update]);
        let changed = self.changed(&target, &assigned);
        if let Some(first) = self
            .scopes
            .last_mut()
            .and_then(|scope| scope.items.first_mut())
        {
            *first = changed.clone();
        }
        let returned = self.returning(update.returning_clause.as_ref(), &changed, opaque);
        self.scopes.pop();
        self.leave(scoped);
        returned
    }

    pub(super) fn delete(&mut self, delete: &DeleteStmt) -> Option<Table> {
        self.saw(Counted::DeleteStmt);
        let scoped = self.with(delete.with_clause.as_ref());
        let (target, relation) = match &delete.relation {
            Some(variable) => self.stored_range(variable),
            None => (Item::new(None, Table::opaque()), None),
        };
        self.within(vec![target.clone()]);
        self.from(&delete.using_clause);
        if let Some(condition) = delete.where_clause.as_deref() {
            self.condition(condition);
        }
        let opaque = self.obeys_rules(relation, &[Event::Delete]);
        let returned = self.returning(delete.returning_clause.as_ref(), &target, opaque);
        self.scopes.pop();
        self.leave(scoped);
        returned
    }

    pub(super) fn merge(&mut self, merge: &MergeStmt) -> Option<Table> {
        self.saw(Counted::MergeStmt);
        let scoped = self.with(merge.with_clause.as_ref());
        let (target, relation) = match &merge.relation {
            Some(variable) => self.stored_range(variable),
            None => (Item::new(None, Table::opaque()), None),
        };
        self.within(Vec::new());
        if let Some(source) = merge.source_relation.as_deref() {
            let items = self.source(source);
            self.show(items);
        }
        self.show(vec![target.clone()]);
        if let Some(condition) = merge.join_condition.as_deref() {
            self.condition(condition);
        }
        let mut assigned = Vec::new();
        for clause in &merge.merge_when_clauses {
            let Some(node::Node::MergeWhenClause(when)) = clause.node.as_ref() else {
                self.unknown(clause);
                continue;
            };
            if let Some(condition) = when.condition.as_deref() {
                self.condition(condition);
            }
            if when.values.is_empty() {
                let mut updated = self.assignments(&when.target_list, &target);
                let is_new = when.command_type == CmdType::CmdInsert as i32;
                let written = (!is_new).then_some(&when.target_list[..]);
                self.meets(&target, &mut updated, written);
                assigned.extend(updated);
                continue;
            }
            let names = self.written_columns(&when.target_list, &target);
            let mut given: Assigned = Vec::new();
            for (name, value) in names.into_iter().zip(&when.values) {
                let value = self.expression(value);
                self.assign(&target, &name, &value, false);
                given.push((name, value));
            }
            self.meets(&target, &mut given, None);
            assigned.extend(given);
        }
        self.obeys_rules(relation, &[Event::Insert, Event::Update, Event::Delete]);
        let changed = self.changed(&target, &assigned);
        // Which side `*` begins with differs between versions.
        let returned = self.returning(merge.returning_clause.as_ref(), &changed, true);
        self.scopes.pop();
        self.leave(scoped);
        returned
    }

    // === what goes where ===

    /// The columns that values go to by their places.
    fn written_columns(&mut self, written: &[Node], target: &Item) -> Vec<String> {
        if written.is_empty() {
            let own = target.table.columns.iter();
            return own
                .map(|column| column.name.as_deref().unwrap_or_default().to_owned())
                .collect();
        }
        let mut names = Vec::new();
        for node in written {
            match node.node.as_ref() {
                Some(node::Node::ResTarget(column)) => {
                    self.within(vec![target.clone()]);
                    self.expression(node);
                    self.scopes.pop();
                    names.push(column.name.clone());
                }
                _ => {
                    self.unknown(node);
                }
            }
        }
        names
    }

    /// SET lists.
    fn assignments(&mut self, nodes: &[Node], target: &Item) -> Assigned {
        let mut assigned = Vec::new();
        for node in nodes {
            let value = self.expression(node);
            match node.node.as_ref() {
                Some(node::Node::ResTarget(column)) => {
                    let own_type = type_of(target, &column.name);
                    let written = column.val.as_deref();
                    let mut tells_nothing =
                        written.is_some_and(|val| kept::tells_nothing_new(val, own_type));
                    if own_type.is_some_and(kept::is_json)
                        && let Some(moves) = written.and_then(kept::removes)
                        && let Some(document) = own(target, &column.name)
                    {
                        tells_nothing = true;
                        if moves {
                            self.elements_move(&document.value.clone());
                        }
                    }
                    self.assign(target, &column.name, &value, tells_nothing);
                    if written.is_some_and(kept::grows) {
                        self.own_may_not_fit(target, &column.name, &value);
                    }
                    assigned.push((column.name.clone(), value));
                }
                _ => self.copy(&value),
            }
        }
        assigned
    }

    /// What is made of a column's own value and put in its place can be asked for afterwards, piece
    /// by piece, also where the change is rolled back.
    fn assign(&mut self, target: &Item, name: &str, value: &Value, tells_nothing: bool) {
        let own = own(target, name).map(|column| column.value.sources.clone());
        let own = own.unwrap_or_default();
        self.copy_into(value, &own);
        if value.kind == Kind::Computed && !tells_nothing {
            let of_json = type_of(target, name).is_none_or(kept::is_json);
            self.reveal_own(value, &own, of_json);
        }
    }

    /// The target as it is after a change.
    fn changed(&mut self, target: &Item, assigned: &Assigned) -> Item {
        let mut changed = target.clone();
        let given = |value: &Value| !value.sources.is_empty() || value.untraced;
        if !assigned.iter().any(|(_, value)| given(value)) {
            return changed;
        }
        let mut columns = target.table.columns.to_vec();
        for (name, value) in assigned.iter().filter(|(_, value)| given(value)) {
            let named = |column: &&mut Column| column.name.as_deref() == Some(name.as_str());
            if let Some(column) = columns.iter_mut().find(named) {
                self.work += column.value.absorb(value);
                column.value = column.value.clone().into_computed();
            }
        }
        changed.table.columns = columns.into();
        changed
    }

    fn on_conflict(
        &mut self,
        clause: &OnConflictClause,
        relation: Option<&Relation>,
        target: &Item,
        assigned: &Assigned,
    ) -> Assigned {
        let excluded = target.table.columns.iter().map(|column| {
            let given = |(name, _): &&(String, Value)| column.name.as_deref() == Some(name);
            let value = assigned.iter().find(given).map(|(_, value)| value.clone());
            Column {
                name: column.name.clone(),
                value: value.unwrap_or_else(Value::computed),
            }
        });
        let mut excluded = Item::new(
            Some("excluded"),
            Table {
                columns: excluded.collect(),
                opaque: target.table.opaque,
            },
        );
        excluded.plain = false;
        self.within(vec![target.clone(), excluded]);
        match clause.infer.as_deref() {
            Some(infer) if infer.conname.is_empty() => self.inferred(infer),
            _ => self.any_conflict(relation, target),
        }
        let mut updated = self.assignments(&clause.target_list, target);
        self.meets(target, &mut updated, Some(&clause.target_list));
        if let Some(condition) = clause.where_clause.as_deref() {
            self.condition(condition);
        }
        self.scopes.pop();
        updated
    }

    /// The columns of a conflict target tell by the outcome whether a value is there.
    fn inferred(&mut self, infer: &InferClause) {
        for element in &infer.index_elems {
            let Some(node::Node::IndexElem(element)) = element.node.as_ref() else {
                self.unknown(element);
                continue;
            };
            let value = match element.expr.as_deref() {
                Some(expression) => self.expression(expression),
                None => self.column(&element.name),
            };
            self.pass_over(&element.opclassopts);
            self.reveal(&value);
        }
        if let Some(condition) = infer.where_clause.as_deref() {
            self.condition(condition);
        }
    }

    /// Without a target any unique index may conflict.
    fn any_conflict(&mut self, relation: Option<&Relation>, target: &Item) {
        let Some(relation) = relation else {
            self.untraced = true;
            return;
        };
        let any = relation.unique.contains(&0) || relation.definition.is_some();
        for (own, column) in relation.columns.iter().zip(target.table.columns.iter()) {
            if any || relation.unique.contains(&own.number) {
                self.reveal(&column.value);
            }
        }
    }

    /// What rules make of a change is not followed.
    fn obeys_rules(&mut self, relation: Option<&Relation>, events: &[Event]) -> bool {
        let rules = relation.map_or(&[][..], |relation| relation.rules.as_slice());
        let ruled = rules.iter().any(|rule| events.contains(&rule.event));
        self.untraced |= ruled;
        ruled
    }

    /// RETURNING; `opaque` when its columns cannot be told.
    fn returning(
        &mut self,
        clause: Option<&ReturningClause>,
        changed: &Item,
        opaque: bool,
    ) -> Option<Table> {
        let clause = clause.filter(|clause| !clause.exprs.is_empty())?;
        if self.catalogue.server_version >= OLD_AND_NEW {
            let renamed = clause
                .options
                .iter()
                .filter_map(|option| match option.node.as_ref() {
                    Some(node::Node::ReturningOption(option)) => Some(option.value.as_str()),
                    _ => None,
                });
            for name in ["old", "new"].into_iter().chain(renamed) {
                let mut item = Item::new(Some(name), changed.table.clone());
                item.plain = false;
                self.show(vec![item]);
            }
        }
        let mut table = self.targets(&clause.exprs);
        table.opaque |= opaque;
        Some(table)
    }

    /// The table that a query goes to.
    pub(super) fn new_table(&mut self, into: &IntoClause) {
        self.pass_over(into);
    }
}

/// The column of this name.
fn own<'i>(target: &'i Item, name: &str) -> Option<&'i Column> {
    let mut columns = target.table.columns.iter();
    columns.find(|column| column.name.as_deref() == Some(name))
}

fn type_of(target: &Item, name: &str) -> Option<u32> {
    match own(target, name)?.value.kind {
        Kind::Plain(oid) => Some(oid),
        _ => None,
    }
}
