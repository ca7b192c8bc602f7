//! Roles, privileges and the server itself.

use pg_query::protobuf::{
    GrantStmt, GrantTargetType, Node, ObjectType, RoleStmtType, VariableSetStmt, node,
};
use portcullis_policy::{Effect, Flag, ResourceKind};

use super::relation::Use;
use super::session::option_value;
use super::walk::Walk;
use crate::sql::names;

impl<'c> Walk<'c> {
    /// A statement about roles, privileges or the server. Any other is not known.
    #[allow(
        clippy::too_many_lines,
        reason = "one flat table from the statement to its meaning; splitting it would hide a gap"
    )]
    pub(super) fn administration(&mut self, whole: &Node, statement: &node::Node) -> &'static str {
        use node::Node as N;
        let verb = match statement {
            N::GrantStmt(grant) => self.grant(grant),
            N::GrantRoleStmt(grant) => {
                self.found.flag(Flag::PrivilegeChange);
                self.roles(&names::roles(&grant.granted_roles));
                self.roles(&names::roles(&grant.grantee_roles));
                if grant.is_grant { "GRANT" } else { "REVOKE" }
            }
            N::AlterDefaultPrivilegesStmt(_) => {
                self.found.flag(Flag::PrivilegeChange);
                "ALTER DEFAULT PRIVILEGES"
            }
            N::CreateRoleStmt(create) => {
                self.roles(&[&create.role]);
                self.found.flag(Flag::PrivilegeChange);
                let kind = RoleStmtType::try_from(create.stmt_type);
                if kind == Ok(RoleStmtType::RolestmtUser) || gives_login(&create.options) {
                    self.found.flag(Flag::CredentialAccess);
                }
                match kind {
                    Ok(RoleStmtType::RolestmtUser) => "CREATE USER",
                    Ok(RoleStmtType::RolestmtGroup) => "CREATE GROUP",
                    _ => "CREATE ROLE",
                }
            }
            N::AlterRoleStmt(alter) => {
                self.role_or_own(alter.role.as_ref());
                self.found.flag(Flag::PrivilegeChange);
                if gives_login(&alter.options) {
                    self.found.flag(Flag::CredentialAccess);
                }
                "ALTER ROLE"
            }
            N::AlterRoleSetStmt(alter) => {
                match alter.role.as_ref() {
                    Some(role) => self.role_or_own(Some(role)),
                    None => self
                        .found
                        .unresolved(Effect::Administer, ResourceKind::Role),
                }
                self.found.flag(Flag::PrivilegeChange);
                self.stored_setting(alter.setstmt.as_ref());
                "ALTER ROLE"
            }
            N::DropRoleStmt(drop) => {
                self.roles(&names::roles(&drop.roles));
                self.found.flag(Flag::PrivilegeChange);
                "DROP ROLE"
            }
            N::ReassignOwnedStmt(reassign) => {
                self.roles(&names::roles(&reassign.roles));
                self.role_or_own(reassign.newrole.as_ref());
                self.found.flag(Flag::PrivilegeChange);
                "REASSIGN OWNED"
            }
            N::AlterSystemStmt(alter) => {
                self.stored_setting(alter.setstmt.as_ref());
                self.found.flag(Flag::ServerFile);
                "ALTER SYSTEM"
            }
            N::CreatedbStmt(create) => {
                self.database(&create.dbname);
                "CREATE DATABASE"
            }
            N::DropdbStmt(drop) => {
                self.database(&drop.dbname);
                "DROP DATABASE"
            }
            N::AlterDatabaseStmt(alter) => {
                self.database(&alter.dbname);
                "ALTER DATABASE"
            }
            N::AlterDatabaseRefreshCollStmt(alter) => {
                self.database(&alter.dbname);
                "ALTER DATABASE"
            }
            N::AlterDatabaseSetStmt(alter) => {
                self.database(&alter.dbname);
                self.stored_setting(alter.setstmt.as_ref());
                "ALTER DATABASE"
            }
            N::CreateTableSpaceStmt(create) => {
                self.found
                    .attribute("object", create.tablespacename.clone());
                self.found.flag(Flag::ServerFile);
                "CREATE TABLESPACE"
            }
            N::DropTableSpaceStmt(drop) => {
                self.found.attribute("object", drop.tablespacename.clone());
                "DROP TABLESPACE"
            }
            N::AlterTableSpaceOptionsStmt(alter) => {
                self.found.attribute("object", alter.tablespacename.clone());
                "ALTER TABLESPACE"
            }
            _ => {
                self.unknown();
                return "UNKNOWN";
            }
        };
        self.expressions_without_call(whole);
        self.administer(verb)
    }

    fn database(&mut self, name: &str) {
        self.found
            .named(Effect::Administer, ResourceKind::Database, &[name]);
    }

    fn roles(&mut self, names: &[&str]) {
        for name in names {
            self.found
                .named(Effect::Administer, ResourceKind::Role, &[name]);
        }
    }

    /// A named role, or the one in force.
    pub(super) fn role_or_own(&mut self, role: Option<&pg_query::protobuf::RoleSpec>) {
        let own = self.settings.role.known().cloned();
        match names::role(role).map(str::to_owned).or(own) {
            Some(name) => self.roles(&[&name]),
            None => self
                .found
                .unresolved(Effect::Administer, ResourceKind::Role),
        }
    }

    /// A setting that is kept for later sessions.
    fn stored_setting(&mut self, set: Option<&VariableSetStmt>) {
        self.found.constants_looked_at = true;
        match set {
            Some(set) if !set.name.is_empty() => self.setting_facts(&set.name),
            _ => self.found.attribute("setting", "*"),
        }
    }

    fn grant(&mut self, grant: &GrantStmt) -> &'static str {
        self.found.flag(Flag::PrivilegeChange);
        self.roles(&names::roles(&grant.grantees));
        let kind = ObjectType::try_from(grant.objtype).unwrap_or(ObjectType::Undefined);
        let in_schema = grant.targtype == GrantTargetType::AclTargetAllInSchema as i32;
        for object in &grant.objects {
            match object.node.as_ref() {
                // The statement's tree is counted as a whole.
                Some(node::Node::RangeVar(variable)) => {
                    let (schema, name) = names::relation(variable);
                    let only = true;
                    self.relation_named(
                        schema,
                        name,
                        Use {
                            only,
                            ..Use::ADMINISTER
                        },
                    );
                }
                Some(_) => self.granted_object(kind, in_schema, object),
                None => {}
            }
        }
        if grant.is_grant { "GRANT" } else { "REVOKE" }
    }

    fn granted_object(&mut self, kind: ObjectType, in_schema: bool, object: &Node) {
        let parts = names::dotted(object);
        let Some(name) = parts.last() else { return };
        let resource = match kind {
            _ if in_schema => ResourceKind::Schema,
            ObjectType::ObjectSchema => ResourceKind::Schema,
            ObjectType::ObjectDatabase => ResourceKind::Database,
            ObjectType::ObjectFunction
            | ObjectType::ObjectProcedure
            | ObjectType::ObjectRoutine => {
                self.defined_function(&parts, Effect::Administer);
                return;
            }
            _ => {
                self.found.attribute("object", parts.join("."));
                return;
            }
        };
        self.found.named(Effect::Administer, resource, &[name]);
        if in_schema {
            let catalogue = self.catalogue;
            for relation in catalogue.relations_of(name) {
                self.touch(
                    relation,
                    Use {
                        only: true,
                        ..Use::ADMINISTER
                    },
                );
            }
        }
    }
}

/// The options of a role give it a password, or let it log in.
fn gives_login(options: &[Node]) -> bool {
    options.iter().any(|option| match option.node.as_ref() {
        Some(node::Node::DefElem(option)) => match option.defname.as_str() {
            "password" | "validUntil" => true,
            "canlogin" => option_value(option.arg.as_deref()) != Some(false),
            _ => false,
        },
        _ => true,
    })
}
