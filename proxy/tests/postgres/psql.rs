//! psql, as people use it.

use portcullis_policy::{
    Action, DefaultAction, Effect, Match, OnExceed, Policy, ResourcePattern, Rule,
};

use crate::bed::{open_policy, policy, rule};
use crate::house::{House, rows};

fn read_only() -> Policy {
    let deny = rule(
        "no-writes",
        &[Effect::Write, Effect::Define, Effect::Administer],
        Action::Deny,
    );
    policy("reads", DefaultAction::Allow, vec![deny])
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_pass_and_answer_as_they_do_without_us() {
    let house = House::open(vec![open_policy()]).await;
    let (out, error) = house
        .psql("SELECT 1;\nSELECT 'a' || 'b' \\; SELECT 2;\n;\nSELECT 3;\n")
        .await;
    assert_eq!((out.as_str(), error.as_str()), ("1\nab\n2\n3", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_statement_has_no_effect_and_the_session_goes_on() {
    let house = House::open(vec![read_only()]).await;
    house.server.sql(
        "postgres",
        "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 1 AS a",
    );
    let script = "DELETE FROM kept;\nSELECT 1 \\; DELETE FROM kept;\nSELECT count(*) FROM kept;\n";
    let (out, error) = house.psql(script).await;
    assert_eq!(out, "1");
    assert_eq!(error.matches("ERROR:  42501").count(), 2, "{error}");
    assert!(error.contains("\"class\":\"PolicyDenied\""), "{error}");
    assert_eq!(
        house.server.sql("postgres", "SELECT count(*) FROM kept"),
        "1"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_and_nothing_more() {
    let house = House::open(vec![open_policy()]).await;
    let (out, error) = house
        .psql_with("SELECT 1", &[("PGPASSWORD", "wrong")])
        .await;
    assert_eq!(out, "");
    assert!(error.contains("FATAL"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn startup_options_that_change_who_acts_are_refused() {
    let house = House::open(vec![open_policy()]).await;
    let (_, error) = house
        .psql_with("SELECT 1", &[("PGOPTIONS", r"-c ro\le=postgres")])
        .await;
    assert!(error.contains("\"role\" may not be given"), "{error}");
    let (out, error) = house
        .psql_with(
            "SHOW search_path",
            &[("PGOPTIONS", "-c search_path=pg_catalog")],
        )
        .await;
    assert_eq!((out.as_str(), error.as_str()), ("pg_catalog", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_goes_both_ways() {
    let house = House::open(vec![open_policy()]).await;
    let script = "CREATE TEMP TABLE c (a int, b text);\nCOPY c FROM STDIN;\n1\tone\n2\ttwo\n\\.\n\
                  SELECT sum(a) FROM c;\nCOPY c TO STDOUT;\nSELECT 7;\n";
    let (out, error) = house.psql(script).await;
    assert_eq!((out.as_str(), error.as_str()), ("3\n1\tone\n2\ttwo\n7", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_beyond_a_limit_are_cut_with_a_notice_or_fail() {
    let house = House::open(vec![rows(3, OnExceed::Truncate)]).await;
    let (out, error) = house
        .psql("SELECT * FROM generate_series(1, 100);\nSELECT 5;\n")
        .await;
    assert_eq!(out, "1\n2\n3\n5");
    assert!(error.contains("cut after 3 rows"), "{error}");
    let house = House::open(vec![rows(3, OnExceed::Error)]).await;
    let (out, error) = house
        .psql("SELECT * FROM generate_series(1, 100);\nSELECT 5;\n")
        .await;
    assert!(out.ends_with('5'), "{out}");
    assert!(
        error.contains("42501") && error.contains("LimitExceeded"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_keep_their_state_over_refusals() {
    let house = House::open(vec![read_only()]).await;
    let script = "BEGIN;\nDELETE FROM pg_class;\nSELECT 1;\nCOMMIT;\nSELECT 2;\n";
    let (out, error) = house.psql(script).await;
    assert_eq!(out, "1\n2");
    assert_eq!(error.matches("ERROR").count(), 1, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_table_is_known_from_its_first_statement_on() {
    let deny = Rule {
        matching: Match {
            resources: vec![ResourcePattern::parse("table:public.shadowed").unwrap()],
            ..Match::default()
        },
        ..rule("kept-out", &[], Action::Deny)
    };
    let policies = vec![policy("shadow", DefaultAction::Allow, vec![deny])];
    let house = House::open(policies).await;
    let table = "CREATE TABLE public.shadowed AS SELECT 'kept' AS a";
    house.server.sql("postgres", table);
    // Each in a transaction of its own: nothing but the session itself sees the table.
    let script = "SELECT * FROM shadowed;\nCREATE TEMP TABLE shadowed (a int);\n\
                  SELECT count(*) FROM shadowed;\nALTER TABLE shadowed ADD b int DEFAULT 4;\n\
                  INSERT INTO shadowed VALUES (1);\nSELECT b FROM shadowed;\n\
                  SELECT * FROM public.shadowed;\nDROP TABLE shadowed;\nSELECT * FROM shadowed;\n";
    let (out, error) = house.psql(script).await;
    assert_eq!(out, "0\n4", "{error}");
    assert_eq!(error.matches("ERROR:  42501").count(), 3, "{error}");
    assert_eq!(error.matches("\"rule\":\"kept-out\"").count(), 3, "{error}");
}
