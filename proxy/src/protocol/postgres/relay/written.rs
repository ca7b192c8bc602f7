//! The rows of a COPY … FROM STDIN: recorded, and looked through for our own placeholder.
//!
//! What is refused fails with its COPY, in the client's own stream, and the target takes over
//! nothing of it.

use portcullis_dialect::postgres::copy::{Layout, copied_in};
use portcullis_dialect::postgres::wire::backend::Backend;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Relay;
use super::operation::Operation;
use super::state::Phase;
use crate::protocol::postgres::analysis::INLINE_BYTES;
use crate::protocol::postgres::mask::PlaceholderSearch;
use crate::session::denial::Denial;

/// What the target reads of rows that were refused; the client reads why.
const REFUSED: &[u8] = b"what it writes was refused";

impl<C, U> Relay<C, U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    /// The server takes rows: a masked value must not be written back.
    pub(super) fn writes(&mut self) {
        let masked = self.session.masks().is_ok_and(|masks| !masks.is_empty());
        let mut layout = None;
        if let Some(operation) = self.writing() {
            operation.taking = true;
            layout = operation.copied_in().filter(|_| masked);
        }
        self.written = masked.then(|| PlaceholderSearch::new(layout.as_ref()));
    }

    /// Looks at the rows that go on next.
    pub(super) fn look_at_written(&mut self) {
        let rows = self.from_client.passes(&self.client.read);
        let writing = self.state.at_work();
        let Some(operation) = writing.and_then(|id| self.state.operation(id)) else {
            return;
        };
        if rows.is_empty() || !operation.taking {
            return;
        }
        let recorded = operation.receive(rows);
        let harmless = match &mut self.written {
            Some(search) => search.push(rows),
            None => Ok(()),
        };
        if let Err(denial) = harmless.and(recorded)
            && operation.stopped.is_none()
        {
            operation.fail(denial);
            self.written = None;
        }
    }

    /// A message of rows is whole: the next place where a COPY can be failed.
    pub(super) fn end_written(&mut self) {
        if matches!(self.state.phase(), Phase::Copying { .. }) && self.is_writing_refused() {
            self.fail_copy(REFUSED);
        }
    }

    /// A piece of the rows is not taken: its COPY fails.
    pub(super) fn refuse_written(&mut self, denial: Denial) {
        if let Some(operation) = self.writing()
            && operation.stopped.is_none()
        {
            operation.fail(denial);
        }
        self.written = None;
        self.fail_copy(REFUSED);
    }

    /// The client ended its rows: they are in the record before the target may take them over.
    pub(super) fn written_whole(&mut self, frame: &[u8]) {
        if let Some(operation) = self.writing()
            && let Err(denial) = operation.received()
            && operation.stopped.is_none()
        {
            operation.fail(denial);
        }
        if self.is_writing_refused() {
            self.fail_copy(REFUSED);
            return;
        }
        self.forward(frame);
        self.state.copy_ended();
    }

    /// The client gave its rows up.
    pub(super) fn written_abandoned(&mut self, why: &[u8]) {
        if let Some(operation) = self.writing() {
            operation.abandon(&String::from_utf8_lossy(why));
        }
    }

    fn is_writing_refused(&mut self) -> bool {
        self.writing()
            .is_some_and(|operation| operation.stopped.is_some())
    }

    fn writing(&mut self) -> Option<&mut Operation> {
        let id = self.state.at_work()?;
        self.state.operation(id)
    }
}

impl Operation {
    /// How the rows of the client's are written, by the statement at hand. A long text would be
    /// parsed elsewhere: of its rows that is not known.
    fn copied_in(&self) -> Option<Layout> {
        let text = &self.analysed.told.operation.text;
        let is_short = text.len() <= INLINE_BYTES;
        is_short
            .then(|| copied_in(text, self.statement, &self.analysed.facts.settings))
            .flatten()
    }

    /// A statement ended: where it was a COPY of the client's, the server says how many rows it
    /// took over.
    pub(super) fn count_written(&mut self, ended: &Backend<'_>) {
        if !std::mem::take(&mut self.taking) {
            return;
        }
        let Backend::CommandComplete(tag) = ended else {
            return;
        };
        let rows = tag.strip_prefix(b"COPY ");
        let rows = rows.and_then(|rows| std::str::from_utf8(rows).ok()?.parse().ok());
        if let Some(rows) = rows {
            self.took_over(rows);
        }
    }
}
