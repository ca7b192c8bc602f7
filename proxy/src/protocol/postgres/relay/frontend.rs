//! The client's messages: cut, judged, forwarded.
//!
//! A message that carries or runs a text is forwarded as the very slice that was judged. What is
//! refused in the extended protocol is told in its turn, behind the answers to what went before,
//! and everything up to Sync is thrown away; what is refused in the simple one is answered at once
//! and leaves the transaction as it is.

use bytes::{Buf, Bytes};
use portcullis_dialect::postgres::wire::backend::Transaction;
use portcullis_dialect::postgres::wire::frontend::{Frontend, Target, tag};
use portcullis_dialect::postgres::wire::{HEADER_BYTES, Header, InvalidFrame, write};
use portcullis_dialect::sql::encoding::Encoding;
use portcullis_dialect::sql::parser::MAX_TEXT;
use portcullis_policy::Class;
use tokio::io::{AsyncRead, AsyncWrite};

use super::state::{Phase, Take};
use super::{End, MAX_BODY, Relay};
use crate::protocol::postgres::refuse::{self, Report, Severity, code};
use crate::session::denial::Denial;

/// Longest Query or Parse that is read at all: the longest text that is analysed, and what may
/// stand around it.
const MAX_TEXT_MESSAGE: usize = MAX_TEXT + 128 * 1024;

/// A name that no client can bind: names end at their first zero byte, and this one is longer
/// than a name may be. Executing it fails, which ends the transaction around a pipeline.
const NO_PORTAL: &[u8] = b"refused by portcullis: the pipeline is rolled back with this message";

/// What is left of a message that is passed on, or thrown away, in pieces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Passing {
    left: usize,
    thrown_away: bool,
}

// === impl Passing ===

impl Passing {
    pub(super) fn on(left: usize) -> Self {
        Self {
            left,
            thrown_away: false,
        }
    }

    pub(super) fn away(left: usize) -> Self {
        Self {
            left,
            thrown_away: true,
        }
    }

    pub(super) fn is_over(self) -> bool {
        self.left == 0
    }

    /// How much is missing of a message of which some has passed.
    pub(super) fn torn(self) -> usize {
        match self.thrown_away {
            true => 0,
            false => self.left,
        }
    }

    /// What of these bytes passes on.
    pub(super) fn passes(self, from: &[u8]) -> &[u8] {
        match self.thrown_away {
            true => &[],
            false => from.get(..self.left.min(from.len())).unwrap_or_default(),
        }
    }

    /// Moves what is there from `from` to `to`.
    pub(super) fn go(&mut self, from: &mut bytes::BytesMut, to: &mut Vec<u8>) {
        let count = self.left.min(from.len());
        if !self.thrown_away {
            to.extend_from_slice(from.get(..count).unwrap_or_default());
        }
        from.advance(count);
        self.left -= count;
    }
}

