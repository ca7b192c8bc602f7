//! Why an event was not recorded. Whoever gets one of these must not let happen what the event
//! tells.

use std::io;

use crate::crypt::CryptError;
use crate::event::SessionId;
use crate::format::FormatError;

/// Why an event is not in the record.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    #[error("the event cannot be written: {0}")]
    Refused(#[from] FormatError),
    #[error("the spool is full: {used} of {max} bytes")]
    SpoolFull { used: u64, max: u64 },
    #[error("the subject's share of the spool is used up: {used} of {max} bytes")]
    SubjectShareExceeded { used: u64, max: u64 },
    #[error("no room on the disk: {0}")]
    DiskFull(io::Error),
    #[error("the disk failed, and the writer stops: {0}")]
    Disk(io::Error),
    #[error("the writer stopped at an earlier failure: {0}")]
    Stopped(String),
    #[error("session {0} was not started here, or has ended")]
    UnknownSession(SessionId),
    #[error("session {0} was started before")]
    SessionExists(SessionId),
    #[error("more than {} sessions are open", super::MAX_OPEN_SESSIONS)]
    TooManySessions,
    #[error("a session's events need a session")]
    NoSession,
    #[error("the session cannot be encrypted: {0}")]
    Crypt(#[from] CryptError),
}

/// Why a segment or key could not be given up.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    #[error("segment {0} is not waiting for the store")]
    NotWaiting(u64),
    #[error("the key of session {0} is not waiting for the store")]
    NoSuchKey(SessionId),
    #[error("the file cannot be removed: {0}")]
    Io(#[from] io::Error),
    #[error("the writer stopped at an earlier failure: {0}")]
    Stopped(String),
}
