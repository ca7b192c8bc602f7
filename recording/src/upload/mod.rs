//! From the spool to the store.
//!
//! A sealed segment is compressed on its way; session keys go ahead of the segments
//! that need them. The writer owns the files: it says what is ready (what is synced
//! here, or a loss of power could make the chain fork from what was sent), and it
//! removes a file when it is told that the store has it. What is in the spool is the
//! whole state, so a restart goes on where the last run was cut off.
//!
//! Guarantees:
//! - Nothing is removed locally before the store has confirmed that very content.
//! - Nothing in the store is replaced. The same content there already (an answer
//!   that was lost) counts as done; other content is [`UploadError::OtherObject`],
//!   stays in the spool, and holds up nothing else.
//! - Memory holds one object at a time, compressed.

mod backoff;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs::File;
use std::future::Future;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;

use crate::chain::Hash;
use crate::crypt::WRAPPED_KEY_LEN;
use crate::event::SessionId;
use crate::layout::{Content, Scan, SegmentName, key_name};
use crate::seal::{MAX_SEALED_LEN, MAX_SEGMENT_LEN, SealError, Sealer, unfolds_to};
use crate::store::{Store, StoreError};
use crate::writer::{AppendError, ConfirmError, Writer};

pub use backoff::Backoff;

/// Failures that one report names; the rest are counted as pending.
pub const MAX_REPORTED_FAILURES: usize = 100;

/// What is read of a segment at once.
const PIECE_BYTES: usize = 128 * 1024;

/// Brings one writer's sealed segments and session keys into the store.
#[derive(Debug)]
pub struct Uploader {
    writer: Arc<Writer>,
    store: Store,
    confirmation: Confirmation,
}

/// What counts as the store's confirmation of a new object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Confirmation {
    /// The object is fetched again, and is what was sent. Needs permission to read.
    #[default]
    ReadBack,
    /// The store's answer to the write is enough: for a credential that may only
    /// write. That a segment is there already is then enough too, since its name
    /// could only be given by somebody who had seen the content.
    Answer,
}

/// What one pass did and what is left.
#[derive(Debug, Default)]
pub struct Pass {
    /// Objects that the store confirmed and that were removed here.
    pub uploaded: usize,
    pub uploaded_bytes: u64,
    /// Objects that are still here, those that failed included.
    pub pending: usize,
    pub pending_bytes: u64,
    pub failures: Vec<Failure>,
    /// Whether the store, or the spool, failed as a whole.
    pub outage: bool,
    /// What failed for itself.
    stuck: Vec<What>,
}

#[derive(Debug)]
pub struct Failure {
    /// The object; empty where the spool as a whole is concerned.
    pub name: String,
    pub error: UploadError,
}

#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("the spool cannot be asked: {0}")]
    Spool(#[from] AppendError),
    #[error("the store has it, but the spool cannot give it up: {0}")]
    Confirm(#[from] ConfirmError),
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path} has more bytes than the limit of {limit}")]
    TooLarge { path: PathBuf, limit: u64 },
    #[error("the store holds another object under this name")]
    OtherObject,
    #[error("the store has a key under this name, and this credential may not compare it")]
    KeyNotComparable,
    #[error("the task that reads and compresses was stopped")]
    Stopped,
}

/// Something that is ready to go.
#[derive(Debug, Clone)]
struct Item {
    what: What,
    path: PathBuf,
    bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Key(SessionId),
    Segment(u64),
}

/// An object as it is sent.
#[derive(Debug)]
struct Object {
    name: String,
    content: Bytes,
    /// The hash of what it unfolds to, where it is compressed.
    raw: Option<Hash>,
}

// === impl Uploader ===

impl Uploader {
    /// There is one uploader to a writer at a time.
    pub fn new(writer: Arc<Writer>, store: Store, confirmation: Confirmation) -> Self {
        Self {
            writer,
            store,
            confirmation,
        }
    }

    /// Sends what is ready now. An outage of the store ends the pass; what concerns
    /// one object alone does not.
    pub async fn pass(&self) -> Pass {
        self.pass_over(&BTreeSet::new()).await
    }

