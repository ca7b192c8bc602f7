//! Statements: what each answers with.

use pg_query::protobuf::{
    AlterTableStmt, AlterTableType, CallStmt, ClusterStmt, CopyStmt, CreateTableAsStmt,
    DeclareCursorStmt, DiscardMode, ExecuteStmt, ExplainStmt, Node, TransactionStmt,
    TransactionStmtKind, node,
};

use super::cursors::CursorChange;
use super::scope::Item;
use super::trace::Tracer;
use super::value::{Column, Kind, Sources, Table, Value};
use super::{Rows, Use};
use crate::sql::classify::{makes_table, statement_of};
use crate::sql::names;
use crate::sql::parser::{Parsed, parse_stored};
use crate::sql::visit;

/// DECLARE … WITH HOLD.
const HOLD: i32 = 0x20;

impl<'c> Tracer<'c> {
    /// The rows that a statement of the text answers with.
    pub(super) fn answer(&mut self, node: &Node) -> Rows {
        if let Some(node::Node::FetchStmt(fetch)) = node.node.as_ref() {
            return match fetch.ismove {
                true => Rows::None,
                false => self.cursors.rows(&fetch.portalname),
            };
        }
        let table = self.statement(node);
        self.rows(table.as_ref())
    }

    /// The columns of what a statement returns; `None` when it returns no rows.
    pub(super) fn statement(&mut self, node: &Node) -> Option<Table> {
        use node::Node as N;
        self.work += 1;
        match node.node.as_ref() {
            Some(N::SelectStmt(select)) => {
                let table = self.select(select);
                match makes_table(select) {
                    true => {
                        self.copy_all(&table);
                        None
                    }
                    false => Some(table),
                }
            }
            Some(N::InsertStmt(insert)) => self.insert(insert),
            Some(N::UpdateStmt(update)) => self.update(update),
            Some(N::DeleteStmt(delete)) => self.delete(delete),
            Some(N::MergeStmt(merge)) => self.merge(merge),
            Some(N::CopyStmt(copy)) => self.copy_statement(copy),
            Some(N::CreateTableAsStmt(create)) => self.create_table_as(create),
            Some(N::ExplainStmt(explain)) => self.explain(explain),
            Some(N::ExecuteStmt(execute)) => self.execute(execute),
            Some(N::DeclareCursorStmt(declare)) => {
                self.declare(declare);
                None
            }
            Some(N::CallStmt(call)) => self.procedure(call),
            Some(N::VariableShowStmt(show)) => Some(shown(&show.name)),
            Some(N::ClusterStmt(cluster)) => {
                self.cluster(cluster);
                None
            }
            Some(_) => {
                self.other(node);
                None
            }
            None => {
                self.untraced = true;
                None
            }
        }
    }

    /// Statements that return nothing and read no rows, or are not followed.
    fn other(&mut self, node: &Node) {
        use node::Node as N;
        self.pass_over(node);
        match node.node.as_ref() {
            Some(N::TransactionStmt(transaction)) => self.transaction(transaction),
            Some(N::ClosePortalStmt(close)) => {
                let name = close.portalname.clone();
                self.cursor_changed(match name.is_empty() {
                    true => CursorChange::Forget,
                    false => CursorChange::Close { name },
                });
            }
            Some(N::DiscardStmt(discard)) if discard.target == DiscardMode::DiscardAll as i32 => {
                self.cursor_changed(CursorChange::Forget);
            }
            Some(N::DoStmt(_)) => {
                self.untraced = true;
                self.cursor_changed(CursorChange::Forget);
            }
            // They tell by their outcome what columns hold, or compute new ones.
            Some(N::AlterTableStmt(alter)) => self.untraced |= looks_at_rows(alter),
            Some(N::IndexStmt(index)) => {
                let looks = visit::count(node).is_none_or(|counts| counts.looks_at_rows());
                self.untraced |= index.unique || looks;
            }
            _ => {}
        }
    }

