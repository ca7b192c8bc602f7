//! Uploads into a real S3 server that dies in the middle.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test"
)]

mod record;
mod s3;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use portcullis_recording::layout::key_name;
use portcullis_recording::store::{Store, StoreError};
use portcullis_recording::upload::{Backoff, Confirmation, UploadError, Uploader};
use record::{Recorder, files, session};
use s3::Server;
use tempfile::TempDir;

#[test]
#[ignore = "the server process that the other tests start"]
fn s3_server_process() {
    s3::serve();
}

fn uploader(spool: &Path, store: Store, confirmation: Confirmation) -> Uploader {
    Uploader::new(spool.join("w"), &"w".parse().unwrap(), store, confirmation)
}

async fn names(store: &Store) -> BTreeSet<String> {
    store
        .list("")
        .map_ok(|entry| entry.name)
        .try_collect()
        .await
        .unwrap()
}

#[tokio::test]
async fn object_is_made_once_read_back_and_never_replaced() {
    let server = Server::start();
    let store = server.store("a/prefix");
    store
        .create("w/1", Bytes::from_static(b"first"))
        .await
        .unwrap();
    let again = store.create("w/1", Bytes::from_static(b"other")).await;
    assert!(
        matches!(again, Err(StoreError::AlreadyExists { .. })),
        "{again:?}"
    );
    assert_eq!(
        store.read("w/1", 5).await.unwrap(),
        Bytes::from_static(b"first")
    );
    let long = store.read("w/1", 4).await;
    assert!(
        matches!(
            long,
            Err(StoreError::TooLarge {
                size: 5,
                limit: 4,
                ..
            })
        ),
        "{long:?}"
    );
    let absent = store.stat("w/2").await;
    assert!(
        matches!(absent, Err(StoreError::NotFound { .. })),
        "{absent:?}"
    );
    // The prefix is below the bucket, and another prefix sees nothing of it.
    assert_eq!(files(&server.bucket())["a/prefix/w/1"], b"first");
    assert_eq!(names(&store).await, BTreeSet::from(["w/1".to_owned()]));
    assert_eq!(names(&server.store("other")).await, BTreeSet::new());
    assert_eq!(store.folders().await.unwrap(), ["w"]);
    store.destroy("w/1").await.unwrap();
    assert!(matches!(
        store.destroy("w/1").await,
        Err(StoreError::NotFound { .. })
    ));
}

#[tokio::test]
async fn wrong_credential_is_named_and_removes_nothing() {
    let server = Server::start();
    let spool = TempDir::new().unwrap();
    Recorder::filled("w", 2, 4).write(spool.path());
    let store = server.store_as("x", "wrong");
    let pass = uploader(spool.path(), store, Confirmation::ReadBack)
        .pass()
        .await;
    assert_eq!(
        (pass.uploaded, pass.pending, pass.failures.len()),
        (0, 2, 1)
    );
    let error = &pass.failures[0].error;
    assert!(
        matches!(error, UploadError::Store(StoreError::Denied { .. })),
        "{error}"
    );
    // Both are compressed, beside their raw forms.
    assert_eq!(files(spool.path()).len(), 4);
}

/// The server is killed after some objects arrived and comes back on the same port and folder.
/// Between each two looks, what is missing here must be in the bucket.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outage_in_the_middle_loses_nothing_and_all_arrives() {
    const SEGMENTS: u64 = 40;
    let mut server = Server::start();
    let spool = TempDir::new().unwrap();
    let recorder = Recorder::filled("w", SEGMENTS, 6);
    recorder.write(spool.path());
    let key = spool.path().join("w").join(key_name(&session(1)));
    std::fs::write(&key, b"wrapped").unwrap();

    // Some arrive: a pass over the whole, cut off by the kill below.
    let worker = uploader(spool.path(), server.store("p"), Confirmation::ReadBack);
    let (failed, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let stop = tokio::sync::Notify::new();
    let upload = worker.run(
        Duration::from_millis(5),
        Backoff::new(Duration::from_millis(20), Duration::from_millis(200)),
        || 0.5,
        |pass| {
            failed.fetch_add(pass.failures.len(), Ordering::SeqCst);
            done.fetch_add(pass.uploaded, Ordering::SeqCst);
        },
        stop.notified(),
    );
    let outage = async {
        let arrived = || {
            files(&server.bucket())
                .keys()
                .filter(|name| name.ends_with("zst"))
                .count()
        };
        while arrived() < 5 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        server.kill();
        // What is no longer here is there, whole; and not all of it got there.
        let (here, there) = (files(spool.path()), files(&server.bucket()));
        let complete = complete_segments(&there);
        let local: BTreeSet<u64> = here.keys().filter_map(|name| number(name)).collect();
        assert!(
            (1..SEGMENTS).contains(&(local.len() as u64)),
            "{} left",
            local.len()
        );
        for segment in (1..=SEGMENTS).filter(|segment| !local.contains(segment)) {
            assert!(complete.contains(&segment), "segment {segment} is nowhere");
        }
        while failed.load(Ordering::SeqCst) < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(
            files(spool.path()).len(),
            here.len(),
            "removed during the outage"
        );
        server.restart();
        stop.notify_one();
    };
    let both = async { tokio::join!(upload, outage) };
    tokio::time::timeout(Duration::from_secs(120), both)
        .await
        .expect("everything arrives");

    let marks = |name: &String| name.ends_with(".seg") || name.ends_with(".sent");
    let left = files(spool.path());
    assert!(
        left.len() == 4 && left.keys().all(marks),
        "{:?}",
        left.keys()
    );
    let there = files(&server.bucket());
    assert_eq!(complete_segments(&there), (1..=SEGMENTS).collect());
    assert_eq!(there[&format!("p/w/{}", key_name(&session(1)))], b"wrapped");
}

/// An answer that was lost: the object arrived, the spool still holds it.
#[tokio::test]
async fn object_that_arrived_unheard_is_compared_and_then_removed() {
    let server = Server::start();
    let spool = TempDir::new().unwrap();
    let recorder = Recorder::filled("w", 1, 4);
    recorder.write(spool.path());
    for confirmation in [Confirmation::ReadBack, Confirmation::Answer] {
        let worker = uploader(spool.path(), server.store("p"), confirmation);
        assert_eq!(worker.pass().await.uploaded, 1);
        std::fs::remove_file(spool.path().join("w/00000000000000000001.sent")).unwrap();
    }
    // The same name with other content: never taken for ours.
    let (name, object) = files(&server.bucket())
        .into_iter()
        .find(|(name, _)| name.ends_with("zst"))
        .unwrap();
    std::fs::write(server.bucket().join(&name), vec![0; object.len()]).unwrap();
    let worker = uploader(spool.path(), server.store("p"), Confirmation::ReadBack);
    let pass = worker.pass().await;
    assert!(
        matches!(pass.failures[0].error, UploadError::OtherObject),
        "{pass:?}"
    );
    assert_eq!(files(spool.path()).len(), 2);
}

fn number(name: &str) -> Option<u64> {
    let file = name.rsplit('/').next()?;
    portcullis_recording::layout::SegmentName::parse(file).map(|segment| segment.number)
}

/// The segments whose objects decompress to the end.
fn complete_segments(objects: &std::collections::BTreeMap<String, Vec<u8>>) -> BTreeSet<u64> {
    let whole = |bytes: &[u8]| zstd::decode_all(bytes).is_ok();
    objects
        .iter()
        .filter(|(_, bytes)| whole(bytes))
        .filter_map(|(name, _)| number(name))
        .collect()
}
