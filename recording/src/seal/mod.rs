//! Compression of segments for the store, and its bounded reverse.
//!
//! A sealed segment is one zstd frame with a content checksum, nothing before it
//! and nothing after it, so `zstd -d` reads it too. Compression proves nothing:
//! the chain inside does. What the checksum catches is an accident on the way.
//!
//! Reading never yields more than the limit nor uses a window above
//! [`MAX_WINDOW_LOG`], whatever the input claims.

#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, Write};

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};
use zstd::stream::write::Encoder;

use crate::chain::{Hash, Hashing};

/// Longest segment before compression, in bytes. A writer begins a new one well
/// before; a longer one is refused, for sealing as for reading.
pub const MAX_SEGMENT_LEN: u64 = 64 * 1024 * 1024;

/// Longest sealed segment, in bytes: what cannot be compressed grows a little.
pub const MAX_SEALED_LEN: u64 = MAX_SEGMENT_LEN + MAX_SEGMENT_LEN / 256 + 1024;

/// Largest zstd window that reading accepts, as a power of two: 8 MiB of memory.
pub const MAX_WINDOW_LOG: u32 = 23;

/// What is unfolded at once.
const OUT_BYTES: usize = 64 * 1024;

/// Level 3 makes texts of this sort no smaller (measured), and takes a third longer.
const LEVEL: i32 = 1;

#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the segment is longer than {MAX_SEGMENT_LEN} bytes")]
    SegmentTooLong,
    #[error("the segment cannot be compressed: {0}")]
    Compression(#[from] io::Error),
    #[error("the compressed segment does not unfold to the segment")]
    Differs,
}

/// Why a sealed segment does not read back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnsealError {
    #[error("the compressed data is damaged: {0}")]
    Damaged(String),
    #[error("the compressed data ends before its frame does")]
    Truncated,
    #[error("bytes follow the compressed frame")]
    TrailingBytes,
    #[error("the compressed data unfolds to more than {limit} bytes")]
    Bomb { limit: u64 },
}

/// Compresses one raw segment piece by piece; memory holds the compressed form alone.
pub(crate) struct Sealer {
    encoder: Encoder<'static, Vec<u8>>,
    room: u64,
}

/// Unfolds one sealed segment piece by piece; memory does not depend on input.
pub struct Unsealer {
    decoder: Decoder<'static>,
    limit: u64,
    produced: u64,
    finished: bool,
}

/// Compresses a raw segment, and makes sure that it unfolds to the same bytes.
pub fn seal(raw: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut sealer = Sealer::new(raw.len() as u64)?;
    sealer.push(raw)?;
    sealer.finish(&Hash::of(raw))
}

/// Whether a sealed segment unfolds to what has exactly this hash. An answer of
/// `false` covers every way in which it may be damaged.
pub fn unfolds_to(mut sealed: &[u8], raw: &Hash) -> bool {
    let Ok(mut unsealer) = Unsealer::new() else {
        return false;
    };
    let mut hashing = Hashing::new();
    let mut out = vec![0; OUT_BYTES];
    loop {
        let Ok(len) = unsealer.pull(&mut sealed, &mut out) else {
            return false;
        };
        hashing.push(out.get(..len).unwrap_or_default());
        if len == 0 && sealed.is_empty() {
            return unsealer.finish().is_ok() && hashing.finish() == *raw;
        }
    }
}

/// The whole raw segment, at most [`MAX_SEGMENT_LEN`] bytes.
pub fn unseal(sealed: &[u8]) -> Result<Vec<u8>, UnsealError> {
    unfold(sealed, MAX_SEGMENT_LEN)
}

/// All that one compressed frame unfolds to, at most `limit` bytes.
pub(crate) fn unfold(mut packed: &[u8], limit: u64) -> Result<Vec<u8>, UnsealError> {
    let mut unsealer = Unsealer::with_limit(limit)?;
    let mut raw = Vec::new();
    unsealer.pull_all(&mut packed, &mut raw)?;
    unsealer.finish()?;
    Ok(raw)
}

// === impl Sealer ===

impl Sealer {
    /// For a segment of exactly this length.
    pub(crate) fn new(len: u64) -> Result<Self, SealError> {
        if len > MAX_SEGMENT_LEN {
            return Err(SealError::SegmentTooLong);
        }
        let mut encoder = Encoder::new(Vec::new(), LEVEL)?;
        encoder.include_checksum(true)?;
        encoder.set_pledged_src_size(Some(len))?;
        Ok(Self { encoder, room: len })
    }

    pub(crate) fn push(&mut self, raw: &[u8]) -> Result<(), SealError> {
        let left = self.room.checked_sub(raw.len() as u64);
        self.room = left.ok_or(SealError::SegmentTooLong)?;
        Ok(self.encoder.write_all(raw)?)
    }

    /// The sealed segment, once it was seen that it unfolds to what has this hash.
    pub(crate) fn finish(self, raw: &Hash) -> Result<Vec<u8>, SealError> {
        let sealed = self.encoder.finish()?;
        if unfolds_to(&sealed, raw) {
            Ok(sealed)
        } else {
            Err(SealError::Differs)
        }
    }
}

// === impl Unsealer ===

impl Unsealer {
    /// Of a segment.
    pub fn new() -> Result<Self, UnsealError> {
        Self::with_limit(MAX_SEGMENT_LEN)
    }

    /// Of anything that must not unfold to more than `limit` bytes.
    pub fn with_limit(limit: u64) -> Result<Self, UnsealError> {
        let mut decoder = Decoder::new().map_err(damaged)?;
        decoder
            .set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG))
            .map_err(damaged)?;
        Ok(Self {
            decoder,
            limit,
            produced: 0,
            finished: false,
        })
    }

    /// Moves on by some of `input` and writes to `out`; gives how much it wrote.
    /// Call it until `input` is empty and it writes nothing more.
    pub fn pull(&mut self, input: &mut &[u8], out: &mut [u8]) -> Result<usize, UnsealError> {
        if self.finished {
            return if input.is_empty() {
                Ok(0)
            } else {
                Err(UnsealError::TrailingBytes)
            };
        }
        let mut from = InBuffer::around(input);
        let mut into = OutBuffer::around(out);
        let hint = self.decoder.run(&mut from, &mut into).map_err(damaged)?;
        let (read, wrote) = (from.pos(), into.pos());
        *input = input.get(read..).unwrap_or_default();
        self.finished = hint == 0 && (read > 0 || wrote > 0);
        self.produced += wrote as u64;
        if self.produced > self.limit {
            return Err(UnsealError::Bomb { limit: self.limit });
        }
        Ok(wrote)
    }

    /// Takes all of `input` and appends what it unfolds to.
    pub fn pull_all(&mut self, input: &mut &[u8], raw: &mut Vec<u8>) -> Result<(), UnsealError> {
        let mut out = vec![0; OUT_BYTES];
        loop {
            let len = self.pull(input, &mut out)?;
            raw.extend_from_slice(out.get(..len).unwrap_or_default());
            if len == 0 && input.is_empty() {
                return Ok(());
            }
        }
    }

    /// Says that there is no more input.
    pub fn finish(&self) -> Result<(), UnsealError> {
        if self.finished {
            Ok(())
        } else {
            Err(UnsealError::Truncated)
        }
    }
}

impl fmt::Debug for Unsealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsealer")
            .field("produced", &self.produced)
            .field("finished", &self.finished)
            .finish_non_exhaustive()
    }
}

fn damaged(error: io::Error) -> UnsealError {
    UnsealError::Damaged(error.to_string())
}
