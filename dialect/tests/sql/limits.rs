//! Bounds on hostile texts. None of these needs a server.

use portcullis_dialect::sql::catalogue::Catalogue;
use portcullis_dialect::sql::parser::{MAX_STATEMENTS, MAX_TEXT, STACK_SIZE, readable};
use portcullis_dialect::sql::prepared::Prepared;
use portcullis_dialect::sql::settings::Settings;
use portcullis_dialect::sql::{Analysis, Refused, analyse};
use portcullis_policy::Flag;
use proptest::prelude::*;

fn told(text: &[u8]) -> Result<Analysis, Refused> {
    let settings = Settings::new("db", "role");
    let text = readable(text, &settings)?;
    analyse(
        &text,
        &settings,
        &Catalogue::default(),
        &Prepared::default(),
    )
}

/// Runs on the stack that the caller of `analyse` has to give.
fn on_big_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new()
        .stack_size(STACK_SIZE)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap()
}

#[test]
fn a_text_of_the_greatest_length_is_analysed_and_one_byte_more_is_refused() {
    let mut text = b"SELECT 1 ".to_vec();
    text.resize(MAX_TEXT, b' ');
    assert!(told(&text).is_ok());
    text.push(b' ');
    assert_eq!(
        told(&text).unwrap_err(),
        Refused::TooLong {
            length: MAX_TEXT + 1
        }
    );
}

#[test]
fn the_greatest_number_of_statements_is_analysed_and_one_more_is_refused() {
    assert!(told("SELECT 1;".repeat(MAX_STATEMENTS).as_bytes()).is_ok());
    assert_eq!(
        told("SELECT 1;".repeat(MAX_STATEMENTS + 1).as_bytes()).unwrap_err(),
        Refused::TooManyStatements {
            count: MAX_STATEMENTS + 1
        }
    );
}

#[test]
fn a_nul_and_bytes_that_are_no_text_are_named() {
    assert_eq!(
        told(b"SELECT 1\0; DROP").unwrap_err(),
        Refused::Nul { at: 8 }
    );
    assert_eq!(
        told(b"SELECT '\xff'").unwrap_err(),
        Refused::NotUtf8 { at: 8 }
    );
}

#[test]
fn nesting_far_beyond_the_bound_is_refused_and_never_a_crash() {
    let deep = [
        format!("SELECT {}1{}", "(SELECT ".repeat(500), ")".repeat(500)),
        format!("SELECT 1{}", " + 1".repeat(20_000)),
        format!("SELECT 1{}", " UNION SELECT 1".repeat(5_000)),
        format!("SELECT * FROM t{}", " JOIN t ON true".repeat(5_000)),
        format!("SELECT {}1", "NOT ".repeat(20_000)),
        format!("SELECT 1{}", "::int".repeat(20_000)),
        format!("SELECT {}1{}", "f(".repeat(5_000), ")".repeat(5_000)),
        format!("SELECT {}1{}", "ARRAY[".repeat(5_000), "]".repeat(5_000)),
    ];
    for text in deep {
        let shown: String = text.chars().take(40).collect();
        let result = on_big_stack(move || told(text.as_bytes()));
        assert_eq!(result.err(), Some(Refused::TooDeep), "{shown}");
    }
}

#[test]
fn wide_texts_are_analysed_whole() {
    let wide = [
        format!("SELECT 1 WHERE {}", vec!["1 = 2"; 5_000].join(" OR ")),
        format!("SELECT 1 IN ({})", vec!["1"; 20_000].join(", ")),
        format!("VALUES {}", vec!["(1, 'x')"; 10_000].join(", ")),
    ];
    for text in wide {
        let analysis = on_big_stack(move || told(text.as_bytes())).unwrap();
        assert!(!analysis.operation.is_unknown());
    }
}

/// True when the condition of a change is told as one that restricts nothing.
fn is_constant(condition: &str) -> bool {
    let text = format!("DELETE FROM t WHERE {condition}");
    on_big_stack(move || told(text.as_bytes()))
        .is_ok_and(|analysis| analysis.operation.flags.contains(&Flag::ConstantWhere))
}

