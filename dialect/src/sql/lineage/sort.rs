//! Of what sort a value is, as far as that tells whether something done with it may fail.

use super::value::{Kind, Value};
use crate::sql::catalogue::{Catalogue, Digits, FIRST_USER_OID};

/// A sort of values. What is not known fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Sort {
    #[default]
    Unknown,
    Bool,
    Text,
    Bytes,
    /// A number that is small by what it tells: a length, a day of the month.
    Count,
    Int2,
    Int4,
    Int8,
    /// Of four bytes, or of eight.
    Float4,
    Float8,
    /// With as many digits as these, where they are bounded.
    Numeric(Option<Digits>),
    Money,
    Date,
    /// With or without a time zone.
    Stamp,
    Time,
    Interval,
    /// JSON that may be of any sort.
    Json,
    /// JSON that is surely an object.
    Object,
    Inet,
    Uuid,
    /// By the type of its elements; 0 when that is not known.
    Array(u32),
    /// Neither a number nor an array.
    Other,
}

/// Digits after the point that are not counted.
pub(super) const MANY: u32 = u32::MAX;

/// Arrays of the server by their numbers, with those of their elements.
const ARRAYS: [(u32, u32); 20] = [
    (1000, 16),
    (1001, 17),
    (1003, 19),
    (1005, 21),
    (1007, 23),
    (1009, 25),
    (1014, 1042),
    (1015, 1043),
    (1016, 20),
    (1021, 700),
    (1022, 701),
    (1041, 869),
    (1115, 1114),
    (1182, 1082),
    (1185, 1184),
    (1187, 1186),
    (1231, 1700),
    (199, 114),
    (2951, 2950),
    (3807, 3802),
];

/// The number of each type by its name.
const NAMES: [(&str, u32); 24] = [
    ("bool", 16),
    ("bytea", 17),
    ("name", 19),
    ("int8", 20),
    ("int2", 21),
    ("int4", 23),
    ("text", 25),
    ("json", 114),
    ("cidr", 650),
    ("float4", 700),
    ("float8", 701),
    ("money", 790),
    ("inet", 869),
    ("bpchar", 1042),
    ("varchar", 1043),
    ("date", 1082),
    ("time", 1083),
    ("timestamp", 1114),
    ("timestamptz", 1184),
    ("interval", 1186),
    ("timetz", 1266),
    ("numeric", 1700),
    ("uuid", 2950),
    ("jsonb", 3802),
];

/// Of types that came with the server, by their numbers.
fn of_server(oid: u32) -> Sort {
    match oid {
        16 => Sort::Bool,
        17 => Sort::Bytes,
        19 | 25 | 1042 | 1043 => Sort::Text,
        20 => Sort::Int8,
        21 => Sort::Int2,
        23 => Sort::Int4,
        114 | 3802 => Sort::Json,
        650 | 869 => Sort::Inet,
        700 => Sort::Float4,
        701 => Sort::Float8,
        790 => Sort::Money,
        1082 => Sort::Date,
        1083 | 1266 => Sort::Time,
        1114 | 1184 => Sort::Stamp,
        1186 => Sort::Interval,
        1700 => Sort::Numeric(None),
        2950 => Sort::Uuid,
        _ => match ARRAYS.iter().find(|(array, _)| *array == oid) {
            Some((_, element)) => Sort::Array(*element),
            None => Sort::Other,
        },
    }
}

// === impl Sort ===

impl Sort {
    /// Of the type of this number.
    pub(super) fn of(catalogue: &Catalogue, oid: u32) -> Self {
        let told = catalogue.told_type(oid);
        match told < FIRST_USER_OID {
            true => of_server(told),
            false
                if catalogue
                    .types_named("citext")
                    .any(|(citext, _)| citext == told) =>
            {
                Self::Text
            }
            // An array, a range or a row of its own.
            false if catalogue.inside(told).is_made_of_parts => Self::Array(0),
            false => Self::Other,
        }
    }

