//! Types that run code: the checks of domains, looked for on the server.

use std::time::Duration;

use portcullis_policy::{
    Action, ApprovalTerms, DefaultAction, Effect, Grant, Policy, ResourcePattern, Wait,
};

use crate::bed::{policy, rule};
use crate::house::House;
use crate::talk::{self, shape, words};
use crate::wire::Client;

const DENIED: &str = "E(42501: a rule denies this operation)";

/// Checks that write into `log`, and others that only compare.
fn schema(name: &str) -> String {
    format!(
        "DROP SCHEMA IF EXISTS {name} CASCADE;
         CREATE SCHEMA {name};
         SET search_path = {name};
         CREATE TABLE log (n int);
         CREATE FUNCTION noted(int) RETURNS boolean LANGUAGE sql
             AS 'INSERT INTO {name}.log VALUES ($1) RETURNING true';
         CREATE DOMAIN noting AS int CHECK (noted(VALUE));
         CREATE DOMAIN more AS noting;
         CREATE TYPE pair AS (n more, t text);
         CREATE TABLE kept (id int, n noting);
         CREATE TABLE held (id int, n noting[]);
         CREATE DOMAIN word AS text CHECK (VALUE ~ '^[a-z]+$');
         CREATE FUNCTION left_out(x int DEFAULT 5::noting) RETURNS int LANGUAGE sql AS 'SELECT $1';
         CREATE FUNCTION left_to_call(x boolean DEFAULT noted(1)) RETURNS boolean LANGUAGE sql AS 'SELECT $1';
         CREATE FUNCTION given(x int DEFAULT 5, y text DEFAULT 'a') RETURNS int LANGUAGE sql AS 'SELECT $1';
         CREATE TYPE mood AS ENUM ('low', 'high');
         CREATE TABLE moods (m mood, w word, l word[]);
         INSERT INTO moods VALUES ('low', 'a', '{{a}}');
         INSERT INTO kept VALUES (1, NULL);
         INSERT INTO held VALUES (1, NULL);
         TRUNCATE log;"
    )
}

/// Nobody may write into `log`: not kept from it by any second wall.
fn log_is_closed(name: &str, action: Action) -> Policy {
    let mut closed = rule("closed", &[Effect::Write], action);
    closed.matching.resources = vec![ResourcePattern::parse(&format!("table:{name}.log")).unwrap()];
    policy("closed", DefaultAction::Allow, vec![closed])
}

