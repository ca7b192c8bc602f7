//! How long ago the policies were last known to be what the API server says.
//!
//! A watch that is silent is not stale: nothing changed. Sight is lost while no request is
//! answered at all (the Lease is renewed every few seconds, and that is one), and while a watch
//! has failed and could not be started again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Clones are one.
#[derive(Debug, Clone)]
pub struct Sight(Arc<Mutex<Seen>>);

#[derive(Debug)]
struct Seen {
    heard: Instant,
    /// What is followed and cannot be at this moment, since when.
    lost: BTreeMap<String, Instant>,
}

// === impl Sight ===

impl Sight {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Seen {
            heard: Instant::now(),
            lost: BTreeMap::new(),
        })))
    }

    /// A request was answered.
    pub fn heard(&self) {
        self.lock().heard = Instant::now();
    }

    /// Something cannot be followed any more.
    pub fn lost(&self, what: &str) {
        let mut seen = self.lock();
        if !seen.lost.contains_key(what) {
            seen.lost.insert(what.to_owned(), Instant::now());
        }
    }

    /// It is followed again.
    pub fn found(&self, what: &str) {
        let mut seen = self.lock();
        seen.lost.remove(what);
        seen.heard = Instant::now();
    }

    /// For how long something may have changed unseen.
    pub fn blind_for(&self) -> Duration {
        let seen = self.lock();
        let since = seen.lost.values().copied().chain([seen.heard]);
        since.map(|since| since.elapsed()).max().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Sight {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn silence_is_no_blindness_while_requests_are_answered() {
        let sight = Sight::new();
        for _ in 0..100 {
            advance(10 * SECOND).await;
            assert_eq!(sight.blind_for(), 10 * SECOND);
            sight.heard();
        }
        assert_eq!(sight.blind_for(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn one_watch_that_is_lost_counts_from_its_first_failure_until_it_is_found() {
        let sight = Sight::new();
        sight.lost("policies");
        advance(5 * SECOND).await;
        sight.lost("policies");
        sight.lost("masks");
        sight.heard();
        advance(5 * SECOND).await;
        sight.heard();
        assert_eq!(sight.blind_for(), 10 * SECOND);
        sight.found("policies");
        assert_eq!(sight.blind_for(), 5 * SECOND);
        sight.found("masks");
        assert_eq!(sight.blind_for(), Duration::ZERO);
    }
}
