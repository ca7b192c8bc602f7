//! US social security numbers: area, group and serial number.

use super::super::hint;
use super::super::kind::DetectorKind;
use super::super::view::{Found, View};
use super::{Groups, is_continued, number};

const HINTS: &[&str] = &[
    "ssn",
    "ssns",
    "social",
    "socialsecuritynumber",
    "socialsecurity",
];
const FILLERS: &[&str] = &[
    "security", "number", "numbers", "no", "num", "nr", "is", "the", "of",
];

/// Decides at the first digit of a run of `run` digits. `123-45-6789` stands for itself. With
/// spaces it must stand apart from other numbers; with dots or without separators a hint must
/// stand before it.
pub(in super::super) fn find(view: View<'_>, run: usize) -> Option<Found> {
    let at = view.at();
    let end = match run {
        3 => grouped(view, at)?,
        9 if view.opens(at) && view.closes(at + 9) && is_hinted(view, at) => at + 9,
        _ => return None,
    };
    let digits = super::Digits::of(view.slice(at..end));
    let (area, rest) = digits.all().split_at_checked(3)?;
    let (group, serial) = rest.split_at_checked(2)?;
    let is_issued = !matches!(number(area), 0 | 666 | 900..) && number(group) > 0;
    (is_issued && number(serial) > 0)
        .then(|| Found::new(DetectorKind::SocialSecurityNumber, at, end))
}

fn grouped(view: View<'_>, at: usize) -> Option<usize> {
    if is_continued(view, at, b"-./_") {
        return None;
    }
    let groups = Groups::read(view, at);
    let end = groups.shaped(&[3, 2, 4])?;
    let separator = groups.separator(3)?;
    let goes_on = groups.goes_on(3) == Some(separator);
    let fits = match separator {
        b'-' => !goes_on,
        b' ' => !goes_on && (!is_continued(view, at, b" ") || is_hinted(view, at)),
        b'.' => !goes_on && is_hinted(view, at),
        _ => false,
    };
    (fits && view.closes(end)).then_some(end)
}

fn is_hinted(view: View<'_>, at: usize) -> bool {
    hint::is_before(view, at, HINTS, FILLERS)
}
