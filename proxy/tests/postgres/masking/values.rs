//! Values by where they stand in JSON, and by how they look: in every format that they come in.

use std::sync::atomic::{AtomicU32, Ordering};

use portcullis_policy::mask::{DdlRule, DetectorKind, JsonPath, MaskRule, Predicates, Transform};
use portcullis_policy::{ObjectName, Origin};

use crate::bed::open_policy;
use crate::client::{Client, Message, rows, tags};
use crate::house::House;

/// Every second row looks alike and holds nothing that a rule is about.
const TABLE: &str = r#"
CREATE SCHEMA {s};
SET search_path = {s};
CREATE TABLE docs (id int, j json, b jsonb, note text, mails text[], n bigint);
INSERT INTO docs VALUES
    (1, '{"name": "ann",  "ssn":"123", "in": [{"ssn": 5, "x": 1}], "cards": [{"number": {"a": 1}, "by": "visa"}]}',
     '{"name": "ann", "ssn": null, "cards": [{"number": "x"}, {"number": [1, 2]}], "mail": "to ann@acme.test"}',
     'card 4111 1111 1111 1111, mail ann@acme.test!', '{a,bob@acme.test}', 4111111111111111),
    (2, '{"name": "bob",  "ssns":"123", "in": [{"ss": 5, "x": 1}], "card": [{"number": {"a": 1}, "by": "visa"}]}',
     '{"name": "bob", "cards": {"number": "x"}, "mail": "to ann at acme.test"}',
     'card 4111 1111 1111 1112, mail ann@acme!', '{a,bob@acme}', 4111111111111112);
CREATE TABLE notes AS SELECT id, note FROM docs;
"#;

/// A text keeps its type, and what is no text becomes null.
const JSON: &str = r#"{"name": "ann",  "ssn":"[redacted]", "in": [{"ssn": null, "x": 1}], "cards": [{"number": null, "by": "visa"}]}"#;
const JSONB: &str = r#"{"ssn": null, "mail": "to [redacted]", "name": "ann", "cards": [{"number": "[redacted]"}, {"number": null}]}"#;
const NOTE: &str = "card [redacted], mail [redacted]!";

/// A house before a schema of the test's own, and a client whose path leads there.
struct Looks {
    house: House,
    schema: String,
    client: Client,
}

async fn open() -> Looks {
    static SCHEMAS: AtomicU32 = AtomicU32::new(0);
    let schema = format!("looks{}", SCHEMAS.fetch_add(1, Ordering::SeqCst));
    let path = |path| JsonPath::parse(path).unwrap();
    let rule = MaskRule {
        name: ObjectName::new("shop", "looks"),
        origin: Origin::Tenant,
        subjects: Vec::new(),
        exempt: Vec::new(),
        columns: Vec::new(),
        json_paths: vec![path("$..ssn"), path("$.cards[*].number")],
        keys: Vec::new(),
        headers: Vec::new(),
        detectors: vec![DetectorKind::CreditCard, DetectorKind::Email],
        patterns: Vec::new(),
        transform: Transform::Redact,
        predicates: Predicates::Equality,
        ddl: DdlRule::Allow,
    };
    let house = House::masked(vec![open_policy()], vec![rule]).await;
    let table = TABLE.replace("{s}", &schema);
    house.server.sql("postgres", &table);
    let client = Client::open(&house, &schema).await;
    Looks {
        house,
        schema,
        client,
    }
}

impl Looks {
    /// What the server itself answers.
    fn direct(&self, text: &str) -> String {
        let path = format!("SET search_path = {};", self.schema);
        self.house.server.sql("postgres", &(path + text))
    }
}

fn texts(messages: &[Message]) -> Vec<Vec<Option<String>>> {
    let text = |value: Option<Vec<u8>>| value.map(|value| String::from_utf8(value).unwrap());
    let rows = rows(messages).into_iter();
    rows.map(|row| row.into_iter().map(text).collect())
        .collect()
}

