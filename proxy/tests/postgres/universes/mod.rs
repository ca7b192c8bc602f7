//! Non-interference: the same statements over tables that differ in nothing but what is masked.
//! Whatever is not refused must look alike in all of them: rows, tags, errors, notices.

use std::collections::BTreeMap;

use portcullis_policy::mask::{JsonPath, MaskRule, Predicates};

use crate::bed::open_policy;
use crate::client::{Client, Message};
use crate::house::House;
use crate::masking::masks_of;

/// `(email, ssn, pin, birth, tags, bal)` of one customer, and what `sm` holds beside its key.
const COLUMNS: [(&str, &str); 6] = [
    (
        "'zqx1@mail.zq', 'zqx-11-1111', 987651, '1987-06-05', '{zqxt1,a}', 100.5",
        r"'abc', 1.5, 7, '\x7a7178', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'ok', '10.1.2.3', '1987-06-05', '3 days', 9876543210",
    ),
    (
        r"'abc--?>\%([', '5', 12, '2040-01-01', '{b}', 1.5",
        r"'5', 1e300, -1, '\x00', '00000000-0000-0000-0000-000000000000', 'bad', '::1', '2040-01-01', '-1 year', 1",
    ),
    (
        "'', '', 0, '0044-03-15 BC', '{}', 0",
        r"'', 'nan', 0, '', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'ok', '0.0.0.0', '1000-01-01', '0', 0",
    ),
    (
        "repeat('7', 300), '12', -1, '4000-01-01', '{{a,b},{c,d}}', -99999999.99",
        r"'z', '-infinity', 32767, '\xff', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'bad', '255.0.0.0/8', '4000-01-01', '100 years', -9000000000000000",
    ),
    (
        "'999999', '7', 2147480000, '1901-12-13', '{7,8,9}', 99999999.99",
        r"'7', 1e-300, -32768, '\x373737', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', 'ok', '255.255.255.255', '1901-12-13', '-90 years', 9000000000000000",
    ),
    // Whether a text is NULL is shown; of other types it is not.
    (
        "'q@q', 'x', NULL, NULL, NULL, NULL",
        "'q', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL",
    ),
];

