//! The hash chain: each frame's link is SHA-256 over the link ahead of it and the frame.
//!
//! One chain runs through all segments of a writer, whatever sessions their events belong to,
//! so nothing can be taken out, put in, changed or moved without every later link changing,
//! and the signed heads with them.

#[cfg(test)]
mod tests;

use std::fmt::{self, Debug, Display, Formatter};
use std::str::FromStr;

use aws_lc_rs::digest::{Context, SHA256, digest};

use crate::checkpoint::{Head, HeadKind, KeyId, TrustedKeys};
use crate::event::WriterId;
use crate::format::{
    CHECK_BYTES, FormatError, Frame, Parsed, SegmentStart, Signed, kind, strip_file_header,
};

/// Frames up to this size are linked in one pass over a copy on the stack.
const SMALL_FRAME_BYTES: usize = 1_024;

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

/// A SHA-256 of what comes in pieces.
#[derive(Clone)]
pub(crate) struct Hashing(Context);

/// Where a chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    /// The link of the last frame.
    pub head: Hash,
    /// The sequence number that the next frame takes.
    pub next: u64,
}

/// What a segment must continue, when it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    pub writer: WriterId,
    pub segment: u64,
    pub chain: Chain,
}

/// Goes through one segment's frames and follows the chain; stops at the first break.
#[derive(Debug)]
pub struct Walk<'a> {
    rest: &'a [u8],
    start: SegmentStart,
    first: Option<Frame<'a>>,
    chain: Chain,
    offset: usize,
    sealed: bool,
}

/// What a whole segment turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentSummary {
    pub writer: WriterId,
    pub segment: u64,
    /// Where the chain stands after it.
    pub chain: Chain,
    /// The signed heads in it, all verified; the last is its seal if it is sealed.
    pub heads: Vec<Head>,
    pub events: u64,
    pub sealed: bool,
}

/// Where and how a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    #[error("after frame {after}: {source}")]
    Format { after: u64, source: FormatError },
    #[error("the bytes end in the middle of the frame after frame {after}")]
    Truncated { after: u64 },
    #[error("the segment does not begin with its start")]
    NoStart,
    #[error("the segment is of writer {found}, not {expected}")]
    OtherWriter { expected: WriterId, found: WriterId },
    #[error("this is segment {found} where segment {expected} was expected")]
    OtherSegment { expected: u64, found: u64 },
    #[error("the segment does not continue the one ahead of it")]
    NotContinued,
    #[error("frames {expected} to {} are missing", .found - 1)]
    Missing { expected: u64, found: u64 },
    #[error("frame {found} stands where frame {expected} belongs")]
    Reordered { expected: u64, found: u64 },
    #[error("frame {sequence} was changed")]
    Changed { sequence: u64 },
    #[error("the checkpoint at frame {sequence} signs another chain")]
    OtherHead { sequence: u64 },
    #[error("the checkpoint at frame {sequence} is signed by key {key}, which is not trusted")]
    UntrustedKey { sequence: u64, key: KeyId },
    #[error("the signature of the checkpoint at frame {sequence} is wrong")]
    WrongSignature { sequence: u64 },
    #[error("there is something after the seal at frame {sequence}")]
    AfterSeal { sequence: u64 },
}

// === impl Hash ===

impl Hash {
    /// What the first frame of a writer's first segment follows.
    pub const NOTHING: Self = Self([0; 32]);

    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// SHA-256 of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_digest(digest(&SHA256, bytes).as_ref())
    }

    /// What a frame carries of its link.
    pub(crate) fn check(&self) -> [u8; CHECK_BYTES] {
        self.0.first_chunk().copied().unwrap_or_default()
    }

    fn from_digest(bytes: &[u8]) -> Self {
        // SHA-256 gives 32 bytes; anything else could match no link.
        Self(bytes.try_into().unwrap_or([0xff; 32]))
    }
}

// === impl Hashing ===

impl Hashing {
    pub(crate) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Hash {
        Hash::from_digest(self.0.finish().as_ref())
    }
}

impl Debug for Hashing {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Hashing")
    }
}

impl Display for Hash {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        crate::hex::write(f, &self.0)
    }
}

impl Debug for Hash {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let bytes = crate::hex::parse(text);
        bytes
            .map(Self)
            .ok_or(FormatError::NotCanonical("a hash is 64 hexadecimal digits"))
    }
}

// === impl Chain ===

impl Chain {
    /// A chain of no frames.
    pub const START: Self = Self {
        head: Hash::NOTHING,
        next: 1,
    };

    /// The link that a frame would get here. `linked` is all of the frame but its check.
    pub fn link(&self, linked: &[u8]) -> Hash {
        let mut small = [0; 32 + SMALL_FRAME_BYTES];
        let whole = small.get_mut(..32 + linked.len());
        let parts = whole.and_then(<[u8]>::split_first_chunk_mut::<32>);
        if let Some((previous, frame)) = parts {
            *previous = self.head.0;
            frame.copy_from_slice(linked);
            let end = 32 + linked.len();
            return Hash::of(small.get(..end).unwrap_or_default());
        }
        let mut context = Context::new(&SHA256);
        context.update(&self.head.0);
        context.update(linked);
        Hash::from_digest(context.finish().as_ref())
    }

