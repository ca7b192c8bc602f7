//! Phone numbers: international ones by their calling code, national ones by the forms in which
//! they are commonly written.
//!
//! A national number without separators looks like any other number, so a hint must stand before
//! it. With a hint any grouping will do.

use super::super::hint;
use super::super::kind::DetectorKind;
use super::super::view::{Found, View};
use super::phone_plan::{is_north_american, lengths};
use super::{Digits, Groups, follows_number, is_continued, separator_at};

const HINTS: &[&str] = &[
    "phone",
    "phones",
    "tel",
    "telephone",
    "telefon",
    "mobile",
    "mobil",
    "cell",
    "cellphone",
    "call",
    "fax",
    "whatsapp",
    "sms",
    "gsm",
    "msisdn",
    "dial",
    "ring",
    "contact",
    "handy",
    "phonenumber",
    "phoneno",
    "telno",
    "mobileno",
    "mobilenumber",
    "mobilephone",
    "homephone",
    "workphone",
    "contactnumber",
    "callback",
    "hotline",
];
const FILLERS: &[&str] = &[
    "number", "no", "nr", "num", "is", "at", "me", "us", "on", "home", "work", "office", "primary",
    "to", "my", "or", "direct", "line", "back", "him", "her", "them", "customer",
];

/// Forms of national numbers that begin with a trunk 0, and the separators they are written with.
const TRUNK_FORMS: &[(&[usize], &[u8])] = &[
    (&[2, 2, 2, 2, 2], b" .-"), // FR
    (&[2, 4, 4], b" -"),        // AU, JP
    (&[3, 4, 4], b" -"),        // UK, JP
    (&[3, 3, 4], b" -"),        // NL, ZA
    (&[3, 3, 2, 2], b" "),      // CH
    (&[4, 3, 4], b" -"),        // UK
    (&[4, 3, 3], b" -"),        // AU
    (&[4, 2, 2, 2], b" ."),     // BE
    (&[5, 3, 3], b" "),         // UK
    (&[5, 6], b" "),            // UK
    (&[3, 6], b" /"),           // DE
    (&[3, 7], b" /-"),          // DE, NL
    (&[3, 8], b" /-"),          // DE
    (&[4, 6], b" /"),           // DE
    (&[4, 7], b" /-"),          // DE
    (&[4, 8], b" /-"),          // DE
    (&[2, 8], b" -"),           // NL
];

/// Forms behind an area in brackets.
const BRACKETED_FORMS: &[&[usize]] = &[
    &[3, 4],
    &[4, 4],
    &[5, 4],
    &[6],
    &[7],
    &[8],
    &[3, 3],
    &[2, 2, 2, 2],
];

/// The fewest and most digits of a number that only its hint makes one.
const HINTED_DIGITS: std::ops::RangeInclusive<usize> = 8..=13;

/// Decides at the first digit of a run of `run` digits.
pub(in super::super) fn find(view: View<'_>, run: usize) -> Option<Found> {
    let at = view.at();
    let (start, end) = match (view.before(at), view.before(at.saturating_sub(1))) {
        // `(+49) 30`, but not the bracket of a sentence.
        (Some(b'+'), Some(b'(')) if view.byte(at + run) == Some(b')') => {
            (at - 2, international(view, at)?)
        }
        (Some(b'+'), _) => (at - 1, international(view, at)?),
        (Some(b'('), Some(b'+')) => (at - 2, international(view, at)?),
        (Some(b'('), _) if view.byte(at + run) == Some(b')') => bracketed(view, at, at + run)?,
        _ => (at, national(view, at, run)?),
    };
    view.opens(start)
        .then(|| Found::new(DetectorKind::Phone, start, end))
}

/// The end of the longest number behind a `+` that its calling code allows.
fn international(view: View<'_>, at: usize) -> Option<usize> {
    let mut digits = Digits::default();
    let (mut start, mut groups, mut dots, mut best) = (at, 0, 0, None);
    loop {
        let end = view.run(start, |byte| byte.is_ascii_digit());
        let group = view.slice(start..end);
        let is_trunk = group == b"0" && view.before(start) == Some(b'(');
        if !is_trunk && !group.iter().all(|digit| digits.push(*digit)) {
            break;
        }
        groups += 1;
        let (fewest, most) = lengths(digits.all()).unwrap_or((0, 3));
        if (fewest.max(1)..=most).contains(&digits.all().len()) && view.closes(end) {
            best = Some((end, groups, dots));
        }
        let Some(next) = gap(view, end).filter(|_| digits.all().len() < most) else {
            break;
        };
        dots += usize::from(view.byte(end) == Some(b'.'));
        start = next;
    }
    let (end, groups, dots) = best?;
    let number = Digits::of(view.slice(at..end));
    // `+48.8566140` is a coordinate.
    let is_decimal = groups == 2 && dots == 1;
    let is_valid = match number.all() {
        [b'1', rest @ ..] => is_north_american(rest),
        number => lengths(number).is_some(),
    };
    (is_valid && !is_decimal).then_some(end)
}

