//! psql's commands that describe, with and without us, under policies and masks: they must say the
//! same, but for what is told here.

use std::net::SocketAddr;

use portcullis_policy::mask::Predicates;
use portcullis_policy::{Action, DefaultAction, Effect, Match, Policy, ResourcePattern, Rule};

use crate::bed::{open_policy, policy, rule};
use crate::house::House;
use crate::masking::masks_of;
use crate::tools::{no_definitions, ran, read_only};

const SCHEMA: &str = "
DROP SCHEMA IF EXISTS told CASCADE;
CREATE SCHEMA told;
SET search_path = told;
CREATE TYPE mood AS ENUM ('low', 'high');
CREATE DOMAIN small AS int CHECK (VALUE < 10);
CREATE TABLE analytics_sales (id int PRIMARY KEY, name text NOT NULL DEFAULT 'x', m mood, n int);
CREATE STATISTICS sales_stats ON id, n FROM analytics_sales;
CREATE TABLE analytics_parts (id int REFERENCES analytics_sales) PARTITION BY RANGE (id);
CREATE TABLE analytics_parts_1 PARTITION OF analytics_parts FOR VALUES FROM (1) TO (10);
CREATE INDEX analytics_names ON analytics_sales (upper(name));
CREATE VIEW analytics_seen AS SELECT id, upper(name) AS name FROM analytics_sales;
CREATE MATERIALIZED VIEW analytics_kept AS SELECT id FROM analytics_sales;
CREATE SEQUENCE numbers;
CREATE FUNCTION adds(a int, b int) RETURNS int LANGUAGE sql RETURN a + b;
CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int);
CREATE OPERATOR @@@ (leftarg = int, rightarg = int, function = adds);
ALTER TABLE analytics_sales ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON analytics_sales USING (id > 0);
CREATE RULE quiet AS ON DELETE TO analytics_sales DO INSTEAD NOTHING;
COMMENT ON TABLE analytics_sales IS 'what was sold';
INSERT INTO analytics_sales SELECT i, 'name ' || i, 'low', i FROM generate_series(1, 10) i;
ANALYZE analytics_sales;
";

/// How often both are asked before a difference is one of ours.
const TRIES: usize = 5;
const MARKER: &str = "-- that was it --";

const COMMANDS: [&str; 68] = [
    r"\d told.*",
    r"\d+ told.*",
    r"\dS pg_catalog.pg_class",
    r"\da told.*",
    r"\dA+",
    r"\dAc btree",
    r"\dAf btree",
    r"\dAo btree integer_ops",
    r"\dAp btree integer_ops",
    r"\db",
    r"\dc told.*",
    r"\dC text",
    r"\dconfig work_mem",
    r"\dd told.*",
    r"\dD+ told.*",
    r"\ddp",
    r"\dE told.*",
    r"\des+",
    r"\det+",
    r"\deu",
    r"\dew+",
    r"\df+ told.*",
    r"\dF+",
    r"\dFd+",
    r"\dFp+",
    r"\dFt+",
    r"\dg+",
    r"\di+ told.*",
    r"\dl+",
    r"\dL+",
    r"\dm+ told.*",
    r"\dn+ told",
    r"\do+ told.*",
    r"\dO+ told.*",
    r"\dp told.*",
    r"\dP+ told.*",
    r"\drds",
    r"\dRp+",
    r"\dRs",
    r"\ds+ told.*",
    r"\dt+ told.*",
    r"\dT+ told.*",
    r"\du+",
    r"\dv+ told.*",
    r"\dx+",
    r"\dX told.*",
    r"\dy+",
    r"\l",
    r"\z told.*",
    r"\sf told.adds",
    r"\sf+ told.adds",
    r"\sv told.analytics_seen",
    r"\sv+ told.analytics_seen",
    r"\lo_list",
    r"\encoding",
    r"\d told.analytics_sales",
    r"\d+ told.analytics_sales",
    r"\d told.analytics_parts",
    r"\d+ told.analytics_parts",
    r"\d told.analytics_names",
    r"\d+ told.analytics_seen",
    r"\d+ told.analytics_kept",
    r"\d told.numbers",
    r"\d nosuch",
    r"\dt nosuch.*",
    r"\sf nosuch",
    r"\sv nosuch",
    PRIVILEGES,
];

