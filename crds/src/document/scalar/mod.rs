//! What a plain word means.
//!
//! Readers of YAML disagree: `no` is a truth value for kubectl and a text for YAML 1.2, `010` is
//! eight or ten. Here a word is read only where all agree, and refused otherwise.

use std::sync::LazyLock;

use regex::Regex;

use super::limit::MAX_SHOWN;

/// A value without parts.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
}

/// Whatever some reader of YAML takes for a number, without its underscores.
static NUMBER_LIKE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?x)^[-+]?(
            [0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?           # 010 5. 1e3
          | \.[0-9]+([eE][-+]?[0-9]+)?                    # .5
          | 0[oO][0-7]+ | 0[xX][0-9a-fA-F]+ | 0[bB][01]+  # 0o7 0x1f 0b1
          | [0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?              # 12:30:45, in base sixty
          | \.(inf|Inf|INF) | \.(nan|NaN|NAN)
        )$",
    )
    .ok()
});

// None of these repeats the word, which may be a secret.
const TRUTH_FOR_SOME: &str = "this word is a truth value to some readers and a text to others; write true or false, or put it in quotes";
const DISPUTED_NUMBER: &str = "this is a different number to different readers; write plain digits, or put it in quotes if it is a text";
const TOO_LARGE: &str = "this number is too large; put it in quotes if it is a text";

/// The meaning of a plain word, or why it has none that all readers share.
pub(super) fn resolve(word: &str) -> Result<Scalar, &'static str> {
    match word {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Scalar::Null),
        "true" | "True" | "TRUE" => return Ok(Scalar::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Scalar::Bool(false)),
        _ => {}
    }
    if is_truth_for_some(word) {
        return Err(TRUTH_FOR_SOME);
    }
    if !is_number_for_some(word) {
        return Ok(Scalar::Text(word.to_owned()));
    }
    if is_integer(word) {
        return word.parse().map(Scalar::Int).map_err(|_| TOO_LARGE);
    }
    match word.parse() {
        Ok(number) if is_decimal(word) && f64::is_finite(number) => Ok(Scalar::Float(number)),
        _ => Err(DISPUTED_NUMBER),
    }
}

/// A part of a file in an error: in quotes, escaped, and not longer than it helps.
pub(super) fn shown(text: &str) -> String {
    if text.chars().count() <= MAX_SHOWN {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(MAX_SHOWN).collect();
    format!("{start:?}…")
}

fn is_truth_for_some(word: &str) -> bool {
    ["yes", "no", "on", "off", "y", "n"]
        .iter()
        .any(|truth| word.eq_ignore_ascii_case(truth))
}

/// Some readers leave underscores out of whatever does not begin with one: `-_1` is minus one.
fn is_number_for_some(word: &str) -> bool {
    let bare = match word.starts_with('_') {
        true => word.to_owned(),
        false => word.replace('_', ""),
    };
    // A pattern that did not compile finds a number in everything, and so reads no plain text.
    NUMBER_LIKE.as_ref().is_none_or(|like| like.is_match(&bare))
}

/// Digits as everybody reads them: no sign but minus, no zero in front.
fn is_integer(word: &str) -> bool {
    let digits = word.strip_prefix('-').unwrap_or(word);
    !digits.is_empty()
        && digits.chars().all(|c| c.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'))
}

fn is_decimal(word: &str) -> bool {
    word.split_once('.').is_some_and(|(whole, fraction)| {
        is_integer(whole)
            && !fraction.is_empty()
            && fraction.len() <= 15
            && fraction.chars().all(|c| c.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests;
