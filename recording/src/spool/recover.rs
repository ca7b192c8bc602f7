//! Finds where a writer stopped, and cuts off what did not get whole.
//!
//! A killed process leaves at most one torn frame at the end. Lost power can leave more: what
//! was written since the last sync may be there in parts. So the gap-free prefix is kept, and
//! what comes after it is moved beside the segment. At most two segments can be affected, because
//! a writer starts no third one before the first is synced.
//!
//! What was set aside is evidence, so nothing of ours removes it; yet a process that is killed
//! again and again must not fill its spool with it. So it may take a part of the spool, and what
//! goes beyond is cut off without a copy. Its length and hash are in the record either way, and
//! whether it was kept, which stays true until people move the files away.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{Inventory, MAX_ASIDE_PART, MAX_SEGMENT_BYTES, OpenError, Spool, disk};
use crate::chain::{Break, Chain, Hash, Walk};
use crate::event::Timestamp;
use crate::format::{FormatError, MAX_FRAME_BYTES, kind};

/// How the extension of a file that was set aside begins; the time follows.
const ASIDE_EXTENSION: &str = "torn-";

/// How many names are tried for a file that is set aside.
pub(super) const MAX_ASIDE_NAMES: usize = 10_000;

/// Where the chain goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tail {
    /// The last segment, or 0 where there is none.
    pub(crate) number: u64,
    pub(crate) chain: Chain,
    /// The bytes of it that are whole.
    pub(crate) offset: u64,
    /// The last frame's time.
    pub(crate) time: Timestamp,
    pub(crate) sealed: bool,
    /// Whether there is more in it than its start.
    pub(crate) has_frames: bool,
    pub(crate) cut: Option<Cut>,
}

/// What was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) bytes: u64,
    /// Over the bytes of each file in turn, as they were set aside.
    pub(crate) sha256: Vec<Hash>,
    /// Whether there was room to keep them.
    pub(crate) kept: bool,
}

/// What may still be set aside, and when that is.
struct Aside {
    room: u64,
    now: Timestamp,
}

/// One segment as it was found.
#[derive(Debug)]
struct Found {
    path: PathBuf,
    number: u64,
    bytes: Vec<u8>,
    /// `None`: it has no whole start.
    state: Option<State>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    /// The chain ahead of its start.
    before: Chain,
    after: Chain,
    offset: usize,
    time: Timestamp,
    sealed: bool,
    has_frames: bool,
    has_checkpoint: bool,
}

/// Finds the tail and makes the files fit it. `max_bytes` is all that the spool may take.
pub(crate) fn recover(
    spool: &Spool,
    inventory: &Inventory,
    max_bytes: u64,
    now: Timestamp,
) -> Result<Tail, OpenError> {
    let room = (max_bytes / MAX_ASIDE_PART).saturating_sub(inventory.aside);
    let aside = &mut Aside { room, now };
    let Some((number, _)) = inventory.segments.last().copied() else {
        // Keys without segments: the chain that they belong to was taken away.
        let path = spool.segment_path(1);
        let is_new = inventory.keys.is_empty();
        return if is_new {
            Ok(Tail::nothing())
        } else {
            Err(OpenError::NoTail { path })
        };
    };
    let last = Found::read(spool, number)?;
    let ahead = number
        .checked_sub(1)
        .filter(|ahead| inventory.segments.iter().any(|(number, _)| number == ahead));
    let ahead = ahead.map(|number| Found::read(spool, number)).transpose()?;
    match (last.state, ahead) {
        (Some(state), Some(ahead)) if ahead.is_torn_before(&state) => {
            // What follows a torn segment was never synced; it hangs in the air.
            let cut = last.set_aside(0, aside)?;
            ahead.keep(cut, aside)
        }
        (Some(_), _) => last.keep(Cut::nothing(), aside),
        (None, Some(ahead)) => {
            let cut = last.set_aside(0, aside)?;
            ahead.keep(cut, aside)
        }
        (None, None) if number == 1 => {
            let cut = last.set_aside(0, aside)?;
            Ok(Tail {
                cut: cut.some(),
                ..Tail::nothing()
            })
        }
        (None, None) => Err(OpenError::NoTail { path: last.path }),
    }
}

// === impl Tail ===

impl Tail {
    fn nothing() -> Self {
        Self {
            number: 0,
            chain: Chain::START,
            offset: 0,
            time: Timestamp(0),
            sealed: true,
            has_frames: false,
            cut: None,
        }
    }
}

// === impl Cut ===

impl Cut {
    fn nothing() -> Self {
        Self {
            bytes: 0,
            sha256: Vec::new(),
            kept: true,
        }
    }

    fn of(bytes: &[u8], kept: bool) -> Self {
        if bytes.is_empty() {
            return Self::nothing();
        }
        Self {
            bytes: bytes.len() as u64,
            sha256: vec![Hash::of(bytes)],
            kept,
        }
    }

    fn and(mut self, other: Self) -> Self {
        self.bytes += other.bytes;
        self.sha256.extend(other.sha256);
        self.kept &= other.kept;
        self
    }

    fn some(self) -> Option<Self> {
        (self.bytes > 0).then_some(self)
    }
}

// === impl Found ===

