//! What a statement of DDL does beside its verb: an ALTER may add a column or drop one.
//!
//! The attribute `clause` tells it in the words of SQL, so that rules can tell what destroys from
//! what does not.

use pg_query::protobuf::{
    AlterPublicationAction, AlterSubscriptionType, AlterTableStmt, AlterTableType,
    AlterTsConfigType, ObjectType, node,
};

use super::walk::Walk;

impl Walk<'_> {
    /// Notes what a statement does, where its verb does not say it.
    #[allow(
        clippy::too_many_lines,
        reason = "one flat table from the statement to its words; splitting it would hide a gap"
    )]
    pub(super) fn clauses(&mut self, statement: &node::Node) {
        use node::Node as N;
        let clause = match statement {
            N::AlterTableStmt(alter) => return self.table_clauses(alter),
            N::RenameStmt(rename) => match ObjectType::try_from(rename.rename_type) {
                Ok(ObjectType::ObjectColumn) => "RENAME COLUMN",
                Ok(ObjectType::ObjectAttribute) => "RENAME ATTRIBUTE",
                Ok(ObjectType::ObjectTabconstraint | ObjectType::ObjectDomconstraint) => {
                    "RENAME CONSTRAINT"
                }
                _ => "RENAME",
            },
            N::AlterObjectSchemaStmt(_) => "SET SCHEMA",
            N::AlterOwnerStmt(_) => "OWNER TO",
            N::AlterTableMoveAllStmt(_) => "SET TABLESPACE",
            N::AlterEnumStmt(alter) => match alter.old_val.is_empty() {
                true => "ADD VALUE",
                false => "RENAME VALUE",
            },
            N::AlterDomainStmt(alter) => match (alter.subtype.as_str(), alter.def.is_some()) {
                ("T", true) => "SET DEFAULT",
                ("T", false) => "DROP DEFAULT",
                ("N", _) => "DROP NOT NULL",
                ("O", _) => "SET NOT NULL",
                ("C", _) => "ADD CONSTRAINT",
                ("X", _) => "DROP CONSTRAINT",
                ("V", _) => "VALIDATE CONSTRAINT",
                _ => return,
            },
            N::AlterExtensionStmt(_) => "UPDATE",
            N::AlterExtensionContentsStmt(alter) => match alter.action > 0 {
                true => "ADD",
                false => "DROP",
            },
            N::AlterOpFamilyStmt(alter) => match alter.is_drop {
                true => "DROP",
                false => "ADD",
            },
            N::AlterPublicationStmt(alter) => {
                match AlterPublicationAction::try_from(alter.action) {
                    Ok(AlterPublicationAction::ApAddObjects) => "ADD",
                    Ok(AlterPublicationAction::ApDropObjects) => "DROP",
                    _ => "SET",
                }
            }
            N::AlterSubscriptionStmt(alter) => match AlterSubscriptionType::try_from(alter.kind) {
                Ok(AlterSubscriptionType::AlterSubscriptionAddPublication) => "ADD",
                Ok(AlterSubscriptionType::AlterSubscriptionDropPublication) => "DROP",
                _ => "SET",
            },
            N::AlterTsconfigurationStmt(alter) => match AlterTsConfigType::try_from(alter.kind) {
                Ok(AlterTsConfigType::AlterTsconfigAddMapping) => "ADD",
                Ok(AlterTsConfigType::AlterTsconfigDropMapping) => "DROP",
                _ => "SET",
            },
            N::ViewStmt(view) if view.replace => "OR REPLACE",
            N::CreateFunctionStmt(create) if create.replace => "OR REPLACE",
            N::CreateTrigStmt(create) if create.replace => "OR REPLACE",
            N::CreatePlangStmt(create) if create.replace => "OR REPLACE",
            N::CreateTransformStmt(create) if create.replace => "OR REPLACE",
            N::DefineStmt(define) if define.replace => "OR REPLACE",
            N::RuleStmt(rule) => {
                if rule.replace {
                    self.found.attribute("clause", "OR REPLACE");
                }
                match rule.instead {
                    true => "DO INSTEAD",
                    false => "DO ALSO",
                }
            }
            N::RefreshMatViewStmt(refresh) if refresh.skip_data => "WITH NO DATA",
            _ => return,
        };
        self.found.attribute("clause", clause);
    }

    fn table_clauses(&mut self, alter: &AlterTableStmt) {
        let is_type = alter.objtype == ObjectType::ObjectType as i32;
        for command in &alter.cmds {
            let Some(node::Node::AlterTableCmd(command)) = command.node.as_ref() else {
                continue;
            };
            let kind = AlterTableType::try_from(command.subtype);
            let kind = kind.unwrap_or(AlterTableType::Undefined);
            let default = command.def.is_some();
            if let Some(clause) = words(kind, is_type, default) {
                self.found.attribute("clause", clause);
            }
        }
    }
}

