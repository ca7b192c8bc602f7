//! Recovery of what a crash can leave.
#![allow(
    clippy::disallowed_methods,
    reason = "a test reads its own small files"
)]

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::recover::MAX_ASIDE_NAMES;
use super::*;
use crate::chain::{Chain, Expected, SegmentSummary, verify_segment};
use crate::checkpoint::{SigningKey, TrustedKeys};
use crate::event::{Body, Event, Notice, Timestamp, Value, notice};
use crate::format::{Frame, Parsed, decode_event, kind, strip_file_header};
use crate::writer::Writer;

const NOW: Timestamp = Timestamp(1_763_700_000_000_000);

struct Bed {
    folder: TempDir,
    key: String,
}

impl Bed {
    fn new() -> Self {
        let (_, key) = SigningKey::generate().unwrap();
        // In memory where that is possible: thousands of syncs would take their time.
        let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new());
        Self {
            folder: folder.unwrap(),
            key,
        }
    }

    fn open(&self) -> Result<Writer, OpenError> {
        self.open_as(self.config())
    }

    fn config(&self) -> SpoolConfig {
        SpoolConfig::new(self.folder.path(), "unit".parse().unwrap())
    }

    fn open_as(&self, config: SpoolConfig) -> Result<Writer, OpenError> {
        Writer::open(config, SigningKey::from_pem(&self.key).unwrap(), NOW)
    }

    fn writer_folder(&self) -> PathBuf {
        let writer = find_writer(self.folder.path()).unwrap().unwrap();
        self.folder.path().join(writer.as_str())
    }

    fn segment(&self, number: u64) -> PathBuf {
        self.writer_folder()
            .join(SegmentName::open(number).to_string())
    }

    fn verify(&self) -> Vec<SegmentSummary> {
        let keys = TrustedKeys::from_iter([SigningKey::from_pem(&self.key).unwrap().public()]);
        let writer = find_writer(self.folder.path()).unwrap().unwrap();
        let mut chain = Chain::START;
        let mut all = Vec::new();
        for segment in 1.. {
            let Ok(bytes) = fs::read(self.segment(segment)) else {
                break;
            };
            let expected = Expected {
                writer: writer.clone(),
                segment,
                chain,
            };
            let summary = verify_segment(&bytes, &keys, Some(&expected)).unwrap();
            chain = summary.chain;
            all.push(summary);
        }
        all
    }

    /// All notices in all segments, by name.
    fn notices(&self) -> Vec<Notice> {
        let mut notices = Vec::new();
        for segment in 1.. {
            let Ok(bytes) = fs::read(self.segment(segment)) else {
                break;
            };
            let mut rest = strip_file_header(&bytes).unwrap();
            while let Ok(Parsed::Frame { frame, rest: after }) = Frame::parse(rest) {
                if frame.header.kind == kind::NOTICE
                    && let Body::Notice(notice) =
                        decode_event(&frame.header, frame.payload).unwrap().body
                {
                    notices.push(notice);
                }
                rest = after;
            }
        }
        notices
    }

    /// Removes all files of the writer, and leaves its folder.
    fn clear(&self) {
        for file in fs::read_dir(self.writer_folder()).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() {
                fs::remove_file(path).unwrap();
            }
        }
    }

    fn torn_files(&self) -> Vec<Vec<u8>> {
        let entries = fs::read_dir(self.writer_folder())
            .unwrap()
            .map(|entry| entry.unwrap());
        let torn = entries.filter(|entry| entry.file_name().to_str().unwrap().contains(".torn-"));
        torn.map(|entry| fs::read(entry.path()).unwrap()).collect()
    }
}

fn note(what: &str) -> Event {
    let notice = Notice {
        what: what.to_owned(),
        ..Notice::default()
    };
    Event::new(SessionId::NONE, Body::Notice(notice))
}

/// One segment with three events, and where the bytes of each end.
fn written(bed: &Bed) -> Vec<usize> {
    let writer = bed.open().unwrap();
    let mut ends = vec![usize::try_from(writer.status().bytes).unwrap()];
    for what in ["one", "two", "three"] {
        writer.append(&note(what), NOW).unwrap();
        ends.push(usize::try_from(writer.status().bytes).unwrap());
    }
    ends
}

