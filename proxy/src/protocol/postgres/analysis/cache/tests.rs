use std::sync::Arc;

use portcullis_dialect::sql;
use portcullis_dialect::sql::catalogue::Catalogue;
use portcullis_dialect::sql::prepared::Prepared;
use portcullis_dialect::sql::settings::{Change, Setting, Settings, Tracked};

use super::{Cache, Context, Key, context, may_execute, shape};
use crate::protocol::postgres::analysis::Analysed;

const BASIS: Context = [7; 32];

fn analysed(text: &str) -> Arc<Analysed> {
    let catalogue = Arc::new(Catalogue::default());
    let settings = Settings::new("shop", "app");
    let analysis = sql::analyse(text, &settings, &catalogue, &Prepared::default()).unwrap();
    Arc::new(Analysed::new(analysis, catalogue, 1))
}

/// What is found for one text after another was kept.
fn found(kept: &str, asked: &str) -> Option<Arc<Analysed>> {
    let cache = Cache::new(1 << 20);
    let key = Key::of(&BASIS, kept)?;
    cache.put(key, kept, &analysed(kept));
    let key = Key::of(&BASIS, asked)?;
    cache.get(&key, asked)
}

#[test]
fn shapes_leave_out_plain_integers_only() {
    for (text, expected) in [
        ("select 1", Some("select $")),
        (
            "select a1, b_2 from t3 where id=42;",
            Some("select a1, b_2 from t3 where id=$;"),
        ),
        (
            "select 1.5, 2e5, 0x1F, 1_000, .5, 7",
            Some("select 1.5, 2e5, 0x1F, 1_000, .5, $"),
        ),
        ("select 999999999, 1000000000", Some("select $, 1000000000")),
        ("select é1, 1é", Some("select é1, 1é")),
        ("select -5 - 3", Some("select -$ - $")),
        ("select 'x', 1", None),
        ("select \"x\", 1", None),
        ("select $1", None),
        ("select 1 -- no", None),
        ("select 1 /* no */", None),
        ("select 1\\", None),
        ("", Some("")),
    ] {
        let shaped = shape(text.as_bytes()).map(|shape| String::from_utf8(shape).unwrap());
        assert_eq!(shaped.as_deref(), expected, "{text}");
    }
}

#[test]
fn another_text_of_the_shape_is_found_with_its_own_text() {
    let asked = "SELECT abalance FROM accounts WHERE aid = 1234567;";
    let hit = found("SELECT abalance FROM accounts WHERE aid = 1;", asked).unwrap();
    let anew = analysed(asked);
    assert_eq!(hit.told.operation, anew.told.operation);
    assert_eq!(hit.told.operation.text, asked);
    assert_eq!(hit.statements, anew.statements);
}

#[test]
fn analyses_that_rest_on_constants_serve_their_own_text_alone() {
    for (kept, asked) in [
        ("DELETE FROM t WHERE 1 = 1", "DELETE FROM t WHERE 1 = 2"),
        ("SET search_path = 1", "SET search_path = 2"),
        ("PREPARE p AS SELECT 1", "PREPARE p AS SELECT 2"),
        ("SELECT 1; SELECT 2", "SELECT 3; SELECT 4"),
        (
            "CREATE TABLE t (a int DEFAULT 1)",
            "CREATE TABLE t (a int DEFAULT 2)",
        ),
        ("SELECT 'a', 1", "SELECT 'a', 2"),
    ] {
        assert!(found(kept, asked).is_none(), "{asked}");
        let own = found(kept, kept).unwrap();
        assert_eq!(own.told.operation.text, kept);
    }
}

#[test]
fn what_may_run_a_prepared_statement_is_never_kept() {
    for text in [
        "EXECUTE p",
        "explain analyze eXeCuTe p(1)",
        "create table t as execute p",
    ] {
        assert!(may_execute(text), "{text}");
        assert!(Key::of(&BASIS, text).is_none());
    }
    assert!(!may_execute("select exec, ute from t"));
}

#[test]
fn each_setting_makes_another_context() {
    let settings = Settings::new("shop", "app");
    let mut contexts = vec![
        context(&settings, "db:5432", 1),
        context(&settings, "db:5432", 2),
        context(&settings, "db:5433", 1),
        context(&Settings::new("shop", "other"), "db:5432", 1),
        context(&Settings::new("other", "app"), "db:5432", 1),
    ];
    for setting in Setting::ALL {
        for value in [None, Some(vec!["off".to_owned()])] {
            let mut changed = settings.clone();
            changed.apply(&Change {
                setting,
                value,
                local: false,
            });
            contexts.push(context(&changed, "db:5432", 1));
        }
    }
    let mut changed = settings.clone();
    changed.temporary_schema = Tracked::Void;
    contexts.push(context(&changed, "db:5432", 1));
    changed.temporary_schema = Tracked::Known(Some("pg_temp_3".to_owned()));
    contexts.push(context(&changed, "db:5432", 1));
    let count = contexts.len();
    contexts.sort_unstable();
    contexts.dedup();
    assert_eq!(contexts.len(), count);
}

#[test]
fn the_cache_stays_within_its_bytes() {
    let cache = Cache::new(64 * 1024);
    for number in 0..500 {
        let text = format!("SELECT a{number} FROM t");
        cache.put(Key::of(&BASIS, &text).unwrap(), &text, &analysed(&text));
    }
    assert!(cache.settle() <= 64 * 1024);
}

#[test]
fn a_place_in_order_by_is_a_constant_that_counts() {
    for text in [
        "select a, b from t order by 1",
        "select a, b from t group by 1, 2",
        "select a, b from t group by rollup (1, 2)",
        "select distinct on (1) a, b from t",
        "select x from (select a as x from t order by 1) as s",
    ] {
        assert!(found(text, text).is_some(), "{text}");
        assert!(found(text, &text.replace('1', "2")).is_none(), "{text}");
    }
    let by_name = "select a, b from t where a = 1 order by b";
    assert!(found(by_name, &by_name.replace('1', "2")).is_some());
}
