//! Detection in a text that arrives in chunks.
//!
//! ```text
//!   given out │ held back                                   │ not yet here
//!   ──────────┼──────────────┬──────────────────────────────┼─────────────
//!             │  REACH_BACK  │  LOOK_AHEAD: not decided yet │
//!                            └ anchors are decided up to here
//! ```
//!
//! **The pieces do not depend on the chunks.** A detector decides at an anchor by a bounded
//! neighbourhood of it, and an anchor is decided only when that neighbourhood is here whole, or
//! the text has ended. Bytes are given out when no anchor to come can reach them. So the pieces,
//! joined, are the same for every cut of a text, and the same as for the whole text at once.
//!
//! **Memory.** At most [`CARRY_LIMIT`] bytes of text are held between chunks, whatever the chunks.
//! A find longer than [`HIT_LIMIT`] is given out in parts.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::detect::{
    Cursors, Detector, DetectorSet, Follow, Hit, LOOK_AHEAD, LOOK_BEHIND, REACH_BACK, Span,
    WORD_LIMIT,
};

/// The longest find that is given out as one, in bytes. What goes beyond comes as
/// [`Piece::Rest`].
pub const HIT_LIMIT: usize = 16 * 1024;

/// How much of a chunk is taken in at once, in bytes.
pub const BLOCK: usize = 16 * 1024;

/// The most bytes of text that a [`Scanner`] holds between two chunks: a find that is not at its
/// end, or what is not decided yet with what decisions may look back on.
pub const CARRY_LIMIT: usize = HIT_LIMIT + LOOK_BEHIND + REACH_BACK + AHEAD;

/// How much must be here behind an anchor before it is decided: the rest of its word, and what a
/// decision may read from there.
const AHEAD: usize = WORD_LIMIT + LOOK_AHEAD;

