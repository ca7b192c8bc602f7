//! What is read of a target: a whole catalogue, and the settings of a session.
//!
//! Both run in whatever session they are given and leave no trace in it. In an open transaction of
//! the client they run behind a savepoint that is rolled back, so that the path and the role they
//! set for themselves end with them; elsewhere in a read-only transaction of their own. Nothing
//! here writes or takes a transaction number. A transaction that has not run a query yet gets no
//! snapshot from the settings alone: they are read by SHOW.
//!
//! To tell a definition the server opens the relations that it looks at, in the weakest mode there
//! is, until the reading ends. What somebody keeps from being opened is left out, and where a
//! reading comes to wait all the same it gives up within [`LOCK_TIMEOUT`] and begins again. So it
//! hangs on nobody, and is no part of a deadlock by the time that the server looks for one: then
//! the server might end somebody else's transaction.

use std::time::Duration;

use aws_lc_rs::digest::{self, SHA256};
use portcullis_dialect::postgres::wire::backend::{Transaction, tag};
use portcullis_dialect::postgres::wire::{HEADER_BYTES, Header};
use portcullis_dialect::sql::catalogue::{
    Catalogue, FINGERPRINT, Loader, MAX_ROWS, PREAMBLE, ReviewedFunction, Section,
};
use portcullis_dialect::sql::names::Name;
use portcullis_dialect::sql::prepared::{Prepared, PreparedChange, PreparedStatement};
use portcullis_dialect::sql::settings::Tracked;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;

use crate::protocol::postgres::upstream::{
    Ask, AskFailed, Bounds, Link, NAME, ServerReport, ask, ask_each,
};
use crate::session::ports::Reviews;

/// How much a catalogue may be.
pub const CATALOGUE_BOUNDS: Bounds = Bounds {
    rows: MAX_ROWS,
    bytes: 512 * 1024 * 1024,
    time: Duration::from_secs(60),
};

/// How much the settings and the prepared statements of a session may be.
pub const SESSION_BOUNDS: Bounds = Bounds {
    rows: 20_000,
    bytes: 16 * 1024 * 1024,
    time: Duration::from_secs(20),
};

/// Why nothing was read, and the session goes on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadFailed {
    #[error("the transaction has failed; nothing can be read in it")]
    FailedTransaction,
    #[error("the target refused: {0}")]
    Refused(ServerReport),
}

/// A catalogue, a digest of the rows that it was made of, and what tells whether it still holds.
#[derive(Debug)]
pub(super) struct ReadCatalogue {
    pub(super) catalogue: Catalogue,
    pub(super) digest: [u8; 32],
    pub(super) fingerprint: [u8; 32],
}

/// The settings of a session, as the server words them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ReadSettings {
    pub(super) search_path: String,
    pub(super) session_authorization: String,
    pub(super) role: String,
    pub(super) standard_conforming_strings: String,
    pub(super) client_encoding: String,
    pub(super) server_encoding: String,
    pub(super) row_security: String,
    /// None: not asked for.
    pub(super) temporary_schema: Option<Option<String>>,
    /// None: not asked for.
    pub(super) prepared: Option<Prepared>,
}

/// What to read beside the settings that SHOW tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Also {
    pub(super) temporary_schema: bool,
    pub(super) prepared: bool,
}

/// A reading that left the session usable, and what came for the client meanwhile.
pub(super) type Reading<T> = (Result<T, ReadFailed>, Vec<u8>);

const SAVEPOINT: &str = "SAVEPOINT _portcullis";
const ROLLBACK_TO: &str = "ROLLBACK TO SAVEPOINT _portcullis";
const RELEASE: &str = "RELEASE SAVEPOINT _portcullis";
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";
/// The client's own time limit is for what the client runs.
const NO_TIMEOUT: &str = "SET LOCAL statement_timeout = 0";
/// A reading waits this long for a lock, well below `deadlock_timeout` (a second by default).
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '10ms'";

/// So often a catalogue is tried to be read where others change it meanwhile.
const READINGS: u32 = 5;

/// Between two tries; longer with each.
const PAUSE: Duration = Duration::from_millis(20);

/// Ends of a reading that met somebody else's change: a lock, or what was there is gone.
const MET_A_CHANGE: [&str; 3] = ["55P03", "40P01", "XX000"];

/// Privileges are told for the role that logged in.
const LOGIN_ROLE: &str = "SET LOCAL ROLE NONE";

/// What is read may hold characters that the client's encoding has not. It is told first, for it
/// is ours from then on.
const IN_UTF8: &str = "SET LOCAL client_encoding = 'UTF8'";

/// What a catalogue is read under.
const AS_ALWAYS: [&str; 5] = [NO_TIMEOUT, LOCK_TIMEOUT, LOGIN_ROLE, IN_UTF8, PREAMBLE];

const SETTINGS: [&str; 8] = [
    "SHOW client_encoding",
    IN_UTF8,
    "SHOW search_path",
    "SHOW session_authorization",
    "SHOW role",
    "SHOW standard_conforming_strings",
    "SHOW row_security",
    "SHOW server_encoding",
];

