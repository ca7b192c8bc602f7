//! Prepared statements, by the texts that they were made of.

use std::collections::BTreeMap;

use super::settings::Tracked;

/// What a session has prepared, by PREPARE or by the protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prepared(BTreeMap<String, PreparedStatement>);

/// A prepared statement: the text of a PREPARE, or of the one statement that the protocol's Parse
/// carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedStatement {
    pub text: String,
    /// As it was when the text was read.
    pub standard_conforming_strings: Tracked<bool>,
    /// The types of its parameters, as far as they were told.
    pub types: Vec<u32>,
}

/// What a text does to the prepared statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PreparedChange {
    Define {
        name: String,
        statement: PreparedStatement,
    },
    Remove {
        name: String,
    },
    RemoveAll,
}

// === impl Prepared ===

impl Prepared {
    pub fn get(&self, name: &str) -> Option<&PreparedStatement> {
        self.0.get(name)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes over a change that the server made.
    pub fn apply(&mut self, change: PreparedChange) {
        match change {
            PreparedChange::Define { name, statement } => {
                self.0.insert(name, statement);
            }
            PreparedChange::Remove { name } => {
                self.0.remove(&name);
            }
            PreparedChange::RemoveAll => self.0.clear(),
        }
    }
}
