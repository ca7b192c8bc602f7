//! Operations that run while something changes: an edit refuses them, a limit is reached, the
//! client gives up.
//!
//! - What would now be refused is cut: the target is asked to cancel, and the client gets the
//!   denial. A COPY of the client's is failed in its own stream.
//! - A read of which nothing more may be shown is cancelled too where that ends nothing else: in a
//!   transaction of the client's, or behind other work of the same implicit transaction, a cancel
//!   would undo that work, so there the rest of the reply is thrown away as it comes.
//! - While a cancel is on its way nothing new goes upstream: it must not hit what comes next.

use std::sync::Arc;

use portcullis_dialect::postgres::copy::{Layout, copies_out};
use portcullis_dialect::postgres::wire::backend::{Transaction, tag};
use portcullis_dialect::postgres::wire::frontend::tag as client;
use portcullis_dialect::postgres::wire::{HEADER_BYTES, write};
use portcullis_policy::Effect;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Relay;
use super::operation::{Operation, Stopped};
use super::operations::OpId;
use super::state::{Alone, Phase};
use crate::protocol::postgres::analysis::INLINE_BYTES;
use crate::session::gate::Outcome;

/// How the target tells that it cancelled a statement.
const CANCELED: &[u8] = b"57014";

/// What ends the data of a binary COPY.
const BINARY_END: &[u8] = &[0xff, 0xff];

/// A binary COPY without a row: its head (signature, flags, no extension) and its end.
const BINARY_HEAD_BYTES: usize = 19;

/// The data of a COPY … TO that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CopyingOut {
    binary: bool,
    /// The next line has names, and no row.
    header: bool,
    /// The client has seen some of it.
    begun: bool,
}

// === impl CopyingOut ===

impl CopyingOut {
    /// As the statement at this place of its text writes it.
    pub(super) fn new(operation: &Operation, binary: bool) -> Self {
        let analysed = &operation.analysed;
        let text = &analysed.told.operation.text;
        // A longer one would be parsed elsewhere: its header counts as a row.
        let header = !binary
            && text.len() <= INLINE_BYTES
            && copies_out(text, &analysed.facts.settings).is_ok_and(|copies| {
                copies.iter().any(|copy| {
                    copy.statement == operation.statement
                        && matches!(&copy.layout,
                            Some(Layout::Text(marks) | Layout::Csv { marks, .. }) if marks.header)
                })
            });
        Self {
            binary,
            header,
            begun: false,
        }
    }

    /// Whether the server's next piece is a row: it sends one in each. None: more of it is needed
    /// to tell.
    fn is_row(self, body: usize, there: &[u8]) -> Option<bool> {
        if self.header {
            return Some(false);
        }
        let end = match body {
            2 => 0,
            body if body == BINARY_HEAD_BYTES + 2 => BINARY_HEAD_BYTES,
            _ => return Some(true),
        };
        if !self.binary {
            return Some(true);
        }
        let last = there.get(HEADER_BYTES + end..HEADER_BYTES + body)?;
        Some(last != BINARY_END)
    }
}

