//! Masks JSON as it streams by.
//!
//! No tree is built. What no rule speaks of comes out byte for byte as it came in: white space,
//! the spelling of numbers and escapes, the order and the repetition of names. Every member of a
//! name that is written twice is masked, and a name is compared after its escapes are undone.
//!
//! What stands in a masked value's place, by what it was (see [`crate::mask::transform`]):
//! a string as a text, where NULL is `null`; a number as a number, so `null`, or a token that is
//! a number; `null` stays; `true`, `false`, and a whole object or array become `null`.
//!
//! Detectors, where there are any, look at the strings that no path leads to, and at the names of
//! members, for a name may be a value too (`{"4111 1111 1111 1111": …}`): finds are replaced
//! within the text, all else keeps its spelling. Paths go by the name as it came. Two names may
//! so become one. Numbers are not looked at, nor is JSON that is written within a string.
//!
//! **Nothing undecided passes.** A byte is given out when no later byte can change what becomes
//! of it. What is refused ([`InvalidJson`]) gives out nothing of its last chunk and nothing ever
//! after; what passed before is the decided beginning of a document, which the caller must cut
//! so that it cannot be taken for a whole one.
//!
//! Memory is bounded whatever comes: [`MAX_DEPTH`] levels with the states of the paths for each,
//! a name up to the longest path, a number or word, the beginning of a masked string up to
//! [`crate::mask::transform::MAX_GATHERED_BYTES`] (a longer one is redacted), and what detectors
//! hold back ([`crate::mask::text`]).

pub(super) mod escape;
mod grammar;
mod lexer;
mod name;
mod path;
mod place;
mod plan;
mod refusal;
mod string;
mod walk;

use std::sync::Arc;

pub use lexer::MAX_SCALAR_BYTES;
pub use path::{JsonPath, MAX_PATH_STEPS};
pub use place::{Coverage, DocumentPlace, PlaceStep};
pub use plan::{JsonPlan, MAX_PLAN_STEPS, TooManySteps};
pub use refusal::InvalidJson;

use lexer::Lexer;
use walk::{Emit, Walk};

/// Most objects and arrays within each other.
pub const MAX_DEPTH: usize = 128;

/// How many documents a stream has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Documents {
    /// Exactly one.
    One,
    /// Any number, none included, with white space between them: one on each line, say.
    Many,
}

/// Masks one stream. Chunks may be cut anywhere.
#[derive(Debug)]
pub struct JsonMasker {
    lexer: Lexer,
    walk: Walk,
    refused: Option<InvalidJson>,
}

// === impl JsonMasker ===

impl JsonMasker {
    pub fn new(plan: Arc<JsonPlan>, documents: Documents) -> Self {
        Self {
            lexer: Lexer::default(),
            walk: Walk::new(plan, documents),
            refused: None,
        }
    }

    /// Appends to `out` what of this chunk, and of what was held before, may pass.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), InvalidJson> {
        self.guard(out, |lexer, walk, out| push(lexer, walk, chunk, out))
    }

    /// Ends the stream. Tells how many values were masked.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<u64, InvalidJson> {
        self.guard(out, |lexer, walk, out| {
            if let Some(step) = lexer.finish()? {
                match walk.take(&step)? {
                    Emit::Pass => out.extend_from_slice(step.raw),
                    Emit::Instead => out.append(walk.instead()),
                }
            }
            walk.finish()
        })?;
        Ok(self.walk.masked())
    }

    /// How many values were masked so far.
    pub fn masked(&self) -> u64 {
        self.walk.masked()
    }

    /// Once refused, always refused; and then nothing of this call is given out.
    fn guard(
        &mut self,
        out: &mut Vec<u8>,
        work: impl FnOnce(&mut Lexer, &mut Walk, &mut Vec<u8>) -> Result<(), InvalidJson>,
    ) -> Result<(), InvalidJson> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let before = out.len();
        work(&mut self.lexer, &mut self.walk, out).inspect_err(|refused| {
            out.truncate(before);
            self.refused = Some(*refused);
        })
    }
}

/// Copies runs of pieces that pass at once.
fn push(
    lexer: &mut Lexer,
    walk: &mut Walk,
    chunk: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), InvalidJson> {
    let (mut position, mut run) = (0, 0..0);
    while let Some(step) = lexer.step(chunk.get(position..).unwrap_or_default())? {
        let emit = walk.take(&step)?;
        let (start, end) = (position, position + step.used);
        position = end;
        // What was held since an earlier chunk is not a part of this one.
        let whole = step.raw.len() == step.used;
        if matches!(emit, Emit::Pass) && whole {
            run = if run.end == start {
                run.start..end
            } else {
                start..end
            };
            continue;
        }
        out.extend_from_slice(chunk.get(run).unwrap_or_default());
        run = end..end;
        match emit {
            Emit::Pass => out.extend_from_slice(step.raw),
            Emit::Instead => out.append(walk.instead()),
        }
    }
    out.extend_from_slice(chunk.get(run).unwrap_or_default());
    Ok(())
}

#[cfg(test)]
mod tests;