    /// Of the server's type of this name, or of arrays of it.
    pub(super) fn named(name: &str, is_array: bool) -> Self {
        let name = match name {
            "boolean" => "bool",
            "integer" | "int" => "int4",
            "bigint" => "int8",
            "smallint" => "int2",
            "decimal" => "numeric",
            "real" => "float4",
            "citext" => "text",
            other => other,
        };
        let known = NAMES.iter().find(|(known, _)| *known == name);
        match (known, is_array) {
            (Some((_, oid)), true) => Self::Array(*oid),
            (None, true) => Self::Array(0),
            (Some((_, oid)), false) => of_server(*oid),
            (None, false) => Self::Unknown,
        }
    }

    pub(super) fn is_float(self) -> bool {
        matches!(self, Self::Float4 | Self::Float8)
    }

    pub(super) fn is_numeric(self) -> bool {
        matches!(self, Self::Numeric(_))
    }

    pub(super) fn is_integer(self) -> bool {
        matches!(self, Self::Count | Self::Int2 | Self::Int4 | Self::Int8)
    }

    /// The most digits before and after the point, where these are bounded.
    pub(super) fn digits(self) -> Option<Digits> {
        let before = match self {
            Self::Numeric(digits) => return digits,
            Self::Count | Self::Int4 => 10,
            Self::Int2 => 5,
            Self::Int8 => 19,
            _ => return None,
        };
        Some(Digits { before, after: 0 })
    }

    /// True when every value of this sort becomes one of another; `stretch` tells how far it may
    /// have come from what is stored.
    pub(super) fn fits(self, other: Self, stretch: f64) -> bool {
        use Sort as S;
        let is_near = stretch <= 1.0;
        match (self, other) {
            (_, S::Text) => true,
            (S::Unknown | S::Other, _) | (_, S::Unknown | S::Other) => false,
            (S::Array(own), S::Array(other)) => {
                own == other && own != 0
                    || own != 0 && other != 0 && of_server(own).fits(of_server(other), stretch)
            }
            (S::Count | S::Int2 | S::Bool, S::Int4) => true,
            (S::Count | S::Int4, S::Bool) => true,
            (own, S::Int8) if own.is_integer() => true,
            // Nineteen digits are past what is counted.
            (S::Numeric(None), S::Int8 | S::Money) => is_near,
            (own, S::Int4) if own.is_numeric() => is_within(own, 9),
            (own, S::Int8) if own.is_numeric() => is_within(own, 18),
            (own, S::Money) if own.is_numeric() => is_within(own, 15),
            (S::Count | S::Int2 | S::Int4, S::Money) => true,
            (own, S::Float8) if own.is_numeric() => stretch <= 1e6,
            (own, S::Float4) if own.is_numeric() => is_within(own, 30),
            (own, S::Float4 | S::Float8) if own.is_integer() => true,
            (S::Float4, S::Float8) => true,
            (S::Money, S::Numeric(None)) => true,
            (own, S::Numeric(None)) => own.is_integer() || own.is_float() || own.is_numeric(),
            (own, S::Numeric(Some(target))) => match own.digits() {
                // Rounding may make one digit more.
                Some(digits) => {
                    let is_rounded = digits.after > target.after;
                    digits.before + u32::from(is_rounded) <= target.before
                }
                None => false,
            },
            (S::Date | S::Stamp, S::Date | S::Stamp) => true,
            (S::Stamp | S::Interval, S::Time) | (S::Time, S::Interval) => true,
            (S::Object, S::Json) => true,
            (own, other) => own == other,
        }
    }
}

fn is_within(sort: Sort, before: u32) -> bool {
    sort.digits().is_some_and(|digits| digits.before <= before)
}

// === impl Value ===

impl Value {
    /// The same value, of this sort.
    pub(super) fn sorted(self, sort: Sort) -> Self {
        Self { sort, ..self }
    }

    /// The sort that several values have together, as the arms of a choice do: what is written
    /// without a type takes that of the others.
    pub(super) fn common_sort<'v>(values: impl IntoIterator<Item = &'v Self>) -> Sort {
        let typed = |value: &&Self| value.kind != Kind::Literal(true);
        let sorts = values.into_iter().filter(typed).map(|value| value.sort);
        let together = |one: Sort, other: Sort| match one == other {
            true => one,
            false if one == Sort::Text || other == Sort::Text => Sort::Unknown,
            false if other.fits(one, 1.0) => one,
            false if one.fits(other, 1.0) => other,
            false => Sort::Unknown,
        };
        sorts.reduce(together).unwrap_or(Sort::Text)
    }
}
