//! What becomes of strings: masked as a whole, or looked at by detectors.

use std::sync::Arc;

use super::escape;
use super::lexer::{Piece, Step};
use crate::mask::field;
use crate::mask::text::{Style, TextMask, TextMasker};
use crate::mask::transform::{
    MAX_GATHERED_BYTES, Masked, REDACTED, Transform, TypeClass, ValueStream,
};

/// A string that is masked as a whole.
#[derive(Debug)]
pub(super) enum Masking {
    Stream(ValueStream),
    /// Detectors have a say too. None once the string has become too long.
    Gather {
        transform: Transform,
        text: Option<String>,
    },
}

/// The detectors on their way through strings, one after the other.
#[derive(Debug)]
pub(super) struct Found {
    text: Arc<TextMask>,
    masker: TextMasker,
    /// A part of the string was given to the masker.
    open: bool,
    finds: u64,
}

// === impl Masking ===

impl Masking {
    pub(super) fn new(transform: Transform, text: Option<&Arc<TextMask>>) -> Self {
        if text.is_some() && matches!(transform, Transform::Partial { .. }) {
            return Self::Gather {
                transform,
                text: Some(String::new()),
            };
        }
        Self::Stream(transform.begin(TypeClass::Text))
    }

    pub(super) fn push(&mut self, piece: &Piece<'_>) {
        match piece {
            Piece::Text(text) => self.push_text(text),
            Piece::Escape(character) => self.push_text(character.encode_utf8(&mut [0; 4])),
            _ => {}
        }
    }

    /// What stands in the string's place.
    pub(super) fn finish(self, detectors: Option<&Arc<TextMask>>) -> String {
        let masked = match (self, detectors) {
            (Self::Stream(stream), _) => stream.finish(),
            (
                Self::Gather {
                    transform,
                    text: Some(text),
                },
                Some(detectors),
            ) => field::whole(&transform, detectors, TypeClass::Text, text.as_bytes()),
            (Self::Gather { .. }, _) => Masked::Text(REDACTED.to_owned()),
        };
        match masked {
            Masked::Null => "null".to_owned(),
            Masked::Text(text) => escape::quoted(&text),
        }
    }

    fn push_text(&mut self, piece: &str) {
        match self {
            Self::Stream(stream) => stream.push(piece.as_bytes()),
            Self::Gather { text, .. } => {
                if let Some(gathered) = text {
                    if gathered.len() + piece.len() > MAX_GATHERED_BYTES {
                        *text = None;
                    } else {
                        gathered.push_str(piece);
                    }
                }
            }
        }
    }
}

// === impl Found ===

impl Found {
    pub(super) fn new(text: Arc<TextMask>) -> Self {
        let masker = text.begin_as(Style::Json);
        Self {
            text,
            masker,
            open: false,
            finds: 0,
        }
    }

    /// Takes a whole string. Where something is found in it, what stands in its place, quotes
    /// and all, is appended to `out`.
    pub(super) fn replace(&mut self, text: &str, out: &mut Vec<u8>) -> bool {
        if self.text.is_clean(text.as_bytes()) {
            return false;
        }
        out.push(b'"');
        self.masker.push(text.as_bytes(), out);
        let replaced = self.finish(out);
        out.push(b'"');
        replaced
    }

    pub(super) fn push(&mut self, step: &Step<'_>, out: &mut Vec<u8>) {
        self.open = true;
        match step.piece {
            Piece::Text(text) => self.masker.push(text.as_bytes(), out),
            Piece::Escape(character) => self.masker.push_escape(character, step.raw, out),
            _ => {}
        }
    }

    /// True while a string waits for its end.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Ends the string; tells whether anything in it was replaced.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> bool {
        self.open = false;
        self.masker.finish(out);
        let before = std::mem::replace(&mut self.finds, self.masker.finds());
        self.finds > before
    }
}
