mod answers;
mod bounds;
mod refusals;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::*;
use crate::operation::{Access, Effect, Flag, Operation, Resource, ResourceKind};
use crate::snapshot::ConnectionFacts;
use crate::subject::Subject;

/// Saturday, 31 January 2026, 23:30:00 UTC.
const NOW: u64 = 1_769_902_200;

fn table(effect: Effect, name: &str) -> Access {
    let segments = name.split('.').map(str::to_owned).collect();
    Access {
        effect,
        resource: Resource::Named {
            kind: ResourceKind::Table,
            segments,
        },
    }
}

fn operation() -> Operation {
    Operation {
        effect: Effect::Write,
        verb: "UPDATE".to_owned(),
        flags: BTreeSet::from([Flag::Unbounded]),
        attributes: Arc::new(BTreeMap::from([(
            "setting".to_owned(),
            vec!["search_path".to_owned()],
        )])),
        text: "UPDATE orders SET héllo = 1".to_owned(),
        accesses: Arc::new(BTreeSet::from([
            table(Effect::Read, "public.customers"),
            table(Effect::Write, "public.orders"),
        ])),
    }
}

fn subject() -> Subject {
    let claims = serde_json::json!({
        "team": "billing", "level": 3, "ratio": 2.0, "half": 0.5, "admin": false,
        "org": {"unit": "eu", "tags": ["a", "b"]}, "list": [1, 2, 3], "nothing": null,
    });
    Subject {
        username: "oidc:alice".to_owned(),
        groups: vec!["developers".to_owned(), "billing".to_owned()],
        issuer: "https://idp.example".to_owned(),
        claims: claims.as_object().unwrap().clone(),
        actor: None,
        owner: None,
        is_workload: false,
    }
}

fn connection() -> ConnectionFacts {
    ConnectionFacts {
        namespace: "prod".to_owned(),
        name: "orders-db".to_owned(),
        uid: "u".to_owned(),
        labels: BTreeMap::from([("app.kubernetes.io/name".to_owned(), "orders".to_owned())]),
        protocol: "postgres".to_owned(),
        database: Some("orders".to_owned()),
    }
}

fn session() -> SessionFacts {
    SessionFacts {
        id: "s-1".to_owned(),
        client_address: "10.1.2.3".to_owned(),
        started_at: SystemTime::UNIX_EPOCH + Duration::from_secs(NOW - 3600),
    }
}

fn compiled(source: &str) -> Expression {
    Expression::compile(source).unwrap_or_else(|error| panic!("{source}: {error}"))
}

fn ask_with(source: &str, subject: &Subject, operation: &Operation) -> Result<bool, String> {
    let expression = compiled(source);
    let (connection, session) = (connection(), session());
    let environment = Environment::new([&expression]);
    let facts = Facts {
        subject,
        connection: &connection,
        session: &session,
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(NOW),
        operation: Some(operation),
    };
    environment.evaluate(facts).ask(&expression)
}

fn ask(source: &str) -> Result<bool, String> {
    ask_with(source, &subject(), &operation())
}

fn refusal(source: &str) -> String {
    match Expression::compile(source) {
        Ok(_) => panic!("`{source}` was not refused"),
        Err(error) => error.to_string(),
    }
}
