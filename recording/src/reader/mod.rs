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

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::StreamExt;

use crate::chain::Break;
use crate::crypt::WRAPPED_KEY_LEN;
use crate::event::{SessionId, WriterId};
use crate::layout::{SegmentName, key_name};
use crate::seal::{MAX_SEALED_LEN, MAX_SEGMENT_LEN, UnsealError, Unsealer};
use crate::store::{Store, StoreError};

pub use events::{Events, Payload, Query, Record, Unreadable};
pub use keyring::{KeyError, Keyring, MAX_OPEN_SESSIONS};

/// Segments that a reader lists of one writer: over a year of one each ten seconds.
pub const MAX_SEGMENTS_PER_WRITER: usize = 4_000_000;

/// All recordings below one prefix of a store.
#[derive(Debug, Clone)]
pub struct Recordings {
    store: Store,
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
        Self { store }
    }

    /// The writers that have a folder here, sorted. Other folders are passed over.
    pub async fn writers(&self) -> Result<Vec<WriterId>, ReadError> {
        let folders = self.store.folders().await?;
        Ok(folders
            .iter()
            .filter_map(|name| name.parse().ok())
            .collect())
    }

    /// The segments of a writer by their numbers. There should be one name to each,
    /// or in a spool two, sealed and raw; all are given, the sealed ahead.
    pub async fn segments(
        &self,
        writer: &WriterId,
    ) -> Result<BTreeMap<u64, Vec<SegmentName>>, ReadError> {
        let mut listed = self.store.list(writer.as_str());
        let mut segments: BTreeMap<u64, Vec<SegmentName>> = BTreeMap::new();
        let mut count = 0;
        while let Some(entry) = listed.next().await {
            let name = entry?.name;
            let folder_and_file = name.rsplit_once('/');
            let file = folder_and_file.filter(|(folder, _)| *folder == writer.as_str());
            let Some(segment) = file.and_then(|(_, file)| SegmentName::parse(file)) else {
                continue;
            };
            count += 1;
            if count > MAX_SEGMENTS_PER_WRITER {
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
            return Ok(self.store.read(&name, MAX_SEGMENT_LEN).await?.into());
        }
        let damaged = |source| ReadError::Damaged {
            name: name.clone(),
            source,
        };
        let mut chunks = self.store.chunks(&name, MAX_SEALED_LEN).await?;
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
        // One byte more than a key has, so that a longer one is seen to be another.
        match self.store.read_front(&name, WRAPPED_KEY_LEN + 1).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Destroys one session for ever: its key is removed, and what was encrypted
    /// with it can be read by nobody. The record still verifies, and says so. A bucket
    /// that keeps versions keeps the key as an older one: they must be removed there.
    pub async fn destroy_session(
        &self,
        writer: &WriterId,
        session: &SessionId,
    ) -> Result<(), ReadError> {
        Ok(self
            .store
            .destroy(&format!("{writer}/{}", key_name(session)))
            .await?)
    }

    /// The events that a query asks for, writer by writer, each in the order in
    /// which it was written.
    pub fn events(&self, query: Query, keys: Keyring) -> Events {
        Events::new(self.clone(), query, keys)
    }
}