    /// It puts the rows into the order of an index, in which they are read from then on. Of which
    /// columns the index is made is not known here.
    fn cluster(&mut self, cluster: &ClusterStmt) {
        self.pass_over(&cluster.params);
        match &cluster.relation {
            Some(variable) => {
                let (item, _) = self.stored_range(variable);
                let row = self.whole_row(&item.table);
                self.look_at(&row, Use::Reveals);
            }
            None => self.untraced = true,
        }
    }

    fn transaction(&mut self, transaction: &TransactionStmt) {
        use TransactionStmtKind as K;
        match K::try_from(transaction.kind) {
            Ok(K::TransStmtCommit | K::TransStmtPrepare) => {
                self.cursor_changed(CursorChange::Commit);
            }
            Ok(K::TransStmtRollback | K::TransStmtRollbackTo) => {
                self.cursor_changed(CursorChange::Rollback);
            }
            _ => {}
        }
    }

    fn copy_all(&mut self, table: &Table) {
        let all = self.whole_row(table);
        self.copy(&all);
    }

    fn copy_statement(&mut self, copy: &CopyStmt) -> Option<Table> {
        self.pass_over(&copy.options);
        let mut table = match (&copy.relation, copy.query.as_deref()) {
            (Some(variable), None) => {
                let mut alone = variable.clone();
                alone.inh = false;
                let (item, relation) = self.stored_range(&alone);
                self.pass_over(&copy.attlist);
                if let Some(condition) = copy.where_clause.as_deref() {
                    self.within(vec![item.clone()]);
                    self.condition(condition);
                    self.scopes.pop();
                }
                let mut columns = item.table.columns.to_vec();
                let names = names::strings(&copy.attlist);
                if copy.is_from {
                    self.copied_in(&item, &names);
                }
                if names.is_empty() {
                    // Generated columns are left out.
                    let generated: Vec<bool> = relation
                        .map(|known| known.columns.iter().map(|own| own.generated).collect())
                        .unwrap_or_default();
                    let mut places = generated.into_iter();
                    columns.retain(|_| places.next() != Some(true));
                    Table {
                        columns: columns.into(),
                        opaque: item.table.opaque,
                    }
                } else {
                    let named = |name: &&str| {
                        let mut all = columns.iter();
                        all.find(|column| column.name.as_deref() == Some(*name))
                            .cloned()
                    };
                    let chosen: Vec<Column> = names.iter().filter_map(named).collect();
                    Table {
                        opaque: item.table.opaque || chosen.len() != names.len(),
                        columns: chosen.into(),
                    }
                }
            }
            (None, Some(query)) => self.query(query),
            _ => {
                self.untraced = true;
                Table::opaque()
            }
        };
        if copy.is_from {
            return None;
        }
        if copy.is_program || !copy.filename.is_empty() {
            self.copy_all(&table);
            return None;
        }
        if table.columns.is_empty() && copy.query.is_none() {
            table.opaque = true;
        }
        Some(table)
    }

    /// Rows come from the client, but for what they leave out.
    fn copied_in(&mut self, target: &Item, names: &[&str]) {
        let sent = |name: &str| {
            let value = Value::of(Sources::default(), Kind::Literal(true));
            (name.to_owned(), value)
        };
        let own = target.table.columns.iter();
        let mut given = match names.is_empty() {
            true => own.filter_map(|c| c.name.as_deref().map(sent)).collect(),
            false => names.iter().map(|name| sent(name)).collect(),
        };
        self.meets(target, &mut given, None);
    }

    fn create_table_as(&mut self, create: &CreateTableAsStmt) -> Option<Table> {
        if let Some(into) = create.into.as_deref() {
            self.new_table(into);
        }
        let table = match create.query.as_deref() {
            Some(query) => self.statement(query),
            None => None,
        };
        match table {
            Some(table) => self.copy_all(&table),
            None => self.untraced = true,
        }
        None
    }

