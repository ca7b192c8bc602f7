//! Uploads into a directory: what leaves the spool, when, and what stays.

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

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use portcullis_recording::crypt::RecipientPrivateKey;
use portcullis_recording::layout::{Content, SegmentName, key_name};
use portcullis_recording::seal::{MAX_SEALED_LEN, unseal};
use portcullis_recording::store::{Store, StoreError};
use portcullis_recording::upload::{Backoff, Confirmation, Pass, UploadError, Uploader};
use record::{files, session};
use spooled::{Spooled, refused, until};
use tempfile::TempDir;

async fn pass(spooled: &Spooled, store: &Path) -> Pass {
    uploader(spooled, store).pass().await
}

fn uploader(spooled: &Spooled, store: &Path) -> Uploader {
    let store = Store::directory(store).unwrap();
    Uploader::new(Arc::clone(&spooled.writer), store, Confirmation::ReadBack)
}

/// Raw segments in a spool, the open one last.
fn raw_segments(spooled: &Spooled) -> BTreeMap<String, Vec<u8>> {
    files(&spooled.folder())
        .into_iter()
        .filter(|(name, _)| name.ends_with(".seg"))
        .collect()
}

/// The object that a raw segment becomes.
fn object_name(spooled: &Spooled, number: u64, raw: &[u8]) -> String {
    let name = SegmentName {
        number,
        sealed: Some(Content::of(raw)),
    };
    format!("{}/{name}", spooled.writer.id())
}

#[tokio::test]
async fn sealed_segments_and_keys_arrive_and_leave_the_spool() {
    let private = RecipientPrivateKey::generate().unwrap();
    let spooled = Spooled::filled(3, Some(*private.public()));
    let store = TempDir::new().unwrap();
    let before = files(&spooled.folder());
    let done = pass(&spooled, store.path()).await;
    assert!(done.failures.is_empty(), "{:?}", done.failures);
    assert_eq!((done.uploaded, done.pending, done.pending_bytes), (4, 0, 0));
    // Only the open segment is left.
    let open = SegmentName::open(4).to_string();
    assert_eq!(
        files(&spooled.folder()).into_keys().collect::<Vec<_>>(),
        [open]
    );
    assert_eq!(spooled.writer.status().unsent, 0);

    let stored = files(store.path());
    assert_eq!(stored.len(), 4);
    assert_eq!(
        done.uploaded_bytes,
        stored.values().map(|bytes| bytes.len() as u64).sum::<u64>()
    );
    let key = key_name(&session(1));
    assert_eq!(
        stored[&format!("{}/{key}", spooled.writer.id())],
        before[&key]
    );
    for number in 1..=3 {
        let raw = &before[&SegmentName::open(number).to_string()];
        assert_eq!(
            &unseal(&stored[&object_name(&spooled, number, raw)]).unwrap(),
            raw
        );
    }
    // A second pass has nothing to do.
    let again = pass(&spooled, store.path()).await;
    assert_eq!(
        (again.uploaded, again.pending, again.failures.len()),
        (0, 0, 0)
    );
}

#[tokio::test]
async fn other_object_under_the_name_is_an_error_and_stops_nothing_else() {
    let spooled = Spooled::filled(4, None);
    let store = TempDir::new().unwrap();
    let raw = raw_segments(&spooled)[&SegmentName::open(2).to_string()].clone();
    let name = object_name(&spooled, 2, &raw);
    let path = store.path().join(&name);
    for other in [b"short".to_vec(), vec![7; MAX_SEALED_LEN as usize + 1]] {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &other).unwrap();
        let done = pass(&spooled, store.path()).await;
        assert_eq!((done.pending, done.failures.len()), (1, 1));
        assert!(matches!(done.failures[0].error, UploadError::OtherObject));
        // Nothing was replaced, and ours is still here.
        assert!(fs::read(&path).unwrap() == other);
        assert_eq!(
            raw_segments(&spooled)[&SegmentName::open(2).to_string()],
            raw
        );
    }
    assert_eq!(files(store.path()).len(), 4);
}

#[tokio::test]
async fn same_content_there_already_counts_as_confirmed_however_it_is_packed() {
    for level in [1, 19] {
        let spooled = Spooled::filled(1, None);
        let store = TempDir::new().unwrap();
        let raw = raw_segments(&spooled)[&SegmentName::open(1).to_string()].clone();
        let path = store.path().join(object_name(&spooled, 1, &raw));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, zstd::encode_all(raw.as_slice(), level).unwrap()).unwrap();
        let done = pass(&spooled, store.path()).await;
        assert_eq!(
            (done.uploaded, done.pending, done.failures.len()),
            (1, 0, 0)
        );
        assert_eq!(raw_segments(&spooled).len(), 1);
    }
}

