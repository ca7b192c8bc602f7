//! JSON web tokens: the header decodes to an object with `alg`.

use serde_json::{Map, Value};

use super::super::checksum::base64url;
use super::super::kind::DetectorKind;
use super::super::tail::{Class, Tail};
use super::super::view::{Found, View};

/// How an object begins in base64: `{"`, `{ `, `{` and a line feed, `{` and a carriage return.
pub(in super::super) const STARTS: &[&str] = &["eyJ", "eyA", "ewo", "ew0"];

/// Decides behind one of [`STARTS`].
pub(in super::super) fn find(view: View<'_>, start: usize) -> Option<Found> {
    if !view.opens(start) {
        return None;
    }
    let run = view.run(start, |byte| Class::Token.has(byte));
    let mut parts = view.slice(start..run).split(|byte| *byte == b'.');
    let header = parts.next()?;
    let payload = parts.next();
    let is_token = match payload {
        Some(payload) => is_header(header) && !payload.is_empty(),
        // A header longer than the view: certificates in it make it long.
        None => view.is_cut_at(run) && begins_header(header),
    };
    if !is_token {
        return None;
    }
    if view.is_cut_at(run) {
        let tail = Some(Tail::Run(Class::Token));
        return Some(Found {
            tail,
            ..Found::new(DetectorKind::Jwt, start, run)
        });
    }
    // The full stop of the sentence; an unsigned token ends with a dot of its own.
    let dots = view
        .slice(start..run)
        .iter()
        .filter(|byte| **byte == b'.')
        .count();
    let is_stop = view.before(run) == Some(b'.') && dots != 2;
    Some(Found::new(
        DetectorKind::Jwt,
        start,
        run - usize::from(is_stop),
    ))
}

fn is_header(text: &[u8]) -> bool {
    let Some(json) = base64url(text) else {
        return false;
    };
    let header = serde_json::from_slice::<Map<String, Value>>(&json);
    header.is_ok_and(|header| header.get("alg").is_some_and(Value::is_string))
}

fn begins_header(text: &[u8]) -> bool {
    base64url(text).is_some_and(|json| json.windows(5).any(|word| word == b"\"alg\""))
}