impl<C, U> Relay<C, U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    /// The Connection was edited: what runs is decided again.
    pub(super) fn decide_again(&mut self) {
        for id in self.state.running() {
            let Some(operation) = self.state.operation(id) else {
                continue;
            };
            if matches!(operation.stopped, Some(Stopped::Failed(_))) {
                continue;
            }
            let analysed = Arc::clone(&operation.analysed);
            let allowed = operation.recheck(&mut self.session);
            if let Err(denial) = allowed.and_then(|()| self.may_fetch(&analysed))
                && let Some(operation) = self.state.operation(id)
            {
                operation.fail(denial);
                operation.refused = true;
            }
        }
    }

    /// Has the target stop what is stopped here.
    pub(super) fn stop(&mut self) {
        if self.cancelling.is_some() {
            return;
        }
        let Some((id, alone)) = self.state.head() else {
            return;
        };
        let implicit = self.state.transaction() == Transaction::Idle;
        let copying = matches!(self.state.phase(), Phase::Copying { .. });
        let Some(operation) = self.state.operation(id) else {
            return;
        };
        if operation.cancelled || !operation.is_to_stop(implicit, alone) {
            return;
        }
        if copying {
            // Between two messages; what the client still sends is thrown away.
            if self.from_client.is_over() {
                operation.cancelled = true;
                self.fail_copy(b"the operation is not allowed any more");
            }
            return;
        }
        operation.cancelled = true;
        self.cancel();
    }

    /// Asks the target to cancel what runs.
    pub(super) fn cancel(&mut self) {
        if self.cancelling.is_none() {
            self.cancelling = Some(tokio::spawn((self.cancel)()));
        }
    }

    /// Whether a message must wait until what was executed has ended: a limit may still fail it,
    /// and what comes behind a failure must not run, nor what came before it be committed.
    pub(super) fn must_wait_for_end(&mut self, message: u8) -> bool {
        if matches!(
            message,
            client::COPY_DATA
                | client::COPY_DONE
                | client::COPY_FAIL
                | client::FLUSH
                | client::TERMINATE
        ) {
            return false;
        }
        let Some((id, only)) = self.state.last_execute() else {
            return false;
        };
        let Some(operation) = self.state.operation(id) else {
            return false;
        };
        let reads = operation.analysed.told.operation.effect <= Effect::Read;
        operation.may_fail_late() && !(message == client::SYNC && only && reads)
    }

    /// The target cancelled a read of which the client has all that it may see.
    pub(super) fn cut_short(&mut self, id: OpId, code: &[u8]) -> bool {
        let Some(operation) = self.state.operation(id) else {
            return false;
        };
        let Some(Stopped::Cut(limit)) = &operation.stopped else {
            return false;
        };
        if !operation.cancelled || code != CANCELED {
            return false;
        }
        let limit = limit.clone();
        operation.stopped = Some(Stopped::Told);
        operation.settle(Outcome::Succeeded);
        let rows = std::mem::take(&mut operation.rows);
        let copy = operation.copying.take();
        let out = self.client.out();
        if let Some(copy) = copy {
            if copy.binary && copy.begun {
                write::message(out, tag::COPY_DATA, |out| {
                    out.extend_from_slice(BINARY_END);
                });
            }
            write::message(out, tag::COPY_DONE, |_| {});
        }
        super::limited::notice(out, &limit, rows);
        let word: &[u8] = if copy.is_some() { b"COPY" } else { b"SELECT" };
        let told = super::limited::tag(word, rows);
        write::message(out, tag::COMMAND_COMPLETE, |out| write::string(out, &told));
        true
    }

    /// Whether the server's next row, or piece of a COPY, of `total` bytes counts as a row. None
    /// while more of it is needed to tell.
    pub(super) fn is_row(&mut self, id: OpId, total: usize) -> Option<bool> {
        let read = &self.upstream.read;
        match self.state.operation(id)?.copying {
            None => Some(true),
            Some(copy) => copy.is_row(total - HEADER_BYTES, read),
        }
    }
}

impl Operation {
    /// Whether nothing more of the reply passes. The end of a binary COPY that was cut does.
    pub(super) fn takes_no_more(&self, is_row: bool) -> bool {
        match self.stopped {
            None => false,
            Some(Stopped::Cut(_)) => is_row || !self.copying.is_some_and(|copy| copy.begun),
            Some(_) => true,
        }
    }

    /// A piece of a COPY passed.
    pub(super) fn begin_copy(&mut self) {
        if let Some(copy) = &mut self.copying {
            copy.header = false;
            copy.begun = true;
        }
    }

    /// Whether the target should be asked to stop it: `implicit` transaction, and how alone it is
    /// in it.
    fn is_to_stop(&self, implicit: bool, alone: Alone) -> bool {
        let operation = &self.analysed.told.operation;
        let reads = operation.effect <= Effect::Read;
        match &self.stopped {
            Some(Stopped::Failed(_)) if self.refused => true,
            // The client hears of an error, and what was done before is undone by it.
            Some(Stopped::Failed(_)) => implicit && reads,
            Some(Stopped::Cut(_)) => {
                let one = self.analysed.statements.len() == 1;
                let plain = matches!(operation.verb.as_str(), "SELECT" | "COPY");
                implicit && one && plain && operation.effect == Effect::Read && alone.is_alone()
            }
            Some(Stopped::Told) | None => false,
        }
    }
}
