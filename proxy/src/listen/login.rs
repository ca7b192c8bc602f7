//! Clients between accept and login.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

/// Time for TLS and login together. The protocol says goodbye then in its own words; one that does
/// not is ended [`MARGIN`] later.
pub const LOGIN_TIME: Duration = Duration::from_secs(30);

/// Clients of one port that may be between accept and login.
pub const MAX_LOGINS: usize = 1024;

const MARGIN: Duration = Duration::from_secs(2);

/// The place of a client that has not logged in. Dropping it is leaving without a login.
#[derive(Debug)]
pub struct LoginSlot {
    deadline: Instant,
    freed: Option<oneshot::Sender<()>>,
}

/// Who holds the places, the longest waiting first.
#[derive(Debug, Clone)]
pub(super) struct Logins {
    waiting: Arc<Mutex<VecDeque<Waiting>>>,
    limit: usize,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    evict: oneshot::Sender<()>,
}

/// Ends a client that holds its place for too long.
#[derive(Debug)]
pub(super) struct Watch {
    logins: Logins,
    number: u64,
    deadline: Instant,
    freed: oneshot::Receiver<()>,
    evicted: oneshot::Receiver<()>,
}

// === impl LoginSlot ===

impl LoginSlot {
    /// A place that nobody counts or ends, for a client that came in another way.
    pub fn uncounted(time: Duration) -> Self {
        Self {
            deadline: Instant::now() + time,
            freed: None,
        }
    }

    /// Until when the login must be done.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The client has logged in: from now on its session has bounds of its own.
    pub fn free(self) {
        if let Some(freed) = self.freed {
            let _ = freed.send(());
        }
    }
}

// === impl Logins ===

impl Logins {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            waiting: Arc::default(),
            limit: limit.max(1),
        }
    }

    /// A place for a client, if need be that of the one who has waited longest.
    pub(super) fn admit(&self) -> (LoginSlot, Watch) {
        let (evict, evicted) = oneshot::channel();
        let (free, freed) = oneshot::channel();
        let deadline = Instant::now() + LOGIN_TIME;
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting.len() >= self.limit {
            if let Some(oldest) = waiting.pop_front() {
                let _ = oldest.evict.send(());
            }
        }
        let number = waiting.back().map_or(0, |last| last.number + 1);
        waiting.push_back(Waiting { number, evict });
        drop(waiting);
        let slot = LoginSlot {
            deadline,
            freed: Some(free),
        };
        let watch = Watch {
            logins: self.clone(),
            number,
            deadline,
            freed,
            evicted,
        };
        (slot, watch)
    }

    fn leave(&self, number: u64) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Numbers only grow from front to back.
        if let Ok(place) = waiting.binary_search_by_key(&number, |one| one.number) {
            drop(waiting.remove(place));
        }
    }
}

// === impl Watch ===

impl Watch {
    /// Runs `client` to its end, or drops it where it does not log in.
    pub(super) async fn attend(mut self, client: impl Future<Output = ()>) {
        let mut client = pin!(client);
        let logged_in = tokio::select! {
            biased;
            () = &mut client => return,
            freed = &mut self.freed => freed.is_ok(),
            _ = &mut self.evicted => {
                tracing::debug!("too many clients are logging in: the longest waiting gave way");
                return;
            }
            () = tokio::time::sleep_until(self.deadline + MARGIN) => {
                tracing::debug!("a client did not log in in time");
                return;
            }
        };
        drop(self);
        // A slot that was dropped is a protocol that says goodbye; the margin bounds that.
        if logged_in {
            client.await;
        } else {
            let _ = tokio::time::timeout(MARGIN, client).await;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.logins.leave(self.number);
    }
}
