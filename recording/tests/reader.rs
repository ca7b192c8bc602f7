//! Reading and verifying what a real writer wrote and a real uploader sent.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test"
)]

mod record;
mod spooled;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use portcullis_recording::checkpoint::SigningKey;
use portcullis_recording::crypt::{CryptError, RecipientPrivateKey};
use portcullis_recording::event::{Body, SessionId, Timestamp};
use portcullis_recording::layout::{SegmentName, TimeSpan, key_name};
use portcullis_recording::reader::{
    KeyError, Keyring, Payload, Query, ReadError, Record, Recordings, Unreadable,
};
use portcullis_recording::seal::{MAX_SEALED_LEN, MAX_SEGMENT_LEN};
use portcullis_recording::store::{Store, StoreError};
use portcullis_recording::upload::{Confirmation, Uploader};
use portcullis_recording::verify::{Finding, Report, Trust, Verdict, verify};
use record::{BEGIN, ended, files, operation, session, started};
use spooled::Spooled;
use tempfile::TempDir;

/// A store that holds three segments: sessions 1 and 2 over all of them.
struct Stored {
    spooled: Spooled,
    folder: TempDir,
}

impl Stored {
    async fn new(private: Option<&RecipientPrivateKey>) -> Self {
        let mut spooled = Spooled::new(private.map(|key| *key.public()));
        for number in [1, 2] {
            spooled.append(session(number), started(&format!("subject {number}")));
        }
        for segment in 0..3 {
            for number in 0..4 {
                let session = session(u8::try_from(number % 2 + 1).unwrap());
                spooled.append(session, operation(segment * 4 + number));
            }
            if segment == 2 {
                spooled.append(session(1), ended());
                spooled.append(session(2), ended());
            }
            spooled.seal();
        }
        let stored = Self {
            spooled,
            folder: TempDir::new().unwrap(),
        };
        let store = Store::directory(stored.folder.path()).unwrap();
        let writer = Arc::clone(&stored.spooled.writer);
        let pass = Uploader::new(writer, store, Confirmation::ReadBack)
            .pass()
            .await;
        assert!(pass.failures.is_empty() && pass.pending == 0, "{pass:?}");
        stored
    }

    fn recordings(&self) -> Recordings {
        Recordings::new(Store::directory(self.folder.path()).unwrap())
    }

    async fn read(&self, query: Query, keys: Keyring) -> Vec<Result<Record, ReadError>> {
        let mut events = self.recordings().events(query, keys);
        let mut all = Vec::new();
        while let Some(next) = events.next().await {
            all.push(next);
            assert!(all.len() < 1_000, "the stream does not end");
        }
        all
    }

    async fn records(&self, query: Query, keys: Keyring) -> Vec<Record> {
        self.read(query, keys)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect()
    }

    /// The key of the writer, and its head as the anchor.
    fn trust(&self) -> Trust {
        let key = SigningKey::from_pem(&self.spooled.key).unwrap().public();
        Trust {
            keys: [key].into_iter().collect(),
            anchors: self.spooled.writer.head().into_iter().collect(),
            ..Trust::default()
        }
    }

    async fn verify(&self) -> Report {
        verify(&self.recordings(), &self.trust()).await.unwrap()
    }

    fn path(&self, number: u64) -> PathBuf {
        let folder = self.folder.path().join(self.spooled.writer.id().as_str());
        let mut names = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        names
            .find(|path| {
                let name = path.file_name().unwrap().to_str().unwrap();
                SegmentName::parse(name).is_some_and(|segment| segment.number == number)
            })
            .unwrap()
    }

    fn key_path(&self, session: SessionId) -> PathBuf {
        let folder = self.folder.path().join(self.spooled.writer.id().as_str());
        folder.join(key_name(&session))
    }
}

/// The numbers of the operations that could be read.
fn operations(records: &[Record]) -> Vec<u64> {
    let number = |record: &Record| match &record.payload {
        Payload::Event(event) => match &event.body {
            Body::Operation(operation) => Some(operation.number),
            _ => None,
        },
        Payload::Unreadable { .. } => None,
    };
    records.iter().filter_map(number).collect()
}

