//! One column is masked: the same frames come as without us, byte for byte, but for its values.

use std::net::SocketAddr;

use portcullis_dialect::postgres::wire::frontend::{Target, tag};
use portcullis_dialect::postgres::wire::write;
use portcullis_policy::mask::{ColumnPattern, DdlRule, MaskRule, Predicates, Transform};
use portcullis_policy::{ObjectName, Origin};

use crate::bed::open_policy;
use crate::house::House;
use crate::wire::Client;

/// The masked one is the second; beside it one of every type that is built in, and some that are
/// made of others.
const TABLE: &str = r#"
CREATE SCHEMA bytes;
CREATE TYPE bytes.mood AS ENUM ('low', 'high');
CREATE TYPE bytes.pair AS (a int, b text);
CREATE DOMAIN bytes.positive AS int CHECK (VALUE > 0);
CREATE TABLE bytes.kinds (id int PRIMARY KEY, ssn text, b bool, i2 int2, i8 int8, f4 float4, f8 float8,
    n numeric, m money, t text, v varchar(20), c char(5), na name, ch "char", by bytea, d date, ti time,
    tz timetz, ts timestamp, tstz timestamptz, iv interval, u uuid, ip inet, ci cidr, mac macaddr,
    mac8 macaddr8, j json, jb jsonb, jp jsonpath, ia int[], ta text[], r int4range, mr int4multirange,
    tsr tstzrange, p point, l line, bx box, pg polygon, cc circle, bi bit(3), vb varbit, o oid,
    rc regclass, tv tsvector, tq tsquery, ls pg_lsn, mo bytes.mood, co bytes.pair, po bytes.positive);
INSERT INTO bytes.kinds VALUES
    (1, 'canary-1', true, 7, -9, 1.5, 'NaN', 12345.678900, 12.50, 'text', 'v', 'c', 'name', 'x', '\xdeadbeef',
     '2024-02-29', '23:59:59.999999', '12:00+02', '2024-02-29 01:02:03', '2024-02-29 01:02:03+05',
     '1 year -3 days 05:00', '00000000-0000-0000-0000-000000000007', '10.0.0.1/8', '10.0.0.0/8',
     '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', '{"a" : [1,  2]}', '{"a": null}', '$.a[*]', '{1,NULL,3}',
     '{{"a,b","\""},{NULL,"c"}}', '[1,5)', '{[1,2),[4,5)}', '[2024-01-01,)', '(1,2)', '{1,2,3}', '(1,1),(0,0)',
     '((0,0),(1,1),(1,0))', '<(0,0),2>', '101', '1010', 42, 'pg_class', 'a:1 b:2', 'a & b', '0/16B3748',
     'high', '(1,"x y")', 5),
    (2, '', false, -1, 0, '-Infinity', 0, 'NaN', -1, '', '', '', '', '', '', 'infinity', '00:00', '00:00-12',
     '-infinity', 'infinity', '-1 mon', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '::1', '::/0',
     'ff:ff:ff:ff:ff:ff', 'ff:ff:ff:ff:ff:ff:ff:ff', 'null', '[]', '$', '{}', '{}', 'empty', '{}', 'empty',
     '(0,0)', '{0,1,0}', '(0,0),(0,0)', '((0,0))', '<(0,0),0>', '000', '', 0, '-', '', '', '0/0', 'low',
     '(,)', 1);
INSERT INTO bytes.kinds (id) VALUES (3);
"#;

const ALL: &str = "SELECT * FROM bytes.kinds ORDER BY id";

/// All of a table but its masked column.
const OTHERS: &str =
    "SELECT id, b, i8, f8, n, t, by, tstz, iv, jb, ia, ta, mr, p, co FROM bytes.kinds ORDER BY id";

struct Case {
    name: String,
    sent: Vec<u8>,
    /// How many ReadyForQuery come.
    ends: usize,
    /// Where among the fields the masked one is.
    masked: Option<usize>,
}

fn simple(text: &str, masked: Option<usize>) -> Case {
    let mut sent = Vec::new();
    write::query(&mut sent, text.as_bytes());
    Case {
        name: text.into(),
        sent,
        ends: 1,
        masked,
    }
}

