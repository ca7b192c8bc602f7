//! From an accepted connection to an open session: TLS, start-up, credential, access, target.
//!
//! Nothing is told to a client that has not proven who it is, except how to do so. Failures end in
//! FATAL and close.

mod authenticate;
mod handshake;
mod oauth;
mod options;
mod parameters;

use std::sync::Arc;
use std::time::Duration;

use portcullis_dialect::postgres::wire::write;
use portcullis_policy::{Class, Glob};

use super::refuse::{self, Report, Severity, code};
use crate::identity::Proven;
use crate::io::{Stream, within};
use crate::listen::Accepted;
use crate::session::ClientSays;
use crate::session::Session;
use crate::session::denial::Denial;
use crate::session::ports::{Door, Upstream};
use crate::session::refused;
use handshake::Arrival;
use parameters::{NEWEST_MINOR, Wanted};

/// Saying a last word takes no longer than this.
const FAREWELL_DEADLINE: Duration = Duration::from_secs(5);

/// What a new connection is for.
#[derive(Debug)]
pub(super) enum Purpose {
    Cancel {
        stream: Stream,
        pid: u32,
        key: Vec<u8>,
    },
    Session(Box<LoggedIn>),
}

/// A client whose session is open, before the target is reached.
#[derive(Debug)]
pub(super) struct LoggedIn {
    pub(super) stream: Stream,
    pub(super) session: Session,
    pub(super) database: String,
    /// The client's settings for the target.
    pub(super) settings: Vec<(String, String)>,
    /// Those of them that are judged before the session starts.
    pub(super) judged: Vec<(String, String)>,
    pub(super) minor: u16,
}

/// Takes a client through login. None where it ended; it was told why.
pub(super) async fn log_in(client: Accepted, door: &Arc<Door>) -> Option<Purpose> {
    let deadline = client.login.deadline();
    match tokio::time::timeout_at(deadline, steps(client, door)).await {
        Ok(purpose) => purpose,
        Err(late) => {
            tracing::debug!(%late, "a client did not log in in time");
            None
        }
    }
}

async fn steps(client: Accepted, door: &Arc<Door>) -> Option<Purpose> {
    let (peer, plaintext_allowed, slot) = (client.peer, client.plaintext_allowed, client.login);
    let arrived = handshake::arrive(client.stream, client.tls).await;
    let (mut stream, wanted) = match arrived {
        Ok(Arrival::Cancel { stream, pid, key }) => {
            return Some(Purpose::Cancel { stream, pid, key });
        }
        Ok(Arrival::Start(stream, wanted)) => (stream, wanted),
        Err(ended) => {
            tracing::debug!(%ended, %peer, "a connection came to nothing");
            return None;
        }
    };
    if !stream.is_tls() && !plaintext_allowed {
        let report = Report::new(
            code::INVALID_AUTHORIZATION,
            "TLS is required: no encryption",
        );
        farewell(
            &mut stream,
            report.hint("Connect with sslmode=require or stronger."),
        )
        .await;
        return None;
    }
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(invalid) => {
            let code = invalid.code();
            farewell(&mut stream, Report::new(code, &invalid.to_string())).await;
            return None;
        }
    };
    negotiate(&mut stream, &wanted).await.ok()?;
    let proven = match authenticate::authenticate(&mut stream, wanted.oauth, peer, door).await {
        Ok(proven) => proven,
        Err(failed) => {
            tracing::info!(%failed, %peer, "a login failed");
            if let Some((code, message)) = failed.told() {
                if failed.is_attempt() {
                    refused::login_failed(door, peer.ip(), &wanted.user, &failed.to_string());
                }
                farewell(&mut stream, Report::new(code, &message)).await;
            }
            return None;
        }
    };
    slot.free();
    open(stream, proven, wanted, door, peer.ip()).await
}

/// The access rule, the limits of sessions, and the database.
async fn open(
    mut stream: Stream,
    proven: Proven,
    wanted: Wanted,
    door: &Arc<Door>,
    client: std::net::IpAddr,
) -> Option<Purpose> {
    let database = {
        let target = door.target.load();
        wanted
            .database
            .clone()
            .unwrap_or_else(|| target.upstream.database.clone())
    };
    let says = ClientSays {
        attributes: said(&wanted, &database),
    };
    let session = match Session::open(Arc::clone(door), proven, client, says).await {
        Ok(session) => session,
        Err(denial) => {
            let mut out = Vec::new();
            refuse::denial(&mut out, Severity::Fatal, &denial);
            last_words(&mut stream, &out).await;
            return None;
        }
    };
    if !may_name(&door.target.load().upstream, &database) {
        refused::database_refused(door);
        let denial = Denial::new(
            Class::AccessDenied,
            format!("database \"{database}\" is not open through this connection"),
            "name a database that is, or ask whoever owns the connection",
        );
        let mut out = Vec::new();
        refuse::denial(&mut out, Severity::Fatal, &denial.in_session(session.id));
        last_words(&mut stream, &out).await;
        session.close("the database is not open");
        return None;
    }
    let judged = wanted
        .judged()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Some(Purpose::Session(Box::new(LoggedIn {
        stream,
        session,
        database,
        judged,
        settings: wanted.settings,
        minor: wanted.minor,
    })))
}

/// Tells what of the protocol is not spoken.
async fn negotiate(stream: &mut Stream, wanted: &Wanted) -> std::io::Result<()> {
    if !wanted.newer && wanted.unknown_options.is_empty() {
        return Ok(());
    }
    let mut out = Vec::new();
    let options = wanted.unknown_options.iter().map(Vec::as_slice);
    write::negotiate_version(&mut out, protocol(wanted.minor), options);
    stream.send(&out).await
}

/// The whole version word, as the server sends it.
fn protocol(minor: u16) -> u32 {
    3 << 16 | u32::from(minor.min(NEWEST_MINOR))
}

/// What the client says of itself, for the record.
fn said(wanted: &Wanted, database: &str) -> Vec<(String, String)> {
    let mut said = vec![
        ("user".to_owned(), wanted.user.clone()),
        ("database".to_owned(), database.to_owned()),
    ];
    said.extend(wanted.settings.iter().cloned());
    said
}

fn may_name(upstream: &Upstream, database: &str) -> bool {
    if upstream.databases.is_empty() {
        return database == upstream.database;
    }
    upstream
        .databases
        .iter()
        .any(|glob: &Glob| glob.matches(database))
}

/// A last FATAL before the connection is closed.
pub(super) async fn farewell(stream: &mut Stream, report: Report<'_>) {
    let mut out = Vec::new();
    refuse::error(&mut out, Severity::Fatal, report);
    last_words(stream, &out).await;
}

/// Says it and closes; whoever does not listen is left.
pub(super) async fn last_words(stream: &mut Stream, out: &[u8]) {
    let said = within(FAREWELL_DEADLINE, async {
        stream.send(out).await?;
        stream.finish().await
    });
    if !matches!(said.await, Ok(Ok(()))) {
        tracing::debug!("a client left before it was told why");
    }
}
