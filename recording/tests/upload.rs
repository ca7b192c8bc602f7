//! Uploads into a directory: what leaves the spool, when, and what stays.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::string_slice,
    clippy::cast_possible_truncation,
    reason = "a test"
)]

mod record;

use std::fs;
use std::path::PathBuf;

use portcullis_recording::event::Stream;
use portcullis_recording::layout::{SegmentName, TimeSpan, key_name};
use portcullis_recording::seal::{MAX_SEALED_LEN, Unsealer, is_closed, span_of};
use portcullis_recording::store::{Store, StoreError};
use portcullis_recording::upload::{Confirmation, Pass, UploadError, Uploader};
use record::{Recorder, files, session, terminal};
use tempfile::TempDir;

struct Place {
    spool: TempDir,
    store: TempDir,
}

impl Place {
    fn new(recorder: &Recorder) -> Self {
        let place = Self {
            spool: TempDir::new().unwrap(),
            store: TempDir::new().unwrap(),
        };
        recorder.write(place.spool.path());
        place
    }

    fn folder(&self) -> PathBuf {
        self.spool.path().join("w")
    }

    async fn pass(&self) -> Pass {
        let store = Store::directory(self.store.path()).unwrap();
        let writer = "w".parse().unwrap();
        Uploader::new(self.folder(), &writer, store, Confirmation::ReadBack)
            .pass()
            .await
    }

    fn sealed_name(recorder: &Recorder, number: u64) -> String {
        let span = span_of(&recorder.segments[number as usize - 1]);
        SegmentName {
            number,
            sealed: Some(span),
        }
        .to_string()
    }
}

fn unseal(bytes: &[u8]) -> Vec<u8> {
    let (mut unsealer, mut input, mut all) = (Unsealer::new().unwrap(), bytes, Vec::new());
    let mut out = vec![0; 1 << 16];
    loop {
        let len = unsealer.pull(&mut input, &mut out).unwrap();
        all.extend_from_slice(&out[..len]);
        if len == 0 && input.is_empty() {
            unsealer.finish().unwrap();
            return all;
        }
    }
}

#[tokio::test]
async fn closed_segments_and_keys_arrive_and_leave_the_spool() {
    let recorder = Recorder::filled("w", 3, 8);
    let place = Place::new(&recorder);
    fs::write(place.folder().join(key_name(&session(1))), b"wrapped").unwrap();
    let pass = place.pass().await;
    assert!(pass.failures.is_empty(), "{:?}", pass.failures);
    assert_eq!((pass.uploaded, pass.pending, pass.pending_bytes), (4, 0, 0));
    assert_eq!(files(place.spool.path()), [].into());

    let stored = files(place.store.path());
    assert_eq!(stored.len(), 4);
    assert_eq!(
        pass.uploaded_bytes,
        stored.values().map(|bytes| bytes.len() as u64).sum::<u64>()
    );
    assert_eq!(stored[&format!("w/{}", key_name(&session(1)))], b"wrapped");
    for number in 1..=3 {
        let object = &stored[&format!("w/{}", Place::sealed_name(&recorder, number))];
        assert_eq!(unseal(object), recorder.segments[number as usize - 1]);
    }
    // A second pass has nothing to do.
    let again = place.pass().await;
    assert_eq!(
        (again.uploaded, again.pending, again.failures.len()),
        (0, 0, 0)
    );
}

#[tokio::test]
async fn open_segment_stays_until_it_is_closed() {
    let mut recorder = Recorder::filled("w", 1, 2);
    recorder.start();
    recorder.event(session(1), record::operation(1));
    recorder.leave();
    let place = Place::new(&recorder);
    let open = SegmentName::open(2).to_string();
    assert_eq!(place.pass().await.uploaded, 1);
    assert_eq!(files(&place.folder()).keys().collect::<Vec<_>>(), [&open]);

    // A later segment closes it, with or without a seal.
    fs::write(place.folder().join(SegmentName::open(3).to_string()), b"").unwrap();
    assert_eq!(place.pass().await.uploaded, 1);
    let left = files(&place.folder());
    assert_eq!(
        left.keys().collect::<Vec<_>>(),
        [&SegmentName::open(3).to_string()]
    );
}

/// Content chosen so that the file's last bytes look like a seal must not make the uploader
/// take away the file that the writer still writes to.
#[test]
fn content_that_looks_like_a_seal_closes_nothing() {
    let mut recorder = Recorder::filled("w", 1, 2);
    let sealed = recorder.segments[0].clone();
    recorder.start();
    let seal = &sealed[sealed.len() - 158..];
    recorder.event(session(1), terminal(Stream::Output, &seal[..150]));
    recorder.leave();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.seg");
    for (bytes, closed) in [
        (&recorder.segments[0], true),
        (&recorder.segments[1], false),
        // The strongest form: the very bytes of a real seal at the end.
        (&[recorder.segments[1].as_slice(), seal].concat(), false),
    ] {
        fs::write(&path, bytes).unwrap();
        assert_eq!(is_closed(&path).unwrap(), closed);
    }
    // The first case shows that 158 bytes are a whole seal.
    assert_eq!(
        u32::from_le_bytes(*seal.first_chunk().unwrap()) as usize,
        seal.len() - 4
    );
}

