//! Limits over time, over sessions and in bytes, and rules by the clock: a real server, a real wire,
//! and a clock that the tests put forward.

use std::time::Duration;

use portcullis_policy::{
    Action, CountLimit, DefaultAction, Effect, Expression, Limits, OnExceed, Per, Policy,
    RateLimit, Rule, SizeLimit,
};
use portcullis_proxy::identity::config::ApiKey;
use serde_json::Value;

use crate::bed::{Terms, key, open_policy, policy, rule};
use crate::house::{House, PASSWORD, sha256};
use crate::talk::{Client, Message, count, shape, words};

/// The key of somebody else.
const OTHER: &str = "pck_test_key_of_another";

const SECOND: Duration = Duration::from_secs(1);

fn limited(limits: Limits) -> Policy {
    Policy {
        limits,
        ..open_policy()
    }
}

fn rate(max: u64, per: Per) -> Option<RateLimit> {
    Some(RateLimit {
        max,
        window: Duration::from_secs(60),
        per,
    })
}

/// A house with two subjects: `agent` and `other`.
async fn house(limits: Limits) -> House {
    let house = House::open(Vec::new()).await;
    let subject = |name: &str, secret| ApiKey {
        username: name.into(),
        sha256: sha256(secret),
        ..key()
    };
    house.edit_terms(Terms {
        policies: vec![limited(limits)],
        keys: vec![subject("agent", PASSWORD), subject("other", OTHER)],
        ..Terms::default()
    });
    house
}

/// The DETAIL of the one error among messages.
fn detail(answer: &[Message]) -> Value {
    assert_eq!(count(answer, b'E'), 1, "{}", shape(answer));
    let (_, body) = answer.iter().find(|(tag, _)| *tag == b'E').unwrap();
    let mut fields = body.split(|byte| *byte == 0);
    let detail = fields.find(|field| field.first() == Some(&b'D')).unwrap();
    serde_json::from_slice(&detail[1..]).unwrap()
}

/// That a refusal names the policy that it comes from, and its session.
fn named(detail: &Value) {
    assert_eq!(detail["policy"], "shop/open");
    let session = detail["sessionId"].as_str().unwrap();
    assert_eq!(session.len(), 32, "{session}");
}

/// That an answer is this limit's refusal; tells after how many seconds to come again.
fn refused(answer: &[Message], message: &str) -> Duration {
    assert!(
        words(answer, b'E').contains("C42501 "),
        "{}",
        words(answer, b'E')
    );
    let detail = detail(answer);
    assert_eq!(detail["class"], "LimitExceeded");
    assert_eq!(detail["message"], message);
    named(&detail);
    Duration::from_secs(detail["retryAfterSeconds"].as_u64().unwrap())
}

