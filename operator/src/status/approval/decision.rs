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

/// The decisions among annotations, and the keys of those that are none. Only the value says who
/// decided: admission proves the name in it, under whatever key somebody wrote it.
pub fn read(annotations: &BTreeMap<String, String>) -> (Vec<Stamped>, Vec<String>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let stamps = annotations.iter();
    for (key, value) in stamps.filter(|(key, _)| key.starts_with(STAMP_PREFIX)) {
        match Stamp::parse(value).filter(is_whole) {
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

/// As long as the schema takes it.
fn is_whole(stamp: &Stamp) -> bool {
    let username = stamp.username.chars().count();
    let reason = stamp.reason.chars().count();
    username <= MAX_USERNAME && reason <= MAX_REASON
}
