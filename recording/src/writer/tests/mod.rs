//! The writer on a disk that fails where the test wants.
#![allow(
    clippy::disallowed_methods,
    reason = "a test reads its own small files"
)]

mod failing;

use std::fs;
use std::sync::atomic::Ordering::SeqCst;

use tempfile::TempDir;

use self::failing::{FailingDisk, Faults};
use super::*;
use crate::chain::{Chain, Expected, verify_segment};
use crate::checkpoint::TrustedKeys;
use crate::event::{Operation, Output, SessionEnded, SessionStarted};
use crate::format::kind;

const NOW: Timestamp = Timestamp(1_763_700_000_000_000);
/// One event of this size fills a segment.
const LARGE: usize = 256 * 1024;
const SESSION: SessionId = SessionId::new([7; 16]);

struct Bed {
    folder: TempDir,
    faults: Arc<Faults>,
    key: String,
    keys: TrustedKeys,
    writer: Writer,
}

fn bed() -> Bed {
    bed_for(None)
}

fn bed_for(recipient: Option<RecipientKey>) -> Bed {
    let folder = TempDir::new().unwrap();
    let disk = FailingDisk::default();
    let faults = Arc::clone(&disk.faults);
    let (pair, key) = SigningKey::generate().unwrap();
    let keys = TrustedKeys::from_iter([pair.public()]);
    let writer = open(disk, &folder, &key, recipient);
    Bed {
        folder,
        faults,
        key,
        keys,
        writer,
    }
}

