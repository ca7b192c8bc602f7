//! Sessions in other encodings than UTF-8: the same bytes are other names there, and what a rule
//! says of a name holds for whatever bytes stand for it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use portcullis_dialect::postgres::wire::write;
use portcullis_policy::mask::{ColumnPattern, DdlRule, MaskRule, Predicates, Transform};
use portcullis_policy::matcher::ResourcePattern;
use portcullis_policy::{Action, DefaultAction, Effect, Match, ObjectName, Origin, Policy, Rule};

use crate::bed::{open_policy, policy, rule};
use crate::house::{House, PASSWORD};
use crate::wire::Client;

/// `sécret` is denied; `sÃ©cret` is what its UTF-8 bytes spell in LATIN1, and is not.
const TABLES: &str = "
CREATE SCHEMA {s};
CREATE TABLE {s}.\"sécret\" (a text);
INSERT INTO {s}.\"sécret\" VALUES ('canary');
CREATE TABLE {s}.\"sÃ©cret\" (a text);
INSERT INTO {s}.\"sÃ©cret\" VALUES ('open');
CREATE TABLE {s}.\"café\" (\"prénom\" text, note text);
INSERT INTO {s}.\"café\" VALUES ('Zoé Müller', 'zoé@example.com'), ('Ann', 'é');
";

fn schema() -> String {
    static SCHEMAS: AtomicU32 = AtomicU32::new(0);
    format!("enc{}", SCHEMAS.fetch_add(1, Ordering::SeqCst))
}

fn no_secrets() -> Policy {
    no_table("sécret")
}

fn no_table(name: &str) -> Policy {
    let deny = Rule {
        matching: Match {
            resources: vec![ResourcePattern::parse(&format!("table:*.{name}")).unwrap()],
            ..Match::default()
        },
        ..rule("no-secrets", &[] as &[Effect], Action::Deny)
    };
    policy("secrets", DefaultAction::Allow, vec![deny])
}

struct Session(Client);

/// What came of one batch: the values of rows, and the SQLSTATE of an error.
#[derive(Debug, PartialEq)]
struct Told {
    values: Vec<Vec<u8>>,
    error: Option<String>,
}

impl Session {
    async fn open(address: SocketAddr, database: &str, more: &[(&str, &str)]) -> Self {
        let mut client = Client::connect(address).await;
        let more = [&[("database", database)], more].concat();
        client.start("trusted", PASSWORD, &more).await;
        Self(client)
    }

    async fn send(&mut self, bytes: &[u8]) -> Told {
        self.0.send(bytes).await;
        let mut told = Told {
            values: Vec::new(),
            error: None,
        };
        loop {
            let (tag, body) = self.0.next().await.unwrap();
            match tag {
                b'D' => told.values.extend(values(&body)),
                b'd' => told.values.push(body.to_vec()),
                b'E' => {
                    let mut fields = body.split(|byte| *byte == 0);
                    let code = fields.find(|field| field.first() == Some(&b'C')).unwrap();
                    told.error = Some(String::from_utf8_lossy(&code[1..]).into_owned());
                }
                b'Z' => return told,
                _ => {}
            }
        }
    }

    async fn query(&mut self, text: &[u8]) -> Told {
        let mut out = Vec::new();
        write::query(&mut out, text);
        self.send(&out).await
    }

    /// Its values, where it goes well.
    async fn rows(&mut self, text: &[u8]) -> Vec<Vec<u8>> {
        let told = self.query(text).await;
        assert_eq!(told.error, None, "{}", String::from_utf8_lossy(text));
        told.values
    }

    /// Its SQLSTATE, where it does not.
    async fn error(&mut self, text: &[u8]) -> String {
        let told = self.query(text).await;
        assert_eq!(told.values, [b""; 0], "{}", String::from_utf8_lossy(text));
        told.error.expect("an error")
    }
}

