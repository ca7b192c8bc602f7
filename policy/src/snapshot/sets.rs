//! Sets of words and of numbers, small enough to be compared in one step.

use crate::operation::{Effect, Flag};

/// A set of effects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct EffectSet(u8);

/// A set of flags.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FlagSet(u16);

/// A set of indices; up to 256 of them without an allocation.
#[derive(Debug, Clone, Default)]
pub(crate) struct IndexSet {
    few: [u64; 4],
    many: Vec<u64>,
}

// === impl EffectSet ===

impl EffectSet {
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn has(self, effect: Effect) -> bool {
        self.0 & (1 << effect as u8) != 0
    }

    pub(crate) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl FromIterator<Effect> for EffectSet {
    fn from_iter<I: IntoIterator<Item = Effect>>(effects: I) -> Self {
        Self(
            effects
                .into_iter()
                .fold(0, |set, effect| set | (1 << effect as u8)),
        )
    }
}

// === impl FlagSet ===

impl FlagSet {
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn has(self, flag: Flag) -> bool {
        self.0 & (1 << flag as u16) != 0
    }

    pub(crate) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    #[must_use]
    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    pub(crate) fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl FromIterator<Flag> for FlagSet {
    fn from_iter<I: IntoIterator<Item = Flag>>(flags: I) -> Self {
        Self(
            flags
                .into_iter()
                .fold(0, |set, flag| set | (1 << flag as u16)),
        )
    }
}

// === impl IndexSet ===

impl IndexSet {
    pub(crate) fn insert(&mut self, index: usize) {
        let (word, bit) = (index / 64, 1_u64 << (index % 64));
        if let Some(few) = self.few.get_mut(word) {
            *few |= bit;
            return;
        }
        let word = word - self.few.len();
        if self.many.len() <= word {
            self.many.resize(word + 1, 0);
        }
        if let Some(many) = self.many.get_mut(word) {
            *many |= bit;
        }
    }

    pub(crate) fn has(&self, index: usize) -> bool {
        let word = index / 64;
        let held = match self.few.get(word) {
            Some(held) => Some(held),
            None => self.many.get(word - self.few.len()),
        };
        held.is_some_and(|held| held & (1 << (index % 64)) != 0)
    }
}
