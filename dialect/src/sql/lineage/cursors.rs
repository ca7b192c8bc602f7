//! What the cursors of a session return, for a later FETCH.

use std::collections::BTreeMap;

use super::Rows;

/// The cursors that a session has declared, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursors(BTreeMap<String, Cursor>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Cursor {
    rows: Rows,
    /// WITH HOLD: it outlives a commit.
    holds: bool,
    /// It was there before the transaction.
    committed: bool,
}

/// What a statement does to the cursors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CursorChange {
    Declare {
        name: String,
        rows: Rows,
        holds: bool,
    },
    Close {
        name: String,
    },
    /// CLOSE ALL, or code that may have opened others under the same names.
    Forget,
    Commit,
    Rollback,
}

/// Most cursors that are remembered; rows of others are untraced.
pub const MAX_CURSORS: usize = 1024;

// === impl Cursors ===

impl Cursors {
    /// What a FETCH from this cursor returns. One that is not known may return anything.
    pub fn rows(&self, name: &str) -> Rows {
        match self.0.get(name) {
            Some(cursor) => cursor.rows.clone(),
            None => Rows::Untraced,
        }
    }

    /// Takes over a change that the server made.
    pub fn apply(&mut self, change: CursorChange) {
        match change {
            CursorChange::Declare { name, rows, holds } => {
                if self.0.len() >= MAX_CURSORS && !self.0.contains_key(&name) {
                    return;
                }
                let committed = false;
                let cursor = Cursor {
                    rows,
                    holds,
                    committed,
                };
                self.0.insert(name, cursor);
            }
            CursorChange::Close { name } => {
                self.0.remove(&name);
            }
            CursorChange::Forget => self.0.clear(),
            CursorChange::Commit => self.0.retain(|_, cursor| {
                cursor.committed = true;
                cursor.holds
            }),
            CursorChange::Rollback => self.0.retain(|_, cursor| cursor.committed),
        }
    }
}
