//! What becomes of a value that is masked.
//!
//! | class | Redact | Nullify | Partial | Hash | Tokenize |
//! |---|---|---|---|---|---|
//! | Text | `[redacted]` | NULL | ends kept, `*` between | 64 hex digits | token |
//! | Number | NULL | NULL | NULL | NULL | token, a plain decimal number |
//! | Json | `"[redacted]"` | NULL | `"[redacted]"` | `"64 hex digits"` | `"[redacted]"` |
//! | Boolean, Temporal, Bytes, Array, Other | NULL | NULL | NULL | NULL | NULL |
//!
//! NULL stays NULL under all of them. A value keeps its type: what cannot carry the replacement
//! becomes NULL. `Array` is an array given whole; a caller that can take it apart asks for each
//! element with the element's class.
//!
//! - **Partial** counts characters (Unicode scalar values), puts one `*` for each hidden one, and
//!   shows at most half of them, rounded down: of a short value the end is shown first, and a
//!   single character never.
//! - **Hash** is HMAC-SHA-256 under the key, of the bytes as the caller gives them, in lower-case
//!   hex and not truncated.
//! - **Tokenize**: see [`tokenize`].
//! - What is not UTF-8, or longer than [`MAX_GATHERED_BYTES`], is redacted where Partial or
//!   Tokenize would have to look at it as a whole; a number becomes NULL.

mod key;
mod partial;
mod placeholder;
pub mod tokenize;
mod union;

pub use key::{InvalidKey, MAX_KEY_BYTES, MIN_KEY_BYTES, MaskKey};
pub use placeholder::{REDACTED, carries_placeholder};
pub use union::Union;

use key::HashContext;

/// The longest value that Partial and Tokenize look at.
pub const MAX_GATHERED_BYTES: usize = 64 * 1024;

/// What is done to a masked value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transform {
    Redact,
    Nullify,
    Partial { keep_first: usize, keep_last: usize },
    Hash { key: MaskKey },
    Tokenize { key: MaskKey },
}

/// What kind of value it is, and so what may stand in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TypeClass {
    /// Takes any text.
    Text,
    /// Whole, decimal and floating numbers of 16 bits and more, in their text form. Narrower ones
    /// are `Other`: a token may not fit.
    Number,
    Boolean,
    /// Dates, times, timestamps, intervals.
    Temporal,
    Bytes,
    /// A JSON document as text.
    Json,
    Array,
    Other,
}

/// What stands in a masked value's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Masked {
    Null,
    Text(String),
}

/// Takes one value in pieces, in memory bounded by [`MAX_GATHERED_BYTES`].
#[derive(Debug)]
pub struct ValueStream {
    class: TypeClass,
    work: Work,
}

#[derive(Debug)]
enum Work {
    /// The value does not matter.
    Constant(Masked),
    Hash(Box<HashContext>),
    /// None once it has become too long.
    Gather {
        transform: Transform,
        bytes: Option<Vec<u8>>,
    },
}

// === impl Transform ===

impl Transform {
    /// The replacement for a whole value; `None` is NULL.
    pub fn apply(&self, class: TypeClass, value: Option<&[u8]>) -> Masked {
        let Some(value) = value else {
            return Masked::Null;
        };
        let mut stream = self.begin(class);
        stream.push(value);
        stream.finish()
    }

    /// Begins a value that is not NULL and comes in pieces.
    pub fn begin(&self, class: TypeClass) -> ValueStream {
        let gather = || Work::Gather {
            transform: self.clone(),
            bytes: Some(Vec::new()),
        };
        let work = match (self, class) {
            (Self::Nullify, _) => Work::Constant(Masked::Null),
            (Self::Hash { key }, TypeClass::Text | TypeClass::Json) => {
                Work::Hash(Box::new(key.begin_hash()))
            }
            (Self::Partial { .. } | Self::Tokenize { .. }, TypeClass::Text) => gather(),
            (Self::Tokenize { .. }, TypeClass::Number) => gather(),
            (_, class) => Work::Constant(redacted(class)),
        };
        ValueStream { class, work }
    }
}

// === impl ValueStream ===

impl ValueStream {
    pub fn push(&mut self, piece: &[u8]) {
        match &mut self.work {
            Work::Constant(_) => {}
            Work::Hash(context) => context.update(piece),
            Work::Gather { bytes, .. } => {
                if let Some(gathered) = bytes {
                    if gathered.len() + piece.len() > MAX_GATHERED_BYTES {
                        *bytes = None;
                    } else {
                        gathered.extend_from_slice(piece);
                    }
                }
            }
        }
    }

    pub fn finish(self) -> Masked {
        match self.work {
            Work::Constant(masked) => masked,
            Work::Hash(context) if self.class == TypeClass::Json => {
                Masked::Text(format!("\"{}\"", context.finish()))
            }
            Work::Hash(context) => Masked::Text(context.finish()),
            Work::Gather { transform, bytes } => {
                let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
                text.and_then(|text| rewrite(&transform, self.class, &text))
                    .map_or_else(|| redacted(self.class), Masked::Text)
            }
        }
    }
}

/// What a class carries when nothing of the value may show.
fn redacted(class: TypeClass) -> Masked {
    match class {
        TypeClass::Text => Masked::Text(REDACTED.to_owned()),
        TypeClass::Json => Masked::Text(format!("\"{REDACTED}\"")),
        _ => Masked::Null,
    }
}

/// The transforms that look at the whole value; none where it has to be redacted.
fn rewrite(transform: &Transform, class: TypeClass, text: &str) -> Option<String> {
    match transform {
        Transform::Partial {
            keep_first,
            keep_last,
        } => Some(partial::partial(text, *keep_first, *keep_last)),
        Transform::Tokenize { key } if class == TypeClass::Number => tokenize::number(key, text),
        Transform::Tokenize { key } => tokenize::text(key, text),
        Transform::Redact | Transform::Nullify | Transform::Hash { .. } => None,
    }
}

#[cfg(test)]
mod tests;
