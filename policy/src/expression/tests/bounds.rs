//! Every bound at its value and one past it.

use std::sync::Arc;

use super::*;

/// Two mebibytes are what a thread has by default; a shape that took more would abort.
#[test]
fn no_shape_of_text_overflows_a_small_stack() {
    let small = std::thread::Builder::new().stack_size(2 << 20);
    let shapes = || {
        let most = MAX_EXPRESSION_LEN;
        let mut shapes = Vec::new();
        for count in [10_usize, 15, 16, 30, 58, 59, 60, 61, 190, 400, most] {
            shapes.push(format!("{}1{} == 1", "(".repeat(count), ")".repeat(count)));
            shapes.push(format!(
                "{}1{} == [1]",
                "[".repeat(count),
                "]".repeat(count)
            ));
            shapes.push("(".repeat(count));
            shapes.push(format!("{}true", "!".repeat(count)));
            shapes.push(format!("{}true{}", "!(".repeat(count), ")".repeat(count)));
            shapes.push(format!("{}1 == 1", "-".repeat(count)));
            shapes.push(format!("1{} == 1", "+1".repeat(count)));
            shapes.push(format!("1{} == 1", "*1".repeat(count)));
            shapes.push(format!("true{}", "==true".repeat(count)));
            shapes.push(format!("true{}", "&&true".repeat(count)));
            shapes.push(format!("true{}", "||true".repeat(count)));
            shapes.push(format!("{}true", "true?true:".repeat(count)));
            shapes.push(format!(
                "{}true{}",
                "true?".repeat(count),
                ":true".repeat(count)
            ));
            shapes.push(format!("subject.claims{} == 1", ".a".repeat(count)));
            shapes.push(format!("subject.claims{} == 1", "[0]".repeat(count)));
            shapes.push(format!("subject.username{} == ''", ".trim()".repeat(count)));
            shapes.push(format!(
                "size({}1{})",
                "size(".repeat(count),
                ")".repeat(count)
            ));
            shapes.push(format!("[{}1] == [1]", "1,".repeat(count)));
            shapes.push(format!(
                "{}true{}",
                "[1].all(x,".repeat(count),
                ")".repeat(count)
            ));
            shapes.push("'".repeat(count));
            shapes.push("\\".repeat(count));
            shapes.push(format!("'\\\n{}", "(".repeat(count)));
            shapes.push(format!("'\\x{}'", "(".repeat(count)));
            shapes.push(format!("true // {}", "(".repeat(count)));
        }
        let (mut accepted, mut refused) = (0, 0);
        for shape in shapes {
            match Expression::compile(&shape) {
                Ok(expression) => {
                    let _ = ask_with(expression.as_str(), &subject(), &operation());
                    accepted += 1;
                }
                Err(_) => refused += 1,
            }
        }
        assert!(
            accepted > 40 && refused > 80,
            "{accepted} accepted, {refused} refused"
        );
    };
    small.spawn(shapes).unwrap().join().unwrap();
}

