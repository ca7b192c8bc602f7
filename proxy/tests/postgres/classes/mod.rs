//! Classes of statements, before a server on which the proxy's role may do everything: what is
//! denied has no effect and shows nothing, what is allowed answers and acts as it does without us.
//!
//! Each line of `cases.txt` is `allow` or `deny` and its queries, with ` ;; ` between them; each
//! is sent by both protocols. A heading names the class and the policy.

use std::net::SocketAddr;

use portcullis_policy::{
    Action, DefaultAction, Effect, Expression, Flag, Glob, Match, Policy, ResourcePattern, Rule,
};

use crate::bed::{policy, rule};
use crate::house::House;
use crate::wire::Client;

const CASES: &str = include_str!("cases.txt");
const SCHEMA: &str = include_str!("schema.sql");
const FINGERPRINT: &str = include_str!("fingerprint.sql");

/// What only a denied statement would show.
const SECRET: &str = "topsecret";

/// Several statements in one Parse are the server's own to refuse.
const MANY: &str = "E(42601: cannot insert multiple commands into a prepared statement)";

/// How a statement is sent.
#[derive(Debug, Clone, Copy)]
enum By {
    Query,
    Messages,
}

struct Class {
    house: House,
    database: String,
    direct: SocketAddr,
    /// The state before each case.
    before: String,
}

fn flags(name: &str, flags: &[Flag]) -> Rule {
    let matching = Match {
        flags: flags.to_vec(),
        ..Match::default()
    };
    Rule {
        matching,
        ..rule(name, &[], Action::Deny)
    }
}

fn policy_of(name: &str) -> Policy {
    let reads = rule("reads", &[Effect::Read, Effect::Session], Action::Allow);
    match name {
        "read-only" => policy(name, DefaultAction::Deny, vec![reads]),
        "no-ddl" => {
            let deny = rule("ddl", &[Effect::Define, Effect::Administer], Action::Deny);
            policy(name, DefaultAction::Allow, vec![deny])
        }
        "tables" => {
            let orders = Rule {
                matching: Match {
                    effects: vec![Effect::Read],
                    resources: vec![ResourcePattern::parse("table:public.orders").unwrap()],
                    ..Match::default()
                },
                ..rule("orders", &[], Action::Allow)
            };
            let sessions = rule("sessions", &[Effect::Session], Action::Allow);
            policy(name, DefaultAction::Deny, vec![orders, sessions, pure()])
        }
        "identity" => {
            let settings = [
                "role",
                "search_path",
                "row_security",
                "session_authorization",
            ];
            let globs = settings.map(|name| Glob::parse(name).unwrap()).to_vec();
            let setting = Rule {
                matching: Match {
                    attributes: [("setting".to_owned(), globs)].into(),
                    ..Match::default()
                },
                ..rule("settings", &[], Action::Deny)
            };
            let roles = flags("roles", &[Flag::RoleChange, Flag::PrivilegeChange]);
            policy(name, DefaultAction::Allow, vec![setting, roles])
        }
        "bounded" => {
            let deny = flags("bounded", &[Flag::Unbounded, Flag::ConstantWhere]);
            policy(name, DefaultAction::Allow, vec![deny])
        }
        "files" => {
            let denied = [
                Flag::ServerFile,
                Flag::ServerProgram,
                Flag::ServerCode,
                Flag::OutboundConnection,
            ];
            policy(name, DefaultAction::Allow, vec![flags("files", &denied)])
        }
        "hands-off" => {
            let hits = Rule {
                matching: Match {
                    effects: vec![Effect::Write],
                    resources: vec![ResourcePattern::parse("table:public.hits").unwrap()],
                    ..Match::default()
                },
                ..rule("hits", &[], Action::Deny)
            };
            policy(name, DefaultAction::Allow, vec![hits])
        }
        other => panic!("no policy {other}"),
    }
}

/// What touches nothing at all.
fn pure() -> Rule {
    let expression = Expression::compile("operation.accesses.size() == 0");
    Rule {
        matching: Match {
            effects: vec![Effect::Read],
            expression: Some(expression.unwrap()),
            ..Match::default()
        },
        ..rule("pure", &[], Action::Allow)
    }
}

