//! Operations that are denied only because they name what is not there.

use std::sync::Arc;

use portcullis_policy::{Operation, Verdict};

use super::{Asked, Ruling, Running, Told};
use crate::session::Session;
use crate::session::denial::Denial;

/// A refusal of an operation of which all but its names is allowed. Its text may be read by the
/// target where that runs nothing of it; should the target find all names, the refusal stands.
#[derive(Debug)]
pub struct Missing {
    /// Recorded as denied; its end says what the target said.
    pub running: Running,
    pub denial: Denial,
}

impl Session {
    /// Whether the target may read a text, and run nothing of it, to say what it names: nothing but
    /// such names is denied of it. It is still to be judged.
    pub fn may_be_read(&mut self, told: &Arc<Told>) -> bool {
        let decision = self.decide(&Asked {
            told,
            exact: &[],
            parameters: &[],
            meaning: &(),
            may_wait: false,
        });
        match decision {
            Ok(decision) if decision.verdict == Verdict::Deny => self.only_names_are_missing(told),
            decision => decision.is_ok(),
        }
    }

    /// A refusal that is recorded already.
    pub(super) fn refused_unless_missing(&self, told: &Arc<Told>, denial: Denial) -> Ruling {
        match self.only_names_are_missing(told) {
            false => Ruling::Refused(denial),
            true => Ruling::Missing(Missing {
                running: Running::new(self, told, self.operations, None),
                denial,
            }),
        }
    }

    /// True when the current snapshot denies nothing of it but the names that are not there.
    pub(super) fn only_names_are_missing(&self, told: &Told) -> bool {
        let Some(beside) = &told.beside else {
            return false;
        };
        let beside = Operation {
            text: told.operation.text.clone(),
            ..Operation::clone(beside)
        };
        let now = self.door.house.clock.now();
        let decision = self.current.view.decide(&self.facts, &beside, now);
        decision.verdict != Verdict::Deny
    }
}
