//! SQL of PostgreSQL: a statement's text to one operation.
//!
//! [`analyse`] tells what a text does before it is sent: its effect, every relation and function
//! that it reaches (behind views, rules, triggers, foreign keys and functions in SQL too), its
//! flags, and what it changes of the session. What cannot be told is Unknown, never harmless; a
//! text that the server's own grammar does not accept is [`Refused`].
//!
//! It runs on a stack of [`parser::STACK_SIZE`] bytes, and on one of its own for texts that may nest
//! deep ([`depth`]).
//!
//! # What is told how
//!
//! - **Effects.** Queries are Read; changes of data, row and table locks, sequences, large objects
//!   and NOTIFY are Write; what makes, alters or drops an object is Define; roles, privileges,
//!   databases, tablespaces, server settings and maintenance are Administer; settings,
//!   transactions, cursors that are open and PREPARE are Session. DO, and functions and procedures
//!   whose bodies are not SQL, are Unknown unless a [`catalogue::ReviewedFunction`] names them and
//!   their definition: this counts for trigger functions too, so a table whose rows are stamped by
//!   a trigger in PL/pgSQL can only be written once that function is reviewed.
//! - **EXPLAIN** without ANALYZE plans and may run functions while it does: a Read of all that the
//!   statement reaches. With ANALYZE it is the statement.
//! - **Resources.** Relations of every sort are `table`; temporary ones are in `pg_temp`. Pure
//!   functions of the server are no access. A sequence used by a column's default is part of the
//!   write. A materialised view counts as what it was made from.
//! - **Several statements** are one operation with all that each does. Its verb is that of the
//!   statement with the strongest effect, the first of them; the attribute `verb` has all.
//! - **Attributes**: `database`, `role` (in force, where known), `verb`, `setting` (changed; `*` for
//!   any), `cursor`, `prepared`, `channel`, `lock` (`row`, `table`), `copy` (`in`, `out`),
//!   `object` (objects that are no resource, and columns), `language`, `extension`,
//!   `securityDefiner` (functions that run as their owner), `unaccounted` (a verb whose statement
//!   holds something that is not understood).
//! - **Not followed**: casts that nobody wrote (see `cast_to`), functions behind types, operator
//!   classes and planner estimates (only a superuser makes those in C), and which of several
//!   overloads a call takes (all count).

pub mod assume;
pub mod catalogue;
mod classify;
pub mod depth;
pub mod encoding;
mod functions;
pub mod lineage;
pub mod names;
pub mod parser;
pub mod prepared;
mod reading;
pub mod secrets;
pub mod settings;
mod visit;

use std::collections::BTreeSet;
use std::sync::Arc;

use pg_query::protobuf::ParseResult;
use portcullis_policy::{Access, Effect, Flag, Operation, Resource, ResourceKind};

use catalogue::Catalogue;
use classify::{Found, Walk};
pub use classify::{MAX_ACCESSES, MAX_EXPANSION_DEPTH, MAX_EXPANSIONS};
use depth::Stack;
use parser::Parsed;
pub use parser::Refused;
use prepared::{Prepared, PreparedChange};
pub use reading::Reading;
use settings::{Change, Settings};

