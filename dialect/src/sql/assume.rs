//! A catalogue for asking about a text without a server.
//!
//! Whoever writes a policy asks "what would happen to this statement?" where there is no database
//! to look names up in. Each relation that the text names is then taken for an ordinary table, in
//! `public` where no schema is written; what views, triggers and functions of a real database would
//! add is not seen, and whoever shows the answer says so.

use std::collections::BTreeSet;

use super::catalogue::{Catalogue, Loader, Section};
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
    let mut names = BTreeSet::new();
    if let Parsed::Tree(tree) = parser::parse(text, &settings.standard_conforming_strings)? {
        let mentioned = visit::mentions(&tree).map(|mentions| mentions.relations);
        names.extend(mentioned.into_iter().flatten().filter_map(|named| {
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
    Ok((tables(&names, &settings.login_role), names))
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