async fn passes(client: &mut Client, text: &str) {
    let answer = client.query(text).answer().await;
    assert_eq!(words(&answer, b'E'), "", "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_of_a_subject_count_over_its_sessions_until_the_window_slides() {
    let limits = Limits {
        operations: rate(4, Per::Subject),
        ..Limits::default()
    };
    let house = house(limits).await;
    let message = "limit of 4 operations set by shop/open is reached";
    let mut one = Client::log_in(house.address).await;
    let mut two = Client::log_in(house.address).await;
    let mut other = Client::log_in_as(house.address, OTHER).await;
    passes(&mut one, "SELECT 1").await;
    house.bed.clock.advance(30 * SECOND);
    passes(&mut two, "BEGIN").await;
    passes(&mut two, "SELECT 2").await;
    let answer = one.run("SELECT $1", &["3"]).sync().answer().await;
    assert_eq!(shape(&answer), "12DCZ");
    for client in [&mut one, &mut two] {
        let wait = refused(&client.query("SELECT 4").answer().await, message);
        assert!((25 * SECOND..=31 * SECOND).contains(&wait), "{wait:?}");
        let answer = client.run("SELECT 4", &[]).sync().answer().await;
        assert_eq!(shape(&answer), "1EZ");
        refused(&answer, message);
    }
    // The transaction is as it was, and another subject has a count of its own.
    assert_eq!(two.query("SELECT 4").answer().await.last().unwrap().1, b"T");
    passes(&mut other, "SELECT 1").await;

    // The first one leaves the window, the others are still in it; refusals never counted.
    house.bed.clock.advance(31 * SECOND);
    passes(&mut two, "COMMIT").await;
    refused(&one.query("SELECT 5").answer().await, message);
    house.bed.clock.advance(31 * SECOND);
    for _ in 0..3 {
        passes(&mut one, "SELECT 6").await;
    }
    refused(&two.query("SELECT 7").answer().await, message);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_have_a_count_of_their_own_which_a_connection_may_share() {
    for (per, left) in [(Per::Subject, 2), (Per::Connection, 0), (Per::Both, 0)] {
        let limits = Limits {
            writes: rate(2, per),
            ..Limits::default()
        };
        let house = house(limits).await;
        let table = format!("written_{per:?}").to_lowercase();
        let made = format!("CREATE TABLE {table} (a int)");
        house.server.sql("postgres", &made);
        let insert = format!("INSERT INTO {table} VALUES (1)");
        let message = "limit of 2 writes set by shop/open is reached";
        let mut agent = Client::log_in(house.address).await;
        let mut other = Client::log_in_as(house.address, OTHER).await;
        for _ in 0..2 {
            passes(&mut agent, &insert).await;
            passes(&mut agent, "SELECT 1").await;
        }
        refused(&agent.query(&insert).answer().await, message);
        let copy = format!("COPY {table} FROM STDIN");
        refused(&agent.query(&copy).answer().await, message);
        passes(&mut agent, "SELECT 1").await;
        for turn in 0..3 {
            let answer = other.query(&insert).answer().await;
            if turn < left {
                assert_eq!(words(&answer, b'C'), "INSERT 0 1 ", "{per:?}");
            } else {
                refused(&answer, message);
            }
        }
        let rows = format!("SELECT count(*) FROM {table}");
        let told = house.server.sql("postgres", &rows);
        assert_eq!(told, (2 + left).to_string(), "{per:?}");
        house.bed.clock.advance(61 * SECOND);
        passes(&mut other, &insert).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_a_reply_are_cut_or_fail() {
    let bytes = |max, on_exceed| Limits {
        bytes: Some(SizeLimit { max, on_exceed }),
        ..Limits::default()
    };
    let house = house(bytes(1000, OnExceed::Truncate)).await;
    // Each row is a frame of 1 + 4 + 2 + 4 + 89 bytes.
    let rows = |count| format!("SELECT repeat('x', 89) FROM generate_series(1, {count})");
    let mut client = Client::log_in(house.address).await;
    let answer = client.query(&rows(10)).answer().await;
    assert_eq!((count(&answer, b'D'), count(&answer, b'N')), (10, 0));
    for asked in [11, 100_000] {
        let answer = client.query(&rows(asked)).answer().await;
        assert_eq!(count(&answer, b'D'), 10);
        assert_eq!(words(&answer, b'C'), "SELECT 10 ");
        let notice = words(&answer, b'N');
        let why = "Mthe reply was cut after 10 rows by the limit of 1000 bytes ";
        assert!(notice.contains(why), "{notice}");
    }
    // One value that is larger than all of it.
    let answer = client.query("SELECT repeat('x', 5000000)").answer().await;
    assert_eq!((count(&answer, b'D'), count(&answer, b'N')), (0, 1));
    // What a COPY passes is the same count, over lines of 90 bytes in frames of 95.
    let copy = format!("COPY ({}) TO STDOUT", rows(100));
    let answer = client.query(&copy).answer().await;
    let lines = count(&answer, b'd');
    assert_eq!(words(&answer, b'C'), format!("COPY {lines} "));
    assert_eq!((lines, count(&answer, b'N')), (10, 1));

    house.edit_terms(Terms {
        policies: vec![limited(bytes(1000, OnExceed::Error))],
        keys: vec![ApiKey {
            sha256: sha256(PASSWORD),
            ..key()
        }],
        ..Terms::default()
    });
    let answer = client.query(&rows(10)).answer().await;
    assert_eq!((count(&answer, b'D'), count(&answer, b'E')), (10, 0));
    for asked in [11, 100_000] {
        let answer = client.query(&rows(asked)).answer().await;
        assert_eq!(count(&answer, b'C'), 0);
        let detail = detail(&answer);
        assert_eq!(detail["class"], "LimitExceeded");
        assert_eq!(
            detail["message"],
            "the reply is over the limit of 1000 bytes"
        );
    }
    // A write that fails for its reply ran to its end, and says whether it stands.
    let table = "CREATE TABLE bytes_kept (a int)";
    house.server.sql("postgres", table);
    let text = "INSERT INTO bytes_kept SELECT generate_series(1, 1000) RETURNING repeat('x', 89)";
    for (extended, kept, told) in [
        (true, "0", "what the statement changed is rolled back"),
        (
            false,
            "1000",
            "the statement itself ran to its end, and only its reply is not shown",
        ),
    ] {
        let answer = match extended {
            true => client.run(text, &[]).sync().answer().await,
            false => client.query(text).answer().await,
        };
        let why = format!("the reply is over the limit of 1000 bytes; {told}");
        assert_eq!(detail(&answer)["message"], why);
        let rows = "SELECT count(*) FROM bytes_kept";
        assert_eq!(house.server.sql("postgres", rows), kept);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_sessions_are_open_at_the_same_time() {
    let sessions = |per| Limits {
        sessions: Some(CountLimit { max: 2, per }),
        ..Limits::default()
    };
    for (per, others) in [(Per::Subject, true), (Per::Connection, false)] {
        let house = house(sessions(per)).await;
        let refused = async |key: &str| {
            let (out, error) = house.psql_with("SELECT 1;", &[("PGPASSWORD", key)]).await;
            assert_eq!(out.is_empty(), error.contains("FATAL:  "), "{out} {error}");
            out.is_empty().then_some(error)
        };
        let one = Client::log_in(house.address).await;
        let _two = Client::log_in(house.address).await;
        let error = refused(PASSWORD).await.unwrap();
        assert!(error.contains("LimitExceeded"), "{error}");
        assert!(
            error.contains("limit of 2 sessions set by shop/open is reached"),
            "{error}"
        );
        assert_eq!(refused(OTHER).await.is_none(), others, "{per:?}");
        drop(one);
        let mut tries = 0..200;
        while refused(PASSWORD).await.is_some() {
            tries.next().expect("a session that left makes room");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_by_the_clock_holds_at_its_hours() {
    let at_night = Rule {
        matching: portcullis_policy::Match {
            effects: vec![Effect::Write],
            expression: Some(Expression::compile("now.getHours('Europe/Berlin') < 8").unwrap()),
            ..portcullis_policy::Match::default()
        },
        ..rule("no-writes-at-night", &[], Action::Deny)
    };
    let policies = vec![policy("hours", DefaultAction::Allow, vec![at_night])];
    let house = House::open(policies).await;
    house.server.sql("postgres", "CREATE TABLE by_day (a int)");
    let mut client = Client::log_in(house.address).await;
    let insert = "INSERT INTO by_day VALUES (1)";
    // The clock of the tests begins at 05:40 in Berlin, in winter.
    let answer = client.query(insert).answer().await;
    assert_eq!(detail(&answer)["rule"], "no-writes-at-night");
    passes(&mut client, "SELECT 1").await;
    house
        .bed
        .clock
        .advance(Duration::from_secs(2 * 60 * 60 + 15 * 60));
    let answer = client.query(insert).answer().await;
    assert_eq!(detail(&answer)["rule"], "no-writes-at-night", "07:55");
    house.bed.clock.advance(Duration::from_secs(6 * 60));
    passes(&mut client, insert).await;
    // Five to seven in UTC is past eight in summer.
    house
        .bed
        .clock
        .advance(Duration::from_secs(190 * 24 * 60 * 60 - 5 * 60));
    passes(&mut client, insert).await;
    house.bed.clock.advance(Duration::from_secs(16 * 60 * 60));
    let answer = client.query(insert).answer().await;
    assert_eq!(detail(&answer)["rule"], "no-writes-at-night");
    let rows = house.server.sql("postgres", "SELECT count(*) FROM by_day");
    assert_eq!(rows, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_over_its_limit_names_policy_and_session() {
    let house = house(Limits {
        rows: Some(SizeLimit {
            max: 2,
            on_exceed: OnExceed::Error,
        }),
        ..Limits::default()
    })
    .await;
    let mut client = Client::log_in(house.address).await;
    let answer = client.query("SELECT generate_series(1, 3)").answer().await;
    let detail = detail(&answer);
    assert_eq!(detail["class"], "LimitExceeded");
    assert_eq!(detail["message"], "the reply is over the limit of 2 rows");
    named(&detail);
}
