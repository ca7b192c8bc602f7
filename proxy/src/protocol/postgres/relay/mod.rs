//! The session after login: one task, both directions.
//!
//! ```text
//! client ─ frontend ─ judge ─ Admitted ─> upstream          state: what is owed, what names mean
//! client <─ masked, limited ─ backend <── upstream          line:  bytes waiting on either side
//! ```
//!
//! - Nothing of an operation goes upstream before the gate admitted it; what goes is the slice
//!   that was judged.
//! - One batch at a time: behind a Query or a Sync nothing is looked at until ReadyForQuery. So
//!   names, settings and the state of the transaction are the server's own whenever a text is
//!   judged.
//! - Memory is bounded: a side that does not take what it is sent is not read from; rows that
//!   need not be read pass in pieces.

mod answer;
mod backend;
mod context;
mod cursors;
mod frontend;
mod inflight;
mod judge;
mod limited;
mod line;
mod masked;
mod meaning;
mod operation;
mod operations;
mod signals;
mod state;
mod waiting;
mod written;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use portcullis_dialect::postgres::wire::InvalidFrame;
use portcullis_dialect::sql::lineage::Cursors;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::analysis::{Analysed, Analyser, SessionView};
use super::cancel::CancelKey;
use super::mask::{PlaceholderSearch, Reports};
use crate::session::gate::Hold;
use crate::session::{EndReason, Session};
use cursors::Opened;
use frontend::Passing;
use line::Line;
use operation::{Operation, Statement};
use operations::OpId;
use signals::Signals;
use state::{OutOfTurn, State};

/// The largest body that a length word can tell: what passes in pieces may be so long.
const MAX_BODY: usize = i32::MAX as usize - 4;

/// Asks the target to cancel what the session runs.
pub(super) type Canceller = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// What a session is made of once both sides are logged in.
pub(super) struct Joined<C, U> {
    pub(super) client: C,
    pub(super) upstream: U,
    pub(super) ahead: BytesMut,
    pub(super) session: Session,
    pub(super) analyser: Arc<Analyser>,
    pub(super) view: SessionView,
    pub(super) key: CancelKey,
    pub(super) cancel: Canceller,
}

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    #[error("the client said goodbye")]
    Terminated,
    #[error("the client left")]
    ClientLeft,
    #[error("the target closed the connection")]
    TargetGone,
    #[error("the client broke the protocol: {0}")]
    Frame(InvalidFrame),
    #[error("the client sent message {0:#04x}, which has no place here")]
    UnknownMessage(u8),
    #[error("the target broke the protocol: {0}")]
    Target(InvalidFrame),
    #[error("the target sent message {0:#04x} out of turn")]
    OutOfTurn(u8),
    #[error("the target sent a message of {0} bytes")]
    TargetTooLarge(usize),
    #[error("connection: {0}")]
    Io(#[from] std::io::Error),
    #[error("the session was ended")]
    Session(Box<EndReason>),
}

impl From<OutOfTurn> for End {
    fn from(OutOfTurn(tag): OutOfTurn) -> Self {
        Self::OutOfTurn(tag)
    }
}

/// An operation that waits for people, with the message that asked for it.
#[derive(Debug)]
pub(super) struct Held {
    hold: Hold,
    frame: Bytes,
}

pub(super) struct Relay<C, U> {
    client: Line<C>,
    upstream: Line<U>,
    state: State<Statement, Operation>,
    session: Session,
    analyser: Arc<Analyser>,
    view: SessionView,
    cancel: Canceller,
    /// A request to cancel is on its way to the target: nothing new starts, or it would be hit.
    cancelling: Option<JoinHandle<()>>,
    signals: Signals,
    /// The largest message of the client, and of the target that is taken whole.
    max_message: usize,
    held: Option<Held>,
    /// What is left of a message that passes in pieces.
    from_client: Passing,
    from_upstream: Passing,
    /// Whose row, or piece of a COPY, passes in pieces.
    passing_of: Option<OpId>,
    /// The length of the message at hand, where more of it is needed.
    client_frame: usize,
    upstream_frame: usize,
    /// Bound values of the operation at hand, as texts.
    parameters: Vec<Option<String>>,
    /// Something in flight changes what later texts mean.
    unsettled: bool,
    /// Something failed since the last ReadyForQuery.
    failures: bool,
    /// The client was told an error of ours: nothing more is passed until ReadyForQuery.
    muted: bool,
    /// The transaction has written or locked.
    wrote: bool,
    /// The client may have let the session write, which may only read.
    unpinned: bool,
    /// What was executed since the last ReadyForQuery and changes what later texts mean.
    changes: Vec<Arc<Analysed>>,
    /// Code that was not read may have changed what statements are prepared.
    suspect: bool,
    /// What the session's cursors return, as far as masks concern it.
    cursors: Cursors,
    /// What they came from.
    opened: Opened,
    /// What becomes of errors that come at the end of the transaction.
    late: Option<Reports>,
    /// Looks through what a COPY of the client's writes, where masks apply.
    written: Option<PlaceholderSearch>,
    /// When a text named what the server knows and a new reading of the catalogue did not.
    renewed_in_vain: Option<Instant>,
}

// === impl Held ===

impl Held {
    fn new(hold: Hold, frame: Bytes) -> Self {
        Self { hold, frame }
    }
}

// === impl Relay ===

impl<C, U> Relay<C, U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) fn new(joined: Joined<C, U>) -> Self {
        let counted = joined.session.counted();
        let (client_in, client_out) = (counted.client_in.clone(), counted.client_out.clone());
        let (upstream_in, upstream_out) =
            (counted.upstream_in.clone(), counted.upstream_out.clone());
        Self {
            client: Line::new(joined.client, BytesMut::new(), client_in, client_out),
            upstream: Line::new(joined.upstream, joined.ahead, upstream_in, upstream_out),
            state: State::new(),
            signals: Signals::of(&joined.session, joined.key),
            max_message: joined.session.max_message(),
            cancelling: None,
            session: joined.session,
            analyser: joined.analyser,
            view: joined.view,
            cancel: joined.cancel,
            held: None,
            from_client: Passing::default(),
            from_upstream: Passing::default(),
            passing_of: None,
            client_frame: 0,
            upstream_frame: 0,
            parameters: Vec::new(),
            unsettled: false,
            failures: false,
            muted: false,
            wrote: false,
            unpinned: false,
            changes: Vec::new(),
            suspect: false,
            cursors: Cursors::default(),
            opened: Opened::default(),
            late: None,
            written: None,
            renewed_in_vain: None,
        }
    }

    /// Says the first words and serves until the end.
    pub(super) async fn run(mut self, first_words: &[u8]) {
        self.client.out().extend_from_slice(first_words);
        let end = loop {
            if let Err(end) = self.turn().await {
                break end;
            }
        };
        self.finish(end).await;
    }

    async fn turn(&mut self) -> Result<(), End> {
        self.max_message = self.session.max_message();
        self.backend()?;
        self.frontend().await?;
        self.wait().await
    }
}
