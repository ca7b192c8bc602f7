//! How much of one operation's reply may pass.

use crate::limit::{LimitKind, Named, Standing};
use crate::rule::{OnExceed, SizeLimit};

/// Counts one operation's rows and bytes. Once it has cut or refused it says so for ever, also
/// when an edit raises the limit meanwhile: a reply with a hole in it would be a false one.
#[derive(Debug, Clone, Default)]
pub struct ReplyMeter {
    rows: u64,
    bytes: u64,
    ended: Option<Passage>,
}

/// What to do with a row or a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passage {
    Pass,
    /// Only the first `keep` bytes of it pass (none of a row), and nothing after them.
    Cut {
        keep: u64,
        limit: Standing,
    },
    /// The operation fails.
    Refuse(Standing),
}

// === impl ReplyMeter ===

impl ReplyMeter {
    /// Counts what another reply gave that limits bind together with this one: so much has passed
    /// at least.
    pub fn raise_to(&mut self, (rows, bytes): (u64, u64)) {
        self.rows = self.rows.max(rows);
        self.bytes = self.bytes.max(bytes);
    }

    /// A whole row. It passes whole or not at all. Limits of other kinds are not looked at.
    pub fn row(&mut self, limits: &[Named<SizeLimit>], bytes: u64) -> Passage {
        self.take(limits, 1, bytes)
    }

    /// A piece of a reply that has no rows; only limits of bytes apply.
    pub fn chunk(&mut self, limits: &[Named<SizeLimit>], bytes: u64) -> Passage {
        self.take(limits, 0, bytes)
    }

    /// Rows and bytes that passed.
    pub fn passed(&self) -> (u64, u64) {
        (self.rows, self.bytes)
    }

    fn take(&mut self, limits: &[Named<SizeLimit>], rows: u64, bytes: u64) -> Passage {
        if let Some(ended) = &self.ended {
            return ended.clone();
        }
        let after = (
            self.rows.saturating_add(rows),
            self.bytes.saturating_add(bytes),
        );
        let exceeded = limits.iter().filter(|limit| match limit.id.kind() {
            LimitKind::Rows => rows > 0 && after.0 > limit.limit.max,
            LimitKind::Bytes => after.1 > limit.limit.max,
            _ => false,
        });
        // Failing is stricter than cutting, and of two cuts the earlier one.
        let Some(strictest) = exceeded.min_by_key(|limit| self.strictness(limit)) else {
            (self.rows, self.bytes) = after;
            return Passage::Pass;
        };
        let limit = self.standing(strictest);
        if strictest.limit.on_exceed == OnExceed::Error {
            let refusal = Passage::Refuse(limit);
            self.ended = Some(refusal.clone());
            return refusal;
        }
        let keep = if rows == 0 { limit.left.min(bytes) } else { 0 };
        self.ended = Some(Passage::Cut {
            keep: 0,
            limit: limit.clone(),
        });
        self.bytes = self.bytes.saturating_add(keep);
        Passage::Cut { keep, limit }
    }

    fn strictness(&self, limit: &Named<SizeLimit>) -> (bool, u64) {
        (
            limit.limit.on_exceed == OnExceed::Truncate,
            self.left(limit),
        )
    }

    fn left(&self, limit: &Named<SizeLimit>) -> u64 {
        let spent = if limit.id.kind() == LimitKind::Rows {
            self.rows
        } else {
            self.bytes
        };
        limit.limit.max.saturating_sub(spent)
    }

    fn standing(&self, limit: &Named<SizeLimit>) -> Standing {
        Standing {
            kind: limit.id.kind(),
            source: limit.id.source().clone(),
            max: limit.limit.max,
            left: self.left(limit),
            frees_in: None,
        }
    }
}

#[cfg(test)]
mod tests;
