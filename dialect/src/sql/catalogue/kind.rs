//! Types that did not come with the server: what a value of one is made of, and what it runs.
//!
//! A domain runs its checks and its default, and the functions of casts that nobody writes run
//! where a value of their types is. The functions behind a base type (input, output and the like)
//! are in C, which only a superuser makes, and are not looked at.

use std::collections::{BTreeSet, HashMap};

use super::{Catalogue, FIRST_USER_OID, Name, Relation, Stored};

/// The server's own numbers of texts.
const TEXT: u32 = 25;
const VARCHAR: u32 = 1043;

/// The types of users, by number and by name.
#[derive(Debug, Default)]
pub(super) struct Types {
    by_oid: HashMap<u32, Type>,
    by_name: HashMap<String, Vec<u32>>,
    /// Functions of casts that are not written, by the types that they are between, and whether
    /// only an assignment takes them.
    casts: HashMap<u32, Vec<(Name, bool)>>,
    stored: u32,
}

/// A type that has no relation of its own.
#[derive(Debug)]
pub(in crate::sql) struct Type {
    pub(in crate::sql) name: Name,
    kind: Kind,
    /// The type of its elements, or the one that it is based on; 0 for none.
    holds: u32,
    /// The checks and the default of a domain, each with a number that tells it apart from others.
    runs: Vec<(u32, Stored)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Domain,
    Range,
}

/// All that a value of a type may run.
#[derive(Debug, Default)]
pub(in crate::sql) struct Inside<'c> {
    /// Run where something becomes such a value.
    pub(in crate::sql) checks: Vec<(u32, &'c Stored)>,
    /// Run where it becomes something else too; some only where that is written to.
    pub(in crate::sql) casts: Vec<&'c (Name, bool)>,
    /// It is no domain over a plain type: a literal beside such a value becomes one of its type.
    pub(in crate::sql) is_made_of_parts: bool,
    /// It is made of a type that is not listed.
    pub(in crate::sql) unlisted: bool,
    /// The server's own types that it is made of.
    pub(in crate::sql) types: BTreeSet<u32>,
}

// === impl Types ===

impl Types {
    pub(super) fn add(&mut self, oid: u32, made: Type) {
        let named = self.by_name.entry(made.name.name.clone()).or_default();
        named.push(oid);
        self.by_oid.insert(oid, made);
    }

    /// A check or a default of a domain.
    pub(super) fn run(&mut self, oid: u32, expression: &str) {
        self.stored += 1;
        let stored = (self.stored, Stored::expression(expression));
        if let Some(domain) = self.by_oid.get_mut(&oid) {
            domain.runs.push(stored);
        }
    }

    pub(super) fn cast(&mut self, types: [u32; 2], function: &Name, assigns: bool) {
        for oid in types {
            let casts = self.casts.entry(oid).or_default();
            casts.push((function.clone(), assigns));
        }
    }
}

// === impl Type ===

impl Type {
    /// By the letter of `typtype`.
    pub(super) fn new(name: Name, letter: &str, holds: u32) -> Option<Self> {
        let kind = match letter {
            "d" => Kind::Domain,
            "r" | "m" => Kind::Range,
            "b" | "e" | "p" => Kind::Plain,
            _ => return None,
        };
        Some(Self {
            name,
            kind,
            holds,
            runs: Vec::new(),
        })
    }
}

// === impl Inside ===

impl Inside<'_> {
    pub(in crate::sql) fn is_nothing(&self) -> bool {
        self.checks.is_empty() && self.casts.is_empty() && !self.unlisted
    }
}

// === impl Catalogue ===

impl Catalogue {
    /// The types of this name, with their numbers, in whatever schema.
    pub(in crate::sql) fn types_named(&self, name: &str) -> impl Iterator<Item = (u32, &Type)> {
        let named = self.types.by_name.get(name).map_or(&[][..], Vec::as_slice);
        named
            .iter()
            .filter_map(|oid| Some((*oid, self.types.by_oid.get(oid)?)))
    }

    /// True for the function that makes ranges of a type: it has the type's name.
    pub(in crate::sql) fn makes_a_range(&self, function: &Name) -> bool {
        self.types_named(&function.name)
            .any(|(_, made)| made.kind == Kind::Range && made.name == *function)
    }

    /// All that a value of a type may run.
    pub(in crate::sql) fn inside(&self, oid: u32) -> Inside<'_> {
        self.inside_all([oid])
    }

    /// The same of a row.
    pub(in crate::sql) fn inside_row(&self, relation: &Relation) -> Inside<'_> {
        self.inside_all(relation.columns.iter().map(|column| column.type_oid))
    }

    /// The type that the server tells of a value: a domain is told as what it is based on.
    pub fn told_type(&self, oid: u32) -> u32 {
        let mut told = oid;
        // As many as there are types, should they ever stand in a ring.
        for _ in 0..=self.types.by_oid.len() {
            match self.types.by_oid.get(&told) {
                Some(domain) if domain.kind == Kind::Domain => told = domain.holds,
                _ => break,
            }
        }
        told
    }

    /// True where every type of this name is a domain over a text that checks nothing.
    pub(in crate::sql) fn is_unchecked_text(&self, name: &str) -> bool {
        let mut named = self.types_named(name).peekable();
        let is_text = |oid| [TEXT, VARCHAR].contains(&self.told_type(oid));
        named.peek().is_some()
            && named.all(|(oid, _)| is_text(oid) && self.inside(oid).checks.is_empty())
    }

    /// True where a value of a type is made of parts that may be of one of these types, or where
    /// that is not known.
    pub fn may_hold(&self, oid: u32, wanted: &[u32]) -> bool {
        let inside = self.inside(oid);
        inside.unlisted || inside.types.iter().any(|oid| wanted.contains(oid))
    }

    fn inside_all(&self, types: impl IntoIterator<Item = u32>) -> Inside<'_> {
        let mut inside = Inside::default();
        let mut met = BTreeSet::new();
        let mut next: Vec<u32> = types.into_iter().collect();
        while let Some(oid) = next.pop() {
            if oid < FIRST_USER_OID {
                inside.types.insert(oid);
                continue;
            }
            if !met.insert(oid) {
                continue;
            }
            inside
                .casts
                .extend(self.types.casts.get(&oid).into_iter().flatten());
            let listed = self.types.by_oid.get(&oid);
            let row = self.row_type(oid);
            inside.unlisted |= listed.is_none() && row.is_none();
            if let Some(listed) = listed {
                let runs = listed.runs.iter().map(|(id, stored)| (*id, stored));
                inside.checks.extend(runs);
                inside.is_made_of_parts |= listed.kind != Kind::Domain && listed.holds != 0;
                next.push(listed.holds);
            }
            if let Some(row) = row {
                inside.is_made_of_parts = true;
                next.extend(row.columns.iter().map(|column| column.type_oid));
            }
        }
        inside
    }

    pub(super) fn relations_that_run(&self) -> Vec<u32> {
        let runs = |relation: &&Relation| {
            let user = |column: &super::Column| column.type_oid >= FIRST_USER_OID;
            relation.columns.iter().any(user) && !self.inside_row(relation).is_nothing()
        };
        let found = self.relations.values().filter(runs);
        found.map(|relation| relation.oid).collect()
    }
}