    /// Passes again and again, `idle` apart, during an outage as the back-off says. An
    /// object that fails for itself is tried again by a back-off of its own and holds
    /// up nothing else. Once `stop` is ready it goes on until nothing is left that
    /// waiting could bring away, and returns; a caller that cannot wait for that drops
    /// it, and nothing is lost.
    pub async fn run(
        &self,
        idle: Duration,
        mut backoff: Backoff,
        mut jitter: impl FnMut() -> f64,
        mut observe: impl FnMut(&Pass),
        stop: impl Future<Output = ()>,
    ) {
        let mut stop = pin!(stop);
        let mut stopping = false;
        let mut stuck_backoff = backoff.clone();
        let mut stuck = BTreeSet::new();
        let mut stuck_for = Duration::ZERO;
        loop {
            if stuck_for.is_zero() {
                stuck.clear();
            }
            let pass = self.pass_over(&stuck).await;
            observe(&pass);
            // What concerns one object alone holds up nothing else.
            if stopping && !pass.outage && pass.uploaded == 0 {
                return;
            }
            let wait = if pass.outage {
                backoff.next(jitter())
            } else {
                backoff.reset();
                if stopping { Duration::ZERO } else { idle }
            };
            stuck_for = stuck_for.saturating_sub(wait);
            if !pass.outage && !pass.stuck.is_empty() {
                stuck_for = stuck_backoff.next(jitter());
                stuck.extend(&pass.stuck);
            } else if stuck.is_empty() {
                stuck_backoff.reset();
            }
            tokio::select! {
                () = sleep(wait) => {}
                () = &mut stop, if !stopping => stopping = true,
            }
        }
    }

    async fn pass_over(&self, stuck: &BTreeSet<What>) -> Pass {
        let mut pass = Pass::default();
        let items = match self.items() {
            Ok(items) => items,
            Err(error) => {
                pass.outage = true;
                pass.fail(String::new(), error);
                return pass;
            }
        };
        pass.pending = items.len();
        pass.pending_bytes = items.iter().map(|item| item.bytes).sum();
        for item in items.into_iter().filter(|item| !stuck.contains(&item.what)) {
            let (name, what, bytes) = (item.name(), item.what, item.bytes);
            match self.bring(item).await {
                Ok(sent) => {
                    pass.uploaded += 1;
                    pass.uploaded_bytes += sent;
                    pass.pending -= 1;
                    pass.pending_bytes -= bytes;
                }
                Err(error) => {
                    pass.outage = matches!(&error, UploadError::Store(why) if why.is_outage());
                    pass.fail(name, error);
                    if pass.outage {
                        break;
                    }
                    pass.stuck.push(what);
                }
            }
        }
        pass
    }

    /// Keys, then segments in the order of their numbers.
    fn items(&self) -> Result<Vec<Item>, UploadError> {
        let keys = self.writer.keys()?.into_iter().map(|key| Item {
            what: What::Key(key.session),
            path: key.path,
            bytes: WRAPPED_KEY_LEN as u64,
        });
        let segments = self.writer.sealed()?.into_iter().map(|segment| Item {
            what: What::Segment(segment.number),
            path: segment.path,
            bytes: segment.bytes,
        });
        Ok(keys.chain(segments).collect())
    }

    /// One object all the way: read, packed, sent, confirmed, removed. Gives its size.
    async fn bring(&self, item: Item) -> Result<u64, UploadError> {
        let what = item.what;
        let folder = self.writer.id().to_string();
        let object = blocking(move || item.pack(&folder)).await?;
        let size = object.content.len() as u64;
        self.send(&object).await?;
        let writer = Arc::clone(&self.writer);
        blocking(move || {
            match what {
                What::Key(session) => writer.confirm_key(session)?,
                What::Segment(number) => writer.confirm(number)?,
            }
            Ok(())
        })
        .await?;
        Ok(size)
    }

