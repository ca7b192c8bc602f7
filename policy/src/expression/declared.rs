//! What an expression may ask about, and by which functions.

use crate::operation::{Effect, Flag, ResourceKind};

/// What is known of a value before anything is evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Int,
    Double,
    String,
    /// A string from a closed list.
    Word(Words),
    Null,
    Timestamp,
    Duration,
    Cidr,
    List(Box<Type>),
    /// A map from strings.
    Map(Box<Type>),
    /// One of `operation.accesses`.
    Access,
    /// A value whose type only its issuer knows.
    Dyn,
    /// What is in an empty list.
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    Effect,
    Flag,
    Kind,
}

/// A field of one of the declared variables, or a variable without fields.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) path: &'static str,
    pub(super) type_of: fn() -> Type,
    /// May be absent: `has(…)` asks.
    pub(super) optional: bool,
}

/// The variables, in the order of their indices in a [`Roots`].
pub(super) const VARIABLES: &[Variable] = &[
    always("subject.username", || Type::String),
    always("subject.groups", strings),
    always("subject.issuer", || Type::String),
    always("subject.claims", || Type::Map(Box::new(Type::Dyn))),
    sometimes("subject.actor", || Type::String),
    always("operation.effect", || Type::Word(Words::Effect)),
    always("operation.verb", || Type::String),
    always("operation.flags", || {
        Type::List(Box::new(Type::Word(Words::Flag)))
    }),
    always("operation.text", || Type::String),
    always("operation.attributes", || Type::Map(Box::new(strings()))),
    always("operation.accesses", || Type::List(Box::new(Type::Access))),
    always("connection.namespace", || Type::String),
    always("connection.name", || Type::String),
    always("connection.labels", || Type::Map(Box::new(Type::String))),
    always("connection.protocol", || Type::String),
    sometimes("connection.database", || Type::String),
    always("session.id", || Type::String),
    always("session.clientAddress", || Type::String),
    always("session.startedAt", || Type::Timestamp),
    always("now", || Type::Timestamp),
];

/// The fields of an access.
pub(super) const ACCESS_FIELDS: &[Variable] = &[
    always("effect", || Type::Word(Words::Effect)),
    always("kind", || Type::Word(Words::Kind)),
    sometimes("segments", strings),
];

/// A set of variables, by their index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Roots(u32);

/// A function on a value: `target.name(arguments)`.
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) on: fn(&Type) -> bool,
    pub(super) arguments: &'static [Argument],
    /// How many arguments may be left out.
    pub(super) optional: usize,
    pub(super) result: fn() -> Type,
    /// How it is written, for messages.
    pub(super) shape: &'static str,
}

/// What an argument must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Argument {
    String,
    Int,
    List,
    Any,
    /// A regular expression, written as a literal.
    Pattern,
    /// `UTC` or an offset such as `+02:00`, written as a literal.
    Zone,
    /// A network such as `10.0.0.0/8`, written as a literal.
    Network,
    /// A time as in RFC 3339, written as a literal.
    Time,
    /// A duration such as `1h30m`, written as a literal.
    Duration,
}

const fn always(path: &'static str, type_of: fn() -> Type) -> Variable {
    Variable {
        path,
        type_of,
        optional: false,
    }
}

const fn sometimes(path: &'static str, type_of: fn() -> Type) -> Variable {
    Variable {
        path,
        type_of,
        optional: true,
    }
}

fn strings() -> Type {
    Type::List(Box::new(Type::String))
}

const fn method(
    name: &'static str,
    on: fn(&Type) -> bool,
    arguments: &'static [Argument],
    result: fn() -> Type,
    shape: &'static str,
) -> Method {
    Method {
        name,
        on,
        arguments,
        optional: 0,
        result,
        shape,
    }
}

const fn getter(name: &'static str, shape: &'static str) -> Method {
    let arguments = &[Argument::Zone];
    Method {
        name,
        on: is_time,
        arguments,
        optional: 1,
        result: || Type::Int,
        shape,
    }
}

