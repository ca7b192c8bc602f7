//! Texts to operations: analysed, judged, held, and forwarded with the proof of it.

use std::sync::Arc;

use bytes::Bytes;
use portcullis_dialect::postgres::wire::frontend::{Bind, Format, Parse, Target};
use portcullis_dialect::postgres::wire::{HEADER_BYTES, write};
use portcullis_dialect::sql::encoding::Encoding;
use portcullis_dialect::sql::parser::{place_of, readable};
use portcullis_dialect::sql::{Reading, Refused};
use portcullis_policy::{Class, Effect};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::context::Context;
use super::meaning::{Unmeant, Waited};
use super::operation::{Operation, Statement};
use super::{End, Held, Relay};
use crate::hex::hex;
use crate::protocol::postgres::analysis::{Analysed, NotAnalysed};
use crate::protocol::postgres::mask::Plan;
use crate::protocol::postgres::refuse::code;
use crate::session::denial::Denial;
use crate::session::gate::{Asked, Hold, Outcome, Ruling, Running};

/// What came of asking the gate.
enum Judged {
    Passed(Box<Operation>),
    Refused(Denial),
    Held,
}

impl<C, U> Relay<C, U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    /// A simple Query: one operation, whatever it holds.
    pub(super) async fn query(
        &mut self,
        frame: &Bytes,
        text: &[u8],
        hold: Option<Hold>,
    ) -> Result<(), End> {
        self.session.take_up();
        let analysed = match self.meaning(text, &[]).await? {
            Ok(analysed) => analysed,
            Err(Unmeant::Cancelled) => {
                self.withdraw(hold).await;
                self.refuse_held(frame, None, None);
                return Ok(());
            }
            Err(Unmeant::NotAnalysed(refused)) => {
                self.withdraw(hold).await;
                let (denial, place) = self.unread(text, &refused);
                self.refuse_query_at(&denial, place);
                return Ok(());
            }
        };
        self.parameters.clear();
        match self.judge((frame, 0), analysed, None, hold).await {
            Judged::Passed(operation) => {
                self.started(&operation);
                match operation.only_read() {
                    None => self.forward(frame),
                    Some(denial) => match self.reading(&operation.analysed) {
                        None => {
                            operation.cut(denial.clone());
                            self.refuse_query(&denial);
                            return Ok(());
                        }
                        Some(Reading::Whole) => self.have_it_read(text),
                        Some(Reading::Instead(instead)) => self.have_it_read(instead.as_bytes()),
                    },
                }
                self.state.query(*operation);
            }
            Judged::Refused(denial) => self.refuse_query(&denial),
            Judged::Held => {}
        }
        Ok(())
    }

    /// Nothing runs yet: refused only where a denial is certain already.
    pub(super) async fn parse(&mut self, frame: &Bytes, parse: &Parse<'_>) -> Result<(), End> {
        let types: Vec<u32> = parse.types().collect();
        let analysed = match self.meaning(parse.text, &types).await? {
            Ok(analysed) => analysed,
            Err(Unmeant::Cancelled) => {
                self.refuse_held(frame, None, None);
                return Ok(());
            }
            Err(Unmeant::NotAnalysed(refused)) => {
                let (denial, place) = self.unread(parse.text, &refused);
                self.refuse_message_at(&denial, place);
                return Ok(());
            }
        };
        if let Err(denial) = self
            .session
            .foresee(&analysed.told, analysed.facts.runs_when_read)
        {
            self.refuse_message(&with_reasons(denial, &analysed));
            return Ok(());
        }
        let statement = Statement::new(parse, analysed, &self.view);
        match self.state.parse(parse.name, Arc::new(statement)) {
            Ok(()) => self.forward(frame),
            Err(many) => self.refuse_message(&too_many(&many)),
        }
        Ok(())
    }

    /// Opens an operation: planning may already run functions.
    pub(super) async fn bind(
        &mut self,
        frame: &Bytes,
        bind: &Bind<'_>,
        hold: Option<Hold>,
    ) -> Result<(), End> {
        self.session.take_up();
        if let Err(many) = self.state.may_bind(bind.portal) {
            self.withdraw(hold).await;
            self.refuse_message(&too_many(&many));
            return Ok(());
        }
        // A query of our own would drop the unnamed statement.
        if !bind.statement.is_empty() {
            self.refresh().await?;
        }
        let mut meant = self.meaning_of(bind.statement).await;
        let began = Instant::now();
        while !bind.statement.is_empty()
            && matches!(&meant, Ok(Some(analysed)) if !analysed.facts.unread.is_empty())
        {
            let waited = self.look_again(began).await?;
            if waited == Waited::Cancelled {
                self.withdraw(hold).await;
                self.refuse_held(frame, None, None);
                return Ok(());
            }
            meant = self.meaning_of(bind.statement).await;
            if waited == Waited::Last {
                break;
            }
        }
        let analysed = match meant {
            Ok(Some(analysed)) => analysed,
            Ok(None) => {
                let name = String::from_utf8_lossy(bind.statement);
                let message = format!("prepared statement \"{name}\" does not exist");
                self.withdraw(hold).await;
                self.refuse_as_server(code::INVALID_STATEMENT_NAME, &message);
                return Ok(());
            }
            Err(denial) => {
                self.withdraw(hold).await;
                self.refuse_message(&denial);
                return Ok(());
            }
        };
        self.parameters.clear();
        let encoding = Encoding::of(self.view.settings()).unwrap_or(Encoding::Utf8);
        let shown = bind.parameters().map(|bound| shown(bound, encoding));
        self.parameters.extend(shown);
        let names = HEADER_BYTES + bind.portal.len() + bind.statement.len() + 2;
        let statement = self.state.statement(bind.statement).cloned();
        let judged = self.judge((frame, names), analysed, statement, hold);
        match judged.await {
            Judged::Passed(operation) => {
                self.started(&operation);
                self.forward(frame);
                self.bound(bind.portal, *operation);
            }
            Judged::Refused(denial) => self.refuse_message(&denial),
            Judged::Held => {}
        }
        Ok(())
    }

    /// Runs an open portal, by what holds now.
    pub(super) fn execute(&mut self, frame: &[u8], portal: &[u8]) {
        let Some(id) = self.state.portal(portal) else {
            return self.refuse_unknown_portal(portal);
        };
        let Some(operation) = self.state.operation(id) else {
            return self.refuse_unknown_portal(portal);
        };
        let analysed = Arc::clone(&operation.analysed);
        let changes = operation.changes_meaning();
        let allowed = operation.recheck(&mut self.session);
        if let Err(denial) = allowed.and_then(|()| self.may_fetch(&analysed)) {
            return self.refuse_message(&denial);
        }
        let before = self.fetched_before(&analysed);
        if let Some(operation) = self.state.operation(id) {
            operation.count_on(before);
        }
        self.unsettled |= changes;
        self.forward(frame);
        self.state.execute(id);
    }

    /// What a prepared statement means by the session's settings and the catalogue of this moment;
    /// none where there is no such statement.
    async fn meaning_of(&self, name: &[u8]) -> Result<Option<Arc<Analysed>>, Denial> {
        let Some(statement) = self.state.statement(name) else {
            return self.meaning_of_sql(name).await;
        };
        let transaction = self.state.transaction();
        if let Some(analysed) = statement.holds_for(&self.view, transaction) {
            return Ok(Some(analysed));
        }
        if !statement.is_read_alike(&self.view) || !self.is_still(name, statement) {
            return Err(Denial::new(
                Class::Unsupported,
                "what the prepared statement means cannot be told any more",
                "Prepare the statement again.",
            ));
        }
        let analysed = self
            .analyser
            .analyse_typed(&self.view, statement.text(), &statement.types)
            .await;
        analysed.map(Some).map_err(|refused| not_analysed(&refused))
    }

    /// A statement that SQL's PREPARE made means what its EXECUTE does.
    async fn meaning_of_sql(&self, name: &[u8]) -> Result<Option<Arc<Analysed>>, Denial> {
        let Ok(name) = std::str::from_utf8(name) else {
            return Ok(None);
        };
        if self.view.prepared().get(name).is_none() {
            return Ok(None);
        }
        let text = format!("EXECUTE \"{}\"", name.replace('"', "\"\""));
        let analysed = self.analyser.analyse(&self.view, &text).await;
        analysed.map(Some).map_err(|refused| not_analysed(&refused))
    }

    /// Code that was not read may have prepared another statement of this name.
    fn is_still(&self, name: &[u8], statement: &Statement) -> bool {
        if !self.suspect || name.is_empty() {
            return true;
        }
        let Ok(name) = std::str::from_utf8(name) else {
            return false;
        };
        let known = self.view.prepared().get(name);
        known.is_some_and(|known| known.text == statement.text())
    }

    async fn judge(
        &mut self,
        (frame, names): (&Bytes, usize),
        analysed: Arc<Analysed>,
        statement: Option<Arc<Statement>>,
        hold: Option<Hold>,
    ) -> Judged {
        // How a client names its statements and portals changes nothing of what they do.
        let exact = frame.get(names..).unwrap_or_default();
        let statement = statement.as_deref();
        let mut planned = self.plan(&analysed).await;
        // The server has read the text of a Bind already, and found all that it names.
        if let Some(denial) = planned.as_ref().ok().and_then(Plan::only_read)
            && names > 0
        {
            planned = Err(denial);
        }
        if let Err(denial) = self.may_fetch(&analysed) {
            planned = Err(denial);
        }
        let context = Context {
            view: &self.view,
            analysed: &analysed,
            types: statement.map_or(&[], |statement| &statement.types),
        };
        let asked = Asked {
            told: &analysed.told,
            exact,
            parameters: &self.parameters,
            meaning: &context,
            may_wait: self.may_wait(),
        };
        let plan = match planned {
            Ok(plan) => plan,
            Err(denial) => {
                let denial = self.session.turn_down(&asked, denial);
                self.withdraw(hold).await;
                return Judged::Refused(with_reasons(denial, &analysed));
            }
        };
        let ruling = match hold {
            None => self.session.judge(&asked).await,
            Some(hold) => self.session.judge_after(&asked, hold).await,
        };
        match ruling {
            Ruling::Admitted(admitted) => {
                let mut running = admitted.forward();
                running.count_on(self.fetched_before(&analysed));
                passed(running, analysed, plan)
            }
            // The server has read the text of a Bind already.
            Ruling::Missing(missing) if names > 0 => {
                let denial = missing.denial;
                missing.running.end(Outcome::Cut(denial.clone()));
                Judged::Refused(denial)
            }
            Ruling::Missing(missing) => match passed(missing.running, analysed, plan) {
                Judged::Passed(operation) => {
                    Judged::Passed(Box::new(operation.refused_with(missing.denial)))
                }
                other => other,
            },
            Ruling::Refused(denial) => Judged::Refused(with_reasons(denial, &analysed)),
            Ruling::Held(hold) => {
                self.flush();
                self.hold(Held::new(hold, frame.clone()));
                Judged::Held
            }
        }
    }

    /// Records a refusal of what was not analysed; without a text where that was not read.
    pub(super) fn turn_down(&mut self, text: &str, denial: Denial) -> Denial {
        let told = Arc::new(Analysed::unread(text));
        let asked = Asked {
            told: &told,
            exact: &[],
            parameters: &[],
            meaning: &(),
            may_wait: false,
        };
        self.session.turn_down(&asked, denial)
    }

    /// A text that was not analysed: recorded, and told as the server would tell it, with the place
    /// of the error where there is one.
    fn unread(&mut self, text: &[u8], refused: &NotAnalysed) -> (Denial, Option<usize>) {
        let read = readable(text, self.view.settings());
        let text = read.unwrap_or_else(|_| String::from_utf8_lossy(text));
        let denial = self.turn_down(&text, not_analysed(refused));
        let place = match refused {
            NotAnalysed::Refused(Refused::Unparsable(message)) => {
                place_of(&text, message, self.view.settings())
            }
            _ => None,
        };
        (denial, place)
    }

    /// What the server may read of it, in the session's encoding.
    pub(super) fn reading(&self, analysed: &Analysed) -> Option<Reading> {
        let reading = analysed.facts.reading.clone()?;
        let utf8 = || Encoding::of(self.view.settings()) == Some(Encoding::Utf8);
        match &reading {
            Reading::Instead(text) if !text.is_ascii() && !utf8() => None,
            _ => Some(reading),
        }
    }

    /// The server reads the text and runs nothing of it: it says what is wrong with the names.
    fn have_it_read(&mut self, text: &[u8]) {
        let out = self.upstream.out();
        write::parse(out, b"", text);
        write::close(out, Target::Statement, b"");
        write::sync(out);
        // As a Query does.
        self.state.deallocated(b"");
    }

    /// What is remembered of an operation that goes upstream now.
    fn started(&mut self, operation: &Operation) {
        let told = &operation.analysed.told.operation;
        self.wrote |= told.effect >= Effect::Write || told.attributes.contains_key("lock");
        self.unsettled |= operation.changes_meaning();
        self.expect_late(operation);
    }

    async fn withdraw(&self, hold: Option<Hold>) {
        if let Some(hold) = hold {
            hold.withdraw().await;
        }
    }
}