/// A crash after the store took an object and before the spool gave it up.
#[tokio::test]
async fn restart_goes_on_where_the_last_run_was_cut_off() {
    let spooled = Spooled::filled(3, None);
    let store = TempDir::new().unwrap();
    let before = raw_segments(&spooled);
    pass(&spooled, store.path()).await;
    let folder = spooled.folder();
    for number in 2..=3 {
        let name = SegmentName::open(number).to_string();
        fs::write(folder.join(&name), &before[&name]).unwrap();
    }
    let object = object_name(&spooled, 3, &before[&SegmentName::open(3).to_string()]);
    fs::remove_file(store.path().join(&object)).unwrap();

    let spooled = spooled.reopen();
    // The segment that was open, sealed by the new run, is ready too.
    let done = pass(&spooled, store.path()).await;
    assert_eq!((done.pending, done.failures.len()), (0, 0), "{done:?}");
    let stored = files(store.path());
    for number in 1..=3 {
        let raw = &before[&SegmentName::open(number).to_string()];
        assert_eq!(
            &unseal(&stored[&object_name(&spooled, number, raw)]).unwrap(),
            raw
        );
    }
    assert_eq!(raw_segments(&spooled).len(), 1);
}

#[tokio::test]
async fn progress_tells_the_last_segment_and_the_last_that_the_store_has() {
    let progress = |spooled: &Spooled| {
        let progress = spooled.writer.progress().unwrap();
        (progress.last, progress.stored)
    };
    let store = TempDir::new().unwrap();
    assert_eq!(progress(&Spooled::new(None)), (0, 0));
    let mut spooled = Spooled::filled(3, None);
    // The fourth is open, and nothing is in it.
    assert_eq!(progress(&spooled), (3, 0));
    pass(&spooled, store.path()).await;
    assert_eq!(progress(&spooled), (3, 3));
    spooled.append(session(1), record::operation(100));
    assert_eq!(progress(&spooled), (4, 3));
    spooled.seal();
    assert_eq!(progress(&spooled), (4, 3));
    // What an earlier run left is known by its number; the new one begins with a word of its own.
    let spooled = spooled.reopen();
    assert_eq!(progress(&spooled), (5, 3));
    pass(&spooled, store.path()).await;
    assert_eq!(progress(&spooled), (5, 4));
}

#[tokio::test]
async fn vanished_store_is_an_outage_and_removes_nothing() {
    let spooled = Spooled::filled(3, None);
    let store = TempDir::new().unwrap();
    // A file where the writer's folder should be.
    fs::write(store.path().join(spooled.writer.id().as_str()), b"").unwrap();
    let error = refused(&spooled, &uploader(&spooled, store.path()), 3).await;
    assert!(
        matches!(error, UploadError::Store(StoreError::Unavailable { .. })),
        "{error}"
    );
}

#[tokio::test]
async fn damaged_file_of_the_spool_is_named_and_kept() {
    let spooled = Spooled::filled(2, None);
    let store = TempDir::new().unwrap();
    let path = spooled.folder().join(SegmentName::open(1).to_string());
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(portcullis_recording::seal::MAX_SEGMENT_LEN + 1)
        .unwrap();
    let done = pass(&spooled, store.path()).await;
    assert_eq!((done.uploaded, done.failures.len()), (1, 1));
    assert!(
        matches!(done.failures[0].error, UploadError::TooLarge { .. }),
        "{done:?}"
    );
    assert!(path.exists());
}

#[tokio::test]
async fn run_goes_on_until_nothing_is_left_once_it_is_stopped() {
    let spooled = Spooled::filled(3, None);
    let store = TempDir::new().unwrap();
    let blocked = store.path().join(spooled.writer.id().as_str());
    fs::write(&blocked, b"").unwrap();
    let passes = AtomicUsize::new(0);
    let worker = uploader(&spooled, store.path());
    let run = worker.run(
        Duration::from_secs(3600),
        Backoff::new(Duration::from_millis(1), Duration::from_millis(2)),
        || 1.0,
        // The store comes back after three passes, though the stop came ahead of the first.
        |_| {
            if passes.fetch_add(1, Ordering::SeqCst) == 2 {
                fs::remove_file(&blocked).unwrap();
            }
        },
        std::future::ready(()),
    );
    tokio::time::timeout(Duration::from_secs(60), run)
        .await
        .unwrap();
    assert!(passes.load(Ordering::SeqCst) >= 4);
    assert_eq!(files(store.path()).len(), 3);
    assert_eq!(raw_segments(&spooled).len(), 1);
}

