//! What the writer promises, seen from outside.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test stops where something is wrong, and reads its own small files"
)]

mod verified;

use std::fs;
use std::time::Duration;

use portcullis_recording::checkpoint::{HeadKind, SigningKey, TrustedKeys};
use portcullis_recording::crypt::{RecipientPrivateKey, WrappedKey};
use portcullis_recording::event::{
    Body, Event, Output, SessionEnded, SessionId, Timestamp, Value, notice,
};
use portcullis_recording::format::{Flags, decode_event};
use portcullis_recording::layout::key_name;
use portcullis_recording::spool::{Durability, SPOOL_RESERVE_BYTES, SpoolConfig};
use portcullis_recording::writer::{
    AppendError, COMPRESS_FROM_BYTES, ConfirmError, MAX_OPEN_SESSIONS, Writer,
};
use tempfile::TempDir;
use verified::{Record, key, operation, started, trusted, verify, writer_folder};

const NOW: Timestamp = Timestamp(1_763_700_000_000_000);
const ALICE: SessionId = SessionId::new([1; 16]);
const BOB: SessionId = SessionId::new([2; 16]);

fn config(folder: &TempDir) -> SpoolConfig {
    SpoolConfig::new(folder.path(), "test".parse().unwrap())
}

fn open(folder: &TempDir) -> Writer {
    Writer::open(config(folder), key(), NOW).unwrap()
}

fn notices(record: &Record) -> Vec<&str> {
    record.notices().map(|told| told.what.as_str()).collect()
}

fn folder() -> TempDir {
    TempDir::new_in("/dev/shm")
        .or_else(|_| TempDir::new())
        .unwrap()
}

fn later(micros: u64) -> Timestamp {
    Timestamp(NOW.0 + micros)
}

fn output(session: SessionId, bytes: usize) -> Event {
    let output = Output {
        data: vec![b'x'; bytes],
        ..Output::default()
    };
    Event::new(session, Body::Output(output))
}

fn ended(session: SessionId) -> Event {
    Event::new(session, Body::SessionEnded(SessionEnded::default()))
}

#[test]
fn many_threads_make_one_chain_without_a_gap() {
    const THREADS: u8 = 8;
    const EACH: usize = 200;
    let folder = folder();
    let mut config = config(&folder);
    config.segment_bytes = 16 * 1024;
    config.durability = Durability::Strict;
    let writer = Writer::open(config, key(), NOW).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let writer = &writer;
            scope.spawn(move || {
                let session = SessionId::new([thread + 1; 16]);
                writer.record(&started(session, "alice"), NOW).unwrap();
                for number in 0..EACH {
                    let event = operation(session, &format!("{thread}-{number}"));
                    writer.record(&event, NOW).unwrap();
                }
                writer.append(&ended(session), NOW).unwrap();
            });
        }
    });
    assert_eq!(writer.status().open_sessions, 0);
    let record = verify(folder.path(), &trusted(), 1).unwrap();
    assert!(record.segments > 4, "{}", record.segments);
    for thread in 0..THREADS {
        let prefix = format!("{thread}-");
        let mine: Vec<_> = record
            .operations()
            .into_iter()
            .filter(|name| name.starts_with(&prefix))
            .collect();
        let expected: Vec<_> = (0..EACH)
            .map(|number| format!("{thread}-{number}"))
            .collect();
        assert_eq!(mine, expected, "each session's events stay in order");
    }
}

#[test]
fn next_run_goes_on_with_the_same_chain_and_says_so() {
    let folder = folder();
    let id = {
        let writer = open(&folder);
        writer.append(&started(ALICE, "alice"), NOW).unwrap();
        writer.append(&operation(ALICE, "one"), NOW).unwrap();
        writer.id().clone()
    };
    let writer = open(&folder);
    assert_eq!(*writer.id(), id);
    let unknown = writer.append(&operation(ALICE, "two"), NOW);
    assert!(
        matches!(unknown, Err(AppendError::UnknownSession(ALICE))),
        "{unknown:?}"
    );
    writer.append(&started(ALICE, "alice"), NOW).unwrap();
    writer.append(&operation(ALICE, "two"), NOW).unwrap();
    let record = verify(folder.path(), &trusted(), 1).unwrap();
    assert_eq!(record.operations(), ["one", "two"]);
    assert_eq!(notices(&record), [notice::WRITER_RESTARTED]);
    assert_eq!(record.segments, 2);
}

