//! What was read and not yet taken.

use std::future::{Future, poll_fn};
use std::io;
use std::ops::Deref;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::Stream;

/// Room that the first read of a burst has.
pub const MIN_READ: usize = 8 * 1024;

/// Room that a read has at most while the peer keeps filling it, unless one frame needs more.
pub const MAX_READ: usize = 128 * 1024;

/// Bytes of a peer, in order. Reads as a slice of what has not been taken.
#[derive(Debug)]
pub struct ReadBuffer {
    bytes: BytesMut,
    /// How many bytes may wait here.
    limit: usize,
    /// Room for the next read.
    room: usize,
}

// === impl ReadBuffer ===

impl ReadBuffer {
    /// Allocates nothing until something is read.
    pub fn new(limit: usize) -> Self {
        Self {
            bytes: BytesMut::new(),
            limit,
            room: MIN_READ,
        }
    }

    /// Another limit from now on: a client that has proven nothing gets a small one.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// The memory that is held at this moment.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// The first `count` bytes, which are then no longer here; `None` while there are fewer.
    /// Copies nothing.
    pub fn take(&mut self, count: usize) -> Option<Bytes> {
        (count <= self.bytes.len()).then(|| self.bytes.split_to(count).freeze())
    }

    /// Forgets the first `count` bytes, or all where there are fewer.
    pub fn skip(&mut self, count: usize) {
        self.bytes.advance(count.min(self.bytes.len()));
    }

    /// Gives the memory back where nothing is waiting.
    pub fn release(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = BytesMut::new();
            self.room = MIN_READ;
        }
    }

    /// One read of what is there: how many bytes came, 0 at the end of the stream. `frame` is the
    /// length of the frame at hand with its head, as far as it is known, or 0: room is made for it
    /// as its bytes come, never on the word of its head alone.
    ///
    /// While nothing is there an empty buffer holds no memory. Fails with `OutOfMemory` where
    /// `frame`, or what waits already, is beyond the limit.
    pub fn poll_fill(
        &mut self,
        context: &mut Context<'_>,
        stream: &mut Stream,
        frame: usize,
    ) -> Poll<io::Result<usize>> {
        // Asked first, so that waiting needs no room to read into.
        if let Err(error) = ready!(stream.poll_readable(context)) {
            return Poll::Ready(Err(error));
        }
        self.poll_fill_from(context, stream, frame)
    }

    /// [`ReadBuffer::poll_fill`] from any stream.
    pub fn poll_fill_from<S: AsyncRead + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        stream: &mut S,
        frame: usize,
    ) -> Poll<io::Result<usize>> {
        let room = match self.room_for(frame) {
            Ok(room) => room,
            Err(error) => return Poll::Ready(Err(error)),
        };
        self.bytes.reserve(room);
        let outcome = {
            let mut into = (&mut self.bytes).limit(room);
            pin!(stream.read_buf(&mut into)).poll(context)
        };
        match &outcome {
            Poll::Pending => self.release(),
            // A peer that fills the room has more to say; one that does not is heard in small.
            Poll::Ready(Ok(count)) if *count == room => {
                self.room = self.room.saturating_mul(2).min(MAX_READ);
            }
            Poll::Ready(Ok(count)) if *count < self.room / 4 => self.room = MIN_READ,
            Poll::Ready(_) => {}
        }
        outcome
    }

    /// [`ReadBuffer::poll_fill`] to be awaited. Nothing is lost when it is dropped.
    pub async fn fill(&mut self, stream: &mut Stream, frame: usize) -> io::Result<usize> {
        poll_fn(|context| self.poll_fill(context, stream, frame)).await
    }

    /// [`ReadBuffer::poll_fill_from`] to be awaited. Nothing is lost when it is dropped.
    pub async fn fill_from<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        frame: usize,
    ) -> io::Result<usize> {
        poll_fn(|context| self.poll_fill_from(context, stream, frame)).await
    }

    /// How much the next read may bring: what the frame lacks, but at most as much again as is
    /// here already, and never beyond the limit.
    fn room_for(&self, frame: usize) -> io::Result<usize> {
        let waiting = self.bytes.len();
        if frame > self.limit || waiting >= self.limit {
            return Err(io::Error::new(
                io::ErrorKind::OutOfMemory,
                "the peer sends more at once than may wait here",
            ));
        }
        let lacking = frame.saturating_sub(waiting).min(waiting);
        Ok(self.room.max(lacking).min(self.limit - waiting))
    }
}

impl Deref for ReadBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AsRef<[u8]> for ReadBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
