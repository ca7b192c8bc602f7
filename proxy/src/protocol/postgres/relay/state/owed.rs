//! What the server still owes an answer to.

use std::sync::Arc;

use crate::protocol::postgres::relay::operations::OpId;

/// The name of a statement or portal; empty for the unnamed one.
pub(in crate::protocol::postgres::relay) type Name = Box<[u8]>;

/// One message that went upstream, or a refusal in its place, in order. Changes of names carry
/// what the name stood for before, for the case that the server refuses the message.
#[derive(Debug)]
pub(super) enum Owed<S> {
    Query(OpId),
    Parse {
        name: Name,
        statement: Arc<S>,
        before: Option<Arc<S>>,
    },
    Bind {
        name: Name,
        id: OpId,
        before: Option<OpId>,
    },
    Describe,
    DescribePortal(OpId),
    /// A portal described for us: the client did not ask.
    DescribeAside(OpId),
    Execute(OpId),
    CloseStatement {
        name: Name,
        before: Option<Arc<S>>,
    },
    ClosePortal {
        before: Option<(Name, OpId)>,
    },
    Sync,
    /// Told to the client in its turn. Poisoned: a message that must fail went upstream in its
    /// place, so that the transaction around the pipeline does not survive; the server's error is
    /// answered by ours.
    Refusal {
        answer: Box<[u8]>,
        poisoned: bool,
    },
}
