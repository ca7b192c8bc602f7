//! Private keys in PEM, also with their line ends escaped as in JSON.

use super::super::kind::DetectorKind;
use super::super::tail::{Pem, Tail};
use super::super::view::{Found, View};

pub(in super::super) const START: &str = "-----BEGIN ";

/// The longest label, as in `ENCRYPTED PRIVATE KEY`.
const LABEL: usize = 48;

/// How much base64 must follow: a mention of the BEGIN line is no key.
const BODY: usize = 16;

/// Decides behind [`START`].
pub(in super::super) fn find(view: View<'_>, start: usize) -> Option<Found> {
    let at = view.at();
    if view.slice(start..at) != START.as_bytes() {
        return None;
    }
    let end = view.run(at, |byte| {
        byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' '
    });
    let label = view.slice(at..end);
    let is_private = label.len() <= LABEL && label.windows(11).any(|word| word == b"PRIVATE KEY");
    if !is_private || !view.has(end, b"-----") || !has_body(view, end + 5) {
        return None;
    }
    let tail = Some(Tail::Pem(Pem::Body(0)));
    Some(Found {
        tail,
        ..Found::new(DetectorKind::PrivateKey, start, end + 5)
    })
}

/// A line of base64, also where the line ends were lost, or a header line of an older format.
fn has_body(view: View<'_>, end: usize) -> bool {
    let mut at = view.run(end, |byte| byte.is_ascii_whitespace() || byte == b'\\');
    // The letters of escaped line ends: `\n`, `\r\n`.
    while view.before(at) == Some(b'\\') && matches!(view.byte(at), Some(b'n' | b'r')) {
        at = view.run(at + 1, |byte| byte.is_ascii_whitespace() || byte == b'\\');
    }
    let body = view.run(at, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
    });
    let is_header = [
        &b"Proc-Type:"[..],
        b"Version:",
        b"Comment:",
        b"DEK-Info:",
        b"Hash:",
    ]
    .iter()
    .any(|name| view.has(at, name));
    body - at >= BODY || (at > end && is_header)
}
