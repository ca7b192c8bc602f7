//! Words beside a value that say what it is.

use super::view::View;

/// How much punctuation may stand between a value and the word before it, as in `"phone": "`.
const GAP: usize = 5;

/// How many words back a hint may stand, fillers included.
const WORDS: usize = 4;

/// Whether one of `hints` stands right before `at`, with nothing between but punctuation and
/// words of `fillers`. Case does not count; `_` and `-` part words. Lists are lower case.
pub(super) fn is_before(view: View<'_>, at: usize, hints: &[&str], fillers: &[&str]) -> bool {
    let mut end = at;
    for _ in 0..WORDS {
        let gap = view.run_back(end, is_gap);
        let start = view.run_back(gap, |byte| byte.is_ascii_alphabetic());
        let word = view.slice(start..gap);
        if end - gap > GAP || word.is_empty() {
            return false;
        }
        if is_listed(word, hints) {
            return true;
        }
        if !is_listed(word, fillers) {
            return false;
        }
        end = start;
    }
    false
}

pub(super) fn is_listed(word: &[u8], list: &[&str]) -> bool {
    list.iter()
        .any(|entry| word.eq_ignore_ascii_case(entry.as_bytes()))
}

/// Whether a word that was found at `start..end` stands alone, or at a hump of `camelCase`.
pub(super) fn is_word(view: View<'_>, start: usize, end: usize) -> bool {
    let begins = match (view.before(start), view.byte(start)) {
        (Some(before), Some(first)) if before.is_ascii_alphabetic() => {
            before.is_ascii_lowercase() && first.is_ascii_uppercase()
        }
        _ => true,
    };
    let ends = match (view.before(end), view.byte(end)) {
        (Some(last), Some(after)) if after.is_ascii_alphabetic() => {
            last.is_ascii_lowercase() && after.is_ascii_uppercase()
        }
        _ => true,
    };
    begins && ends
}

fn is_gap(byte: u8) -> bool {
    byte.is_ascii() && !byte.is_ascii_alphanumeric() && byte != b'\n' && byte != b'\r'
}
