//! What a session keeps between texts: settings, prepared statements, the encoding.

use portcullis_dialect::sql::parser::readable;
use portcullis_dialect::sql::prepared::{Prepared, PreparedChange};
use portcullis_dialect::sql::settings::{Change, Setting, Settings, Tracked};
use portcullis_dialect::sql::{Refused, analyse};
use portcullis_policy::{Effect, Flag};

use crate::cases::{access, catalogue, told};
use crate::server::Server;

fn settings() -> Settings {
    Settings::new("cases", "postgres")
}

#[test]
fn a_prepared_statement_is_judged_when_it_is_executed() {
    let server = Server::shared();
    let catalogue = catalogue(&server);
    let prepare = told(&catalogue, "SELECT 1; PREPARE p (int) AS DELETE FROM plain").unwrap();
    let mut prepared = Prepared::default();
    for change in prepare.prepared {
        prepared.apply(change);
    }
    assert_eq!(prepared.len(), 1);
    let run = analyse("EXECUTE p (1)", &settings(), &catalogue, &prepared).unwrap();
    assert_eq!(run.operation.effect, Effect::Write);
    assert!(run.operation.flags.contains(&Flag::Unbounded));
    let explain = analyse("EXPLAIN EXECUTE p (1)", &settings(), &catalogue, &prepared).unwrap();
    assert_eq!(explain.operation.effect, Effect::Read);
    prepared.apply(PreparedChange::RemoveAll);
    let gone = analyse("EXECUTE p (1)", &settings(), &catalogue, &prepared).unwrap();
    assert_eq!(gone.operation.effect, Effect::Unknown);
}

#[test]
fn a_prepared_statement_is_looked_up_under_the_path_of_now() {
    let server = Server::shared();
    let catalogue = catalogue(&server);
    let prepare = told(&catalogue, "PREPARE p AS SELECT * FROM orders").unwrap();
    let mut prepared = Prepared::default();
    prepare
        .prepared
        .into_iter()
        .for_each(|change| prepared.apply(change));
    let mut settings = settings();
    settings.search_path = Tracked::Known(vec!["app".to_owned()]);
    let run = analyse("EXECUTE p", &settings, &catalogue, &prepared).unwrap();
    let accesses: Vec<_> = run.operation.accesses.iter().map(access).collect();
    assert_eq!(accesses, ["Read table:app.orders"]);
}

#[test]
fn settings_follow_what_a_text_sets() {
    let server = Server::shared();
    let catalogue = catalogue(&server);
    let after = |text: &str| told(&catalogue, text).unwrap().settings;
    assert_eq!(
        after("SET search_path = app, \"Odd\"").search_path,
        Tracked::Known(vec!["app".to_owned(), "Odd".to_owned()])
    );
    assert_eq!(after("RESET search_path").search_path, Tracked::Void);
    assert_eq!(
        after("SELECT set_config('search_path', 'x', false)").search_path,
        Tracked::Void
    );
    assert_eq!(after("SET ROLE ann").role, Tracked::Known("ann".to_owned()));
    assert_eq!(
        after("SET ROLE ann; SET ROLE NONE").role,
        Tracked::Known("postgres".to_owned())
    );
    assert_eq!(after("BEGIN; SET ROLE ann; ROLLBACK").role, Tracked::Void);
    assert_eq!(
        after("BEGIN; SET LOCAL ROLE ann; COMMIT").role,
        Tracked::Void
    );
    assert_eq!(after("DISCARD ALL").search_path, Tracked::Void);
    assert_eq!(after("DO 'BEGIN END'").search_path, Tracked::Void);
    assert_eq!(
        after("SET standard_conforming_strings = off").standard_conforming_strings,
        Tracked::Known(false)
    );
}

#[test]
fn the_string_setting_moves_the_end_of_a_literal() {
    let server = Server::shared();
    let catalogue = catalogue(&server);
    let text = r"SELECT 'a\'; DELETE FROM plain; --'";
    let mut off = settings();
    off.standard_conforming_strings = Tracked::Known(false);
    let analysis = analyse(text, &off, &catalogue, &Prepared::default()).unwrap();
    assert_eq!(analysis.operation.effect, Effect::Read);
    let analysis = analyse(text, &settings(), &catalogue, &Prepared::default()).unwrap();
    assert_eq!(analysis.operation.effect, Effect::Write);
    let mut void = settings();
    void.standard_conforming_strings = Tracked::Void;
    let analysis = analyse(text, &void, &catalogue, &Prepared::default()).unwrap();
    assert!(analysis.operation.is_unknown());
    let plain = analyse("SELECT 'a'", &void, &catalogue, &Prepared::default()).unwrap();
    assert_eq!(plain.operation.effect, Effect::Read);
}

