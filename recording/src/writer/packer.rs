//! Compression of payloads that are about to be encrypted, since afterwards nothing compresses.

use std::fmt::{self, Debug, Formatter};

use zstd::bulk::Compressor;

/// Payloads from this size on are compressed before they are encrypted. Below it there is little
/// to win.
pub const COMPRESS_FROM_BYTES: usize = 512;

/// The fastest level: it runs while an operation waits.
const LEVEL: i32 = 1;

/// Compresses one payload at a time. One payload never helps to compress another, so a length
/// tells nothing about what stands in another event.
#[derive(Default)]
pub(super) struct Packer {
    compressor: Option<Compressor<'static>>,
    packed: Vec<u8>,
}

// === impl Packer ===

impl Packer {
    /// The compressed payload, if that is smaller.
    pub(super) fn pack(&mut self, payload: &[u8]) -> Option<&[u8]> {
        if payload.len() < COMPRESS_FROM_BYTES {
            return None;
        }
        if self.compressor.is_none() {
            self.compressor = Compressor::new(LEVEL).ok();
        }
        self.packed.clear();
        self.packed
            .reserve(zstd::zstd_safe::compress_bound(payload.len()));
        let compressor = self.compressor.as_mut()?;
        let length = compressor
            .compress_to_buffer(payload, &mut self.packed)
            .ok()?;
        self.packed
            .get(..length)
            .filter(|packed| packed.len() < payload.len())
    }
}

impl Debug for Packer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Packer(..)")
    }
}
