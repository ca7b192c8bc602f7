//! Whether a record is what its writer wrote.
//!
//! What a verifier must have from somewhere else than the record: the public keys
//! that it trusts, and heads of the chain that left the writer's reach (anchors).
//!
//! # What is seen, and what is not
//!
//! With trusted keys alone: every removal, change, move or repetition of frames or
//! segments that a signature covers, and every signature by another key. **Not** a
//! tail that was cut off cleanly, nor a whole writer's folder that is gone, nor a
//! record that the holder of a trusted key wrote anew: it looks like a shorter, or
//! another, honest record. With anchors: all of that too, up to the highest anchor.
//! What lies after the highest anchor is named [`Finding::Unanchored`], and what no
//! signature covers [`Finding::Unsigned`], so silence never means more than it says.
//!
//! A session whose key is gone is named [`Finding::KeyMissing`], since nobody but the
//! caller knows whether that was meant: [`Trust::destroyed`] says so.
//!
//! Memory holds one segment, and bounded lists.

mod disorder;
mod finding;
mod report;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use crate::chain::Hash;
use crate::checkpoint::{Head, TrustedKeys};
use crate::event::{SessionId, WriterId};
use crate::layout::{Content, SegmentName};
use crate::reader::{ReadError, Recordings};

pub use finding::{Class, Finding};
pub use report::{Report, Verdict, WriterReport};
pub use walk::WriterCheck;

/// Findings that a report names of one writer; more are counted.
pub const MAX_FINDINGS: usize = 1_000;

/// What a verifier believes, and knows from elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    pub keys: TrustedKeys,
    /// Heads that were kept where the writer could not reach them.
    pub anchors: Vec<Head>,
    /// Writers whose first segments were removed on purpose, such as by a retention
    /// rule, and the number of the first that must be there.
    pub begins: BTreeMap<WriterId, u64>,
    /// Sessions whose keys were destroyed on purpose. A key that is still there must be
    /// the one that was announced all the same.
    pub destroyed: BTreeSet<SessionId>,
}

/// Verifies every writer that has a folder here or an anchor.
///
/// An error means that the store could not be read, and nothing is known.
pub async fn verify(recordings: &Recordings, trust: &Trust) -> Result<Report, ReadError> {
    let mut writers: BTreeSet<WriterId> = recordings.writers().await?.into_iter().collect();
    writers.extend(trust.anchors.iter().map(|anchor| anchor.writer.clone()));
    writers.extend(trust.begins.keys().cloned());
    let mut report = Report::default();
    for writer in writers {
        report
            .writers
            .push(verify_writer(recordings, &writer, trust).await?);
    }
    Ok(report)
}

/// Verifies one writer's record.
pub async fn verify_writer(
    recordings: &Recordings,
    writer: &WriterId,
    trust: &Trust,
) -> Result<WriterReport, ReadError> {
    let mut check = WriterCheck::new(writer.clone(), trust);
    for (number, names) in recordings.segments(writer).await? {
        check_segment(recordings, &mut check, number, &names).await?;
        for (session, sha256) in check.take_session_keys() {
            let found = recordings.key(writer, &session).await?;
            check.session_key(session, &sha256, found.as_deref());
        }
    }
    Ok(check.finish())
}

/// One number, whatever objects bear it: there should be one, or in a spool a raw
/// one and its sealed form.
async fn check_segment(
    recordings: &Recordings,
    check: &mut WriterCheck,
    number: u64,
    names: &[SegmentName],
) -> Result<(), ReadError> {
    let mut read: Vec<(SegmentName, Vec<u8>)> = Vec::new();
    for name in names {
        match recordings.segment(check.writer(), name).await {
            Ok(bytes) => {
                if name.sealed.is_some_and(|said| said != Content::of(&bytes)) {
                    check.find(Finding::SegmentMisnamed { segment: number });
                }
                let same = read.first().is_none_or(|(_, first)| *first == bytes);
                if !same {
                    check.find(Finding::SegmentRepeated { segment: number });
                }
                if read.is_empty() {
                    read.push((*name, bytes));
                }
            }
            Err(ReadError::Store(error)) if error.is_outage() => return Err(error.into()),
            Err(error) => {
                let why = error.to_string();
                check.find(Finding::SegmentUnreadable {
                    segment: number,
                    why,
                });
            }
        }
    }
    match read.pop() {
        Some((_, bytes)) => check.segment(number, &bytes),
        None => check.unreadable(number),
    }
    Ok(())
}

/// What a session key frame says.
pub type SessionKeys = Vec<(SessionId, Hash)>;
