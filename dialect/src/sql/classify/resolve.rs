//! What a name stands for, under the search path of its place in the text.

use super::walk::{Resolved, Walk};
use crate::sql::names::{Name, SYSTEM, TEMPORARY};
use crate::sql::settings::Tracked;

impl<'c> Walk<'c> {
    /// What a relation's name stands for.
    pub(crate) fn resolve(&self, schema: Option<&str>, name: &str) -> Resolved<'c> {
        if let Some(schema) = schema {
            let schema = match (schema, &self.settings.temporary_schema) {
                (TEMPORARY, Tracked::Known(Some(number))) if !self.names_void => number.as_str(),
                (other, _) => other,
            };
            let nowhere = match (schema, &self.settings.temporary_schema) {
                (TEMPORARY, Tracked::Void) => Resolved::Unknown,
                _ => Resolved::Missing,
            };
            return self.resolve_in(schema, name).unwrap_or(nowhere);
        }
        let Some(path) = &self.context.path else {
            return Resolved::Unknown;
        };
        if let Some(fresh @ Resolved::Fresh(_)) = self.resolve_in(TEMPORARY, name) {
            return fresh;
        }
        let mut relations = Vec::new();
        for entry in path {
            match self.resolve_in(&entry.schema, name) {
                Some(Resolved::Relations(found)) => {
                    relations.extend(found);
                    if entry.certain {
                        return Resolved::Relations(relations);
                    }
                }
                Some(other) if relations.is_empty() => return other,
                Some(_) => return Resolved::Unknown,
                None => {}
            }
        }
        match relations.is_empty() {
            true => Resolved::Missing,
            false => Resolved::Relations(relations),
        }
    }

    /// A function's name that nobody but the server has: it means the same under whatever path.
    pub(super) fn only_servers(&self, name: &str) -> bool {
        self.catalogue.server_version > 0
            && self.catalogue.functions_named(name).is_empty()
            && !self.names_void
            && !self.void_names.contains(name)
    }

    /// What a name stands for in one schema; `None` when nothing there has it.
    fn resolve_in(&self, schema: &str, name: &str) -> Option<Resolved<'c>> {
        let made = Name::new(schema, name);
        if self.fresh.contains(&made) {
            return Some(Resolved::Fresh(made));
        }
        if self.names_void || (self.void_names.contains(name) && schema != SYSTEM) {
            return Some(Resolved::Unknown);
        }
        self.catalogue
            .relation(schema, name)
            .map(|relation| Resolved::Relations(vec![relation]))
    }

    /// The schema in which an unqualified new object is made.
    pub(super) fn creation_schema(&self) -> Option<&str> {
        let path = self.context.path.as_ref()?;
        let names = self.settings.search_path.known()?;
        let explicit = |schema: &str| names.iter().any(|name| name == schema);
        path.iter()
            .find(|entry| {
                let implicit = entry.schema == SYSTEM && !explicit(SYSTEM)
                    || self.is_temporary(&entry.schema) && !explicit(TEMPORARY);
                !implicit
            })
            .map(|entry| entry.schema.as_str())
    }

    pub(crate) fn is_temporary(&self, schema: &str) -> bool {
        schema == TEMPORARY
            || matches!(&self.settings.temporary_schema, Tracked::Known(Some(own)) if own == schema)
    }

    /// The segments under which a relation is told.
    pub(crate) fn told(&self, name: &Name) -> [String; 2] {
        let schema = match self.is_temporary(&name.schema) {
            true => TEMPORARY,
            false => &name.schema,
        };
        [schema.to_owned(), name.name.clone()]
    }

    /// True when the name is one of a WITH query in force.
    pub(super) fn in_scope(&self, schema: Option<&str>, name: &str) -> bool {
        schema.is_none() && self.scopes.iter().any(|scope| scope.contains(name))
    }
}
