//! Version 0 of the format: bytes to frames to events, and back, byte for byte.
//!
//! `lib.rs` states the whole of it. Everything here takes hostile bytes: sizes, counts and
//! depths are bounded, and what is wrong has a name.

mod body;
mod field;
mod frame;
mod structure;
mod value;
mod wire;

#[cfg(test)]
mod tests;

pub use body::{decode_event, encode_event};
pub use frame::{Flags, Frame, FrameHeader, Parsed, kind};
pub use structure::{SegmentStart, SessionKey, Signed};

pub(crate) use frame::{begin_frame, end_frame, finish_frame};

/// What a segment's file begins with; the version follows in two bytes.
pub const MAGIC: [u8; 6] = *b"PCLREC";

/// The version that this code writes, and the only one that it reads. While it is 0 the
/// format may still change.
pub const VERSION: u16 = 0;

/// Magic and version, ahead of the first frame.
pub const FILE_HEADER_BYTES: usize = 8;

/// The most that one event's payload may take; a caller cuts longer output into pieces.
pub const MAX_PAYLOAD_BYTES: usize = 4 * 1024 * 1024;

/// The longest frame: header, payload with what encryption adds, check.
pub const MAX_FRAME_BYTES: usize =
    FRAME_LENGTH_BYTES + FRAME_HEADER_BYTES + MAX_PAYLOAD_BYTES + 64 + CHECK_BYTES;

/// The length ahead of each frame.
pub const FRAME_LENGTH_BYTES: usize = 4;

/// Kind, flags, sequence, time, session.
pub const FRAME_HEADER_BYTES: usize = 36;

/// The beginning of the frame's link, which ends each frame.
pub const CHECK_BYTES: usize = 8;

/// How deep lists and maps may stand in each other.
pub const MAX_VALUE_DEPTH: usize = 8;

/// How many values one open map may hold, at all depths.
pub const MAX_VALUES: usize = 65_536;

/// How many fields of later versions are kept in one event.
pub const MAX_LATER_FIELDS: usize = 1_024;

/// What is wrong with bytes that should be a recording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error("this is not a segment of a recording")]
    NotASegment,
    #[error("format version {0} is not known to this program")]
    UnknownVersion(u16),
    #[error("a frame of {0} bytes is shorter than its own header")]
    FrameTooShort(u64),
    #[error("a frame of {0} bytes is longer than the limit of {MAX_FRAME_BYTES}")]
    FrameTooLong(u64),
    #[error("a payload of {0} bytes is longer than the limit of {MAX_PAYLOAD_BYTES}")]
    PayloadTooLong(u64),
    #[error("the bytes end in the middle of a value")]
    Truncated,
    #[error("a text is not UTF-8")]
    NotText,
    #[error("values stand in each other deeper than {MAX_VALUE_DEPTH}")]
    TooDeep,
    #[error("more than {MAX_VALUES} values or {MAX_LATER_FIELDS} unknown fields in one event")]
    TooManyValues,
    #[error("not in the one encoding that the format allows: {0}")]
    NotCanonical(&'static str),
    #[error("field {0} is missing")]
    MissingField(u64),
    #[error("field {field} is not {expected} bytes long")]
    WrongLength { field: u64, expected: usize },
    #[error("a frame of kind {0} where another was expected")]
    WrongKind(u16),
    #[error("the payload is encrypted")]
    Encrypted,
    #[error("flags {0:#06x} are not known to this program")]
    UnknownFlags(u16),
}

/// Magic and version, as a segment's file begins.
pub fn file_header() -> [u8; FILE_HEADER_BYTES] {
    let [a, b, c, d, e, f] = MAGIC;
    let [low, high] = VERSION.to_le_bytes();
    [a, b, c, d, e, f, low, high]
}

/// Takes the file header off the front of a segment.
pub fn strip_file_header(bytes: &[u8]) -> Result<&[u8], FormatError> {
    let Some((header, frames)) = bytes.split_first_chunk::<FILE_HEADER_BYTES>() else {
        return Err(FormatError::Truncated);
    };
    let [magic @ .., low, high] = header;
    if *magic != MAGIC {
        return Err(FormatError::NotASegment);
    }
    match u16::from_le_bytes([*low, *high]) {
        VERSION => Ok(frames),
        other => Err(FormatError::UnknownVersion(other)),
    }
}
