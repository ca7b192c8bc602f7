//! What becomes of each piece of a document.

use std::sync::Arc;

use super::grammar::{Grammar, Role};
use super::lexer::{Container, Piece, Scalar, Step};
use super::name::Name;
use super::plan::{JsonPlan, Member};
use super::{Documents, InvalidJson, escape};
use crate::mask::transform::{Masked, Transform, TypeClass, ValueStream};

/// Follows the paths through a document.
#[derive(Debug)]
pub(super) struct Walk {
    plan: Arc<JsonPlan>,
    grammar: Grammar,
    frames: Vec<Frame>,
    /// The states of all open containers, then those of the member that is being read.
    states: Vec<u16>,
    name: Name,
    /// The member whose name was just read: where its states begin, and what is done to it.
    named: (usize, Option<Transform>),
    doing: Doing,
    masked: u64,
}

/// What becomes of a piece.
#[derive(Debug)]
pub(super) enum Emit {
    Pass,
    Drop,
    /// Stands in the place of all that was dropped.
    Instead(String),
}

/// An open container that is not masked as a whole.
#[derive(Debug)]
struct Frame {
    container: Container,
    /// Where its states begin.
    from: usize,
    /// The position of an array's next element.
    next: u64,
}

#[derive(Debug)]
enum Doing {
    Pass,
    /// In a name.
    Name,
    /// In a string that is masked.
    Text(Box<ValueStream>),
    /// In a container that is masked as a whole, opened at this depth.
    Hidden {
        depth: usize,
    },
}

// === impl Walk ===

impl Walk {
    pub(super) fn new(plan: Arc<JsonPlan>, documents: Documents) -> Self {
        Self {
            plan,
            grammar: Grammar::new(documents),
            frames: Vec::new(),
            states: Vec::new(),
            name: Name::default(),
            named: (0, None),
            doing: Doing::Pass,
            masked: 0,
        }
    }

    pub(super) fn masked(&self) -> u64 {
        self.masked
    }

    pub(super) fn finish(&self) -> Result<(), InvalidJson> {
        self.grammar.finish()
    }

    pub(super) fn take(&mut self, step: &Step<'_>) -> Result<Emit, InvalidJson> {
        let role = self.grammar.take(&step.piece, step.offset)?;
        if let Doing::Hidden { depth } = self.doing {
            return Ok(self.hidden(role, depth));
        }
        Ok(match role {
            Role::Value => self.value(step),
            Role::Name => {
                self.name.clear();
                self.doing = Doing::Name;
                Emit::Pass
            }
            Role::NameEnd => {
                self.doing = Doing::Pass;
                let from = self.frames.last().map_or(0, |frame| frame.from);
                let end = self.states.len();
                let member = Member::Name(self.name.get());
                self.named = (end, self.plan.advance(&mut self.states, from, member));
                Emit::Pass
            }
            Role::Close => {
                if let Some(frame) = self.frames.pop() {
                    self.states.truncate(frame.from);
                }
                Emit::Pass
            }
            Role::StringEnd => match std::mem::replace(&mut self.doing, Doing::Pass) {
                Doing::Text(stream) => self.replace(stream.finish()),
                _ => Emit::Pass,
            },
            Role::Other => self.within(&step.piece),
        })
    }

    /// What is not the beginning or the end of anything.
    fn within(&mut self, piece: &Piece<'_>) -> Emit {
        match (&mut self.doing, piece) {
            (Doing::Name, piece) => {
                self.name.push(piece);
                Emit::Pass
            }
            (Doing::Text(stream), Piece::Text(text)) => {
                stream.push(text.as_bytes());
                Emit::Drop
            }
            (Doing::Text(stream), Piece::Escape(character)) => {
                stream.push(character.encode_utf8(&mut [0; 4]).as_bytes());
                Emit::Drop
            }
            _ => Emit::Pass,
        }
    }

    fn hidden(&mut self, role: Role, depth: usize) -> Emit {
        if role == Role::Close && self.grammar.depth() == depth {
            self.doing = Doing::Pass;
            return self.replace(Masked::Null);
        }
        Emit::Drop
    }

    /// A value begins: after its name, as an element, or as the document.
    fn value(&mut self, step: &Step<'_>) -> Emit {
        let (from, transform) = self.enter();
        if let (Piece::Open(container), None) = (&step.piece, &transform) {
            self.frames.push(Frame {
                container: *container,
                from,
                next: 0,
            });
            return Emit::Pass;
        }
        self.states.truncate(from);
        match (&step.piece, transform) {
            (Piece::Open(_), Some(_)) => {
                self.doing = Doing::Hidden {
                    depth: self.grammar.depth() - 1,
                };
                Emit::Drop
            }
            (Piece::StringStart, Some(transform)) => {
                self.doing = Doing::Text(Box::new(transform.begin(TypeClass::Text)));
                Emit::Drop
            }
            (Piece::Scalar(Scalar::Number), Some(transform)) => {
                self.masked += 1;
                match transform.apply(TypeClass::Number, Some(step.raw)) {
                    Masked::Null => Emit::Instead("null".to_owned()),
                    // A token of a JSON number is one.
                    Masked::Text(number) => Emit::Instead(number),
                }
            }
            (Piece::Scalar(Scalar::Boolean), Some(_)) => self.replace(Masked::Null),
            _ => Emit::Pass,
        }
    }

    /// Where the states of the value begin, and what is done to it.
    fn enter(&mut self) -> (usize, Option<Transform>) {
        match self.frames.last_mut() {
            None => {
                self.states.clear();
                let transform = self.plan.begin(&mut self.states);
                (0, transform)
            }
            Some(frame) if frame.container == Container::Object => {
                // The name has advanced the states already.
                std::mem::take(&mut self.named)
            }
            Some(frame) => {
                let end = self.states.len();
                let member = Member::Index(frame.next);
                frame.next += 1;
                let transform = self.plan.advance(&mut self.states, frame.from, member);
                (end, transform)
            }
        }
    }

    fn replace(&mut self, masked: Masked) -> Emit {
        self.masked += 1;
        Emit::Instead(match masked {
            Masked::Null => "null".to_owned(),
            Masked::Text(text) => escape::quoted(&text),
        })
    }
}
