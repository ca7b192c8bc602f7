//! One client: logged in here, logged in there, and the relay between.

use std::sync::Arc;

use portcullis_dialect::postgres::wire::backend::Transaction;
use portcullis_dialect::postgres::wire::write;
use portcullis_policy::Class;

use super::analysis::{Analyser, SessionView};
use super::cancel::{self, CancelKey, Cancels, Heard};
use super::login::{self, LoggedIn, Purpose};
use super::refuse::{self, Report, Severity, code};
use super::relay::{Canceller, Joined, Relay};
use super::upstream::{ConnectFailed, Connected, Connector, Link, Login};
use crate::listen::Accepted;
use crate::session::denial::Denial;
use crate::session::gate::{Asked, Outcome, Ruling};
use crate::session::ports::Door;

/// AuthenticationOk.
const AUTHENTICATED: u32 = 0;

/// What the sessions of one Connection share.
#[derive(Debug)]
pub struct Postgres {
    connector: Arc<Connector>,
    analyser: Arc<Analyser>,
    cancels: Arc<Cancels>,
}

/// Why a session that was let in did not start.
enum NotJoined {
    Denied(Denial),
    NotConnected(ConnectFailed),
    Failed { code: String, message: String },
}

// === impl Postgres ===

impl Postgres {
    /// For the Connection of this door.
    pub fn new(door: &Door) -> Self {
        let connector = Arc::new(Connector::new());
        let target = door.target.clone();
        let current = Box::new(move || {
            let target = target.load();
            let credential = target.credential.as_ref();
            credential
                .map(|credential| (target.upstream.clone(), Arc::clone(credential)))
                .map_err(String::clone)
        });
        let target = door.target.clone();
        let reviews = Box::new(move || Arc::clone(&target.load().reviews));
        let analyser = Analyser::new(current, Arc::clone(&connector)).reviewing(reviews);
        Self {
            analyser: Arc::new(analyser),
            connector,
            cancels: Arc::default(),
        }
    }

    /// Serves one client until its end.
    pub async fn serve(&self, client: Accepted, door: Arc<Door>) {
        match login::log_in(client, &door).await {
            None => {}
            Some(Purpose::Cancel {
                mut stream,
                pid,
                key,
            }) => {
                let house = &door.house;
                if let Heard::PassOn(replica, packet) = self.cancels.hear(house.replica, pid, &key)
                {
                    cancel::pass_on(&house.peers.of(replica), &packet).await;
                }
                // The end of the connection says that the request was heard. Under TLS a client
                // takes one without a goodbye for a failure.
                login::last_words(&mut stream, &[]).await;
            }
            Some(Purpose::Session(logged_in)) => self.session(*logged_in, &door).await,
        }
    }

    async fn session(&self, mut client: LoggedIn, door: &Arc<Door>) {
        let joined = self.join(&mut client, door).await;
        let (connected, view, key) = match joined {
            Ok(joined) => joined,
            Err(not_joined) => {
                let mut out = Vec::new();
                match &not_joined {
                    NotJoined::Denied(denial) => refuse::denial(&mut out, Severity::Fatal, denial),
                    NotJoined::NotConnected(failed) => {
                        let (namespace, connection) = (&door.namespace, &door.name);
                        tracing::warn!(namespace, connection, %failed, "no session on the target");
                        let told = failed.told();
                        let report = Report::new(&told.sqlstate, &told.message);
                        refuse::error(&mut out, Severity::Fatal, report);
                    }
                    NotJoined::Failed { code, message } => {
                        refuse::error(&mut out, Severity::Fatal, Report::new(code, message));
                    }
                }
                login::last_words(&mut client.stream, &out).await;
                client.session.close("the session did not start");
                return;
            }
        };
        let first_words = first_words(&connected, &key);
        let cancel = self.canceller(door, &connected);
        let relay = Relay::new(Joined {
            client: client.stream,
            upstream: connected.stream,
            ahead: connected.ahead,
            session: client.session,
            analyser: Arc::clone(&self.analyser),
            view,
            key,
            cancel,
        });
        Box::pin(relay.run(&first_words)).await;
    }

