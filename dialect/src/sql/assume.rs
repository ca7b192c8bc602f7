//! A catalogue for asking about a text without a server.
//!
//! Whoever writes a policy asks "what would happen to this statement?" where there is no database
//! to look names up in. Each relation that the text names is then taken for an ordinary table, and
//! each type for one that runs nothing, in `public` where no schema is written; what views, triggers and functions of a real database would
//! add is not seen, and whoever shows the answer says so.

use std::collections::BTreeSet;

use super::catalogue::{Catalogue, Loader, Section};
use super::depth::on_its_stack;
use super::names::{Name, SYSTEM};
use super::parser::{self, Parsed, Refused};
use super::settings::Settings;
use super::visit;

/// The version that is assumed: the newest whose grammar is known.
const SERVER_VERSION: &str = "180000";

/// The first number that a server gives to what users make.
const FIRST_OID: u32 = 16_384;

/// Where a name without a schema is assumed to be.
const SCHEMA: &str = "public";

/// A catalogue in which the relations that the text names are tables, and those that were assumed.
pub fn assume(text: &str, settings: &Settings) -> Result<(Catalogue, Vec<Name>), Refused> {
    parser::bounded(text.as_bytes())?;
    let (names, types) = on_its_stack(text, || named(text, settings))?;
    let names: Vec<Name> = names.into_iter().collect();
    Ok((made(&names, &types, &settings.login_role), names))
}

/// The relations and the types that a text names.
fn named(text: &str, settings: &Settings) -> Result<(BTreeSet<Name>, BTreeSet<Name>), Refused> {
    let (mut names, mut types) = (BTreeSet::new(), BTreeSet::new());
    if let Parsed::Tree(tree) = parser::parse(text, &settings.standard_conforming_strings)? {
        let mentioned = visit::mentions(&tree).unwrap_or_default();
        types.extend(mentioned.types.iter().filter_map(|(parts, _)| {
            let (schema, name) = match &parts[..] {
                [name] => (SCHEMA, name),
                [.., schema, name] => (schema.as_str(), name),
                [] => return None,
            };
            (schema != SYSTEM).then(|| Name::new(schema, name.as_str()))
        }));
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
    Ok((names, types))
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
    for (oid, name) in (FIRST_OID..).skip(names.len()).zip(types) {
        let row = [&oid.to_string(), &name.schema, &name.name, "e", "0"];
        let values: Vec<Option<&str>> =
            row.iter().map(|value| Some(*value)).chain([None]).collect();
        let _ = loader.row(Section::Types, &values);
    }
    loader.finish()
}
