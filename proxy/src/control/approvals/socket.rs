//! Where decisions are heard: a Unix socket, one JSON command a line, one JSON answer a line.
//!
//! Who speaks is told by the kernel (the peer's uid) and named by `identity.osUsers` of the class
//! that the Connection is of; what a command says of its sender would prove nothing, so it says
//! nothing. Whoever reaches the socket may connect, and reaching it is the directory's matter:
//! see `control::state`.
//!
//! ```text
//! {"verb":"approve|deny|revoke","name":N,"namespace":NS?,"reason":TEXT?}  {"ok":true,"state":S}
//! {"verb":"list"}                                                {"ok":true,"requests":[…]}
//! {"verb":"show","name":N,"namespace":NS?}                       {"ok":true,"request":{…}}
//! {"verb":"sessions"}                                            {"ok":true,"sessions":[…]}
//! {"verb":"kill","session":ID,"reason":TEXT}                     {"ok":true}
//! {"verb":"tail","session":ID,"reason":TEXT?}                    {"ok":true,…}, and lines: see `follow`
//! anything that does not go well                                 {"ok":false,"error":TEXT}
//! ```
//!
//! A request is told to who may decide about it: `list` in short, `show` whole, with `spec` and
//! `status` in the words of the custom resource. The last three take a group of `spec.admin.groups`: see `control::caretaker`.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::{Decision, Listed as Request, Requests, Shown, Verb, follow};
use crate::control::caretaker::{Caretaker, NoCaretaker, Ward};
use crate::session::registry::Listed;

/// The longest command.
pub const MAX_COMMAND_BYTES: u64 = 16 * 1024;
/// How many may be connected at the same time; more wait.
pub const MAX_CONNECTED: usize = 16;
/// How long a command or the reading of its answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait when the process has no room for another connection.
const PAUSE: Duration = Duration::from_millis(100);

/// The socket, removed when this is dropped.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

/// Answers commands.
#[derive(Debug, Clone)]
pub struct Desk {
    pub requests: Requests,
    pub ward: Ward,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "verb", rename_all = "lowercase", deny_unknown_fields)]
