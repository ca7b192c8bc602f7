//! What is recorded: events in strings and bytes, which know no protocol and no schema,
//! so that they outlive both.
//!
//! An event is open to extension. A kind that this version does not know is read as
//! [`Body::Unknown`], a field that it does not know is kept in [`Event::later`], and both are
//! written again byte for byte.

mod id;
mod value;

#[cfg(test)]
mod tests;

pub use id::{
    InvalidSessionId, InvalidWriterId, MAX_WRITER_ID_BYTES, SessionId, Timestamp, WriterId,
};
pub use value::{Map, Value};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The session that it belongs to, or [`SessionId::NONE`].
    pub session: SessionId,
    pub body: Body,
    /// Fields of a later version, in the order of their numbers.
    pub later: Vec<LaterField>,
}

/// A field that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaterField {
    pub number: u64,
    pub bytes: Vec<u8>,
}

/// The kinds of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    SessionStarted(SessionStarted),
    Operation(Operation),
    OperationEnded(OperationEnded),
    Output(Output),
    Terminal(Terminal),
    Approval(Approval),
    AdminAct(AdminAct),
    SessionEnded(SessionEnded),
    Notice(Notice),
    Input(Input),
    /// A kind of a later version, its payload as it was read.
    Unknown {
        kind: u16,
        payload: Vec<u8>,
    },
}

/// A session was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionStarted {
    pub subject: String,
    /// Who acts on behalf of the subject, where that is someone else.
    pub actor: String,
    pub groups: Vec<String>,
    pub connection: String,
    pub protocol: String,
    pub client_address: String,
    pub attributes: Map,
}

/// An operation was judged. If it was allowed, it runs after this event was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Operation {
    /// Counts the operations of the session; its end and output name it.
    pub number: u64,
    /// The whole neutral operation, so that later policies can be tried on it.
    pub operation: Map,
    /// `allow`, `deny`, `hold`.
    pub decision: String,
    /// The class of a denial, empty otherwise.
    pub class: String,
    pub policy: String,
    pub rule: String,
    /// The hash that approvals name, or nothing.
    pub hash: Vec<u8>,
    /// The revision of the snapshot that judged.
    pub revision: String,
    pub attributes: Map,
}

/// An operation ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OperationEnded {
    pub number: u64,
    pub outcome: String,
    pub rows: u64,
    pub bytes: u64,
    pub duration_micros: u64,
    pub attributes: Map,
}

/// A piece of what the client saw.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    /// The operation that it answers.
    pub number: u64,
    /// Where the piece begins in the whole answer.
    pub offset: u64,
    pub data: Vec<u8>,
    /// The explicit mark of a capped payload: what follows this piece and was left out.
    pub omitted_bytes: u64,
    pub omitted_rows: u64,
}

/// A piece of what the client sent beside the texts of its operations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Input {
    /// The operation that it is for.
    pub number: u64,
    /// Where the piece begins in all that is kept of it.
    pub offset: u64,
    pub data: Vec<u8>,
    /// The explicit mark of a capped payload: what follows this piece and was left out.
    pub omitted_bytes: u64,
}

/// A piece of a terminal session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terminal {
    pub stream: Stream,
    pub data: Vec<u8>,
}

/// Which way a piece of a terminal session went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// From the client.
    Input,
    /// To the client.
    Output,
    /// To the client, beside the output.
    Error,
    /// The window's new size: `columns x rows` as text, `80x24`.
    Resize,
    /// A mark set by the recorder.
    Marker,
    /// A direction of a later version.
    Other(u64),
}

/// A fact about an approval.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Approval {
    pub number: u64,
    /// The name of the request.
    pub request: String,
    /// `requested`, `approved`, `denied`, `revoked`, `expired`, `withdrawn`, `claimed`.
    pub fact: String,
    /// Who decided; of `requested` who asked, of `claimed` who had approved.
    pub decider: String,
    pub reason: String,
    pub attributes: Map,
}

/// Somebody looked at sessions, ended one, or decided about a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AdminAct {
    /// `list`, `tail`, `kill`, `read`, `approve`, `deny`, `revoke`.
    pub act: String,
    pub actor: String,
    pub target: String,
    pub reason: String,
    pub attributes: Map,
}

/// A session ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionEnded {
    pub outcome: String,
    pub reason: String,
    pub operations: u64,
    pub attributes: Map,
}

/// What belongs to no session: what the recorder itself has to say, such as that the clock stepped
/// back, and what is only counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notice {
    /// One of the names in [`notice`], or one of a later version.
    pub what: String,
    pub attributes: Map,
}

/// The notices that this version writes.
pub mod notice {
    /// The clock of an event is before that of the event ahead of it. Attributes: `from`,
    /// `to`, in microseconds since 1970.
    pub const CLOCK_STEPPED_BACK: &str = "clock-stepped-back";
    /// The writer was stopped without a seal and went on here: sessions that have no end
    /// before this ended with that stop. Attributes: `cutBytes`, `cutSha256` where a torn tail
    /// was cut off, and `cutKept`, whether there was room to set it aside.
    pub const WRITER_RESTARTED: &str = "writer-restarted";
    /// Openings of sessions were refused, more than are recorded one by one. Attributes:
    /// `connection`, `failedLogins`, `refusedSessions`, and `first`, a list of some of them with
    /// `address`, `user` (what they said of themselves, or who it was proven to be) and `reason`.
    pub const OPENINGS_REFUSED: &str = "openings-refused";
    /// Checkpoints are signed by another key from here on. Attributes: `from`, `to`.
    pub const KEY_ROTATED: &str = "key-rotated";
}

// === impl Event ===

impl Event {
    pub fn new(session: SessionId, body: Body) -> Self {
        Self {
            session,
            body,
            later: Vec::new(),
        }
    }
}
