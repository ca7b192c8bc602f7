//! The state of one walk, and what it has found.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use pg_query::protobuf::RawStmt;
use portcullis_policy::{Access, Effect, Flag, Resource, ResourceKind};

use super::context::Context;
use crate::sql::Declared;
use crate::sql::Lacks;
use crate::sql::catalogue::{Catalogue, Function, Relation};
use crate::sql::names::Name;
use crate::sql::prepared::{Prepared, PreparedChange, PreparedStatement};
use crate::sql::settings::{Change, Settings};
use crate::sql::visit::{self, Counted, Counts};

/// How deep stored definitions may lead to others: views of views, functions that call functions.
pub const MAX_EXPANSION_DEPTH: usize = 16;

/// How many relations, functions and stored definitions one operation may lead to.
pub const MAX_EXPANSIONS: usize = 10_000;

/// Most accesses of one operation; beyond, a table that could not be told stands for the rest.
pub const MAX_ACCESSES: usize = 4096;

/// Most functions of each statement of which is told that nobody reviewed them.
const MAX_UNREVIEWED: usize = 8;

/// Most names of each statement of which is told that they could not be read.
const MAX_UNREAD: usize = 8;

/// What has been found so far.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) effect: Option<Effect>,
    pub(crate) flags: BTreeSet<Flag>,
    pub(crate) attributes: BTreeMap<&'static str, BTreeSet<String>>,
    pub(crate) accesses: BTreeSet<Access>,
    /// Numbers of the relations that are reached.
    pub(crate) touches: BTreeSet<u32>,
    /// Those of them whose values are read or written, and whose values may run something.
    pub(crate) valued: BTreeSet<u32>,
    /// Relations whose definition changes.
    pub(crate) defined: BTreeSet<u32>,
    /// Functions that run where a value is assigned, and whether one is.
    pub(crate) assigned: BTreeSet<Name>,
    pub(crate) assigns: bool,
    pub(crate) changes: Vec<Change>,
    pub(crate) prepared: Vec<PreparedChange>,
    pub(crate) declared: Vec<Declared>,
    /// The catalogue is out of date after it.
    pub(crate) voids_catalogue: bool,
    /// Later statements of the same text cannot be told by names that were read before it.
    pub(crate) voids_names: bool,
    /// All that is known of the session is out of date after it.
    pub(crate) voids_settings: bool,
    pub(crate) constants_looked_at: bool,
    /// Checks of values that are made of parts.
    pub(crate) runs_when_read: bool,
    /// Functions that could not be read, with the hashes of their definitions.
    pub(crate) unreviewed: BTreeSet<(Name, String)>,
    /// What could not be told for the locks of another session.
    pub(crate) unread: BTreeSet<Name>,
    /// It names what the catalogue does not have.
    pub(crate) lacks: bool,
    /// It names a function that the catalogue does not have.
    pub(crate) lacks_function: bool,
    /// Something could not be told for another reason than a name that is not there.
    pub(crate) untold: bool,
    /// The effect of all else than the names that are not there.
    pub(crate) beside: Option<Effect>,
}

/// What a name stands for.
pub(crate) enum Resolved<'c> {
    Relations(Vec<&'c Relation>),
    /// Made by an earlier statement of the same text: nothing hangs on it yet.
    Fresh(Name),
    /// Nothing, by the catalogue.
    Missing,
    Unknown,
}

pub(crate) struct Walk<'c> {
    pub(super) catalogue: &'c Catalogue,
    pub(crate) prepared: &'c Prepared,
    /// What the text itself prepared and removed.
    pub(super) prepared_here: BTreeMap<String, Option<PreparedStatement>>,
    pub(super) prepared_cleared: bool,
    /// The statement that is being walked, as it was sent.
    pub(crate) text: String,
    /// As the text itself changes them.
    pub(crate) settings: Settings,
    pub(crate) found: Found,
    pub(crate) context: Context,
    /// Names of the WITH queries in force, innermost last.
    pub(super) scopes: Vec<BTreeSet<String>>,
    pub(super) seen: Counts,
    /// So many `t.*` in lists of the statement.
    pub(super) stars: usize,
    /// Checks of domains that do more than compute.
    pub(super) notable_checks: BTreeSet<u32>,
    /// Types that earlier statements of the text made, and that run nothing.
    pub(super) fresh_types: BTreeSet<Name>,
    /// Relations that earlier statements of the text made.
    pub(super) fresh: BTreeSet<Name>,
    /// Those of them where a row that is written runs nothing.
    pub(super) plain: BTreeSet<Name>,
    /// Schemas that earlier statements of the text made.
    pub(super) fresh_schemas: BTreeSet<String>,
    /// Names whose meaning earlier statements of the text changed, whatever their schema.
    pub(super) void_names: BTreeSet<String>,
    /// The same, by the statement that is being walked: its own names are looked up before it runs.
    pub(super) void_later: BTreeSet<String>,
    /// Earlier statements of the text may have changed what any name stands for.
    pub(crate) names_void: bool,
    pub(super) depth: usize,
    pub(super) expansions: usize,
    pub(super) visited: HashSet<(u32, u16)>,
}

