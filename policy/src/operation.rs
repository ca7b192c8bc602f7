//! One act in a protocol, told neutrally.

use std::collections::{BTreeMap, BTreeSet};

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
    /// The protocol's own word, compared without case.
    pub verb: String,
    pub flags: BTreeSet<Flag>,
    /// Facts by the names that each protocol documents.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// As sent.
    pub text: String,
    /// All that it reaches, views and what they read alike.
    pub accesses: BTreeSet<Access>,
}
