//! From a writer's folder in the spool to the store.
//!
//! A closed segment is synced and compressed, its compressed form compared with it,
//! and only then is it removed (but for the two highest, from which the chain goes
//! on); the compressed form is removed only after the store has confirmed it.
//! Session keys travel the same way, ahead of the segments that need them. What is
//! in the folder is the whole state, so a restart goes on where the last run was
//! cut off, at whatever instant that was.
//!
//! Guarantees:
//! - Nothing is removed locally before the store has confirmed that very content.
//! - Nothing in the store is replaced. The same content there already (an answer
//!   that was lost) counts as done; other content is [`UploadError::OtherObject`],
//!   stays in the spool, and holds up nothing else.
//! - Memory holds one object at a time.

mod backoff;
mod outbox;

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;

use crate::event::WriterId;
use crate::seal::{MAX_SEALED_LEN, SealError, unfold_alike};
use crate::store::{Store, StoreError};

pub use backoff::Backoff;
use outbox::{Item, Outbox};

/// Objects that one pass looks at; the next pass takes the rest.
pub const MAX_OBJECTS_PER_PASS: usize = 10_000;

/// Segments that one pass compresses before it sends.
pub const MAX_SEALS_PER_PASS: usize = 64;

/// Failures that one report names; the rest are counted as pending.
pub const MAX_REPORTED_FAILURES: usize = 100;

/// Brings the closed segments and keys of one writer into the store.
#[derive(Debug)]
pub struct Uploader {
    outbox: Outbox,
    store: Store,
    confirmation: Confirmation,
}

/// What counts as the store's confirmation of a new object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Confirmation {
    /// The object is asked for again, and has the size that was sent and the tag
    /// that the store gave. Needs permission to read.
    #[default]
    ReadBack,
    /// The store's answer to the write is enough: for a credential that may only
    /// write. That an object is there already is then enough too: its name could
    /// only be given by somebody who had seen the content.
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
    /// All that the writer's folder takes on disk after the pass.
    pub folder_bytes: u64,
    pub failures: Vec<Failure>,
}

#[derive(Debug)]
pub struct Failure {
    /// The file or object, from the writer's folder on.
    pub name: String,
    pub error: UploadError,
}

#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path} has {size} bytes, more than the limit of {limit}")]
    TooLarge {
        path: PathBuf,
        size: u64,
        limit: u64,
    },
    #[error("the compressed segment does not unfold to the segment")]
    SealDiffers,
    #[error("the store holds another object under this name")]
    OtherObject,
    #[error("the store answered, but holds {found} bytes of the {sent} that were sent")]
    SizeDiffers { sent: u64, found: u64 },
    #[error("the store answered with tag {answered}, but holds tag {found}")]
    TagDiffers { answered: String, found: String },
    #[error("the task that seals was stopped")]
    Stopped,
}

// === impl Uploader ===

impl Uploader {
    /// `folder` is the writer's folder in the spool. Whoever made this holds the
    /// spool's lock: one uploader at a time.
    pub fn new(
        folder: PathBuf,
        writer: &WriterId,
        store: Store,
        confirmation: Confirmation,
    ) -> Self {
        Self {
            outbox: Outbox::new(folder, writer.clone()),
            store,
            confirmation,
        }
    }

    /// Goes through the folder once. An outage of the store ends the pass; what
    /// concerns one object alone does not.
    pub async fn pass(&self) -> Pass {
        let mut pass = Pass::default();
        match self.outbox.ready().await {
            Ok(ready) => {
                pass.pending = ready.items.len() + ready.waiting;
                pass.pending_bytes = ready.items.iter().map(|item| item.size).sum::<u64>();
                pass.pending_bytes += ready.waiting_bytes;
                pass.failures = ready.failures;
                self.bring_all(ready.items, &mut pass).await;
            }
            Err(error) => pass.fail(String::new(), error),
        }
        match self.outbox.bytes().await {
            Ok(bytes) => pass.folder_bytes = bytes,
            Err(error) => pass.fail(String::new(), error),
        }
        pass
    }

    /// Passes again and again, `idle` apart, or after a failure as the back-off
    /// says. Once `stop` is ready it goes on until nothing is left, and returns;
    /// a caller that cannot wait for that drops it, and nothing is lost.
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
        loop {
            let pass = self.pass().await;
            observe(&pass);
            if stopping && pass.pending == 0 && pass.failures.is_empty() {
                return;
            }
            let wait = if !pass.failures.is_empty() {
                backoff.next(jitter())
            } else {
                backoff.reset();
                // What a pass left undone without a failure was beyond its bounds.
                if pass.pending > 0 {
                    Duration::ZERO
                } else {
                    idle
                }
            };
            tokio::select! {
                () = sleep(wait) => {}
                () = &mut stop, if !stopping => stopping = true,
            }
        }
    }

    async fn bring_all(&self, items: Vec<Item>, pass: &mut Pass) {
        for item in items {
            let (name, size) = (item.name.clone(), item.size);
            match self.bring(item).await {
                Ok(()) => {
                    pass.uploaded += 1;
                    pass.uploaded_bytes += size;
                    pass.pending -= 1;
                    pass.pending_bytes -= size;
                }
                Err(error) => {
                    let outage = matches!(&error, UploadError::Store(why) if why.is_outage());
                    pass.fail(name, error);
                    if outage {
                        return;
                    }
                }
            }
        }
    }

    /// One object all the way: sent, confirmed, removed.
    async fn bring(&self, item: Item) -> Result<(), UploadError> {
        let content = self.outbox.read(&item, MAX_SEALED_LEN).await?;
        self.send(&self.outbox.object_name(&item), content).await?;
        self.outbox.remove(item).await
    }

    async fn send(&self, name: &str, content: Bytes) -> Result<(), UploadError> {
        let sent = content.len() as u64;
        let receipt = match self.store.create(name, content.clone()).await {
            Ok(receipt) => receipt,
            Err(StoreError::AlreadyExists { .. }) => return self.compare(name, &content).await,
            Err(error) => return Err(error.into()),
        };
        if self.confirmation == Confirmation::Answer {
            return Ok(());
        }
        let stat = self.store.stat(name).await?;
        if stat.size != sent {
            return Err(UploadError::SizeDiffers {
                sent,
                found: stat.size,
            });
        }
        match (receipt.e_tag, stat.e_tag) {
            (Some(answered), Some(found)) if answered != found => {
                Err(UploadError::TagDiffers { answered, found })
            }
            _ => Ok(()),
        }
    }

    /// Whether what is there already is what would have been sent. Segments are
    /// compared by what they unfold to: another version may have packed it.
    async fn compare(&self, name: &str, content: &Bytes) -> Result<(), UploadError> {
        match self.store.read(name, MAX_SEALED_LEN).await {
            Ok(there) if there == content => Ok(()),
            Ok(there) if name.ends_with(".zst") && unfold_alike(&there, content) => Ok(()),
            Ok(_) | Err(StoreError::TooLarge { .. }) => Err(UploadError::OtherObject),
            Err(StoreError::Denied { .. }) if self.confirmation == Confirmation::Answer => Ok(()),
            Err(error) => Err(error.into()),
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
