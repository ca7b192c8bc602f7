//! Statements that alter objects.

use pg_query::protobuf::{
    AlterObjectSchemaStmt, AlterOwnerStmt, AlterTableCmd, AlterTableStmt, AlterTableType,
    DropBehavior, Node, ObjectType, RangeVar, RenameStmt, node,
};
use portcullis_policy::{Effect, Flag, ResourceKind};

use super::define::own_name;
use super::relation::Use;
use super::walk::{Resolved, Walk};
use crate::sql::names;
use crate::sql::visit::Counts;

/// VALIDATE CONSTRAINT, as the tree of ALTER DOMAIN has it.
const VALIDATE: &str = "V";

impl<'c> Walk<'c> {
    /// A statement that alters something. Any other goes on to those that drop.
    #[allow(
        clippy::too_many_lines,
        reason = "one flat table from the statement to its meaning; splitting it would hide a gap"
    )]
    pub(super) fn alteration(&mut self, whole: &Node, statement: &node::Node) -> &'static str {
        use node::Node as N;
        let start = self.seen;
        match statement {
            N::AlterTableStmt(alter) => self.alter_table(alter, whole, start),
            N::AlterTableMoveAllStmt(alter) => {
                self.found.flag(Flag::Unbounded);
                self.found.unresolved(Effect::Define, ResourceKind::Table);
                self.object_without_resource(whole, start, Some(&alter.orig_tablespacename));
                "ALTER TABLE"
            }
            N::AlterSeqStmt(alter) => {
                self.define_on(alter.sequence.as_ref(), whole, start, false);
                "ALTER SEQUENCE"
            }
            N::RenameStmt(rename) => self.rename(rename, whole, start),
            N::AlterObjectSchemaStmt(alter) => self.alter_schema(alter, whole, start),
            N::AlterOwnerStmt(alter) => self.alter_owner(alter, whole, start),
            N::AlterObjectDependsStmt(alter) => {
                self.define_on(alter.relation.as_ref(), whole, start, false);
                super::drop::verb("ALTER", alter.object_type)
            }
            N::AlterPolicyStmt(alter) => {
                self.define_on(alter.table.as_ref(), whole, start, false);
                self.found.flag(Flag::PrivilegeChange);
                "ALTER POLICY"
            }
            N::AlterFunctionStmt(alter) => {
                if let Some(function) = &alter.func {
                    let parts = names::strings(&function.objname);
                    self.defined_function(&parts, Effect::Define);
                    self.void_last(&parts);
                }
                self.function_settings(&alter.actions);
                self.object_without_resource(whole, start, None);
                super::drop::verb("ALTER", alter.objtype)
            }
            N::AlterDomainStmt(alter) => {
                self.made(&names::strings(&alter.type_name).join("."));
                self.found.voids_names = true;
                // What it checks is checked of all that is stored.
                if alter.subtype == VALIDATE {
                    self.cast_to(&names::strings(&alter.type_name));
                }
                self.rest(whole, start, &[], true);
                "ALTER DOMAIN"
            }
            N::AlterEnumStmt(alter) => {
                self.made(&names::strings(&alter.type_name).join("."));
                "ALTER TYPE"
            }
            N::AlterTypeStmt(alter) => self.made_of(&alter.type_name, whole, "ALTER TYPE"),
            N::AlterStatsStmt(alter) => self.made_of(&alter.defnames, whole, "ALTER STATISTICS"),
            N::AlterCollationStmt(alter) => {
                self.made(&names::strings(&alter.collname).join("."));
                "ALTER COLLATION"
            }
            N::AlterOperatorStmt(_) => {
                self.object_without_resource(whole, start, None);
                self.found.voids_names = true;
                "ALTER OPERATOR"
            }
            N::AlterOpFamilyStmt(_) => self.unnamed(whole, start, "ALTER OPERATOR FAMILY"),
            N::AlterTsdictionaryStmt(alter) => {
                self.made_of(&alter.dictname, whole, "ALTER TEXT SEARCH DICTIONARY")
            }
            N::AlterTsconfigurationStmt(alter) => {
                self.made_of(&alter.cfgname, whole, "ALTER TEXT SEARCH CONFIGURATION")
            }
            N::AlterEventTrigStmt(alter) => {
                self.made(&alter.trigname);
                self.found.voids_names = true;
                "ALTER EVENT TRIGGER"
            }
            N::CommentStmt(comment) => {
                self.note_on(comment.objtype, comment.object.as_deref());
                self.expressions_without_call(whole);
                "COMMENT"
            }
            N::SecLabelStmt(label) => {
                self.note_on(label.objtype, label.object.as_deref());
                self.found.flag(Flag::PrivilegeChange);
                self.expressions_without_call(whole);
                "SECURITY LABEL"
            }
            other => self.removal(whole, other),
        }
    }

    fn alter_table(&mut self, alter: &AlterTableStmt, whole: &Node, start: Counts) -> &'static str {
        self.defines();
        let relation = alter.relation.as_ref();
        if let Some(relation) = relation {
            let (schema, name) = names::relation(relation);
            match self.resolve(schema, name) {
                Resolved::Missing if alter.missing_ok && !self.names_void => {
                    self.drop_missing(schema, name);
                }
                _ => self.relation_defined(relation),
            }
        }
        let mut own: Vec<_> = own_name(relation).into_iter().collect();
        for command in &alter.cmds {
            let Some(node::Node::AlterTableCmd(command)) = command.node.as_ref() else {
                self.unknown();
                continue;
            };
            own.extend(own_name(self.table_command(relation, command)));
        }
        self.rest(whole, start, &own, true);
        super::drop::verb("ALTER", alter.objtype)
    }

    /// Tells the other relation that the command alters as well.
    fn table_command<'n>(
        &mut self,
        relation: Option<&RangeVar>,
        command: &'n AlterTableCmd,
    ) -> Option<&'n RangeVar> {
        use AlterTableType as T;
        let kind = T::try_from(command.subtype).unwrap_or(T::Undefined);
        match kind {
            T::AtChangeOwner => {
                self.found.flag(Flag::PrivilegeChange);
                self.role_or_own(command.newowner.as_ref());
            }
            T::AtEnableRowSecurity
            | T::AtDisableRowSecurity
            | T::AtForceRowSecurity
            | T::AtNoForceRowSecurity => self.found.flag(Flag::PrivilegeChange),
            T::Undefined => self.unknown(),
            _ => {}
        }
        let upkeep = Self::upkeep_of_command(command);
        if let (Some(relation), Some(upkeep)) = (relation, upkeep) {
            self.relation_used(relation, Use::DEFINE.kept_up(upkeep));
        }
        self.classes_of_constraint(command.def.as_deref());
        // These change nothing of what a name leads to.
        let plain = matches!(
            kind,
            T::AtAddColumn
                | T::AtColumnDefault
                | T::AtDropNotNull
                | T::AtSetNotNull
                | T::AtSetStatistics
                | T::AtSetOptions
                | T::AtResetOptions
                | T::AtSetStorage
                | T::AtSetCompression
                | T::AtValidateConstraint
                | T::AtAddIndexConstraint
                | T::AtDropConstraint
                | T::AtAlterColumnType
                | T::AtDropColumn
                | T::AtClusterOn
                | T::AtSetLogged
                | T::AtSetUnLogged
                | T::AtSetTableSpace
                | T::AtSetRelOptions
                | T::AtResetRelOptions
                | T::AtReplicaIdentity
                | T::AtChangeOwner
                | T::AtAddIdentity
                | T::AtSetIdentity
                | T::AtDropIdentity
        );
        if let Some(relation) = relation
            && !plain
        {
            self.void_later.insert(relation.relname.clone());
        }
        if command.behavior == DropBehavior::DropCascade as i32
            && let Some(relation) = relation
        {
            self.dependents_of(relation);
        }
        let other = match command.def.as_ref().and_then(|def| def.node.as_ref()) {
            Some(node::Node::PartitionCmd(partition)) => partition.name.as_ref(),
            Some(node::Node::RangeVar(parent)) => Some(parent),
            _ => None,
        };
        if let Some(other) = other {
            let (schema, name) = names::relation(other);
            let how = upkeep.map_or(Use::DEFINE, |upkeep| Use::DEFINE.kept_up(upkeep));
            self.relation_named(schema, name, how);
            self.void_later.insert(name.to_owned());
        }
        other
    }

    /// Views that a CASCADE would take along.
    fn dependents_of(&mut self, relation: &RangeVar) {
        let (schema, name) = names::relation(relation);
        if let Resolved::Relations(relations) = self.resolve(schema, name) {
            for oid in relations.iter().flat_map(|relation| &relation.dependents) {
                self.dropped(*oid, true);
            }
        }
    }

    fn rename(&mut self, rename: &RenameStmt, whole: &Node, start: Counts) -> &'static str {
        self.defines();
        self.void_later.insert(rename.newname.clone());
        let kind = ObjectType::try_from(rename.rename_type).unwrap_or(ObjectType::Undefined);
        match kind {
            ObjectType::ObjectSchema => {
                for name in [&rename.subname, &rename.newname] {
                    self.found
                        .named(Effect::Define, ResourceKind::Schema, &[name]);
                }
                self.found.voids_names = true;
            }
            ObjectType::ObjectDatabase => {
                for name in [&rename.subname, &rename.newname] {
                    self.found
                        .named(Effect::Administer, ResourceKind::Database, &[name]);
                }
            }
            ObjectType::ObjectRole => {
                for name in [&rename.subname, &rename.newname] {
                    self.found
                        .named(Effect::Administer, ResourceKind::Role, &[name]);
                }
                self.found.flag(Flag::PrivilegeChange);
            }
            _ if rename.relation.is_some() => {
                self.define_on(rename.relation.as_ref(), whole, start, false);
                return super::drop::verb("ALTER", rename.rename_type);
            }
            _ => {
                self.void_object(rename.object.as_deref());
                self.about(rename.rename_type, rename.object.as_deref());
            }
        }
        self.expressions_without_call(whole);
        super::drop::verb("ALTER", rename.rename_type)
    }

    fn alter_schema(
        &mut self,
        alter: &AlterObjectSchemaStmt,
        whole: &Node,
        start: Counts,
    ) -> &'static str {
        self.found
            .named(Effect::Define, ResourceKind::Schema, &[&alter.newschema]);
        match &alter.relation {
            Some(relation) => self.define_on(Some(relation), whole, start, false),
            None => {
                self.void_object(alter.object.as_deref());
                self.about(alter.object_type, alter.object.as_deref());
                self.expressions_without_call(whole);
            }
        }
        super::drop::verb("ALTER", alter.object_type)
    }

    fn alter_owner(&mut self, alter: &AlterOwnerStmt, whole: &Node, start: Counts) -> &'static str {
        self.found.flag(Flag::PrivilegeChange);
        self.role_or_own(alter.newowner.as_ref());
        match &alter.relation {
            Some(relation) => self.define_on(Some(relation), whole, start, false),
            None => {
                self.about(alter.object_type, alter.object.as_deref());
                self.expressions_without_call(whole);
            }
        }
        super::drop::verb("ALTER", alter.object_type)
    }

    /// The object that a statement is about, where it is no relation of the tree.
    fn about(&mut self, kind: i32, object: Option<&Node>) {
        self.defines();
        let parts = object.map(names::dotted).unwrap_or_default();
        self.object(kind, &parts, Effect::Define, false);
    }

    /// The same for a statement that leaves the object as it is.
    fn note_on(&mut self, kind: i32, object: Option<&Node>) {
        let voids = (self.found.voids_catalogue, self.found.voids_names);
        self.about(kind, object);
        (self.found.voids_catalogue, self.found.voids_names) = voids;
    }

    fn void_object(&mut self, object: Option<&Node>) {
        let parts = object.map(names::dotted).unwrap_or_default();
        self.void_last(&parts);
    }
}
