//! An operation whose bytes went upstream.

use std::sync::Arc;
use std::time::Duration;

use portcullis_policy::limit::{Monotonic, Passage, ReplyMeter};
use portcullis_policy::mask::MaskSet;
use portcullis_policy::{ApprovalTerms, OnExceed};
use portcullis_recording::event::{self, Body, Event, Map, SessionId};

use super::Told;
use super::sent::Sent;
use crate::metrics::ProtocolMetrics;
use crate::session::counted::observe;
use crate::session::denial::Denial;
use crate::session::ports::Payloads;
use crate::session::registry::{Busy, Line};
use crate::session::{Current, Session};

/// With `Capped` payloads, so much of each reply is recorded, and then counts. With `Full`, the
/// size of a piece.
pub const CAPPED_BYTES: usize = 64 * 1024;

/// An operation whose bytes went upstream, until its end is recorded. Dropped without
/// [`Running::end`], it is recorded as cut.
#[derive(Debug)]
pub struct Running {
    pub(super) allowed: Allowed,
    number: u64,
    meter: ReplyMeter,
    /// Rows that the meter counted of others.
    before: u64,
    shown: Shown,
    /// None while the client has sent nothing beside the text.
    pub(super) sent: Option<Box<Sent>>,
    masked: u64,
    began: Monotonic,
    answered: Option<Monotonic>,
    counted: Arc<ProtocolMetrics>,
    is_recorded: bool,
    pub(super) busy: Busy,
}

/// That an operation was allowed, and by what: may it go on by what holds now?
#[derive(Debug, Clone)]
pub struct Allowed {
    pub(super) current: Arc<Current>,
    pub(super) told: Arc<Told>,
    pub(super) approved: Option<ApprovalTerms>,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    /// The target's own error code.
    Failed(String),
    Cut(Denial),
    Cancelled,
}

/// What of the reply is recorded.
#[derive(Debug)]
struct Shown {
    payloads: Payloads,
    /// What is kept and not yet in the record.
    piece: Vec<u8>,
    /// Where `piece` begins in the reply.
    offset: u64,
    bytes: u64,
    /// How many rows the record has whole, once it has not all.
    rows_kept: Option<u64>,
}

// === impl Running ===

impl Running {
    pub(super) fn new(
        session: &Session,
        told: &Arc<Told>,
        number: u64,
        approved: Option<ApprovalTerms>,
    ) -> Self {
        let house = &session.door.house;
        Self {
            allowed: Allowed {
                current: Arc::clone(&session.current),
                told: Arc::clone(told),
                approved,
            },
            number,
            meter: ReplyMeter::default(),
            before: 0,
            shown: Shown::new(session.current.target.recording.payloads),
            sent: None,
            masked: 0,
            began: house.clock.monotonic(),
            answered: None,
            counted: Arc::clone(session.counted.handles()),
            is_recorded: false,
            busy: session.entry.begin(house),
        }
    }

    /// The masks that it was judged with.
    pub fn masks(&self) -> &Arc<MaskSet> {
        &self.allowed.current.masks
    }

    /// Which operation of its session it is, as the record counts them.
    pub fn number(&self) -> u64 {
        self.number
    }

    pub fn session(&self) -> SessionId {
        self.busy.entry().id
    }

    pub fn allowed(&self) -> &Allowed {
        &self.allowed
    }

    /// Its rows and bytes are added to what passed beside it: limits count them together.
    pub fn count_on(&mut self, passed: (u64, u64)) {
        let own = self.rows();
        self.meter.raise_to(passed);
        self.before = self.meter.passed().0.saturating_sub(own);
    }

    /// All that its limits have counted, with what passed before it.
    pub fn counted(&self) -> (u64, u64) {
        self.meter.passed()
    }

    /// Counts a row of the reply against the limits of rows and bytes.
    pub fn row(&mut self, bytes: u64) -> Passage {
        self.meter
            .row(&self.allowed.current.view.limits().sizes, bytes)
    }

    /// Whether limits count its rows or bytes.
    pub fn is_counted(&self) -> bool {
        !self.allowed.current.view.limits().sizes.is_empty()
    }

    /// Whether a limit of the reply fails the operation instead of cutting the reply.
    pub fn may_be_refused(&self) -> bool {
        let sizes = &self.allowed.current.view.limits().sizes;
        let fails = |on_exceed: OnExceed| on_exceed == OnExceed::Error;
        sizes.iter().any(|size| fails(size.limit.on_exceed))
    }

    /// A piece of a reply without rows (COPY).
    pub fn chunk(&mut self, bytes: u64) -> Passage {
        self.meter
            .chunk(&self.allowed.current.view.limits().sizes, bytes)
    }

    /// What the client saw; kept as far as payloads say.
    pub fn show(&mut self, bytes: &[u8]) {
        let entry = self.busy.entry();
        entry.tell(|| Line::output(self.number, bytes));
        let rows = self.rows();
        let mut rest = self.shown.take(bytes, rows);
        while self.shown.is_full() {
            self.record_piece((0, 0));
            rest = self.shown.take_more(rest);
        }
    }