/// The data of a COPY, whole.
fn data(messages: &[Message]) -> Vec<u8> {
    let pieces = messages.iter().filter(|(tag, _)| *tag == 'd');
    pieces.flat_map(|(_, body)| body.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_and_detectors_mask_their_finds_and_leave_each_byte_around_them() {
    let mut looks = open().await;
    let told = looks.client.query("SELECT * FROM docs ORDER BY id").await;
    let [masked, alike] = &texts(&told)[..] else {
        panic!("{}", tags(&told));
    };
    let some = |text: &str| Some(text.to_owned());
    let expected = [some("1"), some(JSON), some(JSONB), some(NOTE), None, None];
    assert_eq!(masked[..], expected);
    let whole = looks.direct("SELECT * FROM docs WHERE id = 2");
    let alike: Vec<_> = alike.iter().map(|value| value.clone().unwrap()).collect();
    assert_eq!(alike.join("|"), whole);

    // In binary form a jsonb has its version before it.
    looks
        .client
        .parse("", "SELECT j, b, note, mails, n FROM docs ORDER BY id");
    let told = {
        looks.client.bind("", "", 1).execute("", 0);
        rows(&looks.client.sync().await)
    };
    let binary = [b"\x01".as_slice(), JSONB.as_bytes()].concat();
    let expected = [
        Some(JSON.as_bytes().to_vec()),
        Some(binary),
        Some(NOTE.as_bytes().to_vec()),
        None,
        None,
    ];
    assert_eq!(told[0], expected);
    assert_eq!(
        told[1][4],
        Some(4_111_111_111_111_112_i64.to_be_bytes().to_vec())
    );
    assert!(told[1][3].is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_out_of_json_or_made_of_texts_is_masked_too() {
    let mut looks = open().await;
    for (text, expected) in [
        (
            "SELECT j->>'ssn' FROM docs WHERE id = 1",
            Some("[redacted]"),
        ),
        (
            "SELECT b->'cards'->1->>'number' FROM docs WHERE id = 1",
            Some("[redacted]"),
        ),
        (
            "SELECT b #>> '{cards,0}' FROM docs WHERE id = 1",
            Some("[redacted]"),
        ),
        (
            "SELECT upper(note) FROM docs WHERE id = 1",
            Some("CARD [redacted], MAIL [redacted]!"),
        ),
        ("SELECT mails[2] FROM docs WHERE id = 1", Some("[redacted]")),
        ("SELECT 'ann@acme.test'", Some("[redacted]")),
        ("SELECT 'ann at acme.test'", Some("ann at acme.test")),
        ("SELECT count(*) FROM docs", Some("2")),
        (
            "SELECT json_build_object('ssn', 5, 'x', 6)",
            Some(r#"{"ssn" : null, "x" : 6}"#),
        ),
        ("SELECT n + 0 FROM docs WHERE id = 1", None),
        (
            "SELECT n + 0 FROM docs WHERE id = 2",
            Some("4111111111111112"),
        ),
    ] {
        let told = looks.client.query(text).await;
        let rows = texts(&told);
        assert_eq!(rows.len(), 1, "{text}: {}", tags(&told));
        assert_eq!(rows[0], [expected.map(str::to_owned)], "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copied_values_are_masked_by_how_they_look_in_every_layout() {
    let mut looks = open().await;
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let masked_text = format!("1\t{JSON}\t{JSONB}\t{NOTE}\t\\N\t\\N\n");
    let masked_csv = format!("1,{},{},{},,\n", quoted(JSON), quoted(JSONB), quoted(NOTE));
    for (format, masked) in [("text", masked_text), ("csv", masked_csv)] {
        let copy = |from: &str| format!("COPY ({from} ORDER BY id) TO STDOUT (FORMAT {format})");
        let told = looks.client.query(&copy("SELECT * FROM docs")).await;
        let alike = looks.direct(&copy("SELECT * FROM docs WHERE id = 2"));
        let got = String::from_utf8(data(&told)).unwrap();
        assert_eq!(got, format!("{masked}{alike}\n"));
    }
    let told = looks
        .client
        .query("COPY docs TO STDOUT (FORMAT binary)")
        .await;
    let got = data(&told);
    let has = |text: &[u8]| {
        got.windows(text.len())
            .filter(|window| *window == text)
            .count()
    };
    let field = |text: &[u8]| [&u32::try_from(text.len()).unwrap().to_be_bytes(), text].concat();
    assert_eq!(has(&field(NOTE.as_bytes())), 1);
    assert_eq!(has(&field(JSON.as_bytes())), 1);
    assert_eq!(has(&[b"\x01", JSONB.as_bytes()].concat()), 1);
    for (gone, times) in [
        (&b"ann@acme.test"[..], 0),
        (b"4111 1111 1111 1111", 0),
        (b"bob@acme", 1),
    ] {
        assert_eq!(has(gone), times);
    }
    assert!(got.ends_with(&[0xff, 0xff]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_told_without_what_detectors_find_in_it() {
    let mut looks = open().await;
    for (id, note) in [(1, NOTE), (2, "card 4111 1111 1111 1112, mail ann@acme!")] {
        let text = format!("SELECT note::int FROM notes WHERE id = {id}");
        let told = looks.client.query(&text).await;
        assert_eq!(tags(&told), "TEZ");
        let fields = String::from_utf8(told[1].1.clone()).unwrap();
        let message = format!("\0Minvalid input syntax for type integer: \"{note}\"\0");
        assert!(fields.contains(&message), "{fields:?}");
    }
    // Where paths mask a column of the table, no text of an error is shown.
    let told = looks.client.query("SELECT note::int FROM docs").await;
    let fields = String::from_utf8(told[1].1.clone()).unwrap();
    assert!(fields.contains("\0Mthe message is masked"), "{fields:?}");
}