#[test]
fn tail_torn_at_any_byte_is_cut_back_to_the_last_whole_event() {
    let bed = Bed::new();
    let ends = written(&bed);
    let path = bed.segment(1);
    let whole = fs::read(&path).unwrap();
    assert_eq!(ends.last(), Some(&whole.len()));
    for length in ends[0]..=whole.len() {
        // The rest of the file may be gone, or be zeros, as after a loss of power.
        for zeros in [0, whole.len() - length] {
            bed.clear();
            let torn = [&whole[..length], &vec![0; zeros][..]].concat();
            fs::write(bed.segment(1), &torn).unwrap();

            drop(bed.open().unwrap());
            // Where a frame happens to end in zeros, the zeros behind the cut make it whole again.
            let same = torn.iter().zip(&whole).take_while(|(one, two)| one == two);
            let same = same.count();
            let events = ends.iter().filter(|end| **end <= same).count() as u64 - 1;
            let verified = bed.verify();
            let kept: u64 = verified.iter().map(|segment| segment.events).sum();
            assert_eq!(
                kept,
                events + 1,
                "length {length}, and one notice of the restart"
            );
            let cut = torn.len() - ends[usize::try_from(events).unwrap()];
            let told = bed.notices();
            let told = told.last().unwrap();
            assert_eq!(told.what, notice::WRITER_RESTARTED);
            if cut == 0 {
                assert!(told.attributes.is_empty());
                assert!(bed.torn_files().is_empty());
            } else {
                let bytes = i64::try_from(cut).unwrap();
                assert_eq!(told.attributes["cutBytes"], bytes.into(), "length {length}");
                let kept = &torn[torn.len() - cut..];
                assert_eq!(bed.torn_files(), [kept.to_vec()], "length {length}");
            }
        }
    }
}

#[test]
fn start_torn_at_any_byte_is_written_again() {
    let bed = Bed::new();
    {
        let writer = bed.open().unwrap();
        writer.append(&note("one"), NOW).unwrap();
        assert!(writer.seal(NOW).unwrap());
    }
    let whole = fs::read(bed.segment(2)).unwrap();
    let first = fs::read(bed.segment(1)).unwrap();
    for length in 0..=whole.len() {
        bed.clear();
        fs::write(bed.segment(1), &first).unwrap();
        fs::write(bed.segment(2), &whole[..length]).unwrap();
        drop(bed.open().unwrap());
        let verified = bed.verify();
        assert_eq!(verified.len(), 2, "length {length}");
        assert_eq!(
            (verified[0].sealed, verified[1].events),
            (true, 1),
            "length {length}"
        );
    }
}

#[test]
fn what_follows_a_segment_torn_by_lost_power_is_set_aside_with_its_tail() {
    let bed = Bed::new();
    {
        let writer = bed.open().unwrap();
        writer.append(&note("one"), NOW).unwrap();
        writer.append(&note("two"), NOW).unwrap();
        assert!(writer.seal(NOW).unwrap());
        writer.append(&note("three"), NOW).unwrap();
    }
    let first = fs::read(bed.segment(1)).unwrap();
    let second = fs::read(bed.segment(2)).unwrap();
    fs::write(bed.segment(1), &first[..first.len() - 10]).unwrap();
    drop(bed.open().unwrap());

    let verified = bed.verify();
    let events: Vec<_> = verified.iter().map(|segment| segment.events).collect();
    assert_eq!(events, [2, 1], "one and two; the notice");
    let mut torn = bed.torn_files();
    torn.sort_by_key(Vec::len);
    assert!(torn.contains(&second), "nothing is deleted");
    let told = bed.notices().pop().unwrap();
    let Value::List(hashes) = &told.attributes["cutSha256"] else {
        panic!("a list of hashes");
    };
    assert_eq!(hashes.len(), 2);
}