    /// Logs in at the target, and has the client's settings judged.
    async fn join(
        &self,
        client: &mut LoggedIn,
        door: &Door,
    ) -> Result<(Connected, SessionView, CancelKey), NotJoined> {
        let key = self.cancels.register(door.house.replica, client.minor);
        let key = key.map_err(|none| NotJoined::Failed {
            code: code::TOO_MANY_CONNECTIONS.to_owned(),
            message: none.to_string(),
        })?;
        let target = door.target.load_full();
        let credential = target.credential.as_ref();
        let credential =
            credential.map_err(|reason| ConnectFailed::NoCredential(reason.clone()))?;
        let mut parameters: Vec<(&[u8], &[u8])> = client
            .settings
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .collect();
        // Behind the policy, the server itself refuses writes to whoever may only read.
        if client.session.may_only_read() {
            parameters.retain(|(name, _)| *name != READ_ONLY);
            parameters.push((READ_ONLY, b"on"));
        }
        let login = Login {
            database: &client.database,
            minor: client.minor,
            parameters: &parameters,
        };
        let connecting = self.connector.connect(&target.upstream, credential, &login);
        let mut connected = connecting.await?;
        let mut view = SessionView::new(
            &self.analyser,
            &target.upstream,
            &credential.username,
            &client.database,
            connected.server_version_num,
        );
        let mut link = Link {
            stream: &mut connected.stream,
            ahead: &mut connected.ahead,
        };
        let refreshed = view.refresh(&mut link, Transaction::Idle).await;
        let refreshed = refreshed.map_err(|failed| {
            tracing::warn!(%failed, "a new session could not be read");
            ConnectFailed::Closed
        })?;
        if let Some(still_void) = refreshed.still_void {
            tracing::warn!(%still_void, "what a session means is not known in full");
        }
        self.judge_settings(client, &mut view)
            .await
            .map_err(NotJoined::Denied)?;
        Ok((connected, view, key))
    }

    /// A setting at start-up is judged like the SET that it is.
    async fn judge_settings(
        &self,
        client: &mut LoggedIn,
        view: &mut SessionView,
    ) -> Result<(), Denial> {
        for (name, value) in &client.judged {
            let text = format!("SET {name} TO '{}'", value.replace('\'', "''"));
            let analysed = self.analyser.analyse(view, &text).await;
            let analysed = analysed.map_err(|refused| {
                let message =
                    format!("the start-up setting \"{name}\" cannot be judged: {refused}");
                Denial::new(Class::Unparsable, message, "Set it after login.")
            })?;
            let asked = Asked {
                told: &analysed.told,
                exact: text.as_bytes(),
                parameters: &[],
                meaning: &(),
                may_wait: false,
            };
            match client.session.judge(&asked).await {
                Ruling::Admitted(admitted) => {
                    admitted.forward().end(Outcome::Succeeded);
                    view.set_by(&analysed);
                }
                Ruling::Refused(denial) => return Err(denial),
                Ruling::Missing(missing) => return Err(missing.denial),
                Ruling::Held(hold) => {
                    hold.withdraw().await;
                    let message = format!("the start-up setting \"{name}\" needs approval");
                    let help = "Set it after login.";
                    return Err(Denial::new(Class::ApprovalRequired, message, help));
                }
            }
        }
        Ok(())
    }

    fn canceller(&self, door: &Arc<Door>, connected: &Connected) -> Canceller {
        let key = connected.backend_key.clone();
        let (door, connector) = (Arc::clone(door), Arc::clone(&self.connector));
        Box::new(move || {
            let (key, door, connector) = (key.clone(), Arc::clone(&door), Arc::clone(&connector));
            Box::pin(async move {
                let target = door.target.load_full();
                let (Some((pid, key)), Ok(credential)) = (key, &target.credential) else {
                    return;
                };
                let cancelled = connector
                    .cancel(&target.upstream, credential, pid, &key)
                    .await;
                if let Err(failed) = cancelled {
                    tracing::debug!(%failed, "the target was not asked to cancel");
                }
            })
        })
    }
}

/// The setting that pins whoever may only read.
const READ_ONLY: &[u8] = b"default_transaction_read_only";

/// What a client hears once it is in.
fn first_words(connected: &Connected, key: &CancelKey) -> Vec<u8> {
    let mut out = Vec::new();
    write::authentication(&mut out, AUTHENTICATED, &[]);
    for (name, value) in &connected.parameters {
        write::parameter_status(&mut out, name, value);
    }
    write::backend_key(&mut out, key.pid, &key.key);
    write::ready(&mut out, Transaction::Idle);
    out
}

impl From<ConnectFailed> for NotJoined {
    fn from(failed: ConnectFailed) -> Self {
        Self::NotConnected(failed)
    }
}