impl Found {
    fn read(spool: &Spool, number: u64) -> Result<Self, OpenError> {
        let path = spool.segment_path(number);
        let bytes = read_segment(&path)?;
        let state = match Walk::new(&bytes) {
            Ok(walk) => {
                let start = walk.start();
                if start.writer != spool.writer || start.segment != number {
                    return Err(OpenError::Misnamed { path });
                }
                follow(walk)
            }
            Err(source) if is_foreign(&source, &bytes) => {
                return Err(OpenError::Foreign { path, source });
            }
            Err(_) => None,
        };
        Ok(Self {
            path,
            number,
            bytes,
            state,
        })
    }

    /// Whether this segment's end was lost while the one after it, which begins with `next`,
    /// got further. A checkpoint or seal is written only once all ahead of its segment is synced:
    /// with one in `next`, this segment was whole, and what is wrong with it now is damage for
    /// verification to name, not a torn tail.
    fn is_torn_before(&self, next: &State) -> bool {
        let whole = self.state.is_some_and(|state| {
            state.sealed && state.offset == self.bytes.len() && state.after == next.before
        });
        !whole && !next.has_checkpoint && !next.sealed
    }

    /// Makes this the tail: cuts off what is not whole.
    fn keep(self, cut: Cut, aside: &mut Aside) -> Result<Tail, OpenError> {
        let Some(state) = self.state else {
            return Err(OpenError::NoTail { path: self.path });
        };
        let cut = self.set_aside(state.offset, aside)?.and(cut);
        Ok(Tail {
            number: self.number,
            chain: state.after,
            offset: state.offset as u64,
            time: state.time,
            sealed: state.sealed,
            has_frames: state.has_frames,
            cut: cut.some(),
        })
    }

    /// Moves what lies past `offset` into a file beside the segment. From 0, the segment's own
    /// file goes.
    fn set_aside(&self, offset: usize, aside: &mut Aside) -> Result<Cut, OpenError> {
        let io = |source| OpenError::io(&self.path, source);
        let cut = self.bytes.get(offset..).unwrap_or_default();
        let kept = match self.copy_aside(cut, aside) {
            // A full disk must not keep the writer from coming back and being emptied. The
            // bytes were never whole; their hash still goes into the record.
            Err(error) if disk::is_full(error.kind()) => false,
            result => result.map_err(io)?,
        };
        if offset == 0 {
            fs::remove_file(&self.path).map_err(io)?;
        } else if !cut.is_empty() {
            let file = OpenOptions::new()
                .write(true)
                .open(&self.path)
                .map_err(io)?;
            file.set_len(offset as u64).map_err(io)?;
            file.sync_data().map_err(io)?;
        }
        self.path
            .parent()
            .map_or(Ok(()), disk::sync_folder)
            .map_err(io)?;
        Ok(Cut::of(cut, kept))
    }

    /// Tells whether there was room for it.
    fn copy_aside(&self, cut: &[u8], aside: &mut Aside) -> io::Result<bool> {
        let Some(left) = aside.room.checked_sub(cut.len() as u64) else {
            return Ok(false);
        };
        if cut.is_empty() {
            return Ok(true);
        }
        // A name that is taken (the clock stands still, or stepped back) goes on by one.
        for time in (aside.now.0..).take(MAX_ASIDE_NAMES) {
            let path = self
                .path
                .with_extension(format!("{ASIDE_EXTENSION}{time:020}"));
            let mut options = OpenOptions::new();
            match options.write(true).create_new(true).mode(0o600).open(&path) {
                Ok(mut file) => {
                    let written = file.write_all(cut).and_then(|()| file.sync_data());
                    if written.is_err() {
                        fs::remove_file(&path)?;
                    }
                    aside.room = left;
                    return written.map(|()| true);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!("{MAX_ASIDE_NAMES} files are set aside beside it; move them away"),
        ))
    }
}

/// Goes through the frames as far as they are whole. Nothing where not even the start is.
fn follow(mut walk: Walk<'_>) -> Option<State> {
    let before = walk.chain();
    let mut time = None;
    let (mut has_frames, mut has_checkpoint) = (false, false);
    while let Ok(Some(frame)) = walk.next_frame() {
        has_frames |= frame.header.kind != kind::SEGMENT_START;
        has_checkpoint |= frame.header.kind == kind::CHECKPOINT;
        time = Some(frame.header.time);
    }
    Some(State {
        before,
        after: walk.chain(),
        offset: walk.offset(),
        time: time?,
        sealed: walk.is_sealed(),
        has_frames,
        has_checkpoint,
    })
}

/// Whether a file in a writer's folder is one that was set aside.
pub(super) fn is_aside(name: &str) -> bool {
    let extension = Path::new(name).extension();
    extension
        .and_then(|extension| extension.to_str())
        .is_some_and(|extension| extension.starts_with(ASIDE_EXTENSION))
}

/// Whether a file without a start is no torn segment of this version: it has a whole header of
/// something else. Zeros are what a lost write leaves.
fn is_foreign(error: &Break, bytes: &[u8]) -> bool {
    let header = matches!(
        error,
        Break::Format {
            source: FormatError::NotASegment | FormatError::UnknownVersion(_),
            ..
        }
    );
    header && bytes.iter().take(8).any(|byte| *byte != 0)
}

fn read_segment(path: &Path) -> Result<Vec<u8>, OpenError> {
    let io = |source| OpenError::io(path, source);
    let limit = MAX_SEGMENT_BYTES + 2 * MAX_FRAME_BYTES as u64;
    let file = File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    #[allow(
        clippy::disallowed_methods,
        reason = "bounded by the limit of a segment"
    )]
    file.take(limit + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > limit {
        return Err(OpenError::SegmentTooLong {
            path: path.to_owned(),
        });
    }
    Ok(bytes)
}
