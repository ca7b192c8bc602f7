//! Patterns of the user's own.

use std::fmt;
use std::str::FromStr;

use regex_automata::meta::{Config, Regex};
use regex_automata::nfa::thompson::WhichCaptures;
use regex_automata::{Anchored, Input};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::Hir;
use thiserror::Error;

use super::checksum::{is_random, luhn};
use super::digits::iban::is_iban;
use crate::matcher::misspelt;

/// The longest text of a pattern, in bytes.
pub const PATTERN_TEXT_LIMIT: usize = 1024;

/// The longest match that a pattern may have, in bytes. A stream holds back more than that, and
/// it bounds what hostile text costs: so much for each byte at worst.
pub const PATTERN_MATCH_LIMIT: usize = 256;

/// The longest match that a pattern with a validator may have, in bytes. Each place where the
/// pattern fits is validated, so a shorter bound keeps hostile text cheap.
pub const VALIDATED_MATCH_LIMIT: usize = 128;

/// The most memory that one compiled pattern may take, in bytes.
pub const PATTERN_SIZE_LIMIT: usize = 1 << 20;

/// How deep the groups of a pattern may nest.
pub const PATTERN_NEST_LIMIT: u32 = 32;

/// The longest name of a pattern, in bytes.
pub const PATTERN_NAME_LIMIT: usize = 63;

/// A regular expression with a name, bounded so that a stream can find it.
///
/// Case counts; `(?i)` at its start turns that off. `\d`, `\w`, `\s` and `\b` mean ASCII, and
/// bytes need not be UTF-8; `(?u)` turns Unicode on. Nothing is anchored unless the pattern says
/// so, so `\b` belongs on both sides of most patterns.
#[derive(Debug, Clone)]
pub struct CustomPattern {
    name: String,
    text: String,
    hir: Hir,
    longest: usize,
    regex: Regex,
    validator: Option<Validator>,
}

/// A check beyond the shape of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validator {
    /// The digits pass the check of payment cards.
    Luhn,
    /// Letters and digits are an account number: country, length, remainder by 97.
    Iban,
    /// The match reads like chance, not like words.
    Entropy,
}

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidCustomPattern {
    #[error("pattern name `{0}` is not 1 to {PATTERN_NAME_LIMIT} letters, digits, `-`, `_` or `.`")]
    Name(String),
    #[error("pattern is {0} bytes long; at most {PATTERN_TEXT_LIMIT}")]
    TooLong(usize),
    #[error("pattern does not parse at character {column}: {reason}")]
    Syntax { column: usize, reason: String },
    #[error("pattern can match nothing at all, so it would never find anything")]
    Never,
    #[error("pattern can match the empty text; ask for at least one character")]
    Empty,
    #[error(
        "a match has no greatest length, so it could not be found across chunks; \
         write `{{1,64}}` for `+` or `*`"
    )]
    Unbounded,
    #[error("a match can be {longest} bytes long; at most {limit}")]
    MatchTooLong { longest: usize, limit: usize },
    #[error("compiled pattern takes more than {PATTERN_SIZE_LIMIT} bytes; use smaller repetitions")]
    TooBig,
    #[error("unknown validator `{0}`; one of: Luhn, Iban, Entropy")]
    Validator(String),
}

// === impl CustomPattern ===

impl PartialEq for CustomPattern {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.finds_like(other)
    }
}

impl Eq for CustomPattern {}

