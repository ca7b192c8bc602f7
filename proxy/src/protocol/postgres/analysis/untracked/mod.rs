//! Settings that the session changed and whose values are not tracked, for those who approve.
//!
//! What a text means may rest on any of the server's settings: a date on DateStyle, a cascade on
//! session_replication_role. Analyses do not, so it is enough to know which statements set what:
//! sessions that set the same by the same words are alike.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use portcullis_dialect::sql::settings::Setting;

use crate::hex::hex;
use crate::session::gate::Told;

/// How many settings are told one by one; what is changed beyond them makes the session like no
/// other.
const MAX_SETTINGS: usize = 32;

/// The longest statement that is told as it is; of a longer one its digest.
const MAX_TOLD: usize = 256;

/// These change nothing of what a statement does.
const IDLE: [&str; 6] = [
    "application_name",
    "client_min_messages",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "lock_timeout",
    "statement_timeout",
];

#[derive(Debug, Default)]
pub(super) struct Untracked {
    set: BTreeMap<String, String>,
    beyond: u64,
}

// === impl Untracked ===

impl Untracked {
    /// Takes over what an operation set, also where it was rolled back later: that only asks for an
    /// approval of its own.
    pub(super) fn take(&mut self, told: &Told, may_be_any: bool) {
        let operation = &told.operation;
        let names = operation.attributes.get("setting").into_iter().flatten();
        let resets = matches!(operation.verb.as_str(), "RESET" | "DISCARD");
        if resets && names.clone().any(|name| name == "*") {
            *self = Self::default();
            return;
        }
        for name in names.map(|name| name.to_ascii_lowercase()) {
            if concerns(&name) {
                self.put(name, told.text());
            }
        }
        if may_be_any {
            self.put("*".to_owned(), told.text());
        }
    }

    /// Each setting with the statement that set it last.
    pub(super) fn facts(&self) -> impl Iterator<Item = String> {
        let set = self
            .set
            .iter()
            .map(|(name, text)| format!("{name}: {text}"));
        let beyond = (self.beyond > 0).then(|| format!("and {} others", self.beyond));
        set.chain(beyond)
    }

    fn put(&mut self, name: String, text: &str) {
        if self.set.len() >= MAX_SETTINGS && !self.set.contains_key(&name) {
            self.beyond += 1;
            return;
        }
        self.set.insert(name, shortened(text));
    }
}

fn concerns(name: &str) -> bool {
    // Those of one transaction are told by the transaction.
    Setting::from_name(name).is_none() && !IDLE.contains(&name) && !name.starts_with("transaction_")
}

fn shortened(text: &str) -> String {
    if text.len() <= MAX_TOLD {
        return text.to_owned();
    }
    let digest = digest(&SHA256, text.as_bytes());
    format!("a text with the SHA-256 {}", hex(digest.as_ref()))
}

#[cfg(test)]
mod tests;
