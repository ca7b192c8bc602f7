//! The local side of an upload: which files are ready, and their removal.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::{MAX_OBJECTS_PER_PASS, UploadError};
use crate::event::WriterId;
use crate::layout::{KEYS_FOLDER, SegmentName, session_of_key};
use crate::seal::{closed_span, is_closed, is_seal_of, seal};

/// One writer's folder in the spool.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    folder: PathBuf,
    writer: WriterId,
}

/// Something that is ready to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// From the writer's folder on.
    pub(super) name: String,
    pub(super) size: u64,
    /// Present where it is a segment.
    segment: Option<SegmentName>,
}

// === impl Outbox ===

impl Outbox {
    pub(super) fn new(folder: PathBuf, writer: WriterId) -> Self {
        Self { folder, writer }
    }

    pub(super) fn object_name(&self, item: &Item) -> String {
        format!("{}/{}", self.writer, item.name)
    }

    /// Keys, then closed segments in the order of their numbers.
    pub(super) async fn items(&self) -> Result<Vec<Item>, UploadError> {
        let folder = self.folder.clone();
        blocking(move || {
            let mut items = keys(&folder.join(KEYS_FOLDER))?;
            items.append(&mut segments(&folder)?);
            items.truncate(MAX_OBJECTS_PER_PASS);
            Ok(items)
        })
        .await
    }

    /// Makes a closed segment ready to send. Anything else is ready as it is.
    pub(super) async fn seal(&self, item: Item) -> Result<Item, UploadError> {
        let Some(SegmentName {
            number,
            sealed: None,
        }) = item.segment
        else {
            return Ok(item);
        };
        let folder = self.folder.clone();
        blocking(move || {
            let raw = folder.join(&item.name);
            let span = closed_span(&raw)?;
            let segment = SegmentName {
                number,
                sealed: Some(span),
            };
            let name = segment.to_string();
            let sealed = folder.join(&name);
            // A run that was cut off may have sealed it, and even sent that: what
            // is good is kept, so that the same bytes are sent again.
            if !(sealed.exists() && is_seal_of(&sealed, &raw)?) {
                seal(&raw, &sealed)?;
                if !is_seal_of(&sealed, &raw)? {
                    return Err(UploadError::SealDiffers);
                }
            }
            remove(&raw)?;
            let size = fs::metadata(&sealed).map_err(at(&sealed))?.len();
            Ok(Item {
                name,
                size,
                segment: Some(segment),
            })
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

    pub(super) async fn remove(&self, item: &Item) -> Result<(), UploadError> {
        let path = self.folder.join(&item.name);
        blocking(move || remove(&path)).await
    }
}

fn keys(folder: &Path) -> Result<Vec<Item>, UploadError> {
    let mut items: Vec<Item> = files(folder)?
        .into_iter()
        .filter(|(name, _)| session_of_key(name).is_some())
        .map(|(name, size)| Item {
            name: format!("{KEYS_FOLDER}/{name}"),
            size,
            segment: None,
        })
        .collect();
    items.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(items)
}

/// Sealed segments, and those that are closed: by a seal at their end, or because
/// a later one exists. A sealed one whose raw form is still here is left to that.
fn segments(folder: &Path) -> Result<Vec<Item>, UploadError> {
    let mut found: Vec<(SegmentName, u64)> = files(folder)?
        .into_iter()
        .filter_map(|(name, size)| Some((SegmentName::parse(&name)?, size)))
        .collect();
    found.sort();
    let last = found.iter().map(|(name, _)| name.number).max();
    let raw: BTreeSet<u64> = found
        .iter()
        .filter(|(name, _)| name.sealed.is_none())
        .map(|(name, _)| name.number)
        .collect();
    let mut items = Vec::new();
    for (segment, size) in found {
        let name = segment.to_string();
        let ready = match segment.sealed {
            Some(_) => !raw.contains(&segment.number),
            None => Some(segment.number) < last || is_closed(&folder.join(&name))?,
        };
        if ready {
            items.push(Item {
                name,
                size,
                segment: Some(segment),
            });
        }
    }
    Ok(items)
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
