//! A catalogue for asking about a text without a server.
//!
//! Whoever writes a policy asks "what would happen to this statement?" where there is no database
//! to look names up in. The relations that come with the server are known. Each other one that the
//! text names is taken for an ordinary table, and each type for one that runs nothing, in `public`
//! where no schema is written; what views, triggers and functions of a real database would add is
//! not seen, and whoever shows the answer says so.

use std::collections::BTreeSet;

use pg_query::protobuf::node;

use super::catalogue::{Catalogue, Loader, Section};
use super::depth::{Stack, on_its_stack};
use super::functions;
use super::names::{self, Name, SYSTEM};
use super::parser::{self, Parsed, Refused};
use super::settings::{Settings, Tracked};
use super::visit;

/// The version that is assumed: the newest whose grammar is known.
const SERVER_VERSION: &str = "180000";

/// The first number that a server gives to what users make.
const FIRST_OID: u32 = 16_384;

/// Where a name without a schema is assumed to be.
const SCHEMA: &str = "public";

/// The standard's own.
const STANDARD: &str = "information_schema";

const RELATIONS: &str = include_str!("relations.txt");

/// The number of the first of them; all are below those of users.
const FIRST_OWN_OID: u32 = 10_000;

/// What was assumed for a text.
#[derive(Debug)]
pub struct Assumed {
    pub catalogue: Catalogue,
    /// The relations that it names, taken for tables.
    pub tables: Vec<Name>,
    /// The functions that it calls and that are none of the server's own: a schema, where one is
    /// written, and a name.
    pub functions: Vec<(Option<String>, String)>,
}

/// A catalogue in which the relations that the text names are tables, and what was assumed.
pub fn assume(text: &str, settings: &Settings) -> Result<Assumed, Refused> {
    parser::bounded(text.as_bytes())?;
    let named = on_its_stack(Stack::Made, text, || named(text, settings))?;
    let tables: Vec<Name> = named.tables.into_iter().collect();
    Ok(Assumed {
        catalogue: made(&tables, &named.types, &settings.login_role),
        tables,
        functions: named.functions.into_iter().collect(),
    })
}

/// What a text names.
#[derive(Default)]
struct Named {
    tables: BTreeSet<Name>,
    types: BTreeSet<Name>,
    functions: BTreeSet<(Option<String>, String)>,
}

fn named(text: &str, settings: &Settings) -> Result<Named, Refused> {
    let mut named = Named::default();
    if let Parsed::Tree(tree) = parser::parse(text, &settings.standard_conforming_strings)? {
        let mentioned = visit::mentions(&tree).unwrap_or_default();
        named
            .types
            .extend(mentioned.types.iter().filter_map(|(parts, _)| {
                let (schema, name) = match &parts[..] {
                    [name] => (SCHEMA, name),
                    [.., schema, name] => (schema.as_str(), name),
                    [] => return None,
                };
                (schema != SYSTEM).then(|| Name::new(schema, name.as_str()))
            }));
        named
            .functions
            .extend(mentioned.functions.iter().filter_map(called));
        named
            .tables
            .extend(mentioned.relations.into_iter().filter_map(|relation| {
                let schema = match relation.schema.as_str() {
                    "" => SCHEMA,
                    schema => schema,
                };
                let own = schema != SYSTEM
                    && !(relation.schema.is_empty() && relation.name.starts_with("pg_"))
                    && !comes_with_the_server(schema, &relation.name);
                own.then(|| Name::new(schema, relation.name))
            }));
    }
    Ok(named)
}

/// What comes with the server: schemas and names.
fn own_relations() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = RELATIONS.lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(|line| {
        let mut words = line.split_whitespace();
        let schema = words.next().unwrap_or_default();
        words.map(move |name| (schema, name))
    })
}

fn comes_with_the_server(schema: &str, name: &str) -> bool {
    own_relations().any(|own| own == (schema, name))
}

/// The function that a definition makes, as `pg_get_functiondef` tells one.
pub fn defined(definition: &str) -> Option<Name> {
    parser::bounded(definition.as_bytes()).ok()?;
    let Ok(Parsed::Tree(tree)) = parser::parse(definition, &Tracked::Known(true)) else {
        return None;
    };
    let [raw] = tree.stmts.as_slice() else {
        return None;
    };
    let node::Node::CreateFunctionStmt(create) = raw.stmt.as_deref()?.node.as_ref()? else {
        return None;
    };
    match names::strings(&create.funcname).as_slice() {
        [schema, name] => Some(Name::new(*schema, *name)),
        _ => None,
    }
}

/// A call of what is none of the server's own.
fn called((parts, arguments): &(Vec<String>, usize)) -> Option<(Option<String>, String)> {
    let (name, schema) = parts.split_last()?;
    let schema = schema.last();
    let is_own = schema.is_none_or(|schema| schema == SYSTEM)
        && functions::builtin(name, *arguments).is_some();
    (!is_own).then(|| (schema.cloned(), name.clone()))
}

fn made(names: &[Name], types: &BTreeSet<Name>, owner: &str) -> Catalogue {
    let mut loader = Loader::new();
    let mut add = |section, values: &[&str]| {
        let values: Vec<Option<&str>> = values.iter().map(|value| Some(*value)).collect();
        // The rows are ours and right; one that is not leaves its name unknown, never harmless.
        let _ = loader.row(section, &values);
    };
    add(Section::Server, &[SERVER_VERSION]);
    let schemas: BTreeSet<&str> = names.iter().map(|name| name.schema.as_str()).collect();
    for schema in schemas.into_iter().chain([SYSTEM, STANDARD, SCHEMA]) {
        add(Section::Schemas, &[schema, owner, "t"]);
    }
    let mut relation = |oid: u32, schema: &str, name: &str| {
        let oid = oid.to_string();
        let row = [&oid, schema, name, "r", owner].map(Some);
        let _ = loader.row(Section::Relations, &[&row[..], &[None, None]].concat());
    };
    for (oid, (schema, name)) in (FIRST_OWN_OID..).zip(own_relations()) {
        relation(oid, schema, name);
    }
    for (oid, name) in (FIRST_OID..).zip(names) {
        relation(oid, &name.schema, &name.name);
    }
    for (oid, name) in (FIRST_OID..).skip(names.len()).zip(types) {
        let row = [&oid.to_string(), &name.schema, &name.name, "e", "0"];
        let values: Vec<Option<&str>> =
            row.iter().map(|value| Some(*value)).chain([None]).collect();
        let _ = loader.row(Section::Types, &values);
    }
    loader.finish()
}

#[cfg(test)]
mod tests;
