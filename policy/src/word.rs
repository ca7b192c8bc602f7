//! Closed lists of words: what a field may say, and an error that lists it.

use thiserror::Error;

/// A word outside the closed list that its field allows.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{word}` is no {what}; write one of: {accepted}")]
pub struct UnknownWord {
    /// What the word should have been, such as `effect`.
    pub what: &'static str,
    pub word: String,
    /// The accepted words, joined by `, `.
    pub accepted: String,
}

/// Finds `word` in `list`. Case counts: a word that is nearly right is named, not guessed.
pub(crate) fn find<T: Copy>(
    what: &'static str,
    list: &[(T, &'static str)],
    word: &str,
) -> Result<T, UnknownWord> {
    let found = list
        .iter()
        .find(|(_, name)| *name == word)
        .map(|(value, _)| *value);
    found.ok_or_else(|| UnknownWord {
        what,
        word: word.chars().take(64).collect(),
        accepted: list
            .iter()
            .map(|(_, name)| *name)
            .collect::<Vec<_>>()
            .join(", "),
    })
}

/// The word of `value`.
pub(crate) fn name<T: PartialEq>(list: &[(T, &'static str)], value: &T) -> &'static str {
    list.iter()
        .find(|(listed, _)| listed == value)
        .map_or("", |(_, name)| name)
}

/// Gives a closed enum its `ALL` list, `as_str`, `Display` and `FromStr`.
macro_rules! closed_words {
    ($type:ident, $what:literal, [$($variant:ident => $word:literal),+ $(,)?]) => {
        impl $type {
            /// Every value, with the word that policies write for it.
            pub const ALL: &'static [($type, &'static str)] = &[$(($type::$variant, $word)),+];

            /// The word that policies write.
            pub fn as_str(&self) -> &'static str {
                $crate::word::name(Self::ALL, self)
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::word::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                $crate::word::find($what, Self::ALL, word)
            }
        }
    };
}
pub(crate) use closed_words;