impl<C, U> Relay<C, U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    /// Takes all messages that are there and may be taken.
    pub(super) async fn frontend(&mut self) -> Result<(), End> {
        while self.held.is_none() && self.cancelling.is_none() && self.upstream.may_take_more() {
            if !self.from_client.is_over() {
                self.look_at_written();
                self.from_client
                    .go(&mut self.client.read, self.upstream.out());
                if !self.from_client.is_over() {
                    break;
                }
                self.end_written();
                continue;
            }
            let header = Header::parse(&self.client.read, MAX_BODY).map_err(End::Frame)?;
            let Some(header) = header else { break };
            if !self.take(header).await? {
                break;
            }
        }
        self.client_frame = match Header::parse(&self.client.read, MAX_BODY) {
            Ok(Some(header)) if header.body <= self.max_message => header.total(),
            _ => 0,
        };
        self.left_client()
    }

    /// False while the message cannot be taken.
    async fn take(&mut self, header: Header) -> Result<bool, End> {
        let mut take = self.state.take(header.tag);
        if take == Take::Now && self.rests_on_unsettled(header.tag) {
            take = Take::WaitFlushed;
        }
        if take == Take::Now && self.must_wait_for_end(header.tag) {
            take = Take::WaitFlushed;
        }
        match take {
            Take::Violation => return Err(End::UnknownMessage(header.tag)),
            Take::Wait => return Ok(false),
            Take::WaitFlushed => {
                self.flush();
                return Ok(false);
            }
            Take::Drop => {
                self.from_client = Passing::away(header.total());
                return Ok(true);
            }
            Take::FailCopy => {
                self.from_client = Passing::away(header.total());
                self.fail_copy(b"a message that has no place in a COPY came from the client");
                return Ok(true);
            }
            Take::Now => {}
        }
        match header.tag {
            _ if header.body > self.max_message => {
                self.refuse_large(header)?;
                self.from_client = Passing::away(header.total());
                return Ok(true);
            }
            tag::COPY_DATA => {
                // The header goes ahead, so that what follows is data alone.
                let head = self.client.read.split_to(HEADER_BYTES);
                self.forward(&head);
                self.from_client = Passing::on(header.body);
                return Ok(true);
            }
            tag::QUERY | tag::PARSE if header.body > MAX_TEXT_MESSAGE => {
                self.from_client = Passing::away(header.total());
                let denial = self.turn_down("", too_long(header.body));
                match header.tag {
                    tag::QUERY => self.refuse_query(&denial),
                    _ => self.refuse_message(&denial),
                }
                return Ok(true);
            }
            _ => {}
        }
        if self.client.read.len() < header.total() {
            return Ok(false);
        }
        let frame = self.client.read.split_to(header.total()).freeze();
        self.message(frame, None).await?;
        Ok(true)
    }

    /// A message that is larger than any may be is refused by name, and the session goes on.
    fn refuse_large(&mut self, header: Header) -> Result<(), End> {
        let mut denial = too_large(header.body, self.max_message);
        if matches!(header.tag, tag::QUERY | tag::PARSE | tag::BIND) {
            denial = self.turn_down("", denial);
        }
        match header.tag {
            tag::QUERY | tag::FUNCTION_CALL => self.refuse_query(&denial),
            tag::PARSE | tag::BIND | tag::DESCRIBE | tag::EXECUTE | tag::CLOSE => {
                self.refuse_message(&denial);
            }
            tag::COPY_DATA | tag::COPY_FAIL => self.refuse_written(denial),
            // The others have no content, and this one ends nothing that could go on.
            _ => return Err(End::Frame(InvalidFrame::Trailing(header.body))),
        }
        Ok(())
    }

    /// One whole message that may be taken now.
    pub(super) async fn message(
        &mut self,
        frame: Bytes,
        hold: Option<crate::session::gate::Hold>,
    ) -> Result<(), End> {
        let tag = frame.first().copied().unwrap_or_default();
        let body = frame.get(HEADER_BYTES..).unwrap_or_default();
        let message = Frontend::decode(tag, body).map_err(End::Frame)?;
        if !self.knows_names(&message) {
            if let Some(hold) = hold {
                hold.withdraw().await;
            }
            self.refuse_message(&Denial::new(
                Class::Unsupported,
                "names of statements and portals beyond ASCII are only read in UTF8",
                "Set client_encoding to UTF8, or use other names.",
            ));
            return Ok(());
        }
        match message {
            Frontend::Query(text) => self.query(&frame, text, hold).await,
            Frontend::Parse(parse) => self.parse(&frame, &parse).await,
            Frontend::Bind(bind) => self.bind(&frame, &bind, hold).await,
            Frontend::Execute { portal, .. } => {
                self.execute(&frame, portal);
                Ok(())
            }
            Frontend::Describe(target, name) => {
                self.describe(&frame, target, name);
                Ok(())
            }
            Frontend::Close(target, name) => {
                // Drivers close what they are done with ahead of the next statement. Behind it nothing
                // can be read any more before that.
                self.refresh().await?;
                match target {
                    Target::Statement => self.state.close_statement(name),
                    Target::Portal => self.state.close_portal(name),
                }
                self.forward(&frame);
                Ok(())
            }
            Frontend::Sync => {
                self.forward(&frame);
                self.state.sync();
                Ok(())
            }
            Frontend::Flush => {
                self.forward(&frame);
                self.state.take_flush();
                Ok(())
            }
            Frontend::CopyDone => {
                self.written_whole(&frame);
                Ok(())
            }
            Frontend::CopyFail(why) => {
                self.written_abandoned(why);
                self.forward(&frame);
                self.state.copy_ended();
                Ok(())
            }
            Frontend::FunctionCall => {
                self.refuse_query(&Denial::new(
                    Class::Unsupported,
                    "function calls by message are not supported",
                    "Call the function in a SELECT.",
                ));
                Ok(())
            }
            Frontend::Terminate => {
                self.forward(&frame);
                Err(End::Terminated)
            }
            Frontend::CopyData(_) | Frontend::Password(_) => Err(End::UnknownMessage(tag)),
        }
    }

    /// Names are kept as they come. What they stand for must not change with the encoding, so
    /// beyond ASCII they are taken in one alone.
    fn knows_names(&self, message: &Frontend<'_>) -> bool {
        let names: [&[u8]; 2] = match message {
            Frontend::Parse(parse) => [parse.name, b""],
            Frontend::Bind(bind) => [bind.statement, bind.portal],
            Frontend::Execute { portal, .. } => [portal, b""],
            Frontend::Describe(_, name) | Frontend::Close(_, name) => [name, b""],
            _ => return true,
        };
        let utf8 = |name: &[u8]| std::str::from_utf8(name).is_ok();
        names.iter().all(|name| name.is_ascii())
            || names.iter().all(|name| utf8(name))
                && Encoding::of(self.view.settings()) == Some(Encoding::Utf8)
    }

    /// The exact slice goes on.
    pub(super) fn forward(&mut self, frame: &[u8]) {
        self.upstream.out().extend_from_slice(frame);
    }

    /// Has the server send what it holds back, where it owes anything.
    pub(super) fn flush(&mut self) {
        if self.state.take_flush() {
            write::message(self.upstream.out(), tag::FLUSH, |_| {});
        }
    }

    pub(super) fn fail_copy(&mut self, why: &[u8]) {
        write::message(self.upstream.out(), tag::COPY_FAIL, |out| {
            write::string(out, why);
        });
        self.state.copy_ended();
    }

    /// A refusal of a message that is answered by itself: the error, then ReadyForQuery with the
    /// state that the server is in.
    pub(super) fn refuse_query(&mut self, denial: &Denial) {
        self.refuse_query_at(denial, None);
    }

    /// The same about a place in its text.
    pub(super) fn refuse_query_at(&mut self, denial: &Denial, place: Option<usize>) {
        if self.state.is_unsynced() {
            self.refuse_message_at(denial, place);
            write::sync(self.upstream.out());
            self.state.sync();
            return;
        }
        refuse::denial_at(self.client.out(), Severity::Error, denial, place);
        let transaction = self.state.transaction();
        write::ready(self.client.out(), transaction);
    }

    /// A refusal in the extended protocol.
    pub(super) fn refuse_message(&mut self, denial: &Denial) {
        self.refuse_message_at(denial, None);
    }

    pub(super) fn refuse_message_at(&mut self, denial: &Denial, place: Option<usize>) {
        let mut answer = Vec::new();
        refuse::denial_at(&mut answer, Severity::Error, denial, place);
        self.refuse_with(answer);
    }

    /// An error that the server itself would give.
    pub(super) fn refuse_as_server(&mut self, code: &'static str, message: &str) {
        let mut answer = Vec::new();
        refuse::error(&mut answer, Severity::Error, Report::new(code, message));
        self.refuse_with(answer);
    }

    fn refuse_with(&mut self, answer: Vec<u8>) {
        if self.state.refuse(answer.into_boxed_slice()) {
            write::message(self.upstream.out(), tag::EXECUTE, |out| {
                write::string(out, NO_PORTAL);
                out.extend_from_slice(&[0; 4]);
            });
        }
        self.flush();
        self.state.refusals(self.client.out());
    }

    /// The client said all that it will say.
    fn left_client(&self) -> Result<(), End> {
        if !self.client.ended {
            return Ok(());
        }
        // What was asked is answered even to a client that says no more; a COPY without its end
        // and an operation that waits for approval are given up.
        let waits = self.state.is_owed() && self.held.is_none();
        match self.state.phase() {
            Phase::Settling | Phase::Open if waits => Ok(()),
            _ => Err(End::ClientLeft),
        }
    }

    /// Whether a message's meaning may still be changed by what runs before it.
    fn rests_on_unsettled(&mut self, message: u8) -> bool {
        if !self.state.is_owed() {
            self.unsettled = false;
        }
        self.unsettled && matches!(message, tag::QUERY | tag::PARSE | tag::BIND | tag::EXECUTE)
    }

    fn describe(&mut self, frame: &[u8], target: Target, name: &[u8]) {
        match target {
            Target::Statement => self.state.describe(),
            Target::Portal => match self.state.portal(name) {
                Some(id) => self.state.describe_portal(id),
                // A cursor that SQL declared, or nothing: the server knows.
                None => self.state.describe(),
            },
        }
        self.forward(frame);
    }

    pub(super) fn refuse_unknown_portal(&mut self, name: &[u8]) {
        let name = String::from_utf8_lossy(name);
        let message = format!("portal \"{name}\" does not exist");
        self.refuse_as_server(code::INVALID_CURSOR_NAME, &message);
    }

    /// Inside a transaction that has written or locked, an operation must not wait for people.
    pub(super) fn may_wait(&self) -> bool {
        self.state.transaction() == Transaction::Idle && !self.state.is_unsynced() || !self.wrote
    }
}

fn too_large(bytes: usize, limit: usize) -> Denial {
    Denial::new(
        Class::TooLarge,
        format!("a message of {bytes} bytes is larger than is taken ({limit} bytes)"),
        "Send less at once. The limit is the Connection's spec.sessions.maxMessageSize.",
    )
}

fn too_long(bytes: usize) -> Denial {
    Denial::new(
        Class::TooLarge,
        format!(
            "a message of {bytes} bytes carries a longer text than is analysed ({MAX_TEXT} bytes)"
        ),
        "Send the text in parts, or the values as parameters.",
    )
}
