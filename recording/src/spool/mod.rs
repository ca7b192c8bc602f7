//! The spool: a folder on local disk where segments are written and wait for the store.
//!
//! ```text
//! <spool>/lock                              held by the one writer
//! <spool>/<writer>/<number>.seg             segments; the highest is the open one
//! <spool>/<writer>/<number>.torn-<time>     what recovery set aside, never removed by us
//! <spool>/<writer>/keys/<session>.key       wrapped session keys
//! ```
//!
//! A spool belongs to one writer for ever: its name gets a random tail when the spool is made,
//! so that a spool that was lost and made anew never writes over what an earlier one uploaded.

pub(crate) mod disk;
pub(crate) mod recover;

#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

use crate::chain::Break;
use crate::crypt::RecipientKey;
use crate::event::{MAX_WRITER_ID_BYTES, SessionId, WriterId};
use crate::layout::{KEYS_FOLDER, SegmentName, session_of_key};

/// The smallest size at which segments may be set to be sealed.
pub const MIN_SEGMENT_BYTES: u64 = 16 * 1024;

/// The largest size at which segments may be set to be sealed. A segment can be longer by one
/// frame.
pub const MAX_SEGMENT_BYTES: u64 = 32 * 1024 * 1024;

/// The end of the spool that is kept for what ends sessions and operations and holds the record
/// together, so that a full spool still says how things ended.
pub const SPOOL_RESERVE_BYTES: u64 = 1024 * 1024;

/// What recovery sets aside takes at most one part in so many of all that the spool may take.
pub const MAX_ASIDE_PART: u64 = 16;

/// The longest name that a spool's configuration may give; the random tail comes after it.
pub const MAX_NAME_BYTES: usize = MAX_WRITER_ID_BYTES - RANDOM_TAIL_BYTES * 2 - 1;

const RANDOM_TAIL_BYTES: usize = 8;
const LOCK_FILE: &str = "lock";

/// How a spool is kept.
#[derive(Debug, Clone)]
pub struct SpoolConfig {
    pub folder: PathBuf,
    /// The beginning of the writer's name, used when the spool is made.
    pub name: WriterId,
    /// A segment that has reached this size is sealed.
    pub segment_bytes: u64,
    /// A segment this old is sealed, if there is anything in it.
    pub seal_after: Duration,
    /// How often [`crate::writer::Writer::tick`] syncs and signs.
    pub sync_after: Duration,
    /// All that the spool may take on disk.
    pub max_bytes: u64,
    /// What the sessions of one subject may take of it.
    pub max_subject_bytes: u64,
    pub durability: Durability,
    /// Whom sessions are encrypted to, if they are.
    pub recipient: Option<RecipientKey>,
}

/// When an operation may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Once its event is in the kernel's page cache. Losing power loses what was not synced.
    #[default]
    Batched,
    /// Once its event is on the disk. Operations that wait at the same time share one sync.
    Strict,
}

/// Why a spool could not be taken into use.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("invalid spool configuration: {0}")]
    InvalidConfig(&'static str),
    #[error("the spool {0} is in use by another writer")]
    Locked(PathBuf),
    #[error("the spool {0} holds the folders of several writers")]
    SeveralWriters(PathBuf),
    #[error("{path} cannot be written: {source}")]
    NotWritable { path: PathBuf, source: io::Error },
    #[error("no room on the disk of {path}: {source}")]
    DiskFull { path: PathBuf, source: io::Error },
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path} is longer than a segment can be")]
    SegmentTooLong { path: PathBuf },
    #[error("the chain's end is lost: {path} has no start, and there is no segment ahead of it")]
    NoTail { path: PathBuf },
    #[error("{path} is of another writer or number than its name says")]
    Misnamed { path: PathBuf },
    #[error("{path} is not a torn segment but something else: {source}")]
    Foreign { path: PathBuf, source: Break },
    #[error("{path} has a name of the spool's own files, but is no file")]
    NotAFile { path: PathBuf },
    #[error("no randomness to name the writer")]
    NoRandomness,
    #[error("the recovered segment cannot be continued: {0}")]
    NotContinued(crate::writer::AppendError),
}

/// A spool's folder, locked for this process.
#[derive(Debug)]
pub(crate) struct Spool {
    pub(crate) writer: WriterId,
    /// The writer's folder.
    pub(crate) folder: PathBuf,
    lock: File,
}

/// What lies in a writer's folder.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    /// Segments in the order of their numbers, with their sizes.
    pub(crate) segments: Vec<(u64, u64)>,
    pub(crate) keys: Vec<(SessionId, u64)>,
    /// Bytes of what recovery set aside.
    pub(crate) aside: u64,
    /// Bytes of all else.
    pub(crate) other: u64,
}

// === impl SpoolConfig ===

