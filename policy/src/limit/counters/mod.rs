//! The table of counters: who has done how much, and how many sessions are open.

use std::collections::HashMap;
use std::time::Duration;

use crate::limit::caller::Digest;
use crate::limit::{Caller, LimitId, Monotonic, Named, Refusal, Standing, Window};
use crate::rule::{CountLimit, Per, RateLimit};

/// So many windows are kept, and so many counts of sessions. A window takes at most 2.2 KiB, so
/// that a table in which every caller is at a large limit takes 35 MiB; a caller who did ten
/// operations takes 0.3 KiB.
pub const MAX_KEYS: usize = 16_384;

/// A full table looks for windows that have become empty at most this often, so that a crowd of
/// made-up callers does not make each refusal cost a walk over the table.
pub const SWEEP_INTERVAL: Duration = Duration::from_millis(100);

/// All counters of one process. Pure: time comes in, answers go out.
#[derive(Debug, Default)]
pub struct Counters {
    windows: HashMap<Key, Window>,
    sessions: HashMap<Digest, u64>,
    /// The latest instant that was ever told.
    now: Monotonic,
    /// When the last sweep was; none before the first.
    swept: Option<Monotonic>,
}

/// A counted session. It counts until it is given back; one that is lost counts for ever, which
/// is why it can neither be copied nor made up.
#[derive(Debug)]
#[must_use = "a session counts until its slot is closed"]
pub struct SessionSlot {
    caller: Caller,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    limit: Digest,
    who: Digest,
}

// === impl Counters ===

impl Counters {
    /// Counts one operation against all these limits, or against none and says why. In the good
    /// case the answer is the limit with the least left, none where there are no limits.
    pub fn admit(
        &mut self,
        caller: &Caller,
        limits: &[Named<RateLimit>],
        now: Monotonic,
    ) -> Result<Option<Standing>, Refusal> {
        self.now = self.now.max(now);
        let keys = || limits.iter().flat_map(|limit| keys(caller, limit));
        let mut worst: Option<Standing> = None;
        for (key, limit) in keys() {
            let standing = self.rate_standing(key, limit);
            if standing.left == 0 && worst.as_ref().is_none_or(|w| waits_longer(&standing, w)) {
                worst = Some(standing);
            }
        }
        if let Some(worst) = worst {
            return Err(Refusal::Exceeded(worst));
        }
        let new = keys()
            .filter(|(key, _)| !self.windows.contains_key(key))
            .count();
        self.make_room(new)?;
        Ok(keys()
            .map(|(key, limit)| self.count(key, limit))
            .min_by_key(|s| s.left))
    }

    /// Counts a session, or refuses it. Sessions are counted whether or not a limit is set, so
    /// that a limit that comes later sees those that are already open.
    pub fn open(
        &mut self,
        caller: &Caller,
        limits: &[Named<CountLimit>],
    ) -> Result<(SessionSlot, Option<Standing>), Refusal> {
        let mut tightest: Option<Standing> = None;
        let counters = limits
            .iter()
            .flat_map(|limit| caller.counted(limit.limit.per).map(move |who| (who, limit)));
        for (who, limit) in counters {
            let max = limit.limit.max;
            let left = max.saturating_sub(self.sessions.get(&who).copied().unwrap_or(0));
            if left == 0 {
                return Err(Refusal::Exceeded(standing(&limit.id, max, 0, None)));
            }
            if tightest.as_ref().is_none_or(|t| left - 1 < t.left) {
                let frees_in = (left > 1).then_some(Duration::ZERO);
                tightest = Some(standing(&limit.id, max, left - 1, frees_in));
            }
        }
        let everyone = || caller.counted(Per::Both);
        let new = everyone()
            .filter(|who| !self.sessions.contains_key(who))
            .count();
        if self.sessions.len() + new > MAX_KEYS {
            return Err(Refusal::TableFull);
        }
        for who in everyone() {
            let open = self.sessions.entry(who).or_insert(0);
            *open = open.saturating_add(1);
        }
        Ok((
            SessionSlot {
                caller: caller.clone(),
            },
            tightest,
        ))
    }

    /// Gives a session back.
    pub fn close(&mut self, slot: SessionSlot) {
        for who in slot.caller.counted(Per::Both) {
            if let Some(open) = self.sessions.get_mut(&who) {
                *open = open.saturating_sub(1);
                if *open == 0 {
                    self.sessions.remove(&who);
                }
            }
        }
    }

    /// How many keys are kept: windows, and counts of sessions.
    pub fn keys(&self) -> (usize, usize) {
        (self.windows.len(), self.sessions.len())
    }

    fn rate_standing(&mut self, key: Key, limit: &Named<RateLimit>) -> Standing {
        let RateLimit {
            max,
            window: length,
            ..
        } = limit.limit;
        // A window of no length would hold nothing and so let everything pass.
        if max == 0 || length.is_zero() {
            return standing(&limit.id, max, 0, None);
        }
        let Some(window) = self.windows.get_mut(&key) else {
            return standing(&limit.id, max, max, Some(Duration::ZERO));
        };
        let left = max.saturating_sub(window.spent(self.now, length));
        standing(&limit.id, max, left, window.frees_in(self.now, max))
    }

    fn count(&mut self, key: Key, limit: &Named<RateLimit>) -> Standing {
        let RateLimit {
            max,
            window: length,
            ..
        } = limit.limit;
        let window = self.windows.entry(key).or_default();
        window.spent(self.now, length);
        window.record(self.now, max);
        let left = max.saturating_sub(window.spent(self.now, length));
        standing(&limit.id, max, left, window.frees_in(self.now, max))
    }

    fn make_room(&mut self, new: usize) -> Result<(), Refusal> {
        if new > 0 && self.windows.len() + new > MAX_KEYS {
            self.sweep();
        }
        if new == 0 || self.windows.len() + new <= MAX_KEYS {
            Ok(())
        } else {
            Err(Refusal::TableFull)
        }
    }

    fn sweep(&mut self) {
        let now = self.now;
        let due = |swept: Monotonic| {
            u128::from(now.as_nanos() - swept.as_nanos()) >= SWEEP_INTERVAL.as_nanos()
        };
        if self.swept.is_none_or(due) {
            self.windows.retain(|_, window| window.empty_from() > now);
            self.swept = Some(now);
        }
    }
}

fn keys<'a>(
    caller: &'a Caller,
    limit: &'a Named<RateLimit>,
) -> impl Iterator<Item = (Key, &'a Named<RateLimit>)> {
    let id = limit.id.digest();
    caller
        .counted(limit.limit.per)
        .map(move |who| (Key { limit: id, who }, limit))
}

fn standing(id: &LimitId, max: u64, left: u64, frees_in: Option<Duration>) -> Standing {
    Standing {
        kind: id.kind(),
        source: id.source().clone(),
        max,
        left,
        frees_in,
    }
}

/// Never is longest.
fn waits_longer(a: &Standing, b: &Standing) -> bool {
    match (a.frees_in, b.frees_in) {
        (Some(a), Some(b)) => a > b,
        (a, b) => a.is_none() && b.is_some(),
    }
}

#[cfg(test)]
mod tests;
