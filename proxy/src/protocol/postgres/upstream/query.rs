//! Queries of the proxy's own, in a session between two operations of its client.
//!
//! They go by the extended protocol under a name of our own ([`NAME`]): a simple query would drop
//! the client's unnamed statement and portal.
//!
//! Rows are handed on one by one and never collected here. Messages that are not the answer
//! (notifications, parameter changes, notices) are kept aside as they came: they belong to the
//! client. Whatever happens, either the answer is read up to its ReadyForQuery or the session is
//! broken and says so.

use std::fmt;
use std::time::Duration;

use portcullis_dialect::postgres::wire::InvalidFrame;
use portcullis_dialect::postgres::wire::backend::{Backend, Fields, Transaction};
use portcullis_dialect::postgres::wire::frontend::{Target, tag};
use portcullis_dialect::postgres::wire::write;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::link::{Link, LinkFailed, body};

/// The statement and the portal of the proxy's own queries.
pub const NAME: &str = "_portcullis";

/// Most bytes that are kept aside for the client while the proxy asks.
pub const MAX_ASIDE: usize = 1024 * 1024;

/// Largest message that an answer may hold.
const MAX_FRAME: usize = 64 * 1024 * 1024;

/// Longest part of a server's own words that is kept.
const MAX_WORDS: usize = 512;

/// How much an answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub rows: usize,
    pub bytes: usize,
    pub time: Duration,
}

/// How an answer ended.
#[derive(Debug)]
pub struct Answer {
    /// Where the session stands after it.
    pub transaction: Transaction,
    /// The server's error, or why the rows were not taken: then the rows are not all there.
    pub refused: Option<ServerReport>,
    /// Whole messages that belong to the client.
    pub aside: Vec<u8>,
}

/// An error in the server's words, without control characters and of bounded length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerReport {
    pub sqlstate: String,
    pub message: String,
}

/// The session is of no more use: it is not known where its next message starts.
#[derive(Debug, Error)]
pub enum AskFailed {
    #[error(transparent)]
    Link(#[from] LinkFailed),
    #[error("the answer took longer than {0:?}")]
    TimedOut(Duration),
    #[error("more than {MAX_ASIDE} bytes came for the client meanwhile")]
    TooMuchAside,
    #[error("the proxy's own queries could not be undone in the session")]
    NotUndone,
    #[error("the target answered a query of the proxy with message {0:#04x}")]
    Unexpected(u8),
}

/// What the server is to do with a statement.
#[derive(Debug, Clone, Copy)]
pub enum Ask<'a> {
    Run(&'a str),
    /// Only to read it, in the session's encoding and with parameters of these types: it finds all
    /// that is named, or says what it does not find.
    Read(&'a [u8], &'a [u32]),
}

/// Runs statements; see [`ask_each`].
pub async fn ask<S>(
    link: &mut Link<'_, S>,
    statements: &[&str],
    bounds: Bounds,
    row: impl FnMut(usize, &[Option<&str>]) -> Result<(), String>,
) -> Result<Answer, AskFailed>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    ask_each(link, &Ask::all(statements), bounds, row).await
}

/// Runs statements, one after the other up to the first that fails, and hands each row to `row`
/// with the place of its statement among those that run (from 0). What `row` refuses ends the
/// taking, not the reading.
pub async fn ask_each<S>(
    link: &mut Link<'_, S>,
    statements: &[Ask<'_>],
    bounds: Bounds,
    mut row: impl FnMut(usize, &[Option<&str>]) -> Result<(), String>,
) -> Result<Answer, AskFailed>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let packet = batch(statements);
    timeout(bounds.time, async {
        link.send(&packet).await?;
        read_answer(link, bounds, &mut row).await
    })
    .await
    .map_err(|_| AskFailed::TimedOut(bounds.time))?
}

