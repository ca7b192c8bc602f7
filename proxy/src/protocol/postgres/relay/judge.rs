//! Texts to operations: analysed, judged, held, and forwarded with the proof of it.

use std::sync::Arc;

use bytes::Bytes;
use portcullis_dialect::postgres::wire::frontend::{Bind, Format, Parse};
use portcullis_dialect::sql::Refused;
use portcullis_policy::{Class, Effect};
use tokio::io::{AsyncRead, AsyncWrite};

use super::operation::{Operation, Statement};
use super::{End, Held, Relay};
use crate::protocol::postgres::analysis::{Analysed, NotAnalysed};
use crate::protocol::postgres::refuse::code;
use crate::protocol::postgres::upstream::Link;
use crate::session::denial::Denial;
use crate::session::gate::{Asked, Hold, Ruling};

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
        self.refresh().await?;
        let analysed = match self.analyser.analyse(&self.view, text).await {
            Ok(analysed) => analysed,
            Err(refused) => {
                self.withdraw(hold).await;
                self.refuse_query(&not_analysed(&refused));
                return Ok(());
            }
        };
        self.parameters.clear();
        match self.judge(frame, analysed, hold).await {
            Judged::Passed(operation) => {
                self.started(&operation);
                self.forward(frame);
                self.state.query(*operation);
            }
            Judged::Refused(denial) => self.refuse_query(&denial),
            Judged::Held => {}
        }
        Ok(())
    }

    /// Nothing runs yet: refused only where a denial is certain already.
    pub(super) async fn parse(&mut self, frame: &Bytes, parse: &Parse<'_>) -> Result<(), End> {
        self.refresh().await?;
        let analysed = match self.analyser.analyse(&self.view, parse.text).await {
            Ok(analysed) => analysed,
            Err(refused) => {
                self.refuse_message(&not_analysed(&refused));
                return Ok(());
            }
        };
        if let Err(denial) = self.session.foresee(&analysed.told) {
            self.refuse_message(&denial);
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
        let Some(statement) = self.state.statement(bind.statement).cloned() else {
            let name = String::from_utf8_lossy(bind.statement);
            let message = format!("prepared statement \"{name}\" does not exist");
            self.withdraw(hold).await;
            self.refuse_as_server(code::INVALID_STATEMENT_NAME, &message);
            return Ok(());
        };
        if let Err(many) = self.state.may_bind(bind.portal) {
            self.withdraw(hold).await;
            self.refuse_message(&too_many(&many));
            return Ok(());
        }
        // A query of our own would drop the unnamed statement.
        if !bind.statement.is_empty() {
            self.refresh().await?;
        }
        let analysed = match self.meaning_now(&statement).await {
            Ok(analysed) => analysed,
            Err(denial) => {
                self.withdraw(hold).await;
                self.refuse_message(&denial);
                return Ok(());
            }
        };
        self.parameters.clear();
        self.parameters.extend(bind.parameters().map(readable));
        match self.judge(frame, analysed, hold).await {
            Judged::Passed(operation) => {
                self.started(&operation);
                self.forward(frame);
                let describe = operation.needs_description();
                let id = self.state.bind(bind.portal, *operation);
                if describe {
                    self.describe_rows(id, bind.portal);
                }
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
        if let Err(denial) = operation.recheck(&mut self.session) {
            return self.refuse_message(&denial);
        }
        self.unsettled |= operation.changes_meaning();
        self.forward(frame);
        self.state.execute(id);
    }

    /// What a prepared text means by the session's settings and the catalogue of this moment.
    async fn meaning_now(&self, statement: &Statement) -> Result<Arc<Analysed>, Denial> {
        if let Some(analysed) = statement.holds_for(&self.view) {
            return Ok(analysed);
        }
        if !statement.is_read_alike(&self.view) {
            return Err(Denial::new(
                Class::Unsupported,
                "the statement was prepared under other string settings",
                "Prepare the statement again.",
            ));
        }
        let analysed = self.analyser.analyse(&self.view, &statement.text).await;
        analysed.map_err(|refused| not_analysed(&refused))
    }

    async fn judge(
        &mut self,
        frame: &Bytes,
        analysed: Arc<Analysed>,
        hold: Option<Hold>,
    ) -> Judged {
        let mask = match self.plan(&analysed) {
            Ok(mask) => mask,
            Err(denial) => {
                self.withdraw(hold).await;
                return Judged::Refused(denial);
            }
        };
        let meaning = self.view.meaning();
        let asked = Asked {
            told: &analysed.told,
            exact: frame,
            parameters: &self.parameters,
            meaning: &meaning,
            may_wait: self.may_wait(),
        };
        let ruling = match hold {
            None => self.session.judge(&asked).await,
            Some(hold) => self.session.judge_after(&asked, hold).await,
        };
        match ruling {
            Ruling::Admitted(admitted) => {
                let operation = Operation::new(admitted.forward(), analysed, mask);
                Judged::Passed(Box::new(operation))
            }
            Ruling::Refused(denial) => Judged::Refused(denial),
            Ruling::Held(hold) => {
                self.flush();
                self.hold(Held::new(hold, frame.clone()));
                Judged::Held
            }
        }
    }

    /// What is remembered of an operation that goes upstream now.
    fn started(&mut self, operation: &Operation) {
        let told = &operation.analysed.told.operation;
        self.wrote |= told.effect >= Effect::Write || told.attributes.contains_key("lock");
        self.unsettled |= operation.changes_meaning();
    }

    async fn withdraw(&self, hold: Option<Hold>) {
        if let Some(hold) = hold {
            hold.withdraw().await;
        }
    }

    /// Reads again what has become void, where that ends no transaction of the client's.
    async fn refresh(&mut self) -> Result<(), End> {
        if !self.view.is_void() || !self.state.may_ask_aside() || self.upstream.waiting() > 0 {
            return Ok(());
        }
        let transaction = self.state.transaction();
        let mut link = Link {
            stream: &mut self.upstream.stream,
            ahead: &mut self.upstream.read,
        };
        let refreshed = self.view.refresh(&mut link, transaction, &self.analyser);
        let aside = refreshed.await.map_err(|failed| {
            tracing::warn!(%failed, "a session could not be read again");
            End::TargetGone
        })?;
        self.client.out().extend_from_slice(&aside);
        Ok(())
    }
}

/// A bound value as the record and an approver read it.
fn readable((format, value): (Format, Option<&[u8]>)) -> Option<String> {
    let value = value?;
    Some(match (format, std::str::from_utf8(value)) {
        (Format::Text, Ok(text)) => text.to_owned(),
        _ => hex(value),
    })
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 + bytes.len() * 2);
    text.push_str("\\x");
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.extend(DIGITS.get(usize::from(digit)).map(|digit| char::from(*digit)));
        }
    }
    text
}

/// A text that was not analysed is not sent.
fn not_analysed(refused: &NotAnalysed) -> Denial {
    let class = match refused {
        NotAnalysed::Refused(Refused::TooLong { .. } | Refused::TooManyStatements { .. })
        | NotAnalysed::TooSlow(_) => Class::TooLarge,
        NotAnalysed::Refused(Refused::Encoding { .. }) => Class::Unsupported,
        NotAnalysed::Refused(_) | NotAnalysed::Failed => Class::Unparsable,
    };
    let remediation = match class {
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