fn values(mut row: &[u8]) -> Vec<Vec<u8>> {
    let count = u16::from_be_bytes([row[0], row[1]]);
    row = &row[2..];
    let mut values = Vec::new();
    for _ in 0..count {
        let length = i32::from_be_bytes(row[..4].try_into().unwrap());
        row = &row[4..];
        let (value, rest) = row.split_at(length.max(0).try_into().unwrap());
        values.push(value.to_vec());
        row = rest;
    }
    values
}

fn parse(out: &mut Vec<u8>, name: &[u8], text: &[u8]) {
    write::parse(out, name, text);
}

fn bind(out: &mut Vec<u8>, statement: &[u8], parameter: Option<&[u8]>) {
    write::message(out, b'B', |out| {
        write::string(out, b"");
        write::string(out, statement);
        out.extend_from_slice(&[0, 0, 0, u8::from(parameter.is_some())]);
        if let Some(value) = parameter {
            out.extend_from_slice(&u32::try_from(value.len()).unwrap().to_be_bytes());
            out.extend_from_slice(value);
        }
        out.extend_from_slice(&[0, 0]);
    });
    write::message(out, b'E', |out| out.extend_from_slice(&[0; 5]));
    write::sync(out);
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(c).unwrap()).collect()
}

/// The same text, in LATIN1, with the schema in it.
fn told(text: &str, schema: &str) -> Vec<u8> {
    latin1(&text.replace("{s}", schema))
}

