//! Under which name a count is kept.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};

use crate::limit::LimitKind;
use crate::rule::{ObjectName, Per};
use crate::subject::Subject;

/// Who is counted: a subject on a connection, and the connection. Made once for a session.
///
/// A subject's counts on two connections are two, also where one process serves both: elsewhere
/// each connection has a process of its own, and a limit must not mean something else there.
///
/// Names are kept as digests, so that a counter's size does not depend on what a credential says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    subject: Digest,
    connection: Digest,
}

/// The identity of one limit: its kind, and the policy that sets it. Its numbers are not part of
/// it, so that an edit keeps the count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitId {
    kind: LimitKind,
    source: Arc<ObjectName>,
    digest: Digest,
}

/// A limit with its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<T> {
    pub id: LimitId,
    pub limit: T,
}

/// The first half of a SHA-256. Two names that met by chance would share a counter, which
/// tightens and never loosens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Digest([u8; 16]);

// === impl Caller ===

impl Caller {
    /// `connection` is the connection's UID, so that a connection made again under its old name
    /// counts anew.
    pub fn new(subject: &Subject, connection: &str) -> Self {
        Self {
            subject: Digest::of("subject", &[&subject.username, connection]),
            connection: Digest::of("connection", &[connection]),
        }
    }

    /// The counters that such a limit has for this caller; all of them must have room.
    pub(super) fn counted(&self, per: Per) -> impl Iterator<Item = Digest> + use<> {
        let subject = (per != Per::Connection).then_some(self.subject);
        let connection = (per != Per::Subject).then_some(self.connection);
        subject.into_iter().chain(connection)
    }
}

// === impl LimitId ===

impl LimitId {
    pub fn new(kind: LimitKind, source: &Arc<ObjectName>) -> Self {
        Self {
            kind,
            source: Arc::clone(source),
            digest: Digest::of(&kind.to_string(), &[&source.to_string()]),
        }
    }

    pub fn kind(&self) -> LimitKind {
        self.kind
    }

    pub fn source(&self) -> &Arc<ObjectName> {
        &self.source
    }

    pub(super) fn digest(&self) -> Digest {
        self.digest
    }
}

// === impl Digest ===

impl Digest {
    /// Each part goes in with its length, so that no two lists of parts read alike.
    fn of(domain: &str, parts: &[&str]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in std::iter::once(&domain).chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut half = [0; 16];
        half.iter_mut()
            .zip(context.finish().as_ref())
            .for_each(|(to, from)| *to = *from);
        Self(half)
    }
}
