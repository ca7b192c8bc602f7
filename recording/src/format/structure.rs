//! The frames that hold a segment together: its start, checkpoints, its seal, session keys.

use super::FormatError;
use super::field::{Fields, put_blob, put_integer, put_text};
use super::frame::{CHAINED_VERSION, Frame, kind};
use crate::chain::Hash;
use crate::checkpoint::{KeyId, SIGNATURE_BYTES};
use crate::event::WriterId;

/// The first frame of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentStart {
    pub writer: WriterId,
    /// Counts the segments of a writer from 1, without a gap.
    pub segment: u64,
    /// The link of the last frame of the segment ahead of it.
    pub previous: Hash,
}

/// A checkpoint, or the seal that ends a segment: the chain's head, signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The link of the frame ahead of this one.
    pub hash: Hash,
    pub key: KeyId,
    pub signature: [u8; SIGNATURE_BYTES],
}

/// Says that a session's events are encrypted from here on. The wrapped key itself is kept
/// outside the chain, so that it can be destroyed; the chain holds its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionKey {
    /// SHA-256 of the whole key file.
    pub sha256: Hash,
    /// Whose private key opens it: the first eight bytes of SHA-256 of the public key.
    pub recipient: KeyId,
}

// === impl SegmentStart ===

impl SegmentStart {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_integer(out, 1, CHAINED_VERSION);
        put_text(out, 2, self.writer.as_str());
        put_integer(out, 3, self.segment);
        put_blob(out, 4, self.previous.bytes());
    }

    pub fn decode(frame: &Frame<'_>) -> Result<Self, FormatError> {
        let mut fields = fields(frame, kind::SEGMENT_START)?;
        if fields.integer(1)? != CHAINED_VERSION {
            return Err(FormatError::NotCanonical("a start of another version"));
        }
        let writer = fields.text(2)?;
        let start = Self {
            writer: writer
                .parse()
                .map_err(|_| FormatError::NotCanonical("the writer's name"))?,
            segment: fields.integer(3)?,
            previous: Hash::new(fields.exact(4)?),
        };
        fields.later(4)?;
        Ok(start)
    }
}

// === impl Signed ===

impl Signed {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_blob(out, 1, self.hash.bytes());
        put_blob(out, 2, self.key.bytes());
        put_blob(out, 3, &self.signature);
    }

    /// Decodes a checkpoint or a seal.
    pub fn decode(frame: &Frame<'_>) -> Result<Self, FormatError> {
        let expected = match frame.header.kind {
            kind::SEAL => kind::SEAL,
            _ => kind::CHECKPOINT,
        };
        let mut fields = fields(frame, expected)?;
        let signed = Self {
            hash: Hash::new(fields.exact(1)?),
            key: KeyId::new(fields.exact(2)?),
            signature: fields.exact(3)?,
        };
        fields.later(3)?;
        Ok(signed)
    }
}

// === impl SessionKey ===

impl SessionKey {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_blob(out, 1, self.sha256.bytes());
        put_blob(out, 2, self.recipient.bytes());
    }

    pub fn decode(frame: &Frame<'_>) -> Result<Self, FormatError> {
        let mut fields = fields(frame, kind::SESSION_KEY)?;
        let key = Self {
            sha256: Hash::new(fields.exact(1)?),
            recipient: KeyId::new(fields.exact(2)?),
        };
        fields.later(2)?;
        Ok(key)
    }
}

fn fields<'a>(frame: &Frame<'a>, expected: u16) -> Result<Fields<'a>, FormatError> {
    if frame.header.kind != expected {
        return Err(FormatError::WrongKind(frame.header.kind));
    }
    if frame.header.flags.0 != 0 {
        return Err(FormatError::UnknownFlags(frame.header.flags.0));
    }
    Fields::new(frame.payload)
}
