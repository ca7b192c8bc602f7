use std::sync::Arc;

use portcullis_dialect::postgres::wire::backend::Transaction;
use portcullis_dialect::sql::settings::Tracked;
use portcullis_policy::{Effect, Resource};
use portcullis_proxy::protocol::postgres::analysis::{Analyser, Outcome, SessionView};
use portcullis_proxy::protocol::postgres::upstream::{Connected, Connector, Link, Login};
use portcullis_proxy::session::ports::TlsMode;

use crate::login::{credential, upstream, value};
use crate::server::{Server, shared};

struct Session {
    connected: Connected,
    view: SessionView,
    analyser: Arc<Analyser>,
    now: Transaction,
}

async fn session(server: &Server, database: &str) -> Session {
    let mut to = upstream(server, TlsMode::Disable);
    to.database = database.to_owned();
    let with = Arc::new(credential("trusted", None));
    let connector = Arc::new(Connector::new());
    let login = Login {
        database,
        minor: 0,
        parameters: &[],
    };
    let connected = connector.connect(&to, &with, &login).await.unwrap();
    let version = connected.server_version_num;
    let reach = (to.clone(), with);
    let analyser = Arc::new(Analyser::new(
        Box::new(move || Ok(reach.clone())),
        connector,
    ));
    let view = SessionView::new(&analyser, &to, "trusted", database, version);
    Session {
        connected,
        view,
        analyser,
        now: Transaction::Idle,
    }
}

impl Session {
    async fn refresh(&mut self) {
        let mut link = Link {
            stream: &mut self.connected.stream,
            ahead: &mut self.connected.ahead,
        };
        let refreshed = self.view.refresh(&mut link, self.now).await.unwrap();
        assert_eq!(refreshed.still_void, None);
        assert!(refreshed.aside.is_empty());
        assert!(!self.view.needs_refresh(self.now));
    }

    /// The tables that a text reaches, and its effect.
    async fn reaches(&mut self, text: &str) -> (Effect, Vec<String>) {
        if self.view.needs_refresh(self.now) {
            self.refresh().await;
        }
        let analysed = self.analyser.analyse(&self.view, text).await.unwrap();
        let operation = &analysed.told.operation;
        let mut reached: Vec<_> = operation
            .accesses
            .iter()
            .map(|access| match &access.resource {
                Resource::Named { segments, .. } => segments.join("."),
                Resource::Unresolved { kind } => format!("{kind:?}?"),
            })
            .collect();
        reached.sort();
        (operation.effect, reached)
    }

    /// Runs a text as a client would have it run.
    async fn run(&mut self, text: &str, now: Transaction) {
        if self.view.needs_refresh(self.now) {
            self.refresh().await;
        }
        let analysed = self.analyser.analyse(&self.view, text).await.unwrap();
        value(&mut self.connected, text).await;
        self.now = now;
        self.view.after(&analysed, Outcome::Succeeded, now);
    }
}

const SCHEMA: &str = "CREATE TABLE a (id int); CREATE TABLE b (id int); \
                      CREATE VIEW v AS SELECT id FROM a;";

#[tokio::test]
async fn uncommitted_ddl_is_seen_by_its_own_session_and_leaves_no_residue() {
    let server = shared();
    server.sql("postgres", "CREATE DATABASE uncommitted");
    server.sql("uncommitted", SCHEMA);
    let mut session = session(&server, "uncommitted").await;
    let (effect, through_a) = session.reaches("SELECT * FROM v").await;
    assert_eq!(effect, Effect::Read);
    assert_eq!(through_a, ["public.a", "public.v"]);

    session
        .run("SET search_path = public", Transaction::Idle)
        .await;
    session.run("BEGIN", Transaction::Open).await;
    session
        .run(
            "CREATE OR REPLACE VIEW v AS SELECT id FROM b",
            Transaction::Open,
        )
        .await;
    let (_, through_b) = session.reaches("SELECT * FROM v").await;
    assert_eq!(through_b, ["public.b", "public.v"]);
    let path = value(&mut session.connected, "SHOW search_path").await;
    assert_eq!(path, "public");
    let timeout = value(&mut session.connected, "SHOW statement_timeout").await;
    assert_eq!(timeout, "0");

    session.run("ROLLBACK", Transaction::Idle).await;
    let (_, back) = session.reaches("SELECT * FROM v").await;
    assert_eq!(back, ["public.a", "public.v"]);
    let left = "SELECT count(*) FROM pg_prepared_statements WHERE name <> '_portcullis'";
    assert_eq!(value(&mut session.connected, left).await, "0");
}

#[tokio::test]
async fn committed_ddl_is_in_the_shared_catalogue() {
    let server = shared();
    server.sql("postgres", "CREATE DATABASE committed");
    server.sql("committed", SCHEMA);
    let mut session = session(&server, "committed").await;
    session.reaches("SELECT 1").await;
    session
        .run(
            "CREATE OR REPLACE VIEW v AS SELECT id FROM b",
            Transaction::Idle,
        )
        .await;
    let (_, reached) = session.reaches("SELECT * FROM v").await;
    assert_eq!(reached, ["public.b", "public.v"]);
}

#[tokio::test]
async fn settings_are_read_from_the_session_itself() {
    let server = shared();
    let mut session = session(&server, "postgres").await;
    value(
        &mut session.connected,
        "SET search_path = \"Odd, One\", public",
    )
    .await;
    value(&mut session.connected, "SET ROLE scram").await;
    session.refresh().await;
    let settings = session.view.settings();
    let path = vec!["Odd, One".to_owned(), "public".to_owned()];
    assert_eq!(settings.search_path, Tracked::Known(path));
    assert_eq!(settings.role, Tracked::Known("scram".to_owned()));
    assert_eq!(
        settings.session_authorization,
        Tracked::Known("trusted".to_owned())
    );
    assert_eq!(
        value(&mut session.connected, "SELECT current_user").await,
        "scram"
    );
}
