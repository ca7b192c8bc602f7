//! Where sealed segments end up: a directory, or a bucket of S3, Google or Azure.
//!
//! A store only ever gains objects. [`Store::create`] never replaces what is
//! there, so a writer's credential, even if stolen, cannot be used through this
//! code to rewrite the past; the store's own policy should forbid it too.
//!
//! Settings come as an explicit map, and an option that the store does not know
//! is an error. Where no credential is given, the machine's own identity is asked
//! for, as each vendor's library does.

mod open;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::Metadata;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

pub use open::{InvalidStore, Options};

/// Folders that one listing may show.
pub const MAX_FOLDERS: usize = 100_000;

/// A directory or bucket, from a prefix on.
#[derive(Clone)]
pub struct Store {
    inner: Arc<dyn ObjectStore>,
    /// Without anything secret, for people.
    place: String,
    /// The directory, where it is one.
    folder: Option<PathBuf>,
}

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path from the store's prefix on, segments joined by `/`.
    pub name: String,
    pub size: u64,
}

/// Content of one object, piece by piece.
pub struct Chunks {
    pub size: u64,
    pub stream: BoxStream<'static, Result<Bytes, StoreError>>,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{name} is not a name of an object")]
    InvalidName { name: String },
    /// Also what is no file in a directory, such as a pipe.
    #[error("{name} is not in the store")]
    NotFound { name: String },
    #[error("{name} is in the store already")]
    AlreadyExists { name: String },
    #[error("the store does not permit it: {name}: {source}")]
    Denied {
        name: String,
        source: Box<object_store::Error>,
    },
    #[error("{name} has {size} bytes, more than the limit of {limit}")]
    TooLarge { name: String, size: u64, limit: u64 },
    #[error("more than {MAX_FOLDERS} folders in the store")]
    TooManyFolders,
    #[error("the store cannot be reached, or fails: {name}: {source}")]
    Unavailable {
        name: String,
        source: Box<object_store::Error>,
    },
}

// === impl Store ===

#[cfg(test)]
impl Store {
    pub(crate) fn of(inner: impl ObjectStore) -> Self {
        Self {
            inner: Arc::new(inner),
            place: "test".to_owned(),
        }
    }
}

impl Store {
    /// Writes a new object whole. An object that is there already stays as it is
    /// and is an error, whatever its content.
    pub async fn create(&self, name: &str, content: Bytes) -> Result<(), StoreError> {
        let options = PutOptions {
            mode: PutMode::Create,
            ..PutOptions::default()
        };
        let put = self
            .inner
            .put_opts(&path(name)?, PutPayload::from(content), options)
            .await;
        put.map(drop).map_err(|source| named(name, source))
    }

    /// The whole object, refused if it is longer than `limit`.
    pub async fn read(&self, name: &str, limit: u64) -> Result<Bytes, StoreError> {
        let mut chunks = self.chunks(name, limit).await?;
        let mut all = BytesMut::new();
        while let Some(chunk) = chunks.stream.next().await {
            let chunk = chunk?;
            let size = all.len() as u64 + chunk.len() as u64;
            if size > limit {
                return Err(StoreError::TooLarge {
                    name: name.to_owned(),
                    size,
                    limit,
                });
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    /// The first bytes of an object, at most `length`, however long it is.
    pub(crate) async fn read_front(&self, name: &str, length: usize) -> Result<Bytes, StoreError> {
        let mut chunks = self.chunks(name, u64::MAX).await?;
        let mut front = BytesMut::new();
        while let Some(chunk) = chunks.stream.next().await {
            front.extend_from_slice(&chunk?);
            if front.len() >= length {
                front.truncate(length);
                break;
            }
        }
        Ok(front.freeze())
    }

    /// The object piece by piece, refused if its size is more than `limit`.
    pub async fn chunks(&self, name: &str, limit: u64) -> Result<Chunks, StoreError> {
        let path = path(name)?;
        self.refuse_special(name).await?;
        let got = self.inner.get(&path).await;
        let got = got.map_err(|source| named(name, source))?;
        let size = got.meta.size;
        if size > limit {
            return Err(StoreError::TooLarge {
                name: name.to_owned(),
                size,
                limit,
            });
        }
        let owned = name.to_owned();
        let stream = got
            .into_stream()
            .map_err(move |source| named(&owned, source))
            .boxed();
        Ok(Chunks { size, stream })
    }

    /// In a directory somebody may have put what is no file: opening a pipe could wait for
    /// ever. Links are followed.
    async fn refuse_special(&self, name: &str) -> Result<(), StoreError> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let is_special = |metadata: Metadata| !metadata.is_file();
        match tokio::fs::metadata(folder.join(name)).await.map(is_special) {
            Ok(true) => Err(StoreError::NotFound {
                name: name.to_owned(),
            }),
            // What else may be wrong is told when it is opened.
            Ok(false) | Err(_) => Ok(()),
        }
    }

    /// All objects below a folder, in no particular order.
    pub fn list(&self, folder: &str) -> BoxStream<'static, Result<Entry, StoreError>> {
        let owned = folder.to_owned();
        let listed = self.inner.list(Some(&Path::from(folder)));
        listed
            .map_ok(|meta| Entry {
                name: meta.location.to_string(),
                size: meta.size,
            })
            .map_err(move |source| named(&owned, source))
            .boxed()
    }

    /// The names of the folders at the top, sorted.
    pub async fn folders(&self) -> Result<Vec<String>, StoreError> {
        let listed = self.inner.list_with_delimiter(None).await;
        let prefixes = listed.map_err(|source| named("", source))?.common_prefixes;
        if prefixes.len() > MAX_FOLDERS {
            return Err(StoreError::TooManyFolders);
        }
        let mut names: Vec<String> = prefixes.iter().map(ToString::to_string).collect();
        names.sort();
        Ok(names)
    }

    /// Removes one object for ever: how a session's key is destroyed.
    pub async fn destroy(&self, name: &str) -> Result<(), StoreError> {
        // Deleting what is not there is no error in S3, but here it would tell
        // somebody that something is gone that perhaps was misspelt.
        let path = path(name)?;
        self.refuse_special(name).await?;
        let there = self.inner.head(&path).await;
        there.map_err(|source| named(name, source))?;
        let gone = self.inner.delete(&path).await;
        gone.map_err(|source| named(name, source))
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.place)
    }
}

// === impl Chunks ===

impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunks({} bytes)", self.size)
    }
}

// === impl StoreError ===

impl StoreError {
    /// Whether all of the store is concerned, not only this object.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Denied { .. } | Self::Unavailable { .. })
    }
}

fn path(name: &str) -> Result<Path, StoreError> {
    let parsed = Path::parse(name)
        .ok()
        .filter(|path| !path.is_root() && path.as_ref() == name);
    parsed.ok_or_else(|| StoreError::InvalidName {
        name: name.to_owned(),
    })
}

fn named(name: &str, source: object_store::Error) -> StoreError {
    use object_store::Error;
    let name = name.to_owned();
    match source {
        Error::NotFound { .. } => StoreError::NotFound { name },
        Error::AlreadyExists { .. } | Error::Precondition { .. } => {
            StoreError::AlreadyExists { name }
        }
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => StoreError::Denied {
            name,
            source: Box::new(source),
        },
        source => StoreError::Unavailable {
            name,
            source: Box::new(source),
        },
    }
}
