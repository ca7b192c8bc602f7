//! Statements made by combination: every form over every relation, and every function in every
//! place that a query has for an expression. Each form says what it must be told as.

use portcullis_policy::Effect;

use crate::cases;
use crate::server::Server;

/// Relations behind which there is nothing that could change the effect.
const OPEN: [&str; 15] = [
    "customers",
    "orders",
    "order_lines",
    "plain",
    "\"Odd.Name\"",
    "analytics_events",
    "analyticsXevents",
    "private.salaries",
    "app.orders",
    "measurements",
    "measurements_2025",
    "animals",
    "dogs",
    "public.customers",
    "public . plain",
];

/// Relations with views, rules, triggers or policies behind them: an effect may be stronger there.
const HIDING: [&str; 10] = [
    "customer_names",
    "order_overview",
    "open_orders",
    "counted",
    "stamped",
    "stamped_reviewed",
    "ruled",
    "ruled_view",
    "guarded",
    "guarded_opaque",
];

/// `@` stands for a relation.
const FORMS: [(Effect, &str); 36] = [
    (Effect::Read, "SELECT * FROM @"),
    (Effect::Read, "TABLE @"),
    (Effect::Read, "SELECT count(*) FROM ONLY @ AS x"),
    (Effect::Read, "SELECT x FROM @ AS x ORDER BY 1 LIMIT 3"),
    (
        Effect::Read,
        "SELECT 1 FROM @ x CROSS JOIN @ y FETCH FIRST ROW ONLY",
    ),
    (
        Effect::Read,
        "WITH w AS (SELECT * FROM @) SELECT count(*) FROM w",
    ),
    (
        Effect::Read,
        "SELECT EXISTS (SELECT FROM @), (SELECT count(*) FROM @)",
    ),
    (Effect::Read, "VALUES ((SELECT count(*) FROM @)), (0)"),
    (Effect::Read, "SELECT * FROM @ UNION ALL SELECT * FROM @"),
    (
        Effect::Read,
        "SELECT to_jsonb(x) FROM @ x WHERE x IS NOT NULL",
    ),
    (Effect::Read, "SELECT v FROM @ x, LATERAL (SELECT x.*) v"),
    (Effect::Read, "EXPLAIN SELECT * FROM @"),
    (Effect::Read, "EXPLAIN (ANALYZE, COSTS off) SELECT * FROM @"),
    (Effect::Read, "EXPLAIN DELETE FROM @"),
    (Effect::Read, "COPY (SELECT * FROM @) TO STDOUT"),
    (Effect::Read, "DECLARE c CURSOR FOR SELECT * FROM @"),
    (Effect::Write, "DELETE FROM @"),
    (Effect::Write, "EXPLAIN ANALYZE DELETE FROM @"),
    (Effect::Write, "INSERT INTO @ DEFAULT VALUES"),
    (
        Effect::Write,
        "WITH gone AS (DELETE FROM @ RETURNING 1) SELECT count(*) FROM gone",
    ),
    (Effect::Write, "COPY (DELETE FROM @ RETURNING 1) TO STDOUT"),
    (Effect::Write, "SELECT * FROM @ FOR UPDATE"),
    (Effect::Write, "SELECT * FROM @ FOR SHARE SKIP LOCKED"),
    (Effect::Write, "LOCK TABLE @ IN SHARE MODE"),
    (Effect::Write, "TRUNCATE @"),
    (Effect::Define, "DROP TABLE @"),
    (Effect::Define, "ALTER TABLE @ ADD COLUMN extra int"),
    (Effect::Define, "CREATE INDEX ON @ ((1))"),
    (Effect::Define, "CREATE TABLE made AS SELECT * FROM @"),
    (Effect::Define, "SELECT * INTO made FROM @"),
    (Effect::Define, "CREATE VIEW made AS SELECT * FROM @"),
    (Effect::Define, "COMMENT ON TABLE @ IS 'seen'"),
    (Effect::Administer, "GRANT SELECT ON @ TO PUBLIC"),
    (Effect::Administer, "ANALYZE @"),
    (Effect::Administer, "VACUUM @"),
    (Effect::Administer, "REINDEX TABLE @"),
];

