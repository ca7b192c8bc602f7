//! What a segment says of itself: whether it is closed, and what it holds.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::{MAX_SEGMENT_LEN, SealError, at};
use crate::chain::Walk;
use crate::format::{CHECK_BYTES, FRAME_HEADER_BYTES, FRAME_LENGTH_BYTES, Frame, Parsed, kind};
use crate::layout::Content;

/// The shortest payload of a seal: hash, key, signature, each with number and length.
const SEAL_PAYLOAD_BYTES: usize = 34 + 10 + 66;
const SEAL_BYTES: usize =
    FRAME_LENGTH_BYTES + FRAME_HEADER_BYTES + SEAL_PAYLOAD_BYTES + CHECK_BYTES;

/// Whether the segment ends with a seal, after which its writer adds nothing.
///
/// Its last bytes are looked at first, which costs nothing while it is open. They
/// could be content made to look so; the whole chain decides.
pub fn is_closed(path: &Path) -> Result<bool, SealError> {
    if !ends_like_a_seal(path).map_err(at(path))? {
        return Ok(false);
    }
    let bytes = read(path)?;
    let Ok(mut walk) = Walk::new(&bytes) else {
        return Ok(false);
    };
    loop {
        match walk.next_frame() {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(walk.is_sealed()),
            Err(_) => return Ok(false),
        }
    }
}

/// What the sealed form of a segment's file is to be named by.
pub fn content_of(path: &Path) -> Result<Content, SealError> {
    Ok(Content::of(&read(path)?))
}

fn ends_like_a_seal(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let mut tail = [0; SEAL_BYTES];
    let Some(from) = file.metadata()?.len().checked_sub(tail.len() as u64) else {
        return Ok(false);
    };
    file.seek(SeekFrom::Start(from))?;
    file.read_exact(&mut tail)?;
    Ok(match Frame::parse(&tail) {
        Ok(Parsed::Frame { frame, rest }) => frame.header.kind == kind::SEAL && rest.is_empty(),
        _ => false,
    })
}

fn read(path: &Path) -> Result<Vec<u8>, SealError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(at(path))?;
    io::copy(&mut file.take(MAX_SEGMENT_LEN + 1), &mut bytes).map_err(at(path))?;
    if bytes.len() as u64 > MAX_SEGMENT_LEN {
        return Err(SealError::SegmentTooLong);
    }
    Ok(bytes)
}
