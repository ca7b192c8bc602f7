//! Bank accounts: a country, its length, and the remainder by 97.

use super::super::checksum::mod97;
use super::super::kind::DetectorKind;
use super::super::view::{Found, View};
use super::separator_at;

/// The length of an account number in each country of the registry, in order of the code.
const LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// Decides at the first digit after two letters. Case does not count; groups of four may be parted
/// by spaces or dashes, all or none.
pub(in super::super) fn find(view: View<'_>) -> Option<Found> {
    let start = view.at().checked_sub(2)?;
    let country = view.slice(start..view.at());
    if !view.opens(start) || !country.iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    let length = length_of(country)?;
    let end = end_of(view, start, length)?;
    let text = view.slice(start..end);
    // 00, 01 and 99 leave the right remainder too, but are never given out.
    let is_given_out = !matches!(view.slice(start + 2..start + 4), b"00" | b"01" | b"99");
    (view.closes(end) && is_given_out && mod97(text))
        .then(|| Found::new(DetectorKind::Iban, start, end))
}

/// Whether `text` is an account number, whatever it is grouped by.
pub(in super::super) fn is_iban(text: &[u8]) -> bool {
    let kept = || text.iter().copied().filter(u8::is_ascii_alphanumeric);
    let country: Vec<u8> = kept().take(2).collect();
    length_of(&country) == Some(kept().count()) && mod97(text)
}

fn length_of(country: &[u8]) -> Option<usize> {
    let country = [
        country.first()?.to_ascii_uppercase(),
        country.get(1)?.to_ascii_uppercase(),
    ];
    let index = LENGTHS
        .binary_search_by(|(code, _)| (*code).cmp(&country))
        .ok()?;
    LENGTHS.get(index).map(|(_, length)| *length)
}

fn end_of(view: View<'_>, start: usize, length: usize) -> Option<usize> {
    let mut at = start;
    let mut is_grouped = false;
    for index in 0..length {
        if index > 0 && index % 4 == 0 {
            match separator_at(view, at).filter(|(byte, _)| matches!(byte, b' ' | b'-')) {
                Some((_, width)) if index == 4 || is_grouped => {
                    is_grouped = true;
                    at += width;
                }
                None if !is_grouped => {}
                _ => return None,
            }
        }
        let byte = view.byte(at)?;
        if !byte.is_ascii_alphanumeric() || (index == 2 || index == 3) && !byte.is_ascii_digit() {
            return None;
        }
        at += 1;
    }
    Some(at)
}