/// Calls that give an integer, and what they must be told as.
const CALLS: [(Effect, &str); 16] = [
    (Effect::Read, "length('x')"),
    (Effect::Read, "abs(-1)"),
    (Effect::Read, "double(2)"),
    (Effect::Read, "order_count(1)::int"),
    (Effect::Read, "current_setting('server_version_num')::int"),
    (Effect::Read, "pg_backend_pid()"),
    (Effect::Read, "extract(year FROM now())::int"),
    (Effect::Read, "app.helper()"),
    (Effect::Write, "nextval('counter')::int"),
    (Effect::Write, "setval('counter', 7)::int"),
    (Effect::Write, "lo_create(0)::int"),
    (Effect::Write, "length(pg_notify('a', 'b')::text)"),
    (Effect::Write, "length(close_order(1)::text)"),
    (Effect::Administer, "pg_terminate_backend(0)::int"),
    (Effect::Administer, "pg_reload_conf()::int"),
    (Effect::Unknown, "opaque(1)"),
];

/// `@` stands for a call.
const PLACES: [&str; 18] = [
    "SELECT @",
    "SELECT a FROM plain WHERE a = @",
    "SELECT 1 ORDER BY @",
    "SELECT count(*) FROM plain GROUP BY a HAVING count(*) > @",
    "SELECT 1 LIMIT @",
    "SELECT 1 OFFSET @",
    "SELECT CASE WHEN 1 = @ THEN 2 END",
    "SELECT sum(a) FILTER (WHERE a = @) FROM plain",
    "SELECT sum(a) OVER (PARTITION BY @) FROM plain",
    "VALUES (@)",
    "SELECT ARRAY[@, 2]",
    "SELECT ROW(@, 2)",
    "SELECT coalesce(@, 2), greatest(@, 1)",
    "SELECT g FROM generate_series(1, @) g",
    "SELECT 1 FROM plain JOIN orders ON id = @",
    "SELECT v.x FROM plain, LATERAL (SELECT @ AS x) v",
    "WITH w AS (SELECT @ AS x) SELECT x FROM w",
    "SELECT (SELECT @) IS NULL",
];

fn over(forms: &[(Effect, &str)], relations: &[&str]) -> Vec<(Effect, String)> {
    let of_form = |&(effect, form): &(Effect, &str)| {
        let texts = relations.iter().map(|name| form.replace('@', name));
        texts.map(|text| (effect, text)).collect::<Vec<_>>()
    };
    forms.iter().flat_map(of_form).collect()
}

fn calls() -> Vec<(Effect, String)> {
    let of_call = |&(effect, call): &(Effect, &str)| {
        let texts = PLACES.iter().map(|place| place.replace('@', call));
        texts.map(|text| (effect, text)).collect::<Vec<_>>()
    };
    CALLS.iter().flat_map(of_call).collect()
}

/// All of them, for the differential test.
pub(crate) fn statements() -> Vec<String> {
    let all = [over(&FORMS, &OPEN), over(&FORMS, &HIDING), calls()];
    all.into_iter().flatten().map(|(_, text)| text).collect()
}

/// Checks what each statement is told as.
fn check(statements: Vec<(Effect, String)>, is_right: impl Fn(Effect, Effect) -> bool) {
    let server = Server::shared();
    let catalogue = cases::catalogue(&server);
    let wrong: Vec<String> = statements
        .into_iter()
        .filter_map(|(expected, text)| {
            let found = cases::told(&catalogue, &text).unwrap().operation.effect;
            (!is_right(expected, found)).then(|| format!("{expected}, found {found}: {text}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_form_has_one_effect_over_every_relation_that_hides_nothing() {
    check(over(&FORMS, &OPEN), |expected, found| expected == found);
}

#[test]
fn what_hides_behind_a_relation_never_weakens_an_effect() {
    check(over(&FORMS, &HIDING), |expected, found| found >= expected);
}

#[test]
fn a_call_has_one_effect_wherever_it_stands() {
    check(calls(), |expected, found| expected == found);
}