enum Command {
    Approve(About),
    Deny(About),
    Revoke(About),
    List,
    Show(Named),
    Sessions,
    Kill { session: String, reason: String },
    Tail(Following),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Following {
    session: String,
    #[serde(default)]
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
    namespace: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    name: String,
    namespace: Option<String>,
    reason: Option<String>,
}

// === impl Socket ===

impl Socket {
    /// Takes the place of a socket that an earlier run left; of nothing else.
    pub fn bind(path: &Path) -> io::Result<Self> {
        match fs::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => fs::remove_file(path)?,
            Ok(_) => return Err(io::Error::new(io::ErrorKind::AlreadyExists, "is no socket")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let listener = UnixListener::bind(path)?;
        // The directory around it is the door; what a peer may do is told by its uid.
        fs::set_permissions(path, fs::Permissions::from_mode(0o666))?;
        Ok(Self {
            listener,
            path: path.to_owned(),
        })
    }

    /// Hears commands until this is dropped.
    pub async fn serve(self, desk: Desk) {
        let room = Arc::new(Semaphore::new(MAX_CONNECTED));
        loop {
            let Ok(place) = Arc::clone(&room).acquire_owned().await else {
                return;
            };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let desk = desk.clone();
                    tokio::spawn(async move {
                        desk.hear(stream).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the control socket cannot accept");
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Gone already, or left behind: the next run takes its place either way.
        let _ = fs::remove_file(&self.path);
    }
}

// === impl Desk ===

impl Desk {
    async fn hear(&self, stream: UnixStream) {
        let Ok(peer) = stream.peer_cred() else { return };
        let (reading, mut writing) = stream.into_split();
        let mut reading = BufReader::new(reading);
        loop {
            let mut line = Vec::new();
            let mut bounded = (&mut reading).take(MAX_COMMAND_BYTES + 1);
            let read = timeout(PATIENCE, bounded.read_until(b'\n', &mut line)).await;
            if !matches!(read, Ok(Ok(bytes)) if bytes > 0) {
                return;
            }
            let too_long = line.len() as u64 > MAX_COMMAND_BYTES;
            let command = match too_long {
                true => Err(format!("a command has at most {MAX_COMMAND_BYTES} bytes")),
                false => parse(&line),
            };
            let answer = match command {
                Ok(Command::Tail(following)) => {
                    return self.follow(&following, peer.uid(), reading, writing).await;
                }
                Ok(command) => self.obey(command, peer.uid()).await,
                Err(error) => Err(error),
            };
            let mut answer = told(answer).to_string();
            answer.push('\n');
            let written = timeout(PATIENCE, writing.write_all(answer.as_bytes())).await;
            if too_long || !matches!(written, Ok(Ok(()))) {
                return;
            }
        }
    }

    /// Answers one command of a user of this machine.
    pub async fn answer(&self, line: &[u8], uid: u32) -> Result<Value, String> {
        self.obey(parse(line)?, uid).await
    }

    async fn obey(&self, command: Command, uid: u32) -> Result<Value, String> {
        match command {
            Command::Approve(about) => self.decide(Verb::Approve, about, uid).await,
            Command::Deny(about) => self.decide(Verb::Deny, about, uid).await,
            Command::Revoke(about) => self.decide(Verb::Revoke, about, uid).await,
            Command::List => {
                self.known(uid)?;
                let mut listed = self.requests.list().await;
                let standing = self.ward.standing.load();
                listed.retain(|it| {
                    let connection = (it.namespace.clone(), it.connection.clone());
                    standing.decider(&connection, uid).is_some()
                });
                let listed: Vec<Value> = listed.iter().map(in_short).collect();
                Ok(json!({ "requests": listed }))
            }
            Command::Show(named) => {
                self.decider(&named, uid).await?;
                let shown = self.requests.show(&named.name).await;
                let shown = shown.ok_or_else(|| missing(&named.name))?;
                Ok(json!({ "request": whole(&shown) }))
            }
            Command::Sessions => {
                let listed = self.ward.list(&self.caretaker(uid)?)?;
                let listed: Vec<Value> = listed.iter().map(told_of).collect();
                Ok(json!({ "sessions": listed }))
            }
            Command::Kill { session, reason } => {
                let caretaker = self.caretaker(uid)?;
                self.ward.kill(&caretaker, &session, &reason)?;
                Ok(json!({}))
            }
            Command::Tail(_) => Err("a session is followed over the socket alone".to_owned()),
        }
    }

    /// Tells what happens in a session, line by line, until it ends.
    async fn follow(
        &self,
        following: &Following,
        uid: u32,
        reading: BufReader<OwnedReadHalf>,
        mut writing: OwnedWriteHalf,
    ) {
        let tail = self.caretaker(uid).and_then(|caretaker| {
            let ward = &self.ward;
            ward.tail(&caretaker, &following.session, &following.reason)
        });
        match tail {
            Ok((session, tail)) => {
                let may = || self.ward.still_may(uid, &session);
                follow::follow(&session, tail, may, reading, writing).await;
            }
            Err(error) => {
                let answer = format!("{}\n", told(Err(error)));
                // Who does not wait for the answer is gone.
                let _ = timeout(PATIENCE, writing.write_all(answer.as_bytes())).await;
            }
        }
    }

    fn caretaker(&self, uid: u32) -> Result<Caretaker, String> {
        let standing = self.ward.standing.load();
        Caretaker::of_uid(&standing, uid).map_err(|error| error.to_string())
    }

    async fn decide(&self, verb: Verb, about: About, uid: u32) -> Result<Value, String> {
        let named = Named {
            name: about.name,
            namespace: about.namespace,
        };
        let by = self.decider(&named, uid).await?;
        let decision = Decision {
            name: named.name,
            verb,
            by,
            reason: about.reason.unwrap_or_default(),
        };
        let (request, by) = (decision.name.clone(), decision.by.clone());
        let standing = self
            .requests
            .decide(decision)
            .await
            .map_err(|error| error.to_string())?;
        tracing::info!(request, by, decision = verb.fact(), "a request was decided");
        Ok(json!({ "state": word(&standing) }))
    }

    /// The name under which a user decides about a request.
    async fn decider(&self, about: &Named, uid: u32) -> Result<String, String> {
        self.known(uid)?;
        let connection = self.requests.connection(&about.name).await;
        let connection = connection
            .filter(|(its, _)| about.namespace.as_ref().is_none_or(|it| it == its))
            .ok_or_else(|| missing(&about.name))?;
        let standing = self.ward.standing.load();
        let by = standing.decider(&connection, uid).map(str::to_owned);
        by.ok_or_else(|| unmapped(uid))
    }

    fn known(&self, uid: u32) -> Result<String, String> {
        let standing = self.ward.standing.load();
        let known = standing.any_decider(uid).map(str::to_owned);
        known.ok_or_else(|| unmapped(uid))
    }
}

fn in_short(request: &Request) -> Value {
    json!({
        "namespace": request.namespace,
        "connection": request.connection,
        "name": request.name,
        "state": request.state,
        "approvals": request.approvals,
        "requester": request.requester,
        "summary": request.summary,
        "expiresAt": request.expires_at,
    })
}

fn whole(shown: &Shown) -> Value {
    let mut told = in_short(&shown.listed);
    if let Some(members) = told.as_object_mut() {
        members.insert("heldUntil".to_owned(), json!(shown.held_until));
        members.insert("spec".to_owned(), json!(shown.request.spec));
        members.insert("status".to_owned(), json!(shown.request.status));
    }
    told
}

fn missing(name: &str) -> String {
    format!("there is no request {name}")
}

fn parse(line: &[u8]) -> Result<Command, String> {
    serde_json::from_slice(line).map_err(|error| format!("this is no command: {error}"))
}

/// An open session, as the socket and the admin port tell it.
pub fn told_of(session: &Listed) -> Value {
    let started = session.started_at.duration_since(UNIX_EPOCH);
    json!({
        "session": session.id.to_string(),
        "subject": session.subject,
        "namespace": session.namespace,
        "connection": session.connection,
        "protocol": session.protocol,
        "startedAt": started.unwrap_or_default().as_secs(),
        "operations": session.operations,
        "client": session.client.to_string(),
    })
}

fn told(answer: Result<Value, String>) -> Value {
    match answer {
        Ok(mut value) => {
            if let Some(members) = value.as_object_mut() {
                members.insert("ok".to_owned(), json!(true));
            }
            value
        }
        Err(error) => json!({ "ok": false, "error": error }),
    }
}

fn unmapped(uid: u32) -> String {
    NoCaretaker::Nobody(uid).to_string()
}

fn word(standing: &crate::session::ports::Standing) -> &'static str {
    use crate::session::ports::Standing as Its;
    match standing {
        Its::Pending => "Pending",
        Its::Approved { .. } => "Approved",
        Its::Denied { .. } => "Denied",
        Its::Expired => "Expired",
        Its::Revoked { .. } => "Revoked",
        Its::Withdrawn => "Withdrawn",
        Its::Consumed => "Consumed",
    }
}
