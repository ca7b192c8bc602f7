//! Statements that bring in code of the server's machine, or other servers.

use pg_query::protobuf::{Node, node};
use portcullis_policy::{Effect, Flag, ResourceKind};

use super::walk::Walk;

impl<'c> Walk<'c> {
    /// Statements that bring in code, or other servers.
    #[allow(
        clippy::too_many_lines,
        reason = "one flat table from the statement to its meaning; splitting it would hide a gap"
    )]
    pub(super) fn server_definition(
        &mut self,
        whole: &Node,
        statement: &node::Node,
    ) -> &'static str {
        use node::Node as N;
        let start = self.seen;
        let verb = match statement {
            N::CreateExtensionStmt(create) => {
                self.extension(&create.extname);
                "CREATE EXTENSION"
            }
            N::AlterExtensionStmt(alter) => {
                self.extension(&alter.extname);
                "ALTER EXTENSION"
            }
            N::AlterExtensionContentsStmt(alter) => {
                self.extension(&alter.extname);
                "ALTER EXTENSION"
            }
            N::CreatePlangStmt(create) => {
                self.found.attribute("language", create.plname.clone());
                self.code();
                "CREATE LANGUAGE"
            }
            N::CreateAmStmt(create) => {
                self.made(&create.amname);
                self.code();
                "CREATE ACCESS METHOD"
            }
            N::CreateFdwStmt(create) => {
                self.made(&create.fdwname);
                self.code();
                "CREATE FOREIGN DATA WRAPPER"
            }
            N::AlterFdwStmt(alter) => {
                self.made(&alter.fdwname);
                self.code();
                "ALTER FOREIGN DATA WRAPPER"
            }
            N::CreateForeignServerStmt(create) => {
                self.made(&create.servername);
                self.foreign_facts(&create.fdwname);
                "CREATE SERVER"
            }
            N::AlterForeignServerStmt(alter) => {
                self.made(&alter.servername);
                self.server_facts(&alter.servername);
                "ALTER SERVER"
            }
            N::ImportForeignSchemaStmt(import) => {
                self.server_facts(&import.server_name);
                self.found.named(
                    Effect::Define,
                    ResourceKind::Schema,
                    &[&import.local_schema],
                );
                self.found.voids_names = true;
                "IMPORT FOREIGN SCHEMA"
            }
            N::CreateUserMappingStmt(create) => {
                self.user_mapping(&create.servername);
                "CREATE USER MAPPING"
            }
            N::AlterUserMappingStmt(alter) => {
                self.user_mapping(&alter.servername);
                "ALTER USER MAPPING"
            }
            N::DropUserMappingStmt(drop) => {
                self.user_mapping(&drop.servername);
                "DROP USER MAPPING"
            }
            N::CreateSubscriptionStmt(create) => {
                self.subscription(&create.subname);
                "CREATE SUBSCRIPTION"
            }
            N::AlterSubscriptionStmt(alter) => {
                self.subscription(&alter.subname);
                "ALTER SUBSCRIPTION"
            }
            N::DropSubscriptionStmt(drop) => {
                self.subscription(&drop.subname);
                "DROP SUBSCRIPTION"
            }
            N::CreatePublicationStmt(create) => {
                self.publication(
                    whole,
                    start,
                    &create.pubname,
                    create.for_all_tables,
                    &create.pubobjects,
                );
                return "CREATE PUBLICATION";
            }
            N::AlterPublicationStmt(alter) => {
                self.publication(
                    whole,
                    start,
                    &alter.pubname,
                    alter.for_all_tables,
                    &alter.pubobjects,
                );
                return "ALTER PUBLICATION";
            }
            N::LoadStmt(load) => {
                self.found.raise(Effect::Administer);
                self.found.flag(Flag::ServerCode);
                self.found.flag(Flag::ServerFile);
                self.found.attribute("object", load.filename.clone());
                self.voids_all();
                "LOAD"
            }
            other => return self.alteration(whole, other),
        };
        self.found.raise(Effect::Define);
        self.found.voids_catalogue = true;
        self.expressions_without_call(whole);
        verb
    }

    fn extension(&mut self, name: &str) {
        self.found.attribute("extension", name);
        self.code();
    }

    /// Code of the server's own machine enters the database.
    fn code(&mut self) {
        self.found.raise(Effect::Define);
        self.found.flag(Flag::ServerCode);
        self.found.voids_catalogue = true;
        self.found.voids_names = true;
    }

    pub(super) fn server_facts(&mut self, server: &str) {
        match self.catalogue.servers.get(server) {
            Some(wrapper) => self.foreign_facts(wrapper),
            // A server that this text made, or one that is not known.
            None => {
                self.found.flag(Flag::OutboundConnection);
                self.found.flag(Flag::ServerFile);
                self.found.flag(Flag::ServerProgram);
            }
        }
    }

    fn user_mapping(&mut self, server: &str) {
        self.found.attribute("object", server);
        self.found.raise(Effect::Administer);
        self.found.flag(Flag::CredentialAccess);
    }

    fn subscription(&mut self, name: &str) {
        self.made(name);
        self.found.flag(Flag::OutboundConnection);
        self.found.flag(Flag::CredentialAccess);
    }

    /// A publication sends its tables elsewhere: they are read.
    fn publication(
        &mut self,
        whole: &Node,
        start: crate::sql::visit::Counts,
        name: &str,
        all: bool,
        objects: &[Node],
    ) {
        self.made(name);
        if all {
            self.found.flag(Flag::Unbounded);
            self.found.unresolved(Effect::Read, ResourceKind::Table);
        }
        for object in objects {
            if let Some(node::Node::PublicationObjSpec(object)) = object.node.as_ref()
                && object.pubtable.is_none()
            {
                // All tables of a schema, those to come as well.
                match object.name.is_empty() {
                    true => self.found.unresolved(Effect::Read, ResourceKind::Schema),
                    false => self
                        .found
                        .named(Effect::Read, ResourceKind::Schema, &[&object.name]),
                }
                self.found.unresolved(Effect::Read, ResourceKind::Table);
            }
        }
        self.rest(whole, start, &[], false);
    }
}
