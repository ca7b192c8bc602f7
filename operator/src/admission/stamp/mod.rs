//! The annotation that an approver wrote becomes a stamp with the name that the API server knows
//! them by.
//!
//! Whether they may decide is not asked here: the chart's admission policies see every stamp,
//! whoever wrote it, and refuse the annotation itself where this webhook did not take it away.

use std::collections::BTreeMap;

use portcullis_crds::approval_request::DecisionKind;
use portcullis_crds::stamp::{MAX_REASON, MAX_USERNAME, STAMP_PREFIX, Stamp, TRIGGERS};
use serde_json::{Value, json};

use super::review::{Answer, Request, pointer_step};

/// Answers for an ApprovalRequest that is updated.
pub fn stamp(request: &Request) -> Answer {
    let annotations = request.annotations();
    let written: Vec<_> = TRIGGERS
        .iter()
        .filter_map(|(key, decision)| Some((*key, *decision, annotations.get(*key)?)))
        .collect();
    let (trigger, decision, reason) = match written.as_slice() {
        [] => return Answer::allow(),
        [one] => *one,
        [..] => return Answer::refuse("write one of approve, deny and revoke"),
    };
    let username = &request.user_info.username;
    if username.is_empty() || username.chars().count() > MAX_USERNAME {
        return Answer::refuse(format!(
            "a username has between 1 and {MAX_USERNAME} characters"
        ));
    }
    if reason.chars().count() > MAX_REASON {
        return Answer::refuse(format!("a reason has at most {MAX_REASON} characters"));
    }
    let stamp = Stamp {
        decision,
        username: username.clone(),
        reason: reason.clone(),
    };
    let take_away = json!({ "op": "remove", "path": path(trigger) });
    if stands(request, &annotations, &stamp) {
        let said = format!(
            "{} is what you decided already; nothing was added",
            decision.word()
        );
        return Answer::change(vec![take_away]).warn([said]);
    }
    let free = [stamp.key(), stamp.second_key()];
    let Some(key) = free.iter().find(|key| !annotations.contains_key(*key)) else {
        return Answer::refuse(
            "your earlier decisions are still being recorded; try again in a moment, or add this \
             one to status.decisions",
        );
    };
    let add = json!({ "op": "add", "path": path(key), "value": stamp.value() });
    Answer::change(vec![take_away, add])
}

/// Whether this person's same decision is there, recorded or about to be.
fn stands(request: &Request, annotations: &BTreeMap<String, String>, stamp: &Stamp) -> bool {
    let same = |decision: DecisionKind, username: &str| {
        decision == stamp.decision && username == stamp.username
    };
    let stamps = annotations
        .iter()
        .filter(|(key, _)| key.starts_with(STAMP_PREFIX));
    let mut stamps = stamps.filter_map(|(_, value)| Stamp::parse(value));
    let recorded = request
        .object
        .pointer("/status/decisions")
        .and_then(Value::as_array);
    stamps.any(|it| same(it.decision, &it.username))
        || recorded.into_iter().flatten().any(|it| {
            let text = |key: &str| it.get(key).and_then(Value::as_str);
            text("decision") == Some(stamp.decision.word())
                && text("username") == Some(&stamp.username)
        })
}

fn path(annotation: &str) -> String {
    format!("/metadata/annotations/{}", pointer_step(annotation))
}

#[cfg(test)]
mod tests;
