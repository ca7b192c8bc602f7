//! A pattern for the text of an operation.
//!
//! A search is linear in the text, but each byte may cost as much as the pattern has states:
//! `1[01]{9000}x` takes seconds for 64 KiB of ones and noughts, and whoever sends the text chooses
//! it. So a search is exact within a bound on text × states. Beyond it, it is made on tables that
//! are built on the way, which are cheap for nearly every text, and given up when they keep
//! growing. What was given up cannot be told; the caller takes the safe side.

use std::sync::Arc;

use regex_automata::hybrid::dfa;
use regex_automata::hybrid::regex as lazy;
use regex_automata::meta::{self, Regex};
use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_automata::util::pool::Pool;
use regex_automata::{Input, MatchError, MatchKind, PatternSet};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind, Look};

use super::{InvalidPattern, check_length};

/// Longest text pattern, in bytes.
pub const MAX_TEXT_PATTERN_LEN: usize = 4096;

/// What one compiled text pattern may take, in bytes of memory. `(a{100}){100}` is past it.
pub const MAX_TEXT_PATTERN_BYTES: usize = 1 << 20;

/// Most bytes of a text × states of a pattern that an exact search may take, some 10 ns each at
/// worst. All text patterns of a decision share it.
pub const MAX_TEXT_STEPS: usize = 1 << 24;

/// The same for one search of an expression, which may make many.
pub const MAX_SEARCH_STEPS: usize = 1 << 18;

/// Deepest nesting of groups in a text pattern.
const MAX_TEXT_PATTERN_NESTING: u32 = 32;

/// What the tables of a search beyond [`MAX_TEXT_STEPS`] take, in bytes of memory.
const MAX_TABLE_BYTES: usize = 256 << 10;

/// What the tables of a search for all patterns take, in bytes of memory.
const MAX_SHARED_TABLE_BYTES: usize = 4 << 20;

/// Tables that are full are begun anew this often in one search.
const MAX_TABLE_CLEARS: usize = 2;

/// What all text patterns together may take, in bytes of memory.
const MAX_SHARED_BYTES: usize = 16 * MAX_TEXT_PATTERN_BYTES;

/// A regular expression that is searched for anywhere in a text, in bounded time. No look-around
/// and no back-references; `(?i)` takes case away. Classes such as `\w` and `\s` know all of
/// Unicode, but the edge of a word, `\b`, is where ASCII letters, digits and `_` end: tables
/// cannot tell any other.
#[derive(Debug, Clone)]
pub struct TextPattern {
    source: Arc<str>,
    hir: Hir,
    exact: Regex,
    tables: Arc<lazy::Regex>,
}

/// Several patterns in one search.
#[derive(Debug)]
pub(crate) struct TextPatterns {
    tables: dfa::DFA,
    caches: Pool<dfa::Cache, MakeCache>,
}

type MakeCache =
    Box<dyn Fn() -> dfa::Cache + Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe>;

// === impl TextPattern ===

impl TextPattern {
    pub fn parse(pattern: &str) -> Result<Self, InvalidPattern> {
        check_length(pattern, MAX_TEXT_PATTERN_LEN)?;
        let parsed = ParserBuilder::new()
            .nest_limit(MAX_TEXT_PATTERN_NESTING)
            .build()
            .parse(pattern)
            .map_err(|error| misspelt(pattern, &error))?;
        let hir = ascii_edges(parsed);
        let exact = meta::Config::new()
            .which_captures(WhichCaptures::Implicit)
            .nfa_size_limit(Some(MAX_TEXT_PATTERN_BYTES))
            .hybrid_cache_capacity(MAX_TEXT_PATTERN_BYTES);
        let exact = Regex::builder().configure(exact).build_from_hir(&hir);
        let tables = lazy_tables(&hir);
        let (Ok(exact), Some(tables)) = (exact, tables) else {
            return Err(InvalidPattern::new(format!(
                "the pattern would take more than {MAX_TEXT_PATTERN_BYTES} bytes of memory; \
                 shorten its repetitions"
            )));
        };
        Ok(Self {
            source: pattern.into(),
            hir,
            exact,
            tables: Arc::new(tables),
        })
    }

    /// Whether it is found; none where that cannot be told in bounded time.
    pub fn matches(&self, text: &str) -> Option<bool> {
        self.matches_within(text, MAX_TEXT_STEPS)
    }

    /// The same, within so many bytes × states.
    pub(crate) fn matches_within(&self, text: &str, steps: usize) -> Option<bool> {
        if self.steps(text) <= steps {
            return Some(self.exact.is_match(text));
        }
        let forward = self.tables.forward();
        let input = Input::new(text).earliest(true);
        let found = forward.try_search_fwd(&mut forward.create_cache(), &input);
        found.ok().map(|found| found.is_some())
    }