#[test]
fn new_spool_gets_a_new_writer_name() {
    let (one, two) = (folder(), folder());
    let (one, two) = (open(&one), open(&two));
    assert_ne!(one.id(), two.id());
    assert!(one.id().as_str().starts_with("test-"));
}

#[test]
fn sessions_are_started_once_and_needed() {
    let folder = folder();
    let writer = open(&folder);
    let none = writer.append(&started(SessionId::NONE, "alice"), NOW);
    assert!(matches!(none, Err(AppendError::NoSession)));
    writer.append(&started(ALICE, "alice"), NOW).unwrap();
    let again = writer.append(&started(ALICE, "bob"), NOW);
    assert!(matches!(again, Err(AppendError::SessionExists(ALICE))));
    writer.append(&ended(ALICE), NOW).unwrap();
    let gone = writer.append(&operation(ALICE, "late"), NOW);
    assert!(matches!(gone, Err(AppendError::UnknownSession(ALICE))));
    assert_eq!(
        verify(folder.path(), &trusted(), 1).unwrap().events.len(),
        2
    );
}

#[test]
fn open_sessions_are_bounded() {
    let folder = folder();
    let writer = open(&folder);
    let session = |number: usize| {
        let mut bytes = [1; 16];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        SessionId::new(bytes)
    };
    for number in 0..MAX_OPEN_SESSIONS {
        writer
            .defer(&started(session(number), "alice"), NOW)
            .unwrap();
    }
    let more = started(session(MAX_OPEN_SESSIONS), "alice");
    assert!(matches!(
        writer.append(&more, NOW),
        Err(AppendError::TooManySessions)
    ));
    writer.append(&ended(session(0)), NOW).unwrap();
    writer.append(&more, NOW).unwrap();
}