#[test]
fn a_role_that_may_not_use_a_schema_does_not_hide_the_next() {
    let server = Server::shared();
    let catalogue = catalogue(&server);
    let mut settings = settings();
    settings.search_path = Tracked::Known(vec!["app".to_owned(), "public".to_owned()]);
    settings.role = Tracked::Known("ann".to_owned());
    let analysis = analyse(
        "SELECT * FROM orders",
        &settings,
        &catalogue,
        &Prepared::default(),
    )
    .unwrap();
    let accesses: Vec<_> = analysis.operation.accesses.iter().map(access).collect();
    assert_eq!(
        accesses,
        ["Read table:app.orders", "Read table:public.orders"]
    );
}

#[test]
fn a_void_path_leaves_unqualified_names_unresolved() {
    let server = Server::shared();
    let catalogue = catalogue(&server);
    let mut settings = settings();
    settings.apply(&Change {
        setting: Setting::SearchPath,
        value: None,
        local: false,
    });
    let told = |text: &str| analyse(text, &settings, &catalogue, &Prepared::default()).unwrap();
    assert!(told("SELECT * FROM plain").operation.is_unknown());
    assert!(!told("SELECT * FROM public.plain").operation.is_unknown());
    // A function that only the server has is looked up under any path.
    assert!(
        !told("SELECT pg_advisory_unlock_all()")
            .operation
            .is_unknown()
    );
    assert!(told("SELECT double(1)").operation.is_unknown());
    assert!(told("SELECT nosuch('x')").operation.is_unknown());
}

#[test]
fn an_encoding_that_cannot_be_lexed_is_refused_beyond_ascii() {
    let mut settings = settings();
    settings.client_encoding = Tracked::Known("SJIS".to_owned());
    let told = |text| readable(text, &settings);
    assert!(told(b"SELECT 1").is_ok());
    assert_eq!(
        told(b"SELECT '\x95\x5c'").unwrap_err(),
        Refused::Encoding {
            encoding: "SJIS".to_owned()
        }
    );
}

#[test]
fn constants_are_looked_at_only_where_the_answer_rests_on_them() {
    let server = Server::shared();
    let catalogue = catalogue(&server);
    for (text, looked_at) in [
        ("SELECT * FROM plain WHERE a = 5 LIMIT 3", false),
        ("UPDATE plain SET b = 'x' WHERE a = 5", false),
        ("DELETE FROM plain WHERE 1 = 1", true),
        ("DELETE FROM plain WHERE a = 5 AND 2 > 1", true),
        ("SET statement_timeout = 5", true),
    ] {
        let analysis = told(&catalogue, text).unwrap();
        assert_eq!(analysis.constants_looked_at, looked_at, "{text}");
    }
}

#[test]
fn statements_are_told_with_their_places_in_the_text() {
    let server = Server::shared();
    let catalogue = catalogue(&server);
    let text = "SELECT 1;  DROP TABLE plain ; SELECT 2";
    let analysis = told(&catalogue, text).unwrap();
    let parts: Vec<_> = analysis
        .statements
        .iter()
        .map(|statement| (statement.verb, text[statement.start..statement.end].trim()))
        .collect();
    assert_eq!(
        parts,
        [
            ("SELECT", "SELECT 1"),
            ("DROP TABLE", "DROP TABLE plain"),
            ("SELECT", "SELECT 2")
        ]
    );
    assert_eq!(analysis.operation.verb, "DROP TABLE");
    assert_eq!(
        analysis.operation.attributes["verb"],
        ["DROP TABLE", "SELECT"]
    );
    assert_eq!(analysis.operation.attributes["database"], ["cases"]);
    assert_eq!(analysis.operation.attributes["role"], ["postgres"]);
}

#[test]
fn an_event_trigger_counts_for_every_definition() {
    let server = Server::shared();
    server.database(
        "event_triggers",
        "CREATE TABLE plain (a int);
         CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN END$$;
         CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION on_ddl()",
    );
    let catalogue = server.catalogue("event_triggers");
    assert!(
        told(&catalogue, "DROP TABLE plain")
            .unwrap()
            .operation
            .is_unknown()
    );
    assert!(
        !told(&catalogue, "DELETE FROM plain")
            .unwrap()
            .operation
            .is_unknown()
    );
}
