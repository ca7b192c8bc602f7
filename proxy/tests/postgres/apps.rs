//! What object mappers, administration tools and platforms send on their own: answered as without
//! us under a policy that lets it pass, and refused by no mask.

use std::net::SocketAddr;

use portcullis_policy::mask::Predicates;

use crate::bed::open_policy;
use crate::client::{Client, Message, tags};
use crate::masking::Masked;
use crate::tools::{no_definitions, read_only};

const STATEMENTS: &str = include_str!("apps.txt");

/// Each with whether it writes or sets something.
fn statements() -> impl Iterator<Item = (&'static str, bool)> {
    let lines = STATEMENTS.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| match line.strip_prefix("w ") {
        Some(statement) => (statement, true),
        None => (line, false),
    })
}

async fn opened(address: SocketAddr, masked: &Masked) -> Client {
    let mut client = Client::open_at(address, &masked.schema).await;
    client.query("SET datestyle = iso").await;
    client
}

fn errors(messages: &[Message]) -> Vec<String> {
    let errors = messages.iter().filter(|(tag, _)| *tag == 'E');
    let text = |(_, body): &Message| String::from_utf8_lossy(body).replace('\0', " ");
    errors.map(text).collect()
}

/// In a transaction that is rolled back, unless it has its own or cannot be in one.
async fn tried(client: &mut Client, statement: &str) -> Vec<Message> {
    if statement.contains("DISCARD") || statement.starts_with("BEGIN") {
        return client.query(statement).await;
    }
    client.query("BEGIN").await;
    let told = client.query(statement).await;
    client.query("ROLLBACK").await;
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tools_send_is_answered_as_without_us() {
    let masked = Masked::open().await;
    masked.direct("CREATE TABLE notes (id serial PRIMARY KEY, body text)");
    let direct = SocketAddr::from(([127, 0, 0, 1], masked.house.server.port));
    let mut wrong = Vec::new();
    let mut server = opened(direct, &masked).await;
    let mut expected = Vec::new();
    for (statement, _) in statements() {
        let told = tried(&mut server, statement).await;
        assert_eq!(errors(&told), [""; 0], "{statement}");
        expected.push(told);
    }
    // What it locked is free again.
    server.query("SELECT pg_advisory_unlock_all()").await;
    for (policy, only_reads) in [
        (open_policy(), false),
        (no_definitions(), false),
        (read_only(), true),
    ] {
        let name = policy.name.clone();
        masked.house.edit(vec![policy]);
        let mut proxy = opened(masked.house.address, &masked).await;
        for ((statement, writes), expected) in statements().zip(&expected) {
            if only_reads && writes {
                continue;
            }
            let got = tried(&mut proxy, statement).await;
            if got != *expected {
                let shown = [expected, &got].map(|told| (tags(told), errors(told)));
                wrong.push(format!("{name:?}: {statement}\n  {shown:?}"));
            }
        }
        proxy.query("SELECT pg_advisory_unlock_all()").await;
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tools_send_is_refused_by_no_mask() {
    let masked = Masked::open().await;
    masked.direct("CREATE TABLE notes (id serial PRIMARY KEY, body text)");
    let mut wrong = Vec::new();
    for policy in [open_policy(), no_definitions()] {
        masked.mask(policy, Predicates::Equality);
        let mut proxy = opened(masked.house.address, &masked).await;
        for (statement, _) in statements() {
            let got = tried(&mut proxy, statement).await;
            if tags(&got).contains('E') {
                wrong.push(format!("{statement}\n  {:?}", errors(&got)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
