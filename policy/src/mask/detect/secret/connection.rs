//! Passwords in connection strings. Only the password is found: the rest tells where a program
//! connects, and stays readable.

use super::super::hint;
use super::super::kind::DetectorKind;
use super::super::tail::{Class, Tail};
use super::super::view::{Found, View};
use super::is_placeholder;

/// The longest user name in a URL.
const USER: usize = 128;

/// How far around a password the other keys of its list are looked for.
const BEFORE: usize = 200;
const AFTER: usize = 160;

/// Keys that make a `password=` part of a connection string: the last word of a key.
const BESIDE: &[&str] = &[
    "server",
    "host",
    "hostname",
    "hostaddr",
    "source",
    "user",
    "uid",
    "username",
    "userid",
    "database",
    "dbname",
    "db",
    "catalog",
    "port",
    "addr",
    "address",
    "endpoint",
    "accountname",
    "endpointsprotocol",
    "sharedaccesskeyname",
    "id",
    "login",
    "provider",
    "driver",
    "url",
    "account",
    "tenant",
    "dsn",
    "schema",
    "sslmode",
];

/// Decides at the colon of `://`: `scheme://user:password@host`.
pub(in super::super) fn url(view: View<'_>) -> Option<Found> {
    let at = view.at();
    let has_scheme = view
        .before(at)
        .is_some_and(|byte| byte.is_ascii_alphanumeric());
    if !has_scheme || !view.has(at, b"://") {
        return None;
    }
    let is_user = |byte: u8| {
        byte > b' '
            && !matches!(
                byte,
                b':' | b'/' | b'@' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'['
            )
    };
    let colon = view.run(at + 3, is_user);
    if view.byte(colon) != Some(b':') || colon - at > USER {
        return None;
    }
    let start = colon + 1;
    let token = view.run(start, |byte| Class::UrlPassword.has(byte) || byte == b'@');
    let text = view.slice(start..token);
    let authority = authority(text);
    let is_port = authority.iter().all(u8::is_ascii_digit);
    let sign = authority
        .iter()
        .rposition(|byte| *byte == b'@')
        .or_else(|| {
            // A port is digits; what is none is a password that was not escaped.
            if is_port {
                None
            } else {
                text.iter().position(|byte| *byte == b'@')
            }
        });
    let (end, tail) = match sign {
        Some(sign) => (start + sign, None),
        // A password longer than the view.
        None if view.is_cut_at(token) && !is_port => (token, Some(Tail::Run(Class::UrlPassword))),
        None => return None,
    };
    let is_followed = tail.is_some()
        || view
            .byte(end + 1)
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'[' || byte >= 0x80);
    (is_followed && !is_placeholder(view.slice(start..end))).then(|| Found {
        tail,
        ..Found::new(DetectorKind::ConnectionString, start, end)
    })
}

/// Decides behind `@tcp(` or `@unix(`: `user:password@tcp(host:port)/name`.
pub(in super::super) fn dsn(view: View<'_>, sign: usize) -> Option<Found> {
    let token = view.run_back(sign, |byte| Class::UrlPassword.has(byte) || byte == b'@');
    let text = view.slice(token..sign);
    let scheme = text.windows(3).rposition(|part| part == b"://");
    let user = token + scheme.map_or(0, |at| at + 3);
    let start = view.run(user, |byte| byte != b':') + 1;
    (start > user + 1 && start < sign && !is_placeholder(view.slice(start..sign)))
        .then(|| Found::new(DetectorKind::ConnectionString, start, sign))
}

/// Decides behind a key such as `password`: a value in a list with other keys of a connection.
pub(in super::super) fn pair(view: View<'_>, key: usize) -> Option<Found> {
    let is_space = |byte: u8| byte == b' ';
    let equals = view.run(view.at(), is_space);
    let begins = hint::is_word(view, key, view.at()) && view.byte(equals) == Some(b'=');
    if !begins || view.byte(equals + 1) == Some(b'=') {
        return None;
    }
    let (start, end) = value(view, key, view.run(equals + 1, is_space));
    let tail = view.is_cut_at(end).then_some(Tail::Run(Class::ListValue));
    (!is_placeholder(view.slice(start..end)) && has_company(view, key, end)).then(|| Found {
        tail,
        ..Found::new(DetectorKind::ConnectionString, start, end)
    })
}

/// Whether what stands between `//` and an `@` in a URL is a user and perhaps a password. Behind
/// a slash it is part of a path, unless what stands before the slash cannot be a host and a port.
pub(in super::super) fn is_user_info(text: &[u8]) -> bool {
    let host = authority(text);
    let port = host
        .iter()
        .position(|byte| *byte == b':')
        .and_then(|at| host.get(at + 1..));
    host.len() == text.len() || port.is_some_and(|port| !port.iter().all(u8::is_ascii_digit))
}

/// Up to the path, the query or the fragment.
fn authority(text: &[u8]) -> &[u8] {
    text.split(|byte| matches!(byte, b'/' | b'?' | b'#'))
        .next()
        .unwrap_or_default()
}

/// The value from `start` on: in quotes, or up to the separator of its list.
fn value(view: View<'_>, key: usize, start: usize) -> (usize, usize) {
    let close = match view.byte(start) {
        Some(quote @ (b'\'' | b'"')) => Some(quote),
        Some(b'{') => Some(b'}'),
        _ => None,
    };
    if let Some(close) = close {
        let end = view.run(start + 1, |byte| byte != close && byte != b'\n');
        if view.byte(end) == Some(close) {
            return (start + 1, end);
        }
    }
    // Between semicolons a value may have spaces; elsewhere a space ends it.
    let before = view.run_back(key, |byte| byte == b' ' || byte.is_ascii_alphanumeric());
    let is_list = match view.before(before) {
        Some(b';') => true,
        None | Some(b'"' | b'\'' | b'\n') => opens_list(view, start),
        _ => false,
    };
    let ends = |byte: u8| matches!(byte, b';' | b'"' | b'\n' | b'\r' | b'\\' | b'<');
    let end = view.run(start, |byte| {
        !(ends(byte) || !is_list && !Class::ListValue.has(byte))
    });
    (start, end)
}

/// Whether the first value of a line goes up to a semicolon, with no other key before it.
fn opens_list(view: View<'_>, start: usize) -> bool {
    let end = view.run(start, |byte| {
        !matches!(byte, b';' | b'=' | b'"' | b'\n' | b'\r')
    });
    view.byte(end) == Some(b';')
}

fn has_company(view: View<'_>, key: usize, end: usize) -> bool {
    let from = view.slice(key.saturating_sub(BEFORE)..key);
    let to = view.slice(end..end + AFTER);
    let to = if to.is_empty() { view.from(end) } else { to };
    keys(from).chain(keys(to)).any(|word| {
        let word = word.trim_ascii_end();
        let start = word
            .iter()
            .rposition(|byte| !byte.is_ascii_alphabetic())
            .map_or(0, |at| at + 1);
        hint::is_listed(word.get(start..).unwrap_or_default(), BESIDE)
    })
}

/// What stands before each `=`, cut to the size of a key.
fn keys(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'=')
        .filter_map(|(at, _)| text.get(at.saturating_sub(20)..at))
}