#[tokio::test]
async fn all_events_come_in_the_order_in_which_they_were_written() {
    let stored = Stored::new(None).await;
    let records = stored.records(Query::all(), Keyring::default()).await;
    assert_eq!(operations(&records), (0..12).collect::<Vec<_>>());
    assert!(records.is_sorted_by_key(|record| (record.segment, record.sequence)));
    assert_eq!(records.len(), 16);
    assert_eq!(stored.verify().await.verdict(), Verdict::Intact);
}

#[tokio::test]
async fn one_session_is_read_to_its_end_and_no_further() {
    let stored = Stored::new(None).await;
    let records = stored
        .records(Query::session(session(1)), Keyring::default())
        .await;
    assert_eq!(operations(&records), [0, 2, 4, 6, 8, 10]);
    assert!(records.iter().all(|record| record.session == session(1)));
    let Payload::Event(last) = &records.last().unwrap().payload else {
        panic!("an event")
    };
    assert!(matches!(last.body, Body::SessionEnded(_)));
    let none = stored
        .records(Query::session(session(7)), Keyring::default())
        .await;
    assert_eq!(none, []);
}

#[tokio::test]
async fn time_range_includes_both_ends_and_fetches_no_other_segment() {
    let stored = Stored::new(None).await;
    let all = stored.records(Query::all(), Keyring::default()).await;
    let second: Vec<Record> = all
        .iter()
        .filter(|record| record.segment == 2)
        .cloned()
        .collect();
    let (first, last) = (second.first().unwrap().time, second.last().unwrap().time);
    // The others are damaged, which would show.
    for number in [1, 3] {
        fs::write(stored.path(number), b"damaged").unwrap();
    }
    let span = TimeSpan { first, last };
    assert_eq!(
        stored.records(Query::span(span), Keyring::default()).await,
        second
    );
    let before = TimeSpan {
        first: Timestamp(0),
        last: Timestamp(BEGIN - 1),
    };
    assert_eq!(
        stored
            .records(Query::span(before), Keyring::default())
            .await,
        []
    );
}