// These run under the client's search path, so every name and operator says where it is from.
const TEMPORARY_SCHEMA: &str = "SELECT n.nspname FROM pg_catalog.pg_namespace n \
     WHERE n.oid OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()";
const PREPARED: &str = "SELECT p.name, p.statement, array_to_string(p.parameter_types::oid[], ',') \
     FROM pg_catalog.pg_prepared_statements p";

// === impl ReadCatalogue ===

impl ReadCatalogue {
    /// With what somebody says of functions, as a part of its content.
    pub(super) fn reviewed(mut self, reviews: &Reviews) -> Self {
        if reviews.functions.is_empty() {
            return self;
        }
        let name = |(schema, name): &(String, String)| Name::new(schema, name);
        let functions = reviews.functions.iter().map(|review| ReviewedFunction {
            name: name(&review.name),
            definition: review.sha256.clone(),
            reads: review.reads.iter().map(name).collect(),
            writes: review.writes.iter().map(name).collect(),
        });
        self.catalogue.review(functions);
        let mut digest = digest::Context::new(&SHA256);
        digest.update(&self.digest);
        digest.update(&reviews.digest);
        self.digest.copy_from_slice(digest.finish().as_ref());
        self
    }
}

/// Reads the catalogue as this session sees it.
pub(super) async fn catalogue<S>(
    link: &mut Link<'_, S>,
    transaction: Transaction,
    server_version: u32,
) -> Result<Reading<ReadCatalogue>, AskFailed>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut aside = Vec::new();
    let mut tried = 0;
    loop {
        let (read, more) = catalogue_once(link, transaction, server_version).await?;
        aside.extend_from_slice(&more);
        tried += 1;
        match read {
            Err(ReadFailed::Refused(report))
                if tried < READINGS && MET_A_CHANGE.contains(&report.sqlstate.as_str()) =>
            {
                sleep(PAUSE * tried).await;
            }
            read => return Ok((read, aside)),
        }
    }
}

async fn catalogue_once<S>(
    link: &mut Link<'_, S>,
    transaction: Transaction,
    server_version: u32,
) -> Result<Reading<ReadCatalogue>, AskFailed>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut inside = AS_ALWAYS.to_vec();
    inside.push(FINGERPRINT);
    let sections = inside.len();
    inside.extend(
        Section::ALL
            .iter()
            .map(|section| section.query(server_version)),
    );
    let mut loader = Loader::new();
    let mut digest = digest::Context::new(&SHA256);
    let mut fingerprint = digest::Context::new(&SHA256);
    let (read, aside) = bracketed(
        link,
        transaction,
        &Ask::all(&inside),
        CATALOGUE_BOUNDS,
        |place, values| {
            let Some(place) = place.checked_sub(sections) else {
                add_row(&mut fingerprint, place, values);
                return Ok(());
            };
            let section = Section::ALL.get(place).ok_or("a row of no section")?;
            add_row(&mut digest, place, values);
            loader
                .row(*section, values)
                .map_err(|invalid| invalid.to_string())
        },
    )
    .await?;
    let read = read.map(|()| ReadCatalogue {
        catalogue: loader.finish(),
        digest: sum(digest),
        fingerprint: sum(fingerprint),
    });
    Ok((read, aside))
}

/// What tells whether a catalogue that was read before still holds; takes none of its locks.
pub(super) async fn fingerprint<S>(link: &mut Link<'_, S>) -> Result<Reading<[u8; 32]>, AskFailed>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut inside = AS_ALWAYS.to_vec();
    let place = inside.len();
    inside.push(FINGERPRINT);
    let mut fingerprint = digest::Context::new(&SHA256);
    let row = |_, values: &[Option<&str>]| {
        add_row(&mut fingerprint, place, values);
        Ok(())
    };
    let idle = Transaction::Idle;
    let (read, aside) = bracketed(link, idle, &Ask::all(&inside), CATALOGUE_BOUNDS, row).await?;
    Ok((read.map(|()| sum(fingerprint)), aside))
}

/// Whether the server finds all that a text names, with parameters of these types. It reads the
/// text and runs nothing of it, and waits for nobody.
pub async fn finds_all<S>(
    link: &mut Link<'_, S>,
    transaction: Transaction,
    (text, types): (&[u8], &[u32]),
) -> Result<(bool, Vec<u8>), AskFailed>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let inside = [Ask::Run(LOCK_TIMEOUT), Ask::Read(text, types)];
    let no_row = |_, _: &[Option<&str>]| Ok(());
    let (read, aside) = bracketed(link, transaction, &inside, SESSION_BOUNDS, no_row).await?;
    Ok((read.is_ok(), aside))
}

