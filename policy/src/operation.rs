//! One act in a protocol, told neutrally.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::word::closed_words;

/// The attribute that lists every verb of an operation that does several things.
pub const VERB: &str = "verb";

/// What an act does to what it touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Settings of the session, transactions, cursors: no data.
    Session,
    Read,
    Write,
    Define,
    Administer,
    /// Could not be told; never harmless.
    Unknown,
}

/// A property of an operation that rules name because its effect and resources do not show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flag {
    /// A change without a condition: every row, every object.
    Unbounded,
    /// A condition that is always true.
    ConstantWhere,
    /// Reads or writes files of the server.
    ServerFile,
    /// Starts programs on the server.
    ServerProgram,
    /// Loads code into the server.
    ServerCode,
    /// Makes the server dial out.
    OutboundConnection,
    RoleChange,
    PrivilegeChange,
    /// Runs text that is made while it runs.
    DynamicCode,
    MultiStatement,
    /// Reads or changes the target's own credentials or trust.
    CredentialAccess,
    /// Reads or changes Portcullis's own resources.
    OwnResource,
}

/// What kind of thing a resource path names, and so how its segments are joined and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceKind {
    Database,
    Schema,
    Table,
    Function,
    Role,
    Key,
    Path,
    Program,
    Address,
    K8s,
}

/// What an operation touches. Segments are the target's own names, after its case folding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    Named {
        kind: ResourceKind,
        segments: Vec<String>,
    },
    /// Something of this kind that could not be told by name.
    Unresolved { kind: ResourceKind },
}

/// One effect on one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Access {
    pub effect: Effect,
    pub resource: Resource,
}

/// One act, told neutrally.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The strongest thing that it does.
    pub effect: Effect,
    /// The protocol's own word, compared without case. Of an operation that does several things,
    /// the attribute [`VERB`] lists all their words, and rules look at those too.
    pub verb: String,
    pub flags: BTreeSet<Flag>,
    /// Facts by the names that each protocol documents.
    /// Shared, as the accesses are: texts that differ in constants alone have them in common.
    pub attributes: Arc<BTreeMap<String, Vec<String>>>,
    /// As sent.
    pub text: String,
    /// All that it reaches, views and what they read alike.
    pub accesses: Arc<BTreeSet<Access>>,
}

// === words ===

closed_words!(Effect, "effect", [
    Session => "Session",
    Read => "Read",
    Write => "Write",
    Define => "Define",
    Administer => "Administer",
    Unknown => "Unknown",
]);

closed_words!(Flag, "flag", [
    Unbounded => "unbounded",
    ConstantWhere => "constantWhere",
    ServerFile => "serverFile",
    ServerProgram => "serverProgram",
    ServerCode => "serverCode",
    OutboundConnection => "outboundConnection",
    RoleChange => "roleChange",
    PrivilegeChange => "privilegeChange",
    DynamicCode => "dynamicCode",
    MultiStatement => "multiStatement",
    CredentialAccess => "credentialAccess",
    OwnResource => "ownResource",
]);

closed_words!(ResourceKind, "kind of resource", [
    Database => "database",
    Schema => "schema",
    Table => "table",
    Function => "function",
    Role => "role",
    Key => "key",
    Path => "path",
    Program => "program",
    Address => "address",
    K8s => "k8s",
]);

// === impl Resource ===

impl Resource {
    pub fn kind(&self) -> ResourceKind {
        match self {
            Self::Named { kind, .. } | Self::Unresolved { kind } => *kind,
        }
    }
}

// === impl Operation ===

impl Operation {
    /// Every verb: its own and those that the attribute [`VERB`] lists, which may repeat it.
    pub fn verbs(&self) -> impl Iterator<Item = &str> {
        let listed = self.attributes.get(VERB).into_iter().flatten();
        [&self.verb].into_iter().chain(listed).map(String::as_str)
    }

    /// True when what it does could not be told, by itself or by anything that it touches.
    pub fn is_unknown(&self) -> bool {
        self.effect == Effect::Unknown
            || self
                .accesses
                .iter()
                .any(|access| access.effect == Effect::Unknown)
    }
}

// === impl ResourceKind ===

impl ResourceKind {
    /// The character that joins the segments of a path, where a path of this kind has several.
    pub fn separator(self) -> Option<char> {
        match self {
            Self::Database | Self::Schema | Self::Table | Self::Function | Self::Role => Some('.'),
            Self::Path | Self::K8s => Some('/'),
            Self::Key | Self::Program | Self::Address => None,
        }
    }

    /// Names that the target folds: an unquoted part of a pattern is folded too.
    pub fn folds_case(self) -> bool {
        self.separator() == Some('.')
    }

    /// How many segments a path of this kind has, where that is fixed.
    pub fn segment_count(self) -> Option<usize> {
        match self {
            Self::Path => None,
            Self::K8s => Some(5),
            Self::Table | Self::Function => Some(2),
            _ => Some(1),
        }
    }

    /// How a path of this kind is written, for messages.
    pub fn shape(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Schema => "schema",
            Self::Table => "schema.table",
            Self::Function => "schema.function",
            Self::Role => "role",
            Self::Key => "key",
            Self::Path => "/a/path",
            Self::Program => "program",
            Self::Address => "host:port",
            Self::K8s => "namespace/group/resource/subresource/name",
        }
    }
}
