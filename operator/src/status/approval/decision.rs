//! Decisions that approvers left as annotations, stamped by the API server's own authentication:
//! `decision.portcullis.dev/<16 hex of SHA-256(username)>: Approve|<length>|<username>|<reason>`.
//! The length, in characters, is there because usernames may contain `|`.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use portcullis_crds::approval_request::{Decision, DecisionKind};

use crate::desired::name::hex;

/// What keys of decisions begin with.
pub const PREFIX: &str = "decision.portcullis.dev/";
/// The longest username, in characters, as the schema has it.
const MAX_USERNAME: usize = 256;
/// The longest reason, in characters, as the schema has it.
const MAX_REASON: usize = 1024;

/// One decision and the annotation that it came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped {
    pub key: String,
    pub decision: Decision,
}

/// The key of somebody's annotation.
pub fn key(username: &str) -> String {
    let hash = digest(&SHA256, username.as_bytes());
    format!("{PREFIX}{}", hex(hash.as_ref(), 8))
}

/// The decisions among annotations, and the keys of those that are none.
pub fn read(annotations: &BTreeMap<String, String>) -> (Vec<Stamped>, Vec<String>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (key, value) in annotations
        .iter()
        .filter(|(key, _)| key.starts_with(PREFIX))
    {
        match parse(value).filter(|decision| *key == self::key(&decision.username)) {
            Some(decision) => good.push(Stamped {
                key: key.clone(),
                decision,
            }),
            None => bad.push(key.clone()),
        }
    }
    (good, bad)
}

fn parse(value: &str) -> Option<Decision> {
    let (word, rest) = value.split_once('|')?;
    let decision = match word {
        "Approve" => DecisionKind::Approve,
        "Deny" => DecisionKind::Deny,
        "Revoke" => DecisionKind::Revoke,
        _ => return None,
    };
    let (length, rest) = rest.split_once('|')?;
    let length: usize = length
        .parse()
        .ok()
        .filter(|length| *length <= MAX_USERNAME)?;
    let end = rest.char_indices().nth(length).map(|(end, _)| end)?;
    let (username, rest) = rest.split_at_checked(end)?;
    let reason = rest.strip_prefix('|')?;
    if username.is_empty() {
        return None;
    }
    let reason: String = reason.chars().take(MAX_REASON).collect();
    Some(Decision {
        username: username.to_owned(),
        decision,
        reason: Some(reason).filter(|reason| !reason.is_empty()),
    })
}
