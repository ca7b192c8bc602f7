//! Sums, products and quotients: of what sort they are, and whether they may overflow by what a
//! column holds.
//!
//! What is added to a stored value or multiplied with it is chosen by the text, or stands in another
//! table that the caller may write to: an overflow then tells whether the value is above a bound.
//! Free is what no bound below the end of the type can be told by, give or take small numbers.

use super::sort::{MANY, Sort};
use super::trace::Tracer;
use super::value::{Constant, Kind, Value};
use crate::sql::catalogue::Digits;

/// The largest number that may be added to a stored value, or multiplied by.
const SMALL: f64 = 1000.0;

/// The smallest one that a floating point number may be multiplied by, or divided.
const TINY: f64 = 0.001;

/// So many small numbers may be added one after the other.
const MOST_SUMS: f64 = 9.0;

/// What two stored integers stretch each other by.
const STORED: f64 = 1000.0;

/// Of a number that a text of dates and times may hold: a year.
const MOST_DIGITS: usize = 4;

/// The longest literal that is looked at.
const MOST_BYTES: usize = 40;

/// How far a span may go that is made of given ones: years.
const LONG: f64 = 9999.0;

/// Units by which few go far, and what is past every date.
const FAR: [&str; 14] = [
    "c",
    "cent",
    "century",
    "centuries",
    "dec",
    "decs",
    "decade",
    "decades",
    "mil",
    "mils",
    "millennium",
    "millennia",
    "infinity",
    "inf",
];

/// What comes of an operation.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Made {
    pub(super) sort: Sort,
    pub(super) stretch: f64,
    /// It is made of nothing stored and is small.
    pub(super) is_ordinary: bool,
    is_total: bool,
}

// === impl Made ===

impl Made {
    pub(super) fn of(sort: Sort) -> Self {
        Self {
            sort,
            stretch: 1.0,
            ..Self::default()
        }
    }

    pub(super) fn as_is(value: &Value) -> Self {
        Self {
            sort: value.sort,
            stretch: value.stretch,
            is_ordinary: is_ordinary(value),
            ..Self::default()
        }
    }
}

impl Tracer<'_> {
    /// `+`, `-`, `*`.
    pub(super) fn sum_may_fail(&mut self, name: &str, left: &Value, right: &Value) -> Made {
        let made = match name {
            "*" => product(left, right),
            _ => sum(name, left, right),
        };
        if !made.is_total || left.is_nulled || right.is_nulled {
            self.may_fail(left);
            self.may_fail(right);
        }
        made
    }

    /// `-x`: only the least of all numbers has no opposite.
    pub(super) fn sign_may_fail(&mut self, value: &Value) -> Made {
        let sort = match value.kind {
            Kind::Literal(_) => Sort::Unknown,
            _ => value.sort,
        };
        let is_number = sort.digits().is_some()
            || sort.is_numeric()
            || sort.is_float()
            || matches!(sort, Sort::Interval | Sort::Money);
        if !is_number || value.is_nulled {
            self.may_fail(value);
        }
        Made {
            sort,
            stretch: value.stretch,
            is_ordinary: is_ordinary(value),
            is_total: true,
        }
    }

    /// `/`, `%`, `mod`, `div`.
    pub(super) fn quotient_may_fail(&mut self, name: &str, left: &Value, right: &Value) -> Made {
        let sort = match (left.sort, right.sort) {
            (Sort::Text, Sort::Text) if name == "%" => {
                // How similar two texts are.
                return Made {
                    sort: Sort::Bool,
                    ..Made::default()
                };
            }
            (Sort::Interval | Sort::Money, _) => left.sort,
            (own @ Sort::Numeric(_), other) if number_of(own, other).is_numeric() => own,
            (own, other) => number_of(own, other),
        };
        self.may_fail(right);
        let divisor = magnitude(right);
        let has_end = sort.is_float() || matches!(sort, Sort::Interval | Sort::Money);
        let is_sound = match divisor {
            Some(number) if has_end => number >= TINY,
            Some(number) => number > 0.0,
            // A count of what there is, what cannot be zero, a column.
            None if has_end => is_of_one_row(left, right),
            None => {
                right.is_nulled || right.sort == Sort::Count || matches!(right.kind, Kind::Plain(_))
            }
        };
        if !is_sound || sort == Sort::Unknown || left.is_nulled {
            self.may_fail(left);
        }
        let factor = divisor.map_or(1.0, |number| (1.0 / number).max(1.0));
        let more = match divisor {
            Some(number) if number >= 1.0 => Some(0),
            Some(number) if number >= TINY => Some(4),
            None if right.sort.is_integer() => Some(0),
            _ => None,
        };
        let sort = match (sort, more) {
            (Sort::Numeric(Some(digits)), Some(more)) => Sort::Numeric(Some(Digits {
                before: digits.before.saturating_add(more),
                after: MANY,
            })),
            (Sort::Numeric(_), _) => Sort::Numeric(None),
            (other, _) => other,
        };
        Made {
            sort,
            stretch: left.stretch * factor,
            is_ordinary: false,
            is_total: true,
        }
    }
}