/// What a text does.
#[derive(Debug, Clone)]
pub struct Analysis {
    pub operation: Operation,
    /// Each statement of the text, in its order.
    pub statements: Vec<StatementFacts>,
    /// The settings after the text, if all of it went well. If it failed, what it changed is void.
    pub settings: Settings,
    /// The tracked settings that it changes.
    pub changes: Vec<Change>,
    /// What it prepares and deallocates.
    pub prepared: Vec<PreparedChange>,
    /// The cursors that it declares.
    pub declared: Vec<Declared>,
    /// The relations that it reaches, by number.
    pub touches: BTreeSet<u32>,
    /// The catalogue must be read again in this session after it.
    pub voids_catalogue: bool,
    /// Settings and prepared statements must be read again in this session after it.
    pub voids_settings: bool,
    /// The server runs a part of it where it only reads the text: checks of domains that its
    /// literals are made of.
    pub runs_when_read: bool,
    /// The analysis rests on constants of the text: it must not be used for another text of the
    /// same shape.
    pub constants_looked_at: bool,
    pub lacks: Lacks,
    /// What the server may read of it to say that its names are not there.
    pub reading: Option<Reading>,
    /// What it does beside the names that are not there, where only those keep it from being told,
    /// and the server looks all of them up before it runs anything of it.
    pub beside: Option<Operation>,
    /// Functions that it calls and that cannot be read, with the hashes of their definitions: what
    /// a [`catalogue::ReviewedFunction`] would have to name. Only the first of many.
    pub unreviewed: Vec<(names::Name, String)>,
    /// What could not be told of it because another session was changing these, or what they look
    /// at, when the catalogue was read. Only the first of many.
    pub unread: Vec<names::Name>,
}

/// A cursor that a text declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    pub name: String,
    /// WITH HOLD: it outlives its transaction.
    pub holds: bool,
}

/// What a text names and the catalogue does not have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lacks {
    #[default]
    Nothing,
    /// Relations; all else of it could be told.
    Relations,
    /// Functions, and perhaps relations; all else of it could be told.
    Functions,
    /// There is more that could not be told.
    More,
}

/// One statement of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementFacts {
    pub verb: &'static str,
    pub effect: Effect,
    /// Where it stands in the text, in bytes.
    pub start: usize,
    pub end: usize,
}

/// The verb of a text without a statement.
const EMPTY: &str = "EMPTY";

/// The verb of a text that cannot be told.
const UNKNOWN: &str = "UNKNOWN";

/// Tells what a text does, by the settings of the session and the catalogue of its database. What a
/// client sent becomes a text by [`parser::readable`].
pub fn analyse(
    text: &str,
    settings: &Settings,
    catalogue: &Catalogue,
    prepared: &Prepared,
) -> Result<Analysis, Refused> {
    analyse_typed(text, settings, catalogue, prepared, &[])
}

/// The same of a text whose parameters have these types: a value becomes one of them when it is
/// bound.
pub fn analyse_typed(
    text: &str,
    settings: &Settings,
    catalogue: &Catalogue,
    prepared: &Prepared,
    types: &[u32],
) -> Result<Analysis, Refused> {
    analyse_on(Stack::Made, text, settings, catalogue, prepared, types)
}

/// The same on such a stack.
pub fn analyse_on(
    stack: Stack,
    text: &str,
    settings: &Settings,
    catalogue: &Catalogue,
    prepared: &Prepared,
    types: &[u32],
) -> Result<Analysis, Refused> {
    parser::bounded(text.as_bytes())?;
    depth::on_its_stack(stack, text, || {
        analyse_here(text, settings, catalogue, prepared, types)
    })
}

fn analyse_here(
    text: &str,
    settings: &Settings,
    catalogue: &Catalogue,
    prepared: &Prepared,
    types: &[u32],
) -> Result<Analysis, Refused> {
    let mut walk = Walk::new(settings, catalogue, prepared);
    let mut total = Found::default();
    let mut statements = Vec::new();
    let mut lacking = None;
    match parser::parse(text, &settings.standard_conforming_strings)? {
        Parsed::Tree(tree) => {
            lacking = walk_all(text, &tree, &mut walk, &mut total, &mut statements);
        }
        Parsed::Ambiguous => {
            total.unresolved(Effect::Unknown, ResourceKind::Table);
            total.voids_catalogue = true;
            total.voids_settings = true;
            walk.settings.void_all();
            statements.push(StatementFacts {
                verb: UNKNOWN,
                effect: Effect::Unknown,
                start: 0,
                end: text.len(),
            });
        }
    }
    let bound = walk.apart(|walk| types.iter().for_each(|oid| walk.becomes(*oid)));
    total.merge(bound);
    if statements.len() > 1 {
        total.flag(Flag::MultiStatement);
    }
    let reading = lacking.and_then(|at| reading::of(text, settings, &statements, at, &total));
    let after = (walk.settings, reading);
    Ok(finish(text, settings, after, total, statements))
}