/// An operation that was admitted, unless the masks changed on the way.
fn passed(running: Running, analysed: Arc<Analysed>, plan: Plan) -> Judged {
    if !plan.is_by(running.masks()) {
        let denial = Denial::new(
            Class::PolicyDenied,
            "the masks of this connection changed while this was decided",
            "Run it again.",
        );
        running.end(Outcome::Cut(denial.clone()));
        return Judged::Refused(denial);
    }
    Judged::Passed(Box::new(Operation::new(running, analysed, plan)))
}

/// A denial says how that is mended which kept the text from being told: functions that nobody has
/// read, what another session is changing.
fn with_reasons(mut denial: Denial, analysed: &Analysed) -> Denial {
    let facts = &analysed.facts;
    let (unreviewed, unread): (&[_], &[_]) = match denial.class {
        Class::PolicyDenied => (&facts.unreviewed, &facts.unread),
        Class::MaskImpossible => (&[], &facts.unread),
        _ => return denial,
    };
    if unreviewed.is_empty() && unread.is_empty() {
        return denial;
    }
    if !denial.remediation.ends_with('.') {
        denial.remediation.push('.');
    }
    for name in unread {
        denial.remediation.push_str(&format!(
            " What {name} is could not be read: another session is changing it, or what it looks \
             at. Run this again when that has ended."
        ));
    }
    for (name, hash) in unreviewed {
        denial.remediation.push_str(&format!(
            " The function {name} has the definition {hash} and was not reviewed."
        ));
    }
    if !unreviewed.is_empty() {
        let how = " Reviews stand in ConnectionClass spec.reviewedFunctions.";
        denial.remediation.push_str(how);
    }
    denial
}

