//! A catalogue for asking about a text without a server.
//!
//! Whoever writes a policy asks "what would happen to this statement?" where there is no database
//! to look names up in. Each relation that the text names is then taken for an ordinary table, in
//! `public` where no schema is written; what views, triggers and functions of a real database would
//! add is not seen, and whoever shows the answer says so.

use std::collections::BTreeSet;

use pg_query::protobuf::node;

use super::catalogue::{Catalogue, Loader, Section};
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
    let mut names = BTreeSet::new();
    let mut functions = BTreeSet::new();
    if let Parsed::Tree(tree) = parser::parse(text, &settings.standard_conforming_strings)? {
        let mentioned = visit::mentions(&tree).unwrap_or_default();
        functions.extend(mentioned.functions.iter().filter_map(called));
        names.extend(mentioned.relations.into_iter().filter_map(|named| {
            let schema = match named.schema.as_str() {
                "" => SCHEMA,
                schema => schema,
            };
            let own =
                schema != SYSTEM && !(named.schema.is_empty() && named.name.starts_with("pg_"));
            own.then(|| Name::new(schema, named.name))
        }));
    }
    let names: Vec<Name> = names.into_iter().collect();
    Ok(Assumed {
        catalogue: tables(&names, &settings.login_role),
        tables: names,
        functions: functions.into_iter().collect(),
    })
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

fn tables(names: &[Name], owner: &str) -> Catalogue {
    let mut loader = Loader::new();
    let mut add = |section, values: &[&str]| {
        let values: Vec<Option<&str>> = values.iter().map(|value| Some(*value)).collect();
        // The rows are ours and right; one that is not leaves its name unknown, never harmless.
        let _ = loader.row(section, &values);
    };
    add(Section::Server, &[SERVER_VERSION]);
    let schemas: BTreeSet<&str> = names.iter().map(|name| name.schema.as_str()).collect();
    for schema in schemas.into_iter().chain([SYSTEM, SCHEMA]) {
        add(Section::Schemas, &[schema, owner, "t"]);
    }
    for (oid, name) in (FIRST_OID..).zip(names) {
        let relation = [&oid.to_string(), &name.schema, &name.name, "r", owner];
        let values: Vec<Option<&str>> = relation
            .iter()
            .map(|value| Some(*value))
            .chain([None, None])
            .collect();
        let _ = loader.row(Section::Relations, &values);
    }
    loader.finish()
}
