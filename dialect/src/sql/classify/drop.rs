//! Statements that drop objects, and what goes with them.

use pg_query::protobuf::{DropBehavior, DropStmt, Node, ObjectType, node};
use portcullis_policy::{Effect, Flag, ResourceKind};

use super::relation::Use;
use super::walk::{Resolved, Walk};
use crate::sql::catalogue::{FIRST_USER_OID, Relation};
use crate::sql::names::{self, Name, SYSTEM};

impl<'c> Walk<'c> {
    /// A statement that drops something. Any other is about roles or the server.
    pub(super) fn removal(&mut self, whole: &Node, statement: &node::Node) -> &'static str {
        use node::Node as N;
        match statement {
            N::DropStmt(drop) => {
                self.drop_objects(drop);
                self.expressions_without_call(whole);
                verb("DROP", drop.remove_type)
            }
            N::DropOwnedStmt(drop) => {
                self.found.raise(Effect::Administer);
                self.found.flag(Flag::Unbounded);
                self.found.flag(Flag::PrivilegeChange);
                self.found.voids_catalogue = true;
                self.found.voids_names = true;
                self.drop_owned(&names::roles(&drop.roles), drop.roles.len());
                self.expressions_without_call(whole);
                "DROP OWNED"
            }
            other => self.administration(whole, other),
        }
    }

    fn drop_objects(&mut self, drop: &DropStmt) {
        self.found.raise(Effect::Define);
        self.found.voids_catalogue = true;
        let cascades = drop.behavior == DropBehavior::DropCascade as i32;
        for object in &drop.objects {
            let parts = names::dotted(object);
            let kind = ObjectType::try_from(drop.remove_type).unwrap_or(ObjectType::Undefined);
            match kind {
                ObjectType::ObjectTable
                | ObjectType::ObjectView
                | ObjectType::ObjectMatview
                | ObjectType::ObjectSequence
                | ObjectType::ObjectForeignTable
                | ObjectType::ObjectIndex => {
                    self.drop_relation(&parts, cascades, drop.missing_ok);
                }
                _ => self.object(drop.remove_type, &parts, Effect::Define, cascades),
            }
            if let Some(last) = parts.last() {
                self.fresh.retain(|made| made.name != *last);
                self.void_later.insert((*last).to_owned());
            }
        }
    }

    fn drop_relation(&mut self, parts: &[&str], cascades: bool, missing_ok: bool) {
        let Some((schema, name)) = names::split(parts) else {
            self.unresolved_relation(Effect::Define);
            return;
        };
        match self.resolve(schema, name) {
            Resolved::Relations(relations) => {
                for relation in relations {
                    self.dropped(relation.oid, cascades);
                }
            }
            Resolved::Missing | Resolved::Unknown if missing_ok && !self.names_void => {
                self.drop_missing(schema, name);
            }
            Resolved::Fresh(_) | Resolved::Missing | Resolved::Unknown => {
                self.relation_named(schema, name, Use::DEFINE);
            }
        }
    }

    /// `IF EXISTS` on what is not there does nothing. Should it be there by then, it is in the
    /// schema that was written, or in one of the path.
    pub(super) fn drop_missing(&mut self, schema: Option<&str>, name: &str) {
        let schemas: Vec<String> = match (schema, &self.context.path) {
            (Some(schema), _) => vec![schema.to_owned()],
            (None, Some(path)) => path.iter().map(|entry| entry.schema.clone()).collect(),
            (None, None) => return self.unresolved_relation(Effect::Define),
        };
        for schema in schemas.iter().filter(|schema| *schema != SYSTEM) {
            let [schema, name] = self.told(&Name::new(schema, name));
            self.found
                .named(Effect::Define, ResourceKind::Table, &[&schema, &name]);
        }
    }

    /// A relation goes: with its partitions always, with its children and the views upon it when
    /// the drop cascades.
    pub(super) fn dropped(&mut self, oid: u32, cascades: bool) {
        let mut reached = std::collections::BTreeSet::new();
        let mut next = vec![oid];
        while let Some(oid) = next.pop() {
            if !reached.insert(oid) {
                continue;
            }
            let Some(relation) = self.catalogue.relation_by_oid(oid) else {
                self.unresolved_relation(Effect::Define);
                continue;
            };
            self.touch(relation, Use::DEFINE);
            self.void_later.insert(relation.name.name.clone());
            next.extend(&relation.children);
            if cascades {
                next.extend(&relation.dependents);
                // The foreign keys that refer to it go, and those are parts of other tables.
                for cascade in &relation.cascades {
                    if let Some(child) = self.catalogue.relation_by_oid(cascade.child) {
                        self.touch(child, Use::DEFINE);
                    }
                }
            }
        }
    }

    fn drop_owned(&mut self, roles: &[&str], count: usize) {
        let own = self.settings.role.known().cloned();
        let mut owners: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
        if roles.len() < count {
            match own {
                Some(own) => owners.push(own),
                None => self.found.unresolved(Effect::Define, ResourceKind::Table),
            }
        }
        for owner in &owners {
            self.found
                .named(Effect::Administer, ResourceKind::Role, &[owner]);
        }
        let catalogue = self.catalogue;
        let owned = |owner: &String| owners.contains(owner);
        let dropped: Vec<&Relation> = catalogue
            .relations
            .values()
            .filter(|relation| owned(&relation.owner) && !relation.is_system())
            .collect();
        for relation in dropped {
            self.dropped(relation.oid, true);
        }
        for function in catalogue.functions.values().flatten() {
            if owned(&function.owner) && function.oid >= FIRST_USER_OID {
                let name = &function.name;
                self.found.named(
                    Effect::Define,
                    ResourceKind::Function,
                    &[&name.schema, &name.name],
                );
            }
        }
        for (name, schema) in &catalogue.schemas {
            if owned(&schema.owner) {
                self.found
                    .named(Effect::Define, ResourceKind::Schema, &[name]);
            }
        }
    }

    /// An object by its kind and name, as COMMENT, DROP and ALTER name it.
    pub(super) fn object(&mut self, kind: i32, parts: &[&str], effect: Effect, cascades: bool) {
        use ObjectType as O;
        let kind = O::try_from(kind).unwrap_or(O::Undefined);
        match kind {
            O::ObjectTable
            | O::ObjectView
            | O::ObjectMatview
            | O::ObjectSequence
            | O::ObjectForeignTable
            | O::ObjectIndex => self.object_relation(parts, effect),
            // The last part is what hangs on the relation.
            O::ObjectColumn
            | O::ObjectTrigger
            | O::ObjectRule
            | O::ObjectPolicy
            | O::ObjectTabconstraint => {
                if let Some((last, relation)) = parts.split_last() {
                    self.found.attribute("object", *last);
                    self.object_relation(relation, effect);
                }
                if kind == O::ObjectPolicy {
                    self.found.flag(Flag::PrivilegeChange);
                }
            }
            O::ObjectSchema => self.object_schema(parts, effect, cascades),
            O::ObjectFunction | O::ObjectProcedure | O::ObjectRoutine | O::ObjectAggregate => {
                self.defined_function(parts, effect);
                self.goes_along(effect, cascades);
            }
            O::ObjectDatabase => {
                if let Some(name) = parts.last() {
                    self.found.named(effect, ResourceKind::Database, &[name]);
                }
            }
            O::ObjectRole => {
                if let Some(name) = parts.last() {
                    self.found.named(effect, ResourceKind::Role, &[name]);
                }
            }
            O::Undefined => self.unknown(),
            _ => {
                self.found.attribute("object", parts.join("."));
                self.found.voids_names = true;
                self.goes_along(effect, cascades);
            }
        }
    }

    fn object_relation(&mut self, parts: &[&str], effect: Effect) {
        match names::split(parts) {
            Some((schema, name)) => {
                let usage = Use {
                    effect,
                    ..Use::DEFINE
                };
                self.relation_named(schema, name, usage);
            }
            None => self.unresolved_relation(effect),
        }
    }

    /// Columns, tables, views may hang on a function, a type or an extension: not known here.
    fn goes_along(&mut self, effect: Effect, cascades: bool) {
        if cascades {
            self.found.unresolved(effect, ResourceKind::Table);
            self.found.voids_names = true;
        }
    }

    fn object_schema(&mut self, parts: &[&str], effect: Effect, cascades: bool) {
        let Some(name) = parts.last() else {
            self.unknown();
            return;
        };
        self.found.named(effect, ResourceKind::Schema, &[name]);
        self.found.voids_names = true;
        if !cascades {
            return;
        }
        let catalogue = self.catalogue;
        if !catalogue.schemas.contains_key(*name) {
            self.found.unresolved(effect, ResourceKind::Table);
        }
        let inside: Vec<u32> = catalogue
            .relations_of(name)
            .map(|relation| relation.oid)
            .collect();
        for oid in inside {
            self.dropped(oid, true);
        }
        for function in catalogue.functions_of(name) {
            let name = &function.name;
            self.found
                .named(effect, ResourceKind::Function, &[&name.schema, &name.name]);
        }
    }
}

