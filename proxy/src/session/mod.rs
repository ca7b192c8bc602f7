//! A session, from the proven subject to its end. (owner: session)
//!
//! The gate is the only place where an operation may pass.

pub mod approval;
pub mod denial;
pub mod gate;
pub mod ports;
pub mod record;
pub mod registry;

use std::net::IpAddr;
use std::sync::Arc;

use portcullis_policy::SessionFacts;
use portcullis_recording::event::SessionId;

use crate::identity::Proven;
use denial::Denial;
use ports::Door;

/// An open session. Dropping it without [`Session::close`] records its end all the same.
#[derive(Debug)]
pub struct Session {
    pub id: SessionId,
    pub facts: SessionFacts,
    pub proven: Proven,
    pub door: Arc<Door>,
}

/// What a protocol says of a client at login, for the record: proves nothing.
#[derive(Debug, Clone, Default)]
pub struct ClientSays {
    /// Such as the startup `user`, `application_name`, the database.
    pub attributes: Vec<(String, String)>,
}

/// Why a session is to end, told to the relay by `Session::ended`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndReason {
    /// The credential expired, was removed, access was withdrawn, lockdown, killed, too old, idle.
    Cut(Denial),
    Drain,
}

// === impl Session ===

impl Session {
    /// Opens: identity's access rule, session limits, start event (in the page cache before this
    /// returns).
    pub async fn open(
        _door: Arc<Door>,
        _proven: Proven,
        _client: IpAddr,
        _says: ClientSays,
    ) -> Result<Self, Denial> {
        todo!()
    }

    /// Resolves when the session must end: polled by the relay beside its streams. Looks again at
    /// each change of the target, and at its own deadlines.
    pub async fn ended(&self) -> EndReason {
        todo!()
    }

    pub fn close(self, _why: &str) {
        todo!()
    }
}