/// A value that is written in the text and small, or is the time of now and its like.
pub(super) fn is_ordinary(value: &Value) -> bool {
    if !value.is_literal() {
        return value.is_ordinary;
    }
    match given(value) {
        Some(Given::Number(number)) => number <= SMALL,
        Some(Given::Text(_)) => true,
        None => false,
    }
}

/// What a literal is.
enum Given {
    Number(f64),
    /// A date, or a span of time, with the largest number that it has.
    Text(f64),
}

/// `None` for what is no literal, or may be far.
fn given(value: &Value) -> Option<Given> {
    let Some(Constant::One(text)) = &value.constant else {
        return None;
    };
    if !value.is_literal() || text.len() > MOST_BYTES {
        return None;
    }
    if let Ok(number) = text.parse::<f64>() {
        return Some(Given::Number(number.abs())).filter(|_| number.is_finite());
    }
    let mut largest: f64 = 1.0;
    for run in text.split(|c: char| !c.is_ascii_digit()) {
        if run.len() > MOST_DIGITS {
            return None;
        }
        largest = largest.max(run.parse().unwrap_or(1.0));
    }
    let mut words = text.split(|c: char| !c.is_ascii_alphabetic());
    let is_far = words.any(|word| FAR.contains(&word.to_ascii_lowercase().as_str()));
    (!is_far).then_some(Given::Text(largest))
}

/// How large a literal is.
fn magnitude(value: &Value) -> Option<f64> {
    match given(value)? {
        Given::Number(number) | Given::Text(number) => Some(number),
    }
}

fn is_stored(value: &Value) -> bool {
    !value.sources.is_empty() || value.untraced
}

/// What one row holds beside a value is not chosen for it.
fn is_of_one_row(left: &Value, right: &Value) -> bool {
    let relations = |value: &Value| {
        let relations = value.sources.iter().map(|source| source.relation);
        relations.collect::<std::collections::BTreeSet<u32>>()
    };
    let (own, other) = (relations(left), relations(right));
    // Through a view a column is told of several.
    own == other && (own.len() == 1 || is_plain(left) && is_plain(right))
}

/// How far from what is stored, or how large.
fn reach(value: &Value) -> f64 {
    magnitude(value).unwrap_or(value.stretch).max(1.0)
}

fn sum(name: &str, left: &Value, right: &Value) -> Made {
    let sort = match (own_sort(left, right), own_sort(right, left)) {
        (Sort::Date, Sort::Date) if name == "-" => Sort::Count,
        (Sort::Date, other) if other.is_integer() => Sort::Date,
        (Sort::Date, Sort::Interval) => Sort::Stamp,
        (Sort::Date, Sort::Time) => Sort::Stamp,
        (Sort::Stamp | Sort::Date, Sort::Stamp | Sort::Date) if name == "-" => Sort::Interval,
        (Sort::Stamp, Sort::Interval) => Sort::Stamp,
        (own, Sort::Date) if own.is_integer() && name == "+" => Sort::Date,
        (Sort::Interval, Sort::Date | Sort::Stamp) if name == "+" => Sort::Stamp,
        (Sort::Interval, Sort::Interval) => Sort::Interval,
        (Sort::Time, Sort::Interval) => Sort::Time,
        (Sort::Time, Sort::Time) if name == "-" => Sort::Interval,
        (Sort::Money, Sort::Money) => Sort::Money,
        (own, other) => number_of(own, other),
    };
    let stretch = match is_stored(left) || is_stored(right) {
        true => left.stretch.max(right.stretch) + 1.0,
        false => reach(left) + reach(right),
    };
    // Days between dates are few, whatever the dates are, and a time of day stays one.
    let is_closed = sort == Sort::Time
        || own_sort(left, right) == Sort::Date && own_sort(right, left) == Sort::Date;
    let is_total = sort != Sort::Unknown
        && (is_closed || is_met(sort, false, left, right))
        && stretch <= bound(sort);
    made(sort, stretch, is_total, left, right)
}