// === impl Class ===

impl Class {
    async fn open(name: &str, policy: &str) -> Self {
        let server = crate::server::shared();
        let database = format!("class_{}", name.to_lowercase());
        server.sql("postgres", &format!("CREATE DATABASE {database}"));
        let house = House::open_on(&database, vec![policy_of(policy)]).await;
        let mut class = Self {
            direct: SocketAddr::from(([127, 0, 0, 1], server.port)),
            house,
            database,
            before: String::new(),
        };
        class.reset().await;
        class.before = class.state().await;
        class
    }

    async fn play(&self, address: SocketAddr, statement: &str, by: By) -> String {
        let mut script = Vec::new();
        for text in statement.split(" ;; ") {
            match by {
                By::Query => script.push(format!("Q {text}")),
                By::Messages => {
                    script.extend([
                        format!("P |{text}"),
                        "B ||".into(),
                        "DP".into(),
                        "E |0".into(),
                        "S".into(),
                    ]);
                }
            }
            script.push("= 1".into());
        }
        let script: Vec<&str> = script.iter().map(String::as_str).collect();
        Client::log_in_to(address, &self.database)
            .await
            .line(&script)
            .await
    }

    async fn state(&self) -> String {
        let state = self.play(self.direct, FINGERPRINT.trim(), By::Query).await;
        assert!(state.contains(" D("), "{state}");
        state
    }

    async fn reset(&self) {
        let done = self.play(self.direct, SCHEMA, By::Query).await;
        assert!(!done.contains("E("), "{done}");
    }

    async fn reset_from(&self, state: &str) {
        if state != self.before {
            self.reset().await;
        }
    }

    /// What is wrong with the verdict on a statement; none where it is as expected.
    async fn check(&self, verdict: &str, statement: &str, by: By) -> Option<String> {
        let proxy = self.house.address;
        if verdict == "deny" {
            let got = self.play(proxy, statement, by).await;
            let state = self.state().await;
            self.reset_from(&state).await;
            let refused = got.contains("E(42501: ") && !got.contains("E(25006: ");
            let many = matches!(by, By::Messages) && got.contains(MANY);
            let ok = (refused || many) && state == self.before && !got.contains(SECRET);
            return (!ok).then(|| format!("changed: {}, {got}", state != self.before));
        }
        let expected = self.play(self.direct, statement, by).await;
        let expected_state = self.state().await;
        self.reset_from(&expected_state).await;
        let got = self.play(proxy, statement, by).await;
        let state = self.state().await;
        self.reset_from(&state).await;
        let ok = got == expected && state == expected_state;
        (!ok).then(|| format!("server: {expected}\n  proxy:  {got}"))
    }
}

async fn class(wanted: &str) {
    let section = CASES
        .split("\n\n")
        .find(|section| section.starts_with(&format!("# {wanted} ")));
    let mut lines = section.unwrap().lines();
    let policy = lines.next().unwrap().rsplit(' ').next().unwrap();
    let class = Class::open(wanted, policy).await;
    let (mut wrong, mut count) = (Vec::new(), 0);
    for line in lines {
        let (verdict, text) = line.split_once(' ').unwrap();
        let text = unescaped(text);
        for by in [By::Query, By::Messages] {
            count += 1;
            if let Some(what) = class.check(verdict, &text, by).await {
                wrong.push(format!("{verdict} {by:?} {text}\n  {what}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn unescaped(text: &str) -> String {
    [
        ("\\n", "\n"),
        ("\\r", "\r"),
        ("\\f", "\x0c"),
        ("\\t", "\t"),
        ("\\\\", "\\"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[tokio::test(flavor = "multi_thread")]
async fn lex_class_holds() {
    class("LEX").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ro_class_holds() {
    class("RO").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ddl_class_holds() {
    class("DDL").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tab_class_holds() {
    class("TAB").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ident_class_holds() {
    class("IDENT").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn file_class_holds() {
    class("FILE").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_class_holds() {
    class("WHERE").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upkeep_class_holds() {
    class("UPKEEP").await;
}