/// Every method. Of several with one name, the first whose target fits is meant.
pub(super) const METHODS: &[Method] = &[
    method(
        "contains",
        is_text,
        &[Argument::String],
        || Type::Bool,
        "string.contains(string)",
    ),
    method(
        "startsWith",
        is_text,
        &[Argument::String],
        || Type::Bool,
        "string.startsWith(string)",
    ),
    method(
        "endsWith",
        is_text,
        &[Argument::String],
        || Type::Bool,
        "string.endsWith(string)",
    ),
    method(
        "matches",
        is_text,
        &[Argument::Pattern],
        || Type::Bool,
        "string.matches('pattern')",
    ),
    method(
        "find",
        is_text,
        &[Argument::Pattern],
        || Type::String,
        "string.find('pattern')",
    ),
    method(
        "lowerAscii",
        is_text,
        &[],
        || Type::String,
        "string.lowerAscii()",
    ),
    method(
        "upperAscii",
        is_text,
        &[],
        || Type::String,
        "string.upperAscii()",
    ),
    method("trim", is_text, &[], || Type::String, "string.trim()"),
    method(
        "indexOf",
        is_text,
        &[Argument::String],
        || Type::Int,
        "string.indexOf(string)",
    ),
    method(
        "lastIndexOf",
        is_text,
        &[Argument::String],
        || Type::Int,
        "string.lastIndexOf(string)",
    ),
    method(
        "split",
        is_text,
        &[Argument::String],
        strings,
        "string.split(string)",
    ),
    Method {
        name: "substring",
        on: is_text,
        arguments: &[Argument::Int, Argument::Int],
        optional: 1,
        result: || Type::String,
        shape: "string.substring(start, end)",
    },
    method("size", has_size, &[], || Type::Int, "value.size()"),
    method(
        "containsIP",
        |of| *of == Type::Cidr,
        &[Argument::String],
        || Type::Bool,
        "cidr('…').containsIP(string)",
    ),
    getter("getFullYear", "timestamp.getFullYear()"),
    getter("getMonth", "timestamp.getMonth()"),
    getter("getDate", "timestamp.getDate()"),
    getter("getDayOfMonth", "timestamp.getDayOfMonth()"),
    getter("getDayOfWeek", "timestamp.getDayOfWeek()"),
    getter("getDayOfYear", "timestamp.getDayOfYear()"),
    getter("getHours", "timestamp.getHours('+02:00')"),
    getter("getMinutes", "timestamp.getMinutes('+02:00')"),
    getter("getSeconds", "timestamp.getSeconds()"),
    getter("getMilliseconds", "timestamp.getMilliseconds()"),
    method(
        "getHours",
        |of| *of == Type::Duration,
        &[],
        || Type::Int,
        "duration.getHours()",
    ),
    method(
        "getMinutes",
        |of| *of == Type::Duration,
        &[],
        || Type::Int,
        "duration.getMinutes()",
    ),
    method(
        "getSeconds",
        |of| *of == Type::Duration,
        &[],
        || Type::Int,
        "duration.getSeconds()",
    ),
];

/// Every function without a target.
pub(super) const FUNCTIONS: &[Method] = &[
    method(
        "size",
        |_| true,
        &[Argument::Any],
        || Type::Int,
        "size(value)",
    ),
    method(
        "int",
        |_| true,
        &[Argument::Any],
        || Type::Int,
        "int(value)",
    ),
    method(
        "string",
        |_| true,
        &[Argument::Any],
        || Type::String,
        "string(value)",
    ),
    method(
        "isIP",
        |_| true,
        &[Argument::String],
        || Type::Bool,
        "isIP(string)",
    ),
    method(
        "cidr",
        |_| true,
        &[Argument::Network],
        || Type::Cidr,
        "cidr('10.0.0.0/8')",
    ),
    method(
        "timestamp",
        |_| true,
        &[Argument::Time],
        || Type::Timestamp,
        "timestamp('2026-01-31T08:00:00Z')",
    ),
    method(
        "duration",
        |_| true,
        &[Argument::Duration],
        || Type::Duration,
        "duration('1h30m')",
    ),
    method(
        "sets.contains",
        |_| true,
        &[Argument::List, Argument::List],
        || Type::Bool,
        "sets.contains(list, list)",
    ),
    method(
        "sets.intersects",
        |_| true,
        &[Argument::List, Argument::List],
        || Type::Bool,
        "sets.intersects(list, list)",
    ),
    method(
        "sets.equivalent",
        |_| true,
        &[Argument::List, Argument::List],
        || Type::Bool,
        "sets.equivalent(list, list)",
    ),
];