/// Tells the first statement that names what is not there.
fn walk_all(
    text: &str,
    tree: &ParseResult,
    walk: &mut Walk<'_>,
    total: &mut Found,
    statements: &mut Vec<StatementFacts>,
) -> Option<usize> {
    let mut lacking = None;
    for raw in &tree.stmts {
        let (start, end) = parser::range(text, raw);
        walk.text = text.get(start..end).unwrap_or(text).to_owned();
        walk.refresh_context();
        let mut verb = UNKNOWN;
        let found = walk.apart(|walk| {
            verb = walk.checked(raw);
            walk.settle();
        });
        statements.push(StatementFacts {
            verb,
            effect: found.effect.unwrap_or(Effect::Unknown),
            start,
            end,
        });
        if found.effect.is_none() {
            total.raise(Effect::Unknown);
        }
        if found.lacks {
            lacking.get_or_insert(statements.len() - 1);
        }
        total.merge(found);
    }
    lacking
}

fn finish(
    text: &str,
    before: &Settings,
    (after, reading): (Settings, Option<Reading>),
    found: Found,
    statements: Vec<StatementFacts>,
) -> Analysis {
    let mut strongest = None;
    for statement in &statements {
        if strongest.is_none_or(|known: &StatementFacts| known.effect < statement.effect) {
            strongest = Some(statement);
        }
    }
    let lacks = found.lacking();
    let mut attributes: std::collections::BTreeMap<String, Vec<String>> = found
        .attributes
        .into_iter()
        .map(|(name, values)| (name.to_owned(), values.into_iter().collect()))
        .collect();
    attributes.insert("database".to_owned(), vec![before.database.clone()]);
    if let Some(role) = before.role.known() {
        attributes.insert("role".to_owned(), vec![role.clone()]);
    }
    let operation = Operation {
        effect: found.effect.unwrap_or(Effect::Session),
        verb: strongest
            .map_or(EMPTY, |statement| statement.verb)
            .to_owned(),
        flags: found.flags,
        attributes: attributes.into(),
        text: text.to_owned(),
        accesses: found.accesses.into(),
    };
    Analysis {
        beside: found
            .beside
            .filter(|_| reading.is_some())
            .map(|effect| beside(&operation, effect)),
        // What is read instead of a text is made of its constants.
        constants_looked_at: found.constants_looked_at
            || matches!(reading, Some(Reading::Instead(_))),
        reading,
        operation,
        statements,
        settings: after,
        changes: found.changes,
        prepared: found.prepared,
        declared: found.declared,
        touches: found.touches,
        voids_catalogue: found.voids_catalogue,
        voids_settings: found.voids_settings,
        runs_when_read: found.runs_when_read,
        unreviewed: found.unreviewed.into_iter().collect(),
        unread: found.unread.into_iter().collect(),
        lacks,
    }
}

/// The operation without the names that are not there: all that could not be told is those.
fn beside(operation: &Operation, effect: Effect) -> Operation {
    let is_there = |access: &&Access| {
        let table = ResourceKind::Table;
        access.effect != Effect::Unknown
            && !matches!(access.resource, Resource::Unresolved { kind } if kind == table)
    };
    Operation {
        effect,
        accesses: Arc::new(
            operation
                .accesses
                .iter()
                .filter(is_there)
                .cloned()
                .collect(),
        ),
        ..operation.clone()
    }
}

// === impl Analysis ===

impl Analysis {
    /// True when the relations that it reaches are all known.
    pub fn touches_are_known(&self) -> bool {
        !self.operation.is_unknown()
            && !self.operation.accesses.iter().any(|access| {
                matches!(
                    access.resource,
                    Resource::Unresolved {
                        kind: ResourceKind::Table
                    }
                )
            })
    }
}
