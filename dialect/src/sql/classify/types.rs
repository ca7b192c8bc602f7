//! Types: what runs where a value becomes one of them.
//!
//! A domain's checks run in a cast, in a write, in a call that takes one, wherever it stands in the
//! type of the value. To read a column of a domain runs nothing; but a literal beside a value that
//! is made of parts (an array, a range, a row) becomes one of its type, parts and all.

use pg_query::protobuf::{Node, TypeName, node};
use portcullis_policy::Effect;
use serde::Serialize;

use super::builtin_type::{is_builtin, is_called};
use super::walk::{Found, Resolved, Walk};
use crate::sql::catalogue::{FIRST_USER_OID, Function, Inside, Relation};
use crate::sql::names::{self, SYSTEM};
use crate::sql::visit;

/// What marks the check of a domain as walked, beside the uses of relations and functions.
const CHECK: u16 = u16::MAX;

/// The same for the values of a call.
const CALL: u16 = CHECK - 1;

/// The same for what stands for arguments that are left out.
pub(super) const DEFAULTS: u16 = CALL - 1;

/// What a column may be defined with and is no type.
pub(super) const NUMBERED: [&str; 6] = [
    "smallserial",
    "serial2",
    "serial",
    "serial4",
    "bigserial",
    "serial8",
];

/// The schemas whose types all came with the server.
const SYSTEM_SCHEMAS: [&str; 2] = [SYSTEM, "information_schema"];

/// Types that stand for whatever a call is given: its other arguments become the same.
const POLYMORPHIC: [u32; 11] = [
    2276, 2277, 2283, 2776, 3500, 3831, 4537, 4538, 5077, 5078, 5079,
];
const POLYMORPHIC_RANGE: u32 = 5080;

/// Functions that make of their arguments what another of them is.
const MIXING: [&str; 17] = [
    "array_append",
    "array_cat",
    "array_fill",
    "array_position",
    "array_positions",
    "array_prepend",
    "array_remove",
    "array_replace",
    "json_populate_record",
    "json_populate_recordset",
    "jsonb_populate_record",
    "jsonb_populate_record_valid",
    "jsonb_populate_recordset",
    "lag",
    "lead",
    "populate_record",
    "width_bucket",
];

/// What the name of a type stands for.
enum Meant<'c> {
    /// Types of users, and rows of relations.
    Types(Vec<u32>, Vec<&'c Relation>),
    /// It came with the server.
    Plain,
    /// An earlier statement of the text may have made it.
    Unknown,
    /// Nothing, by the catalogue.
    Missing,
}

impl<'c> Walk<'c> {
    pub(super) fn type_name(&mut self, name: Option<&TypeName>) {
        let Some(name) = name else { return };
        if !name.pct_type {
            let is_array = !name.array_bounds.is_empty();
            self.cast_to_one_of(&names::strings(&name.names), is_array);
        }
        self.expressions(&name.typmods);
    }

    /// Something becomes a value of this type: the functions of casts to it, whoever made them, and
    /// all that such a value runs.
    pub(super) fn cast_to(&mut self, parts: &[&str]) {
        self.cast_to_one_of(parts, false);
    }

    fn cast_to_one_of(&mut self, parts: &[&str], is_array: bool) {
        let Some((schema, name)) = names::split(parts) else {
            self.unknown();
            return;
        };
        for function in self.catalogue.casts.get(name).into_iter().flatten() {
            self.call_by_name(function);
        }
        match self.meant(schema, name) {
            Meant::Types(types, rows) => {
                for oid in types {
                    let mut inside = self.catalogue.inside(oid);
                    inside.is_made_of_parts |= is_array;
                    self.runs(&inside);
                }
                for row in rows {
                    let mut inside = self.catalogue.inside_row(row);
                    inside.is_made_of_parts = true;
                    self.runs(&inside);
                }
            }
            Meant::Plain => {}
            Meant::Unknown => self.unknown(),
            Meant::Missing => self.found.missing_type(),
        }
    }

