//! JSON that is masked as it streams.
//!
//! Input: a path, a newline, a document. Checked: chunks may be cut anywhere; what no path speaks
//! of comes out byte for byte; what comes out is JSON where what went in was; no spelling of a
//! name hides a masked member.

use std::sync::Arc;

use portcullis_policy::mask::json::{Documents, InvalidJson, JsonMasker, JsonPath, JsonPlan};
use portcullis_policy::mask::transform::{REDACTED, Transform};
use serde::de::IgnoredAny;
use serde_json::Value;

pub fn check(data: &[u8]) {
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else {
        return;
    };
    let (path, document) = (&data[..end], &data[end + 1..]);
    untouched(document);
    no_spelling_hides(document);
    let path = std::str::from_utf8(path)
        .ok()
        .and_then(|path| JsonPath::parse(path).ok());
    if let Some(path) = path {
        let again = JsonPath::parse(path.as_str()).expect("parses again");
        assert_eq!(again.as_str(), path.as_str());
        cut_anywhere(&plan(&path), document);
    }
}

type Outcome = Result<u64, InvalidJson>;

fn plan(path: &JsonPath) -> Arc<JsonPlan> {
    Arc::new(JsonPlan::compile([(path, &Transform::Redact)]).expect("one path is not too many"))
}

fn mask<'a>(plan: &Arc<JsonPlan>, chunks: impl Iterator<Item = &'a [u8]>) -> (Outcome, Vec<u8>) {
    let mut masker = JsonMasker::new(Arc::clone(plan), Documents::One);
    let mut out = Vec::new();
    for chunk in chunks {
        let before = out.len();
        if let Err(refusal) = masker.push(chunk, &mut out) {
            assert_eq!(out.len(), before, "what is refused gives out nothing");
            return (Err(refusal), out);
        }
    }
    let outcome = masker.finish(&mut out);
    (outcome, out)
}

fn untouched(document: &[u8]) {
    let nothing = Arc::new(JsonPlan::default());
    let (outcome, out) = mask(&nothing, std::iter::once(document));
    if outcome.is_ok() {
        assert_eq!(outcome, Ok(0));
        assert_eq!(out, document, "untouched is byte for byte");
        serde_json::from_slice::<IgnoredAny>(document).expect("what is accepted is JSON");
    } else if let Ok(value) = serde_json::from_slice::<Value>(document) {
        // Of the JSON that a common reader takes, only what our own bounds exclude is refused.
        let bounded = matches!(outcome, Err(InvalidJson::ScalarTooLong(_)));
        assert!(bounded, "refused, yet JSON: {outcome:?} {value}");
    }
}

fn cut_anywhere(plan: &Arc<JsonPlan>, document: &[u8]) {
    let (whole, out) = mask(plan, std::iter::once(document));
    for size in [1, 2, 7, document.len() / 2] {
        let (cut, cut_out) = mask(plan, document.chunks(size.max(1)));
        assert_eq!(cut, whole, "in chunks of {size}");
        if whole.is_ok() {
            assert_eq!(cut_out, out, "in chunks of {size}");
        }
    }
    if whole.is_ok() {
        serde_json::from_slice::<IgnoredAny>(&out).expect("what comes out is JSON");
    }
}

fn no_spelling_hides(document: &[u8]) {
    let secret = JsonPath::parse("$..secret").expect("a path");
    let (outcome, out) = mask(&plan(&secret), std::iter::once(document));
    if outcome.is_ok()
        && let Ok(value) = serde_json::from_slice::<Value>(&out)
    {
        assert!(!shows_secret(&value), "{value}");
    }
}

fn shows_secret(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(name, value)| {
            let hidden = value.is_null() || value.as_str() == Some(REDACTED);
            (name == "secret" && !hidden) || shows_secret(value)
        }),
        Value::Array(items) => items.iter().any(shows_secret),
        _ => false,
    }
}
