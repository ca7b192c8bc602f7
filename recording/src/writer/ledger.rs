//! Who takes how much of the spool: open sessions, and the bytes of each subject.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::{AppendError, MAX_OPEN_SESSIONS};
use crate::crypt::SessionCipher;
use crate::event::SessionId;

/// Open sessions and the shares of their subjects. Bytes that were in the spool before this
/// process began belong to nobody: whose they are may be encrypted.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    sessions: HashMap<SessionId, Session, BuildHasherDefault<IdHasher>>,
    subjects: Vec<Option<Subject>>,
    free: Vec<usize>,
    by_name: HashMap<String, usize>,
    /// Who has bytes in the open segment.
    touched: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct Session {
    /// The place of its subject.
    pub(super) subject: usize,
    pub(super) cipher: Option<SessionCipher>,
}

#[derive(Debug)]
struct Subject {
    name: String,
    sessions: usize,
    /// In all segments, the open one too.
    bytes: u64,
    /// In the open segment.
    current: u64,
}

/// Hashes session names, which are random already: their openers are ours, not the clients.
#[derive(Debug, Default)]
struct IdHasher(u64);

/// Bytes of subjects in one sealed segment.
pub(super) type Shares = Vec<(usize, u64)>;

// === impl Ledger ===

impl Ledger {
    pub(super) fn session(&self, id: SessionId) -> Result<&Session, AppendError> {
        self.sessions
            .get(&id)
            .ok_or(AppendError::UnknownSession(id))
    }

    pub(super) fn open_sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Bytes of a subject by its place.
    pub(super) fn used_by(&self, subject: usize) -> u64 {
        self.subject(subject).map_or(0, |subject| subject.bytes)
    }

    /// Bytes of a subject by name.
    pub(super) fn used_by_name(&self, name: &str) -> u64 {
        let place = self.by_name.get(name);
        place
            .and_then(|place| self.subject(*place))
            .map_or(0, |subject| subject.bytes)
    }

    /// Whether a session of this name may start.
    pub(super) fn check_new(&self, id: SessionId) -> Result<(), AppendError> {
        if id.is_none() {
            return Err(AppendError::NoSession);
        }
        if self.sessions.contains_key(&id) {
            return Err(AppendError::SessionExists(id));
        }
        if self.sessions.len() >= MAX_OPEN_SESSIONS {
            return Err(AppendError::TooManySessions);
        }
        Ok(())
    }

    /// Opens a session, and gives the place of its subject.
    pub(super) fn start(
        &mut self,
        id: SessionId,
        name: &str,
        cipher: Option<SessionCipher>,
    ) -> usize {
        let subject = match self.by_name.get(name) {
            Some(place) => *place,
            None => self.add(name),
        };
        if let Some(subject) = self.subject_mut(subject) {
            subject.sessions += 1;
        }
        self.sessions.insert(id, Session { subject, cipher });
        subject
    }

    /// Books bytes of the open segment to a subject.
    pub(super) fn charge(&mut self, place: usize, bytes: u64) {
        let Some(subject) = self.subject_mut(place) else {
            return;
        };
        subject.bytes += bytes;
        let first = subject.current == 0;
        subject.current += bytes;
        if first && bytes > 0 {
            self.touched.push(place);
        }
    }

    pub(super) fn end(&mut self, id: SessionId) {
        let Some(session) = self.sessions.remove(&id) else {
            return;
        };
        if let Some(subject) = self.subject_mut(session.subject) {
            subject.sessions -= 1;
        }
        self.forget_if_idle(session.subject);
    }

    /// The open segment was sealed: who has how much in it.
    pub(super) fn seal(&mut self) -> Shares {
        let mut shares = Shares::with_capacity(self.touched.len());
        for place in std::mem::take(&mut self.touched) {
            if let Some(subject) = self.subject_mut(place) {
                shares.push((place, std::mem::take(&mut subject.current)));
            }
        }
        shares
    }

    /// A sealed segment left the spool.
    pub(super) fn release(&mut self, shares: &Shares) {
        for (place, bytes) in shares {
            if let Some(subject) = self.subject_mut(*place) {
                subject.bytes = subject.bytes.saturating_sub(*bytes);
            }
            self.forget_if_idle(*place);
        }
    }

    fn subject(&self, place: usize) -> Option<&Subject> {
        self.subjects.get(place).and_then(Option::as_ref)
    }

    fn subject_mut(&mut self, place: usize) -> Option<&mut Subject> {
        self.subjects.get_mut(place).and_then(Option::as_mut)
    }

    fn add(&mut self, name: &str) -> usize {
        let subject = Subject {
            name: name.to_owned(),
            sessions: 0,
            bytes: 0,
            current: 0,
        };
        let place = self.free.pop().unwrap_or_else(|| {
            self.subjects.push(None);
            self.subjects.len() - 1
        });
        if let Some(slot) = self.subjects.get_mut(place) {
            *slot = Some(subject);
        }
        self.by_name.insert(name.to_owned(), place);
        place
    }

    /// A subject with no session and no bytes is not remembered.
    fn forget_if_idle(&mut self, place: usize) {
        let idle = |subject: &Subject| subject.sessions == 0 && subject.bytes == 0;
        let Some(slot) = self.subjects.get_mut(place) else {
            return;
        };
        if let Some(subject) = slot.take_if(|subject| idle(subject)) {
            self.by_name.remove(&subject.name);
            self.free.push(place);
        }
    }
}

// === impl IdHasher ===

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
            // An odd constant spreads what is near into both ends of the word.
            let mixed = (self.0 ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            self.0 = mixed ^ (mixed >> 32);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