    /// A type that a definition names, and of which no value is made yet.
    pub(super) fn type_named(&mut self, parts: &[&str], is_array: bool) {
        match names::split(parts).map(|(schema, name)| self.meant(schema, name)) {
            Some(Meant::Types(types, rows)) => {
                let rows = rows.into_iter().map(|row| Inside {
                    is_made_of_parts: true,
                    ..self.catalogue.inside_row(row)
                });
                let types = types.into_iter().map(|oid| self.catalogue.inside(oid));
                let all: Vec<_> = types.chain(rows).collect();
                for mut inside in all {
                    inside.is_made_of_parts |= is_array;
                    self.literals_of(inside);
                }
            }
            Some(Meant::Plain | Meant::Unknown) => {}
            Some(Meant::Missing) => self.found.missing_type(),
            None => self.unknown(),
        }
    }

    /// What is defined may hold literals of such a type. They become values when it is defined, where
    /// they are made of parts.
    fn literals_of(&mut self, mut inside: Inside<'c>) {
        if inside.is_made_of_parts {
            inside.casts.clear();
            let found = self.apart(|walk| walk.runs(&inside));
            if is_notable(&found) {
                self.found.merge(found);
            }
        }
    }

    /// Something becomes a value of the type of this number.
    pub(crate) fn becomes(&mut self, oid: u32) {
        let inside = self.catalogue.inside(oid);
        if inside.unlisted {
            self.found.missing_type();
        }
        self.runs(&inside);
    }

    /// The types of a written row.
    pub(super) fn values_written(&mut self, relation: &'c Relation) {
        if relation.runs {
            self.runs(&self.catalogue.inside_row(relation));
        }
    }

    /// What a call takes and returns.
    pub(super) fn values_of_call(&mut self, function: &'c Function) {
        let Some(signature) = self.catalogue.signature(function) else {
            return;
        };
        let arguments = signature.arguments.iter().map(|taken| taken.type_oid);
        let types: Vec<u32> = arguments
            .chain([signature.result])
            .filter(|oid| *oid >= FIRST_USER_OID && !self.catalogue.inside(*oid).is_nothing())
            .collect();
        if types.is_empty() {
            return;
        }
        // A cast's own function takes a value of its type.
        self.expand((function.oid, CALL), |walk| {
            types.iter().for_each(|oid| walk.becomes(*oid));
        });
    }

    /// What the values run that a statement reads: casts that nobody wrote, and where a literal may
    /// become one of their types, the checks of these.
    pub(super) fn values_read(&mut self, tree: &impl Serialize) {
        let catalogue = self.catalogue;
        let relations: Vec<_> = self
            .found
            .valued
            .iter()
            .filter_map(|oid| catalogue.relation_by_oid(*oid))
            .collect();
        let mixes = !relations.is_empty() && self.mixes(tree, &relations);
        for column in relations.iter().flat_map(|relation| &relation.columns) {
            let mut inside = catalogue.inside(column.type_oid);
            inside.is_made_of_parts |= mixes;
            if !inside.is_made_of_parts {
                inside.checks.clear();
            }
            self.runs(&inside);
        }
        for relation in std::mem::take(&mut self.found.defined) {
            let relation = catalogue.relation_by_oid(relation);
            for column in relation.into_iter().flat_map(|relation| &relation.columns) {
                self.literals_of(catalogue.inside(column.type_oid));
            }
        }
        if self.found.assigns {
            for function in std::mem::take(&mut self.found.assigned) {
                self.call_by_name(&function);
            }
        }
    }

