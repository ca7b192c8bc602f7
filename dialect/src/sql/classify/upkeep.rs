//! Code that runs though no statement names it: in indexes and statistics that are built, where
//! rows are moved, and in event triggers.

use pg_query::protobuf::{
    AlterTableCmd, AlterTableType, ColumnDef, ConstrType, Node, ObjectType, node,
};

use super::query::makes_table;
use super::relation::Use;
use super::session::option_value;
use super::walk::Walk;
use crate::sql::catalogue::{EventTrigger, Occasion, Part, Relation};
use crate::sql::names;

/// The version in which event triggers run on REINDEX.
const REINDEX_IS_AN_EVENT: u32 = 170_000;

/// What REFRESH MATERIALIZED VIEW CONCURRENTLY has the server run as statements of their own: for
/// event triggers each has its own tag. None of them writes the rows of a table anew.
const REFRESHED_BY: [&str; 3] = ["CREATE TABLE", "ALTER TABLE", "DROP TABLE"];

/// Functions that build what an index holds, or do the same to compare.
pub(super) const BUILDERS: [&str; 4] = [
    "brin_summarize_new_values",
    "brin_summarize_range",
    "bt_index_check",
    "bt_index_parent_check",
];

/// What is done with all rows of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upkeep {
    /// A row is written.
    Write,
    /// Its indexes are built anew.
    Rebuild,
    Analyse,
    Vacuum,
    /// Its rows are written anew, or checked, with its indexes.
    Rewrite,
    /// It becomes a partition, or gets one with rows.
    Attach,
    /// It gets an empty partition, which the rows of another one are compared with.
    Partition,
}

// === impl Upkeep ===

impl Upkeep {
    fn is_occasion(self, occasion: Occasion) -> bool {
        match occasion {
            Occasion::Partition => matches!(self, Self::Write | Self::Attach | Self::Partition),
            Occasion::Index => !matches!(self, Self::Vacuum | Self::Partition),
            Occasion::Summary => self != Self::Partition,
            Occasion::Statistics => self == Self::Analyse,
        }
    }
}

// === impl Walk ===

impl<'c> Walk<'c> {
    /// What a relation runs beside its checks.
    pub(super) fn kept_up(&mut self, relation: &'c Relation, upkeep: Upkeep) {
        for kept in &relation.upkeep {
            match &kept.part {
                _ if !upkeep.is_occasion(kept.occasion) => {}
                Part::Expression(expression) => self.stored(expression),
                Part::Function(function) => self.call_by_name(function),
            }
        }
        if matches!(upkeep, Upkeep::Rewrite | Upkeep::Attach) {
            for check in &relation.checks {
                self.stored(check);
            }
            let computed = relation.columns.iter().filter(|column| column.generated);
            for value in computed.filter_map(|column| column.default.as_ref()) {
                self.stored(value);
            }
        }
        // Its rows are fetched.
        if upkeep == Upkeep::Analyse
            && let Some(wrapper) = &relation.wrapper
        {
            self.foreign_facts(wrapper);
        }
    }

    /// The same of all relations of the database, or of a schema.
    pub(super) fn all_kept_up(&mut self, schema: Option<&str>, upkeep: Upkeep) {
        let catalogue = self.catalogue;
        for relation in catalogue.relations.values() {
            let is_meant = schema.is_none_or(|schema| relation.name.schema == schema);
            let is_kept = !relation.upkeep.is_empty() || relation.wrapper.is_some();
            if !is_meant || !is_kept || relation.is_system() {
                continue;
            }
            let usage = Use::kept_up(Use::ADMINISTER, upkeep);
            self.expand(usage.key(relation.oid, false), |walk| {
                walk.enter_stored();
                // A foreign table is analysed with its parent alone.
                if relation.wrapper.is_none() || !relation.parents.is_empty() {
                    walk.kept_up(relation, upkeep);
                }
            });
        }
    }

