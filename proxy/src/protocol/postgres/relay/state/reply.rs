//! The server's messages, paired with what they answer.

use portcullis_dialect::postgres::wire::backend::{Transaction, tag};

use std::sync::Arc;

use super::owed::{Name, Owed};
use super::{InFlight, Phase, State, Weighed};
use crate::protocol::postgres::relay::operations::OpId;

/// What a message of the server's answers.
#[derive(Debug)]
pub(in crate::protocol::postgres::relay) enum Told<S> {
    /// Nothing that has an operation.
    Plain,
    /// A name stands for this statement from now on, or for none.
    Named(Name, Option<Arc<S>>),
    /// Part of an operation's reply; more follows.
    Of(OpId),
    /// Describes an operation's rows, and ends what was owed: give it back with [`State::done`].
    Described(OpId),
    /// The same, and it is not for the client.
    Aside(OpId),
    /// A Query's text was read, or closed again, and not run.
    Prepared(OpId),
    /// A statement of a Query ended; more may follow.
    StatementEnded(OpId),
    /// An Execute ended: give it back with [`State::done`].
    Executed(OpId),
    /// An Execute ended with rows left: give it back with [`State::done`].
    Suspended(OpId),
    /// The server waits for rows. `fail`: the client's next message was refused, so nothing may
    /// follow: the COPY is to be failed, and with `sync` a Sync sent again, for the server has
    /// ignored the one before.
    CopyIn { fail: bool, sync: bool },
    /// An operation failed: give it back with [`State::done`]; a Query's goes on to its end.
    Failed(OpId),
    /// Something failed that has no operation.
    FailedPlain,
    /// A Sync failed: where it was to commit, nothing of what ran before it stays.
    FailedSync,
    /// The message that went in a refusal's place failed: this is said instead.
    FailedAsRefused(Box<[u8]>),
    /// The answers to a Query or a Sync are complete; with the operation of the Query, to be given
    /// back.
    Ready(Option<OpId>),
}

/// The server sent what nothing asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the target sent message {0:#04x} out of turn")]
pub(in crate::protocol::postgres::relay) struct OutOfTurn(
    pub(in crate::protocol::postgres::relay) u8,
);

impl<S: Weighed, O: InFlight> State<S, O> {
    /// Pairs a message with what it answers. Notices, notifications and parameter changes answer
    /// nothing and are not asked about here; neither is ReadyForQuery ([`State::ready`]).
    pub(in crate::protocol::postgres::relay) fn reply(
        &mut self,
        message: u8,
    ) -> Result<Told<S>, OutOfTurn> {
        let out_of_turn = OutOfTurn(message);
        if message == tag::ERROR {
            return Ok(self.failed());
        }
        let head = self.owed.front().ok_or(out_of_turn)?;
        let told = match (message, head) {
            (tag::PARSE_COMPLETE, Owed::Parse { .. })
            | (tag::CLOSE_COMPLETE, Owed::CloseStatement { .. } | Owed::ClosePortal { .. })
            | (tag::BIND_COMPLETE, Owed::Bind { .. })
            | (tag::ROW_DESCRIPTION | tag::NO_DATA, Owed::Describe) => {
                return Ok(self.confirm());
            }
            (tag::PARAMETER_DESCRIPTION, Owed::Describe) => Told::Plain,
            (tag::ROW_DESCRIPTION | tag::NO_DATA, Owed::DescribePortal(id)) => Told::Described(*id),
            (tag::ROW_DESCRIPTION | tag::NO_DATA, Owed::DescribeAside(id)) => Told::Aside(*id),
            (tag::ROW_DESCRIPTION, Owed::Query(id)) => Told::Of(*id),
            (
                tag::DATA_ROW | tag::COPY_OUT | tag::COPY_DATA | tag::COPY_DONE,
                Owed::Query(id) | Owed::Execute(id),
            ) => Told::Of(*id),
            (tag::PARSE_COMPLETE | tag::CLOSE_COMPLETE, Owed::Query(id)) => Told::Prepared(*id),
            (tag::COMMAND_COMPLETE | tag::EMPTY_QUERY, Owed::Query(id)) => {
                Told::StatementEnded(*id)
            }
            (tag::COMMAND_COMPLETE | tag::EMPTY_QUERY, Owed::Execute(id)) => Told::Executed(*id),
            (tag::PORTAL_SUSPENDED, Owed::Execute(id)) => Told::Suspended(*id),
            (tag::COPY_IN, Owed::Query(_) | Owed::Execute(_)) => {
                return Ok(self.copy_in());
            }
            _ => return Err(out_of_turn),
        };
        if !matches!(
            told,
            Told::Plain | Told::Of(_) | Told::Prepared(_) | Told::StatementEnded(_)
        ) {
            self.owed.pop_front();
        }
        Ok(told)
    }