    /// The sequence number of the last frame, 0 before the first.
    pub fn last(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    pub(crate) fn advance(&mut self, link: Hash) {
        self.head = link;
        self.next = self.next.saturating_add(1);
    }

    /// Takes the next frame into the chain, if it is the next and was not changed.
    pub fn follow(&mut self, frame: &Frame<'_>) -> Result<(), Break> {
        let (expected, found) = (self.next, frame.header.sequence);
        if found > expected {
            return Err(Break::Missing { expected, found });
        }
        if found < expected {
            return Err(Break::Reordered { expected, found });
        }
        let link = self.link(frame.linked);
        if link.check() != frame.check {
            return Err(Break::Changed { sequence: found });
        }
        self.advance(link);
        Ok(())
    }
}

// === impl Walk ===

impl<'a> Walk<'a> {
    /// Reads the segment's file header and its start. The chain is taken from the start;
    /// whoever knows what it continues compares it with [`Walk::expect`].
    pub fn new(bytes: &'a [u8]) -> Result<Self, Break> {
        let format = |source| Break::Format { after: 0, source };
        let frames = strip_file_header(bytes).map_err(format)?;
        let frame = match Frame::parse(frames).map_err(format)? {
            Parsed::Frame { frame, .. } => frame,
            Parsed::NeedMore(_) => return Err(Break::Truncated { after: 0 }),
        };
        if frame.header.kind != kind::SEGMENT_START {
            return Err(Break::NoStart);
        }
        let start = SegmentStart::decode(&frame).map_err(format)?;
        let chain = Chain {
            head: start.previous,
            next: frame.header.sequence,
        };
        let offset = bytes.len() - frames.len();
        Ok(Self {
            rest: frames,
            start,
            first: Some(frame),
            chain,
            offset,
            sealed: false,
        })
    }

    /// Compares with what this segment must continue.
    pub fn expect(&self, expected: &Expected) -> Result<(), Break> {
        let start = &self.start;
        if start.writer != expected.writer {
            return Err(Break::OtherWriter {
                expected: expected.writer.clone(),
                found: start.writer.clone(),
            });
        }
        if start.segment != expected.segment {
            let (expected, found) = (expected.segment, start.segment);
            return Err(Break::OtherSegment { expected, found });
        }
        if self.first.is_some() && self.chain != expected.chain {
            return Err(Break::NotContinued);
        }
        Ok(())
    }

    pub fn start(&self) -> &SegmentStart {
        &self.start
    }

    /// Where the chain stands after the frames that were given so far.
    pub fn chain(&self) -> Chain {
        self.chain
    }

    /// How many bytes of the segment those frames and the file header take.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Whether the seal was given.
    pub fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// The next frame, after its link was checked; nothing at the end.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'a>>, Break> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let after = self.chain.last();
        if self.sealed {
            return Err(Break::AfterSeal { sequence: after });
        }
        let parsed = Frame::parse(self.rest).map_err(|source| Break::Format { after, source })?;
        let Parsed::Frame { frame, rest } = parsed else {
            return Err(Break::Truncated { after });
        };
        self.follow(&frame, rest)?;
        self.first = None;
        self.sealed = frame.header.kind == kind::SEAL;
        self.offset += frame.size();
        self.rest = rest;
        Ok(Some(frame))
    }

    fn follow(&mut self, frame: &Frame<'_>, rest: &[u8]) -> Result<(), Break> {
        match self.chain.follow(frame) {
            Err(Break::Missing { expected, found }) if comes_later(expected, rest) => {
                Err(Break::Reordered { expected, found })
            }
            result => result,
        }
    }
}

/// Verifies one segment: its chain, and each checkpoint with the keys that the caller trusts.
pub fn verify_segment(
    bytes: &[u8],
    keys: &TrustedKeys,
    expected: Option<&Expected>,
) -> Result<SegmentSummary, Break> {
    let mut walk = Walk::new(bytes)?;
    expected.map_or(Ok(()), |expected| walk.expect(expected))?;
    let mut heads = Vec::new();
    let mut events = 0;
    loop {
        let before = walk.chain();
        let Some(frame) = walk.next_frame()? else {
            break;
        };
        if let Some(head) = signed_head(walk.start(), before, &frame)? {
            check_signature(&head, frame.header.sequence, keys)?;
            heads.push(head);
        }
        events += u64::from(frame.is_event());
    }
    Ok(SegmentSummary {
        writer: walk.start().writer.clone(),
        segment: walk.start().segment,
        chain: walk.chain(),
        heads,
        events,
        sealed: walk.is_sealed(),
    })
}

/// The head that a checkpoint or seal signs, if the frame is one. `before` is the chain as it
/// stood ahead of the frame.
pub fn signed_head(
    start: &SegmentStart,
    before: Chain,
    frame: &Frame<'_>,
) -> Result<Option<Head>, Break> {
    let sequence = frame.header.sequence;
    let kind = match frame.header.kind {
        kind::CHECKPOINT => HeadKind::Checkpoint,
        kind::SEAL => HeadKind::Seal,
        _ => return Ok(None),
    };
    let signed = Signed::decode(frame).map_err(|source| Break::Format {
        after: before.last(),
        source,
    })?;
    if signed.hash != before.head {
        return Err(Break::OtherHead { sequence });
    }
    Ok(Some(Head {
        kind,
        writer: start.writer.clone(),
        segment: start.segment,
        sequence: before.last(),
        time: frame.header.time,
        hash: signed.hash,
        key: signed.key,
        signature: signed.signature,
    }))
}

fn check_signature(head: &Head, sequence: u64, keys: &TrustedKeys) -> Result<(), Break> {
    let Some(key) = keys.get(&head.key) else {
        return Err(Break::UntrustedKey {
            sequence,
            key: head.key,
        });
    };
    if head.is_signed_by(key) {
        Ok(())
    } else {
        Err(Break::WrongSignature { sequence })
    }
}

/// Whether the frame of this sequence number stands further on, so that it was moved and not
/// taken out.
fn comes_later(sequence: u64, mut rest: &[u8]) -> bool {
    while let Ok(Parsed::Frame { frame, rest: after }) = Frame::parse(rest) {
        if frame.header.sequence == sequence {
            return true;
        }
        rest = after;
    }
    false
}
