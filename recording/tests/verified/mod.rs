//! Reads a spool back and verifies it, for tests.

use std::fs;
use std::path::{Path, PathBuf};

use portcullis_recording::chain::{Break, Chain, Expected, Walk, verify_segment};
use portcullis_recording::checkpoint::{SigningKey, TrustedKeys};
use portcullis_recording::event::{
    Body, Event, Notice, Operation, SessionId, SessionStarted, WriterId,
};
use portcullis_recording::format::{Flags, FrameHeader, decode_event};
use portcullis_recording::layout::SegmentName;

/// A verified record.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// All events that are not encrypted, in order.
    pub(crate) events: Vec<(FrameHeader, Event)>,
    /// Headers and payloads of those that are.
    pub(crate) encrypted: Vec<(FrameHeader, Vec<u8>)>,
    pub(crate) segments: u64,
    /// The keys that signed, in order, without repetitions.
    pub(crate) signers: Vec<String>,
}

pub(crate) fn key() -> SigningKey {
    SigningKey::from_pem(include_str!("../golden/openssl-private.pem")).unwrap()
}

pub(crate) fn trusted() -> TrustedKeys {
    TrustedKeys::from_iter([key().public()])
}

/// The one writer's folder in a spool.
pub(crate) fn writer_folder(spool: &Path) -> (WriterId, PathBuf) {
    let mut entries = fs::read_dir(spool)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let folder = entries.find(|path| path.is_dir()).unwrap();
    (
        folder
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .parse()
            .unwrap(),
        folder,
    )
}

/// Verifies all segments of a spool, from number `first`, as one chain.
pub(crate) fn verify(spool: &Path, keys: &TrustedKeys, first: u64) -> Result<Record, Break> {
    let (writer, folder) = writer_folder(spool);
    let mut record = Record::default();
    let mut expected: Option<Chain> = (first == 1).then_some(Chain::START);
    for segment in first.. {
        let path = folder.join(SegmentName::open(segment).to_string());
        let Ok(bytes) = fs::read(path) else { break };
        let at = expected.map(|chain| Expected {
            writer: writer.clone(),
            segment,
            chain,
        });
        let summary = verify_segment(&bytes, keys, at.as_ref())?;
        expected = Some(summary.chain);
        record.segments += 1;
        for head in summary.heads {
            let signer = head.key.to_string();
            if record.signers.last() != Some(&signer) {
                record.signers.push(signer);
            }
        }
        collect(&bytes, &mut record)?;
    }
    Ok(record)
}

fn collect(bytes: &[u8], record: &mut Record) -> Result<(), Break> {
    let mut walk = Walk::new(bytes)?;
    while let Some(frame) = walk.next_frame()? {
        if !frame.is_event() {
            continue;
        }
        if frame.header.flags.contains(Flags::ENCRYPTED) {
            record
                .encrypted
                .push((frame.header, frame.payload.to_vec()));
        } else {
            let event = decode_event(&frame.header, frame.payload).unwrap();
            record.events.push((frame.header, event));
        }
    }
    Ok(())
}

pub(crate) fn started(session: SessionId, subject: &str) -> Event {
    let started = SessionStarted {
        subject: subject.to_owned(),
        ..SessionStarted::default()
    };
    Event::new(session, Body::SessionStarted(started))
}

/// An operation that is told apart by its policy's name.
pub(crate) fn operation(session: SessionId, name: &str) -> Event {
    let operation = Operation {
        policy: name.to_owned(),
        ..Operation::default()
    };
    Event::new(session, Body::Operation(operation))
}

impl Record {
    /// The names of all operations, in order.
    pub(crate) fn operations(&self) -> Vec<&str> {
        let bodies = self.events.iter().map(|(_, event)| &event.body);
        let names = bodies.filter_map(|body| match body {
            Body::Operation(operation) => Some(operation.policy.as_str()),
            _ => None,
        });
        names.collect()
    }

    /// All notices, in order.
    pub(crate) fn notices(&self) -> impl Iterator<Item = &Notice> {
        let bodies = self.events.iter().map(|(_, event)| &event.body);
        bodies.filter_map(|body| match body {
            Body::Notice(notice) => Some(notice),
            _ => None,
        })
    }
}
