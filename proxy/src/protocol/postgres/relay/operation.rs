//! One operation on its way, and the statements that operations are made of.

use std::sync::Arc;

use portcullis_dialect::postgres::wire::backend::{Transaction, tag};
use portcullis_dialect::postgres::wire::frontend::Parse;
use portcullis_dialect::postgres::wire::write;
use portcullis_dialect::sql::settings::Tracked;
use portcullis_policy::limit::{Passage, Standing};

use super::answer::Answer;
use super::inflight::CopyingOut;
use super::state::{InFlight, Weighed};
use crate::protocol::postgres::analysis::{Analysed, SessionView, may_execute};
use crate::protocol::postgres::mask::{Plan, Unmaskable};
use crate::session::Session;
use crate::session::denial::Denial;
use crate::session::gate::{Allowed, Outcome, Running};

/// What a statement costs beside its text, roughly.
const STATEMENT_BYTES: usize = 1024;

/// A prepared statement.
#[derive(Debug)]
pub(super) struct Statement {
    analysed: Arc<Analysed>,
    /// All that the analysis rests on.
    context: [u8; 32],
    /// The types of its parameters, as Parse gave them.
    pub(super) types: Box<[u32]>,
    pub(super) conforming: Tracked<bool>,
    /// It may run another statement by its name, which may be another one by now.
    runs_others: bool,
}

/// An operation whose bytes went upstream.
#[derive(Debug)]
pub(super) struct Operation {
    running: Running,
    pub(super) analysed: Arc<Analysed>,
    pub(super) answer: Answer,
    /// It was refused, but for names that are not there alone.
    refusal: Option<Denial>,
    /// Nothing more of its reply passes.
    pub(super) stopped: Option<Stopped>,
    /// Rows that passed since the last statement of it ended.
    pub(super) rows: u64,
    outcome: Option<Outcome>,
    /// An edit refused it while it ran.
    pub(super) refused: bool,
    /// The target was asked to cancel it.
    pub(super) cancelled: bool,
    /// Which statement of its text runs.
    pub(super) statement: usize,
    /// The COPY to the client that is under way.
    pub(super) copying: Option<CopyingOut>,
    /// The client sends rows for a COPY.
    pub(super) taking: bool,
}

/// Why nothing more of a reply passes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stopped {
    /// A limit cuts it; not yet told.
    Cut(Standing),
    /// A limit cut it, and the client knows.
    Told,
    /// It fails, as far as the client is concerned; not yet told.
    Failed(Box<Denial>),
}

// === impl Statement ===

impl Statement {
    pub(super) fn new(parse: &Parse<'_>, analysed: Arc<Analysed>, view: &SessionView) -> Self {
        Self {
            runs_others: may_execute(&analysed.told.operation.text),
            analysed,
            context: *view.context(),
            types: parse.types().collect(),
            conforming: view.settings().standard_conforming_strings.clone(),
        }
    }

    /// As it was read when it came.
    pub(super) fn text(&self) -> &str {
        &self.analysed.told.operation.text
    }

    /// Its analysis, where nothing that it rests on has changed.
    pub(super) fn holds_for(
        &self,
        view: &SessionView,
        transaction: Transaction,
    ) -> Option<Arc<Analysed>> {
        let holds = self.context == *view.context()
            && !view.needs_refresh(transaction)
            && !self.runs_others;
        holds.then(|| Arc::clone(&self.analysed))
    }

    /// Whether its text has the same literals by the settings of this moment.
    pub(super) fn is_read_alike(&self, view: &SessionView) -> bool {
        self.conforming == view.settings().standard_conforming_strings
            || !self.text().contains('\\')
    }
}

impl Weighed for Statement {
    fn bytes(&self) -> usize {
        let types = size_of_val(&*self.types);
        let bytes = self.text().len().saturating_add(types);
        bytes.saturating_add(STATEMENT_BYTES)
    }
}

// === impl Operation ===

impl Operation {
    pub(super) fn new(running: Running, analysed: Arc<Analysed>, plan: Plan) -> Self {
        Self {
            running,
            analysed,
            answer: Answer::new(plan),
            refusal: None,
            stopped: None,
            rows: 0,
            outcome: None,
            refused: false,
            cancelled: false,
            statement: 0,
            copying: None,
            taking: false,
        }
    }

    /// The server may read it, and say which of its names are not there; were they there, this is
    /// why it must not run.
    pub(super) fn refused_with(self, refusal: Denial) -> Self {
        Self {
            refusal: Some(refusal),
            ..self
        }
    }

    /// Why the server may only read it and not run it; none where it may run.
    pub(super) fn only_read(&self) -> Option<Denial> {
        let denial = self.refusal.clone().or_else(|| self.answer.only_read());
        denial.map(|denial| denial.in_session(self.running.session()))
    }

    /// Ended before it went upstream.
    pub(super) fn cut(self, denial: Denial) {
        self.running.end(Outcome::Cut(denial));
    }

    /// Whether texts behind it mean something else once it has run.
    pub(super) fn changes_meaning(&self) -> bool {
        let facts = &self.analysed.facts;
        !facts.changes.is_empty()
            || !facts.prepared.is_empty()
            || facts.voids_catalogue
            || facts.voids_settings
            || self
                .analysed
                .told
                .operation
                .attributes
                .contains_key("setting")
            || !facts.declared.is_empty()
            || !self.answer.cursors().is_empty()
            || (self.running.is_counted()
                && self
                    .analysed
                    .told
                    .operation
                    .attributes
                    .contains_key("cursor"))
    }

