//! Operations that are denied only because they name what is not there.

use portcullis_policy::{Operation, Verdict};

use super::{Ruling, Running, Told};
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
    /// A refusal that is recorded already.
    pub(super) fn refused_unless_missing(
        &self,
        told: &std::sync::Arc<Told>,
        denial: Denial,
    ) -> Ruling {
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
