//! Dates of birth: a date beside a word that says so.

use super::super::hint;
use super::super::kind::DetectorKind;
use super::super::view::{Found, View};

/// How far behind its hint a date may begin.
const DISTANCE: usize = 32;

/// How much may open the brackets around a hint that follows its date.
const OPENING: usize = 3;

/// Words that may stand between the hint and the date.
const FILLERS: &[&str] = &[
    "on", "in", "is", "was", "of", "the", "date", "at", "value", "field", "am", "le", "el", "il",
    "as", "patient", "yyyy", "mm", "dd", "client", "customer", "user",
];

/// The years in which somebody may have been born.
const YEARS: std::ops::RangeInclusive<u32> = 1890..=2049;

/// The longest name of a month, in bytes: `septiembre`.
const MONTH: usize = 10;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// How months begin in other languages where it is not as in English.
const MORE_MONTHS: [(&str, u32); 20] = [
    ("ene", 1),
    ("gen", 1),
    ("fév", 2),
    ("mär", 3),
    ("mrt", 3),
    ("abr", 4),
    ("avr", 4),
    ("mai", 5),
    ("mag", 5),
    ("mei", 5),
    ("giu", 6),
    ("juin", 6),
    ("juil", 7),
    ("lug", 7),
    ("ago", 8),
    ("aoû", 8),
    ("set", 9),
    ("okt", 10),
    ("dic", 12),
    ("dez", 12),
];

/// Decides behind a hint that began at `start`.
pub(in super::super) fn find(view: View<'_>, start: usize) -> Option<Found> {
    let end = view.at();
    if !hint::is_word(view, start, end) {
        return None;
    }
    let (from, to) = after(view, end).or_else(|| before(view, start))?;
    Some(Found::new(DetectorKind::DateOfBirth, from, to))
}

/// The first thing behind the hint that is neither punctuation nor a filler must be the date.
fn after(view: View<'_>, end: usize) -> Option<(usize, usize)> {
    let mut at = end;
    while at <= end + DISTANCE {
        let byte = view.byte(at)?;
        if let Some(to) = date(view, at) {
            return Some((at, to));
        }
        if byte.is_ascii_alphabetic() {
            let next = view.run(at, |byte| byte.is_ascii_alphabetic());
            if !hint::is_listed(view.slice(at..next), FILLERS) {
                return None;
            }
            at = next;
        } else if byte.is_ascii_digit() || byte == b'\n' {
            return None;
        } else {
            at += 1;
        }
    }
    None
}

/// `1985-03-12 (date of birth)`.
fn before(view: View<'_>, start: usize) -> Option<(usize, usize)> {
    let open = view.run_back(start, |byte| matches!(byte, b' ' | b'(' | b'['));
    if start - open > OPENING {
        return None;
    }
    let is_opened = view
        .slice(open..start)
        .iter()
        .any(|byte| matches!(byte, b'(' | b'['));
    let from = view.run_back(open, |byte| {
        !matches!(byte, b' ' | b'"' | b'\'' | b':' | b'=' | b'\n')
    });
    let to = date(view, from).filter(|to| *to == open && is_opened)?;
    Some((from, to))
}

/// Where a date that begins at `at` ends.
fn date(view: View<'_>, at: usize) -> Option<usize> {
    if !view.opens(at) {
        return None;
    }
    let end = numeric(view, at).or_else(|| worded(view, at))?;
    let goes_on = matches!(view.byte(end), Some(b'-' | b'/' | b'.')) && view.is_digit(end + 1);
    let closes = view.closes(end) || matches!(view.byte(end), Some(b'T')) && view.is_digit(end + 1);
    (closes && !goes_on).then_some(end)
}

/// `1985-03-12`, `12.03.1985`, `3/12/85`, `19850312`.
fn numeric(view: View<'_>, at: usize) -> Option<usize> {
    let (first, end) = digits(view, at)?;
    if end - at == 8 {
        let day = |range| view.slice(range).iter().fold(0, fold);
        let (year, month, day) = (day(at..at + 4), day(at + 4..at + 6), day(at + 6..at + 8));
        return is_date(year, month, day).then_some(end);
    }
    let separator = view
        .byte(end)
        .filter(|byte| matches!(byte, b'-' | b'/' | b'.'))?;
    let (second, middle) = digits(view, end + 1)?;
    let (third, last) =
        digits(view, middle + 1).filter(|_| view.byte(middle) == Some(separator))?;
    let (first_len, last_len) = (end - at, last - middle - 1);
    let fits = match (first_len, last_len) {
        (4, 1..=2) => is_date(first, second, third),
        (1..=2, 4) => is_date(third, second, first) || is_date(third, first, second),
        (1..=2, 2) => is_date(2000, second, first) || is_date(2000, first, second),
        _ => false,
    };
    (fits && middle - end <= 3).then_some(last)
}

/// `12 March 1985`, `12-Mar-1985`, `March 12th, 1985`.
fn worded(view: View<'_>, at: usize) -> Option<usize> {
    let (day, month, next) = if view.is_digit(at) {
        let (day, end) = digits(view, at)?;
        let (month, next) = month(view, gap(view, ordinal(view, end)))?;
        (day, month, next)
    } else {
        let (month, end) = month(view, at)?;
        let (day, next) = digits(view, gap(view, end))?;
        (day, month, ordinal(view, next))
    };
    let start = gap(view, next);
    let (year, end) = digits(view, start)?;
    let year = match (end - start, view.before(start)) {
        (4, _) => year,
        // `12-Mar-85`.
        (2, Some(b'-' | b'/')) => 2000,
        _ => return None,
    };
    is_date(year, month, day).then_some(end)
}

fn month(view: View<'_>, at: usize) -> Option<(u32, usize)> {
    let end = view.run(at, |byte| byte.is_ascii_alphabetic() || byte >= 0x80);
    let word = view.slice(at..end);
    let begins = |month: &str| {
        word.get(..month.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(month.as_bytes()))
    };
    let (_, month) = MONTHS
        .into_iter()
        .zip(1..)
        .chain(MORE_MONTHS)
        .find(|(month, _)| begins(month))?;
    (word.len() <= MONTH).then_some((month, end))
}

fn ordinal(view: View<'_>, at: usize) -> usize {
    let is_ordinal = [&b"st"[..], b"nd", b"rd", b"th"]
        .iter()
        .any(|word| view.has(at, word));
    if is_ordinal { at + 2 } else { at }
}

/// Over at most three separators, and the `de` of `3 de abril de 1970`.
fn gap(view: View<'_>, at: usize) -> usize {
    let end = view
        .run(at, |byte| matches!(byte, b' ' | b'-' | b'.' | b',' | b'/'))
        .min(at + 3);
    if view.has(end, b"de ") { end + 3 } else { end }
}

/// One to eight digits as a number, and where they end.
fn digits(view: View<'_>, at: usize) -> Option<(u32, usize)> {
    let end = view.run(at, |byte| byte.is_ascii_digit());
    let text = view.slice(at..end);
    (1..=8)
        .contains(&text.len())
        .then(|| (text.iter().fold(0, fold), end))
}

fn fold(number: u32, digit: &u8) -> u32 {
    number * 10 + u32::from(digit.wrapping_sub(b'0'))
}

fn is_date(year: u32, month: u32, day: u32) -> bool {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 0,
    };
    YEARS.contains(&year) && (1..=days).contains(&day)
}