/// A bound value as the record and an approver read it.
fn shown((format, value): (Format, Option<&[u8]>), encoding: Encoding) -> Option<String> {
    let value = value?;
    Some(match (format, encoding.decode(value)) {
        (Format::Text, Ok(text)) => text.into_owned(),
        _ => format!("\\x{}", hex(value)),
    })
}

/// A text that was not analysed is not sent.
pub(super) fn not_analysed(refused: &NotAnalysed) -> Denial {
    let class = match refused {
        NotAnalysed::Refused(
            Refused::TooLong { .. } | Refused::TooManyStatements { .. } | Refused::TooDeep,
        )
        | NotAnalysed::TooSlow(_) => Class::TooLarge,
        NotAnalysed::Refused(Refused::Encoding { .. } | Refused::AmbiguousName { .. }) => {
            Class::Unsupported
        }
        NotAnalysed::Refused(_) | NotAnalysed::Failed => Class::Unparsable,
    };
    let remediation = match class {
        _ if matches!(refused, NotAnalysed::Refused(Refused::AmbiguousName { .. })) => {
            "Write the name in quotes, as the catalogue spells it, or rename it shorter."
        }
        _ if matches!(refused, NotAnalysed::Refused(Refused::TooDeep)) => {
            "Write it flatter: IN or ANY instead of long chains of operators, concat instead of ||, \
             WITH queries instead of subqueries inside of each other."
        }
        Class::TooLarge => "Send the text in parts, or the values as parameters.",
        Class::Unsupported => "Set client_encoding to UTF8.",
        _ => "Correct the statement; nothing of it was sent.",
    };
    Denial::new(class, refused.to_string(), remediation)
}

fn too_many(many: &super::state::TooMany) -> Denial {
    Denial::new(
        Class::TooLarge,
        many.to_string(),
        "Close statements and portals that are not needed any more.",
    )
}