/// What stands at `$.k`, `$.user.ssn` and `$.items[0].card`: texts, and what is shown as null.
const DOCUMENTS: [[[&str; 3]; 4]; 2] = [
    [
        [r#""zqxk1""#, r#""zqx111""#, r#""zqxc1""#],
        [r#""5""#, r#""7""#, r#""\\0""#],
        [r#""""#, r#""""#, r#""abc--?>""#],
        [r#""true""#, r#""2020-01-01""#, r#""{\"a\": [1]}""#],
    ],
    [
        ["5", "7", "1.5"],
        ["-1e30", "0", "99999999999999999999"],
        ["null", "null", "null"],
        ["true", "false", "true"],
    ],
];

const MASKED: [&str; 16] = [
    "customers.email",
    "customers.ssn",
    "customers.pin",
    "customers.birth",
    "customers.tags",
    "customers.bal",
    "sm.c",
    "sm.f",
    "sm.s",
    "sm.b",
    "sm.u",
    "sm.m",
    "sm.ip",
    "sm.ts",
    "sm.iv",
    "sm.bi",
];

/// What a client reads of each statement in one universe.
type Heard = Vec<Vec<Message>>;

/// Runs each statement, and undoes what it did.
async fn hear(house: &House, schema: &str, statements: &[&str]) -> Heard {
    let mut client = Client::open(house, schema).await;
    let mut heard = Vec::new();
    for statement in statements {
        let writes = !statement.starts_with("SELECT");
        if writes {
            client.query("BEGIN").await;
        }
        heard.push(client.query(statement).await);
        if writes {
            client.query("ROLLBACK").await;
        }
    }
    heard
}

/// True where we refused: the detail of an error is our own.
fn is_refused(messages: &[Message]) -> bool {
    let ours = |body: &[u8]| String::from_utf8_lossy(body).contains("\"class\":\"");
    messages.iter().any(|(tag, body)| *tag == 'E' && ours(body))
}

/// Fails where universes can be told apart, and where too little was compared.
fn compare(statements: &[(&str, bool)], universes: &[Heard], least: usize) {
    let mut wrong = Vec::new();
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, (statement, must_pass)) in statements.iter().enumerate() {
        let first = &universes[0][place];
        // A refusal names the session, and is made before the server is asked.
        let refused = universes.iter().all(|heard| is_refused(&heard[place]));
        let differ = !refused && universes.iter().any(|heard| heard[place] != *first);
        let how = match (refused, differ) {
            (true, _) if *must_pass => "refused",
            (true, _) => {
                *counted.entry("refused").or_default() += 1;
                continue;
            }
            (false, true) => "told apart",
            (false, false) => {
                *counted.entry("answered").or_default() += 1;
                continue;
            }
        };
        let shown = universes.iter().map(|heard| {
            let text = |(tag, body): &Message| format!("{tag}{}", String::from_utf8_lossy(body));
            let all: Vec<String> = heard[place].iter().map(text).collect();
            let all: String = all.join(" ").chars().take(90).collect();
            format!("    {all:?}")
        });
        let shown: Vec<String> = shown.collect();
        wrong.push(format!("{how}: {statement}\n{}", shown.join("\n")));
    }
    eprintln!("universes: {counted:?}");
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(counted.values().all(|count| *count >= least), "{counted:?}");
}

/// What is heard of the same texts, with each filling of their tables.
async fn heard_in(house: &House, path: &str, fills: &[String], texts: &[&str]) -> Vec<Heard> {
    let mut universes = Vec::new();
    for fill in fills {
        house.server.sql("postgres", fill);
        universes.push(hear(house, path, texts).await);
    }
    universes
}

/// The statements of a list; those behind `+` must be answered.
fn listed(text: &str) -> Vec<(&str, bool)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| match line.strip_prefix('+') {
            Some(statement) => (statement, true),
            None => (line, false),
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_masked_columns_change_nothing_that_a_client_sees() {
    let columns: Vec<String> = MASKED
        .iter()
        .map(|name| format!("u_columns.{name}"))
        .collect();
    let rule = masks_of(&columns, Predicates::Equality);
    let house = House::masked(vec![open_policy()], vec![rule]).await;
    house.server.sql("postgres", include_str!("columns.sql"));
    let statements = listed(include_str!("columns.txt"));
    let texts: Vec<&str> = statements.iter().map(|(text, _)| *text).collect();
    let fills = COLUMNS.map(|(customer, small)| {
        format!(
            "SET search_path = u_columns; TRUNCATE customers, sm; \
             INSERT INTO customers (id, name, country, created, email, ssn, pin, birth, tags, bal) VALUES \
             (1, 'ann', 'de', '2024-01-01', {customer}), \
             (2, 'bob', 'fr', '2024-01-02', 'q@q', 'zqx-22-2222', 987652, '1987-06-06', '{{zqxt2}}', 200.5); \
             INSERT INTO sm VALUES (1, {small})"
        )
    });
    let universes = heard_in(&house, "u_columns", &fills, &texts).await;
    compare(&statements, &universes, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_masked_paths_changes_nothing_that_a_client_sees() {
    let paths = ["$.user.ssn", "$.items[*].card", "$.k"];
    let rule = MaskRule {
        json_paths: paths.map(|path| JsonPath::parse(path).unwrap()).into(),
        ..masks_of(&[], Predicates::Equality)
    };
    let house = House::masked(vec![open_policy()], vec![rule]).await;
    house.server.sql("postgres", include_str!("documents.sql"));
    let statements = listed(include_str!("documents.txt"));
    let texts: Vec<&str> = statements.iter().map(|(text, _)| *text).collect();
    for family in DOCUMENTS {
        let universes = hear_documents(&house, family, &texts).await;
        compare(&statements, &universes, 80);
    }
}

async fn hear_documents(house: &House, family: [[&str; 3]; 4], texts: &[&str]) -> Vec<Heard> {
    let fills = family.map(|[key, number, card]| {
        let document = format!(
            r#"{{"user": {{"ssn": {number}, "name": "ann", "age": 30}}, "status": "open",
                "items": [{{"card": {card}, "q": 1}}, {{"card": "c2", "q": 2}}], "n": 5, "k": {key}}}"#
        );
        format!(
            "SET search_path = u_documents; TRUNCATE docs, dd; \
             INSERT INTO docs VALUES (1, '{document}', '{document}', 'a', 1); \
             INSERT INTO dd SELECT id, d, ROW(d, id)::jcomp, ARRAY[d] FROM docs"
        )
    });
    heard_in(house, "u_documents", &fills, texts).await
}

/// `salary, level, rate, code, short, mark, balance` of somebody.
const DEMANDED: [&str; 3] = [
    "1000, 5, 1.5, 'a', 'b', 1, 0",
    "5000, 32767, 99.99, 'abcdefghijkl', 'abcdef', 999, 100000",
    "2147480000, -32768, -99.99, '', '', -5, 99999999",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_a_table_demands_of_its_rows_tells_nothing_of_masked_columns() {
    let masked = [
        "salary", "level", "rate", "code", "short", "mark", "balance",
    ];
    let columns: Vec<String> = masked
        .iter()
        .map(|name| format!("u_demands.staff.{name}"))
        .chain(["u_demands.paid.pay".to_owned()])
        .collect();
    let rule = masks_of(&columns, Predicates::Equality);
    let house = House::masked(vec![open_policy()], vec![rule]).await;
    house.server.sql("postgres", include_str!("demands.sql"));
    let statements = listed(include_str!("demands.txt"));
    let texts: Vec<&str> = statements.iter().map(|(text, _)| *text).collect();
    let fills = DEMANDED.map(|values| {
        format!(
            "SET search_path = u_demands; TRUNCATE staff, paid; \
             INSERT INTO staff (salary, level, rate, code, short, mark, balance) VALUES ({values}); \
             UPDATE staff SET id = 1, name = 'ann', bonus = 0, cap = 1, free = 1; \
             INSERT INTO paid SELECT 1, salary, 2147483647 FROM staff"
        )
    });
    let universes = heard_in(&house, "u_demands", &fills, &texts).await;
    compare(&statements, &universes, 15);
}