    /// A plan tells of all that its statement reads.
    fn explain(&mut self, explain: &ExplainStmt) -> Option<Table> {
        self.pass_over(&explain.options);
        let table = match explain.query.as_deref() {
            Some(query) => self.statement(query),
            None => None,
        };
        let mut plan = self.all_uses();
        if let Some(table) = table {
            let row = self.whole_row(&table);
            self.work += plan.absorb(&row);
        }
        Some(Table::of(vec![Column::new(Some("QUERY PLAN"), plan)]))
    }

    fn execute(&mut self, execute: &ExecuteStmt) -> Option<Table> {
        for parameter in &execute.params {
            self.expression(parameter);
        }
        let parsed = self
            .names
            .prepared_as(&execute.name)
            .map(|prepared| parse_stored(&prepared.text, &prepared.standard_conforming_strings));
        let Some(Ok(Parsed::Tree(tree))) = parsed else {
            self.untraced = true;
            return Some(Table::opaque());
        };
        let traced = self.apart(|trace| {
            let mut last = None;
            for raw in &tree.stmts {
                last = trace.accounted(raw, |trace| trace.prepared(raw));
            }
            last
        });
        traced.unwrap_or_else(|| Some(Table::opaque()))
    }

    /// The statement behind a name of PREPARE, or of the protocol.
    fn prepared(&mut self, raw: &pg_query::protobuf::RawStmt) -> Option<Table> {
        match statement_of(raw) {
            Some(node::Node::PrepareStmt(prepare)) => {
                self.pass_over(&prepare.argtypes);
                self.statement(prepare.query.as_deref()?)
            }
            _ => self.statement(raw.stmt.as_deref()?),
        }
    }

    // === cursors ===

    fn declare(&mut self, declare: &DeclareCursorStmt) {
        let table = self.optional_query(declare.query.as_deref());
        let rows = self.rows(Some(&table));
        self.cursor_changed(CursorChange::Declare {
            name: declare.portalname.clone(),
            rows,
            holds: declare.options & HOLD != 0,
        });
    }

    pub(super) fn cursor_changed(&mut self, change: CursorChange) {
        self.cursors.apply(change.clone());
        self.cursor_changes.push(change);
    }

    fn procedure(&mut self, call: &CallStmt) -> Option<Table> {
        let Some(called) = call.funccall.as_deref() else {
            self.untraced = true;
            return Some(Table::opaque());
        };
        self.function_call(called);
        let name = *names::strings(&called.funcname).last()?;
        let known = self.catalogue.signatures.get(name);
        let returns = known.is_none_or(|all| all.iter().any(|one| one.outputs().count() > 0));
        returns.then(Table::opaque)
    }
}

/// What SHOW returns: values of settings, which are no columns.
fn shown(name: &str) -> Table {
    let column = |name| Column::new(name, Value::computed());
    match name {
        "all" => Table::of(
            ["name", "setting", "description"]
                .map(|n| column(Some(n)))
                .into(),
        ),
        _ => Table::of(vec![column(None)]),
    }
}

/// Commands that compute from rows, or fail by what the rows hold.
fn looks_at_rows(alter: &AlterTableStmt) -> bool {
    use AlterTableType as T;
    alter
        .cmds
        .iter()
        .any(|command| match command.node.as_ref() {
            Some(node::Node::AlterTableCmd(command)) => {
                matches!(
                    T::try_from(command.subtype),
                    Ok(T::AtAddConstraint
                        | T::AtValidateConstraint
                        | T::AtAlterColumnType
                        | T::AtAddIndex
                        | T::AtAddIndexConstraint
                        | T::AtSetExpression
                        | T::AtAttachPartition)
                ) || visit::count(command).is_none_or(|counts| counts.looks_at_rows())
            }
            _ => true,
        })
}