/// Reads the settings of this session.
pub(super) async fn settings<S>(
    link: &mut Link<'_, S>,
    transaction: Transaction,
    also: Also,
) -> Result<Reading<ReadSettings>, AskFailed>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut inside = SETTINGS.to_vec();
    let temporary_at = inside.len();
    let prepared_at = temporary_at + usize::from(also.temporary_schema);
    if also.temporary_schema {
        inside.push(TEMPORARY_SCHEMA);
    }
    if also.prepared {
        inside.push(PREPARED);
    }
    let mut read = ReadSettings {
        temporary_schema: also.temporary_schema.then_some(None),
        prepared: also.prepared.then(Prepared::default),
        ..ReadSettings::default()
    };
    let (done, aside) = bracketed(
        link,
        transaction,
        &Ask::all(&inside),
        SESSION_BOUNDS,
        |place, values| {
            let first = values.first().copied().flatten().ok_or("a value is NULL")?;
            let slot = match place {
                0 => &mut read.client_encoding,
                2 => &mut read.search_path,
                3 => &mut read.session_authorization,
                4 => &mut read.role,
                5 => &mut read.standard_conforming_strings,
                6 => &mut read.row_security,
                7 => &mut read.server_encoding,
                place if place == temporary_at && also.temporary_schema => {
                    read.temporary_schema = Some(Some(first.to_owned()));
                    return Ok(());
                }
                place if place == prepared_at => {
                    let text = values.get(1).copied().flatten().ok_or("a text is NULL")?;
                    let types = values.get(2).copied().flatten().unwrap_or_default();
                    let types = types.split(',').filter(|oid| !oid.is_empty());
                    let types = types.map(str::parse).collect::<Result<_, _>>();
                    let types = types.map_err(|_| "a type is no number")?;
                    add_prepared(read.prepared.as_mut(), first, text, types);
                    return Ok(());
                }
                _ => return Err("a row of no statement".to_owned()),
            };
            first.clone_into(slot);
            Ok(())
        },
    )
    .await?;
    Ok((done.map(|()| read), aside))
}

fn add_prepared(prepared: Option<&mut Prepared>, name: &str, text: &str, types: Vec<u32>) {
    if let Some(prepared) = prepared.filter(|_| name != NAME) {
        prepared.apply(PreparedChange::Define {
            name: name.to_owned(),
            statement: PreparedStatement {
                text: text.to_owned(),
                // The server does not tell under which it was read.
                standard_conforming_strings: Tracked::Void,
                types,
            },
        });
    }
}

fn sum(digest: digest::Context) -> [u8; 32] {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest.finish().as_ref());
    sum
}

fn add_row(digest: &mut digest::Context, place: usize, values: &[Option<&str>]) {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes();
    digest.update(&number(place));
    for value in values {
        match value {
            // No value is as long as this length says.
            None => digest.update(&u32::MAX.to_be_bytes()),
            Some(text) => {
                digest.update(&number(text.len()));
                digest.update(text.as_bytes());
            }
        }
    }
}

/// Without what our own statements brought about: notices (of a text that is read and then runs, they
/// would come twice), and the change of encoding, of which servers before 14 tell at once and which is
/// over before the client hears.
fn without_own(aside: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut left = aside;
    while let Ok(Some(header)) = Header::parse(left, aside.len()) {
        let Some((frame, rest)) = left.split_at_checked(header.total()) else {
            break;
        };
        let body = frame.get(HEADER_BYTES..).unwrap_or_default();
        let ours = header.tag == tag::NOTICE
            || header.tag == tag::PARAMETER_STATUS && body.starts_with(b"client_encoding\0");
        if !ours {
            kept.extend_from_slice(frame);
        }
        left = rest;
    }
    kept
}

/// Runs statements so that nothing of them is left in the session. `row` gets the places of
/// `inside`.
async fn bracketed<S>(
    link: &mut Link<'_, S>,
    transaction: Transaction,
    inside: &[Ask<'_>],
    bounds: Bounds,
    mut row: impl FnMut(usize, &[Option<&str>]) -> Result<(), String>,
) -> Result<Reading<()>, AskFailed>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (open, end, undo): (&str, &[&str], &[&str]) = match transaction {
        Transaction::Idle => (BEGIN, &[COMMIT], &[ROLLBACK]),
        Transaction::Open => (SAVEPOINT, &[ROLLBACK_TO, RELEASE], &[ROLLBACK_TO, RELEASE]),
        Transaction::Failed => return Ok((Err(ReadFailed::FailedTransaction), Vec::new())),
    };
    let mut statements = Vec::with_capacity(inside.len() + 3);
    statements.push(Ask::Run(open));
    statements.extend_from_slice(inside);
    statements.extend(end.iter().map(|text| Ask::Run(text)));
    let answer = ask_each(link, &statements, bounds, |place, values| {
        row(place.saturating_sub(1), values)
    })
    .await?;
    let mut aside = without_own(&answer.aside);
    if answer.transaction != transaction {
        let undone = ask(link, undo, SESSION_BOUNDS, |_, _| Ok(())).await?;
        aside.extend_from_slice(&without_own(&undone.aside));
        if undone.transaction != transaction {
            return Err(AskFailed::NotUndone);
        }
    }
    let read = match answer.refused {
        None => Ok(()),
        Some(report) => Err(ReadFailed::Refused(report)),
    };
    Ok((read, aside))
}
