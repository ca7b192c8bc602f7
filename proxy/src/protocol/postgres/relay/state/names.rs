//! Names to statements and portals, within bounds.

use std::collections::HashMap;
use std::sync::Arc;

use super::Weighed;
use super::owed::Name;
use crate::protocol::postgres::relay::operations::OpId;

/// Most prepared statements of a session.
pub(in crate::protocol::postgres::relay) const MAX_STATEMENTS: usize = 10_000;

/// Most memory that a session's prepared statements may take.
pub(in crate::protocol::postgres::relay) const MAX_STATEMENT_BYTES: usize = 32 * 1024 * 1024;

/// Most portals that a session may have open.
pub(in crate::protocol::postgres::relay) const MAX_PORTALS: usize = 1_000;

/// A bound was reached. The client may close some and go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::protocol::postgres::relay) enum TooMany {
    #[error("more than {MAX_STATEMENTS} prepared statements are open")]
    Statements,
    #[error("the prepared statements take more than {MAX_STATEMENT_BYTES} bytes")]
    Bytes,
    #[error("more than {MAX_PORTALS} portals are open")]
    Portals,
}

#[derive(Debug)]
pub(super) struct Statements<S> {
    named: HashMap<Name, Arc<S>>,
    unnamed: Option<Arc<S>>,
    bytes: usize,
}

#[derive(Debug, Default)]
pub(super) struct Portals {
    named: HashMap<Name, OpId>,
    unnamed: Option<OpId>,
}

// === impl Statements ===

impl<S> Default for Statements<S> {
    fn default() -> Self {
        Self {
            named: HashMap::new(),
            unnamed: None,
            bytes: 0,
        }
    }
}

impl<S: Weighed> Statements<S> {
    pub(super) fn get(&self, name: &[u8]) -> Option<&Arc<S>> {
        if name.is_empty() {
            return self.unnamed.as_ref();
        }
        self.named.get(name)
    }

    /// Gives what the name stood for before.
    pub(super) fn put(
        &mut self,
        name: &[u8],
        statement: Arc<S>,
    ) -> Result<Option<Arc<S>>, TooMany> {
        let known = self.get(name).map_or(0, |before| before.bytes());
        let bytes = self.bytes.saturating_sub(known) + statement.bytes();
        if bytes > MAX_STATEMENT_BYTES {
            return Err(TooMany::Bytes);
        }
        let before = if name.is_empty() {
            self.unnamed.replace(statement)
        } else if self.named.len() >= MAX_STATEMENTS && !self.named.contains_key(name) {
            return Err(TooMany::Statements);
        } else {
            self.named.insert(name.into(), statement)
        };
        self.bytes = bytes;
        Ok(before)
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> Option<Arc<S>> {
        let removed = if name.is_empty() {
            self.unnamed.take()
        } else {
            self.named.remove(name)
        };
        let bytes = removed.as_ref().map_or(0, |removed| removed.bytes());
        self.bytes = self.bytes.saturating_sub(bytes);
        removed
    }

    /// Puts back what stood there before, which was within the bounds then.
    pub(super) fn restore(&mut self, name: &[u8], before: Option<Arc<S>>) {
        self.remove(name);
        let Some(before) = before else { return };
        self.bytes += before.bytes();
        if name.is_empty() {
            self.unnamed = Some(before);
        } else {
            self.named.insert(name.into(), before);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

// === impl Portals ===

impl Portals {
    pub(super) fn get(&self, name: &[u8]) -> Option<OpId> {
        if name.is_empty() {
            return self.unnamed;
        }
        self.named.get(name).copied()
    }

    pub(super) fn may_put(&self, name: &[u8]) -> Result<(), TooMany> {
        let full = self.named.len() >= MAX_PORTALS;
        if full && !name.is_empty() && !self.named.contains_key(name) {
            return Err(TooMany::Portals);
        }
        Ok(())
    }

    pub(super) fn put(&mut self, name: Name, id: OpId) -> Option<OpId> {
        if name.is_empty() {
            return self.unnamed.replace(id);
        }
        self.named.insert(name, id)
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> Option<(Name, OpId)> {
        if name.is_empty() {
            return self.unnamed.take().map(|id| (Name::default(), id));
        }
        self.named.remove_entry(name)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = OpId> {
        self.unnamed.into_iter().chain(self.named.values().copied())
    }

    /// All of them, at the end of a transaction.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = OpId> {
        self.unnamed
            .take()
            .into_iter()
            .chain(self.named.drain().map(|(_, id)| id))
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
