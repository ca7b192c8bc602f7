//! Limits as pure state machines: rows and bytes of a reply, operations and writes in a sliding
//! window, concurrent sessions.
//!
//! ```text
//! open a session   Counters::open  -> SessionSlot, or Refusal      Counters::close(slot)
//! an operation     Counters::admit -> what is left, or Refusal
//! a row, a chunk   ReplyMeter      -> pass, cut here, refuse
//! ```
//!
//! What holds:
//! - The limits come with each call and only the counts are kept, so an edit of a policy reaches
//!   open sessions and running operations at once and sets no counter back to zero. (The name of
//!   the policy is the counter's name: a renamed policy counts anew.)
//! - Each policy's limit has its own counter and all of them must have room, so the smallest wins
//!   whatever the order, also where windows differ. A refused operation counts nowhere.
//! - Time is an argument and never runs backwards here: a clock that steps back frees nothing.
//! - Memory is bounded. When the table is full and no window in it is empty, a key that is not in
//!   it is refused by name; a key is never forgotten to make room while it still counts.

mod applied;
mod caller;
mod counters;
mod reply;
mod window;

pub use applied::AppliedLimits;
pub use caller::{Caller, LimitId, Named};
pub use counters::{Counters, MAX_KEYS, SWEEP_INTERVAL, SessionSlot};
pub use reply::{Passage, ReplyMeter};
pub use window::{MAX_ENTRIES, RESOLUTION, Window};

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::rule::ObjectName;

/// Nanoseconds since some fixed instant of this process, from a clock that is meant not to step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Monotonic(u64);

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitKind {
    Rows,
    Bytes,
    Operations,
    Writes,
    Sessions,
}

/// How a caller stands with one limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub kind: LimitKind,
    /// The policy that sets the limit.
    pub source: Arc<ObjectName>,
    pub max: u64,
    /// How many more would pass now.
    pub left: u64,
    /// When one more would pass; zero while `left` is not, none where only the end of a session
    /// or a new operation frees it, or nothing does.
    pub frees_in: Option<Duration>,
}

/// Why something may not pass.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    #[error("limit of {} {} set by {} is reached", .0.max, .0.kind, .0.source)]
    Exceeded(Standing),
    /// Fail closed: what cannot be counted does not pass.
    #[error(
        "the table of {} counters is full with callers that still count",
        MAX_KEYS
    )]
    TableFull,
}

/// One replica's part of a limit that all replicas share: the limit divided by their number, at
/// least 1. A limit of 0 lets nothing pass and stays 0; no replicas counts as one.
pub fn share(max: u64, replicas: u32) -> u64 {
    match max {
        0 => 0,
        _ => (max / u64::from(replicas.max(1))).max(1),
    }
}

// === impl Monotonic ===

impl Monotonic {
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    pub const fn as_nanos(self) -> u64 {
        self.0
    }
}

// === impl LimitKind ===

impl fmt::Display for LimitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rows => "rows",
            Self::Bytes => "bytes",
            Self::Operations => "operations",
            Self::Writes => "writes",
            Self::Sessions => "sessions",
        })
    }
}

#[cfg(test)]
mod tests;
