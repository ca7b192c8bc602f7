//! What the cursors of a session came from: each FETCH is judged by it again, and counted with the
//! FETCHes before it.
//!
//! A cursor may also be one that code opened which was not read. Then each such code that ran in
//! the transaction counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_policy::Class;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Relay;
use super::operations::OpId;
use crate::protocol::postgres::analysis::Analysed;
use crate::session::Session;
use crate::session::denial::Denial;
use crate::session::gate::Allowed;

/// Most cursors that are remembered, and most operations that may have opened others.
pub(super) const MAX_OPENED: usize = 1_024;

#[derive(Debug, Default)]
pub(super) struct Opened {
    named: BTreeMap<String, Cursor>,
    /// Operations of this transaction that ran code which was not read.
    unseen: Vec<Allowed>,
    /// More than are remembered.
    many: bool,
}

#[derive(Debug)]
struct Cursor {
    by: Allowed,
    holds: bool,
    /// Rows and bytes that its FETCHes gave.
    passed: (u64, u64),
}

// === impl Opened ===

impl Opened {
    /// An operation ended well.
    fn ran(&mut self, analysed: &Analysed, by: &Allowed, passed: (u64, u64)) {
        let closes = |verb: &str| verb == "CLOSE";
        if !analysed.statements.is_empty() && analysed.statements.iter().all(|s| closes(s.verb)) {
            for name in names(analysed) {
                match name.as_str() {
                    "" => self.named.clear(),
                    name => drop(self.named.remove(name)),
                }
            }
        }
        for declared in &analysed.facts.declared {
            self.open(&declared.name, declared.holds, by, passed);
        }
        if analysed.facts.voids_settings {
            match self.unseen.len() < MAX_OPENED {
                true => self.unseen.push(by.clone()),
                false => self.many = true,
            }
        }
    }

    fn open(&mut self, name: &str, holds: bool, by: &Allowed, passed: (u64, u64)) {
        if self.named.len() >= MAX_OPENED && !self.named.contains_key(name) {
            self.many = true;
            return;
        }
        let cursor = Cursor {
            by: by.clone(),
            holds,
            passed,
        };
        self.named.insert(name.to_owned(), cursor);
    }

    fn close(&mut self, name: &str) {
        self.named.remove(name);
    }

    /// The transaction ended. A cursor that is remembered too long does no harm.
    fn transaction_ended(&mut self) {
        self.named.retain(|_, cursor| cursor.holds);
        self.unseen.clear();
        self.many = false;
    }

    /// Whether all that a cursor of this name may have come from is allowed still.
    fn recheck(&mut self, name: &str, session: &mut Session) -> Result<(), Denial> {
        let cursor = self.named.get_mut(name);
        if self.many && cursor.is_none() {
            return Err(Denial::new(
                Class::TooLarge,
                format!("more than {MAX_OPENED} cursors were opened, and not all are known"),
                "Close cursors that are not needed any more, and end the transaction.",
            ));
        }
        let named = cursor.into_iter().map(|cursor| &mut cursor.by);
        for by in named.chain(&mut self.unseen) {
            session.still_allows(by)?;
        }
        Ok(())
    }

    fn passed(&self, analysed: &Analysed) -> (u64, u64) {
        let made = |name: &&String| {
            let mut declared = analysed.facts.declared.iter();
            declared.any(|declared| declared.name == **name)
        };
        let others = names(analysed).filter(|name| !made(name));
        let known = others.filter_map(|name| self.named.get(name));
        known.map(|cursor| cursor.passed).max().unwrap_or_default()
    }

    fn count(&mut self, analysed: &Analysed, passed: (u64, u64)) {
        for name in names(analysed) {
            if let Some(cursor) = self.named.get_mut(name) {
                cursor.passed = cursor.passed.max(passed);
            }
        }
    }
}

impl<C, U> Relay<C, U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    /// Whether the cursors that an operation names may be read by what holds now.
    pub(super) fn may_fetch(&mut self, analysed: &Analysed) -> Result<(), Denial> {
        let shows_nothing = |verb: &str| verb == "CLOSE" || verb == "DECLARE CURSOR";
        if analysed.statements.iter().all(|s| shows_nothing(s.verb)) {
            return Ok(());
        }
        for name in names(analysed) {
            // A portal of the protocol can be fetched from by its name.
            let portal = self.state.portal(name.as_bytes());
            if let Some(operation) = portal.and_then(|id| self.state.operation(id)) {
                operation.recheck(&mut self.session)?;
                if !self.opened.named.contains_key(name) {
                    let (by, passed) = operation.counted();
                    self.opened.open(name, false, by, passed);
                }
            }
            self.opened.recheck(name, &mut self.session)?;
        }
        Ok(())
    }

    /// What earlier FETCHes gave counts against the limits of this one.
    pub(super) fn fetched_before(&self, analysed: &Analysed) -> (u64, u64) {
        self.opened.passed(analysed)
    }

    /// An operation gave rows, or ended.
    pub(super) fn fetched(&mut self, id: OpId) {
        if let Some(operation) = self.state.operation(id)
            && operation
                .analysed
                .told
                .operation
                .attributes
                .contains_key(CURSOR)
        {
            let (_, passed) = operation.counted();
            self.opened.count(&operation.analysed, passed);
        }
    }

    /// An operation ended well: what it opened and closed.
    pub(super) fn opened_by(&mut self, id: OpId) {
        if let Some(operation) = self.state.operation(id) {
            let analysed = Arc::clone(&operation.analysed);
            let (by, passed) = operation.counted();
            self.opened.ran(&analysed, by, passed);
        }
    }

    /// A portal of the protocol took a name.
    pub(super) fn closed_name(&mut self, portal: &[u8]) {
        if let Ok(name) = std::str::from_utf8(portal) {
            self.opened.close(name);
        }
    }

    pub(super) fn closed_all(&mut self) {
        self.opened.transaction_ended();
    }
}

/// The attribute that tells the cursors of an operation.
const CURSOR: &str = "cursor";

fn names(analysed: &Analysed) -> impl Iterator<Item = &String> {
    let attributes = &analysed.told.operation.attributes;
    attributes.get(CURSOR).into_iter().flatten()
}
