//! The gate: decides, holds, records, and mints the proof of passage. (owner: session)

use std::sync::Arc;

use portcullis_policy::Operation;
use portcullis_policy::limit::Passage;
use portcullis_policy::mask::MaskSet;

use super::Session;
use super::denial::Denial;

/// An operation as a protocol's classifier told it, with what can be made of it once: shared by
/// all executions of one analysis.
#[derive(Debug)]
pub struct Told {
    pub operation: Operation,
    // session adds: its encoded form for the record, scrubbed text by mask set, ...
}

/// What is asked of the gate.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    pub told: &'a Arc<Told>,
    /// Exactly what would be forwarded: for the approval's hash.
    pub exact: &'a [u8],
    /// Bound parameters as the record and an approver read them; None is NULL, binary ones as hex
    /// with `\x`.
    pub parameters: &'a [Option<String>],
    /// Facts that change the meaning beyond the operation's attributes (settings, versions of the
    /// definitions of what it touches): for the approval's hash.
    pub meaning: &'a [(&'static str, String)],
    /// False inside a transaction that already wrote or locked: a hold turns into a reject.
    pub may_wait: bool,
}

/// The gate's answer.
#[derive(Debug)]
pub enum Ruling {
    Admitted(Admitted),
    Refused(Denial),
    /// Wait for it (`Hold::wait`), then ask again with [`Gate::judge_after`].
    Held(Hold),
}

/// The proof that an operation may pass. Only the gate makes one; forwarding uses it up.
#[derive(Debug)]
pub struct Admitted(Running);

/// An operation whose bytes went upstream, until its end is recorded. Dropped without
/// [`Running::end`], it is recorded as cut.
#[derive(Debug)]
pub struct Running {}

/// An operation that waits for people.
#[derive(Debug)]
pub struct Hold {}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    /// The target's own error code.
    Failed(String),
    Cut(Denial),
    Cancelled,
}

impl Session {
    /// Decides about an operation by the current snapshot. Allowed ones are counted and recorded
    /// (in the page cache) before this returns. Refused ones are recorded too. Async only for
    /// Strict durability.
    pub async fn judge(&mut self, _asked: &Asked<'_>) -> Ruling {
        todo!()
    }

    /// Only whether a Deny is already certain (for Parse): nothing is counted, and only a refusal
    /// is recorded.
    pub fn foresee(&mut self, _told: &Arc<Told>) -> Result<(), Denial> {
        todo!()
    }

    /// Whether an operation in flight (or a portal that is executed again) may go on by the
    /// current snapshot. Cheap when the snapshot is the one that it was judged by.
    pub fn recheck(&mut self, _running: &mut Running) -> Result<(), Denial> {
        todo!()
    }

    /// The masks of this subject by the current snapshot.
    pub fn masks(&mut self) -> Result<Arc<MaskSet>, Denial> {
        todo!()
    }
}

impl Admitted {
    /// Called where the bytes are forwarded, and nowhere else.
    pub fn forward(self) -> Running {
        self.0
    }
}

impl Hold {
    /// The name of the request, and how to get it approved, for the client's notice.
    pub fn request(&self) -> &str {
        todo!()
    }

    pub fn how_to_approve(&self) -> String {
        todo!()
    }

    /// Until it is decided, or `holdFor` is over (then a denial of class ApprovalRequired names
    /// the request). Dropping the future without `withdraw` leaves the request as it is.
    pub async fn wait(&mut self) -> Result<(), Denial> {
        todo!()
    }

    /// The client gave up.
    pub async fn withdraw(self) {
        todo!()
    }
}

impl Running {
    /// The masks that it was judged with.
    pub fn masks(&self) -> &Arc<MaskSet> {
        todo!()
    }

    /// Counts a row of the reply against the limits of rows and bytes.
    pub fn row(&mut self, _bytes: u64) -> Passage {
        todo!()
    }

    /// A piece of a reply without rows (COPY).
    pub fn chunk(&mut self, _bytes: u64) -> Passage {
        todo!()
    }

    /// What the client saw; kept as far as payloads say.
    pub fn show(&mut self, _bytes: &[u8]) {
        todo!()
    }

    /// Values that were masked.
    pub fn masked(&mut self, _values: u64) {
        todo!()
    }

    pub fn end(self, _outcome: Outcome) {
        todo!()
    }
}
