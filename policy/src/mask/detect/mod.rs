//! Detectors: values that are recognised by what they look like, wherever they stand.
//!
//! Detection is best effort and says so: it finds what is written in a usual form, and nothing
//! that was reversed, split or encoded. Columns and paths are the enforcement.
//!
//! A detector checks more than a shape: check digits, issuers, countries, calendars, headers that
//! decode, words beside the value. What stands before and after a value counts: it must not be a
//! part of something longer.
//!
//! **Which find wins.** The one that begins first; of those the longest; of those the one whose
//! detector stands first in [`DetectorKind::ALL`], custom patterns last and in their order. Where
//! finds overlap, the loser keeps what the winner leaves of it as a find of its own, so no byte of
//! any find is ever left clear.
//!
//! **Bounds.** A decision reads at most [`LOOK_BEHIND`] bytes before its anchor and [`LOOK_AHEAD`]
//! from it on. A secret longer than that is recognised by its beginning and followed to its end.
//! All of it is linear in the text; see [`sieve`] for how.

#[cfg(test)]
mod tests;

mod checksum;
mod digits;
mod hint;
mod kind;
mod lead;
mod network;
mod pattern;
mod person;
mod secret;
mod sieve;
mod tail;
mod view;
mod words;

use std::ops::{ControlFlow, Range};

use thiserror::Error;

pub use kind::{DetectorKind, UnknownDetector};
pub use pattern::{
    CustomPattern, InvalidCustomPattern, PATTERN_MATCH_LIMIT, PATTERN_NAME_LIMIT,
    PATTERN_NEST_LIMIT, PATTERN_SIZE_LIMIT, PATTERN_TEXT_LIMIT, VALIDATED_MATCH_LIMIT, Validator,
};
pub use view::{LOOK_AHEAD, LOOK_BEHIND, REACH_BACK};
pub(in crate::mask) use words::WORD_LIMIT;

use lead::Leads;
use sieve::Sieve;
use tail::Tail;

/// The most custom patterns in one set: one bit each in the tables of [`lead`].
pub const PATTERNS_LIMIT: usize = 32;

/// Detectors compiled together. Cheap to share behind an `Arc`, free of state.
#[derive(Debug, Clone)]
pub struct DetectorSet {
    sieve: Sieve,
    patterns: Vec<CustomPattern>,
    /// Where which pattern can match, asked before it is tried.
    leads: Leads,
}

/// Who found something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Detector {
    Kind(DetectorKind),
    /// A custom pattern, by its place in the list that the set was compiled from.
    Pattern(usize),
}

/// Bytes that were found, `start..end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
    pub detector: Detector,
}

/// Why a set of detectors is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidDetectors {
    #[error("{0} custom patterns; at most {PATTERNS_LIMIT}")]
    TooManyPatterns(usize),
    #[error("the name `{0}` is used twice; finds are told apart by it")]
    DuplicateName(String),
}

/// Up to where each pattern has matched, so that its matches do not overlap.
pub(in crate::mask) type Cursors = [usize; PATTERNS_LIMIT];

/// A find before overlaps are settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mask) struct Hit {
    pub(in crate::mask) start: usize,
    pub(in crate::mask) end: usize,
    pub(in crate::mask) detector: Detector,
    tail: Option<Tail>,
}

/// How a find goes on behind what was seen of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mask) struct Follow(Tail);

// === impl DetectorSet ===

impl DetectorSet {
    /// Kinds that are named twice count once. A pattern may not bear a built-in detector's name.
    pub fn compile(
        kinds: &[DetectorKind],
        patterns: &[CustomPattern],
    ) -> Result<Self, InvalidDetectors> {
        if patterns.len() > PATTERNS_LIMIT {
            return Err(InvalidDetectors::TooManyPatterns(patterns.len()));
        }
        for (index, pattern) in patterns.iter().enumerate() {
            let name = pattern.name();
            let is_built_in = DetectorKind::ALL.iter().any(|kind| kind.name() == name);
            if is_built_in
                || patterns
                    .iter()
                    .take(index)
                    .any(|earlier| earlier.name() == name)
            {
                return Err(InvalidDetectors::DuplicateName(name.to_owned()));
            }
        }
        let leads = Leads::new(patterns.iter().map(CustomPattern::hir));
        Ok(Self {
            sieve: Sieve::new(kinds),
            patterns: patterns.to_vec(),
            leads,
        })
    }

    /// The name that a rule gives a detector.
    pub fn name(&self, detector: Detector) -> &str {
        match detector {
            Detector::Kind(kind) => kind.name(),
            Detector::Pattern(index) => self
                .patterns
                .get(index)
                .map(CustomPattern::name)
                .unwrap_or_default(),
        }
    }

