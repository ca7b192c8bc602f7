//! Statements about the session: settings, transactions, prepared statements, cursors, messages.

use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{
    DeallocateStmt, DeclareCursorStmt, DiscardMode, DiscardStmt, ExecuteStmt, ExplainStmt, Node,
    PrepareStmt, TransactionStmt, TransactionStmtKind, VariableSetKind, VariableSetStmt, node,
};
use portcullis_policy::{Effect, Flag, ResourceKind};

use super::relation::statement_of;
use super::walk::Walk;
use crate::sql::Declared;
use crate::sql::names;
use crate::sql::parser::{Parsed, parse_stored};
use crate::sql::prepared::{PreparedChange, PreparedStatement};
use crate::sql::settings::{Change, Setting, parse_boolean};
use crate::sql::visit;

/// DECLARE … WITH HOLD.
const HOLD: i32 = 0x20;

impl<'c> Walk<'c> {
    pub(super) fn set(&mut self, set: &VariableSetStmt) -> &'static str {
        self.found.raise(Effect::Session);
        self.found.constants_looked_at = true;
        let kind = VariableSetKind::try_from(set.kind).unwrap_or(VariableSetKind::Undefined);
        match kind {
            VariableSetKind::VarResetAll => {
                self.found.attribute("setting", "*");
                self.found.voids_settings = true;
                return "RESET";
            }
            // SET TRANSACTION, SET SESSION CHARACTERISTICS.
            VariableSetKind::VarSetMulti => {
                self.transaction_modes(&set.args);
                if set.name == "TRANSACTION SNAPSHOT" {
                    self.found.attribute("setting", "transaction_snapshot");
                }
                return "SET";
            }
            _ => {}
        }
        self.setting_facts(&set.name);
        if let Some(setting) = Setting::from_name(&set.name) {
            let value = match kind {
                VariableSetKind::VarSetValue => set_values(&set.args),
                _ => None,
            };
            let change = Change {
                setting,
                value,
                local: set.is_local,
            };
            self.role_access(&change);
            self.settings.apply(&change);
            self.found.changes.push(change);
        }
        match kind {
            VariableSetKind::VarReset => "RESET",
            _ => "SET",
        }
    }

    /// Something is set, and what cannot be told: also who acts, and with which rights.
    pub(super) fn any_setting(&mut self) {
        self.unknown();
        self.found.attribute("setting", "*");
        self.found.flag(Flag::RoleChange);
        self.found.flag(Flag::PrivilegeChange);
        self.found.voids_settings = true;
    }

    /// Settings that a function carries: they hold while it runs.
    pub(super) fn function_settings(&mut self, options: &[Node]) {
        for option in options {
            if let Some(node::Node::DefElem(option)) = option.node.as_ref()
                && let Some(node::Node::VariableSetStmt(set)) =
                    option.arg.as_deref().and_then(|set| set.node.as_ref())
                && !set.name.is_empty()
            {
                self.found.constants_looked_at = true;
                self.setting_facts(&set.name);
            }
        }
    }

    /// What is told of a setting that is changed, whatever changes it.
    pub(super) fn setting_facts(&mut self, name: &str) {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "role" | "session_authorization" => self.found.flag(Flag::RoleChange),
            "row_security"
            | "session_replication_role"
            | "lo_compat_privileges"
            | "allow_system_table_mods" => self.found.flag(Flag::PrivilegeChange),
            "local_preload_libraries"
            | "session_preload_libraries"
            | "shared_preload_libraries"
            | "dynamic_library_path"
            | "jit_provider"
            | "extension_control_path" => self.found.flag(Flag::ServerCode),
            _ => {}
        }
        self.found.attribute("setting", name);
    }

    fn role_access(&mut self, change: &Change) {
        if !matches!(
            change.setting,
            Setting::Role | Setting::SessionAuthorization
        ) {
            return;
        }
        match change.value.as_deref() {
            Some([role]) => self
                .found
                .named(Effect::Session, ResourceKind::Role, &[role]),
            _ => self.found.unresolved(Effect::Session, ResourceKind::Role),
        }
    }

    fn transaction_modes(&mut self, options: &[Node]) {
        for option in options {
            match option.node.as_ref() {
                Some(node::Node::DefElem(option)) => {
                    self.found.attribute("setting", option.defname.clone());
                }
                Some(node::Node::AConst(_)) => {}
                _ => self.unknown(),
            }
        }
    }

    pub(super) fn transaction(&mut self, transaction: &TransactionStmt) -> &'static str {
        use TransactionStmtKind as K;
        self.found.raise(Effect::Session);
        self.transaction_modes(&transaction.options);
        let kind = K::try_from(transaction.kind).unwrap_or(K::Undefined);
        let (verb, ended) = match kind {
            K::TransStmtBegin => ("BEGIN", None),
            K::TransStmtStart => ("START TRANSACTION", None),
            K::TransStmtCommit => ("COMMIT", Some(true)),
            K::TransStmtRollback => ("ROLLBACK", Some(false)),
            K::TransStmtSavepoint => ("SAVEPOINT", None),
            K::TransStmtRelease => ("RELEASE", None),
            K::TransStmtRollbackTo => ("ROLLBACK", Some(false)),
            K::TransStmtPrepare => ("PREPARE TRANSACTION", Some(true)),
            K::TransStmtCommitPrepared => ("COMMIT PREPARED", None),
            K::TransStmtRollbackPrepared => ("ROLLBACK PREPARED", None),
            K::Undefined => {
                self.unknown();
                ("UNKNOWN", Some(false))
            }
        };
        if matches!(
            kind,
            K::TransStmtCommitPrepared | K::TransStmtRollbackPrepared
        ) {
            self.found.voids_catalogue = true;
        }
        if let Some(committed) = ended {
            self.settings.transaction_ended(committed);
            if !committed {
                self.found.voids_catalogue = true;
                self.found.voids_names = true;
            }
        }
        verb
    }

    pub(super) fn discard(&mut self, discard: &DiscardStmt) -> &'static str {
        self.found.raise(Effect::Session);
        match DiscardMode::try_from(discard.target) {
            Ok(DiscardMode::DiscardPlans | DiscardMode::DiscardSequences) => {}
            Ok(DiscardMode::DiscardTemp) => self.found.voids_catalogue = true,
            Ok(DiscardMode::DiscardAll) => {
                self.found.attribute("setting", "*");
                self.found.voids_settings = true;
                self.found.voids_catalogue = true;
                self.change_prepared(PreparedChange::RemoveAll);
            }
            _ => self.unknown(),
        }
        "DISCARD"
    }

    // === prepared statements ===

    /// PREPARE runs nothing; what it prepares is judged when it is executed.
    pub(super) fn prepare(&mut self, prepare: &PrepareStmt, whole: &Node) -> &'static str {
        self.found.raise(Effect::Session);
        self.found.attribute("prepared", prepare.name.clone());
        let change = PreparedChange::Define {
            name: prepare.name.clone(),
            statement: PreparedStatement {
                text: self.text.to_owned(),
                standard_conforming_strings: self.settings.standard_conforming_strings.clone(),
                types: Vec::new(),
            },
        };
        self.made_when_read(whole);
        // Only the text of a whole statement can be kept.
        if self.depth > 0 {
            self.unknown();
        }
        self.change_prepared(change);
        if let Some(counts) = visit::count(whole) {
            self.seen = self.seen.plus(&counts);
        }
        "PREPARE"
    }

    pub(super) fn execute(&mut self, execute: &ExecuteStmt) -> &'static str {
        self.found.attribute("prepared", execute.name.clone());
        self.expressions(&execute.params);
        let Some(prepared) = self.prepared_as(&execute.name) else {
            self.unknown();
            return "EXECUTE";
        };
        for oid in &prepared.types {
            self.becomes(*oid);
        }
        match parse_stored(&prepared.text, &prepared.standard_conforming_strings) {
            Ok(Parsed::Tree(tree)) => {
                self.depth += 1;
                if self.depth > super::walk::MAX_EXPANSION_DEPTH {
                    self.unknown();
                } else {
                    for raw in &tree.stmts {
                        match statement_of(raw) {
                            Some(node::Node::PrepareStmt(prepare)) => {
                                self.types_of(&prepare.argtypes);
                                if let Some(query) = prepare.query.as_deref() {
                                    self.inside_stored(query, |walk| {
                                        walk.statement(query);
                                        walk.values_read(query);
                                    });
                                }
                            }
                            Some(_) => {
                                self.checked(raw);
                            }
                            None => {}
                        }
                    }
                }
                self.depth -= 1;
            }
            _ => self.unknown(),
        }
        "EXECUTE"
    }

    /// What a name of a prepared statement stands for; `None` when that cannot be told.
    pub(crate) fn prepared_as(&self, name: &str) -> Option<PreparedStatement> {
        let prepared = match self.prepared_here.get(name) {
            Some(here) => here.clone(),
            None if self.prepared_cleared => None,
            None => self.prepared.get(name).cloned(),
        };
        prepared.filter(|_| !self.names_void)
    }

    pub(super) fn deallocate(&mut self, deallocate: &DeallocateStmt) -> &'static str {
        self.found.raise(Effect::Session);
        self.change_prepared(match deallocate.isall {
            true => PreparedChange::RemoveAll,
            false => PreparedChange::Remove {
                name: deallocate.name.clone(),
            },
        });
        "DEALLOCATE"
    }

    fn change_prepared(&mut self, change: PreparedChange) {
        match &change {
            PreparedChange::Define { name, statement } => {
                self.prepared_here
                    .insert(name.clone(), Some(statement.clone()));
            }
            PreparedChange::Remove { name } => {
                self.prepared_here.insert(name.clone(), None);
            }
            PreparedChange::RemoveAll => {
                self.prepared_here.clear();
                self.prepared_cleared = true;
            }
        }
        self.found.prepared.push(change);
    }

    // === cursors, EXPLAIN ===

    /// The query of a cursor is judged here, before its first row can be fetched.
    pub(super) fn declare(&mut self, declare: &DeclareCursorStmt) -> &'static str {
        self.found.attribute("cursor", declare.portalname.clone());
        self.found.declared.push(Declared {
            name: declare.portalname.clone(),
            holds: declare.options & HOLD != 0,
        });
        match declare.query.as_deref() {
            Some(query) => {
                self.query(query);
            }
            None => self.unknown(),
        }
        "DECLARE CURSOR"
    }

    pub(super) fn explain(&mut self, explain: &ExplainStmt) -> &'static str {
        let Some(query) = explain.query.as_deref() else {
            self.unknown();
            return "EXPLAIN";
        };
        let runs = explain
            .options
            .iter()
            .any(|option| match option.node.as_ref() {
                Some(node::Node::DefElem(option)) => {
                    option.defname.eq_ignore_ascii_case("analyze")
                        && option_value(option.arg.as_deref()) != Some(false)
                }
                _ => true,
            });
        let mut found = self.apart(|walk| {
            walk.statement(query);
        });
        found.declared.clear();
        self.found.merge(if runs { found } else { found.planned() });
        self.found.raise(Effect::Read);
        "EXPLAIN"
    }
}