fn logged(house: &House, name: &str) -> String {
    house
        .server
        .sql("postgres", &format!("SELECT count(*) FROM {name}.log"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_of_a_domain_runs_nothing_that_a_rule_denies() {
    let house = House::open(vec![log_is_closed("kinds", Action::Deny)]).await;
    house.server.sql("postgres", &schema("kinds"));
    let texts = [
        "SELECT 1::kinds.noting",
        "SELECT kinds.more '1'",
        "SELECT '{1}'::kinds.noting[]",
        "SELECT '(1,x)'::kinds.pair",
        "SELECT ROW(1, 'x')::kinds.pair",
        "SELECT '(1,2)'::kinds.kept",
        "SELECT json_populate_record(NULL::kinds.pair, '{\"n\": 1}')",
        "SELECT jsonb_populate_record(k, '{\"n\": 1}') FROM kinds.kept k",
        "SELECT * FROM json_to_record('{\"n\": 1}') AS x (n kinds.noting)",
        "SELECT coalesce(NULL, k, '(1,2)') FROM kinds.kept k WHERE false OR coalesce('(3,4)', k) IS NOT NULL",
        "SELECT id FROM kinds.held WHERE n = '{7}'",
        "INSERT INTO kinds.kept VALUES (1, 2)",
        "UPDATE kinds.kept SET n = 5 WHERE id = 1",
        "PREPARE p AS SELECT '{1}'::kinds.noting[]",
        "COPY kinds.kept FROM STDIN",
        "SELECT kinds.left_out()",
        "SELECT * FROM kinds.left_to_call()",
    ];
    for text in texts {
        let mut client = Client::log_in(house.address).await;
        let (query, parse) = (format!("Q {text}"), format!("P |{text}"));
        let got = client.line(&[&query, "= 1", &parse, "S", "= 1"]).await;
        assert_eq!(got, format!("{DENIED} Z(I) {DENIED} Z(I)"), "{text}");
    }
    // By what is named only when it runs, in one text with what makes the table, and as an attribute.
    for text in [
        "SELECT array_in('{1}', 'kinds.noting'::regtype, -1)",
        "SELECT record_in('(1,x)', 'kinds.pair'::regtype, -1)",
        "SELECT domain_in('1', 'kinds.noting'::regtype, -1) IS NULL",
        "CREATE TEMP TABLE q (a kinds.noting); INSERT INTO q VALUES (1)",
        "CREATE TEMP TABLE q (a boolean DEFAULT kinds.noted(1)); INSERT INTO q DEFAULT VALUES",
        "CREATE TEMP TABLE q (LIKE kinds.kept); INSERT INTO q VALUES (1, 1)",
        "CREATE TEMP TABLE q AS TABLE kinds.kept; INSERT INTO q VALUES (1, 1)",
        "CREATE TEMP TABLE q (a int); CREATE RULE r AS ON INSERT TO q DO ALSO INSERT INTO kinds.log VALUES (1); INSERT INTO q VALUES (1)",
        "CREATE TEMP TABLE q (a int CHECK (kinds.noted(a))); COPY q FROM STDIN",
        "SET search_path = kinds; SELECT (k.id).noting FROM kept k",
    ] {
        let mut client = Client::log_in(house.address).await;
        let got = client.line(&[&format!("Q {text}"), "= 1"]).await;
        assert_eq!(got, format!("{DENIED} Z(I)"), "{text}");
    }
    assert_eq!(logged(&house, "kinds"), "0");
    // By itself the server runs them, the fourth by reading the text alone.
    for text in [texts[0], texts[4], texts[13]] {
        house.server.sql("postgres", text);
    }
    assert_eq!(logged(&house, "kinds"), "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn types_that_only_compare_stand_in_nobodys_way() {
    let house = House::open(vec![log_is_closed("mild", Action::Deny)]).await;
    house.server.sql("postgres", &schema("mild"));
    let mut client = Client::log_in(house.address).await;
    for (text, told) in [
        ("SELECT 'x'::mild.word", "T(word) D(x) C(SELECT 1) Z(I)"),
        (
            "SELECT m, w, l FROM mild.moods WHERE l = '{a}' AND m = 'low'",
            "T(m,w,l) D(low,a,{a}) C(SELECT 1) Z(I)",
        ),
        (
            "INSERT INTO mild.moods VALUES ('high', 'b', '{b}')",
            "C(INSERT 0 1) Z(I)",
        ),
        (
            "SELECT mild.given(), mild.given(2, 'b')",
            "T(given,given) D(5,2) C(SELECT 1) Z(I)",
        ),
        (
            "CREATE TEMP TABLE q (id serial PRIMARY KEY, a text NOT NULL DEFAULT 'x', at timestamptz DEFAULT now()); CREATE INDEX ON q (a); INSERT INTO q (a) VALUES ('y')",
            "C(CREATE TABLE) C(CREATE INDEX) C(INSERT 0 1) Z(I)",
        ),
        (
            "SELECT k.* FROM mild.kept k WHERE n IS NULL",
            "T(id,n) D(1,NULL) C(SELECT 1) Z(I)",
        ),
        ("DELETE FROM mild.kept WHERE n = 5", "C(DELETE 0) Z(I)"),
    ] {
        let got = client.line(&[&format!("Q {text}"), "= 1"]).await;
        assert_eq!(got, told, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_that_was_made_just_now_is_known_or_denied() {
    let house = House::open(vec![log_is_closed("late", Action::Deny)]).await;
    house.server.sql("postgres", &schema("late"));
    let mut client = Client::log_in(house.address).await;
    client.line(&["Q SELECT 1", "= 1"]).await;
    let make = "CREATE DOMAIN late.made AS int CHECK (late.noted(VALUE));
                CREATE TYPE late.made_pair AS (n late.made);
                CREATE DOMAIN late.mild AS int CHECK (VALUE > 0)";
    house.server.sql("postgres", make);
    for text in [
        "SELECT 1::late.made",
        "SELECT '(1)'::late.made_pair",
        "SELECT '{1}'::late.made[]",
        "PREPARE p AS SELECT '(1)'::late.made_pair",
    ] {
        let (query, parse) = (format!("Q {text}"), format!("P |{text}"));
        let got = client.line(&[&query, "= 1", &parse, "S", "= 1"]).await;
        assert_eq!(got, format!("{DENIED} Z(I) {DENIED} Z(I)"), "{text}");
    }
    // It is looked for again at most once a second.
    let mut got = String::new();
    for _ in 0..1_000 {
        got = client.line(&["Q SELECT 5::late.mild", "= 1"]).await;
        if !got.starts_with('E') {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(got, "T(mild) D(5) C(SELECT 1) Z(I)");
    // What this session itself made is known at once.
    let own = "Q CREATE DOMAIN late.own AS int CHECK (late.noted(VALUE))";
    let script = [own, "= 1", "Q SELECT 1::late.own", "= 1"];
    let got = client.line(&script).await;
    assert_eq!(got, format!("C(CREATE DOMAIN) Z(I) {DENIED} Z(I)"));
    assert_eq!(logged(&house, "late"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_of_a_type_runs_what_the_type_does() {
    let house = House::open(vec![log_is_closed("bound", Action::Deny)]).await;
    house.server.sql("postgres", &schema("bound"));
    let number = |name: &str| -> u32 {
        let query = format!("SELECT 'bound.{name}'::regtype::oid");
        house.server.sql("postgres", &query).parse().unwrap()
    };
    let mut client = talk::Client::log_in(house.address).await;
    client.query("SELECT 1").answer().await;
    let parse = |client: &mut talk::Client, name: &[u8], oid: u32| {
        let text = b"SELECT $1 AS x";
        client.say(b'P', &[name, b"\0", text, b"\0\0\x01", &oid.to_be_bytes()]);
    };
    for name in ["noting", "more", "pair", "noting[]", "kept"] {
        parse(&mut client, b"", number(name));
        let answer = client
            .bind("", &["1"])
            .execute(0)
            .say(b'S', &[])
            .answer()
            .await;
        assert_eq!(shape(&answer), "EZ", "{name}");
        assert!(words(&answer, b'E').contains("42501"), "{name}");
    }
    // One that nobody has heard of.
    let make = "CREATE DOMAIN bound.made AS int CHECK (bound.noted(VALUE))";
    house.server.sql("postgres", make);
    parse(&mut client, b"", number("made"));
    let answer = client
        .bind("", &["1"])
        .execute(0)
        .say(b'S', &[])
        .answer()
        .await;
    assert_eq!(shape(&answer), "EZ");
    for (name, value) in [("word", "x"), ("mood", "low"), ("moods", "(low,a,{a})")] {
        parse(&mut client, b"s", number(name));
        let answer = client
            .bind("s", &[value])
            .execute(0)
            .say(b'S', &[])
            .answer()
            .await;
        assert_eq!(shape(&answer), "12DCZ", "{name}: {}", words(&answer, b'E'));
        client.query("DEALLOCATE s").answer().await;
    }
    assert_eq!(logged(&house, "bound"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_text_runs_before_it_is_approved() {
    let terms = ApprovalTerms {
        required: 1,
        grant: Grant::OneShot,
        wait: Wait::Reject,
        expires_after: Duration::from_secs(600),
    };
    let hold = Action::RequireApproval(terms);
    let house = House::open(vec![log_is_closed("approved", hold)]).await;
    house.server.sql("postgres", &schema("approved"));
    let mut client = Client::log_in(house.address).await;
    let script = ["P |SELECT '{1}'::approved.noting[]", "S", "= 1"];
    let got = client.line(&script).await;
    assert!(got.starts_with("E(42501"), "{got}");
    // This one runs when it is executed, so that its Bind can be asked about.
    let got = client
        .line(&["P |SELECT 1::approved.noting", "S", "= 1"])
        .await;
    assert_eq!(got, "1 Z(I)");
    let insert = "P |INSERT INTO approved.moods VALUES ('low', $1, '{a}')";
    assert_eq!(client.line(&[insert, "S", "= 1"]).await, "1 Z(I)");
    assert_eq!(logged(&house, "approved"), "0");
}