#[tokio::test]
async fn damaged_segment_is_named_and_the_others_are_read() {
    let stored = Stored::new(None).await;
    let good = fs::read(stored.path(2)).unwrap();
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x10;
    for damage in [
        b"damaged".to_vec(),
        good[..good.len() - 9].to_vec(),
        flipped,
        Vec::new(),
    ] {
        fs::write(stored.path(2), &damage).unwrap();
        let read = stored.read(Query::all(), Keyring::default()).await;
        let (records, errors): (Vec<_>, Vec<_>) = read.into_iter().partition(Result::is_ok);
        let records: Vec<Record> = records.into_iter().map(Result::unwrap).collect();
        assert_eq!(operations(&records), [0, 1, 2, 3, 8, 9, 10, 11]);
        assert!(
            matches!(errors[..], [Err(ReadError::Damaged { .. })]),
            "{errors:?}"
        );
        let report = stored.verify().await;
        let found = &report.writers[0].findings;
        assert!(
            matches!(found[..], [Finding::SegmentUnreadable { segment: 2, .. }]),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn bombs_and_oversized_objects_are_named() {
    let stored = Stored::new(None).await;
    let bomb = zstd::encode_all(&vec![0; MAX_SEGMENT_LEN as usize + 1][..], 1).unwrap();
    fs::write(stored.path(1), bomb).unwrap();
    let large = fs::File::create(stored.path(3)).unwrap();
    large.set_len(MAX_SEALED_LEN + 1).unwrap();
    let errors: Vec<String> = stored
        .read(Query::all(), Keyring::default())
        .await
        .into_iter()
        .filter_map(|read| read.err().map(|error| error.to_string()))
        .collect();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(
        errors[0].ends_with("unfolds to more than 67108864 bytes"),
        "{errors:?}"
    );
    assert!(
        errors[1].ends_with("more than the limit of 67372032"),
        "{errors:?}"
    );
}

#[tokio::test]
async fn encrypted_session_is_read_with_the_private_key_only() {
    let private = RecipientPrivateKey::generate().unwrap();
    let stored = Stored::new(Some(&private)).await;
    let without = stored
        .records(Query::session(session(1)), Keyring::default())
        .await;
    assert_eq!(without.len(), 8);
    let recipient = private.public().id();
    for record in &without {
        let Payload::Unreadable { why, .. } = &record.payload else {
            panic!("{record:?}")
        };
        assert_eq!(*why, Unreadable::Key(KeyError::NoPrivateKey { recipient }));
    }
    let other = RecipientPrivateKey::generate().unwrap();
    let keys = Keyring::new([other, private]);
    let with = stored.records(Query::session(session(1)), keys).await;
    assert_eq!(operations(&with), [0, 2, 4, 6, 8, 10]);
    // Nothing of a session is in the clear.
    for (name, object) in files(stored.folder.path()) {
        let raw = portcullis_recording::seal::unseal(&object).unwrap_or(object);
        let clear = |text: &[u8]| raw.windows(text.len()).any(|window| window == text);
        assert!(!clear(b"orders") && !clear(b"subject 1"), "{name}");
    }
    assert_eq!(stored.verify().await.verdict(), Verdict::Intact);
}

#[tokio::test]
async fn destroying_a_key_destroys_exactly_that_session_and_is_named() {
    let private = RecipientPrivateKey::generate().unwrap();
    let secret = private.secret_bytes().unwrap();
    let keys = || Keyring::new([RecipientPrivateKey::from_bytes(&secret).unwrap()]);
    let stored = Stored::new(Some(&private)).await;
    let writer = stored.spooled.writer.id().clone();
    stored
        .recordings()
        .destroy_session(&writer, &session(1))
        .await
        .unwrap();
    let again = stored
        .recordings()
        .destroy_session(&writer, &session(1))
        .await;
    assert!(
        matches!(again, Err(ReadError::Store(StoreError::NotFound { .. }))),
        "{again:?}"
    );

    let gone = stored.records(Query::session(session(1)), keys()).await;
    assert_eq!(gone.len(), 8);
    let missing = Unreadable::Key(KeyError::Missing);
    let all_missing = gone.iter().all(
        |record| matches!(&record.payload, Payload::Unreadable { why, .. } if *why == missing),
    );
    assert!(all_missing);
    let kept = stored.records(Query::session(session(2)), keys()).await;
    assert_eq!(operations(&kept), [1, 3, 5, 7, 9, 11]);
    let report = stored.verify().await;
    assert_eq!(
        report.writers[0].findings,
        [Finding::KeyMissing {
            session: session(1)
        }]
    );
    // Only to who does not know that it was meant.
    let mut trust = stored.trust();
    trust.destroyed.insert(session(1));
    let told = verify(&stored.recordings(), &trust).await.unwrap();
    assert_eq!(told.verdict(), Verdict::Intact);
    // A key that came back as another is no destroyed key.
    fs::write(stored.key_path(session(1)), b"another").unwrap();
    let told = verify(&stored.recordings(), &trust).await.unwrap();
    let session = session(1);
    assert_eq!(told.writers[0].findings, [Finding::KeyChanged { session }]);
}

#[tokio::test]
async fn replaced_session_key_is_named() {
    let private = RecipientPrivateKey::generate().unwrap();
    let secret = private.secret_bytes().unwrap();
    let keys = || Keyring::new([RecipientPrivateKey::from_bytes(&secret).unwrap()]);
    let stored = Stored::new(Some(&private)).await;
    // The key of session 2 in the place of that of session 1, then something longer.
    let other = fs::read(stored.key_path(session(2))).unwrap();
    let why = |records: &[Record]| match &records[0].payload {
        Payload::Unreadable { why, .. } => why.clone(),
        Payload::Event(event) => panic!("{event:?}"),
    };
    fs::write(stored.key_path(session(1)), &other).unwrap();
    let read = stored.records(Query::session(session(1)), keys()).await;
    assert_eq!(
        why(&read),
        Unreadable::Key(CryptError::WrappedKeyChanged.into())
    );
    let changed = [Finding::KeyChanged {
        session: session(1),
    }];
    assert_eq!(stored.verify().await.writers[0].findings, changed);

    for more in [1, 2, 100_000] {
        let longer = [other.as_slice(), &vec![b'x'; more]].concat();
        fs::write(stored.key_path(session(1)), longer).unwrap();
        let read = stored.records(Query::session(session(1)), keys()).await;
        let refused = CryptError::InvalidWrappedKey("wrong length");
        assert_eq!(why(&read), Unreadable::Key(refused.into()));
        assert_eq!(stored.verify().await.writers[0].findings, changed);
    }
}

/// Opening a pipe waits for who writes to it, which may be for ever.
#[tokio::test]
async fn pipe_in_the_place_of_a_key_is_named_and_nobody_waits_for_it() {
    let private = RecipientPrivateKey::generate().unwrap();
    let stored = Stored::new(Some(&private)).await;
    let path = stored.key_path(session(1));
    fs::remove_file(&path).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    let report = tokio::time::timeout(Duration::from_secs(20), stored.verify()).await;
    // Lets go of who waits all the same, or this test would not end either.
    let _pipe = fs::OpenOptions::new().read(true).write(true).open(&path);
    let session = session(1);
    assert_eq!(
        report.unwrap().writers[0].findings,
        [Finding::KeyMissing { session }]
    );
}

#[tokio::test]
async fn misnamed_and_repeated_objects_are_named() {
    let stored = Stored::new(None).await;
    // The name says other times, so that a query would pass the segment over.
    let path = stored.path(2);
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut segment = SegmentName::parse(&name).unwrap();
    let mut content = segment.sealed.unwrap();
    content.span = TimeSpan {
        first: Timestamp(1),
        last: Timestamp(2),
    };
    segment.sealed = Some(content);
    let moved = path.with_file_name(segment.to_string());
    fs::rename(&path, &moved).unwrap();
    let found = stored.verify().await.writers[0].findings.clone();
    assert_eq!(found, [Finding::SegmentMisnamed { segment: 2 }]);

    // Beside it another object of the same number.
    fs::copy(stored.path(3), &path).unwrap();
    let found = stored.verify().await.writers[0].findings.clone();
    assert!(
        found.contains(&Finding::SegmentRepeated { segment: 2 }),
        "{found:?}"
    );
}

#[tokio::test]
async fn writer_whose_folder_is_gone_is_seen_by_its_anchor_only() {
    let stored = Stored::new(None).await;
    let folder = stored
        .folder
        .path()
        .join(stored.spooled.writer.id().as_str());
    fs::remove_dir_all(folder).unwrap();
    let report = stored.verify().await;
    let found = &report.writers[0].findings;
    assert!(
        matches!(found[..], [Finding::TailMissing { last: 0, .. }]),
        "{found:?}"
    );
    let alone = verify(&stored.recordings(), &Trust::default())
        .await
        .unwrap();
    assert_eq!(
        (alone.writers.len(), alone.verdict()),
        (0, Verdict::Uncovered)
    );
}

#[tokio::test]
async fn spool_can_be_read_while_it_is_written() {
    let spooled = Spooled::filled(2, None);
    let recordings = Recordings::new(Store::directory(spooled.spool.path()).unwrap());
    let mut events = recordings.events(Query::session(session(1)), Keyring::default());
    let mut records = Vec::new();
    while let Some(next) = events.next().await {
        records.push(next.unwrap());
    }
    assert_eq!(operations(&records), (0..12).collect::<Vec<_>>());
    let key = SigningKey::from_pem(&spooled.key).unwrap().public();
    let anchors = spooled.writer.head().into_iter().collect();
    let trust = Trust {
        keys: [key].into_iter().collect(),
        anchors,
        ..Trust::default()
    };
    let report = verify(&recordings, &trust).await.unwrap();
    // The start of the open segment alone is not signed yet.
    let last = report.writers[0].last;
    assert_eq!(
        report.writers[0].findings,
        [Finding::Unsigned {
            from: last,
            to: last
        }]
    );
}
