//! Recordings for other programs: JSON lines of all events, and asciicast for
//! terminal sessions.
//!
//! What is written is safe to show: control characters and those that turn the
//! direction of text are escaped, as JSON allows, so that nothing recorded can play
//! tricks on the terminal of whoever looks at it.

mod asciicast;
mod json;
mod jsonl;
#[cfg(test)]
mod tests;
mod time;

use std::io;

pub use asciicast::{
    Asciicast, DEFAULT_COLUMNS, DEFAULT_ROWS, EXIT_STATUS_ATTRIBUTE, MAX_TERMINAL_SIZE,
    TERM_ATTRIBUTE,
};
pub use jsonl::JsonLines;

use crate::event::SessionId;

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("the export cannot be written: {0}")]
    Io(#[from] io::Error),
    #[error("an asciicast is of one session; this is {expected}, and there came {found}")]
    OtherSession {
        expected: SessionId,
        found: SessionId,
    },
}