    /// Whether nothing is found in `text`.
    pub fn is_clean(&self, text: &[u8]) -> bool {
        let mut stop = |_| ControlFlow::Break(());
        let mut cursors = Cursors::default();
        self.sieve
            .visit(text, 0..text.len(), &mut stop)
            .is_continue()
            && self
                .visit_patterns(text, 0..text.len(), &mut cursors, &mut stop)
                .is_continue()
    }

    /// What is found in `text`, in order and without overlaps.
    pub fn find(&self, text: &[u8]) -> Vec<Span> {
        let mut hits = Vec::new();
        self.collect(text, 0..text.len(), &mut Cursors::default(), &mut hits);
        let mut spans: Vec<Span> = Vec::with_capacity(hits.len());
        let mut settled = 0;
        for hit in hits.into_iter().filter(|hit| !hit.is_empty()) {
            if hit.end <= settled {
                continue;
            }
            let start = hit.start.max(settled);
            let end = hit.follow().map_or(hit.end, |mut follow| {
                hit.end + follow.take(text.get(hit.end..).unwrap_or_default()).0
            });
            spans.push(Span {
                start,
                end,
                detector: hit.detector,
            });
            settled = end;
        }
        spans
    }

    /// Adds what is found at the anchors in `range` to `hits`, and sorts all of `hits` by who
    /// wins. A pattern is passed over up to its cursor, where its last match ended.
    pub(in crate::mask) fn collect(
        &self,
        text: &[u8],
        range: Range<usize>,
        cursors: &mut Cursors,
        hits: &mut Vec<Hit>,
    ) {
        let mut push = |hit| {
            hits.push(hit);
            ControlFlow::Continue(())
        };
        let _ = self.sieve.visit(text, range.clone(), &mut push);
        let _ = self.visit_patterns(text, range, cursors, &mut push);
        hits.sort_unstable_by_key(Hit::rank);
    }

    /// Each pattern's own matches that begin in `range`: leftmost, one behind the other. A match
    /// that its validator refuses is passed over by one byte, not by its length.
    fn visit_patterns(
        &self,
        text: &[u8],
        range: Range<usize>,
        cursors: &mut Cursors,
        on: &mut impl FnMut(Hit) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if self.patterns.is_empty() {
            return ControlFlow::Continue(());
        }
        // Which patterns can have the byte before as their first.
        let mut begun = 0;
        let behind = text.len().min(range.end + 1);
        let bytes = text.get(range.start..behind).unwrap_or_default();
        for (index, &byte) in bytes.iter().enumerate() {
            let possible = begun & self.leads.second(byte);
            begun = self.leads.first(byte);
            if possible != 0 {
                self.try_patterns(text, range.start + index - 1, possible, cursors, on)?;
            }
        }
        // The last byte of a text has none behind it.
        if range.end == text.len() && !range.is_empty() {
            self.try_patterns(text, range.end - 1, begun, cursors, on)?;
        }
        ControlFlow::Continue(())
    }

    fn try_patterns(
        &self,
        text: &[u8],
        start: usize,
        possible: u32,
        cursors: &mut Cursors,
        on: &mut impl FnMut(Hit) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut possible = possible & self.leads.candidates(text.get(start..).unwrap_or_default());
        while possible != 0 {
            let index = possible.trailing_zeros() as usize;
            possible &= possible - 1;
            let (Some(pattern), Some(cursor)) = (self.patterns.get(index), cursors.get_mut(index))
            else {
                break;
            };
            if *cursor > start {
                continue;
            }
            if let Some(end) = pattern.match_at(text, start) {
                *cursor = end;
                on(Hit {
                    start,
                    end,
                    detector: Detector::Pattern(index),
                    tail: None,
                })?;
            }
        }
        ControlFlow::Continue(())
    }
}

// === impl Hit ===

impl Hit {
    /// First to begin, then longest, then the order of detectors.
    fn rank(&self) -> (usize, std::cmp::Reverse<usize>, Detector) {
        (self.start, std::cmp::Reverse(self.end), self.detector)
    }

    pub(in crate::mask) fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    pub(in crate::mask) fn follow(&self) -> Option<Follow> {
        self.tail.map(Follow)
    }

    /// The same find in a text whose first `count` bytes were taken away.
    pub(in crate::mask) fn shifted(&self, count: usize) -> Hit {
        Hit {
            start: self.start.saturating_sub(count),
            end: self.end.saturating_sub(count),
            ..*self
        }
    }
}

// === impl Follow ===

impl Follow {
    /// How many of `bytes` still belong to the find, and whether it ended among them.
    pub(in crate::mask) fn take(&mut self, bytes: &[u8]) -> (usize, bool) {
        self.0.follow(bytes)
    }
}
