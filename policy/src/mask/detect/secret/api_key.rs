//! Keys of no known form: chance beside a word that says so.

use super::super::checksum::{is_jumbled, is_random};
use super::super::hint;
use super::super::kind::DetectorKind;
use super::super::tail::{Class, Tail};
use super::super::view::{Found, View};

/// The shortest key.
const SHORTEST: usize = 16;

/// How much of a name may stand between its hint and the separator: `token_for_build = `.
const NAME: usize = 24;

/// How a name ends that is about a key without being one.
const ABOUT: &[&str] = &[
    "id",
    "ids",
    "name",
    "count",
    "hash",
    "type",
    "url",
    "uri",
    "arn",
    "path",
    "version",
    "length",
    "digest",
    "fingerprint",
    "checksum",
    "ttl",
    "expires",
    "expiry",
    "at",
    "ref",
    "file",
    "sha",
    "policy",
    "etag",
    "request",
];

/// Words between a hint and its value in a sentence or a header.
const FILLERS: &[&str] = &[
    "is", "was", "bearer", "basic", "token", "apikey", "key", "value",
];

/// How keys begin whose issuers marked them, so that they need no hint. Case counts.
pub(in super::super) const PREFIXES: &[&str] = &[
    "sk_live_", "rk_live_", "sk_test_", "sk-ant-", "sk-proj-", "glpat-", "npm_", "dop_v1_",
    "shpat_", "hf_", "SG.",
];

/// The shortest rest of a key behind its prefix.
const MARKED: usize = 20;

/// Decides behind one of [`PREFIXES`].
pub(in super::super) fn prefixed(view: View<'_>, start: usize) -> Option<Found> {
    let prefix = view.slice(start..view.at());
    if !view.opens(start) || !PREFIXES.iter().any(|known| known.as_bytes() == prefix) {
        return None;
    }
    let end = view.run(view.at(), |byte| Class::Token.has(byte));
    let tail = view.is_cut_at(end).then_some(Tail::Run(Class::Token));
    let stops = view
        .slice(start..end)
        .iter()
        .rev()
        .take_while(|byte| **byte == b'.')
        .count();
    let rest = view.slice(view.at()..end - stops);
    (rest.len() >= MARKED && is_jumbled(rest)).then(|| Found {
        tail,
        ..Found::new(DetectorKind::ApiKey, start, end - stops)
    })
}

/// Decides behind a hint. Beside a weak hint (`token`) a UUID is an identifier, beside a strong
/// one (`secret`) it is a key.
pub(in super::super) fn find(view: View<'_>, start: usize, is_strong: bool) -> Option<Found> {
    if !hint::is_word(view, start, view.at()) && !is_hump(view) {
        return None;
    }
    let value = value_after(view, view.at())?;
    let mut end = view.run(value, |byte| Class::Secret.has(byte));
    let tail = view.is_cut_at(end).then_some(Tail::Run(Class::Secret));
    end -= view
        .slice(value..end)
        .iter()
        .rev()
        .take_while(|byte| **byte == b'.')
        .count();
    let text = view.slice(value..end);
    // Padding.
    end = view.run(end, |byte| byte == b'=').min(end + 2);
    let is_key = if is_uuid(text) {
        is_strong
    } else {
        text.len() >= SHORTEST && is_random(text)
    };
    is_key.then(|| Found {
        tail,
        ..Found::new(DetectorKind::ApiKey, value, end)
    })
}

/// Where the value begins that a name which ends in, or goes on from, a hint is given.
pub(super) fn value_after(view: View<'_>, hint_end: usize) -> Option<usize> {
    let name_end = view
        .run(hint_end, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
        })
        .min(hint_end + NAME);
    let rest = view.slice(hint_end..name_end);
    let last = rest
        .rsplit(|byte| matches!(byte, b'_' | b'-'))
        .next()
        .unwrap_or_default();
    let is_about = hint::is_listed(last, ABOUT) || ends_with_hump(last);
    if is_about {
        return None;
    }
    let mut at = separator(view, name_end)?;
    // `Authorization: Bearer …`, `the api key is …`.
    for _ in 0..2 {
        let word = view.run(at, |byte| byte.is_ascii_alphabetic());
        if !hint::is_listed(view.slice(at..word), FILLERS) {
            break;
        }
        let Some(next) = separator(view, word) else {
            break;
        };
        at = next;
    }
    Some(at)
}

/// Over quotes, white space and one of `=`, `:`, `=>`, `:=`; at least something.
fn separator(view: View<'_>, start: usize) -> Option<usize> {
    let is_quote = |byte: u8| matches!(byte, b'"' | b'\'' | b'`' | b'\\');
    let is_space = |byte: u8| matches!(byte, b' ' | b'\t');
    let bounded = |from: usize, belongs: &dyn Fn(u8) -> bool| view.run(from, belongs).min(from + 4);
    let mut at = bounded(start, &is_quote);
    at = bounded(at, &is_space);
    at = view
        .run(at, |byte| matches!(byte, b'=' | b':' | b'>' | b','))
        .min(at + 2);
    at = bounded(at, &is_space);
    at = bounded(at, &is_quote);
    (at > start).then_some(at)
}

/// Whether the hint goes on in plain lower case, as `tokens` does.
fn is_hump(view: View<'_>) -> bool {
    view.byte(view.at()) == Some(b's')
        && !view
            .byte(view.at() + 1)
            .is_some_and(|byte| byte.is_ascii_alphabetic())
}

/// `tokenId`, `secretName`.
fn ends_with_hump(word: &[u8]) -> bool {
    ABOUT.iter().any(|about| {
        let tail = word
            .len()
            .checked_sub(about.len())
            .and_then(|start| word.get(start..));
        tail.is_some_and(|tail| {
            tail.first().is_some_and(u8::is_ascii_uppercase)
                && tail.eq_ignore_ascii_case(about.as_bytes())
        })
    })
}

fn is_uuid(text: &[u8]) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let parts = || text.split(|byte| *byte == b'-');
    parts().count() == 5
        && parts()
            .zip(lengths)
            .all(|(part, length)| part.len() == length && part.iter().all(u8::is_ascii_hexdigit))
}
