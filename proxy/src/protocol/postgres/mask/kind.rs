//! What kind of value a type has, by the type's number.
//!
//! Numbers of the server's own types never change. A type that it does not know (an extension's,
//! an enum, a row type) is [`Kind::Other`]: NULL where it is masked, and looked through for texts
//! where there are detectors. Domains are described as their base types.

use portcullis_policy::mask::TypeClass;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The same bytes in both formats.
    Text,
    /// The same bytes in both formats.
    Json,
    /// Its binary format has a version before the text.
    Jsonb,
    Number(Number),
    Boolean,
    Temporal,
    Bytes,
    /// Its binary format spells what detectors know as a text.
    Spelled(Spelled),
    /// An array of these, where the element has a kind.
    Array(Element),
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelled {
    Uuid,
    Address,
    Hardware,
}

/// The number of an element's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element(u32);

// === impl Kind ===

impl Kind {
    pub(super) fn of(type_oid: u32) -> Self {
        match type_oid {
            // name text unknown bpchar varchar xml cstring refcursor
            19 | 25 | 705 | 1042 | 1043 | 142 | 2275 | 1790 => Self::Text,
            114 => Self::Json,
            3802 => Self::Jsonb,
            21 => Self::Number(Number::Int2),
            23 => Self::Number(Number::Int4),
            20 => Self::Number(Number::Int8),
            700 => Self::Number(Number::Float4),
            701 => Self::Number(Number::Float8),
            1700 => Self::Number(Number::Numeric),
            16 => Self::Boolean,
            // date time timetz timestamp timestamptz interval
            1082 | 1083 | 1266 | 1114 | 1184 | 1186 => Self::Temporal,
            // bytea bit varbit
            17 | 1560 | 1562 => Self::Bytes,
            2950 => Self::Spelled(Spelled::Uuid),
            // inet cidr
            869 | 650 => Self::Spelled(Spelled::Address),
            // macaddr macaddr8
            829 | 774 => Self::Spelled(Spelled::Hardware),
            other => element(other).map_or(Self::Other, |e| Self::Array(Element(e))),
        }
    }

    pub(super) fn class(self) -> TypeClass {
        match self {
            Self::Text => TypeClass::Text,
            Self::Json | Self::Jsonb => TypeClass::Json,
            Self::Number(_) => TypeClass::Number,
            Self::Boolean => TypeClass::Boolean,
            Self::Temporal => TypeClass::Temporal,
            Self::Bytes => TypeClass::Bytes,
            Self::Array(_) => TypeClass::Array,
            Self::Spelled(_) | Self::Other => TypeClass::Other,
        }
    }

    /// True where JSON documents may be in it.
    pub(super) fn holds_json(self) -> bool {
        match self {
            Self::Array(element) => element.kind().holds_json(),
            kind => kind.class() == TypeClass::Json,
        }
    }
}

// === impl Element ===

impl Element {
    /// Elements are never arrays themselves.
    pub(super) fn kind(self) -> Kind {
        match Kind::of(self.0) {
            Kind::Array(_) => Kind::Other,
            kind => kind,
        }
    }
}

/// The number of the element's type, for arrays whose elements have a kind.
fn element(array: u32) -> Option<u32> {
    Some(match array {
        1000 => 16,
        1001 => 17,
        1003 => 19,
        1005 => 21,
        1007 => 23,
        1009 => 25,
        1014 => 1042,
        1015 => 1043,
        1016 => 20,
        1021 => 700,
        1022 => 701,
        1040 => 829,
        1041 => 869,
        1115 => 1114,
        1182 => 1082,
        1183 => 1083,
        1185 => 1184,
        1187 => 1186,
        1231 => 1700,
        1263 => 2275,
        1270 => 1266,
        143 => 142,
        1561 => 1560,
        1563 => 1562,
        199 => 114,
        2201 => 1790,
        2951 => 2950,
        3807 => 3802,
        651 => 650,
        775 => 774,
        _ => return None,
    })
}
