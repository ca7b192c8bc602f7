//! Reading recordings from a directory or a bucket.
//!
//! Everything that is read may have been changed by somebody. What is wrong has a
//! name, nothing panics, and memory holds one segment at a time, whatever the size
//! of the recording. Reading follows the chain within each segment, so it never
//! gives an event whose check fails; whether the record is whole and who signed it
//! is for [`crate::verify`] to say.

mod events;
mod keyring;
mod payload;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures_util::StreamExt;

use crate::chain::Break;
use crate::crypt::WRAPPED_KEY_LEN;
use crate::event::{SessionId, WriterId};
use crate::layout::{SegmentName, key_name};
use crate::seal::{MAX_SEALED_LEN, MAX_SEGMENT_LEN, UnsealError, Unsealer};
use crate::store::{Chunks, Store, StoreError};

pub use events::{Events, Payload, Query, Record, Unreadable};
pub use keyring::{KeyError, Keyring, MAX_OPEN_SESSIONS};

/// Segments that a reader lists of one writer: over a year of one each ten seconds.
pub const MAX_SEGMENTS_PER_WRITER: usize = 4_000_000;

/// All recordings below one prefix of a store, or of a store and the spool that fills it.
#[derive(Debug, Clone)]
pub struct Recordings {
    stores: Vec<Store>,
}

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("more than {MAX_SEGMENTS_PER_WRITER} segments of {writer}")]
    TooManySegments { writer: WriterId },
    #[error("{name}: {source}")]
    Damaged { name: String, source: UnsealError },
    #[error("{name}: {source}")]
    Broken { name: String, source: Break },
    #[error("{name} is of another writer or number than its name says")]
    Misnamed { name: String },
}

// === impl Recordings ===

impl Recordings {
    pub fn new(store: Store) -> Self {
        Self {
            stores: vec![store],
        }
    }

    /// What lies in several places as one: what was sent away, and what still waits in the spool.
    /// A segment that is in two of them is looked at in both.
    pub fn joined(stores: Vec<Store>) -> Self {
        Self { stores }
    }

    /// The writers that have a folder here, sorted. Other folders are passed over.
    pub async fn writers(&self) -> Result<Vec<WriterId>, ReadError> {
        let mut writers = BTreeSet::new();
        for store in &self.stores {
            let folders = store.folders().await?;
            writers.extend(folders.iter().filter_map(|name| name.parse().ok()));
        }
        Ok(writers.into_iter().collect())
    }

    /// The segments of a writer by their numbers. There should be one name to each,
    /// or in a spool two, sealed and raw; all are given, the sealed ahead.
    pub async fn segments(
        &self,
        writer: &WriterId,
    ) -> Result<BTreeMap<u64, Vec<SegmentName>>, ReadError> {
        self.segments_up_to(MAX_SEGMENTS_PER_WRITER, writer).await
    }

    async fn segments_up_to(
        &self,
        limit: usize,
        writer: &WriterId,
    ) -> Result<BTreeMap<u64, Vec<SegmentName>>, ReadError> {
        let mut segments: BTreeMap<u64, Vec<SegmentName>> = BTreeMap::new();
        let listed = self.stores.iter().map(|store| store.list(writer.as_str()));
        let mut listed = futures_util::stream::iter(listed).flatten();
        let mut count = 0;
        while let Some(entry) = listed.next().await {
            let name = entry?.name;
            let folder_and_file = name.rsplit_once('/');
            let file = folder_and_file.filter(|(folder, _)| *folder == writer.as_str());
            let Some(segment) = file.and_then(|(_, file)| SegmentName::parse(file)) else {
                continue;
            };
            count += 1;
            if count > limit {
                return Err(ReadError::TooManySegments {
                    writer: writer.clone(),
                });
            }
            segments.entry(segment.number).or_default().push(segment);
        }
        for names in segments.values_mut() {
            names.sort_by_key(|name| (name.sealed.is_none(), *name));
        }
        Ok(segments)
    }

    /// One segment, raw, at most [`MAX_SEGMENT_LEN`] bytes.
    pub async fn segment(
        &self,
        writer: &WriterId,
        segment: &SegmentName,
    ) -> Result<Vec<u8>, ReadError> {
        let name = format!("{writer}/{segment}");
        if segment.sealed.is_none() {
            return Ok(self.read(&name, MAX_SEGMENT_LEN).await?.into());
        }
        let damaged = |source| ReadError::Damaged {
            name: name.clone(),
            source,
        };
        let mut chunks = self.chunks(&name).await?;
        let mut unsealer = Unsealer::new().map_err(damaged)?;
        let mut raw = Vec::new();
        while let Some(chunk) = chunks.stream.next().await {
            unsealer
                .pull_all(&mut chunk?.as_ref(), &mut raw)
                .map_err(damaged)?;
        }
        unsealer.finish().map_err(damaged)?;
        Ok(raw)
    }

    /// A session's wrapped key, nothing if it is not there (any more).
    pub async fn key(
        &self,
        writer: &WriterId,
        session: &SessionId,
    ) -> Result<Option<Bytes>, ReadError> {
        let name = format!("{writer}/{}", key_name(session));
        for store in &self.stores {
            // One byte more than a key has, so that a longer one is seen to be another.
            match store.read_front(&name, WRAPPED_KEY_LEN + 1).await {
                Ok(bytes) => return Ok(Some(bytes)),
                Err(StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Destroys one session for ever: its key is removed, and what was encrypted
    /// with it can be read by nobody. The record still verifies, and says so. A bucket
    /// that keeps versions keeps the key as an older one: they must be removed there.
    pub async fn destroy_session(
        &self,
        writer: &WriterId,
        session: &SessionId,
    ) -> Result<(), ReadError> {
        let name = format!("{writer}/{}", key_name(session));
        let mut gone = Err(not_found(&name));
        for store in &self.stores {
            match store.destroy(&name).await {
                Err(StoreError::NotFound { .. }) => {}
                Ok(()) => gone = Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(gone?)
    }

    /// The events that a query asks for, writer by writer, each in the order in
    /// which it was written.
    pub fn events(&self, query: Query, keys: Keyring) -> Events {
        Events::new(self.clone(), query, keys)
    }

    async fn read(&self, name: &str, limit: u64) -> Result<Bytes, StoreError> {
        for store in &self.stores {
            match store.read(name, limit).await {
                Err(StoreError::NotFound { .. }) => {}
                done => return done,
            }
        }
        Err(not_found(name))
    }

    async fn chunks(&self, name: &str) -> Result<Chunks, StoreError> {
        for store in &self.stores {
            match store.chunks(name, MAX_SEALED_LEN).await {
                Err(StoreError::NotFound { .. }) => {}
                done => return done,
            }
        }
        Err(not_found(name))
    }
}

fn not_found(name: &str) -> StoreError {
    StoreError::NotFound {
        name: name.to_owned(),
    }
}