impl CustomPattern {
    pub fn parse(
        name: &str,
        pattern: &str,
        validator: Option<&str>,
    ) -> Result<Self, InvalidCustomPattern> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || name.len() > PATTERN_NAME_LIMIT || !name.bytes().all(is_name) {
            return Err(InvalidCustomPattern::Name(name.chars().take(64).collect()));
        }
        let validator = validator.map(Validator::from_str).transpose()?;
        let limit = validator.map_or(PATTERN_MATCH_LIMIT, |_| VALIDATED_MATCH_LIMIT);
        let (hir, longest) = check(pattern, limit)?;
        let limits = Config::new()
            .utf8_empty(false)
            .which_captures(WhichCaptures::Implicit)
            .nfa_size_limit(Some(PATTERN_SIZE_LIMIT))
            .hybrid_cache_capacity(PATTERN_SIZE_LIMIT);
        let regex = Regex::builder()
            .configure(limits)
            .build_from_hir(&hir)
            .map_err(|_| InvalidCustomPattern::TooBig)?;
        let (name, text) = (name.to_owned(), pattern.to_owned());
        Ok(Self {
            name,
            text,
            hir,
            longest,
            regex,
            validator,
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text it was made from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it finds the same, whatever its name.
    pub(in crate::mask) fn finds_like(&self, other: &Self) -> bool {
        self.as_str() == other.as_str() && self.validator == other.validator
    }

    /// The same pattern under another name, which the caller keeps within bounds.
    pub(in crate::mask) fn renamed(&self, name: String) -> Self {
        Self {
            name,
            ..self.clone()
        }
    }

    pub(super) fn hir(&self) -> &Hir {
        &self.hir
    }

    /// The end of the match that begins at `start`, if one does and its validator accepts it.
    pub(super) fn match_at(&self, text: &[u8], start: usize) -> Option<usize> {
        let end = text.len().min(start + self.longest);
        let input = Input::new(text).span(start..end).anchored(Anchored::Yes);
        let found = self.regex.search(&input)?;
        self.accepts(text.get(start..found.end())?)
            .then(|| found.end())
    }

    fn accepts(&self, text: &[u8]) -> bool {
        match self.validator {
            None => true,
            Some(Validator::Luhn) => luhn(text),
            Some(Validator::Iban) => is_iban(text),
            Some(Validator::Entropy) => is_random(text),
        }
    }
}

/// Reads a pattern, and how long its matches can be.
fn check(pattern: &str, limit: usize) -> Result<(Hir, usize), InvalidCustomPattern> {
    if pattern.len() > PATTERN_TEXT_LIMIT {
        return Err(InvalidCustomPattern::TooLong(pattern.len()));
    }
    let mut parser = ParserBuilder::new()
        .utf8(false)
        .unicode(false)
        .nest_limit(PATTERN_NEST_LIMIT)
        .build();
    let parsed = parser
        .parse(pattern)
        .map_err(|error| syntax(pattern, &error))?;
    let shortest = parsed
        .properties()
        .minimum_len()
        .ok_or(InvalidCustomPattern::Never)?;
    if shortest == 0 {
        return Err(InvalidCustomPattern::Empty);
    }
    let longest = parsed
        .properties()
        .maximum_len()
        .ok_or(InvalidCustomPattern::Unbounded)?;
    if longest > limit {
        return Err(InvalidCustomPattern::MatchTooLong { longest, limit });
    }
    Ok((parsed, longest))
}

fn syntax(pattern: &str, error: &regex_syntax::Error) -> InvalidCustomPattern {
    let wrong = misspelt(pattern, error);
    InvalidCustomPattern::Syntax {
        column: wrong.position.unwrap_or(1),
        reason: wrong.reason,
    }
}

// === impl Validator ===

impl FromStr for Validator {
    type Err = InvalidCustomPattern;

    fn from_str(name: &str) -> Result<Self, InvalidCustomPattern> {
        match name {
            "Luhn" => Ok(Validator::Luhn),
            "Iban" => Ok(Validator::Iban),
            "Entropy" => Ok(Validator::Entropy),
            _ => Err(InvalidCustomPattern::Validator(
                name.chars().take(64).collect(),
            )),
        }
    }
}

impl fmt::Display for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Validator::Luhn => "Luhn",
            Validator::Iban => "Iban",
            Validator::Entropy => "Entropy",
        })
    }
}
