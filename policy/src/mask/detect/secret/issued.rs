//! Keys whose issuer gave them a form of their own.

use super::super::checksum::{base62, crc32, entropy};
use super::super::hint;
use super::super::kind::DetectorKind;
use super::super::tail::{Class, Tail};
use super::super::view::{Found, View};
use super::api_key::value_after;

/// The length of a secret access key.
const AWS_SECRET: usize = 40;

/// The shortest session credential; they are some hundreds of characters long.
const AWS_SESSION: usize = 100;

/// The length of a GitHub token behind its prefix: 30 of chance and 6 of checksum, or more.
const GITHUB: std::ops::RangeInclusive<usize> = 36..=251;

/// The shortest last part of a Slack token.
const SLACK_SECRET: usize = 20;

/// `AKIA` and sixteen of base 32. Prefixes of identifiers that open nothing (`AIDA`, `AROA`) are
/// not looked for.
pub(in super::super) fn aws_id(view: View<'_>, start: usize) -> Option<Found> {
    let is_base32 = |byte: u8| byte.is_ascii_uppercase() || matches!(byte, b'2'..=b'7');
    let end = view.run(start, is_base32);
    (view.opens(start) && end - start == 20 && view.closes(end))
        .then(|| Found::new(DetectorKind::AwsKey, start, end))
}

/// Forty characters of chance beside a hint that names them.
pub(in super::super) fn aws_secret(view: View<'_>) -> Option<Found> {
    let start = value_after(view, view.at())?;
    let end = view.run(start, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
    });
    let value = view.slice(start..end);
    let has = |class: fn(&u8) -> bool| value.iter().any(class);
    let is_mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
    let is_key = value.len() == AWS_SECRET && is_mixed && entropy(value) >= 3.5;
    (is_key && view.closes(end) && view.byte(end) != Some(b'='))
        .then(|| Found::new(DetectorKind::AwsKey, start, end))
}

/// A session credential, as long as it is.
pub(in super::super) fn aws_session(view: View<'_>, start: usize) -> Option<Found> {
    let is_base64 =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'%');
    let end = view.run(start, is_base64);
    let tail = view.is_cut_at(end).then_some(Tail::Run(Class::Secret));
    (view.opens(start) && end - start >= AWS_SESSION).then(|| Found {
        tail,
        ..Found::new(DetectorKind::AwsKey, start, end)
    })
}

/// `AIza` and 35 more; `GOCSPX-` and 28 more; `GOOG` and 20 or 57 more.
pub(in super::super) fn gcp(view: View<'_>, start: usize) -> Option<Found> {
    let end = view.run(start, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
    });
    let text = view.slice(start..end);
    let is_key = match text.len() {
        39 => text.starts_with(b"AIza"),
        35 => text.starts_with(b"GOCSPX-"),
        24 | 61 => {
            text.starts_with(b"GOOG")
                && text
                    .iter()
                    .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        }
        _ => false,
    };
    let has_digit = text.iter().any(u8::is_ascii_digit);
    (is_key && has_digit && entropy(text) >= 3.0 && view.opens(start))
        .then(|| Found::new(DetectorKind::GcpKey, start, end))
}

/// `ya29.` and at least twenty more, as long as it is.
pub(in super::super) fn gcp_access(view: View<'_>, start: usize) -> Option<Found> {
    let end = view.run(view.at(), |byte| Class::Token.has(byte));
    let is_stop = view.before(end) == Some(b'.') && !view.is_cut_at(end);
    let end = end - usize::from(is_stop && end > view.at());
    let secret = view.slice(view.at()..end);
    let is_key = secret.len() >= 20 && secret.iter().any(u8::is_ascii_digit);
    let tail = view.is_cut_at(end).then_some(Tail::Run(Class::Token));
    (is_key && view.has(start, b"ya29.") && view.opens(start)).then(|| Found {
        tail,
        ..Found::new(DetectorKind::GcpKey, start, end)
    })
}

/// `ghp_` and its kin: the last six characters are the CRC-32 of the others in base 62.
pub(in super::super) fn github(view: View<'_>, start: usize) -> Option<Found> {
    let end = view.run(view.at(), |byte| byte.is_ascii_alphanumeric());
    let body = view.slice(view.at()..end);
    let (secret, check) = body.split_at_checked(body.len().checked_sub(6)?)?;
    let is_token = GITHUB.contains(&body.len()) && base62(check) == Some(crc32(secret));
    (is_token && is_lower(view, start, 4) && view.opens(start) && view.closes(end))
        .then(|| Found::new(DetectorKind::GithubToken, start, end))
}

/// `github_pat_`, 22 characters, `_`, 59 characters.
pub(in super::super) fn github_fine(view: View<'_>, start: usize) -> Option<Found> {
    let middle = view.run(view.at(), |byte| byte.is_ascii_alphanumeric());
    let end = view.run(middle + 1, |byte| byte.is_ascii_alphanumeric());
    let fits = middle - view.at() == 22
        && view.byte(middle) == Some(b'_')
        && end - middle == 60
        && entropy(view.slice(view.at()..end)) >= 3.0;
    (fits && is_lower(view, start, 11) && view.opens(start) && view.closes(end))
        .then(|| Found::new(DetectorKind::GithubToken, start, end))
}

/// `xoxb-` and its kin: a number first, chance last.
pub(in super::super) fn slack(view: View<'_>, start: usize) -> Option<Found> {
    let belongs = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let end = view.run(view.at(), belongs);
    let mut parts = view.slice(view.at()..end).split(|byte| *byte == b'-');
    let number = parts.next()?;
    let secret = parts.next_back()?;
    let is_number = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    let is_secret = secret.len() >= SLACK_SECRET && is_mixed(secret);
    (is_number && is_secret && is_lower(view, start, view.at() - start) && view.opens(start))
        .then(|| Found::new(DetectorKind::SlackToken, start, end))
}

/// The path of an incoming webhook: team, channel, secret.
pub(in super::super) fn slack_hook(view: View<'_>, start: usize) -> Option<Found> {
    let end = view.run(view.at(), |byte| {
        byte.is_ascii_alphanumeric() || byte == b'/'
    });
    let mut parts = view.slice(view.at()..end).split(|byte| *byte == b'/');
    let is_id = |part: Option<&[u8]>, first: u8| {
        part.is_some_and(|part| part.len() >= 9 && part.first() == Some(&first))
    };
    let fits = is_id(parts.next(), b'T')
        && is_id(parts.next(), b'B')
        && parts
            .next()
            .is_some_and(|secret| secret.len() >= SLACK_SECRET && is_mixed(secret));
    fits.then(|| Found::new(DetectorKind::SlackToken, start, end))
}

/// Enough of a mixture for a form that is strict already: letters and digits, or letters of both
/// cases, for of 24 characters of chance one secret in sixty has no digit.
fn is_mixed(secret: &[u8]) -> bool {
    let has = |class: fn(&u8) -> bool| secret.iter().any(class);
    let classes = [
        u8::is_ascii_digit,
        u8::is_ascii_uppercase,
        u8::is_ascii_lowercase,
    ];
    classes.into_iter().filter(|class| has(*class)).count() >= 2 && entropy(secret) >= 3.0
}

/// Whether a word that was found without regard to case is written in lower case.
fn is_lower(view: View<'_>, start: usize, length: usize) -> bool {
    !view
        .slice(start..start + length)
        .iter()
        .any(u8::is_ascii_uppercase)
}

/// Whether a hint stands alone as a word.
pub(in super::super) fn is_hint(view: View<'_>, start: usize) -> bool {
    hint::is_word(view, start, view.at())
}