    /// The answers to a Query or a Sync are complete.
    pub(in crate::protocol::postgres::relay) fn ready(
        &mut self,
        transaction: Transaction,
    ) -> Result<Told<S>, OutOfTurn> {
        let told = match self.owed.front() {
            Some(Owed::Query(id)) => Told::Ready(Some(*id)),
            Some(Owed::Sync) => Told::Ready(None),
            _ => return Err(OutOfTurn(tag::READY)),
        };
        self.owed.pop_front();
        self.transaction = transaction;
        self.executed = 0;
        self.unsynced = false;
        self.phase = Phase::Open;
        // Portals end with their transaction.
        if transaction == Transaction::Idle {
            for id in self.portals.drain() {
                if let Some(operation) = self.operations.release(id) {
                    operation.ended();
                }
            }
        }
        Ok(told)
    }

    /// Refusals whose turn it is.
    pub(in crate::protocol::postgres::relay) fn refusals(&mut self, out: &mut Vec<u8>) {
        while let Some(Owed::Refusal {
            answer,
            poisoned: false,
        }) = self.owed.front()
        {
            out.extend_from_slice(answer);
            self.owed.pop_front();
        }
    }

    /// The server took the message at the head: what it changed stays.
    fn confirm(&mut self) -> Told<S> {
        match self.owed.pop_front() {
            Some(Owed::Parse {
                name, statement, ..
            }) => return Told::Named(name, Some(statement)),
            Some(Owed::CloseStatement { name, .. }) => return Told::Named(name, None),
            Some(
                Owed::Bind {
                    before: Some(id), ..
                }
                | Owed::ClosePortal {
                    before: Some((_, id)),
                },
            ) => self.done(id),
            _ => {}
        }
        Told::Plain
    }

    fn copy_in(&mut self) -> Told<S> {
        let simple = matches!(self.owed.front(), Some(Owed::Query(_)));
        let (mut fail, mut sync) = (false, false);
        match self.owed.get(1) {
            None => self.phase = Phase::Copying { simple },
            // Sent before the client knew of the COPY; the server ignores it.
            Some(Owed::Sync) => {
                self.owed.remove(1);
                self.phase = Phase::Copying { simple };
            }
            Some(Owed::Refusal {
                poisoned: false, ..
            }) => {
                fail = true;
                sync = matches!(self.owed.back(), Some(Owed::Sync));
            }
            // The server meets a message that has no place in a COPY, and fails it.
            Some(_) => {}
        }
        Told::CopyIn { fail, sync }
    }

    fn failed(&mut self) -> Told<S> {
        match self.owed.front() {
            // The end of the connection, or of a transaction that was idle too long.
            None => return Told::FailedPlain,
            Some(Owed::Sync) => return Told::FailedSync,
            Some(Owed::Query(id)) => {
                let id = *id;
                if matches!(self.phase, Phase::Copying { .. }) {
                    self.phase = Phase::Settling;
                }
                self.operations.hold(id);
                return Told::Failed(id);
            }
            Some(_) => {}
        }
        let head = self.owed.pop_front();
        self.skip_to_sync();
        match head {
            Some(Owed::Refusal { answer, .. }) => Told::FailedAsRefused(answer),
            Some(Owed::Execute(id) | Owed::DescribePortal(id) | Owed::DescribeAside(id)) => {
                Told::Failed(id)
            }
            Some(Owed::Bind { name, id, before }) => {
                self.operations.hold(id);
                self.undo(Owed::Bind { name, id, before });
                Told::Failed(id)
            }
            Some(other) => {
                self.undo(other);
                Told::FailedPlain
            }
            None => Told::FailedPlain,
        }
    }

    /// After an error the server reads on to the next Sync and answers nothing before it. What was
    /// to happen meanwhile did not: undone from the last to the first.
    fn skip_to_sync(&mut self) {
        let sync = matches!(self.owed.back(), Some(Owed::Sync));
        while let Some(owed) = self.owed.pop_back() {
            self.undo(owed);
        }
        if sync {
            self.owed.push_back(Owed::Sync);
            self.phase = Phase::Settling;
        } else {
            self.phase = Phase::Skipping;
        }
    }

    fn undo(&mut self, owed: Owed<S>) {
        match owed {
            Owed::Parse { name, before, .. } | Owed::CloseStatement { name, before } => {
                self.statements.restore(&name, before);
            }
            Owed::Bind { name, before, .. } => {
                if let Some((_, id)) = self.portals.remove(&name) {
                    self.done(id);
                }
                if let Some(id) = before {
                    self.portals.put(name, id);
                }
            }
            Owed::ClosePortal { before } => {
                if let Some((name, id)) = before {
                    self.portals.put(name, id);
                }
            }
            Owed::Query(id)
            | Owed::DescribePortal(id)
            | Owed::DescribeAside(id)
            | Owed::Execute(id) => self.done(id),
            Owed::Describe | Owed::Sync | Owed::Refusal { .. } => {}
        }
    }
}