#[tokio::test]
async fn other_object_under_the_name_is_an_error_and_stops_nothing_else() {
    let recorder = Recorder::filled("w", 3, 4);
    let place = Place::new(&recorder);
    let name = Place::sealed_name(&recorder, 2);
    for other in [b"short".to_vec(), vec![7; MAX_SEALED_LEN as usize / 64]] {
        fs::create_dir_all(place.store.path().join("w")).unwrap();
        fs::write(place.store.path().join("w").join(&name), &other).unwrap();
        let pass = place.pass().await;
        assert_eq!((pass.pending, pass.failures.len()), (1, 1));
        assert!(matches!(pass.failures[0].error, UploadError::OtherObject));
        // Nothing was replaced, and ours is still here.
        assert_eq!(files(place.store.path())[&format!("w/{name}")], other);
        assert_eq!(unseal(&files(&place.folder())[&name]), recorder.segments[1]);
    }
    assert_eq!(files(place.store.path()).len(), 3);
}

#[tokio::test]
async fn same_object_there_already_counts_as_confirmed() {
    let recorder = Recorder::filled("w", 1, 4);
    let first = Place::new(&recorder);
    first.pass().await;
    let second = Place::new(&recorder);
    let name = Place::sealed_name(&recorder, 1);
    fs::create_dir_all(second.store.path().join("w")).unwrap();
    let object = &files(first.store.path())[&format!("w/{name}")];
    fs::write(second.store.path().join("w").join(&name), object).unwrap();
    let pass = second.pass().await;
    assert_eq!(
        (pass.uploaded, pass.pending, pass.failures.len()),
        (1, 0, 0)
    );
    assert_eq!(files(second.spool.path()), [].into());
}

/// What a crash may leave at each step between a closed segment and its removal.
#[tokio::test]
async fn restart_goes_on_from_every_step() {
    let recorder = Recorder::filled("w", 1, 40);
    let (raw, sealed) = (
        SegmentName::open(1).to_string(),
        Place::sealed_name(&recorder, 1),
    );
    let done = Place::new(&recorder);
    done.pass().await;
    let object = files(done.store.path())[&format!("w/{sealed}")].clone();
    let partial = format!("{sealed}.partial");
    let raw_bytes = recorder.segments[0].clone();
    let steps: [&[(&str, &[u8])]; 5] = [
        &[(&raw, &raw_bytes), (&partial, &object[..20])],
        &[(&raw, &raw_bytes), (&sealed, &object)],
        // A sealed form that the disk damaged is made anew from the raw one.
        &[(&raw, &raw_bytes), (&sealed, &object[..20])],
        &[(&raw, &raw_bytes), (&sealed, b"")],
        &[(&sealed, &object)],
    ];
    for (step, left) in steps.iter().enumerate() {
        let place = Place::new(&Recorder::new("w"));
        for (name, bytes) in *left {
            fs::write(place.folder().join(name), bytes).unwrap();
        }
        let pass = place.pass().await;
        assert_eq!(
            (pass.uploaded, pass.pending, pass.failures.len()),
            (1, 0, 0),
            "step {step}"
        );
        assert_eq!(
            unseal(&files(place.store.path())[&format!("w/{sealed}")]),
            raw_bytes
        );
        assert_eq!(files(place.spool.path()), [].into(), "step {step}");
    }
}

#[tokio::test]
async fn damaged_segment_is_kept_as_evidence_and_found_at_any_time() {
    let mut recorder = Recorder::filled("w", 2, 4);
    recorder.segments[0][100] ^= 1;
    recorder.segments[0].truncate(300);
    let place = Place::new(&recorder);
    let pass = place.pass().await;
    assert_eq!((pass.uploaded, pass.failures.len()), (2, 0));
    let name = SegmentName {
        number: 1,
        sealed: Some(TimeSpan::ALL),
    };
    assert_eq!(
        unseal(&files(place.store.path())[&format!("w/{name}")]),
        recorder.segments[0]
    );
}

#[tokio::test]
async fn vanished_store_is_an_outage_and_removes_nothing() {
    let recorder = Recorder::filled("w", 3, 4);
    let place = Place::new(&recorder);
    let store = Store::directory(place.store.path()).unwrap();
    // A file where the store's folder should be.
    fs::write(place.store.path().join("w"), b"").unwrap();
    let writer = "w".parse().unwrap();
    let uploader = Uploader::new(place.folder(), &writer, store, Confirmation::ReadBack);
    let pass = uploader.pass().await;
    assert_eq!(
        (pass.uploaded, pass.pending, pass.failures.len()),
        (0, 3, 1)
    );
    let error = &pass.failures[0].error;
    assert!(
        matches!(error, UploadError::Store(StoreError::Unavailable { .. })),
        "{error}"
    );
    assert_eq!(files(&place.folder()).len(), 3);
}
