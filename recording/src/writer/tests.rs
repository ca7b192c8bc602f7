//! The writer on a disk that fails where the test wants.
#![allow(
    clippy::disallowed_methods,
    reason = "a test reads its own small files"
)]

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use tempfile::TempDir;

use super::*;
use crate::chain::{Chain, Expected, verify_segment};
use crate::checkpoint::TrustedKeys;
use crate::event::{Operation, Output, SessionEnded, SessionStarted};
use crate::spool::disk::SegmentFile;

const NOW: Timestamp = Timestamp(1_763_700_000_000_000);
const SESSION: SessionId = SessionId::new([7; 16]);

/// A disk that takes so many bytes and no more, and fails as told.
#[derive(Debug, Default)]
struct FailingDisk {
    faults: Arc<Faults>,
}

#[derive(Debug)]
struct Faults {
    room: AtomicU64,
    broken: AtomicBool,
    no_cut: AtomicBool,
    no_sync: AtomicBool,
    no_create: AtomicBool,
    syncs: AtomicU64,
    folder_syncs: AtomicU64,
}

#[derive(Debug)]
struct FailingFile {
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
        }
    }
}

impl FailingDisk {
    fn wrap(&self, file: Arc<dyn SegmentFile>) -> Arc<dyn SegmentFile> {
        Arc::new(FailingFile {
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
        LocalDisk.create(path).map(|file| self.wrap(file))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn SegmentFile>> {
        LocalDisk.open(path).map(|file| self.wrap(file))
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
        if self.faults.no_sync.load(SeqCst) {
            return Err(io::Error::from_raw_os_error(5));
        }
        self.file.sync()
    }
}

struct Bed {
    folder: TempDir,
    faults: Arc<Faults>,
    keys: TrustedKeys,
    writer: Writer,
}

fn bed() -> Bed {
    let folder = TempDir::new().unwrap();
    let disk = FailingDisk::default();
    let faults = Arc::clone(&disk.faults);
    let (key, _) = SigningKey::generate().unwrap();
    let keys = TrustedKeys::from_iter([key.public()]);
    let config = SpoolConfig::new(folder.path(), "unit".parse().unwrap());
    let writer = Writer::open_on(Arc::new(disk), config, key, NOW).unwrap();
    Bed {
        folder,
        faults,
        keys,
        writer,
    }
}

fn started() -> Event {
    let started = SessionStarted {
        subject: "alice".into(),
        ..SessionStarted::default()
    };
    Event::new(SESSION, Body::SessionStarted(started))
}

fn operation(number: u64) -> Event {
    Event::new(
        SESSION,
        Body::Operation(Operation {
            number,
            ..Operation::default()
        }),
    )
}

impl Bed {
    /// Verifies all segments as one chain, and gives the numbers of frames and of events.
    fn verify(&self) -> (u64, u64) {
        let mut chain = Chain::START;
        let mut events = 0;
        for segment in 1.. {
            let name = crate::layout::SegmentName::open(segment).to_string();
            let Ok(bytes) = fs::read(
                self.folder
                    .path()
                    .join(self.writer.id().as_str())
                    .join(name),
            ) else {
                break;
            };
            let expected = Expected {
                writer: self.writer.id().clone(),
                segment,
                chain,
            };
            let summary = verify_segment(&bytes, &self.keys, Some(&expected)).unwrap();
            chain = summary.chain;
            events += summary.events;
        }
        (chain.last(), events)
    }
}

#[test]
fn write_that_got_halfway_is_cut_off_and_the_chain_goes_on() {
    let bed = bed();
    bed.writer.append(&started(), NOW).unwrap();
    let size = |bed: &Bed| bed.writer.status().bytes;
    let before = size(&bed);
    let whole = {
        bed.writer.append(&operation(1), NOW).unwrap();
        size(&bed) - before
    };
    for room in 0..whole {
        bed.faults.room.store(room, SeqCst);
        let refused = bed.writer.append(&operation(1), NOW);
        assert!(
            matches!(refused, Err(AppendError::DiskFull(_))),
            "{room}: {refused:?}"
        );
        assert_eq!(bed.verify(), (3, 2), "{room}");
        assert_eq!(size(&bed), before + whole, "{room}");
    }
    bed.faults.room.store(u64::MAX, SeqCst);
    assert_eq!(bed.writer.append(&operation(2), NOW).unwrap().sequence, 4);
    assert_eq!(bed.verify(), (4, 3));
}

#[test]
fn deferred_event_survives_a_full_disk_and_a_refused_one_does_not() {
    let bed = bed();
    bed.writer.append(&started(), NOW).unwrap();
    bed.writer.defer(&operation(1), NOW).unwrap();
    assert_eq!(bed.verify(), (2, 1), "deferred is not written yet");
    bed.faults.room.store(10, SeqCst);
    assert!(matches!(
        bed.writer.append(&operation(2), NOW),
        Err(AppendError::DiskFull(_))
    ));
    assert!(matches!(bed.writer.flush(), Err(AppendError::DiskFull(_))));
    assert_eq!(bed.verify(), (2, 1));
    bed.faults.room.store(u64::MAX, SeqCst);
    bed.writer.flush().unwrap();
    assert_eq!(bed.verify(), (3, 2));
}

#[test]
fn deferred_events_are_bounded() {
    let bed = bed();
    bed.writer.append(&started(), NOW).unwrap();
    let big = Output {
        data: vec![1; MAX_DEFERRED_BYTES / 2],
        ..Output::default()
    };
    let big = Event::new(SESSION, Body::Output(big));
    bed.writer.defer(&big, NOW).unwrap();
    assert_eq!(bed.verify().1, 1);
    bed.writer.defer(&big, NOW).unwrap();
    assert_eq!(bed.verify().1, 3, "past the bound all of it is written");
}

#[test]
fn failing_disk_stops_the_writer() {
    let bed = bed();
    bed.writer.append(&started(), NOW).unwrap();
    bed.faults.broken.store(true, SeqCst);
    assert!(matches!(
        bed.writer.append(&operation(1), NOW),
        Err(AppendError::Disk(_))
    ));
    bed.faults.broken.store(false, SeqCst);
    assert!(matches!(
        bed.writer.append(&operation(1), NOW),
        Err(AppendError::Stopped(_))
    ));
    assert!(matches!(bed.writer.tick(NOW), Err(AppendError::Stopped(_))));
    assert!(
        bed.writer
            .status()
            .stopped
            .unwrap()
            .starts_with("a write failed")
    );
    assert_eq!(bed.verify(), (2, 1));
}

#[test]
fn torn_write_that_cannot_be_cut_off_stops_the_writer() {
    let bed = bed();
    bed.writer.append(&started(), NOW).unwrap();
    bed.faults.room.store(5, SeqCst);
    bed.faults.no_cut.store(true, SeqCst);
    assert!(matches!(
        bed.writer.append(&operation(1), NOW),
        Err(AppendError::Disk(_))
    ));
    bed.faults.room.store(u64::MAX, SeqCst);
    assert!(matches!(
        bed.writer.append(&operation(1), NOW),
        Err(AppendError::Stopped(_))
    ));
}

#[test]
fn failed_sync_stops_the_writer_and_a_second_one_does_not_help() {
    let bed = bed();
    bed.writer.append(&started(), NOW).unwrap();
    bed.faults.no_sync.store(true, SeqCst);
    assert!(matches!(
        bed.writer.append_strict(&operation(1), NOW),
        Err(AppendError::Disk(_))
    ));
    bed.faults.no_sync.store(false, SeqCst);
    assert!(matches!(
        bed.writer.append_strict(&operation(2), NOW),
        Err(AppendError::Stopped(_))
    ));
    assert!(matches!(bed.writer.sync(), Err(AppendError::Stopped(_))));
}

#[test]
fn segment_that_cannot_be_started_is_started_later() {
    let bed = bed();
    bed.writer.append(&started(), NOW).unwrap();
    bed.faults.no_create.store(true, SeqCst);
    assert!(matches!(
        bed.writer.seal(NOW),
        Err(AppendError::DiskFull(_))
    ));
    assert!(matches!(
        bed.writer.append(&operation(1), NOW),
        Err(AppendError::DiskFull(_))
    ));
    bed.writer.sync().unwrap();
    assert_eq!(
        bed.writer.sealed().unwrap(),
        [],
        "the chain's head is in it alone"
    );
    bed.faults.no_create.store(false, SeqCst);
    // The same when the file can be made and its start does not fit.
    bed.faults.room.store(20, SeqCst);
    assert!(matches!(
        bed.writer.append(&operation(1), NOW),
        Err(AppendError::DiskFull(_))
    ));
    bed.faults.room.store(u64::MAX, SeqCst);
    assert_eq!(bed.writer.append(&operation(1), NOW).unwrap().segment, 2);
    let before = bed.faults.folder_syncs.load(SeqCst);
    bed.writer.sync().unwrap();
    let folder_syncs = bed.faults.folder_syncs.load(SeqCst) - before;
    assert_eq!(folder_syncs, 1, "the new segment's name lasts too");
    assert_eq!(bed.writer.sealed().unwrap().len(), 1);
    // Start, session, seal; start, operation.
    assert_eq!(bed.verify(), (5, 2));
}

#[test]
fn seal_that_does_not_fit_leaves_the_segment_open() {
    let bed = bed();
    bed.writer.append(&started(), NOW).unwrap();
    bed.faults.room.store(30, SeqCst);
    assert!(matches!(
        bed.writer.seal(NOW),
        Err(AppendError::DiskFull(_))
    ));
    bed.faults.room.store(u64::MAX, SeqCst);
    bed.writer.append(&operation(1), NOW).unwrap();
    assert!(bed.writer.seal(NOW).unwrap());
    assert_eq!(bed.verify(), (5, 2));
}

#[test]
fn strict_callers_share_syncs() {
    const CALLERS: u64 = 8;
    const EACH: u64 = 25;
    let bed = bed();
    bed.writer.append(&started(), NOW).unwrap();
    let before = bed.faults.syncs.load(SeqCst);
    std::thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                for number in 0..EACH {
                    bed.writer.append_strict(&operation(number), NOW).unwrap();
                }
            });
        }
    });
    let syncs = bed.faults.syncs.load(SeqCst) - before;
    assert!(
        syncs <= CALLERS * EACH,
        "at most one each, fewer when they meet: {syncs}"
    );
    assert!(
        syncs >= EACH,
        "one caller's syncs cannot be shared with itself: {syncs}"
    );
    assert_eq!(bed.verify().1, 1 + CALLERS * EACH);
}

