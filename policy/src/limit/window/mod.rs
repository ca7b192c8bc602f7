//! How many things happened within a sliding window.
//!
//! A window of length W at instant t is the half-open span (t − W, t]. **No such span of any t
//! ever holds more than `max` admitted things.** Up to a `max` of [`RESOLUTION`] the count is
//! exact. Above it, things less than W ÷ [`RESOLUTION`] apart share an entry and leave the window
//! together with the youngest of them: the window may then refuse up to that much too early, and
//! never too late.

use std::collections::VecDeque;
use std::time::Duration;

use crate::limit::Monotonic;

/// Up to this `max` each admitted thing has its own instant; beyond it the window is cut into
/// this many parts.
pub const RESOLUTION: u64 = 128;

/// No window keeps more entries than this (16 bytes each), whatever edits its limit has seen.
pub const MAX_ENTRIES: usize = 132;

/// A sliding window's log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window {
    /// Oldest first.
    entries: VecDeque<Entry>,
    /// When the youngest entry got its first thing.
    opened: u64,
    /// The sum over `entries`.
    total: u64,
    /// The length that was asked for last, in nanoseconds: until when the log matters.
    length: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    /// When the last of these happened; all of them count until it leaves the window.
    last: u64,
    count: u64,
}

// === impl Window ===

impl Window {
    /// How many things count at `now` in a window of this length. Forgets what has left it: a
    /// window that is made longer later does not get it back.
    pub fn spent(&mut self, now: Monotonic, length: Duration) -> u64 {
        self.length = nanos(length);
        while let Some(oldest) = self.entries.front()
            && leaves(*oldest, self.length) <= now.as_nanos()
        {
            self.total = self.total.saturating_sub(oldest.count);
            self.entries.pop_front();
        }
        self.total
    }

    /// How long until fewer than `max` count, none if that never happens by waiting. Call after
    /// [`Window::spent`].
    pub fn frees_in(&self, now: Monotonic, max: u64) -> Option<Duration> {
        let mut total = self.total;
        let mut instant = now.as_nanos();
        let mut entries = self.entries.iter();
        while total >= max {
            let oldest = entries.next()?;
            total = total.saturating_sub(oldest.count);
            instant = leaves(*oldest, self.length);
        }
        Some(Duration::from_nanos(instant.saturating_sub(now.as_nanos())))
    }

    /// Counts one thing. `max` only says how finely to remember it.
    pub fn record(&mut self, now: Monotonic, max: u64) {
        let now = now.as_nanos();
        self.total = self.total.saturating_add(1);
        let part = if max <= RESOLUTION {
            0
        } else {
            self.length / RESOLUTION
        };
        let full = self.entries.len() >= MAX_ENTRIES;
        match self.entries.back_mut() {
            Some(youngest)
                if full || youngest.last == now || now.saturating_sub(self.opened) < part =>
            {
                youngest.last = youngest.last.max(now);
                youngest.count = youngest.count.saturating_add(1);
            }
            _ => {
                self.opened = now;
                self.entries.push_back(Entry {
                    last: now,
                    count: 1,
                });
            }
        }
    }

    /// From when on nothing in it counts.
    pub fn empty_from(&self) -> Monotonic {
        let last = self
            .entries
            .back()
            .map_or(0, |youngest| leaves(*youngest, self.length));
        Monotonic::from_nanos(last)
    }

    /// How many entries it keeps.
    pub fn entries(&self) -> usize {
        self.entries.len()
    }
}

fn leaves(entry: Entry, length: u64) -> u64 {
    entry.last.saturating_add(length)
}

/// More than 584 years is for ever.
fn nanos(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