/// A part of a text, in order. All pieces together are the text, byte for byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Nothing was found here. Where one clear piece ends and the next begins means nothing.
    Clear(&'t [u8]),
    /// A find: whole, or its first [`HIT_LIMIT`] bytes.
    Hit { detector: Detector, bytes: &'t [u8] },
    /// More of the find before, which was longer than [`HIT_LIMIT`]. What replaced the find has
    /// replaced this too: it is to be dropped.
    Rest { detector: Detector, bytes: &'t [u8] },
}

/// Finds what detectors find, in a text of any length, chunk by chunk.
#[derive(Debug)]
pub struct Scanner {
    set: Arc<DetectorSet>,
    /// What is held, with what decisions may look back on before it. All positions below count
    /// from its beginning.
    held: Vec<u8>,
    /// Up to where everything was given out.
    given: usize,
    /// Up to where anchors were decided.
    decided: usize,
    /// Up to where each pattern has matched.
    cursors: Cursors,
    /// Finds that were not given out yet, the first to win first.
    hits: Vec<Hit>,
    open: Option<Open>,
}

/// A find that is being given out.
#[derive(Debug)]
struct Open {
    detector: Detector,
    start: usize,
    end: usize,
    /// Gone when the find is at its end.
    follow: Option<Follow>,
    /// Whether its beginning was given out.
    is_given: bool,
}

/// The pieces of a text that is here whole: the same as a [`Scanner`] gives for any cut of it.
pub fn scan(set: &DetectorSet, text: &[u8], out: &mut impl FnMut(Piece<'_>)) {
    let mut given = 0;
    for span in set.find(text) {
        clear(text, given, span.start, out);
        give(text, span, false, out);
        given = span.end;
    }
    clear(text, given, text.len(), out);
}

// === impl Scanner ===

impl Scanner {
    pub fn new(set: Arc<DetectorSet>) -> Self {
        let cursors = set.cursors();
        Self {
            set,
            held: Vec::new(),
            given: 0,
            decided: 0,
            cursors,
            hits: Vec::new(),
            open: None,
        }
    }

    /// Takes the next chunk in, and gives out what is settled.
    pub fn feed(&mut self, chunk: &[u8], out: &mut impl FnMut(Piece<'_>)) {
        for block in chunk.chunks(BLOCK) {
            self.held.extend_from_slice(block);
            self.settle(false, out);
        }
    }

    /// Gives out all that was held back: the text ends here. What is fed next is a new text.
    pub fn finish(&mut self, out: &mut impl FnMut(Piece<'_>)) {
        self.settle(true, out);
        self.held.clear();
        self.hits.clear();
        (self.given, self.decided, self.open) = (0, 0, None);
        self.cursors.fill(0);
    }

    /// How many bytes wait for what comes next.
    pub fn waiting(&self) -> usize {
        self.held.len() - self.given
    }

    fn settle(&mut self, is_last: bool, out: &mut impl FnMut(Piece<'_>)) {
        let ahead = if is_last { 0 } else { AHEAD };
        let horizon = self.held.len().saturating_sub(ahead).max(self.decided);
        let (held, hits) = (&self.held, &mut self.hits);
        self.set
            .collect(held, self.decided..horizon, &mut self.cursors, hits);
        self.decided = horizon;
        let reach = if is_last { 0 } else { REACH_BACK };
        let settled = horizon.saturating_sub(reach);
        self.give_out(settled, is_last, out);
        self.forget();
    }

    /// Gives out all before `settled`, and the finds that begin there.
    fn give_out(&mut self, settled: usize, is_last: bool, out: &mut impl FnMut(Piece<'_>)) {
        let mut hits = std::mem::take(&mut self.hits).into_iter().peekable();
        loop {
            if let Some(open) = self.open.take() {
                self.open = self.go_on(open, is_last, out);
                if self.open.is_some() {
                    break;
                }
            }
            let Some(hit) = hits.next_if(|hit| hit.start < settled) else {
                let end = settled.max(self.given);
                clear(&self.held, self.given, end, out);
                self.given = end;
                break;
            };
            if hit.end > self.given && !hit.is_empty() {
                let start = hit.start.max(self.given);
                clear(&self.held, self.given, start, out);
                self.given = start;
                let (detector, end, follow) = (hit.detector, hit.end, hit.follow());
                self.open = Some(Open {
                    detector,
                    start,
                    end,
                    follow,
                    is_given: false,
                });
            }
        }
        // Finds inside one that is still open are covered by it, however long it gets.
        let covered = self.open.as_ref().map_or(self.given, |open| open.end);
        self.hits = hits.filter(|hit| hit.end > covered).collect();
    }

    /// Follows an open find through what is held, and gives out what is known of it. Gives it
    /// back while it is open.
    fn go_on(
        &mut self,
        mut open: Open,
        is_last: bool,
        out: &mut impl FnMut(Piece<'_>),
    ) -> Option<Open> {
        if let Some(follow) = &mut open.follow {
            let (taken, ended) = follow.take(self.held.get(open.end..).unwrap_or_default());
            open.end += taken;
            if ended || is_last {
                open.follow = None;
            }
        }
        let is_long = open.end - open.start >= HIT_LIMIT;
        if open.follow.is_none() || is_long || open.is_given {
            let start = if open.is_given {
                self.given
            } else {
                open.start
            };
            let span = Span {
                start,
                end: open.end,
                detector: open.detector,
            };
            give(&self.held, span, open.is_given, out);
            self.given = open.end;
            open.is_given = true;
        }
        open.follow.is_some().then_some(open)
    }

    /// Lets go of what nobody will look back on.
    fn forget(&mut self) {
        let needed = self.given.min(self.decided.saturating_sub(LOOK_BEHIND));
        if needed == 0 {
            return;
        }
        self.held.drain(..needed);
        self.given -= needed;
        self.decided -= needed;
        for cursor in &mut self.cursors {
            *cursor = cursor.saturating_sub(needed);
        }
        for hit in &mut self.hits {
            *hit = hit.shifted(needed);
        }
        if let Some(open) = &mut self.open {
            open.start = open.start.saturating_sub(needed);
            open.end -= needed;
        }
    }
}

fn clear(text: &[u8], start: usize, end: usize, out: &mut impl FnMut(Piece<'_>)) {
    match text.get(start..end) {
        None | Some([]) => {}
        Some(bytes) => out(Piece::Clear(bytes)),
    }
}

/// Gives a find out: its first bytes as a hit, unless that was done before, and the rest.
fn give(text: &[u8], span: Span, is_given: bool, out: &mut impl FnMut(Piece<'_>)) {
    let detector = span.detector;
    let bytes = text.get(span.start..span.end).unwrap_or_default();
    let (first, rest) = bytes.split_at_checked(HIT_LIMIT).unwrap_or((bytes, &[]));
    let (first, rest) = if is_given {
        (&[][..], bytes)
    } else {
        (first, rest)
    };
    if !first.is_empty() {
        out(Piece::Hit {
            detector,
            bytes: first,
        });
    }
    if !rest.is_empty() {
        out(Piece::Rest {
            detector,
            bytes: rest,
        });
    }
}