    async fn send(&self, object: &Object) -> Result<(), UploadError> {
        let created = self
            .store
            .create(&object.name, object.content.clone())
            .await;
        match (created, self.confirmation) {
            (Ok(()), Confirmation::Answer) => Ok(()),
            (Ok(()), Confirmation::ReadBack) | (Err(StoreError::AlreadyExists { .. }), _) => {
                self.compare(object).await
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    /// Whether what is there is what was to be sent. Segments are compared by what
    /// they unfold to: another version may have packed one that was there already.
    async fn compare(&self, object: &Object) -> Result<(), UploadError> {
        let alike = |there: &Bytes| {
            let unfolds = |raw: &Hash| unfolds_to(there, raw);
            *there == object.content || object.raw.as_ref().is_some_and(unfolds)
        };
        match self.store.read(&object.name, MAX_SEALED_LEN).await {
            Ok(there) if alike(&there) => Ok(()),
            Ok(_) | Err(StoreError::TooLarge { .. }) => Err(UploadError::OtherObject),
            Err(StoreError::Denied { .. }) if self.confirmation == Confirmation::Answer => {
                // A segment's name tells its content; a key's does not.
                object
                    .raw
                    .as_ref()
                    .map(|_| ())
                    .ok_or(UploadError::KeyNotComparable)
            }
            Err(error) => Err(error.into()),
        }
    }
}

// === impl Item ===

impl Item {
    /// For reports: a segment's full name is known only once it is read.
    fn name(&self) -> String {
        match self.what {
            What::Key(session) => key_name(&session),
            What::Segment(number) => SegmentName::open(number).to_string(),
        }
    }

    fn pack(self, folder: &str) -> Result<Object, UploadError> {
        match self.what {
            What::Key(session) => {
                let content = Bytes::from(read(&self.path, WRAPPED_KEY_LEN as u64)?);
                Ok(Object {
                    name: format!("{folder}/{}", key_name(&session)),
                    content,
                    raw: None,
                })
            }
            What::Segment(number) => {
                let (said, raw, packed) = packed(&self.path)?;
                let segment = SegmentName {
                    number,
                    sealed: Some(said),
                };
                Ok(Object {
                    name: format!("{folder}/{segment}"),
                    content: Bytes::from(packed),
                    raw: Some(raw),
                })
            }
        }
    }
}

// === impl Pass ===

impl Pass {
    fn fail(&mut self, name: String, error: UploadError) {
        if self.failures.len() < MAX_REPORTED_FAILURES {
            self.failures.push(Failure { name, error });
        }
    }
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, UploadError> {
    let mut content = Vec::new();
    let mut bounded = open(path, limit)?.0.take(limit);
    io::copy(&mut bounded, &mut content).map_err(|source| at(path, source))?;
    Ok(content)
}

/// A segment compressed: what its name says, its hash as it was, and the compressed bytes.
fn packed(path: &Path) -> Result<(Content, Hash, Vec<u8>), UploadError> {
    let (mut file, len) = open(path, MAX_SEGMENT_LEN)?;
    let mut sealer = Sealer::new(len)?;
    let mut scan = Scan::new();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = file.read(&mut piece).map_err(|source| at(path, source))?;
        let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else {
            break;
        };
        scan.push(read);
        sealer.push(read)?;
    }
    let (content, hash) = scan.finish();
    let sealed = sealer.finish(&hash)?;
    Ok((content, hash, sealed))
}

fn open(path: &Path, limit: u64) -> Result<(File, u64), UploadError> {
    let file = File::open(path).map_err(|source| at(path, source))?;
    let len = file.metadata().map_err(|source| at(path, source))?.len();
    if len > limit {
        return Err(UploadError::TooLarge {
            path: path.to_owned(),
            limit,
        });
    }
    Ok((file, len))
}

fn at(path: &Path, source: io::Error) -> UploadError {
    UploadError::Io {
        path: path.to_owned(),
        source,
    }
}

/// Runs file work where it does not hold up the reactor.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, UploadError> + Send + 'static,
) -> Result<T, UploadError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(UploadError::Stopped))
}