#[test]
fn what_is_set_aside_takes_its_part_of_the_spool_and_no_more() {
    let bed = Bed::new();
    let max_bytes = MIN_SEGMENT_BYTES + SPOOL_RESERVE_BYTES;
    let config = || SpoolConfig {
        segment_bytes: MIN_SEGMENT_BYTES,
        max_bytes,
        max_subject_bytes: max_bytes,
        ..bed.config()
    };
    let restart_with = |cut: u64| {
        let inventory = Inventory::of(&bed.writer_folder()).unwrap();
        let path = bed.segment(inventory.segments.last().unwrap().0);
        let whole = fs::read(&path).unwrap();
        let torn = vec![0; usize::try_from(cut).unwrap()];
        fs::write(&path, [&whole[..], &torn].concat()).unwrap();
        drop(bed.open_as(config()).unwrap());
        let told = bed.notices().pop().unwrap().attributes;
        let bytes = i64::try_from(cut).unwrap();
        assert_eq!(told["cutBytes"], Value::Integer(bytes));
        let lengths: Vec<usize> = bed.torn_files().iter().map(Vec::len).collect();
        (told["cutKept"].clone(), lengths)
    };
    drop(bed.open_as(config()).unwrap());
    let most = max_bytes / MAX_ASIDE_PART;
    let length = usize::try_from(most).unwrap();
    assert_eq!(restart_with(most + 1), ("no".into(), vec![]));
    assert_eq!(restart_with(most), ("yes".into(), vec![length]));
    assert_eq!(restart_with(1), ("no".into(), vec![length]));
    bed.verify();
    // Where people took the files away there is room again.
    for entry in fs::read_dir(bed.writer_folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.to_str().unwrap().contains(".torn-") {
            fs::remove_file(path).unwrap();
        }
    }
    assert_eq!(restart_with(1), ("yes".into(), vec![1]));
}

/// The clock stands still, so each restart needs another name for what it sets aside.
#[test]
fn names_for_what_is_set_aside_go_on_up_to_their_bound() {
    let bed = Bed::new();
    drop(bed.open().unwrap());
    let name = |number: usize| {
        let time = NOW.0 + u64::try_from(number).unwrap();
        bed.segment(1).with_extension(format!("torn-{time:020}"))
    };
    let tear = || {
        let whole = fs::read(bed.segment(1)).unwrap();
        fs::write(bed.segment(1), [&whole[..], &[0; 5]].concat()).unwrap();
    };
    for number in 0..MAX_ASIDE_NAMES - 1 {
        fs::write(name(number), "").unwrap();
    }
    tear();
    drop(bed.open().unwrap());
    assert_eq!(fs::read(name(MAX_ASIDE_NAMES - 1)).unwrap(), [0; 5]);
    tear();
    let torn = fs::read(bed.segment(1)).unwrap();
    let refused = bed.open().unwrap_err().to_string();
    assert!(
        refused.ends_with(": 10000 files are set aside beside it; move them away"),
        "{refused}"
    );
    assert_eq!(fs::read(bed.segment(1)).unwrap(), torn, "nothing was cut");
    fs::remove_file(name(3)).unwrap();
    drop(bed.open().unwrap());
    assert_eq!(fs::read(name(3)).unwrap(), [0; 5]);
}

#[test]
fn damage_to_a_synced_segment_is_left_for_verification_to_name() {
    let later = Timestamp(NOW.0 + 1_000_000);
    // A checkpoint or a seal in the second says that the first was synced.
    for by_seal in [false, true] {
        let bed = Bed::new();
        {
            let writer = bed.open().unwrap();
            writer.append(&note("one"), NOW).unwrap();
            assert!(writer.seal(NOW).unwrap());
            writer.append(&note("two"), NOW).unwrap();
            if by_seal {
                writer.seal(later).unwrap();
            } else {
                writer.tick(later).unwrap();
            }
        }
        // As if the process had died between the seal and the next start.
        let _ = fs::remove_file(bed.segment(3));
        let mut first = fs::read(bed.segment(1)).unwrap();
        let middle = first.len() / 2;
        first[middle] ^= 1;
        fs::write(bed.segment(1), &first).unwrap();
        drop(bed.open().unwrap());
        assert_eq!(fs::read(bed.segment(1)).unwrap(), first, "{by_seal}");
        assert!(bed.torn_files().is_empty(), "{by_seal}");
        assert!(bed.segment(3).exists(), "{by_seal}: the chain goes on");
    }
}

#[test]
fn chain_does_not_begin_again_under_a_name_that_was_used() {
    let bed = Bed::new();
    let first = bed.open().unwrap().id().clone();
    assert_eq!(*bed.open().unwrap().id(), first);
    fs::remove_file(bed.segment(1)).unwrap();
    let second = bed.open().unwrap().id().clone();
    assert_ne!(second, first);
    assert_eq!(find_writer(bed.folder.path()).unwrap(), Some(second));

    let session = crate::layout::key_name(&SessionId::new([1; 16]));
    fs::write(bed.writer_folder().join(session), b"a key").unwrap();
    fs::remove_file(bed.segment(1)).unwrap();
    assert!(matches!(bed.open().unwrap_err(), OpenError::NoTail { .. }));
}

