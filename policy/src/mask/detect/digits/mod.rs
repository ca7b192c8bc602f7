//! Values made of digits: cards, social security numbers, phones, accounts.
//!
//! All are anchored at the first digit of a run of digits.

pub(super) mod card;
pub(super) mod iban;
pub(super) mod phone;
mod phone_plan;
pub(super) mod ssn;

use super::view::View;

/// The most groups that are read from one anchor.
const GROUPS: usize = 8;

/// The longest number that is read as one, in digits.
const DIGITS: usize = 24;

/// Digits that stand together, and what stands before them.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    len: usize,
    end: usize,
    /// The separator before the group; 0 before the first.
    separator: u8,
}

/// Groups of digits joined by single separators.
#[derive(Debug)]
struct Groups {
    list: [Group; GROUPS],
    count: usize,
}

/// The digits of a number without what parts them.
#[derive(Debug, Default)]
struct Digits {
    list: [u8; DIGITS],
    len: usize,
}

// === impl Groups ===

impl Groups {
    fn read(view: View<'_>, at: usize) -> Self {
        let mut groups = Self {
            list: [Group::default(); GROUPS],
            count: 0,
        };
        let (mut start, mut separator) = (at, 0);
        for group in &mut groups.list {
            let end = view.run(start, |byte| byte.is_ascii_digit());
            *group = Group {
                len: end - start,
                end,
                separator,
            };
            groups.count += 1;
            match separator_at(view, end) {
                Some((next, width)) if view.is_digit(end + width) => {
                    (start, separator) = (end + width, next);
                }
                _ => break,
            }
        }
        groups
    }

    fn all(&self) -> &[Group] {
        self.list.get(..self.count).unwrap_or_default()
    }

    /// Where the number ends if its first groups have exactly these lengths.
    fn shaped(&self, lengths: &[usize]) -> Option<usize> {
        let groups = self.all().get(..lengths.len())?;
        let fits = groups
            .iter()
            .zip(lengths)
            .all(|(group, length)| group.len == *length);
        groups.last().filter(|_| fits).map(|group| group.end)
    }

    /// The separator that parts the first `count` groups, if it is one and the same.
    fn separator(&self, count: usize) -> Option<u8> {
        let mut separators = self
            .all()
            .get(1..count)?
            .iter()
            .map(|group| group.separator);
        let first = separators.next()?;
        separators
            .all(|separator| separator == first)
            .then_some(first)
    }

    /// Whether another group follows the first `count`.
    fn goes_on(&self, count: usize) -> Option<u8> {
        self.all().get(count).map(|group| group.separator)
    }
}

// === impl Digits ===

impl Digits {
    fn of(text: &[u8]) -> Self {
        let mut digits = Self::default();
        for &byte in text.iter().filter(|byte| byte.is_ascii_digit()) {
            digits.push(byte);
        }
        digits
    }

    /// Whether there was room.
    fn push(&mut self, byte: u8) -> bool {
        let Some(place) = self.list.get_mut(self.len) else {
            return false;
        };
        *place = byte;
        self.len += 1;
        true
    }

    fn all(&self) -> &[u8] {
        self.list.get(..self.len).unwrap_or_default()
    }
}

/// What parts groups of digits, and how wide it is. A no-break space is a space.
fn separator_at(view: View<'_>, at: usize) -> Option<(u8, usize)> {
    match view.byte(at)? {
        byte @ (b' ' | b'-' | b'.' | b'/') => Some((byte, 1)),
        0xC2 if view.byte(at + 1) == Some(0xA0) => Some((b' ', 2)),
        0xE2 if view.has(at, "\u{202f}".as_bytes()) => Some((b' ', 3)),
        _ => None,
    }
}

/// The digits read as one number; 0 for none.
fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0u32, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u32::from(digit.wrapping_sub(b'0')))
    })
}

/// Whether `at` is in the middle of a longer list of numbers or name: a letter or digit stands
/// before it, or behind one of `joints`.
fn is_continued(view: View<'_>, at: usize, joints: &[u8]) -> bool {
    match view.before(at) {
        Some(byte) if byte.is_ascii_alphanumeric() => true,
        Some(byte) if joints.contains(&byte) => view
            .before(at - 1)
            .is_some_and(|byte| byte.is_ascii_alphanumeric()),
        _ => false,
    }
}
