//! Which files a sync must reach, and what may be said once it did.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Sealed, State};
use crate::checkpoint::Head;
use crate::spool::disk::{Disk, SegmentFile};
use crate::writer::AppendError;

/// One sync to be done without the lock.
#[derive(Debug)]
pub(in crate::writer) struct SyncJob {
    files: Vec<Arc<dyn SegmentFile>>,
    folder: Option<PathBuf>,
    disk: Arc<dyn Disk>,
    sealed: Option<u64>,
    named: u64,
    head: Option<Head>,
    pub(in crate::writer) through: u64,
}

// === impl State ===

impl State {
    /// What a sync must do so that all that is written now is on the disk.
    pub(in crate::writer) fn sync_job(&self) -> Option<SyncJob> {
        let open = self.open.as_ref();
        if self.synced >= self.written {
            return None;
        }
        let sealed = self.unsynced.as_ref();
        let files = sealed
            .map(|(_, file)| file)
            .into_iter()
            .chain(open.map(|open| &open.file));
        Some(SyncJob {
            files: files.cloned().collect(),
            // New names come with new segments only.
            folder: (self.named < self.number).then(|| self.spool.folder.clone()),
            named: self.number,
            disk: Arc::clone(&self.disk),
            sealed: sealed.map(|(number, _)| *number),
            head: self.signed_head.clone(),
            through: self.written,
        })
    }

    pub(in crate::writer) fn sync_done(&mut self, job: SyncJob) {
        self.synced = self.synced.max(job.through);
        self.named = self.named.max(job.named);
        if self.unsynced.as_ref().map(|(number, _)| *number) == job.sealed {
            self.unsynced = None;
        }
        let newer = |head: &Head| {
            self.durable_head
                .as_ref()
                .is_none_or(|known| known.sequence < head.sequence)
        };
        if let Some(head) = job.head.filter(newer) {
            self.durable_head = Some(head);
        }
    }

    /// Sealed segments that may leave: they and the start of what follows them are synced, so the
    /// chain's head stays known when they are gone.
    pub(in crate::writer) fn ready(&self) -> impl Iterator<Item = (u64, &Sealed)> {
        let ahead = self.sealed.range(..self.number);
        ahead
            .filter(|(_, sealed)| sealed.last < self.synced)
            .map(|(number, sealed)| (*number, sealed))
    }

    /// Syncs what an earlier run sealed and perhaps did not sync: its last segment, or the one
    /// ahead of that. Nothing that comes after them may be signed before, since recovery takes a
    /// checkpoint as proof that they were.
    pub(in crate::writer) fn sync_left(&self) -> io::Result<()> {
        let last = self.sealed.keys().rev().take(2);
        last.copied().try_for_each(|number| {
            let file = self.disk.open(&self.spool.segment_path(number))?;
            file.sync()
        })
    }

    /// Syncs the sealed segment that is not synced yet: recovery counts on there being no second
    /// one.
    pub(super) fn sync_sealed(&mut self) -> Result<(), AppendError> {
        let Some((_, file)) = self.unsynced.take() else {
            return Ok(());
        };
        let synced = file
            .sync()
            .and_then(|()| self.disk.sync_folder(&self.spool.folder));
        synced.map_err(|error| {
            self.stop("a sync failed", &error);
            AppendError::Disk(error)
        })
    }
}

// === impl SyncJob ===

impl SyncJob {
    pub(in crate::writer) fn run(&self) -> io::Result<()> {
        self.files.iter().try_for_each(|file| file.sync())?;
        self.folder
            .as_deref()
            .map_or(Ok(()), |folder| self.disk.sync_folder(folder))
    }
}
