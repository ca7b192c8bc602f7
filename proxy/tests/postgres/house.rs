//! The proxy before a real server, on a port of its own.

use std::net::SocketAddr;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use portcullis_policy::mask::MaskRule;
use portcullis_policy::{Limits, OnExceed, Policy, SizeLimit};
use portcullis_proxy::identity::config::ApiKey;
use portcullis_proxy::listen::{Accepted, LoginSlot};
use portcullis_proxy::protocol;
use portcullis_proxy::session::ports::{Credential, TlsMode, Upstream};
use tokio::net::TcpListener;

use crate::bed::{Bed, Terms, key, open_policy};
use crate::server::Server;

/// The key that clients log in with.
pub(crate) const PASSWORD: &str = "pck_test_key_of_an_agent";

pub(crate) struct House {
    pub(crate) bed: Bed,
    pub(crate) server: Arc<Server>,
    pub(crate) address: SocketAddr,
    database: String,
}

/// Allows everything, and no more rows in a reply.
pub(crate) fn rows(max: u64, on_exceed: OnExceed) -> Policy {
    let limits = Limits {
        rows: Some(SizeLimit { max, on_exceed }),
        ..Limits::default()
    };
    Policy {
        limits,
        ..open_policy()
    }
}

/// What holds where a test says nothing else: everything passes, for whoever has the key.
pub(crate) fn terms() -> Terms {
    Terms {
        keys: vec![ApiKey {
            sha256: sha256(PASSWORD),
            ..key()
        }],
        ..Terms::default()
    }
}

impl House {
    pub(crate) async fn open(policies: Vec<Policy>) -> Self {
        Self::start("postgres", policies, Vec::new()).await
    }

    /// On another database of the server.
    pub(crate) async fn open_on(database: &str, policies: Vec<Policy>) -> Self {
        Self::start(database, policies, Vec::new()).await
    }

    /// With rules that mask.
    pub(crate) async fn masked(policies: Vec<Policy>, masks: Vec<MaskRule>) -> Self {
        Self::start("postgres", policies, masks).await
    }

    async fn start(database: &str, policies: Vec<Policy>, masks: Vec<MaskRule>) -> Self {
        let server = crate::server::shared();
        let bed = Bed::new(Terms::default());
        let house = Self {
            bed,
            server,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            database: database.to_owned(),
        };
        house.edit_masked(policies, masks);
        house.listen().await
    }

    /// From now on these policies hold, and no masks.
    pub(crate) fn edit(&self, policies: Vec<Policy>) {
        self.edit_masked(policies, Vec::new());
    }

    pub(crate) fn edit_masked(&self, policies: Vec<Policy>, masks: Vec<MaskRule>) {
        self.edit_terms(Terms {
            policies,
            masks,
            ..terms()
        });
    }

    /// All of a Connection but its target, which is the server.
    pub(crate) fn edit_terms(&self, terms: Terms) {
        let mut target = terms.target();
        target.upstream = Upstream {
            host: "127.0.0.1".into(),
            port: self.server.port,
            database: self.database.clone(),
            databases: Vec::new(),
            tls: TlsMode::Disable,
            ca: None,
            server_name: None,
        };
        target.credential = Ok(Arc::new(Credential {
            username: "trusted".into(),
            ..Credential::default()
        }));
        self.bed.door.target.store(target);
    }

    async fn listen(self) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let door = Arc::clone(&self.bed.door);
        let serve = protocol::serve("PostgreSQL", &door).unwrap();
        tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let client = Accepted {
                    stream,
                    peer,
                    tls: None,
                    plaintext_allowed: true,
                    login: LoginSlot::uncounted(Duration::from_secs(20)),
                };
                tokio::spawn(serve(client, Arc::clone(&door)));
            }
        });
        Self { address, ..self }
    }

    /// What psql makes of a script; each line is a statement or a command of psql.
    pub(crate) async fn psql(&self, script: &str) -> (String, String) {
        self.psql_with(script, &[]).await
    }

    pub(crate) async fn psql_with(&self, script: &str, more: &[(&str, &str)]) -> (String, String) {
        let mut command = Command::new("psql");
        command
            .args([
                "-X",
                "-A",
                "-t",
                "-q",
                "-d",
                "postgres",
                "-U",
                "anybody",
                "-h",
                "127.0.0.1",
            ])
            .args([
                "-p",
                &self.address.port().to_string(),
                "-v",
                "VERBOSITY=verbose",
            ])
            .args(["-f", "-"])
            .env("PGPASSWORD", PASSWORD)
            .env("PGSSLMODE", "prefer")
            .env("PGCONNECT_TIMEOUT", "20")
            .envs(more.iter().copied())
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let script = script.to_owned();
        let ran = tokio::task::spawn_blocking(move || -> Output {
            use std::io::Write;
            let mut child = command.spawn().unwrap();
            let mut input = child.stdin.take().unwrap();
            input.write_all(script.as_bytes()).unwrap();
            drop(input);
            child.wait_with_output().unwrap()
        });
        let output = tokio::time::timeout(Duration::from_secs(60), ran);
        let output = output.await.expect("psql ends").unwrap();
        (text(&output.stdout), text(&output.stderr))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

pub(crate) fn sha256(text: &str) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().try_into().unwrap()
}
