//! Queries and changes of data.

use pg_query::protobuf::{
    CmdType, DeleteStmt, InsertStmt, IntoClause, LockingClause, MergeMatchKind, MergeStmt,
    MergeWhenClause, Node, OnConflictClause, RawStmt, SelectStmt, UpdateStmt, WithClause, node,
};
use portcullis_policy::{Effect, Flag};

use super::relation::Use;
use super::truth::{Change, Fold};
use super::walk::Walk;
use crate::sql::catalogue::Event;
use crate::sql::names;
use crate::sql::visit::{self, Counted};

impl<'c> Walk<'c> {
    /// A query in a place where only queries stand, if there is one.
    pub(super) fn optional_query(&mut self, node: Option<&Node>) {
        if let Some(node) = node {
            self.query(node);
        }
    }

    /// A query, or a change of data, wherever it stands. Tells its verb.
    pub(super) fn query(&mut self, node: &Node) -> &'static str {
        use node::Node as N;
        match node.node.as_ref() {
            Some(N::SelectStmt(select)) => {
                let makes = makes_table(select);
                self.select(select);
                if makes { "SELECT INTO" } else { "SELECT" }
            }
            Some(N::InsertStmt(insert)) => {
                self.insert(insert);
                "INSERT"
            }
            Some(N::UpdateStmt(update)) => {
                self.update(update);
                "UPDATE"
            }
            Some(N::DeleteStmt(delete)) => {
                self.delete(delete);
                "DELETE"
            }
            Some(N::MergeStmt(merge)) => {
                self.merge(merge);
                "MERGE"
            }
            _ => {
                self.unknown();
                "UNKNOWN"
            }
        }
    }

    /// A statement of a stored definition: a view's query, a line of a function's body.
    pub(super) fn stored_statement(&mut self, raw: &RawStmt) {
        self.checked(raw);
    }

    /// Walks a part of a stored definition, and checks that nothing in it was passed over.
    pub(super) fn inside_stored(&mut self, part: &Node, walk: impl FnOnce(&mut Self)) {
        let before = std::mem::take(&mut self.seen);
        walk(self);
        let seen = std::mem::replace(&mut self.seen, before);
        if visit::count(part) != Some(seen) {
            self.unknown();
            self.found.attribute("unaccounted", "definition");
        }
    }

    /// What a rule does instead or besides: a statement, or nothing.
    pub(super) fn rule_action(&mut self, action: &Node) {
        self.scopes
            .push(["old".to_owned(), "new".to_owned()].into());
        self.statement(action);
        self.scopes.pop();
    }

    /// The statements between BEGIN ATOMIC and END, or what stands after RETURN.
    pub(super) fn sql_body(&mut self, body: &Node) {
        match body.node.as_ref() {
            Some(node::Node::List(list)) => {
                for item in &list.items {
                    self.sql_body(item);
                }
            }
            Some(node::Node::ReturnStmt(returned)) => {
                self.optional(returned.returnval.as_deref());
                self.found.raise(Effect::Read);
            }
            Some(_) => {
                self.statement(body);
            }
            None => {}
        }
    }

    pub(super) fn select(&mut self, select: &SelectStmt) {
        self.saw(Counted::SelectStmt);
        self.found.raise(Effect::Read);
        let scoped = self.with(select.with_clause.as_ref());
        let locks = self.context.locks;
        self.context.locks |= self.locking(&select.locking_clause);
        if let Some(into) = &select.into_clause {
            self.into(into);
        }
        for keys in [
            &select.distinct_clause,
            &select.group_clause,
            &select.sort_clause,
        ] {
            self.found.constants_looked_at |= keys.iter().any(may_be_place);
        }
        self.expressions(&select.distinct_clause);
        self.context.setting = self.one_setting(select);
        self.expressions(&select.target_list);
        self.context.setting = None;
        self.from(&select.from_clause);
        self.optional(select.where_clause.as_deref());
        self.expressions(&select.group_clause);
        self.optional(select.having_clause.as_deref());
        self.expressions(&select.window_clause);
        self.expressions(&select.values_lists);
        self.expressions(&select.sort_clause);
        self.optional(select.limit_offset.as_deref());
        self.optional(select.limit_count.as_deref());
        for side in [&select.larg, &select.rarg].into_iter().flatten() {
            self.select(side);
        }
        self.context.locks = locks;
        self.leave(scoped);
    }

    /// Makes the table that a query goes to.
    pub(super) fn into(&mut self, into: &IntoClause) {
        self.saw(Counted::IntoClause);
        self.expressions(&into.options);
        self.found.voids_catalogue = true;
        match &into.rel {
            Some(relation) => {
                self.new_relation(relation);
            }
            None => self.unknown(),
        }
    }

    pub(super) fn insert(&mut self, insert: &InsertStmt) {
        self.saw(Counted::InsertStmt);
        let scoped = self.with(insert.with_clause.as_ref());
        if let Some(relation) = &insert.relation {
            self.range(relation, Use::write(Event::Insert));
            if insert
                .on_conflict_clause
                .as_ref()
                .is_some_and(|clause| !clause.target_list.is_empty())
            {
                self.also(relation, Event::Update);
            }
        }
        self.found.raise(Effect::Write);
        self.expressions(&insert.cols);
        self.optional_query(insert.select_stmt.as_deref());
        if let Some(clause) = &insert.on_conflict_clause {
            self.on_conflict(clause);
            if !clause.target_list.is_empty() {
                self.upserted(insert, clause);
            }
        }
        self.returning(insert.returning_clause.as_ref());
        self.leave(scoped);
    }

    pub(super) fn update(&mut self, update: &UpdateStmt) {
        self.saw(Counted::UpdateStmt);
        let scoped = self.with(update.with_clause.as_ref());
        if let Some(relation) = &update.relation {
            self.range(relation, Use::write(Event::Update));
        }
        self.found.raise(Effect::Write);
        self.expressions(&update.target_list);
        self.from(&update.from_clause);
        self.optional(update.where_clause.as_deref());
        let change = Change {
            relation: update.relation.as_ref(),
            with: update.with_clause.as_ref(),
            sources: &update.from_clause,
        };
        self.bounded(&change, &[update.where_clause.as_deref()]);
        self.returning(update.returning_clause.as_ref());
        self.leave(scoped);
    }

    pub(super) fn delete(&mut self, delete: &DeleteStmt) {
        self.saw(Counted::DeleteStmt);
        let scoped = self.with(delete.with_clause.as_ref());
        if let Some(relation) = &delete.relation {
            self.range(relation, Use::write(Event::Delete));
        }
        self.found.raise(Effect::Write);
        self.from(&delete.using_clause);
        self.optional(delete.where_clause.as_deref());
        let change = Change {
            relation: delete.relation.as_ref(),
            with: delete.with_clause.as_ref(),
            sources: &delete.using_clause,
        };
        self.bounded(&change, &[delete.where_clause.as_deref()]);
        self.returning(delete.returning_clause.as_ref());
        self.leave(scoped);
    }

    pub(super) fn merge(&mut self, merge: &MergeStmt) {
        self.saw(Counted::MergeStmt);
        let scoped = self.with(merge.with_clause.as_ref());
        let mut first = true;
        for clause in &merge.merge_when_clauses {
            let Some(node::Node::MergeWhenClause(when)) = clause.node.as_ref() else {
                self.unknown();
                continue;
            };
            let event = match CmdType::try_from(when.command_type) {
                Ok(CmdType::CmdInsert) => Some(Event::Insert),
                Ok(CmdType::CmdUpdate) => Some(Event::Update),
                Ok(CmdType::CmdDelete) => Some(Event::Delete),
                Ok(CmdType::CmdNothing) => None,
                _ => {
                    self.unknown();
                    None
                }
            };
            if let (Some(relation), Some(event)) = (&merge.relation, event) {
                match std::mem::replace(&mut first, false) {
                    true => self.range(relation, Use::write(event)),
                    false => self.also(relation, event),
                }
                if event != Event::Insert {
                    self.merged(merge, when);
                }
            }
            self.optional(when.condition.as_deref());
            self.expressions(&when.target_list);
            self.expressions(&when.values);
        }
        if first && let Some(relation) = &merge.relation {
            self.range(relation, Use::READ);
        }
        self.found.raise(Effect::Write);
        if let Some(source) = merge.source_relation.as_deref() {
            self.source(source);
        }
        self.optional(merge.join_condition.as_deref());
        self.returning(merge.returning_clause.as_ref());
        self.leave(scoped);
    }

    /// What one action of a MERGE reaches: the rows that the join finds, or leaves out.
    fn merged(&mut self, merge: &MergeStmt, when: &MergeWhenClause) {
        let change = Change {
            relation: merge.relation.as_ref(),
            with: merge.with_clause.as_ref(),
            sources: merge
                .source_relation
                .as_deref()
                .map_or(&[], std::slice::from_ref),
        };
        let (joined, condition) = (merge.join_condition.as_deref(), when.condition.as_deref());
        if when.match_kind != MergeMatchKind::MergeWhenNotMatchedBySource as i32 {
            self.bounded(&change, &[joined, condition]);
            return;
        }
        let mut fold = Fold::new(self, &change);
        let left_out = joined.is_none_or(|joined| fold.selects_none(joined));
        let all = left_out && condition.is_none_or(|condition| fold.selects_all(&[condition]));
        let looked = fold.constants_looked_at;
        self.reach(all, looked);
    }

    /// `INSERT INTO t SELECT … FROM t ON CONFLICT DO UPDATE` is an update of the rows that are
    /// read.
    fn upserted(&mut self, insert: &InsertStmt, clause: &OnConflictClause) {
        let Some(node::Node::SelectStmt(select)) = insert
            .select_stmt
            .as_ref()
            .and_then(|query| query.node.as_ref())
        else {
            return;
        };
        let change = Change {
            relation: insert.relation.as_ref(),
            with: insert.with_clause.as_ref(),
            sources: &[],
        };
        let condition = clause.where_clause.as_deref();
        let mut fold = Fold::new(self, &change);
        let all = fold.reads_all(select)
            && condition.is_none_or(|condition| fold.selects_all(&[condition]));
        let looked = fold.constants_looked_at;
        match condition.is_none() && select.where_clause.is_none() && all {
            true => self.found.flag(Flag::Unbounded),
            false => self.reach(all, looked),
        }
    }

    /// One more way in which a relation that was already met is changed.
    fn also(&mut self, relation: &pg_query::protobuf::RangeVar, event: Event) {
        self.relation_used(relation, Use::write(event));
    }

    // === FROM ===

    pub(super) fn from(&mut self, items: &[Node]) {
        for item in items {
            self.source(item);
        }
    }

    fn source(&mut self, item: &Node) {
        use node::Node as N;
        match item.node.as_ref() {
            Some(N::RangeVar(variable)) => {
                let (schema, name) = names::relation(variable);
                match self.in_scope(schema, name) && variable.catalogname.is_empty() {
                    true => self.saw(Counted::RangeVar),
                    false => self.range(variable, Use::READ),
                }
            }
            Some(N::JoinExpr(join)) => {
                self.operator(&["="]);
                for side in [&join.larg, &join.rarg].into_iter().flatten() {
                    self.source(side);
                }
                self.optional(join.quals.as_deref());
            }
            Some(N::RangeSubselect(select)) => self.optional_query(select.subquery.as_deref()),
            Some(N::RangeFunction(function)) => self.range_function(function),
            Some(N::RangeTableFunc(function)) => self.range_table_function(function),
            Some(N::JsonTable(table)) => self.json_table(table),
            Some(N::RangeTableSample(sample)) => {
                if let Some(relation) = sample.relation.as_deref() {
                    self.source(relation);
                }
                self.call(&names::strings(&sample.method), &sample.args);
                self.expressions(&sample.args);
                self.optional(sample.repeatable.as_deref());
            }
            _ => self.unknown(),
        }
    }

    /// True when the rows of the query are locked. A lock is a write: a read-only transaction
    /// refuses it.
    fn locking(&mut self, clauses: &[Node]) -> bool {
        for clause in clauses {
            match clause.node.as_ref() {
                Some(node::Node::LockingClause(clause)) => self.lock_clause(clause),
                _ => self.unknown(),
            }
        }
        !clauses.is_empty()
    }

    fn lock_clause(&mut self, clause: &LockingClause) {
        self.saw(Counted::LockingClause);
        self.found.raise(Effect::Write);
        self.found.attribute("lock", "row");
        // These name what stands in FROM, which is followed there.
        for relation in &clause.locked_rels {
            match relation.node.as_ref() {
                Some(node::Node::RangeVar(_)) => self.saw(Counted::RangeVar),
                _ => self.unknown(),
            }
        }
    }

    // === WITH ===

    /// Walks the queries of a WITH clause and brings their names into force. Each sees those
    /// before it; where the clause is RECURSIVE, each sees all.
    fn with(&mut self, clause: Option<&WithClause>) -> bool {
        let Some(clause) = clause else { return false };
        let queries: Vec<_> = clause
            .ctes
            .iter()
            .filter_map(|node| match node.node.as_ref() {
                Some(node::Node::CommonTableExpr(query)) => Some(query),
                _ => None,
            })
            .collect();
        if queries.len() != clause.ctes.len() {
            self.unknown();
        }
        self.scopes.push(match clause.recursive {
            true => queries.iter().map(|query| query.ctename.clone()).collect(),
            false => std::collections::BTreeSet::new(),
        });
        // Rows that a query around locks are not those of a WITH query.
        let locks = std::mem::replace(&mut self.context.locks, false);
        for query in queries {
            self.saw(Counted::CommonTableExpr);
            self.optional_query(query.ctequery.as_deref());
            if let Some(cycle) = &query.cycle_clause {
                self.optional(cycle.cycle_mark_value.as_deref());
                self.optional(cycle.cycle_mark_default.as_deref());
            }
            if let Some(scope) = self.scopes.last_mut() {
                scope.insert(query.ctename.clone());
            }
        }
        self.context.locks = locks;
        true
    }

    fn leave(&mut self, scoped: bool) {
        if scoped {
            self.scopes.pop();
        }
    }
}

/// `SELECT … INTO t`, also in the first arm of a set operation.
pub(crate) fn makes_table(select: &SelectStmt) -> bool {
    let mut arm = Some(select);
    while let Some(current) = arm {
        if current.into_clause.is_some() {
            return true;
        }
        arm = current.larg.as_deref();
    }
    false
}

/// Whether a key of ORDER BY, GROUP BY or DISTINCT ON may name a column of the answer by its place,
/// so that lineage rests on the number.
fn may_be_place(key: &Node) -> bool {
    match key.node.as_ref() {
        Some(node::Node::SortBy(sort)) => sort.node.as_deref().is_none_or(may_be_place),
        Some(node::Node::ColumnRef(_)) => false,
        // Grouping sets and rows hold keys of their own.
        _ => true,
    }
}