    /// What VACUUM and ANALYZE do by their options.
    pub(super) fn upkeep_of_vacuum(is_vacuum: bool, options: &[Node]) -> Vec<Upkeep> {
        let is_on = |name: &str| {
            options.iter().any(|option| match option.node.as_ref() {
                Some(node::Node::DefElem(option)) => {
                    option.defname.eq_ignore_ascii_case(name)
                        && option_value(option.arg.as_deref()) != Some(false)
                }
                _ => true,
            })
        };
        match (is_vacuum, is_on("full"), is_on("analyze")) {
            (false, ..) => vec![Upkeep::Analyse],
            (true, true, true) => vec![Upkeep::Rebuild, Upkeep::Analyse],
            (true, true, false) => vec![Upkeep::Rebuild],
            // All that VACUUM runs ANALYZE runs as well.
            (true, false, true) => vec![Upkeep::Analyse],
            (true, false, false) => vec![Upkeep::Vacuum],
        }
    }

    /// What a command of ALTER TABLE does with the rows that are there.
    pub(super) fn upkeep_of_command(command: &AlterTableCmd) -> Option<Upkeep> {
        use AlterTableType as T;
        let defined = command.def.as_deref().and_then(|def| def.node.as_ref());
        match T::try_from(command.subtype) {
            Ok(T::AtAddColumn) => match defined {
                Some(node::Node::ColumnDef(column)) if !fills(column) => None,
                _ => Some(Upkeep::Rewrite),
            },
            Ok(
                T::AtAlterColumnType
                | T::AtSetExpression
                | T::AtSetLogged
                | T::AtSetUnLogged
                | T::AtSetAccessMethod
                | T::AtValidateConstraint,
            ) => Some(Upkeep::Rewrite),
            Ok(T::AtAttachPartition) => Some(Upkeep::Attach),
            _ => None,
        }
    }

    /// The operator classes of a new index, by their names or by default.
    pub(super) fn classes_of_index(&mut self, elements: &[Node]) {
        for element in elements {
            let written = match element.node.as_ref() {
                Some(node::Node::IndexElem(element)) => names::strings(&element.opclass),
                // EXCLUDE (a WITH =)
                Some(node::Node::List(pair)) => {
                    match pair.items.first().and_then(|item| item.node.as_ref()) {
                        Some(node::Node::IndexElem(element)) => names::strings(&element.opclass),
                        _ => Vec::new(),
                    }
                }
                _ => Vec::new(),
            };
            for known in &self.catalogue.class_functions {
                let is_meant = match written.last() {
                    Some(name) => known.class == *name,
                    None => known.is_default,
                };
                if is_meant {
                    self.call_by_name(&known.function);
                }
            }
        }
    }

    /// The same of a constraint that makes an index.
    pub(super) fn classes_of_constraint(&mut self, defined: Option<&Node>) {
        if let Some(node::Node::Constraint(constraint)) = defined.and_then(|def| def.node.as_ref())
        {
            self.classes_of_index(&constraint.keys);
            self.classes_of_index(&constraint.exclusions);
        }
    }

    // === event triggers ===

    /// Functions that run on definitions, by the server's own matrix.
    pub(super) fn event_triggers(&mut self, statement: Option<&node::Node>, verb: &str) {
        let catalogue = self.catalogue;
        if catalogue.event_triggers.is_empty()
            || !statement.is_some_and(|statement| self.is_event(statement))
        {
            return;
        }
        let inner: &[&str] = match statement {
            Some(node::Node::RefreshMatViewStmt(refresh)) if refresh.concurrent => &REFRESHED_BY,
            _ => &[],
        };
        for trigger in &catalogue.event_triggers {
            let by_inner = trigger.event != "table_rewrite"
                && inner.iter().any(|verb| is_set_off(trigger, verb));
            if by_inner || is_set_off(trigger, verb) {
                self.call_by_name(&trigger.function);
            }
        }
    }