    /// The first match, for expressions; an error where it cannot be told in bounded time.
    pub fn find<'t>(&self, text: &'t str) -> Result<Option<&'t str>, MatchError> {
        if self.steps(text) <= MAX_SEARCH_STEPS {
            let found = self.exact.find(text);
            return Ok(found.and_then(|found| text.get(found.range())));
        }
        let mut cache = self.tables.create_cache();
        let found = self.tables.try_search(&mut cache, &Input::new(text))?;
        Ok(found.and_then(|found| text.get(found.range())))
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Bytes × states: what a search costs at worst.
    fn steps(&self, text: &str) -> usize {
        let states = self.tables.forward().get_nfa().states().len();
        text.len().saturating_mul(states)
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

/// Where a regular expression goes wrong and how, on one line.
pub(crate) fn misspelt(pattern: &str, error: &regex_syntax::Error) -> InvalidPattern {
    let (reason, span) = match error {
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), error.span()),
        regex_syntax::Error::Translate(error) => (error.kind().to_string(), error.span()),
        error => return InvalidPattern::new(error.to_string()),
    };
    let before = pattern.get(..span.start.offset).unwrap_or_default();
    InvalidPattern::at(reason, before.chars().count())
}

// === impl TextPatterns ===

impl TextPatterns {
    /// None where together they are too large.
    pub(crate) fn new(patterns: &[TextPattern]) -> Option<Self> {
        let hirs: Vec<_> = patterns.iter().map(|pattern| &pattern.hir).collect();
        let nfa = NFA::compiler()
            .configure(states(MAX_SHARED_BYTES))
            .build_many_from_hir(&hirs)
            .ok()?;
        let tables = dfa::DFA::builder()
            .configure(tables(MAX_SHARED_TABLE_BYTES).match_kind(MatchKind::All))
            .build_from_nfa(nfa)
            .ok()?;
        let made = tables.clone();
        let make: MakeCache = Box::new(move || made.create_cache());
        Some(Self {
            tables,
            caches: Pool::new(make),
        })
    }

    /// Those that are found; none where that cannot be told for all of them at once.
    pub(crate) fn matches(&self, text: &str) -> Option<PatternSet> {
        let mut cache = self.caches.get();
        // What earlier texts filled must not count against this one.
        if cache.clear_count() > 0 {
            cache.reset(&self.tables);
        }
        let mut found = PatternSet::new(self.tables.pattern_len());
        let input = Input::new(text);
        self.tables
            .try_which_overlapping_matches(&mut cache, &input, &mut found)
            .ok()?;
        Some(found)
    }
}

// === tables ===

/// Tables for a search and, backwards, for where a match begins; none where they are too large.
fn lazy_tables(hir: &Hir) -> Option<lazy::Regex> {
    let one = |states: thompson::Config, tables: dfa::Config| {
        let nfa = NFA::compiler().configure(states).build_from_hir(hir).ok()?;
        dfa::DFA::builder()
            .configure(tables)
            .build_from_nfa(nfa)
            .ok()
    };
    let forward = one(states(MAX_TEXT_PATTERN_BYTES), tables(MAX_TABLE_BYTES))?;
    let backward = one(
        states(MAX_TEXT_PATTERN_BYTES).reverse(true),
        tables(MAX_TABLE_BYTES).match_kind(MatchKind::All),
    )?;
    Some(lazy::Regex::builder().build_from_dfas(forward, backward))
}

fn states(bytes: usize) -> thompson::Config {
    thompson::Config::new()
        .which_captures(WhichCaptures::None)
        .nfa_size_limit(Some(bytes))
}

/// Tables that are given up rather than filled for ever.
fn tables(bytes: usize) -> dfa::Config {
    dfa::Config::new()
        .cache_capacity(bytes)
        .skip_cache_capacity_check(true)
        .minimum_cache_clear_count(Some(MAX_TABLE_CLEARS))
}

/// The same expression with the edges of words as ASCII has them. As deep as the parser lets
/// expressions nest.
fn ascii_edges(hir: Hir) -> Hir {
    match hir.into_kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(class) => Hir::class(class),
        HirKind::Look(look) => Hir::look(match look {
            Look::WordUnicode => Look::WordAscii,
            Look::WordUnicodeNegate => Look::WordAsciiNegate,
            Look::WordStartUnicode => Look::WordStartAscii,
            Look::WordEndUnicode => Look::WordEndAscii,
            Look::WordStartHalfUnicode => Look::WordStartHalfAscii,
            Look::WordEndHalfUnicode => Look::WordEndHalfAscii,
            other => other,
        }),
        HirKind::Repetition(mut repetition) => {
            repetition.sub = Box::new(ascii_edges(*repetition.sub));
            Hir::repetition(repetition)
        }
        HirKind::Capture(mut capture) => {
            capture.sub = Box::new(ascii_edges(*capture.sub));
            Hir::capture(capture)
        }
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(ascii_edges).collect()),
        HirKind::Alternation(parts) => {
            Hir::alternation(parts.into_iter().map(ascii_edges).collect())
        }
    }
}

#[cfg(test)]
mod tests;