/// The statements as one pipeline. What an earlier one may have left behind is closed first.
fn batch(statements: &[Ask<'_>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    let name = NAME.as_bytes();
    write::close(&mut out, Target::Portal, name);
    write::close(&mut out, Target::Statement, name);
    for statement in statements {
        let (text, types) = match statement {
            Ask::Run(text) => (text.as_bytes(), &[][..]),
            Ask::Read(text, types) => (*text, *types),
        };
        write::message(&mut out, tag::PARSE, |out| {
            write::string(out, name);
            write::string(out, text);
            let count = u16::try_from(types.len()).unwrap_or(u16::MAX);
            out.extend_from_slice(&count.to_be_bytes());
            for kind in types.iter().take(usize::from(count)) {
                out.extend_from_slice(&kind.to_be_bytes());
            }
        });
        if matches!(statement, Ask::Read(..)) {
            write::close(&mut out, Target::Statement, name);
            continue;
        }
        write::message(&mut out, tag::BIND, |out| {
            write::string(out, name);
            write::string(out, name);
            // No formats, no parameters, all results as text.
            out.extend_from_slice(&[0; 6]);
        });
        write::message(&mut out, tag::EXECUTE, |out| {
            write::string(out, name);
            out.extend_from_slice(&0_u32.to_be_bytes());
        });
        write::close(&mut out, Target::Portal, name);
        write::close(&mut out, Target::Statement, name);
    }
    write::sync(&mut out);
    out
}

async fn read_answer<S>(
    link: &mut Link<'_, S>,
    bounds: Bounds,
    row: &mut impl FnMut(usize, &[Option<&str>]) -> Result<(), String>,
) -> Result<Answer, AskFailed>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut aside = Vec::new();
    let mut refused = None;
    let mut statement = 0_usize;
    let (mut rows, mut bytes) = (0_usize, 0_usize);
    loop {
        let (tag, frame) = link.frame(MAX_FRAME).await?;
        match Backend::decode(tag, body(&frame)).map_err(LinkFailed::from)? {
            Backend::DataRow(values) if refused.is_none() => {
                rows += 1;
                bytes += frame.len();
                let taken = if rows > bounds.rows {
                    Err(format!("more than {} rows", bounds.rows))
                } else if bytes > bounds.bytes {
                    Err(format!("more than {} bytes", bounds.bytes))
                } else {
                    texts(values.values()).and_then(|values| row(statement, &values))
                };
                refused = taken.err().map(ServerReport::own);
            }
            Backend::DataRow(_)
            | Backend::ParseComplete
            | Backend::BindComplete
            | Backend::CloseComplete => {}
            Backend::CommandComplete(_) => statement += 1,
            Backend::Error(fields) => refused = Some(ServerReport::of(&fields)),
            Backend::Notice(_) | Backend::Notification { .. } | Backend::ParameterStatus { .. } => {
                if aside.len() + frame.len() > MAX_ASIDE {
                    return Err(AskFailed::TooMuchAside);
                }
                aside.extend_from_slice(&frame);
            }
            Backend::Ready(transaction) => {
                return Ok(Answer {
                    transaction,
                    refused,
                    aside,
                });
            }
            _ => return Err(AskFailed::Unexpected(tag)),
        }
    }
}

/// The values as texts; the server sends them in the session's encoding.
fn texts<'a>(
    values: impl Iterator<Item = Option<&'a [u8]>>,
) -> Result<Vec<Option<&'a str>>, String> {
    values
        .map(|value| {
            value
                .map(std::str::from_utf8)
                .transpose()
                .map_err(|_| "a value is not UTF-8".to_owned())
        })
        .collect()
}

// === impl Ask ===

impl<'a> Ask<'a> {
    /// All of them run.
    pub fn all(statements: &[&'a str]) -> Vec<Self> {
        statements.iter().map(|text| Self::Run(text)).collect()
    }
}

// === impl ServerReport ===

impl ServerReport {
    pub fn of(fields: &Fields<'_>) -> Self {
        Self {
            sqlstate: words(fields.get(b'C').unwrap_or_default()),
            message: words(fields.get(b'M').unwrap_or_default()),
        }
    }

    /// A refusal of ours.
    fn own(message: String) -> Self {
        Self {
            sqlstate: "54000".to_owned(),
            message,
        }
    }
}

impl fmt::Display for ServerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.sqlstate, self.message)
    }
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_WORDS)
        .collect()
}

impl From<InvalidFrame> for AskFailed {
    fn from(invalid: InvalidFrame) -> Self {
        Self::Link(LinkFailed::Invalid(invalid))
    }
}
