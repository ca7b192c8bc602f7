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
//! All of it is linear in the text; the module `sieve` tells how.

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

pub(in crate::mask) use digits::card::is_card_number;
pub use kind::{DetectorKind, UnknownDetector};
pub use pattern::{
    CustomPattern, InvalidCustomPattern, PATTERN_MATCH_LIMIT, PATTERN_NAME_LIMIT,
    PATTERN_NEST_LIMIT, PATTERN_SIZE_LIMIT, PATTERN_TEXT_LIMIT, VALIDATED_MATCH_LIMIT, Validator,
};
pub use view::{LOOK_AHEAD, LOOK_BEHIND, REACH_BACK};
pub(in crate::mask) use words::WORD_LIMIT;

use lead::Leads;
use sieve::{Sieve, Visitor};
use tail::Tail;

/// The most custom patterns of one rule.
pub const PATTERNS_LIMIT: usize = 32;

/// The most different custom patterns of all rules that apply to one subject.
pub const SET_PATTERNS_LIMIT: usize = 256;

/// Detectors compiled together. Cheap to share behind an `Arc`, free of state.
#[derive(Debug, Clone)]
pub struct DetectorSet {
    sieve: Sieve,
    patterns: Vec<CustomPattern>,
    /// Where which pattern can match, asked before it is tried: for the first
    /// [`lead::PATTERNS`], the next, and so on.
    leads: Vec<Leads>,
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
    #[error("{0} custom patterns together; at most {SET_PATTERNS_LIMIT}")]
    TooManyPatterns(usize),
    #[error("the name `{0}` is used twice; finds are told apart by it")]
    DuplicateName(String),
}

/// Up to where each pattern has matched, so that its matches do not overlap.
pub(in crate::mask) type Cursors = Vec<usize>;

/// A find before overlaps are settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mask) struct Hit {
    pub(in crate::mask) start: usize,
    pub(in crate::mask) end: usize,
    pub(in crate::mask) detector: Detector,
    tail: Option<Tail>,
}

/// One pass over a part of a text.
struct Pass<'p, F> {
    set: &'p DetectorSet,
    text: &'p [u8],
    cursors: &'p mut Cursors,
    on: F,
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
        if patterns.len() > SET_PATTERNS_LIMIT {
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
        let leads: Vec<Leads> = patterns
            .chunks(lead::PATTERNS)
            .map(|some| Leads::new(some.iter().map(CustomPattern::hir)))
            .collect();
        Ok(Self {
            sieve: Sieve::new(kinds, &leads),
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
        let stop = |_| ControlFlow::Break(());
        self.visit(text, 0..text.len(), &mut self.cursors(), stop)
            .is_continue()
    }

    /// What is found in `text`, in order and without overlaps.
    pub fn find(&self, text: &[u8]) -> Vec<Span> {
        let mut hits = Vec::new();
        self.collect(text, 0..text.len(), &mut self.cursors(), &mut hits);
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

    /// No pattern has matched yet.
    pub(in crate::mask) fn cursors(&self) -> Cursors {
        vec![0; self.patterns.len()]
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
        let _ = self.visit(text, range, cursors, |hit| {
            hits.push(hit);
            ControlFlow::Continue(())
        });
        hits.sort_unstable_by_key(Hit::rank);
    }

    fn visit(
        &self,
        text: &[u8],
        range: Range<usize>,
        cursors: &mut Cursors,
        on: impl FnMut(Hit) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let end = range.end;
        let is_end = end == text.len() && !range.is_empty();
        let mut pass = Pass {
            set: self,
            text,
            cursors,
            on,
        };
        self.sieve.visit(text, range, &mut pass)?;
        // A pattern is anchored at its second byte, and the last byte of a text has none behind it.
        if is_end && !self.patterns.is_empty() {
            pass.pattern(end - 1)
        } else {
            ControlFlow::Continue(())
        }
    }
}

// === impl Pass ===

impl<F: FnMut(Hit) -> ControlFlow<()>> Visitor for Pass<'_, F> {
    fn hit(&mut self, hit: Hit) -> ControlFlow<()> {
        (self.on)(hit)
    }

    /// A pattern's own matches are leftmost, one behind the other. A match that its validator
    /// refuses is passed over by one byte, not by its length.
    fn pattern(&mut self, start: usize) -> ControlFlow<()> {
        let set = self.set;
        let here = self.text.get(start..).unwrap_or_default();
        for (leads, first) in set.leads.iter().zip((0..).step_by(lead::PATTERNS)) {
            self.try_patterns(start, first, leads.candidates(here))?;
        }
        ControlFlow::Continue(())
    }
}

impl<F: FnMut(Hit) -> ControlFlow<()>> Pass<'_, F> {
    /// Tries those that are `possible`, as bits, of the patterns from the set's `first` on.
    fn try_patterns(&mut self, start: usize, first: usize, mut possible: u32) -> ControlFlow<()> {
        while possible != 0 {
            let index = first + possible.trailing_zeros() as usize;
            possible &= possible - 1;
            let pattern = self.set.patterns.get(index);
            let (Some(pattern), Some(cursor)) = (pattern, self.cursors.get_mut(index)) else {
                break;
            };
            if *cursor > start {
                continue;
            }
            if let Some(end) = pattern.match_at(self.text, start) {
                *cursor = end;
                (self.on)(Hit {
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