    /// Values that were masked.
    pub fn masked(&mut self, values: u64) {
        self.masked = self.masked.saturating_add(values);
    }

    /// The target has answered, for now. A portal is there until its transaction ends, and that time
    /// is the client's.
    pub fn answered(&mut self) {
        self.answered = Some(self.busy.house().clock.monotonic());
    }

    pub fn end(mut self, outcome: Outcome) {
        self.record_end(&outcome);
    }

    /// When it was let through.
    pub(super) fn began(&self) -> Monotonic {
        self.began
    }

    /// Rows of its own that passed.
    fn rows(&self) -> u64 {
        self.meter.passed().0.saturating_sub(self.before)
    }

    /// The kept piece, and what after it is left out.
    fn record_piece(&mut self, (omitted_bytes, omitted_rows): (u64, u64)) {
        let offset = self.shown.offset;
        let data = std::mem::take(&mut self.shown.piece);
        self.shown.offset += data.len() as u64;
        self.defer(Body::Output(event::Output {
            number: self.number,
            offset,
            data,
            omitted_bytes,
            omitted_rows,
        }));
    }

    fn record_end(&mut self, outcome: &Outcome) {
        if std::mem::replace(&mut self.is_recorded, true) {
            return;
        }
        let rows = self.rows();
        let omitted = self.shown.omitted(rows);
        if !self.shown.piece.is_empty() || omitted != (0, 0) {
            self.record_piece(omitted);
        }
        let now = self.answered;
        let now = now.unwrap_or_else(|| self.busy.house().clock.monotonic());
        let duration = now.as_nanos().saturating_sub(self.began.as_nanos());
        let duration = Duration::from_nanos(duration);
        observe(&self.counted.upstream_seconds, self.began, now);
        if self.masked > 0 {
            self.counted.masked_values.inc_by(self.masked);
        }
        let mut attributes = Map::new();
        let mut put = |name: &str, value: event::Value| {
            attributes.insert(name.to_owned(), value);
        };
        self.end_sent(&mut put);
        let word = match outcome {
            Outcome::Succeeded => "succeeded",
            Outcome::Cancelled => "cancelled",
            Outcome::Failed(code) => {
                put("code", code.as_str().into());
                "failed"
            }
            Outcome::Cut(denial) => {
                put("class", denial.class.as_str().into());
                put("reason", denial.message.as_str().into());
                "cut"
            }
        };
        if self.masked > 0 {
            let masked = i64::try_from(self.masked).unwrap_or(i64::MAX);
            put("maskedValues", masked.into());
        }
        let number = self.number;
        self.busy.entry().tell(|| Line::Ended {
            number,
            outcome: word,
        });
        self.defer(Body::OperationEnded(event::OperationEnded {
            number,
            outcome: word.to_owned(),
            rows,
            bytes: self.shown.bytes,
            duration_micros: u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
            attributes,
        }));
    }

    /// Rides with the next write. Where that fails, new operations are refused; this one ran.
    pub(super) fn defer(&self, body: Body) {
        let event = Event::new(self.busy.entry().id, body);
        let house = self.busy.house();
        if let Err(error) = house.writer.defer(&event, house.clock.now()) {
            tracing::debug!(%error, "the end of an operation is not recorded");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_recorded {
            self.record_end(&Outcome::Cut(Denial::new(
                portcullis_policy::Class::AccessDenied,
                "the session ended while this was running",
                "run it again",
            )));
        }
    }
}

// === impl Shown ===

impl Shown {
    fn new(payloads: Payloads) -> Self {
        Self {
            payloads,
            piece: Vec::new(),
            offset: 0,
            bytes: 0,
            rows_kept: None,
        }
    }

    /// Keeps what may be kept; gives back what did not fit into this piece.
    fn take<'b>(&mut self, bytes: &'b [u8], rows: u64) -> &'b [u8] {
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        if self.payloads == Payloads::Metadata || self.rows_kept.is_some() {
            return &[];
        }
        let rest = self.take_more(bytes);
        if self.payloads == Payloads::Capped && !rest.is_empty() {
            // The row that these bytes are of is not there whole.
            self.rows_kept = Some(rows.saturating_sub(1));
            return &[];
        }
        rest
    }

    fn take_more<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let room = CAPPED_BYTES - self.piece.len();
        let (kept, rest) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.piece.extend_from_slice(kept);
        rest
    }

    /// A piece that must be recorded before more can be kept.
    fn is_full(&self) -> bool {
        self.payloads == Payloads::Full && self.piece.len() >= CAPPED_BYTES
    }

    /// Bytes and rows of a capped reply that the record does not have.
    fn omitted(&self, rows: u64) -> (u64, u64) {
        match self.rows_kept {
            Some(kept) => {
                let recorded = self.offset + self.piece.len() as u64;
                (
                    self.bytes.saturating_sub(recorded),
                    rows.saturating_sub(kept),
                )
            }
            None => (0, 0),
        }
    }
}