/// Parse, both Describes, and so many rows at a time, in one format.
fn extended(text: &str, format: u8, page: u32, masked: Option<usize>) -> Case {
    let mut sent = Vec::new();
    write::message(&mut sent, tag::PARSE, |out| {
        write::string(out, b"");
        write::string(out, text.as_bytes());
        out.extend([0, 0]);
    });
    write::describe(&mut sent, Target::Statement, b"");
    write::message(&mut sent, tag::BIND, |out| {
        write::string(out, b"p");
        write::string(out, b"");
        out.extend([0, 0, 0, 0, 0, 1, 0, format]);
    });
    write::describe(&mut sent, Target::Portal, b"p");
    for _ in 0..3 {
        write::message(&mut sent, tag::EXECUTE, |out| {
            write::string(out, b"p");
            out.extend(page.to_be_bytes());
        });
        if page == 0 {
            break;
        }
    }
    write::close(&mut sent, Target::Portal, b"p");
    write::sync(&mut sent);
    Case {
        name: format!("{text} in format {format} by {page}"),
        sent,
        ends: 1,
        masked,
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (text, masked) in [(ALL, Some(1)), (OTHERS, None)] {
        cases.push(simple(text, masked));
        for (format, page) in [(0, 0), (1, 0), (0, 1), (1, 2)] {
            cases.push(extended(text, format, page, masked));
        }
        let cursor = format!("BEGIN; DECLARE c CURSOR FOR {text}");
        cases.push(simple(&cursor, None));
        cases.push(simple("FETCH 2 FROM c", masked));
        cases.push(extended("FETCH BACKWARD ALL FROM c", 1, 0, masked));
        cases.push(simple("MOVE FORWARD ALL FROM c; CLOSE c; COMMIT", None));
        cases.push(simple(&format!("PREPARE s AS {text}"), None));
        cases.push(simple("EXECUTE s", masked));
        cases.push(simple("DEALLOCATE s", None));
    }
    for format in ["text", "csv", "csv, HEADER, FORCE_QUOTE *", "binary"] {
        let copy = format!("COPY ({OTHERS}) TO STDOUT (FORMAT {format})");
        cases.push(simple(&copy, None));
        cases.push(extended(&copy, 0, 0, None));
    }
    for text in [
        "SELECT count(*), max(id), sum(n) FROM bytes.kinds WHERE b",
        "BEGIN; UPDATE bytes.kinds SET t = upper(t) WHERE id < 3 RETURNING id, t; ROLLBACK",
        "SELECT 1/0",
        "SELECT nope FROM bytes.kinds",
        "SELECT k.id, o.t FROM bytes.kinds k JOIN bytes.kinds o USING (id) ORDER BY k.id",
        "SHOW client_encoding; SELECT 1; SET application_name = 'x'",
        "",
        "DROP TABLE IF EXISTS bytes.nowhere",
    ] {
        cases.push(simple(text, None));
    }
    cases.push(simple(
        "SELECT id, ssn FROM bytes.kinds WHERE ssn = 'canary-1'",
        Some(1),
    ));
    cases
}

/// A row with `[redacted]` for the value of one field, if there is one.
fn redacted(body: &[u8], place: usize) -> Vec<u8> {
    let (count, mut left) = body.split_at(2);
    let mut row = count.to_vec();
    for at in 0..u16::from_be_bytes([count[0], count[1]]) {
        let (length, rest) = left.split_at(4);
        let size = i32::from_be_bytes(length.try_into().unwrap());
        let (value, rest) = rest.split_at(usize::try_from(size).unwrap_or(0));
        match usize::from(at) == place && size >= 0 {
            true => row.extend(b"\0\0\0\x0a[redacted]"),
            false => row.extend([length, value].concat()),
        }
        left = rest;
    }
    row
}

async fn heard(client: &mut Client, case: &Case) -> Vec<(u8, Vec<u8>)> {
    client.send(&case.sent).await;
    let (mut frames, mut ends) = (Vec::new(), 0);
    while ends < case.ends {
        let (tag, body) = client.next().await.expect("the session goes on");
        ends += usize::from(tag == b'Z');
        frames.push((tag, body.to_vec()));
    }
    frames
}

#[tokio::test(flavor = "multi_thread")]
async fn all_but_the_masked_values_is_the_same_to_the_last_byte() {
    let rule = MaskRule {
        name: ObjectName::new("shop", "pii"),
        origin: Origin::Tenant,
        subjects: Vec::new(),
        exempt: Vec::new(),
        columns: vec![ColumnPattern::parse("bytes.kinds.ssn").unwrap()],
        json_paths: Vec::new(),
        keys: Vec::new(),
        headers: Vec::new(),
        detectors: Vec::new(),
        patterns: Vec::new(),
        transform: Transform::Redact,
        predicates: Predicates::Equality,
        ddl: DdlRule::Deny,
    };
    let house = House::masked(vec![open_policy()], vec![rule]).await;
    house.server.sql("postgres", TABLE);
    let mut proxied = Client::log_in(house.address).await;
    let server = SocketAddr::from(([127, 0, 0, 1], house.server.port));
    let mut direct = Client::log_in(server).await;
    let (mut frames, mut masked) = (0, 0);
    for case in cases() {
        let mut expected = heard(&mut direct, &case).await;
        for (tag, body) in &mut expected {
            if let (b'D', Some(place)) = (*tag, case.masked) {
                let row = redacted(body, place);
                masked += usize::from(row != *body);
                *body = row;
            }
        }
        let got = heard(&mut proxied, &case).await;
        let short = |frames: &[(u8, Vec<u8>)]| -> Vec<String> {
            let one = |(tag, body): &(u8, Vec<u8>)| {
                format!("{}({})", char::from(*tag), body.escape_ascii())
            };
            frames.iter().map(one).collect()
        };
        assert_eq!(short(&got), short(&expected), "{}", case.name);
        frames += got.len();
    }
    println!("{frames} frames, {masked} rows with a masked value");
    assert!(frames > 250 && masked > 15, "{frames} {masked}");
}
