//! E-mail addresses, told from user information in URLs, handles and file names.

use super::super::kind::DetectorKind;
use super::super::secret::connection;
use super::super::view::{Found, View};

/// The longest part before the `@`.
const LOCAL: usize = 64;

/// The longest domain, the longest label in it, and the longest last label.
const DOMAIN: usize = 253;
const LABEL: usize = 63;
const LAST_LABEL: std::ops::RangeInclusive<usize> = 2..=24;

/// How far before an address the `//` of a URL is looked for.
const USER_INFO: usize = 160;

/// Last labels of pictures for dense screens, as in `icon@2x.png`.
const PICTURES: &[&str] = &["png", "jpg", "jpeg", "gif", "webp", "svg", "ico", "pdf"];

/// Last labels of the units of a service manager, as in `getty@tty1.service`. None is a domain.
const UNITS: &[&str] = &[
    "service", "socket", "timer", "mount", "slice", "scope", "swap",
];

/// Decides at an `@`.
pub(in super::super) fn find(view: View<'_>) -> Option<Found> {
    let at = view.at();
    let start = local(view, at)?;
    let end = domain(view, at + 1)?;
    let name = view.slice(start..at);
    let is_repository = name == b"git" && view.byte(end) == Some(b':');
    let domain = view.slice(at + 1..end);
    (!is_user_info(view, start) && !is_repository && !is_picture(domain) && !is_unit(domain))
        .then(|| Found::new(DetectorKind::Email, start, end))
}

/// Where the name before the `@` begins.
fn local(view: View<'_>, at: usize) -> Option<usize> {
    let run = name_back(view, at);
    let text = view.slice(run..at);
    // A name begins behind two dots, and with a letter, a digit or `_`.
    let doubled = text
        .windows(2)
        .rposition(|pair| pair == b"..")
        .map_or(0, |index| index + 2);
    let name = text.get(doubled..)?;
    let lead = name.iter().position(|byte| is_word(*byte))?;
    let start = run + doubled + lead;
    let length = at - start;
    let ends_well = view.before(at) != Some(b'.');
    (length <= LOCAL && ends_well).then_some(start)
}

/// Back over the bytes of a name; one more than it may have, so that longer ones are seen.
fn name_back(view: View<'_>, at: usize) -> usize {
    let mut start = at;
    while start > 0 && at - start <= LOCAL {
        match (view.before(start), view.before(start - 1)) {
            (Some(byte), _) if is_word(byte) && byte.is_ascii() => start -= 1,
            (
                Some(b'.' | b'%' | b'+' | b'-' | b'\'' | b'!' | b'#' | b'$' | b'*' | b'~' | b'&'),
                _,
            ) => {
                start -= 1;
            }
            // A letter of two bytes, such as `ü`.
            (Some(0x80..=0xBF), Some(0xC3..=0xDF)) => start -= 2,
            _ => break,
        }
    }
    start
}

/// Where the domain ends: at least two labels, the last of letters.
fn domain(view: View<'_>, start: usize) -> Option<usize> {
    let mut at = start;
    let mut best = None;
    loop {
        let end = label_end(view, at);
        let label = view.slice(at..end);
        if label.is_empty()
            || label.starts_with(b"-")
            || label.len() > LABEL
            || end - start > DOMAIN
        {
            break;
        }
        if at > start {
            best = last_label(label).map(|length| at + length).or(best);
        }
        if label.ends_with(b"-") || view.byte(end) != Some(b'.') {
            break;
        }
        at = end + 1;
    }
    best.filter(|end| {
        !view
            .byte(*end)
            .is_some_and(|byte| byte.is_ascii_digit() || byte == b'_')
    })
}

/// Over letters, digits and dashes; of other letters those of two bytes, such as `ü`.
fn label_end(view: View<'_>, start: usize) -> usize {
    let mut end = start;
    loop {
        match (view.byte(end), view.byte(end + 1)) {
            (Some(byte), _) if byte.is_ascii_alphanumeric() || byte == b'-' => end += 1,
            (Some(0xC3..=0xDF), Some(0x80..=0xBF)) => end += 2,
            _ => return end,
        }
    }
}

/// How much of a label can be a last one: letters alone, or a label in the spelling of other
/// alphabets (`xn--`); a dash after letters belongs to the sentence.
fn last_label(label: &[u8]) -> Option<usize> {
    if label.len() > 4
        && label
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"xn--"))
    {
        return Some(label.len());
    }
    let letters = label
        .iter()
        .take_while(|byte| byte.is_ascii_alphabetic() || **byte >= 0x80)
        .count();
    let ends = label.get(letters).is_none_or(|byte| *byte == b'-');
    (ends && LAST_LABEL.contains(&letters)).then_some(letters)
}

/// Whether the name is the user, or the end of the password, of a URL; or a handle (`@a@b.c`).
fn is_user_info(view: View<'_>, start: usize) -> bool {
    if view.before(start) == Some(b'@') {
        return true;
    }
    let from = start.saturating_sub(USER_INFO);
    let is_part = |byte: u8| byte > b' ' && !matches!(byte, b'"' | b'\'' | b'<' | b'>');
    let token = view.slice(view.run_back(start, is_part).max(from)..start);
    let scheme = token.windows(3).rposition(|part| part == b"://");
    scheme
        .and_then(|at| token.get(at + 3..))
        .is_some_and(connection::is_user_info)
        || token == b"//"
}

fn is_picture(domain: &[u8]) -> bool {
    let mut parts = domain.split(|byte| *byte == b'.');
    let is_scale = matches!(parts.next(), Some([b'1'..=b'9', b'x' | b'X', ..]));
    let last = parts.next_back().unwrap_or_default();
    is_scale && super::super::hint::is_listed(last, PICTURES)
}

fn is_unit(domain: &[u8]) -> bool {
    let mut parts = domain.rsplit(|byte| *byte == b'.');
    let last = parts.next().unwrap_or_default();
    parts.count() == 1 && super::super::hint::is_listed(last, UNITS)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