// === impl Found ===

impl Found {
    pub(crate) fn raise(&mut self, effect: Effect) {
        self.untold |= effect == Effect::Unknown;
        self.effect = self.effect.max(Some(effect));
        self.beside = self.beside.max(Some(effect));
    }

    pub(crate) fn flag(&mut self, flag: Flag) {
        self.flags.insert(flag);
    }

    pub(crate) fn attribute(&mut self, name: &'static str, value: impl Into<String>) {
        self.attributes
            .entry(name)
            .or_default()
            .insert(value.into());
    }

    pub(crate) fn access(&mut self, effect: Effect, resource: Resource) {
        self.raise(effect);
        let access = Access { effect, resource };
        if self.accesses.len() < MAX_ACCESSES || self.accesses.contains(&access) {
            self.accesses.insert(access);
            return;
        }
        self.raise(Effect::Unknown);
        let resource = Resource::Unresolved {
            kind: ResourceKind::Table,
        };
        self.accesses.insert(Access { effect, resource });
    }

    pub(crate) fn named(&mut self, effect: Effect, kind: ResourceKind, segments: &[&str]) {
        let segments = segments.iter().map(|s| (*s).to_owned()).collect();
        self.access(effect, Resource::Named { kind, segments });
    }

    pub(crate) fn unresolved(&mut self, effect: Effect, kind: ResourceKind) {
        self.untold |= kind == ResourceKind::Table;
        self.access(effect, Resource::Unresolved { kind });
    }

    pub(crate) fn unreviewed(&mut self, function: &Function) {
        if self.unreviewed.len() < MAX_UNREVIEWED && !function.definition_hash.is_empty() {
            let hash = function.definition_hash.clone();
            self.unreviewed.insert((function.name.clone(), hash));
        }
    }

    /// Another session was changing it, or what it looks at, when the catalogue was read.
    pub(crate) fn unread(&mut self, name: &Name) {
        self.raise(Effect::Unknown);
        if self.unread.len() < MAX_UNREAD {
            self.unread.insert(name.clone());
        }
    }

    /// What it names that is not there.
    pub(crate) fn lacking(&self) -> Lacks {
        match (self.lacks, self.untold, self.lacks_function) {
            (false, ..) => Lacks::Nothing,
            (true, true, _) => Lacks::More,
            (true, false, true) => Lacks::Functions,
            (true, false, false) => Lacks::Relations,
        }
    }

    /// A relation that the catalogue does not have.
    pub(crate) fn missing(&mut self, effect: Effect) {
        let (untold, beside) = (self.untold, self.beside);
        self.unresolved(effect, ResourceKind::Table);
        self.raise(Effect::Unknown);
        self.untold = untold;
        self.beside = beside.max(Some(effect));
        self.lacks = true;
    }

    /// A function that the catalogue does not have.
    pub(crate) fn missing_function(&mut self, schema: Option<&str>, name: &str) {
        let (untold, beside) = (self.untold, self.beside);
        let kind = ResourceKind::Function;
        match schema {
            Some(schema) => self.named(Effect::Unknown, kind, &[schema, name]),
            None => self.unresolved(Effect::Unknown, kind),
        }
        self.untold = untold;
        self.beside = beside;
        self.lacks = true;
        self.lacks_function = true;
    }

    /// A type that the catalogue does not have. Reading a text may already make values of it, so
    /// the server is not asked what it is.
    pub(crate) fn missing_type(&mut self) {
        self.raise(Effect::Unknown);
        self.lacks = true;
    }

    /// Adds what a part was found to do.
    pub(crate) fn merge(&mut self, part: Self) {
        let untold = self.untold || part.untold;
        let beside = self.beside.max(part.beside);
        if let Some(effect) = part.effect {
            self.raise(effect);
        }
        self.flags.extend(part.flags);
        for (name, values) in part.attributes {
            self.attributes.entry(name).or_default().extend(values);
        }
        for access in part.accesses {
            self.access(access.effect, access.resource);
        }
        self.touches.extend(part.touches);
        self.valued.extend(part.valued);
        self.defined.extend(part.defined);
        self.assigned.extend(part.assigned);
        self.assigns |= part.assigns;
        self.changes.extend(part.changes);
        self.prepared.extend(part.prepared);
        self.declared.extend(part.declared);
        self.voids_catalogue |= part.voids_catalogue;
        self.voids_names |= part.voids_names;
        self.voids_settings |= part.voids_settings;
        self.constants_looked_at |= part.constants_looked_at;
        self.runs_when_read |= part.runs_when_read;
        self.lacks |= part.lacks;
        self.lacks_function |= part.lacks_function;
        self.unreviewed.extend(part.unreviewed);
        self.unread.extend(part.unread);
        self.untold = untold;
        self.beside = beside;
    }

