//! The server's messages: paired with what they answer, counted, masked, passed on.
//!
//! Rows that need not be read pass in pieces of any size; all else is taken whole. What the server
//! sends out of turn ends the session: the two sides no longer agree on what is answered.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use portcullis_dialect::postgres::wire::backend::{Backend, Transaction, tag};
use portcullis_dialect::postgres::wire::{HEADER_BYTES, Header, write};
use portcullis_policy::Effect;
use tokio::io::{AsyncRead, AsyncWrite};

use super::answer::{too_large, unread_report};
use super::frontend::Passing;
use super::inflight::CopyingOut;
use super::operation::{Operation, Statement, Stopped};
use super::operations::OpId;
use super::state::Told;
use super::{End, MAX_BODY, Relay, limited};
use crate::protocol::postgres::refuse::{self, Severity};
use crate::session::denial::Denial;
use crate::session::gate::Outcome;

impl<C, U> Relay<C, U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    /// Takes all that the server sent and the client has room for.
    pub(super) fn backend(&mut self) -> Result<(), End> {
        self.upstream_frame = 0;
        while self.client.may_take_more() {
            if !self.from_upstream.is_over() {
                self.pass_piece();
                if !self.from_upstream.is_over() {
                    break;
                }
                continue;
            }
            let header = Header::parse(&self.upstream.read, MAX_BODY).map_err(End::Target)?;
            let Some(header) = header else { break };
            let rows = matches!(header.tag, tag::DATA_ROW | tag::COPY_DATA);
            let taken = match rows {
                true => self.row(header)?,
                false if header.body > self.max_message => self.unread_report(header)?,
                false => self.whole(header)?,
            };
            if !taken {
                self.upstream_frame = header.total();
                break;
            }
        }
        if self.upstream.ended && self.client.may_take_more() {
            return Err(End::TargetGone);
        }
        Ok(())
    }

    /// A row, or a piece of a COPY: false while more of it is needed.
    fn row(&mut self, header: Header) -> Result<bool, End> {
        let Told::Of(id) = self.state.reply(header.tag)? else {
            return Err(End::OutOfTurn(header.tag));
        };
        let muted = self.muted;
        let total = header.total();
        let Some(is_row) = self.is_row(id, total) else {
            return Ok(false);
        };
        let Some(operation) = self.state.operation(id) else {
            return Err(End::OutOfTurn(header.tag));
        };
        if muted || operation.takes_no_more(is_row) {
            self.from_upstream = Passing::away(total);
            return Ok(true);
        }
        if operation.stopped.is_none() && is_masked(operation, header.tag) {
            return Ok(self.masked_row(id, header, is_row));
        }
        if is_row && !operation.count_row(total as u64) {
            self.from_upstream = Passing::away(total);
            return Ok(true);
        }
        operation.begin_copy();
        self.passing_of = Some(id);
        self.from_upstream = Passing::on(total);
        Ok(true)
    }

    /// What is there of a message that passes in pieces.
    pub(super) fn pass_piece(&mut self) {
        let piece = self.from_upstream.passes(&self.upstream.read);
        if !piece.is_empty()
            && let Some(operation) = self.passing_of.and_then(|id| self.state.operation(id))
        {
            operation.show(piece);
        }
        let client = self.client.out();
        self.from_upstream.go(&mut self.upstream.read, client);
    }

    /// A row, or a piece of a COPY, that must be read to be masked; with it all rows behind it that
    /// are there.
    fn masked_row(&mut self, id: OpId, header: Header, is_row: bool) -> bool {
        let total = header.total();
        let Some(operation) = self.state.operation(id) else {
            return true;
        };
        if header.body > self.max_message {
            operation.fail(too_large(header.body, self.max_message));
        } else if self.upstream.read.len() < total {
            return false;
        } else {
            let read = &self.upstream.read;
            let taken = match header.tag {
                tag::DATA_ROW => operation.mask_rows(read, self.client.out()),
                _ => {
                    let data = read.get(HEADER_BYTES..total).unwrap_or_default();
                    operation.mask_copy(data, is_row, self.client.out());
                    total
                }
            };
            self.upstream.read.advance(taken);
            if taken > 0 {
                return true;
            }
        }
        self.from_upstream = Passing::away(total);
        true
    }

    /// Any other message: false while more of it is needed.
    fn whole(&mut self, header: Header) -> Result<bool, End> {
        if self.upstream.read.len() < header.total() {
            return Ok(false);
        }
        let frame = self.upstream.read.split_to(header.total()).freeze();
        self.told(header.tag, &frame)?;
        Ok(true)
    }

    /// A report that would have to be read whole and is larger than that. Its words are thrown
    /// away: a notice is not told, an error is told without them.
    fn unread_report(&mut self, header: Header) -> Result<bool, End> {
        match header.tag {
            tag::NOTICE => {}
            tag::ERROR => {
                let denial = unread_report(header.body, self.max_message);
                let mut frame = Vec::new();
                refuse::denial(&mut frame, Severity::Error, &denial);
                if let Some(operation) =
                    self.state.at_work().and_then(|id| self.state.operation(id))
                    && operation.stopped.is_none()
                {
                    operation.fail(denial);
                }
                self.told(header.tag, &frame.into())?;
            }
            _ => return Err(End::TargetTooLarge(header.body)),
        }
        self.from_upstream = Passing::away(header.total());
        Ok(true)
    }

    /// A whole message that is no row.
    fn told(&mut self, tag: u8, frame: &Bytes) -> Result<(), End> {
        let body = frame.get(HEADER_BYTES..).unwrap_or_default();
        let message = Backend::decode(tag, body).map_err(End::Target)?;
        match message {
            Backend::ParameterStatus { .. } => {
                self.client.out().extend_from_slice(frame);
            }
            Backend::Notice(_) | Backend::Notification { .. } => {
                let of = self.state.at_work();
                self.report(tag, frame, of)?;
            }
            Backend::Ready(transaction) => self.ready(transaction, frame)?,
            _ => {
                let told = self.state.reply(tag)?;
                self.answer(told, message, frame)?;
                let mut unheard = Vec::new();
                self.state.refusals(match self.muted {
                    false => self.client.out(),
                    true => &mut unheard,
                });
            }
        }
        Ok(())
    }

    fn answer(
        &mut self,
        told: Told<Statement>,
        message: Backend<'_>,
        frame: &Bytes,
    ) -> Result<(), End> {
        match told {
            Told::Plain => self.pass(frame),
            Told::Named(name, statement) => {
                self.named(&name, statement.as_deref());
                self.pass(frame);
            }
            Told::Of(id) => self.described(id, message, frame),
            Told::Described(id) => {
                self.pass(frame);
                self.state.done(id);
            }
            Told::Aside(id) => {
                self.told_rows(id, &message);
                self.state.done(id);
            }
            Told::Prepared(id) => self.was_read(id),
            Told::StatementEnded(id) => {
                self.statement_ended(id, message, frame);
                if let Some(operation) = self.state.operation(id) {
                    operation.statement += 1;
                    operation.answer.next_statement();
                }
            }
            Told::Executed(id) | Told::Suspended(id) => {
                self.statement_ended(id, message, frame);
                self.state.done(id);
            }
            Told::CopyIn { fail, sync, .. } => {
                if fail {
                    self.fail_copy(b"the message behind it was refused");
                    if sync {
                        write::sync(self.upstream.out());
                    }
                } else {
                    self.writes();
                    self.pass(frame);
                }
            }
            Told::Failed(id) => {
                self.failed(id, message, frame)?;
                self.state.done(id);
            }
            Told::FailedPlain => {
                self.failures = true;
                self.report(tag::ERROR, frame, None)?;
            }
            Told::FailedSync => {
                let code = code(&message);
                self.state.uncommitted(|operation| operation.undone(&code));
                self.failures = true;
                self.report(tag::ERROR, frame, None)?;
            }
            Told::FailedAsRefused(answer) => {
                self.failures = true;
                self.pass(&answer);
            }
            Told::Ready(_) => {}
        }
        Ok(())
    }

    /// The server read a text that was not to be run, and found all that it names: that came to be
    /// since it was judged.
    fn was_read(&mut self, id: OpId) {
        let operation = self.state.operation(id);
        let denial = operation.and_then(|operation| {
            let denial = operation.only_read()?;
            operation.settle(Outcome::Cut(denial.clone()));
            Some(denial)
        });
        if let Some(denial) = denial.filter(|_| !self.muted) {
            refuse::denial(self.client.out(), Severity::Error, &denial);
            self.muted = true;
            self.failures = true;
        }
    }

    /// What describes the rows of a Query, or starts or ends a COPY.
    fn described(&mut self, id: OpId, message: Backend<'_>, frame: &[u8]) {
        self.told_rows(id, &message);
        let longest = self.max_message;
        let Some(operation) = self.state.operation(id) else {
            return;
        };
        let told = match &message {
            Backend::CopyOut(_) if operation.stopped.is_some() => false,
            Backend::CopyOut(response) => {
                operation.copying = Some(CopyingOut::new(operation, response.binary));
                match operation.answer.copy_begins(response, longest) {
                    Ok(()) => true,
                    Err(denial) => {
                        operation.fail(denial);
                        false
                    }
                }
            }
            // A COPY that was cut still ends; one that failed ends with our error.
            Backend::CopyDone => {
                operation.copying = None;
                operation.end_copy()
            }
            _ => true,
        };
        if told {
            self.pass(frame);
        }
    }

    /// A statement of a Query, or one Execute, ended well.
    fn statement_ended(&mut self, id: OpId, message: Backend<'_>, frame: &Bytes) {
        let muted = self.muted;
        let Some(operation) = self.state.operation(id) else {
            return;
        };
        operation.count_written(&message);
        let rows = std::mem::take(&mut operation.rows);
        let effect = operation.analysed.told.operation.effect;
        let suspended = message == Backend::PortalSuspended;
        let stopped = operation.stopped.clone();
        match stopped {
            Some(Stopped::Failed(denial)) => {
                if !muted {
                    self.fail_ended(&denial, effect);
                }
            }
            Some(told @ (Stopped::Cut(_) | Stopped::Told)) => {
                if let Stopped::Cut(limit) = &told {
                    operation.stopped = Some(Stopped::Told);
                    if !muted {
                        limited::notice(self.client.out(), limit, rows);
                    }
                }
                let tag = match message {
                    Backend::CommandComplete(tag) => limited::tag(tag, rows),
                    _ => limited::tag(b"SELECT", rows),
                };
                if !muted {
                    write::message(self.client.out(), tag::COMMAND_COMPLETE, |out| {
                        write::string(out, &tag);
                    });
                }
            }
            None => self.pass(frame),
        }
        self.completed(id, suspended);
    }

    /// Something ended well that fails as far as the client is concerned.
    fn fail_ended(&mut self, denial: &Denial, effect: Effect) {
        let undone = !self.state.is_owed() && self.state.would_undo();
        let denial = limited::completed(denial, effect, undone);
        if undone {
            // Before the Sync that would commit it.
            return self.refuse_message(&denial);
        }
        refuse::denial(self.client.out(), Severity::Error, &denial);
        self.muted = true;
        self.state.skip();
    }

    /// What an Execute changed holds from now on; of a Query only its end decides.
    fn completed(&mut self, id: OpId, suspended: bool) {
        let Some(operation) = self.state.operation(id) else {
            return;
        };
        if suspended {
            operation.suspend();
            self.fetched(id);
            return;
        }
        operation.settle(Outcome::Succeeded);
        let analysed = Arc::clone(&operation.analysed);
        if !self.state.is_query() {
            self.executed(&analysed);
            self.cursors_changed(id);
            self.fetched(id);
            self.opened_by(id);
        }
    }

    fn failed(&mut self, id: OpId, message: Backend<'_>, frame: &Bytes) -> Result<(), End> {
        let code = code(&message);
        if self.cut_short(id, code.as_bytes()) {
            return Ok(());
        }
        self.failures = true;
        self.cursors_failed(id);
        self.fetched(id);
        let Some(operation) = self.state.operation(id) else {
            return Ok(());
        };
        let told = operation.stopped.take();
        operation.settle(Outcome::Failed(code.into_owned()));
        let analysed = Arc::clone(&operation.analysed);
        self.ran(&analysed);
        match told {
            Some(Stopped::Failed(denial)) if !self.muted => {
                refuse::denial(self.client.out(), Severity::Error, &denial);
                self.muted = true;
                Ok(())
            }
            _ => self.report(tag::ERROR, frame, Some(id)),
        }
    }

    fn ready(&mut self, transaction: Transaction, frame: &Bytes) -> Result<(), End> {
        let was = self.state.transaction();
        let Told::Ready(query) = self.state.ready(transaction)? else {
            return Err(End::OutOfTurn(tag::READY));
        };
        let failed = std::mem::take(&mut self.failures);
        if let Some(id) = query {
            if let Some(operation) = self.state.operation(id) {
                operation.settle(Outcome::Succeeded);
                let analysed = Arc::clone(&operation.analysed);
                self.ran(&analysed);
                self.fetched(id);
                if !failed {
                    self.cursors_changed(id);
                    self.opened_by(id);
                }
            }
            self.state.done(id);
        }
        self.settle(failed, was, transaction);
        if transaction == Transaction::Idle {
            self.wrote = false;
        }
        self.muted = false;
        self.unsettled = false;
        self.client.out().extend_from_slice(frame);
        Ok(())
    }

    fn pass(&mut self, frame: &[u8]) {
        if !self.muted {
            self.client.out().extend_from_slice(frame);
        }
    }
}

/// Whether a row, or a piece of a COPY, must be read before it passes.
fn is_masked(operation: &mut Operation, tag: u8) -> bool {
    match tag {
        tag::DATA_ROW => !matches!(operation.answer.rows(), Ok(None)),
        _ => operation.answer.copy().is_some(),
    }
}

/// The SQLSTATE of an error.
fn code<'m>(message: &'m Backend<'_>) -> Cow<'m, str> {
    match message {
        Backend::Error(fields) => String::from_utf8_lossy(fields.get(b'C').unwrap_or_default()),
        _ => Cow::Borrowed(""),
    }
}
