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
use std::path::{Path, PathBuf};

use portcullis_recording::event::Stream;
use portcullis_recording::layout::{Content, SegmentName, TimeSpan, key_name};
use portcullis_recording::seal::{MAX_SEALED_LEN, is_closed, unseal};
use portcullis_recording::store::{Store, StoreError};
use portcullis_recording::upload::{Confirmation, MAX_SEALS_PER_PASS, Pass, UploadError, Uploader};
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
        let content = Content::of(&recorder.segments[number as usize - 1]);
        SegmentName {
            number,
            sealed: Some(content),
        }
        .to_string()
    }
}

/// The files of a spool that has nothing to send: what the chain can go on from.
fn resting(numbers: &[u64]) -> Vec<String> {
    let both = |number: &u64| [format!("{number:020}.seg"), format!("{number:020}.sent")];
    numbers.iter().flat_map(both).collect()
}

fn names(folder: &Path) -> Vec<String> {
    files(folder).into_keys().collect()
}

#[tokio::test]
async fn closed_segments_and_keys_arrive_and_leave_the_spool() {
    let recorder = Recorder::filled("w", 4, 8);
    let place = Place::new(&recorder);
    fs::write(place.folder().join(key_name(&session(1))), b"wrapped").unwrap();
    let pass = place.pass().await;
    assert!(pass.failures.is_empty(), "{:?}", pass.failures);
    assert_eq!((pass.uploaded, pass.pending, pass.pending_bytes), (5, 0, 0));
    assert_eq!(names(&place.folder()), resting(&[3, 4]));
    let left = recorder.segments[2].len() + recorder.segments[3].len();
    assert_eq!(pass.folder_bytes, left as u64);

    let stored = files(place.store.path());
    assert_eq!(stored.len(), 5);
    assert_eq!(
        pass.uploaded_bytes,
        stored.values().map(|bytes| bytes.len() as u64).sum::<u64>()
    );
    assert_eq!(stored[&format!("w/{}", key_name(&session(1)))], b"wrapped");
    for number in 1..=4 {
        let object = &stored[&format!("w/{}", Place::sealed_name(&recorder, number))];
        assert_eq!(
            unseal(object).unwrap(),
            recorder.segments[number as usize - 1]
        );
    }
    // A second pass has nothing to do.
    let again = place.pass().await;
    assert_eq!(
        (again.uploaded, again.pending, again.failures.len()),
        (0, 0, 0)
    );
}

#[tokio::test]
async fn raw_form_goes_once_two_later_segments_exist() {
    let mut recorder = Recorder::filled("w", 2, 4);
    let place = Place::new(&recorder);
    place.pass().await;
    assert_eq!(names(&place.folder()), resting(&[1, 2]));
    for number in 3..=4 {
        recorder.start();
        recorder.seal();
        let raw = place.folder().join(SegmentName::open(number).to_string());
        fs::write(raw, recorder.segments.last().unwrap()).unwrap();
        assert_eq!(place.pass().await.uploaded, 1);
        assert_eq!(names(&place.folder()), resting(&[number - 1, number]));
    }
    assert_eq!(files(place.store.path()).len(), 4);
}

#[tokio::test]
async fn segment_without_a_seal_stays_while_its_writer_may_go_on_with_it() {
    let mut recorder = Recorder::filled("w", 1, 2);
    recorder.start();
    recorder.event(session(1), record::operation(1));
    recorder.leave();
    let place = Place::new(&recorder);
    let open = |number| SegmentName::open(number).to_string();
    assert_eq!(place.pass().await.uploaded, 1);
    assert_eq!(
        names(&place.folder()),
        [resting(&[1]), vec![open(2)]].concat()
    );

    fs::write(place.folder().join(open(3)), b"").unwrap();
    assert_eq!(place.pass().await.uploaded, 0);
    assert_eq!(names(&place.folder()), [open(2), open(3)]);
    fs::write(place.folder().join(open(4)), b"").unwrap();
    assert_eq!(place.pass().await.uploaded, 1);
    assert_eq!(names(&place.folder()), [open(3), open(4)]);
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
    let recorder = Recorder::filled("w", 4, 4);
    let place = Place::new(&recorder);
    let name = Place::sealed_name(&recorder, 2);
    for other in [b"short".to_vec(), vec![7; MAX_SEALED_LEN as usize + 1]] {
        fs::create_dir_all(place.store.path().join("w")).unwrap();
        fs::write(place.store.path().join("w").join(&name), &other).unwrap();
        let pass = place.pass().await;
        assert_eq!((pass.pending, pass.failures.len()), (1, 1));
        assert!(matches!(pass.failures[0].error, UploadError::OtherObject));
        // Nothing was replaced, and ours is still here.
        assert!(files(place.store.path())[&format!("w/{name}")] == other);
        assert_eq!(
            unseal(&files(&place.folder())[&name]).unwrap(),
            recorder.segments[1]
        );
    }
    assert_eq!(files(place.store.path()).len(), 4);
}