async fn bed(database: &str) -> (House, String) {
    let house = House::open_on(database, vec![no_secrets()]).await;
    let schema = schema();
    house
        .server
        .sql("postgres", &TABLES.replace("{s}", &schema));
    (house, schema)
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_single_byte_sessions_are_read_as_the_server_reads_them() {
    let (house, s) = bed("postgres").await;
    for more in [
        ("client_encoding", "LATIN1"),
        ("client_encoding", "iso_8859-1"),
        ("client_encoding", "WIN1252"),
        ("options", "-c client_encoding=latin9"),
    ] {
        let mut session = Session::open(house.address, "postgres", &[more]).await;
        let text = told(
            "SELECT prénom FROM {s}.café WHERE note = 'é' OR note LIKE 'zoé%'",
            &s,
        );
        let expected = [latin1("Zoé Müller"), latin1("Ann")];
        assert_eq!(session.rows(&text).await, expected, "{more:?}");
        let mut out = Vec::new();
        parse(
            &mut out,
            b"",
            &told("SELECT \"prénom\" FROM {s}.\"café\" WHERE note = $1", &s),
        );
        bind(&mut out, b"", Some(b"\xe9"));
        let answer = session.send(&out).await;
        assert_eq!((answer.values, answer.error), (vec![b"Ann".to_vec()], None));
        assert_eq!(session.error(&told("TABLE {s}.sécret", &s)).await, "42501");
        assert_eq!(
            session
                .error(&told("TABLE {s}.U&\"s\\00e9cret\"", &s))
                .await,
            "42501"
        );
        assert_eq!(
            session.rows(&told("TABLE {s}.\"sÃ©cret\"", &s)).await,
            [b"open"]
        );
    }
    let parameters: Vec<_> = house
        .bed
        .operations()
        .into_iter()
        .filter_map(|one| one.attributes.get("parameters").cloned())
        .collect();
    assert!(
        parameters.iter().any(|p| format!("{p:?}").contains('é')),
        "{parameters:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_encoding_of_this_moment_counts() {
    let (house, s) = bed("postgres").await;
    let mut session = Session::open(house.address, "postgres", &[]).await;
    let utf8 = format!("TABLE {s}.\"sécret\"").into_bytes();
    let as_latin1 = latin1(&format!("TABLE {s}.\"sécret\""));
    assert_eq!(session.error(&utf8).await, "42501");
    assert_eq!(session.error(&as_latin1).await, "42601");
    // The whole of a message is in the encoding that it began in.
    let both = [b"SET client_encoding = LATIN1; ", utf8.as_slice()].concat();
    assert_eq!(session.error(&both).await, "42501");
    session.rows(b"BEGIN; SET client_encoding = LATIN1").await;
    assert_eq!(session.rows(&utf8).await, [b"open"]);
    assert_eq!(session.error(&as_latin1).await, "42501");
    session.rows(b"ROLLBACK").await;
    assert_eq!(session.error(&utf8).await, "42501");
    session
        .rows(b"BEGIN; SAVEPOINT s; SET LOCAL client_encoding = LATIN1")
        .await;
    assert_eq!(session.rows(&utf8).await, [b"open"]);
    session.rows(b"ROLLBACK TO s").await;
    assert_eq!(session.error(&utf8).await, "42501");
    session.rows(b"COMMIT").await;
    session
        .rows(b"SELECT set_config('client_encoding', 'LATIN1', false)")
        .await;
    assert_eq!(session.rows(&utf8).await, [b"open"]);
    session.rows(b"RESET client_encoding").await;
    assert_eq!(session.error(&utf8).await, "42501");
    // What was prepared is what it was then.
    session.rows(b"SET NAMES 'LATIN1'").await;
    let mut out = Vec::new();
    parse(&mut out, b"p", &utf8);
    write::sync(&mut out);
    assert_eq!(session.send(&out).await.error, None);
    session
        .rows(&[b"PREPARE q AS ", utf8.as_slice()].concat())
        .await;
    session.rows(b"SET NAMES 'UTF8'").await;
    let mut out = Vec::new();
    bind(&mut out, b"p", None);
    assert_eq!(session.send(&out).await.values, [b"open"]);
    assert_eq!(session.rows(b"EXECUTE q").await, [b"open"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_marks_elsewhere_are_letters() {
    let (house, s) = bed("postgres").await;
    let mut session = Session::open(house.address, "postgres", &[]).await;
    // A typographic quote ends no literal, and 0x5c behind a letter is a backslash.
    session.rows(b"SET client_encoding = WIN1252").await;
    let text = format!("SELECT '\u{92}; DROP SCHEMA {s} CASCADE; --\u{94}'");
    let expected = latin1(&format!("\u{92}; DROP SCHEMA {s} CASCADE; --\u{94}"));
    assert_eq!(session.rows(&latin1(&text)).await, [expected]);
    assert_eq!(
        session.rows(b"SELECT '\x95\x5c', 1").await,
        [&b"\x95\\"[..], b"1"]
    );
    assert_eq!(
        session
            .error(&[b"SELECT '\x95\\'; ", &told("TABLE {s}.sécret --'", &s)[..]].concat())
            .await,
        "42501"
    );
    assert_eq!(session.error(b"SELECT '\x81'").await, "42601");
    // Where a letter may end in a quote or a backslash, nothing beyond ASCII is read.
    for encoding in ["SJIS", "BIG5", "GBK", "UHC", "GB18030", "JOHAB", "EUC_JP"] {
        session
            .rows(format!("SET client_encoding = {encoding}").as_bytes())
            .await;
        assert_eq!(
            session.error(b"SELECT '\x95\x5c'").await,
            "0A000",
            "{encoding}"
        );
        assert_eq!(session.rows(b"SELECT 1").await, [b"1"], "{encoding}");
    }
    session.rows(b"SET client_encoding = SQL_ASCII").await;
    assert_eq!(
        session.error(format!("TABLE {s}.sécret").as_bytes()).await,
        "42501"
    );
    assert_eq!(session.error(&told("TABLE {s}.sécret", &s)).await, "42601");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_statements_are_not_taken_for_others() {
    let (house, s) = bed("postgres").await;
    let mut session = Session::open(house.address, "postgres", &[]).await;
    let name = "é".as_bytes();
    let mut out = Vec::new();
    parse(&mut out, name, b"SELECT 1");
    bind(&mut out, name, None);
    assert_eq!(session.send(&out).await.values, [b"1"]);
    session.rows(b"SET client_encoding = LATIN1").await;
    for name in [name, b"\xe9"] {
        let mut out = Vec::new();
        parse(&mut out, name, format!("TABLE {s}.café").as_bytes());
        write::sync(&mut out);
        assert_eq!(session.send(&out).await.error.as_deref(), Some("0A000"));
        let mut out = Vec::new();
        bind(&mut out, name, None);
        assert_eq!(session.send(&out).await.error.as_deref(), Some("0A000"));
    }
    // SQL tells them by what they are.
    assert_eq!(session.rows(b"EXECUTE \"\xe9\"").await, [b"1"]);
    session.rows(b"SET client_encoding = UTF8").await;
    let mut out = Vec::new();
    bind(&mut out, name, None);
    assert_eq!(session.send(&out).await.values, [b"1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_this_session_alone_sees_is_read_whatever_it_cannot_spell() {
    let (house, s) = bed("postgres").await;
    let greek = format!("CREATE TABLE {s}.\"αβγ\" (a int)");
    house.server.sql("postgres", &greek);
    let mut session =
        Session::open(house.address, "postgres", &[("client_encoding", "LATIN1")]).await;
    session
        .rows(&told("CREATE TEMP TABLE mémo AS SELECT 'ü' AS clé", &s))
        .await;
    assert_eq!(session.rows(b"SHOW client_encoding").await, [b"LATIN1"]);
    assert_eq!(
        session.rows(&latin1("SELECT clé FROM mémo")).await,
        [b"\xfc"]
    );
    session.rows(b"BEGIN").await;
    session
        .rows(&told("CREATE VIEW {s}.lué AS TABLE {s}.café", &s))
        .await;
    let seen = session.rows(&told("SELECT prénom FROM {s}.lué", &s)).await;
    assert_eq!(seen.len(), 2);
    let denied = told("SELECT * FROM {s}.lué, {s}.sécret", &s);
    assert_eq!(session.error(&denied).await, "42501");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_latin1_is_read_in_its_own_encoding() {
    let server = crate::server::shared();
    let make =
        "CREATE DATABASE one_byte ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0";
    server.sql("postgres", make);
    let s = schema();
    // The message itself is in the encoding of the session.
    let address = SocketAddr::from(([127, 0, 0, 1], server.port));
    let utf8 = [("client_encoding", "UTF8")];
    let mut there = Session::open(address, "one_byte", &utf8).await;
    there.rows(TABLES.replace("{s}", &s).as_bytes()).await;
    let house = House::open_on("one_byte", vec![no_secrets()]).await;
    // The client that says nothing has the encoding of the database.
    let mut session = Session::open(house.address, "one_byte", &[]).await;
    assert_eq!(session.rows(b"SHOW client_encoding").await, [b"LATIN1"]);
    let text = told("SELECT prénom FROM {s}.café WHERE note = 'é'", &s);
    assert_eq!(session.rows(&text).await, [b"Ann"]);
    assert_eq!(session.error(&told("TABLE {s}.sécret", &s)).await, "42501");
    assert_eq!(
        session.rows(&told("TABLE {s}.\"sÃ©cret\"", &s)).await,
        [b"open"]
    );
    // Its locale may fold these letters, and it cuts names by its own bytes.
    assert_eq!(session.error(&told("TABLE {s}.sÉcret", &s)).await, "0A000");
    let long = latin1(&format!("SELECT 1 AS {}", "é".repeat(40)));
    assert_eq!(session.error(&long).await, "0A000");
    assert_eq!(session.rows(b"SELECT '\xc9'").await, [b"\xc9"]);
    session.rows(b"SET client_encoding = SQL_ASCII").await;
    assert_eq!(session.error(&told("TABLE {s}.sécret", &s)).await, "42501");
    session.rows(b"SET client_encoding = UTF8").await;
    assert_eq!(
        session.error(format!("TABLE {s}.sécret").as_bytes()).await,
        "42501"
    );
    server.sql("postgres", "DROP DATABASE one_byte WITH (FORCE)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_an_encoding_that_is_not_read_is_read_in_utf8() {
    let server = crate::server::shared();
    let make =
        "CREATE DATABASE euc_jp ENCODING 'EUC_JP' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0";
    server.sql("postgres", make);
    let utf8 = [("client_encoding", "UTF8")];
    let address = SocketAddr::from(([127, 0, 0, 1], server.port));
    let mut there = Session::open(address, "euc_jp", &utf8).await;
    let tables =
        "CREATE TABLE 秘密 AS SELECT 'canary' AS a; CREATE TABLE 公開 AS SELECT '値' AS 列";
    there.rows(tables.as_bytes()).await;
    let house = House::open_on("euc_jp", vec![no_table("秘密")]).await;
    let mut session = Session::open(house.address, "euc_jp", &utf8).await;
    assert_eq!(session.rows(b"SHOW server_encoding").await, [b"EUC_JP"]);
    let found = session.rows("SELECT 列 FROM 公開 WHERE 列 = '値'".as_bytes());
    assert_eq!(found.await, ["値".as_bytes()]);
    for text in ["TABLE 秘密", "SELECT 1 FROM 公開, \"秘密\""] {
        assert_eq!(session.error(text.as_bytes()).await, "42501", "{text}");
    }
    let mut out = Vec::new();
    parse(
        &mut out,
        b"",
        "SELECT 列 FROM 公開 WHERE 列 = $1".as_bytes(),
    );
    bind(&mut out, b"", Some("値".as_bytes()));
    assert_eq!(session.send(&out).await.values, ["値".as_bytes()]);
    // A name that only the server has is told in its words.
    assert_eq!(session.error("TABLE 無し".as_bytes()).await, "42P01");
    // Who says nothing has the encoding of the database.
    let mut session = Session::open(house.address, "euc_jp", &[]).await;
    assert_eq!(session.rows(b"SHOW client_encoding").await, [b"EUC_JP"]);
    assert_eq!(session.error("TABLE 公開".as_bytes()).await, "0A000");
    assert_eq!(session.rows(b"SELECT 1").await, [b"1"]);
    drop(there);
    server.sql("postgres", "DROP DATABASE euc_jp WITH (FORCE)");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_masked_by_their_characters() {
    let s = schema();
    let masks = MaskRule {
        name: ObjectName::new("shop", "names"),
        origin: Origin::Tenant,
        subjects: Vec::new(),
        exempt: Vec::new(),
        columns: vec![ColumnPattern::parse(&format!("{s}.café.prénom")).unwrap()],
        json_paths: Vec::new(),
        keys: Vec::new(),
        headers: Vec::new(),
        detectors: Vec::new(),
        patterns: Vec::new(),
        transform: Transform::Partial {
            keep_first: 3,
            keep_last: 0,
        },
        predicates: Predicates::Equality,
        ddl: DdlRule::Deny,
    };
    let house = House::masked(vec![open_policy()], vec![masks]).await;
    house.server.sql("postgres", &TABLES.replace("{s}", &s));
    let mut there = Session::open(house.address, "postgres", &[]).await;
    let text = format!("SELECT prénom FROM {s}.café WHERE note LIKE 'zo%'");
    let seen = there.rows(text.as_bytes()).await;
    let seen = String::from_utf8(seen.concat()).unwrap();
    assert!(seen.starts_with("Zoé") && !seen.contains('M'), "{seen}");
    let mut here = Session::open(house.address, "postgres", &[("client_encoding", "LATIN1")]).await;
    assert_eq!(here.rows(&latin1(&text)).await, [latin1(&seen)]);
    let mut out = Vec::new();
    parse(&mut out, b"", &latin1(&text));
    bind(&mut out, b"", None);
    assert_eq!(here.send(&out).await.values, [latin1(&seen)]);
    let copy = format!("COPY (SELECT prénom FROM {s}.café WHERE note LIKE 'zo%') TO STDOUT");
    let line = [seen.as_str(), "\n"].concat();
    assert_eq!(here.rows(&latin1(&copy)).await, [latin1(&line)]);
    let other = [copy.as_str(), " (ENCODING 'UTF8')"].concat();
    assert_eq!(here.rows(&latin1(&other)).await, [line.as_bytes()]);
}
