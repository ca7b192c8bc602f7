//! What the session knows of itself, kept as the server answers.
//!
//! What an operation changes is taken over when the server says that it ended well, and is void
//! when it did not. An Execute counts from its own end on, for what follows in the same pipeline;
//! should the pipeline fail behind it, all of it is void.

use std::sync::Arc;
use std::time::Duration;

use portcullis_dialect::postgres::wire::backend::Transaction;
use portcullis_dialect::sql::prepared::{PreparedChange, PreparedStatement};
use portcullis_dialect::sql::{Lacks, Reading};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::operation::Statement;
use super::{End, Relay};
use crate::protocol::postgres::analysis::{
    Analysed, NotAnalysed, Outcome, RENEW_EVERY, Refreshed, SESSION_BOUNDS, finds_all,
};
use crate::protocol::postgres::upstream::{AskFailed, Link, ask};

/// A text that uses what another session is changing waits this long for it to end.
const WAIT_FOR_OTHERS: Duration = Duration::from_secs(3);

const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Pins the transaction that is open, and those after it.
const PIN_THIS: &str = "SET TRANSACTION READ ONLY";
const PIN_NEXT: &str = "SET default_transaction_read_only = on";

/// Settings that may let a transaction write.
const LIFTS: [&str; 3] = [
    "*",
    "default_transaction_read_only",
    "transaction_read_only",
];

/// Why it is not told what a text means.
pub(super) enum Unmeant {
    NotAnalysed(NotAnalysed),
    /// The client asked to cancel while others were waited for.
    Cancelled,
}

/// What came of waiting for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    /// It may be another by now.
    Again,
    /// The same, and it is waited for no longer.
    Last,
    Cancelled,
}