fn open(disk: FailingDisk, folder: &TempDir, key: &str, recipient: Option<RecipientKey>) -> Writer {
    let mut config = SpoolConfig::new(folder.path(), "unit".parse().unwrap());
    config.segment_bytes = LARGE as u64;
    config.recipient = recipient;
    let key = SigningKey::from_pem(key).unwrap();
    Writer::open_on(Arc::new(disk), config, key, NOW).unwrap()
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
    /// The writer is gone as if killed, and a new run begins.
    fn reopen(self) -> Self {
        let Self {
            folder,
            faults,
            key,
            keys,
            writer,
        } = self;
        drop(writer);
        let disk = FailingDisk {
            faults: Arc::clone(&faults),
        };
        let writer = open(disk, &folder, &key, None);
        Self {
            folder,
            faults,
            key,
            keys,
            writer,
        }
    }

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
fn what_waits_says_since_when_until_it_is_written() {
    let bed = bed();
    let at = |micros: u64| Timestamp(NOW.0 + micros);
    assert_eq!(bed.writer.waits_since(), None);
    bed.writer.append(&started(), NOW).unwrap();
    assert_eq!(bed.writer.waits_since(), None, "written at once");
    bed.writer.defer(&operation(1), at(5)).unwrap();
    bed.writer.defer(&operation(2), at(9)).unwrap();
    assert_eq!(bed.writer.waits_since(), Some(at(5)), "the oldest");
    bed.faults.room.store(10, SeqCst);
    bed.writer.append(&operation(3), at(10)).unwrap_err();
    assert_eq!(bed.writer.waits_since(), Some(at(5)), "nothing was written");
    bed.faults.room.store(u64::MAX, SeqCst);
    bed.writer.append(&operation(3), at(11)).unwrap();
    assert_eq!(bed.writer.waits_since(), None, "it rode along");
    bed.writer.defer(&operation(4), at(12)).unwrap();
    bed.writer.tick(at(13)).unwrap();
    assert_eq!(bed.writer.waits_since(), None);
    bed.writer.defer(&operation(5), at(14)).unwrap();
    bed.writer.flush().unwrap();
    assert_eq!(bed.writer.waits_since(), None);
}

#[test]
fn events_that_are_deferred_together_share_one_write() {
    let bed = bed();
    bed.writer.append(&started(), NOW).unwrap();
    let first = bed.writer.defer(&operation(1), NOW).unwrap();
    let second = bed.writer.defer(&operation(2), NOW).unwrap();
    bed.faults.room.store(0, SeqCst);
    for position in [first, second] {
        let refused = bed.writer.write_through(position);
        assert!(
            matches!(refused, Err(AppendError::DiskFull(_))),
            "{refused:?}"
        );
    }
    assert_eq!(bed.verify(), (2, 1));
    bed.faults.room.store(u64::MAX, SeqCst);
    bed.writer.write_through(first).unwrap();
    assert_eq!(bed.verify(), (4, 3), "what waits behind it is written too");
    bed.faults.room.store(0, SeqCst);
    bed.writer.write_through(second).unwrap();
    let third = bed.writer.defer(&operation(3), NOW).unwrap();
    bed.writer.write_through(third).unwrap_err();
}

#[test]
fn what_was_written_before_the_writer_stopped_stays_written() {
    let bed = bed();
    bed.writer.append(&started(), NOW).unwrap();
    let first = bed.writer.defer(&operation(1), NOW).unwrap();
    bed.writer.write_through(first).unwrap();
    let second = bed.writer.defer(&operation(2), NOW).unwrap();
    bed.faults.broken.store(true, SeqCst);
    bed.writer.write_through(second).unwrap_err();
    bed.writer.write_through(first).unwrap();
    assert!(matches!(
        bed.writer.write_through(second),
        Err(AppendError::Stopped(_))
    ));
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

/// A key that the record announces must not be missing from it.
#[test]
fn key_of_a_start_that_may_be_in_the_file_is_kept() {
    let private = crate::crypt::RecipientPrivateKey::generate().unwrap();
    let bed = bed_for(Some(*private.public()));
    let key = bed.writer.folder.join(key_name(&SESSION));
    bed.faults.room.store(5, SeqCst);
    let refused = bed.writer.append(&started(), NOW);
    assert!(matches!(refused, Err(AppendError::DiskFull(_))));
    assert!(!key.exists(), "what was cut off announces nothing");
    // The frame that announces the key gets whole, the session's start does not.
    bed.faults.room.store(150, SeqCst);
    bed.faults.no_cut.store(true, SeqCst);
    let refused = bed.writer.append(&started(), NOW);
    assert!(matches!(refused, Err(AppendError::Disk(_))));
    let name = crate::layout::SegmentName::open(1).to_string();
    let bytes = fs::read(bed.writer.folder.join(name)).unwrap();
    let mut walk = crate::chain::Walk::new(&bytes).unwrap();
    let kinds: Vec<u16> = std::iter::from_fn(|| {
        walk.next_frame()
            .ok()
            .flatten()
            .map(|frame| frame.header.kind)
    })
    .collect();
    assert_eq!(kinds, [kind::SEGMENT_START, kind::SESSION_KEY]);
    assert!(key.exists());
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

/// A kill leaves them in the page cache alone; a loss of power after the next start must not
/// take them, nor make what was signed behind them hang in the air.
#[test]
fn segments_that_an_earlier_run_did_not_sync_are_synced_ahead_of_all_else() {
    let mut bed = bed();
    bed.writer.append(&started(), NOW).unwrap();
    let big = Output {
        data: vec![1; LARGE],
        ..Output::default()
    };
    let big = Event::new(SESSION, Body::Output(big));
    for _ in 0..3 {
        bed.writer.append(&big, NOW).unwrap();
    }
    let path = |bed: &Bed, number| {
        let name = crate::layout::SegmentName::open(number).to_string();
        bed.writer.folder.join(name)
    };
    // The third is open, and the second waits to be synced.
    let before = std::mem::take(&mut *bed.faults.synced.lock().unwrap());
    assert!(path(&bed, 3).exists() && !before.contains(&path(&bed, 2)));
    bed = bed.reopen();
    let synced = bed.faults.synced.lock().unwrap().clone();
    assert_eq!(synced[..2], [path(&bed, 2), path(&bed, 1)]);
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
