//! What object mappers, administration tools and platforms send on their own: answered as without
//! us under a policy that lets it pass, and refused by no mask.

use std::net::SocketAddr;

use portcullis_policy::mask::Predicates;

use crate::bed::open_policy;
use crate::client::{Client, Message, tags};
use crate::house::House;
use crate::masking::masks_of;
use crate::tools::{no_definitions, read_only};

const STATEMENTS: &str = include_str!("apps.txt");

/// What they look at, in a database that no other test uses.
const SCHEMA: &str = "
CREATE SCHEMA apps;
SET search_path = apps;
CREATE TABLE people (id int PRIMARY KEY, name text, ssn text UNIQUE, pin int DEFAULT 7);
INSERT INTO people VALUES (1, 'ann', 'canary-1', 5), (2, 'bob', 'canary-2', NULL);
CREATE INDEX ON people (upper(name)) WHERE pin IS NOT NULL;
COMMENT ON TABLE people IS 'people';
COMMENT ON COLUMN people.ssn IS 'a number';
CREATE TABLE orders (id int PRIMARY KEY, person int REFERENCES people, note text CHECK (note <> ''));
INSERT INTO orders VALUES (1, 1, 'x'), (2, 2, 'y');
CREATE TABLE notes (id serial PRIMARY KEY, body text);
CREATE TYPE mood AS ENUM ('low', 'high');
CREATE DOMAIN even AS int CHECK (VALUE % 2 = 0);
CREATE TABLE parts (id int, m mood, e even) PARTITION BY LIST (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE FUNCTION orders_of(int) RETURNS bigint LANGUAGE sql STABLE
    AS 'SELECT count(*) FROM orders WHERE person = $1';
CREATE VIEW people_counted AS SELECT id, orders_of(id) AS n FROM people;
CREATE MATERIALIZED VIEW names AS SELECT name FROM people;
";

/// Each with whether it writes or sets something.
fn statements() -> impl Iterator<Item = (&'static str, bool)> {
    let lines = STATEMENTS.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| match line.strip_prefix("w ") {
        Some(statement) => (statement, true),
        None => (line, false),
    })
}

async fn house(database: &str) -> House {
    let house = House::open_on(database, vec![open_policy()]).await;
    let made = format!("CREATE DATABASE {database}");
    house.server.sql("postgres", &made);
    house.server.sql(database, SCHEMA);
    house
}

async fn opened(address: SocketAddr, database: &str) -> Client {
    let mut client = Client::open_at(address, database, "apps").await;
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
    let house = house("apps").await;
    let direct = SocketAddr::from(([127, 0, 0, 1], house.server.port));
    let mut wrong = Vec::new();
    let mut server = opened(direct, "apps").await;
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
        house.edit(vec![policy]);
        let mut proxy = opened(house.address, "apps").await;
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
    let house = house("apps_masked").await;
    let masked = ["apps.people.ssn", "apps.people.pin"].map(str::to_owned);
    let mut wrong = Vec::new();
    for policy in [open_policy(), no_definitions()] {
        let rule = masks_of(&masked, Predicates::Equality);
        house.edit_masked(vec![policy], vec![rule]);
        let mut proxy = opened(house.address, "apps_masked").await;
        for (statement, _) in statements() {
            let got = tried(&mut proxy, statement).await;
            if tags(&got).contains('E') {
                wrong.push(format!("{statement}\n  {:?}", errors(&got)));
            }
        }
        let canary = |window: &[u8]| window == b"canary";
        assert!(!proxy.heard.windows(6).any(canary));
        proxy.query("SELECT pg_advisory_unlock_all()").await;
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
