//! A pattern for the text of an operation.

use regex::{Regex, RegexBuilder};

use super::{InvalidPattern, check_length};

/// Longest text pattern, in bytes.
pub const MAX_TEXT_PATTERN_LEN: usize = 4096;

/// What one compiled text pattern may take, in bytes of memory. `(a{100}){100}` is past it.
pub const MAX_TEXT_PATTERN_BYTES: usize = 1 << 20;

/// Deepest nesting of groups in a text pattern.
const MAX_TEXT_PATTERN_NESTING: u32 = 32;

/// A regular expression that is searched for anywhere in a text, in time linear in the text. No
/// look-around and no back-references; `(?i)` takes case away.
#[derive(Debug, Clone)]
pub struct TextPattern {
    regex: Regex,
}

// === impl TextPattern ===

impl TextPattern {
    pub fn parse(pattern: &str) -> Result<Self, InvalidPattern> {
        check_length(pattern, MAX_TEXT_PATTERN_LEN)?;
        let regex = RegexBuilder::new(pattern)
            .size_limit(MAX_TEXT_PATTERN_BYTES)
            .dfa_size_limit(MAX_TEXT_PATTERN_BYTES)
            .nest_limit(MAX_TEXT_PATTERN_NESTING)
            .build()
            .map_err(|error| refused(&error))?;
        Ok(Self { regex })
    }

    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The first match.
    pub fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.regex.find(text).map(|found| found.as_str())
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        self.regex.as_str()
    }
}

impl PartialEq for TextPattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for TextPattern {}

impl std::fmt::Display for TextPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for TextPattern {
    type Err = InvalidPattern;

    fn from_str(pattern: &str) -> Result<Self, Self::Err> {
        Self::parse(pattern)
    }
}

fn refused(error: &regex::Error) -> InvalidPattern {
    match error {
        regex::Error::CompiledTooBig(limit) => InvalidPattern::new(format!(
            "the pattern would take more than {limit} bytes of memory; shorten its repetitions"
        )),
        other => InvalidPattern::new(other.to_string()),
    }
}
