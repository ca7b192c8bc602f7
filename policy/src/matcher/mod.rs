//! Patterns: one name, one resource, a text. Each is parsed once, at compile, and refuses what it
//! cannot mean; matching takes bounded time, and a name or a resource is matched without an
//! allocation.

mod glob;
mod resource;
mod text;

#[cfg(test)]
mod tests;

use thiserror::Error;

pub use glob::Glob;
pub use resource::{MAX_SEGMENTS, ResourcePattern, SegmentPattern};
pub use text::{
    MAX_SEARCH_STEPS, MAX_TEXT_PATTERN_BYTES, MAX_TEXT_PATTERN_LEN, MAX_TEXT_STEPS, TextPattern,
};

pub(crate) use resource::PathKey;
pub(crate) use text::{TextPatterns, misspelt};

/// Longest name or resource pattern, in bytes.
pub const MAX_PATTERN_LEN: usize = 1024;

/// Why a pattern was refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}{}", at(.position))]
pub struct InvalidPattern {
    pub reason: String,
    /// The character that it is about, counted from 1.
    pub position: Option<usize>,
}

// === impl InvalidPattern ===

impl InvalidPattern {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            position: None,
        }
    }

    /// `index` counts characters from 0.
    pub(crate) fn at(reason: impl Into<String>, index: usize) -> Self {
        Self {
            reason: reason.into(),
            position: Some(index + 1),
        }
    }
}

fn at(position: &Option<usize>) -> String {
    position
        .map(|position| format!(" (at character {position})"))
        .unwrap_or_default()
}

/// Refuses what no pattern may be: nothing, or too much.
fn check_length(pattern: &str, limit: usize) -> Result<(), InvalidPattern> {
    if pattern.is_empty() {
        return Err(InvalidPattern::new(
            "the pattern is empty; write `*` to match any name",
        ));
    }
    if pattern.len() > limit {
        let length = pattern.len();
        return Err(InvalidPattern::new(format!(
            "the pattern is {length} bytes long; at most {limit} are allowed"
        )));
    }
    Ok(())
}
