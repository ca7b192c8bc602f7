//! Stores that say they have what they have not, or do not let one look.

use std::fmt;

use async_trait::async_trait;
use bytes::BytesMut;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path as ObjectPath;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result as StoreResult,
};
use tempfile::TempDir;

use super::*;
use crate::checkpoint::SigningKey;
use crate::crypt::RecipientPrivateKey;
use crate::event::{Body, Event, SessionStarted, Timestamp};
use crate::spool::SpoolConfig;

/// What a store does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    /// It keeps half, and says that all is well.
    KeepsHalf,
    /// It keeps nothing, and says that all is well.
    KeepsNothing,
    /// It keeps other bytes of the same number.
    KeepsOther,
    /// It may be written, and not read.
    WriteOnly,
    /// As that, and its answers to what is new are lost on the way.
    WriteOnlyUnheard,
}

#[derive(Debug)]
struct Liar {
    inner: InMemory,
    lie: Lie,
}

impl fmt::Display for Liar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("liar")
    }
}

#[async_trait]
impl ObjectStore for Liar {
    async fn put_opts(
        &self,
        location: &ObjectPath,
        payload: PutPayload,
        opts: PutOptions,
    ) -> StoreResult<PutResult> {
        let mut bytes = BytesMut::new();
        payload
            .iter()
            .for_each(|part| bytes.extend_from_slice(part));
        match self.lie {
            Lie::KeepsHalf => bytes.truncate(bytes.len() / 2),
            Lie::KeepsOther => bytes.iter_mut().for_each(|byte| *byte = 0),
            Lie::KeepsNothing | Lie::WriteOnly | Lie::WriteOnlyUnheard => {}
        }
        if self.lie == Lie::KeepsNothing {
            return Ok(PutResult {
                e_tag: None,
                version: None,
                extensions: Default::default(),
            });
        }
        let mut result = self
            .inner
            .put_opts(location, bytes.freeze().into(), opts)
            .await?;
        if self.lie == Lie::KeepsOther {
            result.e_tag = Some("of what was sent".to_owned());
        }
        if self.lie == Lie::WriteOnlyUnheard {
            return Err(Error::Generic {
                store: "liar",
                source: "answer lost".into(),
            });
        }
        Ok(result)
    }

    async fn put_multipart_opts(
        &self,
        location: &ObjectPath,
        opts: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &ObjectPath, options: GetOptions) -> StoreResult<GetResult> {
        if matches!(self.lie, Lie::WriteOnly | Lie::WriteOnlyUnheard) {
            let path = location.to_string();
            return Err(Error::PermissionDenied {
                path,
                source: "write only".into(),
            });
        }
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, StoreResult<ObjectPath>>,
    ) -> BoxStream<'static, StoreResult<ObjectPath>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&ObjectPath>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&ObjectPath>) -> StoreResult<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(
        &self,
        from: &ObjectPath,
        to: &ObjectPath,
        options: CopyOptions,
    ) -> StoreResult<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// A writer with one sealed segment and one session key.
fn writer(spool: &TempDir) -> Arc<Writer> {
    let mut config = SpoolConfig::new(spool.path(), "w".parse().unwrap());
    config.recipient = Some(*RecipientPrivateKey::generate().unwrap().public());
    let (key, _) = SigningKey::generate().unwrap();
    let writer = Writer::open(config, key, Timestamp(1)).unwrap();
    let started = SessionStarted {
        subject: "ana".to_owned(),
        ..SessionStarted::default()
    };
    let event = Event::new(SessionId::new([1; 16]), Body::SessionStarted(started));
    writer.append(&event, Timestamp(2)).unwrap();
    assert!(writer.seal(Timestamp(3)).unwrap());
    Arc::new(writer)
}

fn uploader(spool: &TempDir, lie: Lie, confirmation: Confirmation) -> Uploader {
    let liar = Liar {
        inner: InMemory::new(),
        lie,
    };
    Uploader::new(writer(spool), Store::of(liar), confirmation)
}

#[tokio::test]
async fn nothing_is_removed_on_the_word_of_a_store_that_lies() {
    for lie in [Lie::KeepsHalf, Lie::KeepsNothing, Lie::KeepsOther] {
        let spool = TempDir::new().unwrap();
        let uploader = uploader(&spool, lie, Confirmation::ReadBack);
        let pass = uploader.pass().await;
        assert_eq!(
            (pass.uploaded, pass.pending, pass.failures.len()),
            (0, 2, 2),
            "{lie:?}"
        );
        for failure in &pass.failures {
            let expected = match (lie, &failure.error) {
                (Lie::KeepsHalf, UploadError::SizeDiffers { sent, found }) => *found == sent / 2,
                (Lie::KeepsNothing, UploadError::Store(StoreError::NotFound { .. }))
                | (Lie::KeepsOther, UploadError::TagDiffers { .. }) => true,
                _ => false,
            };
            assert!(expected, "{lie:?}: {failure:?}");
        }
        let writer = &uploader.writer;
        assert_eq!(
            (writer.sealed().unwrap().len(), writer.keys().unwrap().len()),
            (1, 1)
        );
    }
}

#[tokio::test]
async fn credential_that_may_only_write_needs_the_answer_to_be_enough() {
    let spool = TempDir::new().unwrap();
    let uploader = uploader(&spool, Lie::WriteOnly, Confirmation::ReadBack);
    let pass = uploader.pass().await;
    assert_eq!((pass.uploaded, pass.pending), (0, 2));
    assert!(matches!(
        pass.failures[0].error,
        UploadError::Store(StoreError::Denied { .. })
    ));

    let spool = TempDir::new().unwrap();
    let uploader = self::uploader(&spool, Lie::WriteOnly, Confirmation::Answer);
    let pass = uploader.pass().await;
    assert_eq!(
        (pass.uploaded, pass.pending, pass.failures.len()),
        (2, 0, 0)
    );
}

/// The name of a segment tells its content, so that it is there is enough; a key's does not.
#[tokio::test]
async fn lost_answer_to_a_credential_that_may_only_write() {
    let spool = TempDir::new().unwrap();
    let uploader = uploader(&spool, Lie::WriteOnlyUnheard, Confirmation::Answer);
    // The key's answer is lost, then the segment's: each is an outage that ends its pass.
    let first = uploader.pass().await;
    assert_eq!((first.uploaded, first.failures.len()), (0, 1));
    let second = uploader.pass().await;
    assert!(matches!(
        second.failures[0].error,
        UploadError::KeyNotComparable
    ));
    let third = uploader.pass().await;
    assert_eq!(
        (third.uploaded, third.pending, third.failures.len()),
        (1, 1, 1)
    );
    assert!(uploader.writer.sealed().unwrap().is_empty());
    assert_eq!(uploader.writer.keys().unwrap().len(), 1);
}