/// One command of ALTER TABLE and its like; none for those that nobody can write. `is_type`: of a
/// composite type, whose columns are attributes. `default`: it gives one.
fn words(kind: AlterTableType, is_type: bool, default: bool) -> Option<&'static str> {
    use AlterTableType as T;
    Some(match kind {
        T::Undefined
        | T::AtCookedColumnDefault
        | T::AtAddColumnToView
        | T::AtReAddIndex
        | T::AtReAddConstraint
        | T::AtReAddDomainConstraint
        | T::AtReAddComment
        | T::AtReAddStatistics
        | T::AtReplaceRelOptions => return None,
        T::AtAddColumn if is_type => "ADD ATTRIBUTE",
        T::AtDropColumn if is_type => "DROP ATTRIBUTE",
        T::AtAlterColumnType if is_type => "ALTER ATTRIBUTE TYPE",
        T::AtAddColumn => "ADD COLUMN",
        T::AtDropColumn => "DROP COLUMN",
        T::AtAlterColumnType => "ALTER COLUMN TYPE",
        T::AtColumnDefault if default => "SET DEFAULT",
        T::AtColumnDefault => "DROP DEFAULT",
        T::AtDropNotNull => "DROP NOT NULL",
        T::AtSetNotNull => "SET NOT NULL",
        T::AtSetExpression => "SET EXPRESSION",
        T::AtDropExpression => "DROP EXPRESSION",
        T::AtSetStatistics => "SET STATISTICS",
        T::AtSetStorage => "SET STORAGE",
        T::AtSetCompression => "SET COMPRESSION",
        T::AtAddIndex | T::AtAddConstraint | T::AtAddIndexConstraint => "ADD CONSTRAINT",
        T::AtAlterConstraint => "ALTER CONSTRAINT",
        T::AtValidateConstraint => "VALIDATE CONSTRAINT",
        T::AtDropConstraint => "DROP CONSTRAINT",
        T::AtAlterColumnGenericOptions | T::AtGenericOptions => "OPTIONS",
        T::AtChangeOwner => "OWNER TO",
        T::AtClusterOn => "CLUSTER ON",
        T::AtDropCluster => "SET WITHOUT CLUSTER",
        T::AtSetLogged => "SET LOGGED",
        T::AtSetUnLogged => "SET UNLOGGED",
        T::AtDropOids => "SET WITHOUT OIDS",
        T::AtSetAccessMethod => "SET ACCESS METHOD",
        T::AtSetTableSpace => "SET TABLESPACE",
        T::AtSetOptions | T::AtSetRelOptions => "SET",
        T::AtResetOptions | T::AtResetRelOptions => "RESET",
        T::AtEnableTrig
        | T::AtEnableAlwaysTrig
        | T::AtEnableReplicaTrig
        | T::AtEnableTrigAll
        | T::AtEnableTrigUser => "ENABLE TRIGGER",
        T::AtDisableTrig | T::AtDisableTrigAll | T::AtDisableTrigUser => "DISABLE TRIGGER",
        T::AtEnableRule | T::AtEnableAlwaysRule | T::AtEnableReplicaRule => "ENABLE RULE",
        T::AtDisableRule => "DISABLE RULE",
        T::AtAddInherit => "INHERIT",
        T::AtDropInherit => "NO INHERIT",
        T::AtAddOf => "OF",
        T::AtDropOf => "NOT OF",
        T::AtReplicaIdentity => "REPLICA IDENTITY",
        T::AtEnableRowSecurity => "ENABLE ROW LEVEL SECURITY",
        T::AtDisableRowSecurity => "DISABLE ROW LEVEL SECURITY",
        T::AtForceRowSecurity => "FORCE ROW LEVEL SECURITY",
        T::AtNoForceRowSecurity => "NO FORCE ROW LEVEL SECURITY",
        T::AtAttachPartition => "ATTACH PARTITION",
        T::AtDetachPartition | T::AtDetachPartitionFinalize => "DETACH PARTITION",
        T::AtAddIdentity => "ADD IDENTITY",
        T::AtSetIdentity => "SET IDENTITY",
        T::AtDropIdentity => "DROP IDENTITY",
    })
}