/// The macros, which are not functions but look like them.
pub(super) const MACROS: &[&str] = &["has", "all", "exists", "exists_one", "map", "filter"];

fn is_text(of: &Type) -> bool {
    matches!(of, Type::String | Type::Word(_) | Type::Dyn)
}

fn is_time(of: &Type) -> bool {
    *of == Type::Timestamp
}

pub(super) fn has_size(of: &Type) -> bool {
    matches!(of, Type::List(_) | Type::Map(_)) || is_text(of)
}

// === impl Roots ===

impl Roots {
    pub(super) fn one(index: usize) -> Self {
        Self(
            1_u32
                .checked_shl(u32::try_from(index).unwrap_or(u32::MAX))
                .unwrap_or(0),
        )
    }

    #[must_use]
    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn has(self, index: usize) -> bool {
        self.0 & Self::one(index).0 != 0
    }

    /// The variables of the set.
    pub(super) fn variables(self) -> impl Iterator<Item = (usize, &'static Variable)> {
        VARIABLES
            .iter()
            .enumerate()
            .filter(move |(index, _)| self.has(*index))
    }

    /// True when a variable of the set is `name` or a field of it.
    pub(super) fn mentions(self, name: &str) -> bool {
        self.variables()
            .any(|(_, variable)| variable.root() == name)
    }
}

// === impl Variable ===

impl Variable {
    pub(super) fn root(&self) -> &'static str {
        self.path
            .split_once('.')
            .map_or(self.path, |(root, _)| root)
    }

    pub(super) fn field(&self) -> Option<&'static str> {
        self.path.split_once('.').map(|(_, field)| field)
    }
}

// === impl Words ===

impl Words {
    pub(super) fn list(self) -> Vec<&'static str> {
        match self {
            Self::Effect => Effect::ALL.iter().map(|(_, word)| *word).collect(),
            Self::Flag => Flag::ALL.iter().map(|(_, word)| *word).collect(),
            Self::Kind => ResourceKind::ALL.iter().map(|(_, word)| *word).collect(),
        }
    }

    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Effect => "effect",
            Self::Flag => "flag",
            Self::Kind => "kind of resource",
        }
    }
}

// === impl Type ===

impl Type {
    /// The one type of both, where there is one.
    pub(super) fn join(self, other: Self) -> Option<Self> {
        match (self, other) {
            (one, two) if one == two => Some(one),
            (Self::Nothing, other) | (other, Self::Nothing) => Some(other),
            (Self::Word(_), Self::String | Self::Word(_)) | (Self::String, Self::Word(_)) => {
                Some(Self::String)
            }
            (Self::List(one), Self::List(two)) => Some(Self::List(Box::new(one.join(*two)?))),
            (Self::Dyn, other) | (other, Self::Dyn) => other.is_plain().then_some(Self::Dyn),
            _ => None,
        }
    }

    /// True when a value of the one may equal one of the other.
    pub(super) fn comparable(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Access | Self::Cidr, _) | (_, Self::Access | Self::Cidr) => false,
            _ => self.clone().join(other.clone()).is_some(),
        }
    }

    /// True for what a claim may be.
    fn is_plain(&self) -> bool {
        match self {
            Self::List(of) | Self::Map(of) => of.is_plain(),
            Self::Timestamp | Self::Duration | Self::Cidr | Self::Access => false,
            _ => true,
        }
    }
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("whole number"),
            Self::Double => f.write_str("decimal number"),
            Self::String | Self::Word(_) => f.write_str("string"),
            Self::Null => f.write_str("null"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Duration => f.write_str("duration"),
            Self::Cidr => f.write_str("cidr"),
            Self::List(of) => write!(f, "list of {of}"),
            Self::Map(of) => write!(f, "map to {of}"),
            Self::Access => f.write_str("access"),
            Self::Dyn => f.write_str("value of unknown type"),
            Self::Nothing => f.write_str("nothing"),
        }
    }
}