/// What a dashboard tool asks before it shows any table.
const PRIVILEGES: &str = "with table_privileges as (\
    select NULL as role, t.schemaname as schema, t.objectname as table, \
    pg_catalog.has_any_column_privilege(current_user, '\"' || replace(t.schemaname, '\"', '\"\"') \
    || '\"' || '.' || '\"' || replace(t.objectname, '\"', '\"\"') || '\"', 'update') as update, \
    pg_catalog.has_table_privilege(current_user, '\"' || replace(t.schemaname, '\"', '\"\"') \
    || '\"' || '.' || '\"' || replace(t.objectname, '\"', '\"\"') || '\"', 'SELECT') as select \
    from (select schemaname, tablename as objectname from pg_catalog.pg_tables \
    union select schemaname, viewname as objectname from pg_views \
    union select schemaname, matviewname from pg_matviews) t where t.schemaname = 'told') \
    select t.* from table_privileges t order by 3;";

/// What psql says to each command: one session runs them all, a marker behind each.
async fn said(address: SocketAddr) -> Vec<String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let lines = COMMANDS.map(|command| format!("{command}\n\\echo {MARKER}\n"));
    std::fs::write(file.path(), lines.concat()).unwrap();
    let path = file.path().to_str().unwrap();
    let output = ran(address, "psql", &["-X", "-f", path]).await;
    let [out, errors] = [output.stdout, output.stderr].map(|b| String::from_utf8(b).unwrap());
    let mut said: Vec<String> = out
        .split(&format!("{MARKER}\n"))
        .map(str::to_owned)
        .collect();
    assert_eq!(said.pop().as_deref(), Some(""), "{errors}");
    assert_eq!(said.len(), COMMANDS.len(), "{errors}");
    let place = format!("psql:{path}:");
    for error in errors.split(&place).filter(|error| !error.is_empty()) {
        let (line, text) = error.split_once(": ").unwrap();
        let line: usize = line.parse().unwrap();
        said[line / 2].push_str(text);
    }
    said
}

/// What is refused; all else is the same. Tests beside this one make and drop roles, which all
/// databases of the server share: where something differs, all is asked once more.
async fn refused(house: &House) -> Vec<&'static str> {
    let mut differs = String::new();
    for _ in 0..TRIES {
        match compared(house).await {
            Ok(refused) => return refused,
            Err(difference) => differs = difference,
        }
    }
    panic!("{differs}");
}

async fn compared(house: &House) -> Result<Vec<&'static str>, String> {
    let direct = said(SocketAddr::from(([127, 0, 0, 1], house.server.port))).await;
    let proxied = said(house.address).await;
    let mut refused = Vec::new();
    for ((direct, proxied), command) in direct.iter().zip(&proxied).zip(COMMANDS) {
        assert!(!direct.is_empty(), "{command} says something");
        if direct != proxied {
            if !proxied.starts_with("ERROR:  ") {
                return Err(format!("{command}\n{direct}\n{proxied}"));
            }
            refused.push(command);
        }
    }
    Ok(refused)
}

/// As the sample for analysts.
fn analytics() -> Policy {
    let patterns = |all: &[&str]| -> Vec<ResourcePattern> {
        let parsed = all.iter().map(|one| ResourcePattern::parse(one).unwrap());
        parsed.collect()
    };
    let mut tables = rule("tables", &[Effect::Read], Action::Allow);
    tables.matching.resources = patterns(&["table:*.analytics_*", "table:pg_catalog.*"]);
    tables.unless = Some(Match {
        resources: patterns(&[
            "table:pg_catalog.pg_stats",
            "table:pg_catalog.pg_stats_ext*",
            "table:pg_catalog.pg_statistic",
            "table:pg_catalog.pg_statistic_ext_data",
            "table:pg_catalog.pg_stat_activity",
            "table:pg_catalog.pg_largeobject",
        ]),
        ..Match::default()
    });
    let mut none = rule("no-table", &[Effect::Read], Action::Allow);
    none.matching.expression =
        Some(portcullis_policy::Expression::compile("operation.accesses.size() == 0").unwrap());
    let sessions: Rule = rule("sessions", &[Effect::Session], Action::Allow);
    policy(
        "analytics",
        DefaultAction::Deny,
        vec![tables, none, sessions],
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_describes_says_the_same_under_every_policy() {
    let house = House::open(vec![read_only()]).await;
    house.server.sql("postgres", SCHEMA);
    // Their tables hold credentials in columns that only `\deu+` and `\dRs+` show.
    let kept = [r"\deu", r"\dRs"];
    assert_eq!(refused(&house).await, kept, "read only");
    house.edit(vec![no_definitions()]);
    assert_eq!(refused(&house).await, kept, "no definitions");
    house.edit(vec![analytics()]);
    assert_eq!(refused(&house).await, kept, "analytics");
    let columns = ["told.analytics_sales.name".to_owned()];
    let rule = masks_of(&columns, Predicates::Equality);
    house.edit_masked(vec![open_policy()], vec![rule]);
    assert_eq!(refused(&house).await, kept, "masked");
}
