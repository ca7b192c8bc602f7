//! How long texts grow. A text of a gigabyte is an error, so one that is long by what a masked value
//! holds tells of it.

use super::value::{Constant, Value};

/// What is this many times as long as what is stored may be too long for the server.
pub(super) const MOST: f64 = 1e6;

/// How many times as long as what is stored the result of a call may be.
pub(super) fn of(name: &str, arguments: &[Value]) -> f64 {
    match joined(arguments) {
        0.0 => 0.0,
        joined => joined * factor(name, arguments),
    }
}

/// The same of values one behind the other.
pub(super) fn joined<'v>(values: impl IntoIterator<Item = &'v Value>) -> f64 {
    values.into_iter().map(Value::own_growth).sum()
}

fn factor(name: &str, arguments: &[Value]) -> f64 {
    let given = |at: usize| match arguments.get(at)?.constant.as_ref()? {
        Constant::One(text) => Some(&**text),
        Constant::List(_) => None,
    };
    let factor = match name {
        "replace" => given(1)
            .zip(given(2))
            .map(|(from, to)| length(to) / length(from).max(1.0)),
        "lpad" | "rpad" => given(1).and_then(|count| count.parse().ok()),
        // What refers back repeats what was matched.
        "regexp_replace" => given(2).map(|to| match arguments.len() {
            3 => 1.0 + references(to),
            _ => 1.0 + length(to) + references(to),
        }),
        _ => Some(1.0),
    };
    factor.unwrap_or(f64::INFINITY).max(1.0)
}

fn length(text: &str) -> f64 {
    u32::try_from(text.len()).map_or(f64::INFINITY, f64::from)
}

fn references(text: &str) -> f64 {
    length(text) - length(&text.replace('\\', ""))
}