    /// False for what is no definition, and for objects that databases share.
    fn is_event(&self, statement: &node::Node) -> bool {
        use node::Node as N;
        match statement {
            N::SelectStmt(select) => makes_table(select),
            N::ReindexStmt(_) => self.catalogue.server_version >= REINDEX_IS_AN_EVENT,
            N::CommentStmt(comment) => is_local(comment.objtype),
            N::SecLabelStmt(label) => is_local(label.objtype),
            N::GrantStmt(grant) => is_local(grant.objtype),
            N::DropStmt(drop) => is_local(drop.remove_type),
            N::RenameStmt(rename) => is_local(rename.rename_type),
            N::AlterOwnerStmt(alter) => is_local(alter.object_type),
            N::InsertStmt(_)
            | N::UpdateStmt(_)
            | N::DeleteStmt(_)
            | N::MergeStmt(_)
            | N::CopyStmt(_)
            | N::TruncateStmt(_)
            | N::LockStmt(_)
            | N::CallStmt(_)
            | N::DoStmt(_)
            | N::VariableSetStmt(_)
            | N::VariableShowStmt(_)
            | N::TransactionStmt(_)
            | N::ConstraintsSetStmt(_)
            | N::DiscardStmt(_)
            | N::PrepareStmt(_)
            | N::ExecuteStmt(_)
            | N::DeallocateStmt(_)
            | N::DeclareCursorStmt(_)
            | N::FetchStmt(_)
            | N::ClosePortalStmt(_)
            | N::ListenStmt(_)
            | N::UnlistenStmt(_)
            | N::NotifyStmt(_)
            | N::ExplainStmt(_)
            | N::VacuumStmt(_)
            | N::ClusterStmt(_)
            | N::CheckPointStmt(_)
            | N::LoadStmt(_)
            | N::CreateEventTrigStmt(_)
            | N::AlterEventTrigStmt(_)
            | N::GrantRoleStmt(_)
            | N::CreateRoleStmt(_)
            | N::AlterRoleStmt(_)
            | N::AlterRoleSetStmt(_)
            | N::DropRoleStmt(_)
            | N::ReassignOwnedStmt(_)
            | N::AlterSystemStmt(_)
            | N::CreatedbStmt(_)
            | N::DropdbStmt(_)
            | N::AlterDatabaseStmt(_)
            | N::AlterDatabaseRefreshCollStmt(_)
            | N::AlterDatabaseSetStmt(_)
            | N::CreateTableSpaceStmt(_)
            | N::DropTableSpaceStmt(_)
            | N::AlterTableSpaceOptionsStmt(_) => false,
            _ => true,
        }
    }
}

/// Whether a definition by this verb sets it off.
fn is_set_off(trigger: &EventTrigger, verb: &str) -> bool {
    let first = |words: &str| words.split(' ').next().map(str::to_ascii_uppercase);
    // ALTER has many spellings of one tag: the first word decides.
    let is_tagged =
        trigger.tags.is_empty() || trigger.tags.iter().any(|tag| first(tag) == first(verb));
    let is_met = match trigger.event.as_str() {
        "sql_drop" => matches!(verb.split(' ').next(), Some("DROP" | "ALTER")),
        "table_rewrite" => verb.starts_with("ALTER"),
        _ => true,
    };
    is_tagged && is_met
}

fn is_local(kind: i32) -> bool {
    use ObjectType as O;
    !matches!(
        O::try_from(kind),
        Ok(O::ObjectDatabase
            | O::ObjectRole
            | O::ObjectTablespace
            | O::ObjectParameterAcl
            | O::ObjectEventTrigger)
    )
}

/// A new column is filled by something that runs.
fn fills(column: &ColumnDef) -> bool {
    let kinds = [
        ConstrType::ConstrDefault,
        ConstrType::ConstrGenerated,
        ConstrType::ConstrIdentity,
    ];
    let fills = |constraint: &Node| match constraint.node.as_ref() {
        Some(node::Node::Constraint(constraint)) => {
            kinds.iter().any(|kind| constraint.contype == *kind as i32)
                && !matches!(
                    constraint
                        .raw_expr
                        .as_deref()
                        .and_then(|raw| raw.node.as_ref()),
                    Some(node::Node::AConst(_))
                )
        }
        _ => true,
    };
    let written = column.type_name.as_ref();
    let parts = written.map(|written| names::strings(&written.names));
    let is_numbered = parts.is_some_and(|parts| match parts[..] {
        [name] => super::types::NUMBERED.contains(&name),
        _ => false,
    });
    is_numbered || column.constraints.iter().any(fills)
}
