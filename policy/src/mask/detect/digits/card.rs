//! Payment cards: an issuer's range, a length that it issues, and the Luhn digit.

use super::super::checksum::{ean13, luhn};
use super::super::kind::DetectorKind;
use super::super::view::{Found, View};
use super::{DIGITS, Digits, Groups, is_continued, number};

/// From, to (the first six digits) and the lengths in use.
type Issuer = (u32, u32, &'static [usize]);

const ISSUERS: &[Issuer] = &[
    (220_000, 220_499, &[16, 17, 18, 19]),             // Mir
    (222_100, 272_099, &[16]),                         // Mastercard
    (300_000, 305_999, &[14, 16, 17, 18, 19]),         // Diners Club
    (309_500, 309_599, &[14, 16, 17, 18, 19]),         // Diners Club
    (340_000, 349_999, &[15]),                         // American Express
    (352_800, 358_999, &[16, 17, 18, 19]),             // JCB
    (360_000, 369_999, &[14, 15, 16, 17, 18, 19]),     // Diners Club
    (370_000, 379_999, &[15]),                         // American Express
    (380_000, 399_999, &[14, 16, 17, 18, 19]),         // Diners Club
    (400_000, 499_999, &[13, 16, 19]),                 // Visa
    (501_800, 501_899, &[12, 13, 14, 15, 16, 18, 19]), // Maestro
    (502_000, 502_099, &[12, 13, 14, 15, 16, 18, 19]), // Maestro
    (503_800, 503_899, &[12, 13, 14, 15, 16, 18, 19]), // Maestro
    (500_000, 509_999, &[16, 18, 19]),                 // Maestro, Verve, Elo, RuPay
    (510_000, 559_999, &[16]),                         // Mastercard
    (560_000, 589_999, &[16, 18, 19]),                 // Maestro
    (600_000, 609_999, &[16, 17, 18, 19]),             // Discover, RuPay, Hipercard
    (620_000, 629_999, &[16, 17, 18, 19]),             // UnionPay, Discover
    (630_400, 630_499, &[12, 13, 14, 15, 16, 18, 19]), // Maestro
    (636_000, 639_999, &[16, 18, 19]),                 // Elo, Maestro
    (644_000, 659_999, &[16, 17, 18, 19]),             // Discover, RuPay, Verve
    (670_000, 679_999, &[12, 13, 14, 15, 16, 18, 19]), // Maestro
    (810_000, 829_999, &[16, 17, 18, 19]),             // UnionPay, RuPay
    (979_200, 979_299, &[16]),                         // Troy
];

/// How cards are written in groups; longer ones first.
const SHAPES: &[&[usize]] = &[
    &[4, 4, 4, 4, 3],
    &[4, 4, 4, 4, 2],
    &[4, 4, 4, 4, 1],
    &[4, 4, 4, 4],
    &[4, 6, 5],
    &[4, 6, 4],
    &[4, 4, 4, 3],
    &[4, 4, 4, 2],
    &[4, 4, 4, 1],
];

/// Decides at the first digit of a run of `run` digits.
pub(in super::super) fn find(view: View<'_>, run: usize) -> Option<Found> {
    let at = view.at();
    // `%B` opens the first track of a magnetic stripe.
    let opens = view.opens(at) || view.slice(at.saturating_sub(2)..at) == b"%B";
    let is_fraction = view.before(at) == Some(b'.') && is_continued(view, at, b".");
    if !opens || is_fraction {
        return None;
    }
    let end = match run {
        4 => grouped(view, at)?,
        12..=19 => plain(view, at, at + run)?,
        _ => return None,
    };
    Some(Found::new(DetectorKind::CreditCard, at, end))
}

fn grouped(view: View<'_>, at: usize) -> Option<usize> {
    let groups = Groups::read(view, at);
    SHAPES.iter().find_map(|shape| {
        let end = groups.shaped(shape)?;
        let separator = groups.separator(shape.len())?;
        let fits = matches!(separator, b' ' | b'-') && view.closes(end);
        (fits && is_card(view.slice(at..end))).then_some(end)
    })
}

fn plain(view: View<'_>, at: usize, end: usize) -> Option<usize> {
    let decimals = view.byte(end) == Some(b'.') && view.is_digit(end + 1);
    let fits = view.closes(end) && !decimals;
    // A 13-digit number that passes the check of article numbers is one: German and Japanese
    // articles share their first digit with the old 13-digit Visa cards.
    let text = view.slice(at..end);
    (fits && !ean13(text) && is_card(text)).then_some(end)
}

/// Whether a number, given as text, is a payment card's: whole, positive, 13 to 19 digits, and all
/// else that a card in a text must be. `4111111111111111.00` and `4.111111111111111e15` are such
/// numbers too.
pub(in crate::mask) fn is_card_number(number: &[u8]) -> bool {
    whole_number(number).is_some_and(|digits| {
        let digits = digits.all();
        (13..=19).contains(&digits.len()) && !ean13(digits) && is_card(digits)
    })
}

/// The digits of a whole number; none where it is not plain, not whole, or too long.
fn whole_number(number: &[u8]) -> Option<Digits> {
    let (mantissa, exponent) = match number.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (number.get(..at)?, number.get(at + 1..)?),
        None => (number, &b"0"[..]),
    };
    let exponent: usize = std::str::from_utf8(exponent).ok()?.parse().ok()?;
    let point = mantissa.iter().position(|byte| *byte == b'.');
    let whole = point.unwrap_or(mantissa.len());
    let length = whole.checked_add(exponent)?;
    let mut written = mantissa.iter().filter(|byte| **byte != b'.');
    let mut digits = Digits::default();
    for _ in 0..length.min(DIGITS + 1) {
        let byte = written.next().copied().unwrap_or(b'0');
        if !byte.is_ascii_digit() || !digits.push(byte) {
            return None;
        }
    }
    written.all(|byte| *byte == b'0').then_some(digits)
}

fn is_card(text: &[u8]) -> bool {
    let digits = Digits::of(text);
    let first = number(digits.all().get(..6).unwrap_or_default());
    let is_issued = ISSUERS.iter().any(|(from, to, lengths)| {
        (*from..=*to).contains(&first) && lengths.contains(&digits.all().len())
    });
    is_issued && luhn(digits.all())
}