#[tokio::test]
async fn same_content_there_already_counts_as_confirmed_however_it_is_packed() {
    let recorder = Recorder::filled("w", 1, 4);
    let name = Place::sealed_name(&recorder, 1);
    for level in [1, 19] {
        let place = Place::new(&recorder);
        fs::create_dir_all(place.store.path().join("w")).unwrap();
        let object = zstd::encode_all(recorder.segments[0].as_slice(), level).unwrap();
        fs::write(place.store.path().join("w").join(&name), object).unwrap();
        let pass = place.pass().await;
        assert_eq!(
            (pass.uploaded, pass.pending, pass.failures.len()),
            (1, 0, 0)
        );
        assert_eq!(names(&place.folder()), resting(&[1]));
    }
}

/// What a crash may leave at each step between a closed segment and its removal.
#[tokio::test]
async fn restart_goes_on_from_every_step() {
    let recorder = Recorder::filled("w", 3, 40);
    let (raw, sealed) = (
        SegmentName::open(1).to_string(),
        Place::sealed_name(&recorder, 1),
    );
    let done = Place::new(&recorder);
    done.pass().await;
    let object = files(done.store.path())[&format!("w/{sealed}")].clone();
    let (partial, mark) = (format!("{sealed}.partial"), resting(&[1])[1].clone());
    let raw_bytes = recorder.segments[0].clone();
    // The files left, and whether the object is in the store already.
    let steps: [(&[(&str, &[u8])], bool); 8] = [
        (&[(&raw, &raw_bytes), (&partial, &object[..20])], false),
        (&[(&raw, &raw_bytes), (&sealed, &object)], false),
        // A sealed form that the disk damaged is made anew from the raw one.
        (&[(&raw, &raw_bytes), (&sealed, &object[..20])], false),
        (&[(&raw, &raw_bytes), (&sealed, b"")], false),
        (&[(&sealed, &object)], false),
        (&[(&raw, &raw_bytes), (&sealed, &object)], true),
        (
            &[(&raw, &raw_bytes), (&sealed, &object), (&mark, b"")],
            true,
        ),
        (&[(&sealed, &object), (&mark, b"")], true),
    ];
    for (step, (left, sent)) in steps.iter().enumerate() {
        let place = Place::new(&recorder);
        fs::remove_file(place.folder().join(&raw)).unwrap();
        for (name, bytes) in *left {
            fs::write(place.folder().join(name), bytes).unwrap();
        }
        if *sent {
            fs::create_dir_all(place.store.path().join("w")).unwrap();
            fs::write(place.store.path().join("w").join(&sealed), &object).unwrap();
        }
        // Where the mark was left beside the raw form, a second pass ends it.
        for _ in 0..2 {
            let pass = place.pass().await;
            assert_eq!((pass.pending, pass.failures.len()), (0, 0), "step {step}");
        }
        let stored = files(place.store.path());
        assert_eq!(
            unseal(&stored[&format!("w/{sealed}")]).unwrap(),
            raw_bytes,
            "step {step}"
        );
        let left = names(&place.folder());
        assert_eq!(
            left.iter()
                .filter(|name| *name != &mark && *name != &partial)
                .collect::<Vec<_>>(),
            resting(&[2, 3]).iter().collect::<Vec<_>>(),
            "step {step}"
        );
        assert!(!left.contains(&mark), "step {step}");
    }
}

#[tokio::test]
async fn damaged_segment_is_kept_as_evidence_and_found_at_any_time() {
    let mut recorder = Recorder::filled("w", 3, 4);
    recorder.segments[0][100] ^= 1;
    recorder.segments[0].truncate(300);
    let place = Place::new(&recorder);
    let pass = place.pass().await;
    assert_eq!((pass.uploaded, pass.failures.len()), (3, 0));
    let content = Content::of(&recorder.segments[0]);
    assert_eq!(content.span, TimeSpan::ALL);
    let name = SegmentName {
        number: 1,
        sealed: Some(content),
    };
    let object = &files(place.store.path())[&format!("w/{name}")];
    assert_eq!(unseal(object).unwrap(), recorder.segments[0]);
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
    // All are compressed already, and of the first only that form is left.
    let mut expected: Vec<String> = (1..=3)
        .map(|number| Place::sealed_name(&recorder, number))
        .collect();
    expected.extend((2..=3).map(|number| SegmentName::open(number).to_string()));
    expected.sort();
    assert_eq!(names(&place.folder()), expected);
}

#[tokio::test]
async fn one_pass_seals_up_to_its_bound_and_the_next_goes_on() {
    let count = MAX_SEALS_PER_PASS as u64 + 3;
    let recorder = Recorder::filled("w", count, 1);
    let place = Place::new(&recorder);
    let pass = place.pass().await;
    assert_eq!((pass.uploaded, pass.pending), (MAX_SEALS_PER_PASS, 3));
    let pass = place.pass().await;
    assert_eq!((pass.uploaded, pass.pending), (3, 0));
    assert_eq!(files(place.store.path()).len() as u64, count);
}
