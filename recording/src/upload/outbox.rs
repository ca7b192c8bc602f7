//! The local side of an upload: what is ready, and its removal.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::{Failure, MAX_OBJECTS_PER_PASS, MAX_SEALS_PER_PASS, UploadError};
use crate::event::WriterId;
use crate::layout::{KEYS_FOLDER, SegmentName, number_of_mark, sent_mark, session_of_key};
use crate::seal::{content_of, is_closed, is_seal_of, seal};

/// One writer's folder in the spool.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    folder: PathBuf,
    writer: WriterId,
}

/// Something that is ready to go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    /// Present where it is a segment, so that keys sort ahead.
    number: Option<u64>,
    /// From the writer's folder on.
    pub(super) name: String,
    pub(super) size: u64,
}

/// What lies in the folder.
#[derive(Debug, Default)]
pub(super) struct Ready {
    pub(super) items: Vec<Item>,
    /// Closed segments that could not be sealed, or not yet, and their bytes.
    pub(super) waiting: usize,
    pub(super) waiting_bytes: u64,
    pub(super) failures: Vec<Failure>,
}

/// The segments of a folder.
#[derive(Debug, Default)]
struct Segments {
    raw: BTreeMap<u64, u64>,
    sealed: BTreeMap<SegmentName, u64>,
    sent: BTreeSet<u64>,
}

// === impl Outbox ===

impl Outbox {
    pub(super) fn new(folder: PathBuf, writer: WriterId) -> Self {
        Self { folder, writer }
    }

    pub(super) fn object_name(&self, item: &Item) -> String {
        format!("{}/{}", self.writer, item.name)
    }

    /// Seals what is closed, and gives keys and sealed segments in order.
    pub(super) async fn ready(&self) -> Result<Ready, UploadError> {
        let folder = self.folder.clone();
        blocking(move || {
            let segments = Segments::find(&folder)?;
            let mut ready = Ready {
                items: keys(&folder.join(KEYS_FOLDER))?,
                ..Ready::default()
            };
            segments.make_ready(&folder, &mut ready)?;
            ready.items.sort();
            ready.items.truncate(MAX_OBJECTS_PER_PASS);
            Ok(ready)
        })
        .await
    }

    pub(super) async fn read(&self, item: &Item, limit: u64) -> Result<Bytes, UploadError> {
        let path = self.folder.join(&item.name);
        blocking(move || {
            let mut content = Vec::new();
            let file = File::open(&path).map_err(at(&path))?;
            let mut bounded = file.take(limit + 1);
            io::copy(&mut bounded, &mut content).map_err(at(&path))?;
            let size = content.len() as u64;
            if size > limit {
                return Err(UploadError::TooLarge { path, size, limit });
            }
            Ok(Bytes::from(content))
        })
        .await
    }

    /// The store has it. Where the raw form stays, a mark says so.
    pub(super) async fn remove(&self, item: Item) -> Result<(), UploadError> {
        let folder = self.folder.clone();
        blocking(move || {
            let raw = item
                .number
                .map(|number| SegmentName::open(number).to_string());
            if let (Some(number), Some(raw)) = (item.number, raw)
                && folder.join(raw).exists()
            {
                let mark = folder.join(sent_mark(number));
                File::create(&mark).map_err(at(&mark))?;
            }
            remove(&folder.join(&item.name))
        })
        .await
    }

    /// All that the folder takes on disk.
    pub(super) async fn bytes(&self) -> Result<u64, UploadError> {
        let folder = self.folder.clone();
        blocking(move || {
            let both = [files(&folder)?, files(&folder.join(KEYS_FOLDER))?];
            Ok(both.iter().flatten().map(|(_, size)| size).sum())
        })
        .await
    }
}

// === impl Segments ===

impl Segments {
    fn find(folder: &Path) -> Result<Self, UploadError> {
        let mut segments = Self::default();
        for (name, size) in files(folder)? {
            segments.sent.extend(number_of_mark(&name));
            match SegmentName::parse(&name) {
                Some(SegmentName {
                    number,
                    sealed: None,
                }) => {
                    segments.raw.insert(number, size);
                }
                Some(sealed) => {
                    segments.sealed.insert(sealed, size);
                }
                None => {}
            }
        }
        Ok(segments)
    }