#[test]
fn other_files_under_a_segments_name_are_not_touched() {
    let bed = Bed::new();
    drop(bed.open().unwrap());
    fs::write(bed.segment(2), b"something else entirely").unwrap();
    assert!(matches!(bed.open().unwrap_err(), OpenError::Foreign { .. }));
    assert_eq!(
        fs::read(bed.segment(2)).unwrap(),
        b"something else entirely"
    );

    fs::rename(bed.segment(1), bed.segment(2)).unwrap();
    assert!(matches!(
        bed.open().unwrap_err(),
        OpenError::Misnamed { .. }
    ));
    fs::write(bed.segment(2), b"").unwrap();
    assert!(matches!(bed.open().unwrap_err(), OpenError::NoTail { .. }));
}

#[test]
fn link_or_folder_under_a_name_of_ours_is_refused_and_what_it_names_is_kept() {
    let bed = Bed::new();
    drop(bed.open().unwrap());
    let target = bed.folder.path().join("target");
    fs::write(&target, b"not ours").unwrap();
    let key = bed
        .writer_folder()
        .join(crate::layout::key_name(&SessionId::new([7; 16])));
    for path in [bed.segment(2), bed.segment(9), key] {
        std::os::unix::fs::symlink(&target, &path).unwrap();
        let refused = bed.open().unwrap_err();
        assert!(
            matches!(&refused, OpenError::NotAFile { path: told } if *told == path),
            "{refused}"
        );
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(
            bed.open().unwrap_err(),
            OpenError::NotAFile { .. }
        ));
        fs::remove_dir(&path).unwrap();
    }
    assert_eq!(fs::read(&target).unwrap(), b"not ours");
    bed.open().unwrap();
}

#[test]
fn overlong_segment_is_refused_unread() {
    let bed = Bed::new();
    drop(bed.open().unwrap());
    let file = fs::OpenOptions::new()
        .write(true)
        .open(bed.segment(1))
        .unwrap();
    let limit = MAX_SEGMENT_BYTES + 2 * crate::format::MAX_FRAME_BYTES as u64;
    file.set_len(limit + 1).unwrap();
    assert!(matches!(
        bed.open().unwrap_err(),
        OpenError::SegmentTooLong { .. }
    ));
    file.set_len(limit).unwrap();
    assert!(bed.open().is_ok(), "zeros past the start are a torn tail");
}

#[test]
fn spool_of_two_writers_is_refused() {
    let bed = Bed::new();
    drop(bed.open().unwrap());
    fs::create_dir(bed.folder.path().join("another")).unwrap();
    assert!(matches!(
        bed.open().unwrap_err(),
        OpenError::SeveralWriters(_)
    ));
}

#[test]
fn configuration_is_checked_at_its_limits() {
    let good = SpoolConfig::new("/nowhere", "unit".parse().unwrap());
    assert!(good.check().is_ok());
    let with = |change: fn(&mut SpoolConfig)| {
        let mut config = good.clone();
        change(&mut config);
        config.check()
    };
    let fine: [fn(&mut SpoolConfig); 5] = [
        |config| config.segment_bytes = MIN_SEGMENT_BYTES,
        |config| config.segment_bytes = MAX_SEGMENT_BYTES,
        |config| {
            config.max_bytes = config.segment_bytes + SPOOL_RESERVE_BYTES;
            config.max_subject_bytes = config.max_bytes;
        },
        |config| config.max_subject_bytes = 1,
        |config| config.name = "a".repeat(MAX_NAME_BYTES).parse().unwrap(),
    ];
    for change in fine {
        assert!(with(change).is_ok());
    }
    let wrong: [fn(&mut SpoolConfig); 6] = [
        |config| config.segment_bytes = MIN_SEGMENT_BYTES - 1,
        |config| config.segment_bytes = MAX_SEGMENT_BYTES + 1,
        |config| config.max_bytes = config.segment_bytes + SPOOL_RESERVE_BYTES - 1,
        |config| config.max_subject_bytes = 0,
        |config| config.max_subject_bytes = config.max_bytes + 1,
        |config| config.name = "a".repeat(MAX_NAME_BYTES + 1).parse().unwrap(),
    ];
    for change in wrong {
        assert!(matches!(with(change), Err(OpenError::InvalidConfig(_))));
    }
}
