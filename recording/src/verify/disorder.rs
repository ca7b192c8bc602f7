//! A stretch of frames that does not follow the chain, and what happened in it.

use std::collections::BTreeSet;

use super::Finding;

/// Frames since the chain was lost, until a signed checkpoint says where it goes on.
#[derive(Debug, Default)]
pub(super) struct Disorder {
    /// The frame that should have come first, if it is known.
    want: Option<u64>,
    /// Sequence numbers in the order in which they stand; bounded by the segment.
    seen: Vec<u64>,
    /// A frame that is there, but whose number was changed.
    changed: Option<u64>,
}

// === impl Disorder ===

impl Disorder {
    pub(super) fn new(want: Option<u64>) -> Self {
        Self {
            want,
            ..Self::default()
        }
    }

    /// The frame of this number is there under another.
    pub(super) fn changed(&mut self, sequence: u64) {
        self.changed = Some(sequence);
    }

    pub(super) fn see(&mut self, sequence: u64) {
        self.seen.push(sequence);
    }

    /// Whether a checkpoint may end this: one from before it was put in again.
    pub(super) fn may_end_at(&self, sequence: u64) -> bool {
        self.want.is_none_or(|want| want <= sequence)
    }

    /// Names what is missing, moved, repeated and foreign, and gives the highest frame
    /// that is there. `until` is the frame at which the chain goes on, if it does here.
    pub(super) fn close(
        self,
        segment: u64,
        until: Option<u64>,
        mut find: impl FnMut(Finding),
    ) -> Option<u64> {
        let lowest = self.seen.iter().copied().min();
        let first = self.want.or(lowest)?;
        let mut present: BTreeSet<u64> = self.changed.into_iter().collect();
        let mut highest = self.changed;
        for sequence in self.seen {
            if until.is_some_and(|until| sequence >= until) {
                find(Finding::FrameForeign { segment, sequence });
            } else if sequence < first || !present.insert(sequence) {
                find(Finding::FrameRepeated { segment, sequence });
            } else if highest > Some(sequence) {
                find(Finding::FrameMoved { segment, sequence });
            } else {
                highest = Some(sequence);
            }
        }
        let mut next = first;
        let ends = until.or(highest.map(|highest| highest.saturating_add(1)));
        for sequence in present.into_iter().chain(ends) {
            if sequence > next {
                find(Finding::FramesMissing {
                    from: next,
                    to: sequence - 1,
                });
            }
            next = sequence.saturating_add(1);
        }
        highest
    }
}
