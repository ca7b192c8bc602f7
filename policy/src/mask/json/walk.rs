//! What becomes of each piece of a document.

use std::sync::Arc;

use super::grammar::{Grammar, Role};
use super::lexer::{Container, Piece, Scalar, Step};
use super::name::Name;
use super::plan::{JsonPlan, Member};
use super::string::{Found, Masking};
use super::{Documents, InvalidJson};
use crate::mask::transform::{Masked, Transform, TypeClass};

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
    found: Option<Found>,
    /// What stands in the place of what does not pass.
    instead: Vec<u8>,
    masked: u64,
}

/// What becomes of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Emit {
    Pass,
    /// [`Walk::instead`] stands in its place, which may be nothing.
    Instead,
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
    /// Between strings, or in one that passes or that detectors look at.
    Pass,
    /// In a name.
    Name,
    /// In a string that is masked as a whole.
    Text(Box<Masking>),
    /// In a container that is masked as a whole, opened at this depth.
    Hidden { depth: usize },
}

// === impl Walk ===

impl Walk {
    pub(super) fn new(plan: Arc<JsonPlan>, documents: Documents) -> Self {
        Self {
            grammar: Grammar::new(documents),
            frames: Vec::new(),
            states: Vec::new(),
            name: Name::default(),
            named: (0, None),
            doing: Doing::Pass,
            found: plan.text().map(|text| Found::new(text.clone())),
            instead: Vec::new(),
            masked: 0,
            plan,
        }
    }

    pub(super) fn masked(&self) -> u64 {
        self.masked
    }

    pub(super) fn instead(&mut self) -> &mut Vec<u8> {
        &mut self.instead
    }

    pub(super) fn finish(&self) -> Result<(), InvalidJson> {
        self.grammar.finish()
    }

    pub(super) fn take(&mut self, step: &Step<'_>) -> Result<Emit, InvalidJson> {
        let role = self.grammar.take(&step.piece, step.offset)?;
        if let Doing::Hidden { depth } = self.doing {
            if role == Role::Close && self.grammar.depth() == depth {
                self.doing = Doing::Pass;
                self.replace("null");
            }
            return Ok(Emit::Instead);
        }
        Ok(match role {
            Role::Value => self.value(step),
            Role::Name => {
                if let Piece::Whole(name) = step.piece {
                    self.name_ended(Some(name));
                    return Ok(self.look_at(name));
                }
                self.name.clear();
                self.doing = Doing::Name;
                Emit::Pass
            }
            Role::NameEnd => {
                self.doing = Doing::Pass;
                let name = std::mem::take(&mut self.name);
                self.name_ended(name.get());
                self.name = name;
                self.string_end(step)
            }
            Role::Close => {
                if let Some(frame) = self.frames.pop() {
                    self.states.truncate(frame.from);
                }
                Emit::Pass
            }
            Role::StringEnd => match std::mem::replace(&mut self.doing, Doing::Pass) {
                Doing::Text(masking) => {
                    let replacement = masking.finish(self.plan.text());
                    self.replace(&replacement);
                    Emit::Instead
                }
                _ => self.string_end(step),
            },
            Role::Other => self.within(step),
        })
    }

    /// A piece that neither begins nor ends anything.
    fn within(&mut self, step: &Step<'_>) -> Emit {
        if matches!(step.piece, Piece::Blank | Piece::Colon | Piece::Comma) {
            return Emit::Pass;
        }
        match &mut self.doing {
            Doing::Text(masking) => {
                masking.push(&step.piece);
                return Emit::Instead;
            }
            Doing::Name => self.name.push(&step.piece),
            Doing::Pass | Doing::Hidden { .. } => {}
        }
        match &mut self.found {
            None => Emit::Pass,
            Some(found) => {
                found.push(step, &mut self.instead);
                Emit::Instead
            }
        }
    }

    fn name_ended(&mut self, name: Option<&str>) {
        let from = self.frames.last().map_or(0, |frame| frame.from);
        let end = self.states.len();
        let transform = self
            .plan
            .advance(&mut self.states, from, Member::Name(name));
        self.named = (end, transform);
    }

    /// A whole string that no path leads to.
    fn look_at(&mut self, text: &str) -> Emit {
        let Some(found) = &mut self.found else {
            return Emit::Pass;
        };
        if !found.replace(text, &mut self.instead) {
            return Emit::Pass;
        }
        self.masked += 1;
        Emit::Instead
    }

    /// A number that no path leads to.
    fn look_at_number(&mut self, raw: &[u8]) -> Emit {
        let Some(masked) = self.plan.text().and_then(|text| text.mask_number(raw)) else {
            return Emit::Pass;
        };
        self.replace_number(masked);
        Emit::Instead
    }

    /// The quote at the end of a string that is not masked as a whole.
    fn string_end(&mut self, step: &Step<'_>) -> Emit {
        let Some(found) = self.found.as_mut().filter(|found| found.is_open()) else {
            return Emit::Pass;
        };
        self.masked += u64::from(found.finish(&mut self.instead));
        self.instead.extend_from_slice(step.raw);
        Emit::Instead
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
        let Some(transform) = transform else {
            return match step.piece {
                Piece::Whole(text) => self.look_at(text),
                // A token of a JSON number is one.
                Piece::Scalar(Scalar::Number) => self.look_at_number(step.raw),
                _ => Emit::Pass,
            };
        };
        match step.piece {
            Piece::Open(_) => {
                self.doing = Doing::Hidden {
                    depth: self.grammar.depth() - 1,
                }
            }
            Piece::Whole(text) => {
                let mut masking = Masking::new(transform, self.plan.text());
                masking.push(&Piece::Text(text));
                let replacement = masking.finish(self.plan.text());
                self.replace(&replacement);
            }
            Piece::StringStart => {
                let masking = Masking::new(transform, self.plan.text());
                self.doing = Doing::Text(Box::new(masking));
            }
            Piece::Scalar(Scalar::Number) => {
                self.replace_number(transform.apply(TypeClass::Number, Some(step.raw)));
            }
            Piece::Scalar(Scalar::Boolean) => self.replace("null"),
            _ => return Emit::Pass,
        }
        Emit::Instead
    }

    /// Where the states of the value begin, and what is done to it.
    fn enter(&mut self) -> (usize, Option<Transform>) {
        match self.frames.last_mut() {
            None => {
                self.states.clear();
                let transform = self.plan.begin(&mut self.states);
                (0, transform)
            }
            // The name has advanced the states already.
            Some(frame) if frame.container == Container::Object => std::mem::take(&mut self.named),
            Some(frame) => {
                let end = self.states.len();
                let member = Member::Index(frame.next);
                frame.next += 1;
                let transform = self.plan.advance(&mut self.states, frame.from, member);
                (end, transform)
            }
        }
    }

    fn replace_number(&mut self, masked: Masked) {
        match masked {
            Masked::Null => self.replace("null"),
            Masked::Text(number) => self.replace(&number),
        }
    }

    fn replace(&mut self, replacement: &str) {
        self.masked += 1;
        self.instead.extend_from_slice(replacement.as_bytes());
    }
}
