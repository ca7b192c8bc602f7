//! With which bytes the matches of a pattern can begin.
//!
//! Trying each pattern everywhere costs a pass for each. So the first [`LEAD`] bytes of a text are
//! looked up first, for all patterns in one go: a pattern is tried only where each of them can
//! stand where it does. The sets are generous, never too small: what is zero bytes wide (`\b`) is
//! passed over, and letters beyond ASCII count as any bytes beyond ASCII.

use regex_syntax::hir::{Class, Hir, HirKind};

/// How many bytes are looked at.
pub(super) const LEAD: usize = 4;

/// How many patterns are looked up in one go: one bit each.
pub(super) const PATTERNS: usize = u32::BITS as usize;

/// Bytes, each in or out.
type Bytes = [bool; 256];

/// What the matches of one expression can begin with.
#[derive(Debug, Clone)]
struct Lead {
    /// The bytes at each place of those matches that have one there.
    places: [Bytes; LEAD],
    /// Which lengths matches can have; the last stands for itself and all above.
    lengths: [bool; LEAD + 1],
}

/// For each place and byte, the patterns that can have it there, as bits.
#[derive(Debug, Clone)]
pub(super) struct Leads {
    places: Box<[Masks; LEAD]>,
}

/// The patterns that can have each byte, as bits.
pub(super) type Masks = [u32; 256];

// === impl Leads ===

impl Leads {
    pub(super) fn new<'h>(patterns: impl Iterator<Item = &'h Hir>) -> Self {
        let mut leads = Self {
            places: Box::new([[0; 256]; LEAD]),
        };
        for (index, pattern) in patterns.enumerate() {
            let bit = 1u32
                .checked_shl(u32::try_from(index).unwrap_or(u32::MAX))
                .unwrap_or(0);
            let lead = Lead::of(pattern);
            for (place, (masks, bytes)) in leads.places.iter_mut().zip(&lead.places).enumerate() {
                // Where a match may have ended, anything may follow.
                let is_open = lead.lengths.iter().take(place + 1).any(|length| *length);
                for (mask, is_in) in masks.iter_mut().zip(bytes) {
                    *mask |= if *is_in || is_open { bit } else { 0 };
                }
            }
        }
        leads
    }

    /// The tables for a match's first byte and for its second.
    pub(super) fn pair(&self) -> (&Masks, &Masks) {
        let [first, second, ..] = &*self.places;
        (first, second)
    }

    /// The patterns that may match where `text` begins.
    #[inline]
    pub(super) fn candidates(&self, text: &[u8]) -> u32 {
        let mut mask = u32::MAX;
        for (place, byte) in self.places.iter().zip(text) {
            mask &= place.get(usize::from(*byte)).copied().unwrap_or(u32::MAX);
            if mask == 0 {
                break;
            }
        }
        mask
    }
}

// === impl Lead ===

impl Lead {
    /// What matches the empty text only.
    fn empty() -> Self {
        let mut lengths = [false; LEAD + 1];
        lengths[0] = true;
        Self {
            places: [[false; 256]; LEAD],
            lengths,
        }
    }

    /// What matches nothing.
    fn never() -> Self {
        Self {
            places: [[false; 256]; LEAD],
            lengths: [false; LEAD + 1],
        }
    }

    fn of(hir: &Hir) -> Self {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Self::empty(),
            HirKind::Literal(literal) => literal
                .0
                .iter()
                .take(LEAD)
                .fold(Self::empty(), |lead, byte| {
                    lead.then(&Self::one(|set| set.fill_with_range(*byte, *byte)))
                }),
            HirKind::Class(Class::Bytes(class)) => Self::one(|set| {
                class
                    .iter()
                    .for_each(|range| set.fill_with_range(range.start(), range.end()));
            }),
            HirKind::Class(Class::Unicode(class)) => {
                let ascii = |letter: char| u8::try_from(u32::from(letter)).unwrap_or(u8::MAX);
                let mut lead = Self::one(|set| {
                    class.iter().for_each(|range| {
                        set.fill_with_range(ascii(range.start()), ascii(range.end()));
                    });
                });
                if class.iter().any(|range| !range.end().is_ascii()) {
                    lead.lengths = [false, true, true, true, true];
                    lead.places
                        .iter_mut()
                        .for_each(|set| set.fill_with_range(0x80, u8::MAX));
                }
                lead
            }
            HirKind::Repetition(repetition) => {
                let once = Self::of(&repetition.sub);
                let most = repetition.max.map_or(LEAD, |max| LEAD.min(max as usize));
                let least = LEAD.min(repetition.min as usize);
                let mut all = Self::never();
                let mut lead = Self::empty();
                for count in 0..=most {
                    if count >= least {
                        all = all.or(&lead);
                    }
                    lead = lead.then(&once);
                }
                all
            }
            HirKind::Capture(capture) => Self::of(&capture.sub),
            HirKind::Concat(parts) => parts
                .iter()
                .fold(Self::empty(), |lead, part| lead.then(&Self::of(part))),
            HirKind::Alternation(parts) => parts
                .iter()
                .fold(Self::never(), |lead, part| lead.or(&Self::of(part))),
        }
    }

    fn one(fill: impl Fn(&mut Bytes)) -> Self {
        let mut lead = Self::never();
        lead.lengths[1] = true;
        lead.places.iter_mut().take(1).for_each(fill);
        lead
    }

    /// This, and `next` behind it.
    fn then(mut self, next: &Self) -> Self {
        let mut lengths = [false; LEAD + 1];
        for (length, _) in self.lengths.iter().enumerate().filter(|(_, is_in)| **is_in) {
            let behind = self.places.iter_mut().skip(length);
            for (bytes, more) in behind.zip(&next.places) {
                bytes
                    .iter_mut()
                    .zip(more)
                    .for_each(|(is_in, more)| *is_in |= more);
            }
            for (more, _) in next.lengths.iter().enumerate().filter(|(_, is_in)| **is_in) {
                if let Some(sum) = lengths.get_mut(LEAD.min(length + more)) {
                    *sum = true;
                }
            }
        }
        Self {
            places: self.places,
            lengths,
        }
    }

    /// This or `other`.
    fn or(mut self, other: &Self) -> Self {
        for (bytes, more) in self.places.iter_mut().zip(&other.places) {
            bytes
                .iter_mut()
                .zip(more)
                .for_each(|(is_in, more)| *is_in |= more);
        }
        self.lengths
            .iter_mut()
            .zip(&other.lengths)
            .for_each(|(is_in, more)| *is_in |= more);
        self
    }
}

/// The patterns that can have `byte` at the place that `masks` is for.
#[inline]
pub(super) fn of(masks: &Masks, byte: u8) -> u32 {
    masks.get(usize::from(byte)).copied().unwrap_or(u32::MAX)
}

trait Fill {
    fn fill_with_range(&mut self, from: u8, to: u8);
}

impl Fill for Bytes {
    fn fill_with_range(&mut self, from: u8, to: u8) {
        let range = usize::from(from)..=usize::from(to);
        self.get_mut(range).unwrap_or_default().fill(true);
    }
}
