//! Watching a session while it runs.

use std::sync::{Arc, OnceLock};

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast};

/// How many lines wait for a slow watcher before it loses the oldest.
pub const TAIL_LINES: usize = 128;

/// The most that one line shows of an operation's text or of a reply.
pub const MAX_LINE_BYTES: usize = 4 * 1024;

/// What a watcher is told. Texts have been through the detectors, and replies are what the client
/// itself was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    Operation {
        number: u64,
        text: Arc<str>,
        decision: &'static str,
        /// Why it was not let through, and the policy and rule that say so; else empty.
        class: &'static str,
        rule: Arc<str>,
    },
    Output {
        number: u64,
        bytes: Arc<[u8]>,
        /// How many more there were.
        left_out: u64,
    },
    Ended {
        number: u64,
        outcome: &'static str,
    },
    /// So many lines were lost, for they were not read in time.
    Missed(u64),
}

/// The lines of one session, until it ends.
#[derive(Debug)]
pub struct Tail {
    lines: broadcast::Receiver<Line>,
    _place: OwnedSemaphorePermit,
}

/// The watched side; it costs nothing until somebody watches.
#[derive(Debug, Default)]
pub(super) struct Tailed(OnceLock<broadcast::Sender<Line>>);

// === impl Tail ===

impl Tail {
    /// None once the session is over.
    pub async fn next(&mut self) -> Option<Line> {
        match self.lines.recv().await {
            Ok(line) => Some(line),
            Err(RecvError::Lagged(lines)) => Some(Line::Missed(lines)),
            Err(RecvError::Closed) => None,
        }
    }
}

// === impl Line ===

impl Line {
    pub(crate) fn output(number: u64, bytes: &[u8]) -> Self {
        let shown = bytes.get(..MAX_LINE_BYTES).unwrap_or(bytes);
        Self::Output {
            number,
            bytes: shown.into(),
            left_out: (bytes.len() - shown.len()) as u64,
        }
    }
}

// === impl Tailed ===

impl Tailed {
    pub(super) fn subscribe(&self, place: OwnedSemaphorePermit) -> Tail {
        let sender = self.0.get_or_init(|| broadcast::Sender::new(TAIL_LINES));
        Tail {
            lines: sender.subscribe(),
            _place: place,
        }
    }

    pub(super) fn tell(&self, line: impl FnOnce() -> Line) {
        if let Some(sender) = self.0.get()
            && sender.receiver_count() > 0
        {
            // Nobody left to hear it: that is fine.
            let _ = sender.send(line());
        }
    }
}
