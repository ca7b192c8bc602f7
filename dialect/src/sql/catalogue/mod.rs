//! What a database holds, as the session sees it: a plain value that the proxy fills with the rows
//! of the queries in [`queries`] (see [`Loader`]).
//!
//! It tells what is behind a name: the tables behind a view, the children of a parent, the
//! triggers and rules that a write sets off, the body of a function. What is not in it is unknown
//! and never harmless. It serves classification and, by its columns, lineage.

mod definition;
mod family;
mod fingerprint;
mod kind;
mod loader;
mod queries;
mod signature;
mod stored;
mod upkeep;

use std::collections::{BTreeMap, BTreeSet, HashMap};

pub use fingerprint::FINGERPRINT;
pub(super) use kind::{Inside, Type};
pub use loader::{InvalidRow, Loader, MAX_ROWS};
pub use queries::{PREAMBLE, Section};
pub(super) use signature::{Argument, Mode, Signature};
pub use stored::Stored;
pub(super) use upkeep::{ClassFunction, EventTrigger, Occasion, Part, Upkeep};

use kind::Types;

use super::names::Name;

/// The first number of an object that did not come with the server.
pub const FIRST_USER_OID: u32 = 16_384;

/// All that a database holds.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// The server's version as a number, such as 150018; 0 before it is loaded.
    pub server_version: u32,
    pub(super) schemas: HashMap<String, Schema>,
    pub(super) relations: HashMap<u32, Relation>,
    pub(super) relation_names: HashMap<String, HashMap<String, u32>>,
    pub(super) functions: HashMap<String, Vec<Function>>,
    pub(super) operators: HashMap<String, Vec<Backed>>,
    /// Functions of casts, by the name of the type that they make.
    pub(super) casts: HashMap<String, Vec<Name>>,
    types: Types,
    /// Functions of operator classes that are not in C.
    pub(super) class_functions: Vec<ClassFunction>,
    pub(super) event_triggers: Vec<EventTrigger>,
    /// Foreign servers, with the wrapper that each goes through.
    pub(super) servers: HashMap<String, String>,
    pub(super) extensions: BTreeMap<String, String>,
    /// The relation whose rows are of a type, by the type's number.
    pub(super) row_types: HashMap<u32, u32>,
    /// What functions take and return, by name.
    pub(super) signatures: HashMap<String, Vec<Signature>>,
    reviewed: BTreeSet<ReviewedFunction>,
}

/// A function that someone has read, as it was when it was read: beside what is told here it does
/// nothing that counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReviewedFunction {
    pub name: Name,
    /// SHA-256 of its definition (`pg_get_functiondef`), in lower-case hexadecimal.
    pub definition: String,
    /// The relations that it reads, and those that it writes.
    pub reads: Vec<Name>,
    pub writes: Vec<Name>,
}

#[derive(Debug)]
pub(super) struct Schema {
    pub(super) owner: String,
    /// The role that logged in may use it.
    pub(super) usable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationKind {
    Table,
    Partitioned,
    View,
    MaterialisedView,
    Foreign,
    Sequence,
    Index,
    Toast,
    Composite,
}

/// A table, view, sequence or index.
#[derive(Debug)]
pub struct Relation {
    pub oid: u32,
    pub name: Name,
    pub kind: RelationKind,
    pub owner: String,
    /// In the order of their numbers, without dropped ones.
    pub columns: Vec<Column>,
    /// What a view selects.
    pub definition: Option<Stored>,
    /// The wrapper of a foreign table.
    pub wrapper: Option<String>,
    pub(super) children: Vec<u32>,
    pub(super) parents: Vec<u32>,
    pub(super) cascades: Vec<Cascade>,
    pub(super) triggers: Vec<Trigger>,
    pub(super) rules: Vec<Rule>,
    /// Row security: they run whenever the relation is used.
    pub(super) policies: Vec<Stored>,
    /// They run when a row is written.
    pub(super) checks: Vec<Stored>,
    /// What runs beside them, and where.
    pub(super) upkeep: Vec<Upkeep>,
    /// Views that select from it.
    pub(super) dependents: Vec<u32>,
    /// Numbers of the columns of its unique indexes; 0 stands for an expression.
    pub(super) unique: Vec<i16>,
    /// What values of a type of some column of it run is not certain to be nothing.
    pub(super) runs: bool,
    /// What hangs on it is not known in full: another session was changing it, or what it looks at.
    pub unread: bool,
}

#[derive(Debug)]
pub struct Column {
    /// Its attribute number.
    pub number: i16,
    pub name: String,
    pub type_oid: u32,
    /// The default, or the expression of a generated column.
    pub default: Option<Stored>,
    /// It is computed from other columns of its row.
    pub generated: bool,
    /// The most digits of a number, where it has bounds.
    pub(super) digits: Option<Digits>,
    /// Its texts may be so long and no longer.
    pub(super) has_length: bool,
    /// It holds no NULL.
    pub(super) not_null: bool,
}

/// The most digits of a number before and after its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digits {
    pub(super) before: u32,
    pub(super) after: u32,
}

