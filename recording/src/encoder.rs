//! Writes frames into a buffer and advances the chain: the one place where frames are made.

use crate::chain::{Chain, Hash};
use crate::checkpoint::{Head, HeadKind, KeyId, SIGNATURE_BYTES, SigningKey};
use crate::event::{Event, SessionId, Timestamp, WriterId};
use crate::format::{
    Flags, FormatError, FrameHeader, SegmentStart, SessionKey, Signed, begin_frame, encode_event,
    end_frame, file_header, finish_frame, kind,
};

/// A link, which is a SHA-256.
const LINK_BYTES: usize = 32;

/// A buffer of frames and the chain that they continue.
///
/// What was put in can be taken back to a [`Mark`], chain and bytes together, so that an event
/// that the disk has no room for leaves no gap.
#[derive(Debug)]
pub struct Encoder {
    chain: Chain,
    /// Room for a link, then the frames: so that there is room ahead of each frame.
    buffer: Vec<u8>,
}

/// A point to which an encoder can be taken back.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    chain: Chain,
    length: usize,
}

// === impl Encoder ===

impl Encoder {
    /// Continues a chain with an empty buffer.
    pub fn new(chain: Chain) -> Self {
        Self {
            chain,
            buffer: vec![0; LINK_BYTES],
        }
    }

    pub fn chain(&self) -> Chain {
        self.chain
    }

    /// The frames since the buffer was last cleared.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(LINK_BYTES..).unwrap_or_default()
    }

    /// Forgets the frames, once they are where they belong; the chain stays.
    pub fn clear(&mut self) {
        self.buffer.truncate(LINK_BYTES);
    }

    pub fn mark(&self) -> Mark {
        Mark {
            chain: self.chain,
            length: self.buffer.len(),
        }
    }

    /// Takes back what was put in since the mark.
    pub fn roll_back(&mut self, mark: Mark) {
        self.chain = mark.chain;
        self.buffer.truncate(mark.length);
    }

    /// Starts a segment: the file header and the first frame.
    pub fn start_segment(
        &mut self,
        writer: &WriterId,
        segment: u64,
        now: Timestamp,
    ) -> Result<(), FormatError> {
        self.buffer.extend_from_slice(&file_header());
        let previous = self.chain.head;
        let start = SegmentStart {
            writer: writer.clone(),
            segment,
            previous,
        };
        self.structure(kind::SEGMENT_START, SessionId::NONE, now, |out| {
            start.encode(out)
        })
    }

    /// Puts in an event, in the clear.
    pub fn event(&mut self, event: &Event, now: Timestamp) -> Result<(), FormatError> {
        let header = self.header(event.body.kind(), event.session, now);
        self.frame(&header, |out, _| encode_event(event, out))
    }

    /// Says that a session is encrypted from here on.
    pub fn session_key(
        &mut self,
        session: SessionId,
        key: &SessionKey,
        now: Timestamp,
    ) -> Result<(), FormatError> {
        self.structure(kind::SESSION_KEY, session, now, |out| key.encode(out))
    }

    /// Signs the chain as it stands, and puts that in.
    pub fn sign(
        &mut self,
        kind: HeadKind,
        place: (&WriterId, u64),
        key: &SigningKey,
        now: Timestamp,
    ) -> Result<Head, FormatError> {
        let (writer, segment) = place;
        let mut head = Head {
            kind,
            writer: writer.clone(),
            segment,
            sequence: self.chain.last(),
            time: now,
            hash: self.chain.head,
            key: KeyId::new([0; 8]),
            signature: [0; SIGNATURE_BYTES],
        };
        key.sign(&mut head);
        let signed = Signed {
            hash: head.hash,
            key: head.key,
            signature: head.signature,
        };
        let frame_kind = match kind {
            HeadKind::Checkpoint => kind::CHECKPOINT,
            HeadKind::Seal => kind::SEAL,
        };
        self.structure(frame_kind, SessionId::NONE, now, |out| signed.encode(out))?;
        Ok(head)
    }

    fn structure(
        &mut self,
        kind: u16,
        session: SessionId,
        now: Timestamp,
        fill: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), FormatError> {
        let header = self.header(kind, session, now);
        self.frame(&header, |out, _| {
            fill(out);
            Ok(())
        })
    }

    /// The header of the next frame, in the clear.
    pub(crate) fn header(&self, kind: u16, session: SessionId, time: Timestamp) -> FrameHeader {
        FrameHeader {
            kind,
            flags: Flags::default(),
            sequence: self.chain.next,
            time,
            session,
        }
    }

    /// Puts in one frame whose payload `fill` appends. If it fails, nothing was put in.
    pub(crate) fn frame<E: From<FormatError>>(
        &mut self,
        header: &FrameHeader,
        fill: impl FnOnce(&mut Vec<u8>, &FrameHeader) -> Result<(), E>,
    ) -> Result<(), E> {
        let mark = self.mark();
        let start = begin_frame(&mut self.buffer, header);
        let linked = fill(&mut self.buffer, header).and_then(|()| {
            finish_frame(&mut self.buffer, start)?;
            Ok(self.link(start)?)
        });
        let link = linked.inspect_err(|_| self.roll_back(mark))?;
        end_frame(&mut self.buffer, &link);
        self.chain.advance(link);
        Ok(())
    }

    /// The link of the frame that begins at `start`. The link ahead stands before the frame for as
    /// long as this one is made, so that one pass over what lies together makes it.
    fn link(&mut self, start: usize) -> Result<Hash, FormatError> {
        let from = start.checked_sub(LINK_BYTES);
        let together = from.and_then(|from| self.buffer.get_mut(from..));
        let together = together.ok_or(FormatError::Truncated)?;
        let place = together.first_chunk_mut::<LINK_BYTES>();
        let kept = std::mem::replace(
            place.ok_or(FormatError::Truncated)?,
            *self.chain.head.bytes(),
        );
        let link = Hash::of(together);
        if let Some(place) = together.first_chunk_mut() {
            *place = kept;
        }
        Ok(link)
    }
}
