//! The answer to one operation, as far as masks concern it: what was described, what passes.

use portcullis_dialect::postgres::wire::backend::{CopyResponse, RowDescription};
use portcullis_dialect::sql::lineage::CursorChange;
use portcullis_policy::Class;

use crate::protocol::postgres::mask::{CopyMask, Plan, Reach, Reports, RowMask, Unmaskable};
use crate::session::denial::Denial;

/// Masks one operation's answer by its plan.
#[derive(Debug)]
pub(super) struct Answer {
    plan: Plan,
    /// Which statement of the text is being answered.
    statement: usize,
    /// Its rows were described: more than once, where rules add answers that lineage does not know.
    descriptions: usize,
    rows: Option<RowMask>,
    copy: Copying,
}

/// Where the data of a COPY … TO STDOUT stands.
#[derive(Debug)]
enum Copying {
    Not,
    Passing,
    Masked(Box<CopyMask>),
}

// === impl Answer ===

impl Answer {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan,
            statement: 0,
            descriptions: 0,
            rows: None,
            copy: Copying::Not,
        }
    }

    pub(super) fn cursors(&self) -> &[CursorChange] {
        self.plan.cursors()
    }

    pub(super) fn reports(&self) -> Reports {
        self.plan.reports()
    }

    /// Whether errors that come late, at the end of the transaction, may hold masked values.
    pub(super) fn is_masked(&self) -> bool {
        self.plan.reach() != Reach::Unmasked
    }

    /// Why the text may be read by the server, and not be run.
    pub(super) fn only_read(&self) -> Option<Denial> {
        self.plan.only_read()
    }

    /// True when nothing of it can change, so that nothing of it need be described.
    pub(super) fn is_clear(&self) -> bool {
        self.plan.is_clear()
    }

    /// The server described the rows that follow. False when the catalogue does not know all that
    /// it names, so that more is masked than need be.
    pub(super) fn described(&mut self, description: &RowDescription<'_>) -> bool {
        if self.is_clear() {
            return true;
        }
        let statement = match self.descriptions {
            0 => self.statement,
            _ => usize::MAX,
        };
        self.descriptions += 1;
        self.rows = Some(self.plan.rows(statement, description));
        self.plan.knows(description)
    }

    /// The mask of the rows that follow; none where they pass as they are. Rows that nobody
    /// described cannot be masked.
    pub(super) fn rows(&self) -> Result<Option<&RowMask>, Unmaskable> {
        if self.is_clear() {
            return Ok(None);
        }
        match &self.rows {
            Some(rows) if rows.passes() => Ok(None),
            Some(rows) => Ok(Some(rows)),
            None => Err(Unmaskable::Undescribed),
        }
    }

    /// The server begins to send the data of a COPY, with values of so many bytes at most.
    pub(super) fn copy_begins(
        &mut self,
        response: &CopyResponse<'_>,
        longest: usize,
    ) -> Result<(), Denial> {
        let mask = match self.is_clear() {
            true => None,
            false => {
                let shape = (response.columns(), response.binary);
                self.plan.copy(self.statement, shape, longest)?
            }
        };
        self.copy = match mask {
            Some(mask) => Copying::Masked(Box::new(mask)),
            None => Copying::Passing,
        };
        Ok(())
    }

    /// The mask of the data that follows; none where it passes as it is.
    pub(super) fn copy(&mut self) -> Option<&mut CopyMask> {
        match &mut self.copy {
            Copying::Masked(mask) => Some(mask),
            _ => None,
        }
    }

    /// The data of a COPY is complete: tells how many values were masked, or none where the client
    /// was never told that a COPY begins.
    pub(super) fn copy_ends(&mut self) -> Option<Result<u64, Unmaskable>> {
        match std::mem::replace(&mut self.copy, Copying::Not) {
            Copying::Not => None,
            Copying::Passing => Some(Ok(0)),
            Copying::Masked(mask) => Some(mask.finish()),
        }
    }

    /// A statement of a Query ended.
    pub(super) fn next_statement(&mut self) {
        self.statement += 1;
        self.descriptions = 0;
        self.rows = None;
    }
}

/// A message that would have to be read whole to be masked.
pub(super) fn too_large(bytes: usize, limit: usize) -> Denial {
    Denial::new(
        Class::TooLarge,
        format!("a row of {bytes} bytes is longer than is masked ({limit} bytes)"),
        "Leave the long columns out.",
    )
}

/// An error of the target's that would have to be read whole.
pub(super) fn unread_report(bytes: usize, limit: usize) -> Denial {
    Denial::new(
        Class::TooLarge,
        format!("the target told an error of {bytes} bytes, more than is read ({limit} bytes)"),
        "The statement failed at the target. Have it quote less.",
    )
}
