//! Every statement, and what it is. A node that is none makes the operation Unknown.

use pg_query::protobuf::{
    CallStmt, CopyStmt, CreateTableAsStmt, DropBehavior, LockStmt, Node, ObjectType,
    ReindexObjectType, ReindexStmt, TruncateStmt, VacuumStmt, node,
};
use portcullis_policy::{Effect, Flag, ResourceKind};

use super::plain;
use super::relation::Use;
use super::upkeep::Upkeep;
use super::walk::Walk;
use crate::sql::catalogue::Event;
use crate::sql::names;

/// The mode of LOCK TABLE that keeps out no more than a query does.
const ACCESS_SHARE: i32 = 1;

impl<'c> Walk<'c> {
    /// Walks a statement and tells its verb, which is noted too.
    pub(super) fn statement(&mut self, node: &Node) -> &'static str {
        let verb = match node.node.as_ref() {
            Some(statement) => {
                self.clauses(statement);
                if !plain::leaves_tables(statement) {
                    self.plain.clear();
                }
                self.statement_node(node, statement)
            }
            None => {
                self.unknown();
                "UNKNOWN"
            }
        };
        self.found.attribute("verb", verb);
        verb
    }

    #[allow(
        clippy::too_many_lines,
        reason = "one flat table from the statement to its meaning; splitting it would hide a gap"
    )]
    fn statement_node(&mut self, whole: &Node, statement: &node::Node) -> &'static str {
        use node::Node as N;
        match statement {
            N::SelectStmt(_)
            | N::InsertStmt(_)
            | N::UpdateStmt(_)
            | N::DeleteStmt(_)
            | N::MergeStmt(_) => self.query(whole),
            N::CopyStmt(copy) => self.copy(copy),
            N::TruncateStmt(truncate) => self.truncate(truncate),
            N::CreateTableAsStmt(create) => self.create_table_as(create),
            N::RefreshMatViewStmt(refresh) => {
                self.ranges(
                    refresh.relation.iter(),
                    Use {
                        effect: Effect::Write,
                        ..Use::READ.kept_up(Upkeep::Rebuild)
                    },
                );
                "REFRESH MATERIALIZED VIEW"
            }
            N::LockStmt(lock) => self.lock(lock),
            N::CallStmt(call) => self.procedure(call),
            N::DoStmt(block) => {
                for argument in &block.args {
                    if let Some(N::DefElem(option)) = argument.node.as_ref()
                        && option.defname == "language"
                        && let Some(language) = option.arg.as_deref().and_then(names::string)
                    {
                        self.found.attribute("language", language);
                    }
                }
                self.unknown();
                self.found.flag(Flag::DynamicCode);
                self.voids_all();
                "DO"
            }
            // Settings, transactions, cursors.
            N::VariableSetStmt(set) => {
                let verb = self.set(set);
                self.expressions_without_call(whole);
                verb
            }
            N::VariableShowStmt(_) => self.session("SHOW"),
            N::TransactionStmt(transaction) => self.transaction(transaction),
            N::ConstraintsSetStmt(_) => {
                self.expressions_without_call(whole);
                self.session("SET CONSTRAINTS")
            }
            N::DiscardStmt(discard) => self.discard(discard),
            N::PrepareStmt(prepare) => self.prepare(prepare, whole),
            N::ExecuteStmt(execute) => self.execute(execute),
            N::DeallocateStmt(deallocate) => self.deallocate(deallocate),
            N::DeclareCursorStmt(declare) => self.declare(declare),
            N::FetchStmt(fetch) => {
                self.session_with(Effect::Session, "cursor", &fetch.portalname);
                if fetch.ismove { "MOVE" } else { "FETCH" }
            }
            N::ClosePortalStmt(close) => {
                self.session_with(Effect::Session, "cursor", &close.portalname);
                "CLOSE"
            }
            N::ListenStmt(listen) => {
                self.session_with(Effect::Session, "channel", &listen.conditionname);
                "LISTEN"
            }
            N::UnlistenStmt(unlisten) => {
                self.session_with(Effect::Session, "channel", &unlisten.conditionname);
                "UNLISTEN"
            }
            N::NotifyStmt(notify) => {
                self.session_with(Effect::Write, "channel", &notify.conditionname);
                "NOTIFY"
            }
            N::ExplainStmt(explain) => self.explain(explain),
            // Maintenance.
            N::VacuumStmt(vacuum) => self.vacuum(vacuum),
            N::ClusterStmt(cluster) => {
                self.upheld(cluster.relation.as_ref(), &[Upkeep::Rebuild]);
                self.whole_database_unless(cluster.relation.is_some());
                "CLUSTER"
            }
            N::ReindexStmt(reindex) => self.reindex(reindex),
            N::CheckPointStmt(_) => self.administer("CHECKPOINT"),
            other => self.definition(whole, other),
        }
    }

    fn session(&mut self, verb: &'static str) -> &'static str {
        self.found.raise(Effect::Session);
        verb
    }

    pub(super) fn administer(&mut self, verb: &'static str) -> &'static str {
        self.found.raise(Effect::Administer);
        verb
    }

    /// Counts the parts of a statement that name nothing: values of settings, names of constraints.
    pub(super) fn expressions_without_call(&mut self, whole: &Node) {
        if let Some(counts) = crate::sql::visit::count(whole) {
            self.seen = self.seen.plus(&counts);
        }
    }

    pub(super) fn ranges<'n>(
        &mut self,
        variables: impl Iterator<Item = &'n pg_query::protobuf::RangeVar>,
        usage: Use,
    ) {
        for variable in variables {
            self.range(variable, usage);
        }
    }

    fn copy(&mut self, copy: &CopyStmt) -> &'static str {
        let (effect, direction) = match copy.is_from {
            true => (Effect::Write, "in"),
            false => (Effect::Read, "out"),
        };
        self.found.raise(effect);
        self.found.attribute("copy", direction);
        if let Some(relation) = &copy.relation {
            match copy.is_from {
                true => self.range(relation, Use::write(Event::Insert)),
                false => self.range(relation, Use::READ),
            }
        }
        if let Some(query) = copy.query.as_deref() {
            self.query(query);
        }
        self.optional(copy.where_clause.as_deref());
        self.expressions(&copy.options);
        if copy.is_program {
            self.found.flag(Flag::ServerProgram);
            self.found
                .named(Effect::Write, ResourceKind::Program, &[&copy.filename]);
        } else if !copy.filename.is_empty() {
            self.found.flag(Flag::ServerFile);
            let segments: Vec<&str> = copy.filename.split('/').filter(|s| !s.is_empty()).collect();
            let effect = match copy.is_from {
                true => Effect::Read,
                false => Effect::Write,
            };
            self.found.named(effect, ResourceKind::Path, &segments);
        }
        "COPY"
    }

    fn truncate(&mut self, truncate: &TruncateStmt) -> &'static str {
        self.found.raise(Effect::Write);
        self.found.flag(Flag::Unbounded);
        let cascades = truncate.behavior == DropBehavior::DropCascade as i32;
        for relation in &truncate.relations {
            match relation.node.as_ref() {
                Some(node::Node::RangeVar(variable)) => {
                    self.range(variable, Use::write(Event::Truncate));
                    if cascades {
                        self.truncate_referencing(variable);
                    }
                }
                _ => self.unknown(),
            }
        }
        "TRUNCATE"
    }

    fn create_table_as(&mut self, create: &CreateTableAsStmt) -> &'static str {
        self.found.raise(Effect::Define);
        match create.query.as_deref() {
            Some(query) => {
                self.statement(query);
            }
            None => self.unknown(),
        }
        match create.into.as_deref() {
            Some(into) => self.into(into),
            None => self.unknown(),
        }
        if create.objtype == ObjectType::ObjectMatview as i32 {
            "CREATE MATERIALIZED VIEW"
        } else if create.is_select_into {
            "SELECT INTO"
        } else {
            "CREATE TABLE AS"
        }
    }

    /// A lock keeps others out: a write, except for the mode that reading takes anyway.
    fn lock(&mut self, lock: &LockStmt) -> &'static str {
        let effect = match lock.mode {
            ACCESS_SHARE => Effect::Read,
            _ => {
                self.found.attribute("lock", "table");
                Effect::Write
            }
        };
        for relation in &lock.relations {
            match relation.node.as_ref() {
                Some(node::Node::RangeVar(variable)) => self.range(
                    variable,
                    Use {
                        effect,
                        ..Use::READ
                    },
                ),
                _ => self.unknown(),
            }
        }
        "LOCK TABLE"
    }

    fn procedure(&mut self, call: &CallStmt) -> &'static str {
        self.found.raise(Effect::Read);
        match call.funccall.as_deref() {
            Some(called) => self.function_call(called),
            None => self.unknown(),
        }
        "CALL"
    }

    fn vacuum(&mut self, vacuum: &VacuumStmt) -> &'static str {
        let upkeep = Self::upkeep_of_vacuum(vacuum.is_vacuumcmd, &vacuum.options);
        for item in &vacuum.rels {
            match item.node.as_ref() {
                Some(node::Node::VacuumRelation(item)) => {
                    self.upheld(item.relation.as_ref(), &upkeep);
                }
                _ => self.unknown(),
            }
        }
        if vacuum.rels.is_empty() {
            self.upheld(None, &upkeep);
        }
        self.whole_database_unless(!vacuum.rels.is_empty());
        match vacuum.is_vacuumcmd {
            true => self.administer("VACUUM"),
            false => self.administer("ANALYZE"),
        }
    }

    fn reindex(&mut self, reindex: &ReindexStmt) -> &'static str {
        match ReindexObjectType::try_from(reindex.kind) {
            Ok(ReindexObjectType::ReindexObjectSchema) => {
                self.found
                    .named(Effect::Administer, ResourceKind::Schema, &[&reindex.name]);
                self.all_kept_up(Some(&reindex.name), Upkeep::Rebuild);
            }
            _ => {
                self.upheld(reindex.relation.as_ref(), &[Upkeep::Rebuild]);
                self.whole_database_unless(reindex.relation.is_some());
            }
        }
        self.administer("REINDEX")
    }

    /// Maintenance of one relation, or of all.
    fn upheld(&mut self, relation: Option<&pg_query::protobuf::RangeVar>, all: &[Upkeep]) {
        if let Some(variable) = relation {
            self.saw(crate::sql::visit::Counted::RangeVar);
            for upkeep in all {
                self.relation_used(variable, Use::ADMINISTER.kept_up(*upkeep));
            }
            return;
        }
        for upkeep in all {
            self.all_kept_up(None, *upkeep);
        }
    }

    fn whole_database_unless(&mut self, bounded: bool) {
        if !bounded {
            self.found.flag(Flag::Unbounded);
            let database = self.settings.database.clone();
            self.found
                .named(Effect::Administer, ResourceKind::Database, &[&database]);
        }
    }

    /// TRUNCATE … CASCADE empties what refers to the table as well.
    fn truncate_referencing(&mut self, variable: &pg_query::protobuf::RangeVar) {
        let (schema, name) = names::relation(variable);
        let super::walk::Resolved::Relations(relations) = self.resolve(schema, name) else {
            return;
        };
        let mut reached: std::collections::BTreeSet<u32> = std::collections::BTreeSet::new();
        let mut next: Vec<u32> = relations.iter().map(|relation| relation.oid).collect();
        while let Some(oid) = next.pop() {
            if !reached.insert(oid) {
                continue;
            }
            let Some(relation) = self.catalogue.relation_by_oid(oid) else {
                self.unresolved_relation(Effect::Write);
                continue;
            };
            self.touch(relation, Use::write(Event::Truncate));
            next.extend(&relation.children);
            next.extend(relation.cascades.iter().map(|cascade| cascade.child));
        }
    }

    /// What a statement mentions beside what was walked of it: other relations are read. Where the
    /// statement runs its expressions, their functions, operators and casts count.
    pub(super) fn rest(
        &mut self,
        whole: &Node,
        start: crate::sql::visit::Counts,
        walked: &[(&str, &str)],
        runs: bool,
    ) {
        let Some(mentions) = crate::sql::visit::mentions(whole) else {
            self.unknown();
            return;
        };
        for named in &mentions.relations {
            let own = (named.schema.as_str(), named.name.as_str());
            if !walked.contains(&own) {
                let schema = (!named.schema.is_empty()).then_some(named.schema.as_str());
                self.relation_named(schema, &named.name, Use::READ);
            }
        }
        if runs {
            self.context.in_default = true;
            for (parts, count) in &mentions.functions {
                let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                self.call_counted(&parts, &[], *count);
            }
            for parts in &mentions.operators {
                let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                self.operator(&parts);
            }
            self.context.in_default = false;
            self.found.assigns = true;
        }
        for (parts, is_array) in &mentions.types {
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            if self.is_numbered(&parts) {
                continue;
            }
            match runs {
                true => self.cast_to(&parts),
                false => self.type_named(&parts, *is_array),
            }
        }
        self.seen = start.plus(&mentions.counts);
    }
}