#[test]
fn head_is_given_out_only_when_all_of_it_is_on_the_disk() {
    let bed = bed();
    let later = |seconds: u64| Timestamp(NOW.0 + seconds * 1_000_000);
    assert_eq!(bed.writer.head(), None);
    bed.writer.append(&started(), NOW).unwrap();
    assert_eq!(
        bed.writer.tick(NOW).unwrap(),
        Tick::default(),
        "nothing is due"
    );
    bed.writer.tick(later(1)).unwrap();
    assert_eq!(bed.writer.head(), None, "signed, but not synced since");
    bed.writer.tick(later(2)).unwrap();
    let head = bed.writer.head().unwrap();
    assert_eq!((head.segment, head.sequence), (1, 2));
    assert!(head.is_trusted(&bed.keys));
    bed.writer.tick(later(3)).unwrap();
    assert_eq!(bed.writer.head().unwrap(), head, "nothing new to sign");
    let tick = bed.writer.tick(later(10)).unwrap();
    assert!(tick.sealed);
    let sealed = bed.writer.head().unwrap();
    assert_eq!(
        (sealed.kind, sealed.sequence),
        (crate::checkpoint::HeadKind::Seal, 3)
    );
    assert_eq!(bed.writer.sealed().unwrap().len(), 1);
}

#[test]
fn idle_writer_writes_nothing() {
    let bed = bed();
    bed.writer.append(&started(), NOW).unwrap();
    let ended = SessionEnded::default();
    bed.writer
        .append(&Event::new(SESSION, Body::SessionEnded(ended)), NOW)
        .unwrap();
    for second in 0..60 {
        bed.writer
            .tick(Timestamp(NOW.0 + second * 1_000_000))
            .unwrap();
    }
    let bytes = bed.writer.status().bytes;
    for second in 60..3_600 {
        bed.writer
            .tick(Timestamp(NOW.0 + second * 1_000_000))
            .unwrap();
    }
    assert_eq!(bed.writer.status().bytes, bytes);
    assert_eq!(bed.writer.sealed().unwrap().len(), 1);
}