#[test]
fn a_condition_of_more_subqueries_than_are_followed_restricts_nothing() {
    let one = "a IN (SELECT b FROM u WHERE u.b = 1)";
    assert!(!is_constant(&vec![one; 256].join(" AND ")));
    assert!(is_constant(&vec![one; 257].join(" AND ")));
}

#[test]
fn long_expressions_are_not_compared() {
    // 32 columns, 31 signs and a cast are 64 parts.
    let sum = vec!["a"; 32].join(" + ");
    assert!(is_constant(&format!("({sum})::int = ({sum})::int")));
    assert!(!is_constant(&format!(
        "({sum})::int::int = ({sum})::int::int"
    )));
}

#[test]
fn nested_conditions_are_looked_at_in_little_time() {
    for around in [
        "(a IN (@, true))",
        "(@ IN (true, b))",
        "(a = coalesce($1, @))",
        "(coalesce($1, @) = a)",
        "(@ BETWEEN a AND b)",
        "(a BETWEEN SYMMETRIC @ AND b)",
        "(CASE @ WHEN true THEN a = 1 WHEN false THEN b = 1 END)",
        "(CASE WHEN @ THEN a = 1 ELSE b = 1 END)",
        "((@, a) = (b, a))",
        "((@, a) IN ((b, a), (c, a)))",
        "(a = ANY (ARRAY[@, b]))",
        "(@ = ANY (ARRAY(SELECT a FROM t)))",
        "NOT (@ OR a = 1)",
        "(NULLIF(@, a) IS NULL)",
        "(@ IS NOT DISTINCT FROM a)",
        "EXISTS (SELECT 1 FROM t WHERE @)",
        "(a IN (SELECT a FROM t WHERE @))",
        "(a IN (SELECT a FROM (SELECT a FROM t WHERE @) s))",
        "(@ IN (SELECT a FROM t))",
    ] {
        let mut condition = "a = 1".to_owned();
        for depth in 1..=80 {
            condition = around.replace('@', &condition);
            if depth % 20 == 0 {
                is_constant(&condition);
            }
        }
    }
    let queries: Vec<String> = (1..200)
        .map(|n| {
            let before = n - 1;
            format!(
                "k{n} AS (SELECT a FROM t WHERE a IN (TABLE k{before}) OR b IN (TABLE k{before}))"
            )
        })
        .collect();
    let text = format!(
        "WITH k0 AS (SELECT a FROM t), {} DELETE FROM t WHERE a IN (TABLE k199)",
        queries.join(", ")
    );
    on_big_stack(move || told(text.as_bytes())).unwrap();
    let items = vec!["a"; 60_000].join(", ");
    assert!(is_constant(&format!("a + b IN ({items}) OR a = a")));
}

#[test]
fn an_empty_catalogue_knows_no_relation() {
    assert!(
        told(b"SELECT * FROM pg_class")
            .unwrap()
            .operation
            .is_unknown()
    );
    assert!(told(b"SELECT f(1)").unwrap().operation.is_unknown());
    assert!(!told(b"SELECT 1").unwrap().operation.is_unknown());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// A damaged statement is analysed or refused; nothing that it mentions is passed over.
    #[test]
    fn a_damaged_statement_is_never_passed_over(
        line in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
        length in 0_usize..12,
    ) {
        let statements: Vec<&str> = include_str!("corpus.sql").split(";\n").collect();
        let mut bytes = line.get(&statements).as_bytes().to_vec();
        if !bytes.is_empty() {
            let from = from.index(bytes.len());
            let end = (from + length).min(bytes.len());
            let with = other.get(&statements).bytes().take(length);
            bytes.splice(from..end, with);
        }
        if let Ok(analysis) = told(&bytes) {
            prop_assert!(!analysis.operation.attributes.contains_key("unaccounted"));
        }
    }
}
