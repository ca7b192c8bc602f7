//! What would be right.

use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value};

use crate::duration::Duration;

/// Why a text does not have the format that its schema asks for.
pub(super) fn misformed(format: &str, string: &str) -> Option<String> {
    match format {
        "duration" => string.parse::<Duration>().err().map(|_| {
            "is not a duration; write numbers with h, m, s or ms, such as 5m or 1h30m".to_owned()
        }),
        "date-time" => string
            .parse::<Timestamp>()
            .err()
            .map(|_| "is not a time; write it like 2026-11-20T10:00:00Z".to_owned()),
        "byte" => (!is_base64(string))
            .then(|| "is not base64; encode it, or write it under stringData".to_owned()),
        _ => None,
    }
}

fn is_base64(string: &str) -> bool {
    let body = string.trim_end_matches('=');
    let padding = string.len() - body.len();
    string.len().is_multiple_of(4)
        && padding <= 2
        && body
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

/// Why a field is refused that the schema does not have, and which one may have been meant.
pub(super) fn unknown_field(key: &str, known: Option<&Map<String, Value>>) -> String {
    let names: Vec<&str> = known
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    let near = names
        .iter()
        .filter_map(|name| Some((distance(key, name)?, *name)))
        .min();
    match near {
        Some((_, name)) => format!("there is no such field; did you mean {name}?"),
        None if names.is_empty() => "there is no such field; remove it".to_owned(),
        None => format!("there is no such field; there are {}", names.join(", ")),
    }
}

/// How many letters differ, if few enough for a slip.
fn distance(a: &str, b: &str) -> Option<usize> {
    if a.len() > 64 || a.len().abs_diff(b.len()) > 2 {
        return None;
    }
    if a.eq_ignore_ascii_case(b) {
        return Some(0);
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (to, above) in b.iter().zip(row.iter().skip(1)) {
            let cost = usize::from(*to != from);
            left = (diagonal + cost).min(above + 1).min(left + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last()
        .copied()
        .filter(|&changes| changes <= 2 && changes * 2 < a.len())
}

/// Words to choose from.
pub(super) fn any_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}
