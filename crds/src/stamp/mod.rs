//! A decision as an annotation that says who made it.
//!
//! An approver annotates a request with `portcullis.dev/approve`, `deny` or `revoke`, which says
//! nothing about who wrote it. Admission puts a stamp in its place, with the name that the API
//! server gave it, and lets nobody write, change or remove another's. Who decided is read from the
//! stamp's value alone; its key only keeps two people from writing the same one.

use aws_lc_rs::digest::{SHA256, digest};

use crate::approval_request::DecisionKind;

/// What the keys of stamps begin with.
pub const STAMP_PREFIX: &str = "decision.portcullis.dev/";
/// The annotations that an approver writes, and what each says.
pub const TRIGGERS: [(&str, DecisionKind); 3] = [
    ("portcullis.dev/approve", DecisionKind::Approve),
    ("portcullis.dev/deny", DecisionKind::Deny),
    ("portcullis.dev/revoke", DecisionKind::Revoke),
];
/// The longest reason, in characters, as the schema of a decision has it.
pub const MAX_REASON: usize = 1024;
/// The longest username of somebody who decides, in characters, as the schema has it.
pub const MAX_USERNAME: usize = 256;

/// Bytes of the hash that a key shows.
const KEY_BYTES: usize = 8;

/// One decision, with the name of who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    pub decision: DecisionKind,
    pub username: String,
    /// Empty where none was given.
    pub reason: String,
}

// === impl Stamp ===

impl Stamp {
    /// `Approve|21|oidc:carol@example.com|why`: the length of the name goes before it, for names and
    /// reasons may contain `|`.
    pub fn value(&self) -> String {
        let length = self.username.chars().count();
        let word = self.decision.word();
        format!("{word}|{length}|{}|{}", self.username, self.reason)
    }

    /// Reads what [`Stamp::value`] wrote, and nothing else.
    pub fn parse(value: &str) -> Option<Self> {
        let (word, rest) = value.split_once('|')?;
        let (length, rest) = rest.split_once('|')?;
        let count: usize = length.parse().ok()?;
        let end = match rest.char_indices().nth(count) {
            Some((end, _)) => end,
            None if rest.chars().count() == count => rest.len(),
            None => return None,
        };
        let (username, reason) = rest.split_at_checked(end)?;
        let stamp = Self {
            decision: DecisionKind::from_word(word)?,
            username: username.to_owned(),
            reason: reason.strip_prefix('|')?.to_owned(),
        };
        // One spelling: no sign or zero before the length, no empty name.
        (!stamp.username.is_empty() && stamp.value() == value).then_some(stamp)
    }

    /// The key under which a person's stamp is written.
    pub fn key(&self) -> String {
        let hash = digest(&SHA256, self.username.as_bytes());
        let shown = hash.as_ref().iter().take(KEY_BYTES);
        let hex: String = shown.map(|byte| format!("{byte:02x}")).collect();
        format!("{STAMP_PREFIX}{hex}")
    }

    /// The key where the person's first one still holds another decision, which nobody may change.
    pub fn second_key(&self) -> String {
        format!("{}.{}", self.key(), self.decision.word().to_lowercase())
    }
}

#[cfg(test)]
mod tests;