    /// The server makes values of the literals of a text when it reads it: those that are made of
    /// parts run the checks of these right then. So does a text that is prepared.
    pub(super) fn made_when_read(&mut self, tree: &impl Serialize) {
        let Some(mentions) = visit::mentions(tree) else {
            self.unknown();
            return;
        };
        let mut types = Vec::new();
        for (parts, _) in &mentions.types {
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            match names::split(&parts).map(|(schema, name)| self.meant(schema, name)) {
                Some(Meant::Types(listed, rows)) => {
                    types.extend(listed);
                    let columns = rows.iter().flat_map(|row| &row.columns);
                    types.extend(columns.map(|column| column.type_oid));
                }
                Some(Meant::Plain) => {}
                Some(Meant::Missing) => self.found.missing_type(),
                Some(Meant::Unknown) | None => self.unknown(),
            }
        }
        for named in &mentions.relations {
            let schema = (!named.schema.is_empty()).then_some(named.schema.as_str());
            if let Resolved::Relations(relations) = self.resolve(schema, &named.name) {
                let columns = relations.iter().flat_map(|relation| &relation.columns);
                types.extend(columns.map(|column| column.type_oid));
            }
        }
        for (parts, _) in &mentions.functions {
            let named = parts
                .last()
                .and_then(|name| self.catalogue.signatures.get(name));
            let taken = named
                .into_iter()
                .flatten()
                .flat_map(|named| &named.arguments);
            types.extend(taken.map(|taken| taken.type_oid));
        }
        for oid in types {
            let inside = self.catalogue.inside(oid);
            let found = self.apart(|walk| walk.runs(&inside));
            if is_notable(&found) {
                self.found.merge(found);
            }
        }
    }

    /// The types that a PREPARE gives its parameters.
    pub(super) fn types_of(&mut self, types: &[Node]) {
        let seen = self.seen;
        for named in types {
            if let Some(node::Node::TypeName(named)) = named.node.as_ref() {
                self.type_name(Some(named));
            }
        }
        self.seen = seen;
    }

    fn runs(&mut self, inside: &Inside<'c>) {
        if inside.unlisted {
            self.unknown();
        }
        for (function, assigns) in &inside.casts {
            match assigns {
                true => drop(self.found.assigned.insert(function.clone())),
                false => self.call_by_name(function),
            }
        }
        for (id, check) in &inside.checks {
            self.expand((*id, CHECK), |walk| {
                walk.enter_stored();
                let found = walk.apart(|walk| walk.stored(check));
                if is_notable(&found) {
                    walk.notable_checks.insert(*id);
                }
                walk.found.merge(found);
            });
        }
        let mut checks = inside.checks.iter();
        self.found.runs_when_read |=
            inside.is_made_of_parts && checks.any(|(id, _)| self.notable_checks.contains(id));
    }

    /// True where a literal may become a row of one of these, or what a column of theirs is.
    fn mixes(&self, tree: &impl Serialize, relations: &[&Relation]) -> bool {
        let Some(mentions) = visit::mentions(tree) else {
            return true;
        };
        let calls = mentions.functions.iter().any(|(parts, _)| {
            let last = parts.last().map_or("", String::as_str);
            MIXING.contains(&last) || self.is_polymorphic(last)
        });
        let alias = |name: &str| {
            let named = |named: &visit::Named| named.name == name || named.alias == name;
            mentions.relations.iter().any(named)
                || relations.iter().any(|relation| relation.name.name == name)
        };
        // `t.*` in a list is its columns; anywhere else it is the row.
        let stars = mentions.columns.iter().filter(|parts| match &parts[..] {
            [_, .., last] => last == "*",
            _ => false,
        });
        let rows = mentions.columns.iter().any(|parts| match &parts[..] {
            [name] | [_, name] => name != "*" && alias(name),
            _ => false,
        });
        let operators = mentions.operators.iter();
        let populates = |parts: &Vec<String>| parts.last().is_some_and(|last| last == "#=");
        calls || rows || stars.count() > self.stars || operators.into_iter().any(populates)
    }

    fn is_polymorphic(&self, name: &str) -> bool {
        self.catalogue
            .signatures
            .get(name)
            .into_iter()
            .flatten()
            .filter(|signature| signature.oid >= FIRST_USER_OID)
            .flat_map(|signature| &signature.arguments)
            .any(|taken| {
                POLYMORPHIC.contains(&taken.type_oid) || taken.type_oid == POLYMORPHIC_RANGE
            })
    }

