//! What may be done with the client's next message.

use portcullis_dialect::postgres::wire::frontend::tag;

/// Where the conversation stands, as far as it decides about the client's next message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::protocol::postgres::relay) enum Phase {
    /// Messages are taken.
    Open,
    /// A Query or a Sync went upstream: nothing is taken until ReadyForQuery. So names and
    /// settings are always those that the server has confirmed.
    Settling,
    /// An extended-protocol message failed or was refused: everything up to Sync is thrown away,
    /// as the server does.
    Skipping,
    /// The server takes rows of a COPY.
    Copying { simple: bool },
}

/// What to do with a message, by its type alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::protocol::postgres::relay) enum Take {
    Now,
    /// Leave it where it is until the server has answered.
    Wait,
    /// The same, and the server must be asked to send what it holds back.
    WaitFlushed,
    /// As the server would: without a word.
    Drop,
    /// It has no place in a COPY: the COPY fails, and the message is thrown away.
    FailCopy,
    /// No message of a client at this place.
    Violation,
}

// === impl Phase ===

impl Phase {
    /// `owed`: whether the server still owes answers.
    pub(in crate::protocol::postgres::relay) fn take(self, message: u8, owed: bool) -> Take {
        if !is_known(message) {
            return Take::Violation;
        }
        let copy = matches!(message, tag::COPY_DATA | tag::COPY_DONE | tag::COPY_FAIL);
        match self {
            Self::Settling => Take::Wait,
            Self::Skipping => match message {
                tag::SYNC | tag::TERMINATE => Take::Now,
                _ => Take::Drop,
            },
            Self::Copying { .. } => match message {
                tag::SYNC | tag::FLUSH => Take::Drop,
                tag::TERMINATE => Take::Now,
                _ if copy => Take::Now,
                _ => Take::FailCopy,
            },
            // The COPY that it belongs to may be about to start.
            Self::Open if copy && owed => Take::WaitFlushed,
            Self::Open if copy => Take::Drop,
            Self::Open => Take::Now,
        }
    }
}

/// Whether a client that is logged in may send this at all.
fn is_known(message: u8) -> bool {
    matches!(
        message,
        tag::QUERY
            | tag::PARSE
            | tag::BIND
            | tag::DESCRIBE
            | tag::EXECUTE
            | tag::CLOSE
            | tag::SYNC
            | tag::FLUSH
            | tag::FUNCTION_CALL
            | tag::COPY_DATA
            | tag::COPY_DONE
            | tag::COPY_FAIL
            | tag::TERMINATE
    )
}
