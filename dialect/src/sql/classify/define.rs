//! Statements that make objects.

use pg_query::protobuf::{
    CreateFunctionStmt, CreateSchemaStmt, CreateStmt, IndexStmt, Node, RangeVar, ViewStmt, node,
};
use portcullis_policy::{Effect, Flag, ResourceKind};

use super::plain;
use super::relation::Use;
use super::upkeep::Upkeep;
use super::walk::{Resolved, Walk};
use crate::sql::names::{self, Name};
use crate::sql::visit::Counts;

/// Languages whose functions cannot leave the database.
const TRUSTED_LANGUAGES: [&str; 2] = ["sql", "plpgsql"];

impl<'c> Walk<'c> {
    /// A statement that makes something. Any other goes on to those that alter and drop.
    #[allow(
        clippy::too_many_lines,
        reason = "one flat table from the statement to its meaning; splitting it would hide a gap"
    )]
    pub(super) fn definition(&mut self, whole: &Node, statement: &node::Node) -> &'static str {
        use node::Node as N;
        let start = self.seen;
        match statement {
            N::CreateStmt(create) => {
                self.create_table(create, whole);
                "CREATE TABLE"
            }
            N::CreateForeignTableStmt(create) => {
                match &create.base_stmt {
                    Some(base) => self.create_table(base, whole),
                    None => self.unknown(),
                }
                self.server_facts(&create.servername);
                "CREATE FOREIGN TABLE"
            }
            N::ViewStmt(view) => {
                self.create_view(view, whole, start);
                "CREATE VIEW"
            }
            N::IndexStmt(index) => {
                self.create_index(index, whole, start);
                "CREATE INDEX"
            }
            N::CreateSeqStmt(create) => {
                if let Some(sequence) = &create.sequence {
                    self.new_relation(sequence);
                }
                self.expressions(&create.options);
                "CREATE SEQUENCE"
            }
            N::CreateStatsStmt(_) => self.unnamed(whole, start, "CREATE STATISTICS"),
            N::CreateTrigStmt(trigger) => {
                let own = trigger.relation.as_ref();
                self.define_on(own, whole, start, false);
                self.found.attribute("object", trigger.trigname.clone());
                self.defined_function(&names::strings(&trigger.funcname), Effect::Read);
                "CREATE TRIGGER"
            }
            N::RuleStmt(rule) => {
                self.define_on(rule.relation.as_ref(), whole, start, false);
                self.found.attribute("object", rule.rulename.clone());
                "CREATE RULE"
            }
            N::CreatePolicyStmt(policy) => {
                self.define_on(policy.table.as_ref(), whole, start, false);
                self.found.flag(Flag::PrivilegeChange);
                "CREATE POLICY"
            }
            N::CreateFunctionStmt(create) => self.create_function(create, whole, start),
            N::CreateSchemaStmt(create) => {
                self.create_schema(create);
                "CREATE SCHEMA"
            }
            N::DefineStmt(define) => {
                let parts = names::strings(&define.defnames);
                self.void_last(&parts);
                self.object_without_resource(whole, start, Some(&parts.join(".")));
                super::drop::verb("CREATE", define.kind)
            }
            N::CompositeTypeStmt(create) => {
                if let Some(made) = &create.typevar {
                    self.new_relation(made);
                }
                let made = create.typevar.as_ref().map(|made| own_name(Some(made)));
                let made: Vec<_> = made.into_iter().flatten().collect();
                self.void_later
                    .extend(made.iter().map(|(_, name)| (*name).to_owned()));
                self.rest(whole, start, &made, false);
                "CREATE TYPE"
            }
            N::CreateEnumStmt(create) => {
                self.new_type(&create.type_name);
                self.made_of(&create.type_name, whole, "CREATE TYPE")
            }
            N::CreateRangeStmt(create) => {
                self.void_last(&names::strings(&create.type_name));
                self.made_of(&create.type_name, whole, "CREATE TYPE")
            }
            N::CreateDomainStmt(create) => {
                let parts = names::strings(&create.domainname);
                self.object_without_resource(whole, start, Some(&parts.join(".")));
                self.found.voids_names = true;
                "CREATE DOMAIN"
            }
            N::CreateCastStmt(_) => {
                self.object_without_resource(whole, start, None);
                self.found.voids_names = true;
                "CREATE CAST"
            }
            N::CreateConversionStmt(create) => {
                let parts = names::strings(&create.conversion_name);
                self.object_without_resource(whole, start, Some(&parts.join(".")));
                "CREATE CONVERSION"
            }
            N::CreateOpClassStmt(_) => self.unnamed(whole, start, "CREATE OPERATOR CLASS"),
            N::CreateOpFamilyStmt(_) => self.unnamed(whole, start, "CREATE OPERATOR FAMILY"),
            N::CreateTransformStmt(_) => self.unnamed(whole, start, "CREATE TRANSFORM"),
            N::CreateEventTrigStmt(create) => {
                self.made(&create.trigname);
                self.expressions_without_call(whole);
                self.found.voids_names = true;
                "CREATE EVENT TRIGGER"
            }
            other => self.server_definition(whole, other),
        }
    }

    pub(super) fn defines(&mut self) {
        self.found.raise(Effect::Define);
        self.found.voids_catalogue = true;
    }

    /// What the last part of a name stood for, it may no longer.
    pub(super) fn void_last(&mut self, parts: &[&str]) {
        if let Some(last) = parts.last() {
            self.void_later.insert((*last).to_owned());
        }
    }

    /// A relation that is made or altered, with its children unless ONLY is written.
    pub(super) fn relation_defined(&mut self, relation: &RangeVar) {
        self.relation_used(relation, Use::DEFINE);
        let (schema, name) = names::relation(relation);
        if let Resolved::Relations(relations) = self.resolve(schema, name) {
            let oids = relations.iter().filter(|found| found.runs);
            self.found.defined.extend(oids.map(|found| found.oid));
        }
    }

    /// A relation of the statement, with its children unless ONLY is written.
    pub(super) fn relation_used(&mut self, relation: &RangeVar, how: Use) {
        let (schema, name) = names::relation(relation);
        let only = !relation.inh;
        self.relation_named(schema, name, Use { only, ..how });
    }

    /// An object that is no resource, with options that call nothing.
    pub(super) fn made_of(
        &mut self,
        name: &[Node],
        whole: &Node,
        verb: &'static str,
    ) -> &'static str {
        self.made(&names::strings(name).join("."));
        self.expressions_without_call(whole);
        verb
    }

    /// An object that is no resource and has no name to tell.
    pub(super) fn unnamed(
        &mut self,
        whole: &Node,
        start: Counts,
        verb: &'static str,
    ) -> &'static str {
        self.object_without_resource(whole, start, None);
        verb
    }

    /// An object that is no resource.
    pub(super) fn made(&mut self, name: &str) {
        self.defines();
        self.found.attribute("object", name);
    }

    /// A type that runs nothing, for the statements behind.
    fn new_type(&mut self, name: &[Node]) {
        let parts = names::strings(name);
        let schema = match names::split(&parts) {
            Some((Some(schema), _)) => Some(schema),
            _ => self.creation_schema(),
        };
        if let (Some(schema), Some(last)) = (schema, parts.last()) {
            let made = Name::new(schema, *last);
            self.fresh_types.insert(made);
        }
    }

    pub(super) fn object_without_resource(
        &mut self,
        whole: &Node,
        start: Counts,
        name: Option<&str>,
    ) {
        self.defines();
        if let Some(name) = name {
            self.found.attribute("object", name);
        }
        self.rest(whole, start, &[], false);
    }

    /// Something that hangs on a relation is made or altered.
    pub(super) fn define_on(
        &mut self,
        relation: Option<&RangeVar>,
        whole: &Node,
        start: Counts,
        runs: bool,
    ) {
        self.defines();
        if let Some(relation) = relation {
            self.relation_defined(relation);
            self.void_later.insert(relation.relname.clone());
        }
        let own: Vec<_> = own_name(relation).into_iter().collect();
        self.rest(whole, start, &own, runs);
    }

    fn create_table(&mut self, create: &CreateStmt, whole: &Node) {
        let start = self.seen;
        self.found.raise(Effect::Define);
        let Some(relation) = &create.relation else {
            self.unknown();
            return;
        };
        let own: Vec<_> = own_name(Some(relation)).into_iter().collect();
        self.rest(whole, start, &own, false);
        // Rows of a partitioned table go to its new partition.
        if create.partbound.is_some() {
            for parent in &create.inh_relations {
                if let Some(node::Node::RangeVar(parent)) = parent.node.as_ref() {
                    let (_, name) = names::relation(parent);
                    self.relation_defined(parent);
                    self.relation_used(parent, Use::DEFINE.kept_up(Upkeep::Partition));
                    self.void_later.insert(name.to_owned());
                }
            }
        }
        let counted = self.seen;
        let made = self.new_relation(relation);
        let is_own = |name: &&str| {
            let mut named = self.catalogue.functions_named(name).iter();
            self.void_names.contains(*name) || named.any(|own| own.extension.is_none())
        };
        let is_plain = plain::is_plain(create) && !plain::STAMPS.iter().any(is_own);
        self.plain.extend(made.filter(|_| is_plain));
        self.seen = counted;
    }

    fn create_view(&mut self, view: &ViewStmt, whole: &Node, start: Counts) {
        self.defines();
        if let Some(query) = view.query.as_deref() {
            let found = self.apart(|walk| {
                walk.query(query);
            });
            self.found.merge(found.planned());
        }
        if let Some(relation) = &view.view {
            self.new_relation(relation);
            let (_, name) = names::relation(relation);
            self.fresh.retain(|made| made.name != name);
            self.void_later.insert(name.to_owned());
        }
        self.expressions(&view.options);
        if let Some(counts) = crate::sql::visit::count(whole)
            && self.seen != start.plus(&counts)
        {
            self.unknown();
        }
    }

    fn create_index(&mut self, index: &IndexStmt, whole: &Node, start: Counts) {
        self.defines();
        self.found.attribute("object", index.idxname.clone());
        if let Some(relation) = &index.relation {
            self.relation_defined(relation);
        }
        self.classes_of_index(&index.index_params);
        let own: Vec<_> = own_name(index.relation.as_ref()).into_iter().collect();
        self.rest(whole, start, &own, true);
    }

    fn create_function(
        &mut self,
        create: &CreateFunctionStmt,
        whole: &Node,
        start: Counts,
    ) -> &'static str {
        self.defines();
        let parts = names::strings(&create.funcname);
        self.defined_function(&parts, Effect::Define);
        self.void_last(&parts);
        self.function_settings(&create.options);
        let mut language = None;
        for option in &create.options {
            let Some(node::Node::DefElem(option)) = option.node.as_ref() else {
                continue;
            };
            match (option.defname.as_str(), option.arg.as_deref()) {
                ("language", Some(argument)) => language = names::string(argument),
                ("security", Some(_)) => {
                    self.found.attribute("securityDefiner", parts.join("."));
                }
                _ => {}
            }
        }
        let language = language.unwrap_or("sql").to_ascii_lowercase();
        if !TRUSTED_LANGUAGES.contains(&language.as_str()) {
            self.found.flag(Flag::ServerCode);
        }
        self.found.attribute("language", language);
        self.rest(whole, start, &[], false);
        match create.is_procedure {
            true => "CREATE PROCEDURE",
            false => "CREATE FUNCTION",
        }
    }

    /// What stands inside CREATE SCHEMA is made in that schema.
    fn create_schema(&mut self, create: &CreateSchemaStmt) {
        self.found.voids_catalogue = true;
        let owner = names::role(create.authrole.as_ref());
        let schema = match (create.schemaname.as_str(), owner) {
            ("", Some(owner)) => owner.to_owned(),
            ("", None) => match self.settings.role.known() {
                Some(role) => role.clone(),
                None => {
                    self.found.unresolved(Effect::Define, ResourceKind::Schema);
                    self.found.voids_names = true;
                    return self.schema_elements(create, None);
                }
            },
            (name, _) => name.to_owned(),
        };
        if let Some(owner) = owner {
            self.found.flag(Flag::PrivilegeChange);
            self.found
                .named(Effect::Define, ResourceKind::Role, &[owner]);
        }
        self.found
            .named(Effect::Define, ResourceKind::Schema, &[&schema]);
        self.fresh_schemas.insert(schema.clone());
        self.schema_elements(create, Some(schema));
    }

    fn schema_elements(&mut self, create: &CreateSchemaStmt, schema: Option<String>) {
        if create.schema_elts.is_empty() {
            return;
        }
        let path = self.settings.search_path.clone();
        if let crate::sql::settings::Tracked::Known(names) = &mut self.settings.search_path
            && let Some(schema) = schema
        {
            names.insert(0, schema);
        }
        self.refresh_context();
        for element in &create.schema_elts {
            self.statement(element);
        }
        self.settings.search_path = path;
        self.refresh_context();
    }
}

/// The written name of the relation that a statement is about.
pub(super) fn own_name(relation: Option<&RangeVar>) -> Option<(&str, &str)> {
    relation.map(|relation| (relation.schemaname.as_str(), relation.relname.as_str()))
}
