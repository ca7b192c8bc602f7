//! The text that stands for a redacted value.

/// What a redacted text is replaced with.
pub const REDACTED: &str = "[redacted]";

/// True for a text that has our placeholder in it. A write that carries it back would store it in
/// place of the value that the writer was not shown, so it is refused.
///
/// Only the placeholder is known again: what Partial, Hash and Tokenize give looks like any value.
pub fn carries_placeholder(text: &[u8]) -> bool {
    text.windows(REDACTED.len())
        .any(|part| part == REDACTED.as_bytes())
}
