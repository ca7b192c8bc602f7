//! The conversation of one session, without its bytes.
//!
//! Says what may be done with the client's next message ([`State::take`]), remembers what the
//! server owes, and pairs each of the server's messages with what it answers ([`State::reply`]).
//!
//! Guarantees:
//! - Names mean what the server takes them for. A message that the server refuses leaves no trace
//!   here; nothing behind a Sync or a Query is looked at before the server has answered it.
//! - What the server owes is bounded ([`MAX_OWED`]), and so are statements and portals.
//! - A server's message that nothing owes is an error, never passed on.

mod names;
mod owed;
mod phase;
mod reply;

use std::collections::VecDeque;
use std::sync::Arc;

use portcullis_dialect::postgres::wire::backend::Transaction;

use super::operations::{OpId, Operations};
pub(super) use names::TooMany;
use names::{Portals, Statements};
pub(super) use owed::Name;
use owed::Owed;
pub(super) use phase::{Phase, Take};
pub(super) use reply::{OutOfTurn, Told};

/// Most answers that may be owed before the client has to wait.
pub(super) const MAX_OWED: usize = 1024;

/// Whether cancelling an operation would end nothing else: its batch is complete and holds nothing
/// that was executed beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Alone(bool);

/// An operation that is told when nothing holds it any more.
pub(super) trait InFlight {
    fn ended(self);
}

/// A prepared statement, as far as names are concerned.
pub(super) trait Weighed {
    /// The memory that it takes.
    fn bytes(&self) -> usize;
}

/// The conversation.
#[derive(Debug)]
pub(super) struct State<S, O: InFlight> {
    owed: VecDeque<Owed<S>>,
    operations: Operations<O>,
    statements: Statements<S>,
    portals: Portals,
    phase: Phase,
    transaction: Transaction,
    /// How much was executed since the last ReadyForQuery.
    executed: usize,
    /// Messages of the extended protocol went upstream since the last ReadyForQuery.
    unsynced: bool,
    /// Messages went upstream since the server was last asked to send what it holds back.
    unflushed: bool,
}

// === impl Alone ===

impl Alone {
    pub(super) fn is_alone(self) -> bool {
        self.0
    }
}

// === impl State ===

impl<S: Weighed, O: InFlight> State<S, O> {
    pub(super) fn new() -> Self {
        Self {
            owed: VecDeque::new(),
            operations: Operations::default(),
            statements: Statements::default(),
            portals: Portals::default(),
            phase: Phase::Open,
            transaction: Transaction::Idle,
            executed: 0,
            unsynced: false,
            unflushed: false,
        }
    }

    pub(super) fn take(&self, message: u8) -> Take {
        match self.phase.take(message, self.is_owed()) {
            Take::Now if self.owed.len() >= MAX_OWED => Take::WaitFlushed,
            take => take,
        }
    }

