use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use tempfile::{TempDir, tempdir};

use super::*;

fn options(pairs: &[(&str, &str)]) -> Options {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn refusal(url: &str, pairs: &[(&str, &str)]) -> String {
    Store::open(url, &options(pairs))
        .map(|store| store.to_string())
        .unwrap_err()
        .to_string()
}

#[test]
fn addresses_of_every_kind_are_taken() {
    let folder = tempdir().unwrap();
    let file = format!("file://{}", folder.path().display());
    let s3 = [
        ("access_key_id", "id"),
        ("secret_access_key", "secret"),
        ("region", "eu-north-1"),
    ];
    let gcs = [(
        "service_account_key",
        r#"{"private_key":"","private_key_id":"","client_email":"","disable_oauth":true}"#,
    )];
    let azure = [("account_name", "account"), ("account_key", "c2VjcmV0")];
    for (url, pairs) in [
        (file.as_str(), [].as_slice()),
        ("s3://bucket/a/prefix", s3.as_slice()),
        ("gs://bucket", gcs.as_slice()),
        ("az://container/prefix", azure.as_slice()),
        (
            "abfss://container@account.dfs.core.windows.net/prefix",
            azure.get(1..).unwrap(),
        ),
    ] {
        let opened = Store::open(url, &options(pairs));
        assert!(opened.is_ok(), "{url}: {opened:?}");
    }
}

#[test]
fn wrong_addresses_are_named() {
    let extras = "a store's URL carries no password, query or fragment";
    let cases = [
        ("no url", "no url is not a URL: relative URL without a base"),
        ("s3://id:secret@bucket/x", extras),
        ("s3://bucket/x?region=here", extras),
        ("s3://bucket/x#y", extras),
        (
            "ftp://host/x",
            "no store for ftp: URLs; there are file:, s3:, gs:, az: and abfss:",
        ),
        ("memory:///x", "memory:///x: it names no bucket"),
        ("s3:///x", "s3:///x: it names no bucket"),
        (
            "file://other-host/x",
            "file://other-host/x: not a path on this machine",
        ),
    ];
    for (url, expected) in cases {
        assert_eq!(refusal(url, &[]), expected, "{url}");
    }
    assert!(refusal("file:///no/such/folder", &[]).starts_with("the directory /no/such/folder"));
}

#[test]
fn option_that_the_store_does_not_know_is_refused() {
    for (url, store) in [
        ("s3://bucket", "S3"),
        ("gs://bucket", "Google Cloud Storage"),
        ("az://container", "Azure Blob Storage"),
        ("file:///tmp", "a directory"),
    ] {
        let said = refusal(url, &[("acess_key_id", "hidden")]);
        assert_eq!(said, format!("{store} has no option acess_key_id"));
    }
}

#[test]
fn secret_values_are_in_no_error_and_no_debug_output() {
    let pairs = [("access_key_id", "id"), ("secret_access_key", "hidden")];
    let store = Store::open("s3://bucket/x", &options(&pairs)).unwrap();
    assert_eq!(format!("{store:?}"), "Store(s3://bucket/x)");
    let half = refusal("s3://bucket/x", &[("secret_access_key", "hidden")]);
    assert!(
        half.starts_with("S3 cannot be used with these options"),
        "{half}"
    );
    assert!(!half.contains("hidden"), "{half}");
}

/// A directory with one object.
async fn with_object(name: &str, content: &'static [u8]) -> (TempDir, Store) {
    let folder = tempdir().unwrap();
    let store = Store::directory(folder.path()).unwrap();
    store
        .create(name, Bytes::from_static(content))
        .await
        .unwrap();
    (folder, store)
}

#[tokio::test]
async fn object_is_made_once_and_never_replaced() {
    let (_folder, store) = with_object("w/1", b"first").await;
    for content in [b"other".as_slice(), b"first"] {
        let again = store.create("w/1", Bytes::from_static(content)).await;
        assert!(matches!(again, Err(StoreError::AlreadyExists { name }) if name == "w/1"));
    }
    assert_eq!(
        store.read("w/1", 5).await.unwrap(),
        Bytes::from_static(b"first")
    );
}

#[tokio::test]
async fn reading_is_bounded() {
    let (_folder, store) = with_object("w/1", b"first").await;
    let refused = store.read("w/1", 4).await;
    assert!(matches!(
        refused,
        Err(StoreError::TooLarge {
            size: 5,
            limit: 4,
            ..
        })
    ));
    for (length, front) in [(0, ""), (4, "firs"), (5, "first"), (6, "first")] {
        assert_eq!(store.read_front("w/1", length).await.unwrap(), front);
    }
    let absent = store.read("w/2", 4).await;
    assert!(matches!(absent, Err(StoreError::NotFound { name }) if name == "w/2"));
}

#[tokio::test]
async fn names_that_leave_the_prefix_are_refused() {
    let folder = tempdir().unwrap();
    let store = Store::directory(folder.path()).unwrap();
    for name in ["", "/w/1", "w/../1", "../1", "w//1", "w/1/", "w/./1"] {
        let refused = store.create(name, Bytes::new()).await;
        assert!(
            matches!(refused, Err(StoreError::InvalidName { .. })),
            "{name}: {refused:?}"
        );
    }
    assert_eq!(store.list("").try_collect::<Vec<_>>().await.unwrap(), []);
}

#[tokio::test]
async fn folders_and_objects_are_listed() {
    let folder = tempdir().unwrap();
    let store = Store::directory(folder.path()).unwrap();
    for name in ["b/1", "a/1", "a/keys/x"] {
        store
            .create(name, Bytes::from(name.to_owned()))
            .await
            .unwrap();
    }
    assert_eq!(store.folders().await.unwrap(), ["a", "b"]);
    let listed: Vec<Entry> = store.list("a").try_collect().await.unwrap();
    let listed: BTreeMap<_, _> = listed
        .into_iter()
        .map(|entry| (entry.name, entry.size))
        .collect();
    let expected = [("a/1".to_owned(), 3), ("a/keys/x".to_owned(), 8)];
    assert_eq!(listed, BTreeMap::from(expected));
}

#[tokio::test]
async fn destroying_what_is_not_there_is_an_error() {
    let (_folder, store) = with_object("w/keys/x", b"key").await;
    store.destroy("w/keys/x").await.unwrap();
    let again = store.destroy("w/keys/x").await;
    assert!(matches!(again, Err(StoreError::NotFound { .. })));
}