    pub(super) fn recheck(&mut self, session: &mut Session) -> Result<(), Denial> {
        session.recheck(&mut self.running)
    }

    /// By what it was allowed, and all that its limits have counted.
    pub(super) fn counted(&self) -> (&Allowed, (u64, u64)) {
        (self.running.allowed(), self.running.counted())
    }

    /// Its limits go on counting from here.
    pub(super) fn count_on(&mut self, passed: (u64, u64)) {
        self.running.count_on(passed);
    }

    /// Whether a row of this size passes. The first that does not stops the reply.
    pub(super) fn count_row(&mut self, bytes: u64) -> bool {
        if self.stopped.is_some() {
            return false;
        }
        match self.running.row(bytes) {
            Passage::Pass => {
                self.rows += 1;
                true
            }
            Passage::Cut { limit, .. } => {
                self.stopped = Some(Stopped::Cut(limit));
                false
            }
            Passage::Refuse(limit) => {
                self.fail(super::limited::denial(&limit));
                false
            }
        }
    }

    /// Whether a limit of its reply may fail it while it runs.
    pub(super) fn may_fail_late(&self) -> bool {
        self.running.may_be_refused()
    }

    /// What the client sends for it. An error: it must not be taken over.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<(), Denial> {
        self.running.receive(bytes)
    }

    /// The client sent all of it.
    pub(super) fn received(&mut self) -> Result<(), Denial> {
        self.running.received()
    }

    /// The client gave up what it was sending.
    pub(super) fn abandon(&mut self, why: &str) {
        self.running.abandon(why);
    }

    /// The target took over so many rows.
    pub(super) fn took_over(&mut self, rows: u64) {
        self.running.took_over(rows);
    }

    /// What the client sees of it, for the record.
    pub(super) fn show(&mut self, bytes: &[u8]) {
        self.running.show(bytes);
    }

    /// Appends the whole rows at the start of `bytes` as they may be seen, as far as limits let
    /// them pass; tells how many bytes are dealt with. Where one cannot be masked, the reply fails.
    pub(super) fn mask_rows(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> usize {
        let (running, rows) = (&mut self.running, &mut self.rows);
        let mut refused = None;
        let passes = |row: &[u8]| match running.row(row.len() as u64) {
            Passage::Pass => {
                *rows += 1;
                running.show(row);
                true
            }
            other => {
                refused = Some(other);
                false
            }
        };
        let run = match self.answer.rows() {
            Ok(Some(mask)) => mask.rewrite_run(bytes, out, passes),
            Ok(None) => return 0,
            Err(unmaskable) => Err(unmaskable),
        };
        match refused {
            Some(Passage::Cut { limit, .. }) => self.stopped = Some(Stopped::Cut(limit)),
            Some(Passage::Refuse(limit)) => self.fail(super::limited::denial(&limit)),
            Some(Passage::Pass) | None => {}
        }
        match run {
            Ok(run) => {
                self.running.masked(run.masked);
                run.consumed
            }
            Err(unmaskable) => {
                self.fail(unmaskable.denial());
                0
            }
        }
    }

    /// Appends a piece of a COPY as it may be seen, under a header of its own.
    pub(super) fn mask_copy(&mut self, data: &[u8], is_row: bool, out: &mut Vec<u8>) {
        let Some(mask) = self.answer.copy() else {
            return self.fail(Unmaskable::Undescribed.denial());
        };
        let mut seen = Vec::with_capacity(data.len());
        if let Err(unmaskable) = mask.push(data, &mut seen) {
            return self.fail(unmaskable.denial());
        }
        let start = out.len();
        write::message(out, tag::COPY_DATA, |out| out.extend_from_slice(&seen));
        let written = out.get(start..).unwrap_or_default();
        let passes = !seen.is_empty() && (!is_row || self.count_row(written.len() as u64));
        match passes {
            true => {
                self.running.show(written);
                self.begin_copy();
            }
            false => out.truncate(start),
        }
    }

    /// The data of a COPY is complete. False where the client must not hear of it.
    pub(super) fn end_copy(&mut self) -> bool {
        match self.answer.copy_ends() {
            None => false,
            Some(Ok(masked)) => {
                self.running.masked(masked);
                true
            }
            Some(Err(unmaskable)) => {
                if self.stopped.is_none() {
                    self.fail(unmaskable.denial());
                }
                true
            }
        }
    }

    /// Nothing more of it passes, and the client is told why at its end.
    pub(super) fn fail(&mut self, denial: Denial) {
        let denial = denial.in_session(self.running.session());
        self.outcome = Some(Outcome::Cut(denial.clone()));
        self.stopped = Some(Stopped::Failed(Box::new(denial)));
    }

    /// A page of it is answered, and more may be asked for.
    pub(super) fn suspend(&mut self) {
        self.running.answered();
    }

    /// What it did does not stay, though it had ended well.
    pub(super) fn undone(&mut self, code: &str) {
        if self.outcome == Some(Outcome::Succeeded) {
            self.settle(Outcome::Failed(code.to_owned()));
        }
    }

    /// What the server says of it, at the end of each of its statements. The first word holds, but
    /// where a later statement of the same Query fails: nothing of it stays then.
    pub(super) fn settle(&mut self, outcome: Outcome) {
        self.running.answered();
        let decides = matches!(
            (&self.outcome, &outcome),
            (None, _) | (Some(Outcome::Succeeded), Outcome::Failed(_))
        );
        if decides {
            self.outcome = Some(outcome);
        }
    }
}

impl InFlight for Operation {
    fn ended(self) {
        self.running.end(self.outcome.unwrap_or(Outcome::Cancelled));
    }
}
