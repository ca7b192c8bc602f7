//! One side of the session: a stream, what was read from it and not yet taken, and what is to be
//! written to it.
//!
//! An idle line holds no buffers. A busy one reads as much at once as its peer fills, up to
//! [`MAX_READ`], unless one frame needs more; it makes room as bytes come, never on the word of a
//! header alone. Small reads land on the stack, so that looking whether there is something takes no
//! memory.

use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{BufMut, BytesMut};
use prometheus::IntCounter;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::io::{MAX_READ, MIN_READ};

/// What waits to be written while the other side goes on being read; beyond it, it is left alone.
pub(super) const HIGH_WATER: usize = 256 * 1024;

#[derive(Debug)]
pub(super) struct Line<S> {
    pub(super) stream: S,
    pub(super) read: BytesMut,
    out: Vec<u8>,
    written: usize,
    unflushed: bool,
    room: usize,
    came: IntCounter,
    went: IntCounter,
    /// The peer says nothing more.
    pub(super) ended: bool,
}

// === impl Line ===

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    /// Counts the bytes that come, and those that go.
    pub(super) fn new(stream: S, ahead: BytesMut, came: IntCounter, went: IntCounter) -> Self {
        Self {
            stream,
            read: ahead,
            out: Vec::new(),
            written: 0,
            unflushed: false,
            room: MIN_READ,
            came,
            went,
            ended: false,
        }
    }

    /// Where what is to be written is appended.
    pub(super) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Bytes that wait to be written.
    pub(super) fn waiting(&self) -> usize {
        self.out.len().saturating_sub(self.written)
    }

    /// Whether more may be added to what waits.
    pub(super) fn may_take_more(&self) -> bool {
        self.waiting() < HIGH_WATER
    }

    /// One read; `frame` is the length of the frame at hand, as far as it is known.
    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        frame: usize,
    ) -> Poll<io::Result<()>> {
        let lacking = frame.saturating_sub(self.read.len());
        let room = self.room.max(lacking.min(self.read.len()));
        let start = self.read.len();
        let outcome = match room <= MIN_READ {
            true => self.poll_land(context),
            false => {
                self.read.reserve(room);
                let mut into = (&mut self.read).limit(room);
                let outcome = pin!(self.stream.read_buf(&mut into)).poll(context);
                outcome.map_ok(|_| ())
            }
        };
        let count = self.read.len() - start;
        self.came.inc_by(count as u64);
        match &outcome {
            Poll::Pending if start == 0 => self.rest(),
            Poll::Ready(Ok(())) => {
                self.ended = count == 0;
                if count == room {
                    self.room = self.room.saturating_mul(2).min(MAX_READ);
                } else if count < self.room / 4 {
                    self.room = MIN_READ;
                }
            }
            _ => {}
        }
        outcome
    }

    /// One small read.
    fn poll_land(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut landing = [MaybeUninit::uninit(); MIN_READ];
        let mut into = ReadBuf::uninit(&mut landing);
        let outcome = Pin::new(&mut self.stream).poll_read(context, &mut into);
        self.read.extend_from_slice(into.filled());
        outcome
    }

    /// Writes what the peer takes at once. Ready when nothing is left.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.out.get(self.written..).filter(|rest| !rest.is_empty()) {
            let count = ready!(Pin::new(&mut self.stream).poll_write(context, rest))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += count;
            self.went.inc_by(count as u64);
            self.unflushed = true;
        }
        self.written = 0;
        if self.out.capacity() > MAX_READ {
            self.out = Vec::new();
        } else {
            self.out.clear();
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Nothing is going on: gives back what busy times took.
    fn rest(&mut self) {
        self.read = BytesMut::new();
        if self.waiting() == 0 && self.out.capacity() > MIN_READ {
            self.out = Vec::new();
            self.written = 0;
        }
    }
}
