//! Why a document is refused.

use thiserror::Error;

use super::MAX_DEPTH;
use super::lexer::MAX_SCALAR_BYTES;

/// A document that cannot be judged, and so does not pass. Offsets are bytes from the start of
/// the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidJson {
    #[error("the document is nested deeper than {MAX_DEPTH} levels (byte {0})")]
    TooDeep(u64),
    #[error("a number or word is longer than {MAX_SCALAR_BYTES} bytes (byte {0})")]
    ScalarTooLong(u64),
    #[error("neither a number nor true, false or null (byte {0})")]
    InvalidScalar(u64),
    #[error("{expected} should stand at byte {offset}")]
    Unexpected { expected: &'static str, offset: u64 },
    #[error("something follows the document (byte {0})")]
    TrailingData(u64),
    #[error("the document begins with a byte order mark")]
    ByteOrderMark,
    #[error("the document is in UTF-16 or UTF-32, not in UTF-8 (byte {0})")]
    WideEncoding(u64),
    #[error("a string is not UTF-8 (byte {0})")]
    NotUtf8(u64),
    #[error("a string has an escape that is not one of JSON's (byte {0})")]
    InvalidEscape(u64),
    #[error("a string has half of a surrogate pair (byte {0})")]
    LoneSurrogate(u64),
    #[error("a string has a control character that is not escaped (byte {0})")]
    ControlCharacter(u64),
    #[error("the document ends too early")]
    Truncated,
    #[error("there is no document")]
    Empty,
}
