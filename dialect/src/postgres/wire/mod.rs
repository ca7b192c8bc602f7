//! The frames of the PostgreSQL protocol, cut before they are decoded.
//!
//! Two steps, kept apart: [`Header::parse`] says where a frame ends, then a decoder is given
//! exactly that slice and must use all of it. A decoder that could read past its frame, or leave
//! a tail unread, would let the gateway and the server disagree on where the next message starts.
//!
//! Decoded messages borrow from the slice; nothing is copied that is only relayed. Decoders take
//! untrusted bytes: they return [`InvalidFrame`] and never panic.

pub mod backend;
pub mod frontend;
pub mod read;
pub mod startup;
pub mod write;

#[cfg(test)]
mod tests;

/// The type byte and the length word that start every message after start-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub tag: u8,
    /// Bytes after the header.
    pub body: usize,
}

/// Why bytes are not a message. The session is closed: the two sides no longer agree on where
/// messages start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFrame {
    #[error("message length {0} is below the 4 bytes of the length word itself")]
    LengthBelowFour(u32),
    #[error("message of {length} bytes is over the limit of {limit}")]
    TooLarge { length: u32, limit: usize },
    #[error("message ends inside {0}")]
    Short(&'static str),
    #[error("{0} bytes are left over at the end of the message")]
    Trailing(usize),
    #[error("{0} is not terminated by a zero byte")]
    Unterminated(&'static str),
    #[error("{field} has the impossible value {value}")]
    BadValue { field: &'static str, value: i64 },
    #[error("message type {0:#04x} is not known here")]
    UnknownTag(u8),
    #[error("parameter is given twice at start-up")]
    DuplicateParameter,
    #[error("more than {} start-up parameters", startup::MAX_STARTUP_PARAMETERS)]
    TooManyParameters,
    #[error("start-up parameters do not end with a single zero byte")]
    ParametersNotTerminated,
}

/// Bytes of a [`Header`] on the wire.
pub const HEADER_BYTES: usize = 5;

// === impl Header ===

impl Header {
    /// The header at the start of `bytes`; `None` while it is not all there.
    pub fn parse(bytes: &[u8], limit: usize) -> Result<Option<Self>, InvalidFrame> {
        let Some(&[tag, a, b, c, d]) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes([a, b, c, d]);
        Ok(Some(Self {
            tag,
            body: body_length(length, limit)?,
        }))
    }

    /// The whole message, header included.
    pub fn total(self) -> usize {
        self.body.saturating_add(HEADER_BYTES)
    }
}

/// Bytes after a length word, which counts itself.
pub(crate) fn body_length(length: u32, limit: usize) -> Result<usize, InvalidFrame> {
    let body = length
        .checked_sub(4)
        .ok_or(InvalidFrame::LengthBelowFour(length))?;
    let body = usize::try_from(body).unwrap_or(usize::MAX);
    if body > limit {
        return Err(InvalidFrame::TooLarge { length, limit });
    }
    Ok(body)
}
