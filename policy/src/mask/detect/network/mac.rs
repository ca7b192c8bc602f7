//! Hardware addresses: six pairs joined by `:` or `-`, or three groups of four joined by dots.

use super::super::kind::DetectorKind;
use super::super::view::{Found, View};

/// Decides at a separator: the first of the address.
pub(in super::super) fn find(view: View<'_>, separator: u8) -> Option<Found> {
    let (count, width) = if separator == b'.' { (3, 4) } else { (6, 2) };
    let at = view.at();
    // The next separator first: it is the cheapest look, and most often the last.
    if view.byte(at + width + 1) != Some(separator) {
        return None;
    }
    let start = at.checked_sub(width)?;
    let end = start + count * (width + 1) - 1;
    let text = view.slice(start..end);
    let fits = text.len() == end - start
        && text.chunks(width + 1).all(|group| match group.split_at_checked(width) {
            Some((hex, rest)) => {
                hex.iter().all(u8::is_ascii_hexdigit) && matches!(rest, [] | [_] if rest.first().is_none_or(|byte| *byte == separator))
            }
            None => false,
        });
    let joins = |byte: Option<u8>| {
        byte.is_some_and(|byte| byte == separator || byte == b'_' || byte.is_ascii_alphanumeric())
    };
    let ends = match view.byte(end) {
        Some(byte) if byte == separator => !joins(view.byte(end + 1)),
        byte => !joins(byte),
    };
    (fits && ends && !joins(view.before(start)) && is_device(text))
        .then(|| Found::new(DetectorKind::MacAddress, start, end))
}

/// Not all zeros, not the broadcast address, not `24-05-31-12-30-59`.
fn is_device(text: &[u8]) -> bool {
    let hex = || text.iter().filter(|byte| byte.is_ascii_hexdigit());
    let is_blank = hex().all(|byte| *byte == b'0') || hex().all(|byte| matches!(byte, b'f' | b'F'));
    !is_blank && !is_time(text)
}

fn is_time(text: &[u8]) -> bool {
    let parts = || text.split(|byte| *byte == b'-');
    if parts().count() != 6
        || !text
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'-')
    {
        return false;
    }
    let most = [99, 12, 31, 23, 59, 59];
    parts().zip(most).all(|(part, most)| {
        part.iter()
            .fold(0u32, |number, digit| number * 10 + u32::from(digit - b'0'))
            <= most
    })
}