#[test]
fn full_spool_refuses_what_begins_and_still_takes_what_ends() {
    let folder = folder();
    let mut config = config(&folder);
    config.segment_bytes = 64 * 1024;
    config.max_bytes = 256 * 1024 + SPOOL_RESERVE_BYTES;
    config.max_subject_bytes = config.max_bytes;
    let max = config.max_bytes;
    let writer = Writer::open(config, key(), NOW).unwrap();
    writer.append(&started(ALICE, "alice"), NOW).unwrap();
    let full = loop {
        match writer.append(&output(ALICE, 10_000), NOW) {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    let AppendError::SpoolFull { used, max: told } = full else {
        panic!("{full}")
    };
    assert_eq!((used, told), (writer.status().bytes, max));
    assert!(used + SPOOL_RESERVE_BYTES <= max && used + SPOOL_RESERVE_BYTES + 11_000 > max);
    let start = writer.append(&started(BOB, "bob"), NOW);
    assert!(start.is_ok(), "a small event may still fit: {start:?}");
    writer.append(&ended(ALICE), NOW).unwrap();

    // The store confirms: there is room again.
    writer.sync().unwrap();
    for segment in writer.sealed().unwrap() {
        assert_eq!(fs::metadata(&segment.path).unwrap().len(), segment.bytes);
        writer.confirm(segment.number).unwrap();
        assert!(!segment.path.exists());
        let twice = writer.confirm(segment.number);
        assert!(matches!(twice, Err(ConfirmError::NotWaiting(_))));
    }
    writer.append(&output(BOB, 10_000), NOW).unwrap();
    assert!(writer.status().bytes < 128 * 1024);
}

#[test]
fn share_of_one_subject_leaves_room_for_another() {
    let folder = folder();
    let mut config = config(&folder);
    config.segment_bytes = 64 * 1024;
    config.max_subject_bytes = 200_000;
    let writer = Writer::open(config, key(), NOW).unwrap();
    writer.append(&started(ALICE, "alice"), NOW).unwrap();
    writer.append(&started(BOB, "bob"), NOW).unwrap();
    let exceeded = loop {
        match writer.append(&output(ALICE, 10_000), NOW) {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    let AppendError::SubjectShareExceeded { used, max: 200_000 } = exceeded else {
        panic!("{exceeded}")
    };
    assert!((189_000..=200_000).contains(&used), "{used}");
    writer.append(&output(BOB, 10_000), NOW).unwrap();
    let second = started(SessionId::new([3; 16]), "alice");
    writer.append(&second, NOW).unwrap();
    let other_session = writer.append(&output(second.session, 10_000), NOW);
    assert!(
        matches!(other_session, Err(AppendError::SubjectShareExceeded { .. })),
        "a second session has no second share: {other_session:?}"
    );
    writer.append(&ended(ALICE), NOW).unwrap();

    // What leaves the spool frees the share.
    writer.seal(NOW).unwrap();
    for segment in writer.sealed().unwrap() {
        writer.confirm(segment.number).unwrap();
    }
    writer
        .append(&output(second.session, 100_000), NOW)
        .unwrap();
}

#[test]
fn open_segment_cannot_be_confirmed_and_the_chain_outlives_what_is_sent() {
    let folder = folder();
    {
        let writer = open(&folder);
        writer.append(&started(ALICE, "alice"), NOW).unwrap();
        assert!(matches!(
            writer.confirm(1),
            Err(ConfirmError::NotWaiting(1))
        ));
        writer.seal(NOW).unwrap();
        assert!(matches!(
            writer.confirm(2),
            Err(ConfirmError::NotWaiting(2))
        ));
        writer.confirm(1).unwrap();
    }
    let writer = open(&folder);
    writer.append(&started(ALICE, "alice"), NOW).unwrap();
    let (_, segments) = writer_folder(folder.path());
    assert!(!segments.join("00000000000000000001.seg").exists());
    assert_eq!(verify(folder.path(), &trusted(), 2).unwrap().segments, 1);
}

#[test]
fn clock_that_steps_back_is_told_and_loses_nothing() {
    let folder = folder();
    let writer = open(&folder);
    writer
        .append(&started(ALICE, "alice"), later(1_000_000))
        .unwrap();
    // Within the tolerance: two callers that got the lock in the other order.
    writer
        .append(&operation(ALICE, "one"), later(900_000))
        .unwrap();
    // Past it.
    writer
        .append(&operation(ALICE, "two"), later(899_999))
        .unwrap();
    writer
        .append(&operation(ALICE, "three"), later(899_999))
        .unwrap();
    let record = verify(folder.path(), &trusted(), 1).unwrap();
    assert_eq!(record.operations(), ["one", "two", "three"]);
    assert_eq!(notices(&record), [notice::CLOCK_STEPPED_BACK]);
    let times: Vec<_> = record
        .events
        .iter()
        .map(|(header, _)| header.time.0 - NOW.0)
        .collect();
    assert_eq!(times, [1_000_000, 1_000_000, 899_999, 899_999, 899_999]);
    let Body::Notice(told) = &record.events[2].1.body else {
        panic!("a notice")
    };
    let time = |micros: u64| Value::Integer(i64::try_from(later(micros).0).unwrap());
    assert_eq!(told.attributes["from"], time(1_000_000));
    assert_eq!(told.attributes["to"], time(899_999));
}

#[test]
fn clock_that_steps_back_far_does_not_keep_segments_from_being_sealed() {
    let folder = folder();
    let writer = open(&folder);
    let tomorrow = later(86_400_000_000);
    writer.append(&started(ALICE, "alice"), tomorrow).unwrap();
    assert!(writer.tick(tomorrow).unwrap().sealed);
    writer
        .append(&operation(ALICE, "tomorrow"), tomorrow)
        .unwrap();
    let tick = writer.tick(NOW).unwrap();
    assert!(tick.synced && tick.sealed, "{tick:?}");
    assert!(!writer.tick(later(9_999_999)).unwrap().sealed);
    writer
        .append(&operation(ALICE, "one"), later(9_999_999))
        .unwrap();
    assert!(writer.tick(later(10_000_000)).unwrap().sealed);
    verify(folder.path(), &trusted(), 1).unwrap();
}

#[test]
fn rotated_key_signs_from_the_next_segment_on() {
    let folder = folder();
    let writer = open(&folder);
    writer.append(&started(ALICE, "alice"), NOW).unwrap();
    let (second, _) = SigningKey::generate().unwrap();
    let both = TrustedKeys::from_iter([key().public(), second.public()]);
    let ids = [key().id().to_string(), second.id().to_string()];
    writer.rotate(second, NOW).unwrap();
    writer.append(&operation(ALICE, "one"), NOW).unwrap();
    writer.seal(NOW).unwrap();
    let record = verify(folder.path(), &both, 1).unwrap();
    assert_eq!(record.signers, ids);
    assert_eq!(notices(&record), [notice::KEY_ROTATED]);
    assert!(
        verify(folder.path(), &trusted(), 1).is_err(),
        "the old key alone is not enough"
    );
    let head = writer.head().unwrap();
    assert_eq!(
        (head.kind, head.key.to_string()),
        (HeadKind::Seal, ids[1].clone())
    );
}

#[test]
fn encrypted_sessions_open_with_their_own_key_and_with_nothing_else() {
    let folder = folder();
    let recipient = RecipientPrivateKey::generate().unwrap();
    let mut config = config(&folder);
    config.recipient = Some(*recipient.public());
    let writer = Writer::open(config, key(), NOW).unwrap();
    for (session, subject) in [(ALICE, "alice"), (BOB, "bob")] {
        writer.append(&started(session, subject), NOW).unwrap();
        writer
            .append(&operation(session, &format!("secret of {subject}")), NOW)
            .unwrap();
    }
    let (_, segments) = writer_folder(folder.path());
    let raw = fs::read(segments.join("00000000000000000001.seg")).unwrap();
    for word in ["secret", "alice", "bob"] {
        assert!(
            !raw.windows(word.len())
                .any(|window| window == word.as_bytes()),
            "{word}"
        );
    }

    let record = verify(folder.path(), &trusted(), 1).unwrap();
    assert_eq!((record.events.len(), record.encrypted.len()), (0, 4));
    let open = |session: SessionId| {
        let file = fs::read(segments.join(key_name(&session))).unwrap();
        WrappedKey::parse(&file)
            .unwrap()
            .unwrap_key(&recipient, &session)
            .unwrap()
    };
    let opener = open(ALICE);
    let mut opened = Vec::new();
    for (header, payload) in &record.encrypted {
        let mut clear = Vec::new();
        let result = opener.open(&header.encode(), payload, &mut clear);
        assert_eq!(result.is_ok(), header.session == ALICE);
        if result.is_ok() {
            opened.push(decode_event(header, &clear).unwrap());
        }
    }
    assert_eq!(
        opened,
        [started(ALICE, "alice"), operation(ALICE, "secret of alice")]
    );

    let keys: Vec<_> = writer
        .keys()
        .unwrap()
        .iter()
        .map(|info| info.session)
        .collect();
    assert_eq!(keys, [ALICE, BOB]);
    writer.confirm_key(ALICE).unwrap();
    assert!(!segments.join(key_name(&ALICE)).exists());
    assert!(matches!(
        writer.confirm_key(ALICE),
        Err(ConfirmError::NoSuchKey(ALICE))
    ));
    writer.append(&operation(ALICE, "after"), NOW).unwrap();
    verify(folder.path(), &trusted(), 1).unwrap();
}

#[test]
fn payloads_are_compressed_before_they_are_encrypted() {
    let folder = folder();
    let recipient = RecipientPrivateKey::generate().unwrap();
    let mut config = config(&folder);
    config.recipient = Some(*recipient.public());
    let writer = Writer::open(config, key(), NOW).unwrap();
    writer.append(&started(ALICE, "alice"), NOW).unwrap();
    // A field number and a length stand ahead of the data.
    let frame = 3;
    let events = [
        output(ALICE, COMPRESS_FROM_BYTES - frame - 1),
        output(ALICE, COMPRESS_FROM_BYTES - frame),
        output(ALICE, 1_000_000),
    ];
    for event in &events {
        writer.append(event, NOW).unwrap();
    }
    assert!(writer.status().bytes < 5_000, "{:?}", writer.status());
    let record = verify(folder.path(), &trusted(), 1).unwrap();
    let flags: Vec<_> = record
        .encrypted
        .iter()
        .map(|(header, _)| header.flags)
        .collect();
    let packed = Flags::ENCRYPTED.with(Flags::COMPRESSED);
    assert_eq!(flags, [Flags::ENCRYPTED, Flags::ENCRYPTED, packed, packed]);
}

#[test]
fn refused_start_of_an_encrypted_session_leaves_no_key() {
    let folder = folder();
    let mut config = config(&folder);
    config.recipient = Some(*RecipientPrivateKey::generate().unwrap().public());
    config.max_subject_bytes = 10;
    let writer = Writer::open(config, key(), NOW).unwrap();
    let refused = writer.append(&started(ALICE, "alice"), NOW);
    assert!(
        matches!(refused, Err(AppendError::SubjectShareExceeded { .. })),
        "{refused:?}"
    );
    assert_eq!(writer.keys().unwrap(), []);
    let (_, segments) = writer_folder(folder.path());
    assert_eq!(fs::read_dir(segments.join("keys")).unwrap().count(), 0);
}

#[test]
fn empty_segments_are_not_sealed_however_long_they_wait() {
    let folder = folder();
    let writer = open(&folder);
    assert!(!writer.seal(NOW).unwrap());
    assert!(!writer.tick(later(3_600_000_000)).unwrap().sealed);
    assert_eq!(writer.sealed().unwrap(), []);
    assert_eq!(Duration::from_secs(10), config(&folder).seal_after);
}