/// The value of an option: `None` when it has none, which means that it is on, or an odd one.
pub(super) fn option_value(argument: Option<&Node>) -> Option<bool> {
    match argument?.node.as_ref()? {
        node::Node::Boolean(value) => Some(value.boolval),
        node::Node::Integer(number) => Some(number.ival != 0),
        node::Node::String(text) => parse_boolean(&text.sval),
        _ => None,
    }
}

/// The values of SET as texts; `None` when one of them is no plain literal.
fn set_values(arguments: &[Node]) -> Option<Vec<String>> {
    arguments
        .iter()
        .map(|argument| match argument.node.as_ref()? {
            node::Node::AConst(constant) => match constant.val.as_ref()? {
                Val::Sval(text) => Some(text.sval.clone()),
                Val::Ival(number) => Some(number.ival.to_string()),
                Val::Fval(number) => Some(number.fval.clone()),
                Val::Boolval(value) => Some(value.boolval.to_string()),
                Val::Bsval(_) => None,
            },
            node::Node::String(text) => Some(text.sval.clone()),
            _ => None,
        })
        .collect()
}

impl<'c> Walk<'c> {
    pub(super) fn session_with(&mut self, effect: Effect, attribute: &'static str, value: &str) {
        self.found.raise(effect);
        self.found.attribute(attribute, value);
    }

    /// The first schema of the path that has a function of this name.
    fn visible_function_schema(&self, name: &str) -> Option<String> {
        let path = self.context.path.as_ref()?;
        let functions = self.catalogue.functions_named(name);
        path.iter()
            .find(|entry| {
                functions
                    .iter()
                    .any(|function| function.name.schema == entry.schema)
            })
            .map(|entry| entry.schema.clone())
    }

    /// Functions that are named by a DDL statement, as an access.
    pub(super) fn defined_function(&mut self, parts: &[&str], effect: Effect) {
        let Some((schema, name)) = names::split(parts) else {
            self.found.unresolved(effect, ResourceKind::Function);
            return;
        };
        let schema = match schema {
            Some(schema) => Some(schema.to_owned()),
            None => self
                .visible_function_schema(name)
                .or_else(|| self.creation_schema().map(str::to_owned)),
        };
        match schema {
            Some(schema) => self
                .found
                .named(effect, ResourceKind::Function, &[&schema, name]),
            None => self.found.unresolved(effect, ResourceKind::Function),
        }
    }
}
