//! The drain: stop accepting, let what runs finish, then end.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long sessions have to say goodbye once the grace is over.
pub const FAREWELL: Duration = Duration::from_secs(2);

/// Told to everything that must end. Clones are one.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// No new sessions, no new operations; idle sessions end.
    pub drain: CancellationToken,
    /// The grace is over: everything ends now.
    pub cut: CancellationToken,
    /// All sessions, and what is still to be recorded of those that were refused.
    pub sessions: TaskTracker,
}

// === impl Shutdown ===

impl Shutdown {
    /// Drains, and cuts what is not done after `grace`, or once `cut` is cancelled. Returns how many sessions had not even
    /// ended [`FAREWELL`] after that.
    pub async fn run(&self, grace: Duration) -> usize {
        self.drain.cancel();
        self.sessions.close();
        tokio::select! {
            () = self.sessions.wait() => {}
            () = self.cut.cancelled() => {}
            () = sleep(grace) => {
                tracing::warn!(sessions = self.sessions.len(), "the grace is over");
            }
        }
        self.cut.cancel();
        let _ = timeout(FAREWELL, self.sessions.wait()).await;
        self.sessions.len()
    }
}