#[tokio::test]
async fn object_that_is_stuck_holds_up_no_other() {
    let mut spooled = Spooled::filled(1, None);
    let store = TempDir::new().unwrap();
    let raw = raw_segments(&spooled)[&SegmentName::open(1).to_string()].clone();
    let path = store.path().join(object_name(&spooled, 1, &raw));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, b"other").unwrap();
    let worker = uploader(&spooled, store.path());
    let (tried, passes) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let uploaded = AtomicUsize::new(0);
    let stop = tokio::sync::Notify::new();
    let run = worker.run(
        Duration::from_millis(2),
        // What is stuck is tried again after an hour, at the earliest.
        Backoff::new(Duration::from_secs(7200), Duration::from_secs(7200)),
        || 0.0,
        |pass| {
            tried.fetch_add(pass.failures.len(), Ordering::SeqCst);
            uploaded.fetch_add(pass.uploaded, Ordering::SeqCst);
            passes.fetch_add(1, Ordering::SeqCst);
        },
        stop.notified(),
    );
    let others = async {
        until(|| passes.load(Ordering::SeqCst) >= 3).await;
        spooled.append(session(1), record::operation(99));
        spooled.seal();
        until(|| uploaded.load(Ordering::SeqCst) >= 1).await;
    };
    tokio::select! {
        () = run => panic!("it was not stopped"),
        done = tokio::time::timeout(Duration::from_secs(60), others) => done.unwrap(),
    }
    assert_eq!(tried.load(Ordering::SeqCst), 1);
    assert_eq!(fs::read(&path).unwrap(), b"other");
}

#[tokio::test]
async fn object_that_can_never_go_holds_up_neither_the_others_nor_the_end() {
    let spooled = Spooled::filled(3, None);
    let store = TempDir::new().unwrap();
    let raw = raw_segments(&spooled)[&SegmentName::open(2).to_string()].clone();
    let path = store.path().join(object_name(&spooled, 2, &raw));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, b"other").unwrap();
    let passes = AtomicUsize::new(0);
    let stop = tokio::sync::Notify::new();
    let worker = uploader(&spooled, store.path());
    let run = worker.run(
        Duration::from_millis(1),
        // Were it taken for an outage, the second pass would never come.
        Backoff::new(Duration::from_secs(3600), Duration::from_secs(3600)),
        || 1.0,
        |pass| {
            assert!(!pass.outage);
            if passes.fetch_add(1, Ordering::SeqCst) == 3 {
                stop.notify_one();
            }
        },
        stop.notified(),
    );
    tokio::time::timeout(Duration::from_secs(60), run)
        .await
        .unwrap();
    let left: Vec<String> = raw_segments(&spooled).into_keys().collect();
    assert_eq!(
        left,
        [2, 4].map(|number| SegmentName::open(number).to_string())
    );
}

/// It answers that it took an object, and keeps another of the same length and tag.
#[tokio::test]
async fn store_that_keeps_something_else_is_never_believed() {
    let spooled = Spooled::filled(2, None);
    let before = raw_segments(&spooled);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(lie(listener));
    let options = [
        ("endpoint", endpoint.as_str()),
        ("allow_http", "true"),
        ("region", "us-east-1"),
        ("access_key_id", "id"),
        ("secret_access_key", "secret"),
    ];
    let options = options.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let store = Store::open("s3://bucket", &options.into_iter().collect()).unwrap();
    let done = Uploader::new(Arc::clone(&spooled.writer), store, Confirmation::ReadBack)
        .pass()
        .await;
    server.abort();
    assert_eq!((done.uploaded, done.failures.len()), (0, 2), "{done:?}");
    assert!(
        matches!(done.failures[0].error, UploadError::OtherObject),
        "{done:?}"
    );
    assert_eq!(raw_segments(&spooled), before);
}

/// One request to a connection; what it sends back has the length of the last body.
async fn lie(listener: tokio::net::TcpListener) {
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
    let mut length = 0;
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let mut socket = BufReader::new(socket);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(socket.read_line(&mut head).await.unwrap() > 0);
        }
        let put = head.starts_with("PUT ");
        if put {
            let lower = head.to_ascii_lowercase();
            let (_, after) = lower.split_once("content-length: ").unwrap();
            length = after.lines().next().unwrap().parse().unwrap();
            socket.read_exact(&mut vec![0; length]).await.unwrap();
        }
        let body = vec![b'x'; if put { 0 } else { length }];
        let answer = format!(
            "HTTP/1.1 200 OK\r\nETag: \"same\"\r\nContent-Length: {}\r\nConnection: close\r\n\
             Last-Modified: Sat, 21 Nov 2026 06:00:00 GMT\r\n\r\n",
            body.len()
        );
        socket.write_all(answer.as_bytes()).await.unwrap();
        if !head.starts_with("HEAD ") {
            socket.write_all(&body).await.unwrap();
        }
    }
}
