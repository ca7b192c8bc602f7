//! Frames: a length, a clear header, a payload, a check.

use super::wire::Cursor;
use super::{
    CHECK_BYTES, FRAME_HEADER_BYTES, FRAME_LENGTH_BYTES, FormatError, MAX_FRAME_BYTES, VERSION,
};
use crate::chain::Hash;
use crate::event::{SessionId, Timestamp};

/// Kinds of frames. Below [`kind::FIRST_EVENT`] they hold the segment together, from there on
/// they are events. A kind that is not known is chained, verified and passed on like any other.
pub mod kind {
    pub const SEGMENT_START: u16 = 1;
    pub const CHECKPOINT: u16 = 2;
    pub const SEAL: u16 = 3;
    pub const SESSION_KEY: u16 = 4;

    pub const FIRST_EVENT: u16 = 16;
    pub const SESSION_STARTED: u16 = 16;
    pub const OPERATION: u16 = 17;
    pub const OPERATION_ENDED: u16 = 18;
    pub const OUTPUT: u16 = 19;
    pub const TERMINAL: u16 = 20;
    pub const APPROVAL: u16 = 21;
    pub const ADMIN_ACT: u16 = 22;
    pub const SESSION_ENDED: u16 = 23;
    pub const NOTICE: u16 = 24;
    pub const INPUT: u16 = 25;

    /// The last that this version knows.
    pub const LAST_EVENT: u16 = INPUT;
}

/// How a payload is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(pub u16);

/// The clear part of a frame: who, when and where in the chain, never what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    pub kind: u16,
    pub flags: Flags,
    /// Counts all frames of a writer from 1, without a gap.
    pub sequence: u64,
    pub time: Timestamp,
    pub session: SessionId,
}

/// One frame, borrowed from the bytes that it was cut from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    pub header: FrameHeader,
    /// As stored: encrypted if the flags say so.
    pub payload: &'a [u8],
    /// The beginning of the frame's link.
    pub check: [u8; CHECK_BYTES],
    /// What the link covers: length, header and payload.
    pub linked: &'a [u8],
}

/// What stands at the front of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed<'a> {
    Frame {
        frame: Frame<'a>,
        rest: &'a [u8],
    },
    /// The frame is not there whole; it needs this many bytes, counted from its beginning.
    NeedMore(usize),
}

// === impl Flags ===

impl Flags {
    /// The payload is encrypted with its session's key.
    pub const ENCRYPTED: Self = Self(1);
    /// The payload was compressed, before it was encrypted.
    pub const COMPRESSED: Self = Self(2);

    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

// === impl FrameHeader ===

impl FrameHeader {
    /// The header's bytes, which encryption authenticates beside the payload.
    pub fn encode(&self) -> [u8; FRAME_HEADER_BYTES] {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        let mut rest = bytes.as_mut_slice();
        rest = put(rest, self.kind.to_le_bytes());
        rest = put(rest, self.flags.0.to_le_bytes());
        rest = put(rest, self.sequence.to_le_bytes());
        rest = put(rest, self.time.0.to_le_bytes());
        put(rest, *self.session.bytes());
        bytes
    }

    fn decode(cursor: &mut Cursor<'_>) -> Result<Self, FormatError> {
        Ok(Self {
            kind: u16::from_le_bytes(cursor.array()?),
            flags: Flags(u16::from_le_bytes(cursor.array()?)),
            sequence: u64::from_le_bytes(cursor.array()?),
            time: Timestamp(u64::from_le_bytes(cursor.array()?)),
            session: SessionId::new(cursor.array()?),
        })
    }
}

// === impl Frame ===

impl<'a> Frame<'a> {
    /// Cuts the frame that stands at the front of `bytes`.
    pub fn parse(bytes: &'a [u8]) -> Result<Parsed<'a>, FormatError> {
        let Some((length, _)) = bytes.split_first_chunk::<FRAME_LENGTH_BYTES>() else {
            return Ok(Parsed::NeedMore(FRAME_LENGTH_BYTES));
        };
        let length = u32::from_le_bytes(*length);
        let whole =
            FRAME_LENGTH_BYTES.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
        if whole > MAX_FRAME_BYTES {
            return Err(FormatError::FrameTooLong(length.into()));
        }
        if whole < FRAME_LENGTH_BYTES + FRAME_HEADER_BYTES + CHECK_BYTES {
            return Err(FormatError::FrameTooShort(length.into()));
        }
        let Some((frame, rest)) = bytes.split_at_checked(whole) else {
            return Ok(Parsed::NeedMore(whole));
        };
        let (linked, check) = frame
            .split_last_chunk::<CHECK_BYTES>()
            .ok_or(FormatError::Truncated)?;
        let mut cursor = Cursor::new(linked);
        cursor.take(FRAME_LENGTH_BYTES)?;
        let header = FrameHeader::decode(&mut cursor)?;
        let payload = cursor.rest();
        Ok(Parsed::Frame {
            frame: Frame {
                header,
                payload,
                check: *check,
                linked,
            },
            rest,
        })
    }

    /// How many bytes the frame takes in its segment.
    pub fn size(&self) -> usize {
        self.linked.len() + CHECK_BYTES
    }

    /// Whether the frame is an event, and not part of what holds the segment together.
    pub fn is_event(&self) -> bool {
        self.header.kind >= kind::FIRST_EVENT
    }
}

/// Writes a part at the front of a slice that has room for it, and gives what comes after it.
fn put<const N: usize>(bytes: &mut [u8], part: [u8; N]) -> &mut [u8] {
    match bytes.split_first_chunk_mut() {
        Some((place, rest)) => {
            *place = part;
            rest
        }
        None => &mut [],
    }
}

const _: () = assert!(FRAME_HEADER_BYTES == 2 + 2 + 8 + 8 + 16);

/// Starts a frame at the end of `out`; the caller appends the payload, then finishes it.
pub(crate) fn begin_frame(out: &mut Vec<u8>, header: &FrameHeader) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_LENGTH_BYTES]);
    out.extend_from_slice(&header.encode());
    start
}

/// Writes the length of the frame that began at `start`; what the link covers is then whole.
pub(crate) fn finish_frame(out: &mut [u8], start: usize) -> Result<(), FormatError> {
    let after_length = out
        .len()
        .saturating_sub(start)
        .saturating_sub(FRAME_LENGTH_BYTES);
    let length = after_length + CHECK_BYTES;
    if length + FRAME_LENGTH_BYTES > MAX_FRAME_BYTES {
        return Err(FormatError::FrameTooLong(length as u64));
    }
    let length = u32::try_from(length).map_err(|_| FormatError::FrameTooLong(length as u64))?;
    let slot = out.get_mut(start..).and_then(<[u8]>::first_chunk_mut);
    let slot: &mut [u8; FRAME_LENGTH_BYTES] = slot.ok_or(FormatError::Truncated)?;
    *slot = length.to_le_bytes();
    Ok(())
}

/// Ends a frame with the check that its link gives.
pub(crate) fn end_frame(out: &mut Vec<u8>, link: &Hash) {
    out.extend_from_slice(&link.check());
}

/// The version is in the first frame too, where the chain covers it.
pub(super) const CHAINED_VERSION: u64 = VERSION as u64 + 1;
