//! In which order pieces may stand.

use super::lexer::{Container, Piece};
use super::{Documents, InvalidJson, MAX_DEPTH};

/// The nesting so far and what may come next.
#[derive(Debug)]
pub(super) struct Grammar {
    open: Vec<Container>,
    expect: Expect,
    documents: Documents,
    /// How many documents have ended.
    ended: u64,
}

/// What a piece is, in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The beginning of a value, or all of it.
    Value,
    /// The beginning of a member's name, or all of it.
    Name,
    /// The end of a container.
    Close,
    /// The end of a name.
    NameEnd,
    /// The end of a string that is a value.
    StringEnd,
    /// What is between, or within a string.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Document,
    /// White space must part two documents.
    Gap,
    Value,
    ValueOrEnd,
    Name,
    NameOrEnd,
    /// Within a string that is a name.
    NameEnd,
    /// Within a string that is a value.
    StringEnd,
    Colon,
    CommaOrEnd,
}

// === impl Grammar ===

impl Grammar {
    pub(super) fn new(documents: Documents) -> Self {
        Self {
            open: Vec::new(),
            expect: Expect::Document,
            documents,
            ended: 0,
        }
    }

    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    pub(super) fn take(&mut self, piece: &Piece<'_>, offset: u64) -> Result<Role, InvalidJson> {
        match piece {
            Piece::Text(_) | Piece::Escape(_) => Ok(Role::Other),
            Piece::Blank => {
                if self.expect == Expect::Gap {
                    self.expect = Expect::Document;
                }
                Ok(Role::Other)
            }
            Piece::StringStart => self.string_start(offset),
            Piece::Whole(_) => {
                let role = self.string_start(offset)?;
                self.string_end();
                Ok(role)
            }
            Piece::StringEnd => Ok(self.string_end()),
            Piece::Scalar(_) => {
                self.value(offset)?;
                self.value_ended();
                Ok(Role::Value)
            }
            Piece::Open(container) => self.open(*container, offset),
            Piece::Close(container) => self.close(*container, offset),
            Piece::Colon if self.expect == Expect::Colon => {
                self.expect = Expect::Value;
                Ok(Role::Other)
            }
            Piece::Comma if self.expect == Expect::CommaOrEnd => {
                self.expect = match self.open.last() {
                    Some(Container::Object) => Expect::Name,
                    _ => Expect::Value,
                };
                Ok(Role::Other)
            }
            Piece::Colon | Piece::Comma => Err(self.unexpected(offset)),
        }
    }

    /// Checks that the stream may end here.
    pub(super) fn finish(&self) -> Result<(), InvalidJson> {
        let between = matches!(self.expect, Expect::Document | Expect::Gap);
        match (between, self.documents) {
            (false, _) => Err(InvalidJson::Truncated),
            (true, Documents::One) if self.ended == 0 => Err(InvalidJson::Empty),
            (true, _) => Ok(()),
        }
    }

    fn string_start(&mut self, offset: u64) -> Result<Role, InvalidJson> {
        if matches!(self.expect, Expect::Name | Expect::NameOrEnd) {
            self.expect = Expect::NameEnd;
            return Ok(Role::Name);
        }
        self.value(offset)?;
        self.expect = Expect::StringEnd;
        Ok(Role::Value)
    }

    fn string_end(&mut self) -> Role {
        if self.expect == Expect::NameEnd {
            self.expect = Expect::Colon;
            return Role::NameEnd;
        }
        self.value_ended();
        Role::StringEnd
    }

    fn open(&mut self, container: Container, offset: u64) -> Result<Role, InvalidJson> {
        self.value(offset)?;
        if self.open.len() == MAX_DEPTH {
            return Err(InvalidJson::TooDeep(offset));
        }
        self.open.push(container);
        self.expect = match container {
            Container::Object => Expect::NameOrEnd,
            Container::Array => Expect::ValueOrEnd,
        };
        Ok(Role::Value)
    }

    fn close(&mut self, container: Container, offset: u64) -> Result<Role, InvalidJson> {
        let may_end = match container {
            Container::Object => matches!(self.expect, Expect::NameOrEnd | Expect::CommaOrEnd),
            Container::Array => matches!(self.expect, Expect::ValueOrEnd | Expect::CommaOrEnd),
        };
        if !may_end || self.open.last() != Some(&container) {
            return Err(self.unexpected(offset));
        }
        self.open.pop();
        self.value_ended();
        Ok(Role::Close)
    }

    /// Checks that a value may begin here.
    fn value(&self, offset: u64) -> Result<(), InvalidJson> {
        match self.expect {
            Expect::Document if self.ended == 0 || self.documents == Documents::Many => Ok(()),
            Expect::Value | Expect::ValueOrEnd => Ok(()),
            _ => Err(self.unexpected(offset)),
        }
    }

    fn value_ended(&mut self) {
        self.expect = if self.open.is_empty() {
            self.ended += 1;
            Expect::Gap
        } else {
            Expect::CommaOrEnd
        };
    }

    fn unexpected(&self, offset: u64) -> InvalidJson {
        let expected = match self.expect {
            Expect::Document if self.ended > 0 => return InvalidJson::TrailingData(offset),
            Expect::Gap if self.documents == Documents::One => {
                return InvalidJson::TrailingData(offset);
            }
            Expect::Gap => "white space between documents",
            Expect::Document | Expect::Value => "a value",
            Expect::ValueOrEnd => "a value or `]`",
            Expect::Name => "a name",
            Expect::NameOrEnd => "a name or `}`",
            Expect::Colon => "`:`",
            Expect::CommaOrEnd => match self.open.last() {
                Some(Container::Object) => "`,` or `}`",
                _ => "`,` or `]`",
            },
            Expect::NameEnd | Expect::StringEnd => "the end of the string",
        };
        InvalidJson::Unexpected { expected, offset }
    }
}