#[test]
fn each_bound_holds_at_its_value_and_refuses_one_past_it() {
    let padded = |length: usize| format!("true{}", " ".repeat(length - 4));
    assert!(Expression::compile(&padded(MAX_EXPRESSION_LEN)).is_ok());
    assert_eq!(
        refusal(&padded(MAX_EXPRESSION_LEN + 1)),
        "1:1: the expression is 4097 bytes long; at most 4096 are allowed"
    );

    let nested = |depth: usize| format!("{}true{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Expression::compile(&nested(MAX_EXPRESSION_NESTING)).is_ok());
    assert_eq!(
        refusal(&nested(MAX_EXPRESSION_NESTING + 1)),
        "1:17: brackets are nested more than 16 deep"
    );

    let deep = |count: usize| format!("1{} == 1", "+1".repeat(count - 2));
    assert!(Expression::compile(&deep(MAX_EXPRESSION_DEPTH)).is_ok());
    assert!(refusal(&deep(MAX_EXPRESSION_DEPTH + 1)).contains("more than 32 levels deep"));

    let chained = |count: usize| format!("true{}", "==true".repeat(count));
    assert!(!refusal(&chained(MAX_EXPRESSION_CHAIN)).contains("operators"));
    assert!(refusal(&chained(MAX_EXPRESSION_CHAIN + 1)).contains("more than 60 operators"));
    assert!(Expression::compile(&format!("true{}", "&&true".repeat(180))).is_ok());

    let listed = |count: usize| format!("1 in [1{}]", ",1".repeat((count - 5) / 2));
    let negative = listed(MAX_EXPRESSION_TOKENS - 1).replacen('1', "-1", 1);
    assert!(Expression::compile(&negative).is_ok());
    assert!(refusal(&listed(MAX_EXPRESSION_TOKENS + 1)).contains("more than 400 names"));

    assert!(Expression::compile("[1].all(a, [2].all(b, a < b))").is_ok());
    let three = refusal("[1].all(a, [2].all(b, [3].all(c, a < b)))");
    assert!(
        three.contains("more than 2 loops inside each other"),
        "{three}"
    );

    let dear = "operation.accesses.all(a, operation.accesses.all(b, operation.text.contains('x')))";
    assert!(refusal(dear).contains("steps; at most 1000000 are allowed"));

    let over = |count: usize| format!("[1{}].all(x, x == 1)", ",1".repeat(count - 1));
    assert!(Expression::compile(&over(MAX_ITERATED)).is_ok());
    assert!(refusal(&over(MAX_ITERATED + 1)).contains("a loop runs over at most 64 values"));
}

#[test]
fn facts_past_the_bounds_fail_the_expression_instead_of_being_cut() {
    let accesses = |count: usize| {
        let accesses = (0..count).map(|n| table(Effect::Read, &format!("public.t{n}")));
        Operation {
            accesses: Arc::new(accesses.collect()),
            ..operation()
        }
    };
    let every = "operation.accesses.all(a, a.segments[0] == 'public')";
    assert_eq!(
        ask_with(every, &subject(), &accesses(MAX_ITERATED)),
        Ok(true)
    );
    assert_eq!(
        ask_with(every, &subject(), &accesses(MAX_ITERATED + 1)),
        Err("`operation.accesses` has 65 values; this expression reads at most 64".to_owned())
    );
    assert_eq!(
        ask_with("operation.accesses.size() == 65", &subject(), &accesses(65)),
        Ok(true)
    );
    assert!(
        ask_with(
            "size(operation.accesses) > 0",
            &subject(),
            &accesses(MAX_LISTED + 1)
        )
        .is_err()
    );

    let groups = |count: usize| Subject {
        groups: (0..count).map(|n| format!("g{n}")).collect(),
        ..subject()
    };
    assert_eq!(
        ask_with("'g99' in subject.groups", &groups(MAX_LISTED), &operation()),
        Ok(true)
    );
    assert!(
        ask_with(
            "'g99' in subject.groups",
            &groups(MAX_LISTED + 1),
            &operation()
        )
        .is_err()
    );
    let looped = "subject.groups.map(g, g).exists(g, g == 'g1')";
    assert!(ask_with(looped, &groups(MAX_ITERATED + 1), &operation()).is_err());

    let text = |length: usize| Operation {
        text: "x".repeat(length),
        ..operation()
    };
    let searched = "operation.text.contains('x')";
    assert_eq!(
        ask_with(searched, &subject(), &text(MAX_EXPRESSION_TEXT)),
        Ok(true)
    );
    assert!(ask_with(searched, &subject(), &text(MAX_EXPRESSION_TEXT + 1)).is_err());
    assert_eq!(
        ask_with("operation.verb == 'UPDATE'", &subject(), &text(1 << 20)),
        Ok(true)
    );

    let named = |length: usize| Subject {
        username: "u".repeat(length),
        ..subject()
    };
    assert_eq!(
        ask_with("subject.username != ''", &named(MAX_STRING), &operation()),
        Ok(true)
    );
    assert!(
        ask_with(
            "subject.username != ''",
            &named(MAX_STRING + 1),
            &operation()
        )
        .is_err()
    );
}

#[test]
fn a_text_that_splits_into_too_many_parts_fails_the_expression() {
    let parts = |count: usize| Operation {
        text: ",".repeat(count - 1),
        ..operation()
    };
    let split = "operation.text.split(',').all(p, p == '')";
    assert_eq!(ask_with(split, &subject(), &parts(MAX_ITERATED)), Ok(true));
    assert!(ask_with(split, &subject(), &parts(MAX_ITERATED + 1)).is_err());
}

#[test]
fn claims_past_the_bounds_fail_the_expression() {
    let mut deep = serde_json::json!(1);
    for _ in 0..MAX_CLAIMS_DEPTH {
        deep = serde_json::json!([deep]);
    }
    let claiming = |value: serde_json::Value| {
        let mut claims = serde_json::Map::new();
        claims.insert("c".to_owned(), value);
        Subject {
            claims,
            ..subject()
        }
    };
    assert_eq!(
        ask_with(
            "has(subject.claims.c)",
            &claiming(deep.clone()),
            &operation()
        ),
        Ok(true)
    );
    let deeper = claiming(serde_json::json!([deep]));
    assert!(ask_with("has(subject.claims.c)", &deeper, &operation()).is_err());
    let wide = |count: usize| claiming(serde_json::json!(vec![1; count]));
    assert_eq!(
        ask_with("has(subject.claims.c)", &wide(MAX_CLAIMS - 1), &operation()),
        Ok(true)
    );
    assert!(ask_with("has(subject.claims.c)", &wide(MAX_CLAIMS), &operation()).is_err());
}

#[test]
fn the_dearest_expression_that_is_accepted_ends_soon() {
    let source = "operation.accesses.all(a, operation.accesses.all(b, \
                  a.segments[1] == b.segments[1] || a.kind == 'table'))";
    let expression = Expression::compile(source).unwrap();
    assert!(
        expression.cost() > MAX_EXPRESSION_COST / 2,
        "{}",
        expression.cost()
    );
    let accesses = (0..64).map(|n| table(Effect::Read, &format!("public.t{n}")));
    let operation = Operation {
        accesses: Arc::new(accesses.collect()),
        ..operation()
    };
    #[allow(clippy::disallowed_methods, reason = "measures")]
    let start = std::time::Instant::now();
    assert_eq!(ask_with(source, &subject(), &operation), Ok(true));
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_search_that_takes_too_long_fails_the_expression() {
    let mut state = 12345_u64;
    let bits = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
        if state >> 63 == 1 { '1' } else { '0' }
    });
    let noisy = Operation {
        text: bits.take(MAX_EXPRESSION_TEXT).collect(),
        ..operation()
    };
    for slow in ["matches('1[01]{2000}x')", "find('1[01]{2000}x') == ''"] {
        let source = format!("operation.text.{slow}");
        let failed = ask_with(&source, &subject(), &noisy).unwrap_err();
        assert!(
            failed.contains("the pattern takes too long on this text"),
            "{failed}"
        );
        assert!(ask_with(&source, &subject(), &operation()).is_ok());
    }
}

#[test]
fn strings_do_not_grow_past_their_bound_however_they_are_made() {
    let doubled = |times: usize| {
        let grown = ".map(x, x + x)".repeat(times);
        format!("subject.groups{grown}.exists(x, x == '')")
    };
    assert!(Expression::compile(&doubled(1)).is_ok());
    let refused = refusal(&doubled(7));
    assert!(
        refused.contains("at most 262144 are allowed") || refused.contains("steps"),
        "{refused}"
    );
    let text = |times: usize| {
        format!(
            "size(operation.text{}) > 0",
            " + operation.text".repeat(times)
        )
    };
    assert!(Expression::compile(&text(3)).is_ok());
    let longer = text(3).replace("size(", "size('x' + ");
    assert!(
        refusal(&longer).contains("may grow to 262145 bytes"),
        "{longer}"
    );
    let refused = refusal(&text(4));
    assert!(
        refused.contains("this may grow to 327680 bytes; at most 262144"),
        "{refused}"
    );
}
