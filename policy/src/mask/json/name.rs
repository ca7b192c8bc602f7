//! A member's name, gathered piece by piece.

use super::lexer::Piece;
use super::plan::MAX_NAME_BYTES;

#[derive(Debug, Default)]
pub(super) struct Name {
    text: String,
    too_long: bool,
}

// === impl Name ===

impl Name {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.too_long = false;
    }

    pub(super) fn push(&mut self, piece: &Piece<'_>) {
        let length = match piece {
            Piece::Text(text) => text.len(),
            Piece::Escape(character) => character.len_utf8(),
            _ => 0,
        };
        if self.too_long || self.text.len() + length > MAX_NAME_BYTES {
            self.too_long = true;
            return;
        }
        match piece {
            Piece::Text(text) => self.text.push_str(text),
            Piece::Escape(character) => self.text.push(*character),
            _ => {}
        }
    }

    /// The name, none where it is longer than any that a path can have.
    pub(super) fn get(&self) -> Option<&str> {
        (!self.too_long).then_some(self.text.as_str())
    }
}