impl<C, U> Relay<C, U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    /// Reads again what has become void, where that ends no transaction of the client's.
    pub(super) async fn refresh(&mut self) -> Result<(), End> {
        self.pin().await?;
        let transaction = self.state.transaction();
        if !self.view.needs_refresh(transaction)
            || !self.state.may_ask_aside()
            || self.upstream.waiting() > 0
        {
            return Ok(());
        }
        let mut link = Link {
            stream: &mut self.upstream.stream,
            ahead: &mut self.upstream.read,
        };
        let refreshed = self.view.refresh(&mut link, transaction);
        let refreshed = self.signals.unless_ended(refreshed).await;
        self.refreshed(refreshed.ok_or_else(|| self.ended())?)
    }

    /// What a text means. Where it names what the catalogue lacks, the catalogue is read again
    /// first: somebody may have made it just now. For what others lock it waits, within bounds.
    pub(super) async fn meaning(
        &mut self,
        text: &[u8],
        types: &[u32],
    ) -> Result<Result<Arc<Analysed>, Unmeant>, End> {
        self.refresh().await?;
        let mut analysed = self.analysed(text, types).await;
        for is_there in [false, true] {
            let lacks = |analysed: &&Arc<Analysed>| analysed.facts.lacks != Lacks::Nothing;
            let Some(lacking) = analysed.as_ref().ok().filter(lacks) else {
                break;
            };
            // Names that the server knows are worth a reading whenever the last one was, unless
            // there are such that no reading finds.
            let in_vain = |at: Instant| at.elapsed() < RENEW_EVERY;
            if is_there
                && (self.renewed_in_vain.is_some_and(in_vain)
                    || !self.server_finds_all(lacking, (text, types)).await?)
            {
                break;
            }
            if self.renew(is_there).await? {
                analysed = self.analysed(text, types).await;
            }
            if is_there {
                let lacks = analysed.as_ref().is_ok_and(|told| lacks(&told));
                self.renewed_in_vain = lacks.then(Instant::now);
            }
        }
        let began = Instant::now();
        while analysed.as_ref().is_ok_and(|a| !a.facts.unread.is_empty()) {
            let waited = self.look_again(began).await?;
            if waited == Waited::Cancelled {
                return Ok(Err(Unmeant::Cancelled));
            }
            analysed = self.analysed(text, types).await;
            if waited == Waited::Last {
                break;
            }
        }
        Ok(analysed.map_err(Unmeant::NotAnalysed))
    }

    /// Has the catalogue read again for what others locked, or lets some time pass. At last it is
    /// read whenever that was done before: the lock may have gone long since.
    pub(super) async fn look_again(&mut self, began: Instant) -> Result<Waited, End> {
        if !self.state.may_ask_aside() {
            return Ok(Waited::Last);
        }
        if began.elapsed() >= WAIT_FOR_OTHERS {
            self.renew(true).await?;
            return Ok(Waited::Last);
        }
        if !self.renew(false).await? {
            if !self.pause(LOOK_AGAIN).await? {
                return Ok(Waited::Cancelled);
            }
            self.refresh().await?;
        }
        Ok(Waited::Again)
    }

    /// Whether the server finds all that a text names, though the catalogue does not. False where it
    /// cannot be asked, may not read the text, or would run something.
    async fn server_finds_all(
        &mut self,
        analysed: &Analysed,
        (text, types): (&[u8], &[u32]),
    ) -> Result<bool, End> {
        let may_be_asked = self.state.may_ask_aside()
            && self.upstream.waiting() == 0
            && !analysed.facts.runs_when_read
            && self.session.may_be_read(&analysed.told);
        let reading = self.reading(analysed).filter(|_| may_be_asked);
        let text = match &reading {
            None => return Ok(false),
            Some(Reading::Whole) => text,
            Some(Reading::Instead(instead)) => instead.as_bytes(),
        };
        let transaction = self.state.transaction();
        let mut link = Link {
            stream: &mut self.upstream.stream,
            ahead: &mut self.upstream.read,
        };
        let found = finds_all(&mut link, transaction, (text, types));
        let found = self.signals.unless_ended(found).await;
        let (found, aside) = found.ok_or_else(|| self.ended())?.map_err(|failed| {
            tracing::warn!(%failed, "a session could not be asked what a text names");
            End::TargetGone
        })?;
        self.pass_aside(&aside)?;
        Ok(found)
    }

    /// Has the catalogue read again, as often as that may be, or `at_once`. False where it is as it
    /// was.
    pub(super) async fn renew(&mut self, at_once: bool) -> Result<bool, End> {
        if !self.state.may_ask_aside() || self.upstream.waiting() > 0 {
            return Ok(false);
        }
        let transaction = self.state.transaction();
        let mut link = Link {
            stream: &mut self.upstream.stream,
            ahead: &mut self.upstream.read,
        };
        let renewed = self.view.renew(&mut link, transaction, at_once);
        let renewed = self.signals.unless_ended(renewed).await;
        match renewed.ok_or_else(|| self.ended())?.transpose() {
            None => Ok(false),
            Some(refreshed) => {
                self.refreshed(refreshed)?;
                Ok(true)
            }
        }
    }

    async fn analysed(&self, text: &[u8], types: &[u32]) -> Result<Arc<Analysed>, NotAnalysed> {
        let text = self.analyser.read(&self.view, text).await?;
        self.analyser.analyse_typed(&self.view, &text, types).await
    }

    /// Sets up the second wall again before the next text is judged, where the client took it down:
    /// drivers do so without meaning to write.
    async fn pin(&mut self) -> Result<(), End> {
        if !self.unpinned || !self.state.may_ask_aside() || self.upstream.waiting() > 0 {
            return Ok(());
        }
        let statements: &[&str] = match self.state.transaction() {
            Transaction::Open => &[PIN_THIS, PIN_NEXT],
            _ => &[PIN_NEXT],
        };
        let mut link = Link {
            stream: &mut self.upstream.stream,
            ahead: &mut self.upstream.read,
        };
        let answer = ask(&mut link, statements, SESSION_BOUNDS, |_, _| Ok(())).await;
        let answer = answer.map_err(|failed| {
            tracing::warn!(%failed, "a session that may only read could not be pinned again");
            End::TargetGone
        })?;
        self.unpinned = false;
        self.pass_aside(&answer.aside)
    }

    /// An operation ended that may have let a session write which may only read.
    fn unpinned_by(&mut self, analysed: &Analysed) {
        let settings = analysed.told.operation.attributes.get("setting");
        let lifts = |name: &String| LIFTS.contains(&name.as_str());
        self.unpinned |=
            self.session.may_only_read() && settings.is_some_and(|all| all.iter().any(lifts));
    }

    fn refreshed(&mut self, refreshed: Result<Refreshed, AskFailed>) -> Result<(), End> {
        let refreshed = refreshed.map_err(|failed| {
            tracing::warn!(%failed, "a session could not be read again");
            End::TargetGone
        })?;
        if let Some(still_void) = refreshed.still_void {
            tracing::warn!(%still_void, "what a session means is not known in full");
        }
        self.pass_aside(&refreshed.aside)
    }

    /// A statement of the protocol came or went.
    pub(super) fn named(&mut self, name: &[u8], statement: Option<&Statement>) {
        if name.is_empty() {
            return;
        }
        let name = String::from_utf8_lossy(name).into_owned();
        let change = match statement {
            Some(statement) => PreparedChange::Define {
                name,
                statement: PreparedStatement {
                    text: statement.text().to_owned(),
                    standard_conforming_strings: statement.conforming.clone(),
                    types: statement.types.to_vec(),
                },
            },
            None => PreparedChange::Remove { name },
        };
        self.view.prepared_mut().apply(change);
    }

    /// An Execute ended well: what follows it in the pipeline is read by what it changed.
    pub(super) fn executed(&mut self, analysed: &Arc<Analysed>) {
        self.forget_names(analysed);
        let now = match self.state.transaction() {
            Transaction::Idle => Transaction::Open,
            other => other,
        };
        self.view.after(analysed, self.outcome(), now);
        self.ran(analysed);
    }

    /// Remembers what ran until the server says where the session stands after it.
    pub(super) fn ran(&mut self, analysed: &Arc<Analysed>) {
        self.unpinned_by(analysed);
        self.view.set_by(analysed);
        let facts = &analysed.facts;
        let ends = analysed.statements.iter().any(|s| is_transactional(s.verb));
        if ends
            || !facts.changes.is_empty()
            || !facts.prepared.is_empty()
            || facts.voids_catalogue
            || facts.voids_settings
            || self.failures
        {
            self.changes.push(Arc::clone(analysed));
        }
    }

    /// ReadyForQuery came.
    pub(super) fn settle(&mut self, failed: bool, was: Transaction, now: Transaction) {
        let failed = failed || was == Transaction::Failed;
        let outcome = match failed {
            true => Outcome::Failed,
            false => Outcome::Succeeded,
        };
        for analysed in std::mem::take(&mut self.changes) {
            if !failed {
                self.forget_names(&analysed);
            } else if !analysed.facts.prepared.is_empty() {
                self.suspect = true;
            }
            self.view.after(&analysed, outcome, now);
        }
        self.settle_cursors(failed, now);
    }

    fn outcome(&self) -> Outcome {
        match self.failures || self.state.transaction() == Transaction::Failed {
            true => Outcome::Failed,
            false => Outcome::Succeeded,
        }
    }

    /// Statements that SQL removed, or may have.
    fn forget_names(&mut self, analysed: &Analysed) {
        self.suspect |= analysed.facts.voids_settings;
        for change in &analysed.facts.prepared {
            match change {
                PreparedChange::Remove { name } => self.state.deallocated(name.as_bytes()),
                PreparedChange::RemoveAll => self.state.deallocated_all(),
                PreparedChange::Define { .. } => {}
            }
        }
    }
}

/// Whether it begins or ends a transaction, or a part of one.
pub(super) fn is_transactional(verb: &str) -> bool {
    ["COMMIT", "ROLLBACK", "PREPARE TRANSACTION"]
        .iter()
        .any(|known| verb.starts_with(known))
}
