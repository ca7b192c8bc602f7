//! A real writer on a spool of its own, filled with a few sealed segments.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use portcullis_recording::checkpoint::SigningKey;
use portcullis_recording::crypt::RecipientKey;
use portcullis_recording::event::{Body, Event, SessionId, Timestamp};
use portcullis_recording::spool::SpoolConfig;
use portcullis_recording::upload::{UploadError, Uploader};
use portcullis_recording::writer::Writer;
use tempfile::TempDir;

use crate::record::{BEGIN, files, operation, session, started};

pub(crate) struct Spooled {
    pub(crate) spool: TempDir,
    pub(crate) writer: Arc<Writer>,
    pub(crate) key: String,
    now: u64,
}

impl Spooled {
    pub(crate) fn new(recipient: Option<RecipientKey>) -> Self {
        let spool = TempDir::new().unwrap();
        let (_, key) = SigningKey::generate().unwrap();
        let writer = open(&spool, &key, recipient, BEGIN);
        Self {
            spool,
            writer,
            key,
            now: BEGIN,
        }
    }

    /// `count` sealed segments of a few operations each, in session 1.
    pub(crate) fn filled(count: u64, recipient: Option<RecipientKey>) -> Self {
        let mut spooled = Self::new(recipient);
        spooled.append(session(1), started("ana"));
        for segment in 0..count {
            for number in 0..6 {
                spooled.append(session(1), operation(segment * 6 + number));
            }
            spooled.seal();
        }
        spooled
    }

    pub(crate) fn append(&mut self, session: SessionId, body: Body) {
        let now = self.tick();
        self.writer.append(&Event::new(session, body), now).unwrap();
    }

    pub(crate) fn seal(&mut self) {
        let now = self.tick();
        assert!(self.writer.seal(now).unwrap());
    }

    /// The writer's end and a new beginning on the same spool.
    pub(crate) fn reopen(self) -> Self {
        let Self {
            spool,
            writer,
            key,
            now,
        } = self;
        drop(Arc::into_inner(writer).expect("nobody else holds the writer"));
        let writer = open(&spool, &key, None, now);
        Self {
            spool,
            writer,
            key,
            now,
        }
    }

    /// The writer's folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.spool.path().join(self.writer.id().as_str())
    }

    fn tick(&mut self) -> Timestamp {
        self.now += 1_000;
        Timestamp(self.now)
    }
}

fn open(spool: &TempDir, key: &str, recipient: Option<RecipientKey>, now: u64) -> Arc<Writer> {
    let mut config = SpoolConfig::new(spool.path(), "w".parse().unwrap());
    config.recipient = recipient;
    let key = SigningKey::from_pem(key).unwrap();
    Arc::new(Writer::open(config, key, Timestamp(now)).unwrap())
}

/// Looks again and again until it is so.
pub(crate) async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// One pass in which no segment of `pending` gets away: why, told once, and the spool as it was.
pub(crate) async fn refused(spooled: &Spooled, uploader: &Uploader, pending: usize) -> UploadError {
    let before = files(&spooled.folder());
    let mut pass = uploader.pass().await;
    assert_eq!(
        (pass.uploaded, pass.pending, pass.failures.len()),
        (0, pending, 1)
    );
    assert_eq!(files(&spooled.folder()), before);
    pass.failures.remove(0).error
}
