//! Whole frames from a stream, with what was read ahead kept for whoever reads next.

use std::io;

use bytes::{Bytes, BytesMut};
use portcullis_dialect::postgres::wire::frontend::tag;
use portcullis_dialect::postgres::wire::{HEADER_BYTES, Header, InvalidFrame, write};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::failed::ConnectFailed;

/// A stream together with the bytes that were read from it and not yet used.
#[derive(Debug)]
pub struct Link<'a, S> {
    pub stream: &'a mut S,
    pub ahead: &'a mut BytesMut,
}

/// The stream is of no more use.
#[derive(Debug, Error)]
pub enum LinkFailed {
    #[error("the target closed the connection")]
    Closed,
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Invalid(#[from] InvalidFrame),
}

/// Bytes that are asked for at once.
const READ_BYTES: usize = 8 * 1024;

// === impl Link ===

impl<S: AsyncRead + AsyncWrite + Unpin> Link<'_, S> {
    /// The next frame: its type and its whole bytes, header included.
    pub async fn frame(&mut self, limit: usize) -> Result<(u8, Bytes), LinkFailed> {
        loop {
            if let Some(header) = Header::parse(self.ahead, limit)? {
                let total = header.total();
                if self.ahead.len() >= total {
                    return Ok((header.tag, self.ahead.split_to(total).freeze()));
                }
                let missing = total - self.ahead.len();
                self.ahead.reserve(missing.min(READ_BYTES));
            } else {
                self.ahead.reserve(READ_BYTES);
            }
            if self.stream.read_buf(self.ahead).await? == 0 {
                return Err(LinkFailed::Closed);
            }
        }
    }

    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), LinkFailed> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await?;
        Ok(())
    }

    /// Says goodbye. A target that does not listen any more needs none.
    pub async fn terminate(&mut self) {
        let mut packet = Vec::with_capacity(HEADER_BYTES);
        write::message(&mut packet, tag::TERMINATE, |_| {});
        let _ = self.send(&packet).await;
    }
}

/// The bytes of a frame behind its header.
pub(super) fn body(frame: &[u8]) -> &[u8] {
    frame.get(HEADER_BYTES..).unwrap_or_default()
}

/// Reads until the other side closes; what it sends is thrown away.
pub(super) async fn wait_for_end(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<(), ConnectFailed> {
    let mut waste = [0; 64];
    // An abrupt end is an end too: the server closes without a word.
    while let Ok(count) = stream.read(&mut waste).await {
        if count == 0 {
            break;
        }
    }
    Ok(())
}