    // === names ===

    /// True for the name of a type that may be written as a call, as a cast is.
    pub(crate) fn is_type(&self, schema: Option<&str>, name: &str) -> bool {
        schema.is_none_or(|schema| schema == SYSTEM)
            && (self.catalogue.types_named(name).next().is_some()
                || self.catalogue.casts.contains_key(name)
                || is_called(name))
    }

    /// True for the name of a type that is certainly not made of parts.
    pub(crate) fn is_plain_type(&self, name: &str) -> bool {
        let mut named = self.catalogue.types_named(name).peekable();
        match named.peek() {
            None => is_called(name),
            Some(_) => named.all(|(oid, _)| !self.catalogue.inside(oid).is_made_of_parts),
        }
    }

    /// True for what stands for a type in the definition of a column: an integer with a sequence.
    pub(super) fn is_numbered(&self, parts: &[&str]) -> bool {
        let is_own = |name: &str| self.catalogue.types_named(name).next().is_some();
        matches!(parts, [name] if NUMBERED.contains(name) && !is_own(name))
    }

    fn meant(&self, schema: Option<&str>, name: &str) -> Meant<'c> {
        let void = self.names_void || self.void_names.contains(name);
        if let Some(schema) = schema {
            return match self.types_in(schema, name) {
                Some(_) if SYSTEM_SCHEMAS.contains(&schema) => Meant::Plain,
                None if SYSTEM_SCHEMAS.contains(&schema) => Meant::Plain,
                _ if void => Meant::Unknown,
                Some((types, rows)) => Meant::Types(types, rows),
                None if self.fresh_types.iter().any(|fresh| fresh.name == name) => Meant::Plain,
                None => Meant::Missing,
            };
        }
        let (mut types, mut rows) = (Vec::new(), Vec::new());
        let Some(path) = &self.context.path else {
            types.extend(self.catalogue.types_named(name).map(|(oid, _)| oid));
            return match (types.is_empty(), is_builtin(name)) {
                (true, true) => Meant::Plain,
                (true, false) => Meant::Missing,
                (false, _) => Meant::Types(types, rows),
            };
        };
        for entry in path {
            let found = self.types_in(&entry.schema, name);
            if entry.schema == SYSTEM {
                match is_builtin(name) || found.is_some() {
                    true if types.is_empty() && rows.is_empty() => return Meant::Plain,
                    true => return Meant::Types(types, rows),
                    false => continue,
                }
            }
            if let Some((more, more_rows)) = found {
                types.extend(more);
                rows.extend(more_rows);
                if entry.certain && !void {
                    return Meant::Types(types, rows);
                }
            }
        }
        match types.is_empty() && rows.is_empty() {
            _ if void => Meant::Unknown,
            false => Meant::Types(types, rows),
            true if self.fresh_types.iter().any(|fresh| fresh.name == name) => Meant::Plain,
            true => Meant::Missing,
        }
    }

    /// The types of one schema, and the relation whose rows have its name.
    fn types_in(&self, schema: &str, name: &str) -> Option<(Vec<u32>, Vec<&'c Relation>)> {
        let schema = match (schema, &self.settings.temporary_schema) {
            (names::TEMPORARY, crate::sql::settings::Tracked::Known(Some(number))) => number,
            (other, _) => other,
        };
        let types: Vec<u32> = self
            .catalogue
            .types_named(name)
            .filter(|(_, listed)| listed.name.schema == schema)
            .map(|(oid, _)| oid)
            .collect();
        let rows: Vec<_> = self.catalogue.relation(schema, name).into_iter().collect();
        (!types.is_empty() || !rows.is_empty()).then_some((types, rows))
    }
}

/// True where more was found than something that computes.
fn is_notable(found: &Found) -> bool {
    !found.accesses.is_empty() || found.effect > Some(Effect::Read)
}
