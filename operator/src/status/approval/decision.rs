//! Decisions that approvers left as annotations, each with a stamp that says who made it.

use std::collections::BTreeMap;

use portcullis_crds::approval_request::Decision;
use portcullis_crds::stamp::{MAX_REASON, MAX_USERNAME, STAMP_PREFIX, Stamp};

/// One decision and the annotation that it came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped {
    pub key: String,
    pub decision: Decision,
}

/// The decisions among annotations, and the keys of those that are none. Somebody's stamp under
/// the key of another is none: admission lets nobody write it.
pub fn read(annotations: &BTreeMap<String, String>) -> (Vec<Stamped>, Vec<String>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let stamps = annotations.iter();
    for (key, value) in stamps.filter(|(key, _)| key.starts_with(STAMP_PREFIX)) {
        match Stamp::parse(value).filter(|stamp| is_whole(key, stamp)) {
            Some(stamp) => good.push(Stamped {
                key: key.clone(),
                decision: Decision {
                    username: stamp.username,
                    decision: stamp.decision,
                    reason: Some(stamp.reason).filter(|reason| !reason.is_empty()),
                },
            }),
            None => bad.push(key.clone()),
        }
    }
    (good, bad)
}

fn is_whole(key: &str, stamp: &Stamp) -> bool {
    (key == stamp.key() || key == stamp.second_key())
        && stamp.username.chars().count() <= MAX_USERNAME
        && stamp.reason.chars().count() <= MAX_REASON
}