/// The verb of a statement about an object of this kind.
pub(super) fn verb(act: &str, kind: i32) -> &'static str {
    use ObjectType as O;
    let kind = O::try_from(kind).unwrap_or(O::Undefined);
    macro_rules! verbs {
        ($($variant:ident => $word:literal),+ $(,)?) => {
            match (act, kind) {
                $(("CREATE", O::$variant) => concat!("CREATE ", $word),
                ("ALTER", O::$variant) => concat!("ALTER ", $word),
                (_, O::$variant) => concat!("DROP ", $word),)+
                ("CREATE", _) => "CREATE",
                ("ALTER", _) => "ALTER",
                _ => "DROP",
            }
        };
    }
    verbs!(
        ObjectAccessMethod => "ACCESS METHOD",
        ObjectAggregate => "AGGREGATE",
        ObjectAttribute => "TYPE",
        ObjectCast => "CAST",
        ObjectColumn => "TABLE",
        ObjectCollation => "COLLATION",
        ObjectConversion => "CONVERSION",
        ObjectDatabase => "DATABASE",
        ObjectDomain => "DOMAIN",
        ObjectDomconstraint => "DOMAIN",
        ObjectEventTrigger => "EVENT TRIGGER",
        ObjectExtension => "EXTENSION",
        ObjectFdw => "FOREIGN DATA WRAPPER",
        ObjectForeignServer => "SERVER",
        ObjectForeignTable => "FOREIGN TABLE",
        ObjectFunction => "FUNCTION",
        ObjectIndex => "INDEX",
        ObjectLanguage => "LANGUAGE",
        ObjectLargeobject => "LARGE OBJECT",
        ObjectMatview => "MATERIALIZED VIEW",
        ObjectOpclass => "OPERATOR CLASS",
        ObjectOperator => "OPERATOR",
        ObjectOpfamily => "OPERATOR FAMILY",
        ObjectPolicy => "POLICY",
        ObjectProcedure => "PROCEDURE",
        ObjectPublication => "PUBLICATION",
        ObjectRole => "ROLE",
        ObjectRoutine => "ROUTINE",
        ObjectRule => "RULE",
        ObjectSchema => "SCHEMA",
        ObjectSequence => "SEQUENCE",
        ObjectSubscription => "SUBSCRIPTION",
        ObjectStatisticExt => "STATISTICS",
        ObjectTabconstraint => "TABLE",
        ObjectTable => "TABLE",
        ObjectTablespace => "TABLESPACE",
        ObjectTransform => "TRANSFORM",
        ObjectTrigger => "TRIGGER",
        ObjectTsconfiguration => "TEXT SEARCH CONFIGURATION",
        ObjectTsdictionary => "TEXT SEARCH DICTIONARY",
        ObjectTsparser => "TEXT SEARCH PARSER",
        ObjectTstemplate => "TEXT SEARCH TEMPLATE",
        ObjectType => "TYPE",
        ObjectView => "VIEW",
    )
}
