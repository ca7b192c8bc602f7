//! The part of a text that one decision may look at.
//!
//! A detector decides at an *anchor*: a byte or a word that its values cannot be without. It is
//! handed a [`View`]: at most [`LOOK_BEHIND`] bytes before the anchor and [`LOOK_AHEAD`] after it,
//! and nothing else. So its answer is a function of those bytes alone, and cannot depend on how a
//! stream was cut into chunks. The edge of a view counts as the edge of the text.

use std::ops::Range;

use super::kind::DetectorKind;
use super::tail::Tail;

/// How many bytes before its anchor a decision may read.
pub const LOOK_BEHIND: usize = 256;

/// How many bytes from its anchor on a decision may read.
pub const LOOK_AHEAD: usize = 1024;

/// How far before its anchor a find may begin.
pub const REACH_BACK: usize = 96;

#[derive(Debug, Clone, Copy)]
pub(super) struct View<'t> {
    text: &'t [u8],
    at: usize,
    offset: usize,
}

/// What a detector found, in the coordinates of its view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) kind: DetectorKind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// How the find goes on past what the view showed.
    pub(super) tail: Option<Tail>,
}

// === impl View ===

impl<'t> View<'t> {
    pub(super) fn around(text: &'t [u8], at: usize) -> Self {
        let start = at.saturating_sub(LOOK_BEHIND);
        let end = text.len().min(at.saturating_add(LOOK_AHEAD));
        Self {
            text: text.get(start..end).unwrap_or_default(),
            at: at - start,
            offset: start,
        }
    }

    /// Where the anchor stands.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Where the view begins in the text it was cut from.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    #[inline]
    pub(super) fn byte(&self, index: usize) -> Option<u8> {
        self.text.get(index).copied()
    }

    #[inline]
    pub(super) fn before(&self, index: usize) -> Option<u8> {
        self.byte(index.checked_sub(1)?)
    }

    pub(super) fn slice(&self, range: Range<usize>) -> &'t [u8] {
        self.text.get(range).unwrap_or_default()
    }

    pub(super) fn from(&self, start: usize) -> &'t [u8] {
        self.text.get(start..).unwrap_or_default()
    }

    /// The end of the run of bytes from `start` on that `belongs` accepts.
    #[inline]
    pub(super) fn run(&self, start: usize, belongs: impl Fn(u8) -> bool) -> usize {
        start
            + self
                .from(start)
                .iter()
                .take_while(|byte| belongs(**byte))
                .count()
    }

    /// The start of the run of bytes that ends before `end`.
    #[inline]
    pub(super) fn run_back(&self, end: usize, belongs: impl Fn(u8) -> bool) -> usize {
        let run = self
            .slice(0..end)
            .iter()
            .rev()
            .take_while(|byte| belongs(**byte))
            .count();
        end.saturating_sub(run)
    }

    /// Whether the view ends at `end`: what goes on there was not seen.
    pub(super) fn is_cut_at(&self, end: usize) -> bool {
        end >= self.text.len()
    }

    pub(super) fn has(&self, index: usize, word: &[u8]) -> bool {
        self.from(index).starts_with(word)
    }

    /// Whether a token may begin here: the byte before is no letter or digit.
    #[inline]
    pub(super) fn opens(&self, index: usize) -> bool {
        !self
            .before(index)
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
    }

    /// Whether a token may end here: the byte at `index` is no letter or digit.
    #[inline]
    pub(super) fn closes(&self, index: usize) -> bool {
        !self
            .byte(index)
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    }

    #[inline]
    pub(super) fn is_digit(&self, index: usize) -> bool {
        self.byte(index).is_some_and(|byte| byte.is_ascii_digit())
    }
}

// === impl Found ===

impl Found {
    pub(super) fn new(kind: DetectorKind, start: usize, end: usize) -> Self {
        Self {
            kind,
            start,
            end,
            tail: None,
        }
    }
}