fn product(left: &Value, right: &Value) -> Made {
    let sort = match (own_sort(left, right), own_sort(right, left)) {
        (Sort::Interval, other) | (other, Sort::Interval) if is_number(other) => Sort::Interval,
        (Sort::Money, other) | (other, Sort::Money) if is_number(other) => Sort::Money,
        // With a small number.
        (Sort::Count | Sort::Int2, Sort::Int4) | (Sort::Int4, Sort::Count | Sort::Int2)
            if is_ordinary(left) || is_ordinary(right) =>
        {
            Sort::Count
        }
        (own, other) => number_of(own, other),
    };
    let are_stored = is_stored(left) && is_stored(right);
    let stretch = match are_stored {
        true => reach(left) * reach(right) * STORED,
        false => reach(left) * reach(right),
    };
    let is_tiny = |value: &Value| magnitude(value).is_some_and(|n| n > 0.0 && n < TINY);
    let is_total = match sort {
        Sort::Unknown => false,
        // It may be near a bound that a text can choose, but for the product of two columns.
        Sort::Int4 => are_stored && stretch <= STORED && is_met(sort, true, left, right),
        _ if sort.is_float() && (is_tiny(left) || is_tiny(right)) => false,
        _ => is_met(sort, true, left, right) && stretch <= bound(sort),
    };
    made(sort, stretch, is_total, left, right)
}

fn made(sort: Sort, stretch: f64, is_total: bool, left: &Value, right: &Value) -> Made {
    let most = match sort {
        Sort::Interval | Sort::Date | Sort::Stamp => LONG,
        _ => SMALL,
    };
    let is_ordinary = is_total && is_ordinary(left) && is_ordinary(right) && stretch <= most;
    Made {
        sort,
        stretch,
        is_ordinary,
        is_total,
    }
}

fn is_plain(value: &Value) -> bool {
    matches!(value.kind, Kind::Plain(_))
}

fn is_number(sort: Sort) -> bool {
    sort.is_integer() || sort.is_numeric() || sort.is_float()
}

/// A constant without a type takes the one beside it.
fn own_sort(value: &Value, other: &Value) -> Sort {
    match (value.kind, other.sort) {
        (Kind::Literal(true), Sort::Stamp | Sort::Date) if is_span(value) => Sort::Interval,
        (Kind::Literal(true), sort) => sort,
        _ => value.sort,
    }
}

/// `'1 year'` beside a date: it has letters, and so is none.
fn is_span(value: &Value) -> bool {
    match &value.constant {
        Some(Constant::One(text)) => text.contains(|c: char| c.is_ascii_alphabetic()),
        _ => false,
    }
}

fn number_of(left: Sort, right: Sort) -> Sort {
    use Sort as S;
    match (left, right) {
        _ if !is_number(left) || !is_number(right) => S::Unknown,
        _ if left.is_float() || right.is_float() => S::Float8,
        _ if left.is_numeric() || right.is_numeric() => match (left.digits(), right.digits()) {
            (Some(left), Some(right)) => S::Numeric(Some(Digits {
                before: left.before.saturating_add(right.before).saturating_add(1),
                after: MANY,
            })),
            _ => S::Numeric(None),
        },
        (S::Int8, _) | (_, S::Int8) => S::Int8,
        (S::Count, S::Count) => S::Count,
        _ => S::Int4,
    }
}

/// Whether what meets a stored value is small, stands in the same row, or is bounded so that the
/// sort has room for both.
fn is_met(sort: Sort, is_product: bool, left: &Value, right: &Value) -> bool {
    let meets = |value: &Value, other: &Value| {
        if !is_stored(value) {
            return true;
        }
        if !is_stored(other) {
            return is_ordinary(other);
        }
        let has_room = match sort {
            Sort::Numeric(digits) => digits.is_some(),
            Sort::Int8 if !is_product => [value.sort, other.sort]
                .iter()
                .any(|sort| matches!(sort, Sort::Int2 | Sort::Int4 | Sort::Count)),
            Sort::Count => true,
            _ => false,
        };
        has_room || is_of_one_row(value, other)
    };
    meets(left, right) && meets(right, left)
}

/// How far a value of a sort may be stretched.
fn bound(sort: Sort) -> f64 {
    match sort {
        Sort::Int8 | Sort::Money | Sort::Count | Sort::Interval => SMALL,
        Sort::Float4 | Sort::Float8 => SMALL * SMALL,
        Sort::Numeric(_) => f64::INFINITY,
        _ => MOST_SUMS,
    }
}
