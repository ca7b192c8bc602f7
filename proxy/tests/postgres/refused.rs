//! What is refused in the extended protocol: one error in its place, the rest of the pipeline
//! thrown away, the true state of the transaction, and a session that goes on.

use portcullis_policy::{Action, DefaultAction, Effect, Policy};

use crate::bed::{policy, rule};
use crate::house::House;
use crate::wire::Client;

const DENIED: &str = "E(42501: a rule denies this operation)";

fn read_only() -> Policy {
    let effects = [Effect::Write, Effect::Define, Effect::Administer];
    let deny = rule("no-writes", &effects, Action::Deny);
    policy("reads", DefaultAction::Allow, vec![deny])
}

/// Plays each script on a session of its own, and compares what comes back.
async fn answers(cases: &[(&[&str], &str)]) {
    let house = House::open(vec![read_only()]).await;
    for (script, expected) in cases {
        let mut client = Client::log_in(house.address).await;
        let got = client.line(script).await;
        assert_eq!(got, expected.replace("DENIED", DENIED), "{script:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_comes_behind_the_answers_before_it_and_ends_the_pipeline() {
    answers(&[
        (
            &[
                "P |SELECT 1",
                "B ||",
                "E |0",
                "P |DELETE FROM pg_class",
                "B ||",
                "E |0",
                "P |SELECT 3",
                "B ||",
                "E |0",
                "S",
                "= 1",
                "Q SELECT 4",
                "= 1",
            ],
            "1 2 D(1) C(SELECT 1) DENIED Z(I) T(?column?) D(4) C(SELECT 1) Z(I)",
        ),
        (
            &[
                "P |DELETE FROM pg_class",
                "B ||",
                "E |0",
                "S",
                "P |SELECT 3",
                "B ||",
                "E |0",
                "S",
                "= 2",
            ],
            "DENIED Z(I) 1 2 D(3) C(SELECT 1) Z(I)",
        ),
        (
            &[
                "P |DELETE FROM pg_class",
                "H",
                "~ E",
                "P |SELECT 3",
                "DS",
                "S",
                "= 1",
            ],
            "DENIED Z(I)",
        ),
        (
            &[
                "P |SELECT 1/0",
                "B ||",
                "E |0",
                "P |DELETE FROM pg_class",
                "S",
                "= 1",
            ],
            "1 E(22012: division by zero) Z(I)",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_tells_the_transaction_as_it_is() {
    answers(&[
        (
            &[
                "Q BEGIN",
                "= 1",
                "P |DELETE FROM pg_class",
                "S",
                "= 1",
                "Q SELECT 1",
                "= 1",
            ],
            "C(BEGIN) Z(T) DENIED Z(T) T(?column?) D(1) C(SELECT 1) Z(T)",
        ),
        (
            &[
                "Q BEGIN",
                "= 1",
                "Q SELECT 1/0",
                "= 1",
                "P |DELETE FROM pg_class",
                "S",
                "= 1",
            ],
            "C(BEGIN) Z(T) E(22012: division by zero) Z(E) DENIED Z(E)",
        ),
        (
            &[
                "Q BEGIN",
                "= 1",
                "P |SELECT 1",
                "B ||",
                "E |0",
                "Q DELETE FROM pg_class",
                "= 1",
                "Q COMMIT",
                "= 1",
            ],
            "C(BEGIN) Z(T) 1 2 D(1) C(SELECT 1) DENIED Z(T) C(COMMIT) Z(I)",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_pipeline_that_was_refused_stays() {
    let house = House::open(vec![policy(
        "no-drop",
        DefaultAction::Allow,
        vec![rule("no-drop", &[Effect::Define], Action::Deny)],
    )])
    .await;
    house.server.sql(
        "postgres",
        "DROP TABLE IF EXISTS half; CREATE TABLE half (a int)",
    );
    let mut client = Client::log_in(house.address).await;
    let script = [
        "P |INSERT INTO half VALUES (1)",
        "B ||",
        "E |0",
        "P |DROP TABLE half",
        "B ||",
        "E |0",
        "S",
        "= 1",
    ];
    let got = client.line(&script).await;
    assert_eq!(got, format!("1 2 C(INSERT 0 1) {DENIED} Z(I)"));
    assert_eq!(
        house.server.sql("postgres", "SELECT count(*) FROM half"),
        "0"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_means_what_it_meant_before_a_refusal() {
    answers(&[
        (
            &[
                "P a|SELECT 1",
                "S",
                "= 1",
                "P a|DELETE FROM pg_class",
                "S",
                "= 1",
                "B |a|",
                "E |0",
                "S",
                "= 1",
            ],
            "1 Z(I) DENIED Z(I) 2 D(1) C(SELECT 1) Z(I)",
        ),
        (
            &["P a|DELETE FROM pg_class", "S", "= 1", "B |a|", "S", "= 1"],
            "DENIED Z(I) E(26000: prepared statement \"a\" does not exist) Z(I)",
        ),
        (
            &[
                "P a|SELECT 1",
                "S",
                "= 1",
                "P |DELETE FROM pg_class",
                "CS a",
                "S",
                "= 1",
                "B |a|",
                "E |0",
                "S",
                "= 1",
            ],
            "1 Z(I) DENIED Z(I) 2 D(1) C(SELECT 1) Z(I)",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_spoken_is_refused_and_the_session_goes_on() {
    let unsupported = "E(0A000: function calls by message are not supported)";
    answers(&[
        (
            &["F", "= 1", "Q SELECT 1", "= 1"],
            &format!("{unsupported} Z(I) T(?column?) D(1) C(SELECT 1) Z(I)"),
        ),
        (
            &[
                "P |SELECT 1",
                "B ||",
                "E |0",
                "F",
                "= 1",
                "Q SELECT 1",
                "= 1",
            ],
            &format!("1 2 D(1) C(SELECT 1) {unsupported} Z(I) T(?column?) D(1) C(SELECT 1) Z(I)"),
        ),
        (
            &[
                "Q COPY pg_class FROM STDIN",
                "= 1",
                "d 1",
                "c",
                "Q SELECT 1",
                "= 1",
            ],
            "DENIED Z(I) T(?column?) D(1) C(SELECT 1) Z(I)",
        ),
        (
            &[
                "P |COPY pg_class FROM STDIN",
                "B ||",
                "E |0",
                "d 1",
                "c",
                "S",
                "= 1",
            ],
            "DENIED Z(I)",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_while_rows_are_taken_fails_the_copy() {
    let house = House::open(vec![crate::bed::open_policy()]).await;
    let mut client = Client::log_in(house.address).await;
    let script = [
        "Q CREATE TEMP TABLE t (a int)",
        "= 1",
        "Q COPY t FROM STDIN",
        "~ G",
        "d 1",
        "Q SELECT 1",
        "= 1",
        "Q SELECT count(*) FROM t",
        "= 1",
    ];
    let got = client.line(&script).await;
    let tail = "Z(I) T(count) D(0) C(SELECT 1) Z(I)";
    assert!(got.contains("E(57014: COPY from stdin failed"), "{got}");
    assert!(got.ends_with(tail) && !got.contains("?column?"), "{got}");
}

/// Frames that are none: the client is told, and the connection closed.
#[tokio::test(flavor = "multi_thread")]
async fn broken_frames_close_the_connection() {
    let broken: [(&str, &str); 8] = [
        ("! 51 00 00 00 03", "a length below its own size"),
        ("! 51 ff ff ff ff", "a negative length"),
        ("! 51 00 00 00 09 53 00 31 00 00", "a zero inside a Query"),
        ("! 51 00 00 00 05 53", "a Query without its zero"),
        ("! 7a 00 00 00 04", "a type that nobody knows"),
        ("! 70 00 00 00 05 00", "a password after login"),
        ("! 44 00 00 00 06 58 00", "neither statement nor portal"),
        ("! 00 00 00 08 00 03 00 00 00", "a second start-up"),
    ];
    let house = House::open(vec![read_only()]).await;
    for (frame, what) in broken {
        let mut client = Client::log_in(house.address).await;
        let got = client.play(&["P |SELECT 1", "S", "= 1", frame, "."]).await;
        assert_eq!(got.len(), 4, "{what}: {got:?}");
        assert!(got[2].starts_with("E(08P01: "), "{what}: {got:?}");
        assert_eq!(got[3], "closed", "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_message_is_taken_and_one_byte_more_is_not() {
    let house = House::open(vec![crate::bed::open_policy()]).await;
    const LONGEST: usize = 64 * 1024 * 1024;
    let mut client = Client::log_in(house.address).await;
    let copy = [
        "Q CREATE TEMP TABLE t (a text)",
        "= 1",
        "Q COPY t FROM STDIN",
        "~ G",
    ];
    client.play(&copy).await;
    let mut row = vec![b'd'];
    row.extend_from_slice(&u32::try_from(LONGEST + 4).unwrap().to_be_bytes());
    row.resize(5 + LONGEST - 1, b'x');
    row.push(b'\n');
    client.send(&row).await;
    let got = client
        .line(&["c", "= 1", "Q SELECT length(a) FROM t", "= 1"])
        .await;
    assert_eq!(got, "C(COPY 1) Z(I) T(length) D(67108863) C(SELECT 1) Z(I)");
    client.line(&["Q COPY t FROM STDIN", "~ G"]).await;
    let length = u32::try_from(LONGEST + 1 + 4).unwrap();
    row[1..5].copy_from_slice(&length.to_be_bytes());
    row.push(b'\n');
    client.send(&row).await;
    let got = client
        .line(&["c", "= 1", "Q SELECT count(*) FROM t", "= 1"])
        .await;
    let told = "E(54000: a message of 67108865 bytes is larger than is taken (67108864 bytes))";
    assert_eq!(got, format!("{told} Z(I) T(count) D(1) C(SELECT 1) Z(I)"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_with_a_zero_byte_ends_the_session() {
    let house = House::open(vec![crate::bed::open_policy()]).await;
    // `SELECT 1`, zero, `;`, zero.
    let mut client = Client::log_in(house.address).await;
    let frame = "! 51 00 00 00 0f 53 45 4c 45 43 54 20 31 00 3b 00";
    let got = client.play(&[frame, "~ Z"]).await;
    assert!(got[0].starts_with("E(08P01: "), "{got:?}");
    assert_eq!(got[1..], ["closed"]);
}