impl SpoolConfig {
    /// The defaults: 8 MiB or 10 s a segment, 1 s between syncs, 1 GiB of spool, a quarter of it
    /// a subject.
    pub fn new(folder: impl Into<PathBuf>, name: WriterId) -> Self {
        Self {
            folder: folder.into(),
            name,
            segment_bytes: 8 * 1024 * 1024,
            seal_after: Duration::from_secs(10),
            sync_after: Duration::from_secs(1),
            max_bytes: 1024 * 1024 * 1024,
            max_subject_bytes: 256 * 1024 * 1024,
            durability: Durability::Batched,
            recipient: None,
        }
    }

    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let wrong = |what| Err(OpenError::InvalidConfig(what));
        if self.name.as_str().len() > MAX_NAME_BYTES {
            return wrong("the name is too long for its random tail");
        }
        if !(MIN_SEGMENT_BYTES..=MAX_SEGMENT_BYTES).contains(&self.segment_bytes) {
            return wrong("segments must be between 16 KiB and 32 MiB");
        }
        if self.max_bytes < self.segment_bytes.saturating_add(SPOOL_RESERVE_BYTES) {
            return wrong("the spool must hold a segment and the reserve of 1 MiB");
        }
        if self.max_subject_bytes == 0 || self.max_subject_bytes > self.max_bytes {
            return wrong("a subject's share must be more than nothing and at most the spool");
        }
        Ok(())
    }
}

// === impl OpenError ===

impl OpenError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::NotWritable { path, source }
            }
            kind if disk::is_full(kind) => Self::DiskFull { path, source },
            _ => Self::Io { path, source },
        }
    }
}

// === impl Spool ===

impl Spool {
    /// Makes the folders where they are missing and takes the lock.
    pub(crate) fn open(config: &SpoolConfig) -> Result<Self, OpenError> {
        config.check()?;
        make_folder(&config.folder)?;
        let lock = lock(&config.folder)?;
        let known = find_writer(&config.folder)?;
        let used = known.filter(|writer| !remove_unused(&config.folder.join(writer.as_str())));
        let writer = match used {
            Some(writer) => writer,
            None => new_writer(config)?,
        };
        let folder = config.folder.join(writer.as_str());
        make_folder(&folder)?;
        make_folder(&folder.join(KEYS_FOLDER))?;
        for made in [&folder, &config.folder] {
            disk::sync_folder(made).map_err(|source| OpenError::io(made, source))?;
        }
        Ok(Self {
            writer,
            folder,
            lock,
        })
    }

    pub(crate) fn segment_path(&self, number: u64) -> PathBuf {
        self.folder.join(SegmentName::open(number).to_string())
    }

    pub(crate) fn inventory(&self) -> Result<Inventory, OpenError> {
        Inventory::of(&self.folder)
    }
}

// === impl Inventory ===

impl Inventory {
    pub(crate) fn of(folder: &Path) -> Result<Self, OpenError> {
        let mut inventory = Self::default();
        let segment = |name: &str| SegmentName::parse(name).filter(|name| name.sealed.is_none());
        for (name, bytes) in list(folder, |name| segment(name).is_some())? {
            match segment(&name) {
                Some(SegmentName { number, .. }) => inventory.segments.push((number, bytes)),
                None if recover::is_aside(&name) => inventory.aside += bytes,
                None => inventory.other += bytes,
            }
        }
        inventory.segments.sort_unstable();
        let keys = folder.join(KEYS_FOLDER);
        for (name, bytes) in list(&keys, |name| session_of_key(name).is_some())? {
            match session_of_key(&name) {
                Some(session) => inventory.keys.push((session, bytes)),
                None => inventory.other += bytes,
            }
        }
        Ok(inventory)
    }
}

impl Drop for Spool {
    /// Closing the file would do, but for a process that was forked just now and has not yet
    /// closed its copy.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

fn make_folder(path: &Path) -> Result<(), OpenError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| OpenError::io(path, source))
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join(LOCK_FILE);
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    let file = options
        .open(&path)
        .map_err(|source| OpenError::io(&path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(OpenError::io(&path, source)),
    }
}

fn find_writer(folder: &Path) -> Result<Option<WriterId>, OpenError> {
    let io = |source| OpenError::io(folder, source);
    let mut found = None;
    for entry in fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let writer: Option<WriterId> = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let is_folder = entry.file_type().map_err(io)?.is_dir();
        if let Some(writer) = writer.filter(|_| is_folder)
            && found.replace(writer).is_some()
        {
            return Err(OpenError::SeveralWriters(folder.to_owned()));
        }
    }
    Ok(found)
}

/// Removes a writer's folder if nothing is in it. A writer that recorded anything has an open
/// segment, so either it stopped before it began, or somebody emptied its folder; in both cases
/// a chain must not begin again under a name that the store may know.
fn remove_unused(folder: &Path) -> bool {
    // Neither removes a folder with something in it.
    let _ = fs::remove_dir(folder.join(KEYS_FOLDER));
    fs::remove_dir(folder).is_ok()
}

fn new_writer(config: &SpoolConfig) -> Result<WriterId, OpenError> {
    let mut random = [0; RANDOM_TAIL_BYTES];
    SystemRandom::new()
        .fill(&mut random)
        .map_err(|_| OpenError::NoRandomness)?;
    let tail = u64::from_le_bytes(random);
    let name = format!("{}-{tail:016x}", config.name);
    name.parse()
        .map_err(|_| OpenError::InvalidConfig("the writer's name"))
}

/// Names and sizes of the files in a folder. What has a name of `ours` must be a file, and no
/// link to one either, or the writer would write, or cut off, what is not its own.
fn list(folder: &Path, ours: impl Fn(&str) -> bool) -> Result<Vec<(String, u64)>, OpenError> {
    let io = |source| OpenError::io(folder, source);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let metadata = match entry.metadata() {
            // The uploader removed it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            metadata => metadata.map_err(io)?,
        };
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if metadata.is_file() {
            files.push((name, metadata.len()));
        } else if ours(&name) {
            return Err(OpenError::NotAFile { path: entry.path() });
        }
    }
    Ok(files)
}
