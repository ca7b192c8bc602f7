//! The data of COPY … TO STDOUT, rewritten value by value as it streams by.
//!
//! ```text
//! chunk ─> Rewriter ─> out          a column that is not looked at: copied as it comes
//!             └ value ─> Judge      a column that is looked at: held until its end, then judged
//! ```
//!
//! Chunks may be cut anywhere. What the judge keeps comes out byte for byte. Rows must have the
//! number of columns that was told: one more or one less would put a value under another's mask.
//! Memory is bounded: one value of as many bytes as the caller says.

mod binary;
mod lines;
mod statement;

use thiserror::Error;

use binary::Tuples;
use lines::Lines;
pub use statement::{CopyOut, copied_in, copies_out, copies_out_on};

/// How the data is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    Text(Marks),
    Csv { marks: Marks, quote: u8, escape: u8 },
    Binary,
}

/// What both text layouts have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    pub delimiter: u8,
    /// What stands for NULL.
    pub null: Vec<u8>,
    /// The first line has names.
    pub header: bool,
}

/// Says what becomes of values. Values are given as they are, without the layout's escapes.
pub trait Judge {
    type Error;

    /// False when every value of this column stays, so that none need be held.
    fn looks_at(&self, column: usize) -> bool;

    /// `None` is NULL.
    fn judge(&mut self, column: usize, value: Option<&[u8]>) -> Result<Judged, Self::Error>;
}

/// What becomes of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    Keep,
    Null,
    Value(Vec<u8>),
}

/// Data that cannot be told apart into values. Nothing more of it may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidCopy {
    #[error("a row has another number of columns than the {expected} that were told")]
    Columns { expected: usize },
    #[error("a value is longer than {0} bytes")]
    TooLong(usize),
    #[error("the data does not begin as binary COPY data does")]
    Signature,
    #[error("a value's length is {0}")]
    Length(i32),
    #[error("the data ends within a row")]
    Truncated,
    #[error("something follows the end of the data")]
    Trailing,
}

/// Why a chunk was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused<E> {
    #[error(transparent)]
    Data(#[from] InvalidCopy),
    #[error("a value was refused")]
    Value(E),
}

/// Rewrites one COPY.
#[derive(Debug)]
pub struct Rewriter(Machine);

#[derive(Debug)]
enum Machine {
    Lines(Lines),
    Tuples(Tuples),
}

// === impl Rewriter ===

impl Rewriter {
    /// Values of more than `longest` bytes are refused where they must be looked at.
    pub fn new(layout: Layout, columns: usize, longest: usize) -> Self {
        Self(match layout {
            Layout::Binary => Machine::Tuples(Tuples::new(columns, longest)),
            lines => Machine::Lines(Lines::new(lines, columns, longest)),
        })
    }

    /// Appends to `out` what of the data so far may pass. After an error nothing of `out` that
    /// this call appended, and no later data, may be shown.
    pub fn push<J: Judge>(
        &mut self,
        chunk: &[u8],
        judge: &mut J,
        out: &mut Vec<u8>,
    ) -> Result<(), Refused<J::Error>> {
        match &mut self.0 {
            Machine::Lines(lines) => lines.push(chunk, judge, out),
            Machine::Tuples(tuples) => tuples.push(chunk, judge, out),
        }
    }

    /// Ends the data.
    pub fn finish(&self) -> Result<(), InvalidCopy> {
        match &self.0 {
            Machine::Lines(lines) => lines.finish(),
            Machine::Tuples(tuples) => tuples.finish(),
        }
    }
}

/// Adds to a value that is held, and that may be so long.
fn hold(held: &mut Vec<u8>, bytes: &[u8], longest: usize) -> Result<(), InvalidCopy> {
    if held.len().saturating_add(bytes.len()) > longest {
        return Err(InvalidCopy::TooLong(longest));
    }
    held.extend_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests;
