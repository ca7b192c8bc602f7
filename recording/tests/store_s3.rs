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
mod spooled;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use portcullis_recording::checkpoint::SigningKey;
use portcullis_recording::crypt::{RecipientPrivateKey, WRAPPED_KEY_LEN};
use portcullis_recording::layout::{SegmentName, key_name};
use portcullis_recording::reader::{Keyring, Payload, Query, Recordings};
use portcullis_recording::seal::unseal;
use portcullis_recording::store::{Store, StoreError};
use portcullis_recording::upload::{Backoff, Confirmation, UploadError, Uploader};
use portcullis_recording::verify::{Trust, Verdict, verify};
use record::{files, session};
use s3::Server;
use spooled::{Spooled, refused, until};

#[test]
#[ignore = "the server process that the other tests start"]
fn s3_server_process() {
    s3::serve();
}

fn uploader(spooled: &Spooled, store: Store, confirmation: Confirmation) -> Uploader {
    Uploader::new(Arc::clone(&spooled.writer), store, confirmation)
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
    let absent = store.read("w/2", 4).await;
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
    let spooled = Spooled::filled(2, None);
    let store = server.store_as("x", "wrong");
    let worker = uploader(&spooled, store, Confirmation::ReadBack);
    let error = refused(&spooled, &worker, 2).await;
    assert!(
        matches!(error, UploadError::Store(StoreError::Denied { .. })),
        "{error}"
    );
}

/// The server is killed after some objects arrived and comes back on the same port and folder.
/// At each look, what is missing here must be in the bucket.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outage_in_the_middle_loses_nothing_and_all_arrives() {
    const SEGMENTS: u64 = 40;
    let mut server = Server::start();
    let private = RecipientPrivateKey::generate().unwrap();
    let spooled = Spooled::filled(SEGMENTS, Some(*private.public()));
    let folder = spooled.folder();

    let worker = uploader(&spooled, server.store("p"), Confirmation::ReadBack);
    let failed = AtomicUsize::new(0);
    let stop = tokio::sync::Notify::new();
    let upload = worker.run(
        Duration::from_millis(5),
        Backoff::new(Duration::from_millis(20), Duration::from_millis(200)),
        || 0.5,
        |pass| {
            failed.fetch_add(pass.failures.len(), Ordering::SeqCst);
        },
        stop.notified(),
    );
    let outage = async {
        until(|| complete_segments(&files(&server.bucket())).len() >= 5).await;
        server.kill();
        // What was confirmed in time may still be given up, until the outage is noticed.
        until(|| failed.load(Ordering::SeqCst) >= 1).await;
        // The open segment is here too. Not all got away, and what did is there whole.
        let here: BTreeSet<u64> = files(&folder)
            .keys()
            .filter_map(|name| number(name))
            .collect();
        assert!(here.len() > 1, "the outage came too late");
        let there = complete_segments(&files(&server.bucket()));
        for segment in (1..=SEGMENTS).filter(|segment| !here.contains(segment)) {
            assert!(there.contains(&segment), "segment {segment} is nowhere");
        }
        until(|| failed.load(Ordering::SeqCst) >= 4).await;
        let later: BTreeSet<u64> = files(&folder)
            .keys()
            .filter_map(|name| number(name))
            .collect();
        assert_eq!(later, here, "removed during the outage");
        server.restart();
        stop.notify_one();
    };
    let both = async { tokio::join!(upload, outage) };
    tokio::time::timeout(Duration::from_secs(120), both)
        .await
        .expect("everything arrives");

    assert_eq!(files(&folder).len(), 1, "the open segment alone is left");
    let there = files(&server.bucket());
    assert_eq!(complete_segments(&there), (1..=SEGMENTS).collect());
    let key = format!("p/{}/{}", spooled.writer.id(), key_name(&session(1)));
    assert_eq!(there[&key].len(), WRAPPED_KEY_LEN);

    // From the bucket it reads back whole, decrypts and verifies.
    let recordings = Recordings::new(server.store("p"));
    let mut events = recordings.events(Query::session(session(1)), Keyring::new([private]));
    let mut count = 0;
    while let Some(next) = events.next().await {
        assert!(matches!(next.unwrap().payload, Payload::Event(_)));
        count += 1;
    }
    assert_eq!(count, SEGMENTS * 6 + 1);
    let keys = [SigningKey::from_pem(&spooled.key).unwrap().public()];
    let anchors = spooled.writer.head().into_iter().collect();
    let trust = Trust {
        keys: keys.into_iter().collect(),
        anchors,
        ..Trust::default()
    };
    assert_eq!(
        verify(&recordings, &trust).await.unwrap().verdict(),
        Verdict::Intact
    );
}

/// An answer that was lost: the object arrived, the spool still holds it.
#[tokio::test]
async fn object_that_arrived_unheard_is_compared_and_then_removed() {
    let server = Server::start();
    for (prefix, confirmation) in [("a", Confirmation::ReadBack), ("b", Confirmation::Answer)] {
        let mut spooled = Spooled::filled(1, None);
        let raw = spooled.folder().join("00000000000000000001.seg");
        let bytes = std::fs::read(&raw).unwrap();
        for _ in 0..2 {
            let worker = uploader(&spooled, server.store(prefix), confirmation);
            let pass = worker.pass().await;
            assert!(pass.uploaded > 0 && pass.failures.is_empty(), "{pass:?}");
            drop(worker);
            std::fs::write(&raw, &bytes).unwrap();
            spooled = spooled.reopen();
        }
        // The same name with other content: never taken for ours.
        let (name, object) = files(&server.bucket())
            .into_iter()
            .find(|(name, _)| name.starts_with(prefix) && number(name) == Some(1))
            .unwrap();
        std::fs::write(server.bucket().join(&name), vec![0; object.len()]).unwrap();
        let pass = uploader(&spooled, server.store(prefix), confirmation)
            .pass()
            .await;
        assert!(
            matches!(pass.failures[0].error, UploadError::OtherObject),
            "{pass:?}"
        );
        assert!(raw.exists());
    }
}

fn number(name: &str) -> Option<u64> {
    let file = name.rsplit('/').next()?;
    SegmentName::parse(file).map(|segment| segment.number)
}

/// The segments whose objects decompress to the end.
fn complete_segments(objects: &BTreeMap<String, Vec<u8>>) -> BTreeSet<u64> {
    let whole = objects.iter().filter(|(_, bytes)| unseal(bytes).is_ok());
    whole.filter_map(|(name, _)| number(name)).collect()
}
