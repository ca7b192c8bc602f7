//! Compression of closed segments, and its bounded reverse.
//!
//! A sealed segment is one zstd frame with a content checksum, nothing before it
//! and nothing after it, so `zstd -d` reads it too. Compression proves nothing:
//! the chain inside does. What the checksum catches is an accident of the disk.
//!
//! Guarantees:
//! - A sealed file appears under its name whole and synced, or not at all.
//! - Reading never yields more than [`MAX_SEGMENT_LEN`] bytes nor uses a window
//!   above [`MAX_WINDOW_LOG`], whatever the input claims.

mod closed;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};
use zstd::stream::write::Encoder;

pub use closed::{content_of, is_closed};

/// Longest segment before compression, in bytes. A writer begins a new one well
/// before; a longer one is refused, for sealing as for reading.
pub const MAX_SEGMENT_LEN: u64 = 64 * 1024 * 1024;

/// Longest sealed segment, in bytes: what cannot be compressed grows a little.
pub const MAX_SEALED_LEN: u64 = MAX_SEGMENT_LEN + MAX_SEGMENT_LEN / 256 + 1024;

/// Largest zstd window that reading accepts, as a power of two: 8 MiB of memory.
pub const MAX_WINDOW_LOG: u32 = 23;

/// What is unfolded at once.
const OUT_BYTES: usize = 64 * 1024;

/// About 1 GB/s, and most of what higher levels reach on this sort of text.
const LEVEL: i32 = 3;

/// What sealing did to one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    pub raw_len: u64,
    pub sealed_len: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("the segment is longer than {MAX_SEGMENT_LEN} bytes")]
    SegmentTooLong,
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

/// Unfolds one sealed segment piece by piece; memory does not depend on input.
pub struct Unsealer {
    decoder: Decoder<'static>,
    limit: u64,
    produced: u64,
    finished: bool,
}

/// Compresses the closed segment `raw` into `sealed` and syncs both and the folder:
/// what leaves this machine must not be lost on it, or the chain would go on from
/// an earlier frame and fork. An unfinished attempt of an earlier run is
/// overwritten. `raw` stays.
pub fn seal(raw: &Path, sealed: &Path) -> Result<Sealed, SealError> {
    let mut source = File::open(raw).map_err(at(raw))?;
    source.sync_all().map_err(at(raw))?;
    let raw_len = source.metadata().map_err(at(raw))?.len();
    if raw_len > MAX_SEGMENT_LEN {
        return Err(SealError::SegmentTooLong);
    }
    let partial = partial_name(sealed);
    let file = create(&partial).map_err(at(&partial))?;
    let file = compress(&mut source, raw_len, file).map_err(at(&partial))?;
    file.sync_all().map_err(at(&partial))?;
    let sealed_len = file.metadata().map_err(at(&partial))?.len();
    fs::rename(&partial, sealed).map_err(at(sealed))?;
    sync_folder(sealed)?;
    Ok(Sealed {
        raw_len,
        sealed_len,
    })
}

/// Whether `sealed` unfolds to exactly the bytes of `raw`. An answer of `false`
/// covers every way in which it may be damaged.
pub fn is_seal_of(sealed: &Path, raw: &Path) -> Result<bool, SealError> {
    let mut packed = File::open(sealed).map_err(at(sealed))?;
    let mut plain = io::BufReader::new(File::open(raw).map_err(at(raw))?);
    let (mut unsealer, mut chunk, mut out) = match Unsealer::new() {
        Ok(unsealer) => (unsealer, vec![0; OUT_BYTES], vec![0; OUT_BYTES]),
        Err(_) => return Ok(false),
    };
    let mut expected = vec![0; out.len()];
    loop {
        let read = packed.read(&mut chunk).map_err(at(sealed))?;
        let mut input = chunk.get(..read).unwrap_or_default();
        if read == 0 {
            let rest = plain.read(&mut expected).map_err(at(raw))?;
            return Ok(rest == 0 && unsealer.finish().is_ok());
        }
        loop {
            let Ok(len) = unsealer.pull(&mut input, &mut out) else {
                return Ok(false);
            };
            let Some(want) = expected.get_mut(..len) else {
                return Ok(false);
            };
            if plain.read_exact(want).is_err() || out.get(..len) != Some(&*want) {
                return Ok(false);
            }
            if len == 0 && input.is_empty() {
                break;
            }
        }
    }
}

/// Whether two sealed segments unfold to the same bytes; `false` if one is damaged.
pub fn unfold_alike(one: &[u8], other: &[u8]) -> bool {
    match (unseal(one), unseal(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
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

// === impl Unsealer ===

impl Unsealer {
    /// Of a segment.
    pub fn new() -> Result<Self, UnsealError> {
        Self::with_limit(MAX_SEGMENT_LEN)
    }

    /// Of anything that must not unfold to more than `limit` bytes.
    pub fn with_limit(limit: u64) -> Result<Self, UnsealError> {
        let mut decoder = Decoder::new().map_err(damaged)?;
        decoder.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG)).map_err(damaged)?;
        Ok(Self { decoder, limit, produced: 0, finished: false })
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

fn compress(source: &mut File, raw_len: u64, file: File) -> io::Result<File> {
    let mut encoder = Encoder::new(file, LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.set_pledged_src_size(Some(raw_len))?;
    let copied = io::copy(&mut source.take(raw_len), &mut encoder)?;
    if copied != raw_len {
        return Err(io::Error::other(
            "the segment became shorter while it was sealed",
        ));
    }
    encoder.flush()?;
    encoder.finish()
}

/// Readable by the writer's user alone, also where an earlier attempt was not.
fn create(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// A name beside the target that no reader takes for a segment.
fn partial_name(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

fn sync_folder(of: &Path) -> Result<(), SealError> {
    let folder = of.parent().unwrap_or_else(|| Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(at(folder))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> SealError {
    let path = path.to_owned();
    move |source| SealError::Io { path, source }
}

fn damaged(error: io::Error) -> UnsealError {
    UnsealError::Damaged(error.to_string())
}