/// Where the next group begins, behind a closing bracket, a separator, an opening bracket.
fn gap(view: View<'_>, end: usize) -> Option<usize> {
    let mut at = end;
    at += usize::from(view.byte(at) == Some(b')'));
    at += separator_at(view, at).map_or(0, |(_, width)| width);
    at += usize::from(view.byte(at) == Some(b'('));
    (at > end && view.is_digit(at)).then_some(at)
}

/// `(555) 123-4567`, `(020) 7946 0958`, with `1 ` before it or not.
fn bracketed(view: View<'_>, at: usize, end: usize) -> Option<(usize, usize)> {
    let start = if matches!(view.slice(at.saturating_sub(3)..at), b"1 (" | b"1-(") {
        at - 3
    } else {
        at - 1
    };
    let area = view.slice(at..end);
    if view.byte(end) != Some(b')') || !(2..=5).contains(&area.len()) {
        return None;
    }
    let groups = Groups::read(view, gap(view, end)?);
    BRACKETED_FORMS.iter().find_map(|form| {
        let last = groups.shaped(form).filter(|last| view.closes(*last))?;
        let digits = Digits::of(view.slice(at..last));
        let is_north = **form == [3, 4] && is_north_american(digits.all());
        let is_trunk =
            matches!(area, [b'0', b'1'..=b'9', ..]) && (9..=12).contains(&digits.all().len());
        let is_short_area =
            area.len() == 2 && !area.contains(&b'0') && matches!(form, [4, 4] | [5, 4]);
        let goes_on = groups.goes_on(form.len()).is_some();
        ((is_north || is_trunk || is_short_area) && !goes_on).then_some((start, last))
    })
}

fn national(view: View<'_>, at: usize, run: usize) -> Option<usize> {
    if is_continued(view, at, b"-./_#$") || matches!(view.before(at), Some(b'#' | b'$' | b'%')) {
        return None;
    }
    match run {
        1..=5 => {
            // Most numbers are none, and this tells at once.
            let begins = matches!(
                (run, view.byte(at)),
                (3, _) | (_, Some(b'0')) | (1, Some(b'1'))
            );
            if !begins && !is_hinted(view, at) {
                return None;
            }
            let groups = Groups::read(view, at);
            if view.has(at, b"00") {
                // The other spelling of `+`; one group alone is any number.
                let end = international(view, at + 2)?;
                return (end > at + run && !follows_number(view, at)).then_some(end);
            }
            north_american(view, at, &groups)
                .or_else(|| trunk(view, at, &groups))
                .or_else(|| hinted(view, at, &groups))
        }
        8..=13 if is_hinted(view, at) => {
            let text = view.slice(at..at + run);
            // Ten and thirteen digits that begin with 1 are points in time.
            let is_time = matches!((run, text), (10 | 13, [b'1', ..]));
            (!is_time && view.closes(at + run) && !is_decimal(view, at + run)).then_some(at + run)
        }
        _ => None,
    }
}

fn north_american(view: View<'_>, at: usize, groups: &Groups) -> Option<usize> {
    let (shape, skipped): (&[usize], usize) = match groups.all().first()?.len {
        1 if view.byte(at) == Some(b'1') => (&[1, 3, 3, 4], 1),
        3 => (&[3, 3, 4], 0),
        _ => return None,
    };
    let end = groups.shaped(shape)?;
    let separator = groups.separator(shape.len())?;
    let fits = matches!(separator, b'-' | b'.' | b' ')
        && groups
            .goes_on(shape.len())
            .is_none_or(|next| next != separator)
        && view.closes(end);
    let digits = Digits::of(view.slice(at..end));
    let is_valid = digits.all().get(skipped..).is_some_and(is_north_american);
    (fits && is_valid && !(separator == b' ' && follows_number(view, at))).then_some(end)
}

fn trunk(view: View<'_>, at: usize, groups: &Groups) -> Option<usize> {
    let is_trunk = view.byte(at) == Some(b'0')
        && matches!(view.byte(at + 1), Some(b'1'..=b'9'))
        && !follows_number(view, at);
    if !is_trunk {
        return None;
    }
    TRUNK_FORMS.iter().find_map(|(form, separators)| {
        let end = groups.shaped(form).filter(|end| view.closes(*end))?;
        let separator = groups.separator(form.len())?;
        let goes_on = groups.goes_on(form.len()) == Some(separator);
        (separators.contains(&separator) && !goes_on).then_some(end)
    })
}

fn hinted(view: View<'_>, at: usize, groups: &Groups) -> Option<usize> {
    let mut total = 0;
    let mut best = None;
    for group in groups.all() {
        total += group.len;
        if HINTED_DIGITS.contains(&total) && group.len > 1 && view.closes(group.end) {
            best = Some(group.end);
        }
    }
    let first = groups.all().first()?;
    let is_date = groups
        .shaped(&[4, 2, 2])
        .or(groups.shaped(&[2, 2, 4]))
        .is_some();
    let is_date_or_address = is_date || first.len < 2 || groups.separator(4) == Some(b'.');
    best.filter(|_| !is_date_or_address && is_hinted(view, at))
}

fn is_hinted(view: View<'_>, at: usize) -> bool {
    hint::is_before(view, at, HINTS, FILLERS)
}

fn is_decimal(view: View<'_>, end: usize) -> bool {
    view.byte(end) == Some(b'.') && view.is_digit(end + 1)
}