/// A foreign key of another table that changes that table when this one changes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cascade {
    pub(super) child: u32,
    pub(super) on_delete: bool,
    pub(super) on_update: bool,
}

/// What sets off a trigger or a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Event {
    Insert,
    Update,
    Delete,
    Truncate,
}

#[derive(Debug)]
pub(super) struct Trigger {
    pub(super) function: Name,
    pub(super) events: Vec<Event>,
    /// The whole definition, for its condition.
    pub(super) definition: Stored,
}

#[derive(Debug)]
pub(super) struct Rule {
    pub(super) event: Event,
    pub(super) definition: Stored,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionKind {
    Function,
    Procedure,
    Aggregate,
    Window,
}

/// A function that did not come with the server.
#[derive(Debug)]
pub struct Function {
    pub oid: u32,
    pub name: Name,
    pub kind: FunctionKind,
    pub owner: String,
    pub language: String,
    pub(super) arguments: u32,
    pub(super) defaults: u32,
    pub(super) variadic: bool,
    /// Takes one row, so that `t.f` may call it.
    pub(super) takes_row: bool,
    pub security_definer: bool,
    /// What stands for arguments that a call leaves out.
    pub(in crate::sql) default_values: Option<Stored>,
    /// The body in SQL, where it has one.
    pub body: Option<Body>,
    /// Runs with settings of its own.
    pub(super) settings: Vec<String>,
    pub(super) extension: Option<String>,
    pub definition_hash: String,
    /// What an aggregate calls.
    pub(super) calls: Vec<Name>,
    /// Its body was not read: another session was changing what it looks at.
    pub unread: bool,
}

/// The body of a function in SQL.
#[derive(Debug)]
pub enum Body {
    /// A text whose names are resolved by the caller's settings.
    Quoted(Stored),
    /// Resolved when the function was made.
    Atomic(Stored),
}

/// An operator, and the function behind it.
#[derive(Debug)]
pub(super) struct Backed {
    pub(super) schema: String,
    pub(super) function: Name,
}

// === impl Catalogue ===

impl Catalogue {
    /// Lets these functions count as what is told of them, as long as their definitions stay what
    /// they were.
    pub fn review(&mut self, functions: impl IntoIterator<Item = ReviewedFunction>) {
        self.reviewed.extend(functions);
    }

    /// Whether something of it could not be read for the locks of another session.
    pub fn is_unread(&self) -> bool {
        self.relations.values().any(|relation| relation.unread)
            || self
                .functions
                .values()
                .flatten()
                .any(|function| function.unread)
    }

    pub fn relation(&self, schema: &str, name: &str) -> Option<&Relation> {
        let oid = self.relation_names.get(schema)?.get(name)?;
        self.relations.get(oid)
    }

    pub fn relation_by_oid(&self, oid: u32) -> Option<&Relation> {
        self.relations.get(&oid)
    }

    /// The relation whose rows are of this type.
    pub(super) fn row_type(&self, type_oid: u32) -> Option<&Relation> {
        self.relations.get(self.row_types.get(&type_oid)?)
    }

    /// What is known of the functions of this name that a call with this many arguments may mean.
    pub(super) fn signatures_of<'c>(
        &'c self,
        schema: &'c str,
        name: &str,
        count: usize,
    ) -> impl Iterator<Item = &'c Signature> {
        let named = self.signatures.get(name).map_or(&[][..], Vec::as_slice);
        named
            .iter()
            .filter(move |signature| signature.schema == schema && signature.takes(count))
    }

    pub(super) fn signature(&self, function: &Function) -> Option<&Signature> {
        let named = self.signatures.get(&function.name.name)?;
        named.iter().find(|signature| signature.oid == function.oid)
    }

    /// Every function of this name, in whatever schema.
    pub(super) fn functions_named(&self, name: &str) -> &[Function] {
        self.functions.get(name).map_or(&[], Vec::as_slice)
    }

    pub(super) fn review_of(&self, function: &Function) -> Option<&ReviewedFunction> {
        self.reviewed.iter().find(|reviewed| {
            reviewed.name == function.name && reviewed.definition == function.definition_hash
        })
    }

    /// All relations of a schema.
    pub(super) fn relations_of(&self, schema: &str) -> impl Iterator<Item = &Relation> {
        self.relation_names
            .get(schema)
            .into_iter()
            .flat_map(HashMap::values)
            .filter_map(|oid| self.relations.get(oid))
    }

    /// All functions of a schema.
    pub(super) fn functions_of<'c>(
        &'c self,
        schema: &'c str,
    ) -> impl Iterator<Item = &'c Function> {
        self.functions
            .values()
            .flatten()
            .filter(move |function| function.name.schema == schema)
    }
}

// === impl Relation ===

impl Relation {
    /// It came with the server.
    pub fn is_system(&self) -> bool {
        self.oid < FIRST_USER_OID
    }
}

// === impl Function ===

impl Function {
    /// A call with this many arguments may mean this function.
    pub(super) fn takes(&self, count: usize) -> bool {
        signature::takes(self.arguments, self.defaults, self.variadic, count)
    }
}
