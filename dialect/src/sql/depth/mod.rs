//! How deep a text may nest, and the stack for those that nest deep.
//!
//! The parser's tree is decoded, walked and dropped by recursion. Texts that cannot nest deep are
//! analysed where their caller stands. All others get a thread with a stack of their own, on which
//! the parser itself bounds what it makes (10,000 levels, and 2 MiB of its own frames); a tree
//! deeper than [`MAX_NESTING`] is dropped right there, and refused.

use super::parser::Refused;

#[cfg(test)]
mod tests;

/// Deepest tree of a text, in parts inside of each other: an operator, a join, a call, a CASE is two
/// or more, a subquery six, a UNION one. Some 490 operators or joins, and 160 subqueries.
pub const MAX_NESTING: usize = 1000;

/// Deepest tree of what the database stores or a session has prepared by name. As deep as any
/// stack goes that analyses.
pub const MAX_STORED_NESTING: usize = 100;

/// Longest text that is looked at for how deep it can nest, in bytes; a longer one may.
const MAX_LOOKED_AT: usize = 2 * 1024;

/// The stack for texts that may nest deep: room for the deepest tree that the parser makes, in a
/// debug build, and for the walk over the deepest that is taken. What is not used of it is no memory.
pub const DEEP_STACK: usize = 128 * 1024 * 1024;

/// Words that make a part inside of which others stand, each with the parts that it makes at most.
const NESTING_WORDS: [(&str, usize); 25] = [
    ("at", 4),
    ("between", 4),
    ("case", 8),
    ("collate", 4),
    ("except", 4),
    ("ilike", 4),
    ("in", 4),
    ("intersect", 4),
    ("is", 4),
    ("isnull", 4),
    ("join", 4),
    ("like", 4),
    ("not", 4),
    ("notnull", 4),
    ("operator", 4),
    ("overlaps", 4),
    ("recursive", 4),
    ("row", 4),
    ("select", 12),
    ("similar", 4),
    ("table", 12),
    ("tablesample", 4),
    ("union", 4),
    ("values", 12),
    ("with", 12),
];

/// Around everything: the statement itself, and the way to its first expression.
const AROUND: usize = 32;

/// Where a text is read that may nest deep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stack {
    /// On one that is made for it.
    #[default]
    Made,
    /// On the caller's, which has [`DEEP_STACK`] bytes. Whoever keeps such a thread keeps what it takes
    /// of memory in one place.
    Deep,
}

/// Runs what reads a text on a stack that is large enough for it.
pub(crate) fn on_its_stack<T: Send>(
    stack: Stack,
    text: &str,
    run: impl FnOnce() -> Result<T, Refused> + Send,
) -> Result<T, Refused> {
    if stack == Stack::Deep || is_shallow(text) {
        return run();
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(DEEP_STACK);
        let running = thread.spawn_scoped(scope, run);
        match running.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(done)) => done,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            // No room for the stack.
            Err(_) => Err(Refused::TooDeep),
        }
    })
}

/// True where the tree of a text is certainly no deeper than any stack takes that analyses.
pub(crate) fn is_shallow(text: &str) -> bool {
    text.len() <= MAX_LOOKED_AT && deepest(text) <= MAX_STORED_NESTING
}

/// No tree of this text is deeper. Each part that others stand in begins with a bracket, with a
/// character of an operator, or with one of a few words; commas, AND, OR and the clauses of a
/// statement put things beside each other. What stands in literals and comments counts too.
fn deepest(text: &str) -> usize {
    let mut deepest = AROUND;
    for word in text.split(|c: char| !is_of_word(c)) {
        let known = NESTING_WORDS
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(word));
        deepest += known.map_or(0, |(_, parts)| *parts);
    }
    for byte in text.bytes() {
        deepest += match byte {
            b'(' => 12,
            b'[' => 8,
            b':' => 2,
            b'+' | b'-' | b'*' | b'/' | b'<' | b'>' | b'=' | b'~' | b'!' | b'@' | b'#' | b'%'
            | b'^' | b'&' | b'|' | b'`' | b'?' => 2,
            _ => 0,
        };
    }
    deepest
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '$') || !c.is_ascii()
}
