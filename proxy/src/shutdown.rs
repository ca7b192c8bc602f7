//! The drain: stop accepting, let what runs finish, then end.

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Told to everything that must end. Clones are one.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// No new sessions, no new operations; idle sessions end.
    pub drain: CancellationToken,
    /// The grace is over: everything ends now.
    pub cut: CancellationToken,
    /// All sessions.
    pub sessions: TaskTracker,
}
