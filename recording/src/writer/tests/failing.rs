//! A disk that fails where a test wants.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use crate::spool::disk::{Disk, LocalDisk, SegmentFile};

/// A disk that takes so many bytes and no more, and fails as told.
#[derive(Debug, Default)]
pub(super) struct FailingDisk {
    pub(super) faults: Arc<Faults>,
}

#[derive(Debug)]
pub(super) struct Faults {
    pub(super) room: AtomicU64,
    pub(super) broken: AtomicBool,
    pub(super) no_cut: AtomicBool,
    pub(super) no_sync: AtomicBool,
    pub(super) no_create: AtomicBool,
    pub(super) syncs: AtomicU64,
    pub(super) folder_syncs: AtomicU64,
    /// What was synced, in order.
    pub(super) synced: Mutex<Vec<PathBuf>>,
}

#[derive(Debug)]
struct FailingFile {
    path: PathBuf,
    file: Arc<dyn SegmentFile>,
    faults: Arc<Faults>,
}

impl Default for Faults {
    fn default() -> Self {
        let no = || AtomicBool::new(false);
        Self {
            room: AtomicU64::new(u64::MAX),
            broken: no(),
            no_cut: no(),
            no_sync: no(),
            no_create: no(),
            syncs: AtomicU64::new(0),
            folder_syncs: AtomicU64::new(0),
            synced: Mutex::default(),
        }
    }
}

impl FailingDisk {
    fn wrap(&self, path: &Path, file: Arc<dyn SegmentFile>) -> Arc<dyn SegmentFile> {
        Arc::new(FailingFile {
            path: path.to_owned(),
            file,
            faults: Arc::clone(&self.faults),
        })
    }
}

impl Disk for FailingDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn SegmentFile>> {
        if self.faults.no_create.load(SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        LocalDisk.create(path).map(|file| self.wrap(path, file))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn SegmentFile>> {
        LocalDisk.open(path).map(|file| self.wrap(path, file))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        LocalDisk.remove(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.faults.folder_syncs.fetch_add(1, SeqCst);
        LocalDisk.sync_folder(path)
    }
}

impl SegmentFile for FailingFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        if self.faults.broken.load(SeqCst) {
            return Err(io::Error::from_raw_os_error(5));
        }
        let room = self.faults.room.load(SeqCst);
        let count = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        if count == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.faults.room.fetch_sub(count as u64, SeqCst);
        self.file.write_at(&bytes[..count], offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        if self.faults.no_cut.load(SeqCst) {
            return Err(io::Error::from_raw_os_error(5));
        }
        self.file.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.faults.syncs.fetch_add(1, SeqCst);
        self.faults.synced.lock().unwrap().push(self.path.clone());
        if self.faults.no_sync.load(SeqCst) {
            return Err(io::Error::from_raw_os_error(5));
        }
        self.file.sync()
    }
}