    /// The same, as if it were only planned: nothing is changed, all of it is looked at. What runs
    /// when the text is read is as strong as ever.
    pub(crate) fn planned(mut self) -> Self {
        let runs = self.runs_when_read;
        let lower = |effect: Effect| match effect {
            Effect::Unknown => Effect::Unknown,
            _ if runs => effect,
            _ => Effect::Read,
        };
        self.effect = self.effect.map(lower);
        self.beside = self.beside.map(lower);
        self.accesses = self
            .accesses
            .into_iter()
            .map(|access| Access {
                effect: lower(access.effect),
                resource: access.resource,
            })
            .collect();
        self.flags.remove(&Flag::Unbounded);
        self.flags.remove(&Flag::ConstantWhere);
        self.changes.clear();
        self.voids_catalogue = false;
        self.voids_names = false;
        self.voids_settings = false;
        self
    }
}

// === impl Walk ===

impl<'c> Walk<'c> {
    pub(crate) fn new(
        settings: &Settings,
        catalogue: &'c Catalogue,
        prepared: &'c Prepared,
    ) -> Self {
        let mut walk = Self {
            catalogue,
            prepared,
            prepared_here: BTreeMap::new(),
            prepared_cleared: false,
            text: String::new(),
            settings: settings.clone(),
            found: Found::default(),
            context: Context::new(),
            scopes: Vec::new(),
            seen: Counts::default(),
            stars: 0,
            notable_checks: BTreeSet::new(),
            fresh_types: BTreeSet::new(),
            fresh: BTreeSet::new(),
            plain: BTreeSet::new(),
            fresh_schemas: BTreeSet::new(),
            void_names: BTreeSet::new(),
            void_later: BTreeSet::new(),
            names_void: false,
            depth: 0,
            expansions: 0,
            visited: HashSet::new(),
        };
        walk.refresh_context();
        walk
    }

    pub(crate) fn unknown(&mut self) {
        self.found.raise(Effect::Unknown);
    }

    pub(super) fn saw(&mut self, counted: Counted) {
        self.seen.add(counted);
    }

    /// Walks one statement, and checks that nothing in it was passed over. Tells its verb.
    pub(crate) fn checked(&mut self, raw: &RawStmt) -> &'static str {
        let before = (
            std::mem::take(&mut self.seen),
            std::mem::take(&mut self.stars),
        );
        let verb = raw
            .stmt
            .as_deref()
            .map_or("UNKNOWN", |node| self.statement(node));
        self.values_read(raw);
        let seen = std::mem::replace(&mut self.seen, before.0);
        self.stars = before.1;
        if visit::count(raw) != Some(seen) {
            self.unknown();
            self.found.attribute("unaccounted", verb);
        }
        let statement = raw.stmt.as_deref().and_then(|node| node.node.as_ref());
        self.event_triggers(statement, verb);
        verb
    }

    /// Takes over what a statement of the text changes for those after it.
    pub(crate) fn settle(&mut self) {
        if self.found.voids_settings {
            self.settings.void_all();
        }
        self.names_void |= self.found.voids_names;
        self.void_names.append(&mut self.void_later);
    }

    /// Walks something apart, and tells what was found there.
    pub(crate) fn apart(&mut self, walk: impl FnOnce(&mut Self)) -> Found {
        let outer = std::mem::take(&mut self.found);
        walk(self);
        std::mem::replace(&mut self.found, outer)
    }

    /// Walks what a stored definition leads to, within bounds. `key` names the definition and how
    /// it is used, so that each is walked once.
    pub(super) fn expand(&mut self, key: (u32, u16), walk: impl FnOnce(&mut Self)) {
        if !self.visited.insert(key) {
            return;
        }
        self.expansions += 1;
        if self.depth >= MAX_EXPANSION_DEPTH || self.expansions > MAX_EXPANSIONS {
            self.unknown();
            return;
        }
        self.depth += 1;
        let scopes = std::mem::take(&mut self.scopes);
        let context = self.context.clone();
        walk(self);
        self.context = context;
        self.scopes = scopes;
        self.depth -= 1;
    }
}
