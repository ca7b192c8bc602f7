//! Keeping the ends of a text.

/// One of these stands for each hidden character.
const HIDDEN: char = '*';

/// Keeps the first and last characters, at most half of them all. Where both ends do not fit into
/// that half, the last ones go first.
pub(super) fn partial(text: &str, keep_first: usize, keep_last: usize) -> String {
    let count = text.chars().count();
    let half = count / 2;
    let last = keep_last.min(half);
    let first = keep_first.min(half - last);
    let hidden = first..count - last;
    text.chars()
        .enumerate()
        .map(|(i, c)| if hidden.contains(&i) { HIDDEN } else { c })
        .collect()
}