    /// Whether the server owes anything.
    pub(super) fn is_owed(&self) -> bool {
        !self.owed.is_empty()
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// As the server said in its last ReadyForQuery.
    pub(super) fn transaction(&self) -> Transaction {
        self.transaction
    }

    /// Whether a Sync is still needed before the server says ReadyForQuery.
    pub(super) fn is_unsynced(&self) -> bool {
        self.unsynced
    }

    /// Whether the server is answering a Query.
    pub(super) fn is_query(&self) -> bool {
        matches!(self.owed.front(), Some(Owed::Query(_)))
    }

    /// Neither an answer nor a Sync is outstanding: a query of the relay's own would end no
    /// transaction of the client's.
    pub(super) fn may_ask_aside(&self) -> bool {
        !self.is_owed()
            && match self.transaction {
                Transaction::Idle => !self.unsynced,
                Transaction::Open => true,
                Transaction::Failed => false,
            }
    }

    /// Whether a failure before the next Sync undoes what was executed: the client has opened no
    /// transaction of its own.
    pub(super) fn would_undo(&self) -> bool {
        self.transaction == Transaction::Idle && self.unsynced && self.executed > 0
    }

    /// What the server works on now, as far as is known, and how alone it is. It may hold back its
    /// answers to what stands before.
    pub(super) fn head(&self) -> Option<(OpId, Alone)> {
        let mut owed = self.owed.iter();
        owed.by_ref()
            .find_map(|owed| match owed {
                Owed::Query(id) => Some((*id, true)),
                Owed::Execute(id) => Some((*id, false)),
                _ => None,
            })
            .map(|(id, query)| {
                let synced = matches!(owed.next(), Some(Owed::Sync));
                (id, Alone(query || (synced && self.executed == 1)))
            })
    }

    /// Operations that run or are about to.
    pub(super) fn running(&self) -> Vec<OpId> {
        let owed = self.owed.iter();
        owed.filter_map(|owed| match owed {
            Owed::Query(id) | Owed::Execute(id) => Some(*id),
            _ => None,
        })
        .collect()
    }

    /// The last Execute that has not ended, and whether it is the only one since the last
    /// ReadyForQuery.
    pub(super) fn last_execute(&self) -> Option<(OpId, bool)> {
        self.owed.iter().rev().find_map(|owed| match owed {
            Owed::Execute(id) => Some((*id, self.executed == 1)),
            _ => None,
        })
    }

    /// Whether the server must be asked to send what it holds back; says so once.
    pub(super) fn take_flush(&mut self) -> bool {
        self.is_owed() && std::mem::take(&mut self.unflushed)
    }

    pub(super) fn operation(&mut self, id: OpId) -> Option<&mut O> {
        self.operations.get_mut(id)
    }

    /// The operations of open portals, where the next Sync is to commit them: the client has opened
    /// no transaction of its own.
    pub(super) fn uncommitted(&mut self, mut each: impl FnMut(&mut O)) {
        if self.transaction != Transaction::Idle {
            return;
        }
        for id in self.portals.all() {
            self.operations.get_mut(id).map(&mut each);
        }
    }

    /// Gives an operation back that [`State::reply`] told of.
    pub(super) fn done(&mut self, id: OpId) {
        if let Some(operation) = self.operations.release(id) {
            operation.ended();
        }
    }

    // === what goes upstream ===

    pub(super) fn query(&mut self, operation: O) {
        let id = self.operations.insert(operation);
        self.owe(Owed::Query(id));
        self.executed += 1;
        self.phase = Phase::Settling;
    }

    pub(super) fn parse(&mut self, name: &[u8], statement: Arc<S>) -> Result<(), TooMany> {
        let before = self.statements.put(name, Arc::clone(&statement))?;
        let name = name.into();
        self.owe(Owed::Parse {
            name,
            statement,
            before,
        });
        Ok(())
    }

    pub(super) fn statement(&self, name: &[u8]) -> Option<&Arc<S>> {
        self.statements.get(name)
    }

    /// Whether a portal of this name may be opened; asked before the operation is judged.
    pub(super) fn may_bind(&self, name: &[u8]) -> Result<(), TooMany> {
        self.portals.may_put(name)
    }

    pub(super) fn bind(&mut self, name: &[u8], operation: O) -> OpId {
        let id = self.operations.insert(operation);
        let name: Name = name.into();
        let before = self.portals.put(name.clone(), id);
        self.owe(Owed::Bind { name, id, before });
        id
    }

    pub(super) fn portal(&self, name: &[u8]) -> Option<OpId> {
        self.portals.get(name)
    }

    /// Describes what has no operation: a statement, or a cursor of SQL.
    pub(super) fn describe(&mut self) {
        self.owe(Owed::Describe);
    }

    pub(super) fn describe_portal(&mut self, id: OpId) {
        self.operations.hold(id);
        self.owe(Owed::DescribePortal(id));
    }

    /// A portal is described for us; the answer is told as [`Told::Aside`].
    pub(super) fn describe_aside(&mut self, id: OpId) {
        self.operations.hold(id);
        self.owe(Owed::DescribeAside(id));
    }

    /// The operation that the server is at work on, where what it answers next belongs to one.
    pub(super) fn at_work(&self) -> Option<OpId> {
        match self.owed.front()? {
            Owed::Query(id)
            | Owed::Execute(id)
            | Owed::DescribePortal(id)
            | Owed::DescribeAside(id)
            | Owed::Bind { id, .. } => Some(*id),
            _ => None,
        }
    }

    pub(super) fn execute(&mut self, id: OpId) {
        self.operations.hold(id);
        self.owe(Owed::Execute(id));
        self.executed += 1;
    }

    pub(super) fn close_statement(&mut self, name: &[u8]) {
        let before = self.statements.remove(name);
        let name = name.into();
        self.owe(Owed::CloseStatement { name, before });
    }

    pub(super) fn close_portal(&mut self, name: &[u8]) {
        let before = self.portals.remove(name);
        self.owe(Owed::ClosePortal { before });
    }

    pub(super) fn sync(&mut self) {
        self.owe(Owed::Sync);
        self.phase = Phase::Settling;
    }

    /// A refusal in the extended protocol, in the place of a message. True when a message that
    /// must fail is to be sent in its place.
    #[must_use]
    pub(super) fn refuse(&mut self, answer: Box<[u8]>) -> bool {
        let poisoned = self.would_undo();
        self.owe(Owed::Refusal { answer, poisoned });
        self.phase = Phase::Skipping;
        poisoned
    }

    /// The client ended its rows, well or badly.
    pub(super) fn copy_ended(&mut self) {
        self.phase = match self.phase {
            Phase::Copying { simple: true } => Phase::Settling,
            Phase::Copying { simple: false } => Phase::Open,
            other => other,
        };
        self.unflushed = true;
    }

    // === what SQL changes of the names ===

    pub(super) fn deallocated(&mut self, name: &[u8]) {
        self.statements.remove(name);
    }

    pub(super) fn deallocated_all(&mut self) {
        self.statements.clear();
    }

    /// Ends all that is left, at the end of the session.
    pub(super) fn end(&mut self) {
        for operation in self.operations.drain() {
            operation.ended();
        }
        self.owed.clear();
        self.portals.clear();
    }

    /// How many operations are held.
    #[cfg(test)]
    pub(super) fn in_flight(&self) -> usize {
        self.operations.len()
    }

    /// An answer of ours took the place of the server's: what the client sends up to Sync is
    /// thrown away, as after any error.
    pub(super) fn skip(&mut self) {
        if self.phase == Phase::Open {
            self.phase = Phase::Skipping;
        }
    }

    fn owe(&mut self, owed: Owed<S>) {
        self.unsynced |= !matches!(owed, Owed::Query(_));
        self.owed.push_back(owed);
        self.unflushed = true;
    }
}

#[cfg(test)]
mod tests;