    fn make_ready(mut self, folder: &Path, ready: &mut Ready) -> Result<(), UploadError> {
        let sealed = self.sealed.keys().map(|name| name.number);
        let last = self.raw.keys().copied().chain(sealed).max().unwrap_or(0);
        // A mark without its raw form says nothing any more.
        for number in self
            .sent
            .iter()
            .filter(|number| !self.raw.contains_key(number))
        {
            remove(&folder.join(sent_mark(*number)))?;
        }
        let mut seals = 0;
        for (number, size) in std::mem::take(&mut self.raw) {
            // The chain can go on from the two highest; see the layout.
            let spare = number.saturating_add(2) <= last;
            let raw = folder.join(SegmentName::open(number).to_string());
            if self.sent.contains(&number) {
                self.forget(number);
                if spare {
                    remove(&raw)?;
                    remove(&folder.join(sent_mark(number)))?;
                }
                continue;
            }
            let closed = spare || is_closed(&raw).unwrap_or(false);
            if !closed {
                continue;
            }
            let sealed = if seals < MAX_SEALS_PER_PASS {
                seal_well(folder, number).map(Some)
            } else {
                Ok(None)
            };
            match sealed {
                Ok(Some((name, sealed_size, anew))) => {
                    seals += usize::from(anew);
                    self.sealed.insert(name, sealed_size);
                    if spare {
                        remove(&raw)?;
                    }
                }
                Ok(None) => {
                    ready.waiting += 1;
                    ready.waiting_bytes += size;
                }
                Err(error) => {
                    ready.waiting += 1;
                    ready.waiting_bytes += size;
                    let name = SegmentName::open(number).to_string();
                    ready.failures.push(Failure { name, error });
                }
            }
        }
        let items = self.sealed.into_iter();
        ready.items.extend(items.map(|(segment, size)| Item {
            number: Some(segment.number),
            name: segment.to_string(),
            size,
        }));
        Ok(())
    }

    /// What a run that was cut off after the store's confirmation left.
    fn forget(&mut self, number: u64) {
        self.sealed.retain(|name, _| name.number != number);
    }
}

/// The sealed form of a segment, its size, and whether it had to be made.
///
/// A run that was cut off may have made it: what is good is kept.
fn seal_well(folder: &Path, number: u64) -> Result<(SegmentName, u64, bool), UploadError> {
    let raw = folder.join(SegmentName::open(number).to_string());
    let name = SegmentName {
        number,
        sealed: Some(content_of(&raw)?),
    };
    let sealed = folder.join(name.to_string());
    let good = sealed.exists() && is_seal_of(&sealed, &raw)?;
    if !good {
        seal(&raw, &sealed)?;
        if !is_seal_of(&sealed, &raw)? {
            return Err(UploadError::SealDiffers);
        }
    }
    let size = fs::metadata(&sealed).map_err(at(&sealed))?.len();
    Ok((name, size, !good))
}

fn keys(folder: &Path) -> Result<Vec<Item>, UploadError> {
    let found = files(folder)?
        .into_iter()
        .filter(|(name, _)| session_of_key(name).is_some());
    let item = |(name, size)| Item {
        number: None,
        name: format!("{KEYS_FOLDER}/{name}"),
        size,
    };
    Ok(found.map(item).collect())
}

/// Names and sizes of the files in a folder; none where there is no folder.
fn files(folder: &Path) -> Result<Vec<(String, u64)>, UploadError> {
    let listed = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.map_err(at(folder))?,
    };
    let mut files = Vec::new();
    for entry in listed {
        let entry = entry.map_err(at(folder))?;
        // What vanished meanwhile is no failure.
        let Ok(meta) = entry.metadata() else { continue };
        if let (true, Ok(name)) = (meta.is_file(), entry.file_name().into_string()) {
            files.push((name, meta.len()));
        }
    }
    Ok(files)
}

fn remove(path: &Path) -> Result<(), UploadError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path)(error)),
        _ => Ok(()),
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> UploadError {
    let path = path.to_owned();
    move |source| UploadError::Io { path, source }
}

/// Runs file work where it does not hold up the reactor.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, UploadError> + Send + 'static,
) -> Result<T, UploadError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(UploadError::Stopped))
}
