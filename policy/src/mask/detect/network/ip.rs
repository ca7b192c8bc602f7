//! Internet addresses, told from versions, section numbers and times by what stands around them.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::super::hint;
use super::super::kind::DetectorKind;
use super::super::view::{Found, View};

/// The longest text of an address of version 6.
const LONGEST: usize = 45;

/// Words after which four numbers are no address.
const VERSION_HINTS: &[&str] = &[
    "version",
    "versions",
    "ver",
    "v",
    "release",
    "releases",
    "build",
    "firmware",
    "fw",
    "rev",
    "revision",
    "fileversion",
    "productversion",
    "assemblyversion",
    "section",
    "sec",
    "chapter",
    "clause",
    "paragraph",
    "upgraded",
    "upgrade",
    "update",
    "updated",
    "downgraded",
    "oid",
    "driver",
    "bios",
    "patch",
    "tag",
    "rule",
    "article",
    "appendix",
    "figure",
    "table",
    "step",
    "sdk",
    "runtime",
    "appversion",
    "swversion",
];
const VERSION_FILLERS: &[&str] = &["to", "from", "is", "number", "no", "the", "of", "was"];

/// Decides at the first digit of a run of digits.
pub(in super::super) fn v4(view: View<'_>) -> Option<Found> {
    let at = view.at();
    if !view.opens(at) || matches!(view.before(at), Some(b'.' | b'_')) {
        return None;
    }
    let (address, end) = quad(view, at)?;
    let ends = match view.byte(end) {
        Some(b'.' | b'_') => !view
            .byte(end + 1)
            .is_some_and(|byte| byte.is_ascii_alphanumeric()),
        // `1.2.3.4-beta`, `1.2.3.4-3ubuntu2`, but not the range `10.0.0.1-20`.
        Some(b'-' | b'+') => {
            let next = view.run(end + 1, |byte| byte.is_ascii_digit());
            !view
                .byte(next)
                .is_some_and(|byte| byte.is_ascii_alphabetic())
        }
        _ => view.closes(end),
    };
    (ends && !is_version(view, at, end, address))
        .then(|| Found::new(DetectorKind::IpAddress, at, end))
}

/// Decides at a colon: the first of the address.
pub(in super::super) fn v6(view: View<'_>) -> Option<Found> {
    let at = view.at();
    let start = view.run_back(at, |byte| byte.is_ascii_hexdigit());
    let is_double = start == at && view.byte(at + 1) == Some(b':');
    let is_first = !matches!(view.before(start), Some(b':' | b'.' | b'_')) && view.opens(start);
    if !(is_double || (1..=4).contains(&(at - start))) || !is_first {
        return None;
    }
    let belongs = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let mut end = view.run(start, belongs);
    if end - start > LONGEST + 1 || !view.closes(end) {
        return None;
    }
    // A full stop or a colon of the sentence.
    let text = view.slice(start..end);
    if text.ends_with(b".") || text.ends_with(b":") && !text.ends_with(b"::") {
        end -= 1;
    }
    let text = view.slice(start..end);
    let colons = text.iter().filter(|byte| **byte == b':').count();
    let is_short = text.windows(2).any(|pair| pair == b"::");
    // A time or a list of pairs ends here, before the parser is asked.
    let is_pairs = !is_short
        && text
            .split(|byte| *byte == b':')
            .all(|group| group.len() == 2);
    if !(is_short && colons >= 2 || colons >= 6) || is_pairs || !is_telling(text) {
        return None;
    }
    Ipv6Addr::from_str(std::str::from_utf8(text).ok()?).ok()?;
    Some(Found::new(DetectorKind::IpAddress, start, end))
}

/// `::1`, or enough digits to be no slice (`[1::2]`) and not two names (`dead::beef`).
fn is_telling(text: &[u8]) -> bool {
    let digits = text.iter().filter(|byte| byte.is_ascii_hexdigit()).count();
    text == b"::1" || digits >= 5 && text.iter().any(u8::is_ascii_digit)
}

/// Four numbers of at most 255 without leading zeros.
fn quad(view: View<'_>, at: usize) -> Option<(Ipv4Addr, usize)> {
    let mut parts = [0u8; 4];
    let mut next = at;
    for (index, part) in parts.iter_mut().enumerate() {
        if index > 0 {
            next += usize::from(view.byte(next) == Some(b'.'));
        }
        let end = view.run(next, |byte| byte.is_ascii_digit());
        let digits = view.slice(next..end);
        if digits.len() > 3 || (digits.len() > 1 && digits.starts_with(b"0")) {
            return None;
        }
        *part = std::str::from_utf8(digits).ok()?.parse().ok()?;
        next = end;
    }
    Some((Ipv4Addr::from(parts), next))
}

fn is_version(view: View<'_>, at: usize, end: usize, address: Ipv4Addr) -> bool {
    if hint::is_before(view, at, VERSION_HINTS, VERSION_FILLERS) {
        return true;
    }
    let is_inner = address.is_private() || address.is_loopback() || address.is_link_local();
    let before = (view.before(at.saturating_sub(1)), view.before(at));
    let is_marked = match before {
        // `Browser/1.2.3.4`, but also `host/10.1.2.3:80`.
        (Some(letter), Some(b'/')) => letter.is_ascii_alphabetic() && view.byte(end) != Some(b':'),
        // `==1.2.3.4`, `>=1.2.3.4`, `^1.2.3.4`.
        (Some(b'=' | b'>' | b'<' | b'~' | b'!'), Some(b'=')) => true,
        (_, Some(b'^' | b'~')) => true,
        (_, Some(0xA7)) => true,
        // The section sign and a space.
        (Some(0xA7), Some(b' ')) => true,
        _ => false,
    };
    is_marked && !is_inner
}
