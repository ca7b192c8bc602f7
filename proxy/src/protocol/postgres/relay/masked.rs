//! Masks on the way: plans, descriptions, reports, cursors.

use portcullis_dialect::postgres::wire::backend::{Backend, Transaction, tag};
use portcullis_dialect::postgres::wire::frontend::Target;
use portcullis_dialect::postgres::wire::{HEADER_BYTES, Header, write};
use portcullis_dialect::sql::encoding::Encoding;
use portcullis_dialect::sql::lineage::CursorChange;
use tokio::io::{AsyncRead, AsyncWrite};

use super::judge::not_analysed;
use super::meaning::is_transactional;
use super::operation::Operation;
use super::operations::OpId;
use super::{End, MAX_BODY, Relay};
use crate::protocol::postgres::analysis::Analysed;
use crate::protocol::postgres::mask::{Plan, Reports};
use crate::session::denial::Denial;

impl<C, U> Relay<C, U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    /// What becomes of the answer to a text, told before it is sent; or why it is not.
    pub(super) async fn plan(&mut self, analysed: &Analysed) -> Result<Plan, Denial> {
        let masks = self.session.masks()?;
        let planned = self
            .analyser
            .plan(&self.view, &self.cursors, analysed, masks);
        match planned.await {
            Ok(plan) => plan,
            Err(refused) => Err(not_analysed(&refused)),
        }
    }

    /// A Bind went upstream. Where its rows may have to be masked, the server is asked what they
    /// are: the client need not.
    pub(super) fn bound(&mut self, portal: &[u8], operation: Operation) {
        let clear = operation.answer.is_clear();
        let id = self.state.bind(portal, operation);
        if !portal.is_empty() {
            self.closed_name(portal);
            self.cursors.apply(match std::str::from_utf8(portal) {
                Ok(name) => CursorChange::Close { name: name.into() },
                Err(_) => CursorChange::Forget,
            });
        }
        if !clear {
            write::describe(self.upstream.out(), Target::Portal, portal);
            self.state.describe_aside(id);
        }
    }

    /// An error that its transaction is still to bring may quote what this operation reached.
    pub(super) fn expect_late(&mut self, operation: &Operation) {
        if operation.answer.is_masked() {
            let reports = operation.answer.reports();
            self.late = Some(match self.late.take() {
                Some(known) => known.stricter(reports),
                None => reports,
            });
        }
    }

    /// An error, a notice or a notification, as it may be seen.
    pub(super) fn report(&mut self, tag: u8, frame: &[u8], of: Option<OpId>) -> Result<(), End> {
        if self.muted && tag == tag::ERROR {
            return Ok(());
        }
        let body = frame.get(HEADER_BYTES..).unwrap_or_default();
        let reports = match tag {
            tag::NOTIFICATION => None,
            _ => self.reports_of(of),
        };
        let reports = match (reports, self.session.masks()) {
            (Some(reports), _) => reports,
            (None, Ok(masks)) if masks.is_empty() => {
                self.client.out().extend_from_slice(frame);
                return Ok(());
            }
            (None, Ok(masks)) => Reports::looked_through(masks),
            // The session is about to end.
            (None, Err(_)) if tag != tag::ERROR => return Ok(()),
            (None, Err(_)) => Reports::closed(),
        };
        let encoding = Encoding::of(self.view.settings()).unwrap_or(Encoding::Utf8);
        let reports = reports.in_encoding(encoding);
        let out = self.client.out();
        if !reports.rewrite(tag, body, out).map_err(End::Target)? {
            out.extend_from_slice(frame);
        }
        Ok(())
    }

    /// By the operation that is at work, or by the whole transaction where that ends.
    fn reports_of(&mut self, of: Option<OpId>) -> Option<Reports> {
        let late = self.late.clone();
        let Some(operation) = of.and_then(|id| self.state.operation(id)) else {
            return late;
        };
        let mut statements = operation.analysed.statements.iter();
        let ends = statements.any(|s| is_transactional(s.verb) || s.verb == "SET CONSTRAINTS");
        match late {
            Some(late) if ends => Some(late.stricter(operation.answer.reports())),
            _ => Some(operation.answer.reports()),
        }
    }

    /// Whole messages that came while the session was read.
    pub(super) fn pass_aside(&mut self, mut aside: &[u8]) -> Result<(), End> {
        while let Some(header) = Header::parse(aside, MAX_BODY).map_err(End::Target)? {
            let Some((frame, rest)) = aside.split_at_checked(header.total()) else {
                break;
            };
            match header.tag {
                tag::NOTICE | tag::NOTIFICATION => self.report(header.tag, frame, None)?,
                _ => self.client.out().extend_from_slice(frame),
            }
            aside = rest;
        }
        Ok(())
    }

    /// The server described rows, to the client or to us. What its catalogue does not know yet is
    /// masked this time, and read before the next.
    pub(super) fn told_rows(&mut self, id: OpId, message: &Backend<'_>) {
        if let Some(operation) = self.state.operation(id)
            && let Backend::RowDescription(description) = message
            && !operation.answer.described(description)
        {
            self.view.unknown_object();
        }
    }

    /// What an operation did to the cursors holds.
    pub(super) fn cursors_changed(&mut self, id: OpId) {
        if let Some(operation) = self.state.operation(id) {
            for change in operation.answer.cursors() {
                self.cursors.apply(change.clone());
            }
        }
    }

    /// An operation that changes cursors failed: nobody knows how far it came.
    pub(super) fn cursors_failed(&mut self, id: OpId) {
        let operation = self.state.operation(id);
        if operation.is_some_and(|operation| !operation.answer.cursors().is_empty()) {
            self.cursors.apply(CursorChange::Forget);
        }
    }

    /// ReadyForQuery came. A cursor that is remembered too long does no harm: its name cannot come
    /// to stand for other rows unseen.
    pub(super) fn settle_cursors(&mut self, failed: bool, now: Transaction) {
        if now == Transaction::Idle {
            self.late = None;
            self.closed_all();
            self.cursors.apply(match failed {
                true => CursorChange::Rollback,
                false => CursorChange::Commit,
            });
        }
    }
}
