use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use super::*;
use crate::operation::{Access, Effect, Flag, Operation, Resource, ResourceKind};
use crate::snapshot::ConnectionFacts;
use crate::subject::Subject;

/// Saturday, 31 January 2026, 23:30:00 UTC.
const NOW: u64 = 1_769_902_200;

fn table(effect: Effect, name: &str) -> Access {
    let segments = name.split('.').map(str::to_owned).collect();
    Access {
        effect,
        resource: Resource::Named {
            kind: ResourceKind::Table,
            segments,
        },
    }
}

fn operation() -> Operation {
    Operation {
        effect: Effect::Write,
        verb: "UPDATE".to_owned(),
        flags: BTreeSet::from([Flag::Unbounded]),
        attributes: BTreeMap::from([("setting".to_owned(), vec!["search_path".to_owned()])]),
        text: "UPDATE orders SET héllo = 1".to_owned(),
        accesses: BTreeSet::from([
            table(Effect::Read, "public.customers"),
            table(Effect::Write, "public.orders"),
        ]),
    }
}

fn subject() -> Subject {
    let claims = serde_json::json!({
        "team": "billing", "level": 3, "ratio": 2.0, "half": 0.5, "admin": false,
        "org": {"unit": "eu", "tags": ["a", "b"]}, "list": [1, 2, 3], "nothing": null,
    });
    Subject {
        username: "oidc:alice".to_owned(),
        groups: vec!["developers".to_owned(), "billing".to_owned()],
        issuer: "https://idp.example".to_owned(),
        claims: claims.as_object().unwrap().clone(),
        actor: None,
        owner: None,
    }
}

fn connection() -> ConnectionFacts {
    ConnectionFacts {
        namespace: "prod".to_owned(),
        name: "orders-db".to_owned(),
        uid: "u".to_owned(),
        labels: BTreeMap::from([("app.kubernetes.io/name".to_owned(), "orders".to_owned())]),
        protocol: "postgres".to_owned(),
        database: Some("orders".to_owned()),
    }
}

fn session() -> SessionFacts {
    SessionFacts {
        id: "s-1".to_owned(),
        client_address: "10.1.2.3".to_owned(),
        started_at: SystemTime::UNIX_EPOCH + Duration::from_secs(NOW - 3600),
    }
}

fn ask_with(source: &str, subject: &Subject, operation: &Operation) -> Result<bool, String> {
    let expression =
        Expression::compile(source).unwrap_or_else(|error| panic!("{source}: {error}"));
    let (connection, session) = (connection(), session());
    let environment = Environment::new([&expression]);
    let facts = Facts {
        subject,
        connection: &connection,
        session: &session,
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(NOW),
        operation: Some(operation),
    };
    environment.evaluate(facts).ask(&expression)
}

fn ask(source: &str) -> Result<bool, String> {
    ask_with(source, &subject(), &operation())
}

fn refusal(source: &str) -> String {
    match Expression::compile(source) {
        Ok(_) => panic!("`{source}` was not refused"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn conditions_on_every_declared_variable_are_told() {
    for (source, expected) in [
        ("true", true),
        ("subject.username == 'oidc:alice'", true),
        (
            "subject.username.startsWith('oidc:') && !subject.username.endsWith('bob')",
            true,
        ),
        ("'billing' in subject.groups", true),
        ("'admins' in subject.groups", false),
        ("subject.groups.exists(g, g.startsWith('dev'))", true),
        ("subject.groups.all(g, g.size() > 3)", true),
        ("subject.groups.filter(g, g == 'billing').size() == 1", true),
        (
            "subject.groups.map(g, g + '!').exists(g, g == 'billing!')",
            true,
        ),
        ("subject.groups.exists_one(g, g == 'billing')", true),
        ("subject.issuer == 'https://idp.example'", true),
        ("subject.claims.team == 'billing'", true),
        (
            "subject.claims.level >= 3 && subject.claims.ratio == 2",
            true,
        ),
        ("subject.claims.half > 0.4", true),
        (
            "subject.claims.org.unit == 'eu' && 'a' in subject.claims.org.tags",
            true,
        ),
        ("subject.claims['team'] == 'billing'", true),
        (
            "has(subject.claims.team) && !has(subject.claims.missing)",
            true,
        ),
        (
            "has(subject.claims.org.unit) && !has(subject.claims.org.nope)",
            true,
        ),
        ("subject.claims.nothing == null", true),
        ("!subject.claims.admin", true),
        ("has(subject.actor)", false),
        ("!has(subject.actor) || subject.actor == 'agent'", true),
        ("operation.effect == 'Write'", true),
        ("operation.effect in ['Read', 'Session']", false),
        ("operation.verb == 'UPDATE'", true),
        ("'unbounded' in operation.flags", true),
        ("operation.text.contains('orders')", true),
        ("operation.text.matches('(?i)^update')", true),
        ("operation.text.find('h.llo') == 'héllo'", true),
        ("'search_path' in operation.attributes.setting", true),
        (
            "operation.attributes['setting'].exists(s, s == 'search_path')",
            true,
        ),
        ("has(operation.attributes.role)", false),
        ("operation.accesses.size() == 2", true),
        (
            "operation.accesses.all(a, a.kind == 'table' && a.segments[0] == 'public')",
            true,
        ),
        (
            "operation.accesses.exists(a, a.effect == 'Write' && a.segments[1] == 'orders')",
            true,
        ),
        (
            "operation.accesses.all(a, operation.accesses.exists(b, a.segments == b.segments))",
            true,
        ),
        (
            "connection.namespace == 'prod' && connection.name == 'orders-db'",
            true,
        ),
        (
            "connection.labels['app.kubernetes.io/name'] == 'orders'",
            true,
        ),
        (
            "connection.protocol == 'postgres' && has(connection.database)",
            true,
        ),
        ("connection.database == 'orders'", true),
        ("session.id == 's-1'", true),
        ("cidr('10.0.0.0/8').containsIP(session.clientAddress)", true),
        (
            "cidr('10.2.0.0/16').containsIP(session.clientAddress)",
            false,
        ),
        ("now - session.startedAt == duration('1h')", true),
        ("now - duration('30m') > session.startedAt", true),
        ("now > timestamp('2026-01-31T00:00:00Z')", true),
        ("sets.intersects(subject.groups, ['billing', 'x'])", true),
        ("sets.contains(subject.groups, ['billing', 'x'])", false),
        ("size('héllo') == 5", true),
        ("'a,b,c'.split(',').size() == 3", true),
        (
            "'Hello'.lowerAscii() == 'hello' && ' x '.trim() == 'x'",
            true,
        ),
        (
            "'hello'.substring(1, 3) == 'el' && 'hello'.indexOf('l') == 2",
            true,
        ),
        ("int('42') == 42 && string(42) == '42'", true),
        ("isIP(session.clientAddress)", true),
        ("1 + 2 * 3 == 7 && -1 < 0 && 7 % 4 == 3", true),
        ("(1 < 2 ? 'a' : 'b') == 'a'", true),
        ("r'a\\d' == 'a\\\\d' // a comment", true),
        ("'\\u00e9\\x41\\101' == 'éAA'", true),
    ] {
        assert_eq!(ask(source), Ok(expected), "{source}");
    }
}

#[test]
fn parts_of_a_time_are_told_in_utc_or_at_an_offset() {
    for (source, expected) in [
        ("now.getHours() == 23", true),
        ("now.getHours('UTC') == 23", true),
        ("now.getHours('+02:00') == 1", true),
        ("now.getMinutes('+05:45') == 15", true),
        ("now.getHours('-08:00') == 15", true),
        ("now.getDayOfWeek() == 6", true),
        ("now.getDayOfWeek('+02:00') == 0", true),
        (
            "now.getFullYear() == 2026 && now.getMonth() == 0 && now.getDate() == 31",
            true,
        ),
        (
            "now.getDate('+02:00') == 1 && now.getMonth('+02:00') == 1",
            true,
        ),
        (
            "now.getDayOfYear() == 30 && now.getDayOfMonth() == 30 && now.getSeconds() == 0",
            true,
        ),
        // Winter and summer time, to both sides of the change, and a zone of half hours.
        (
            "timestamp('2026-03-29T00:59:59Z').getHours('Europe/Berlin') == 1 && \
             timestamp('2026-03-29T01:00:00Z').getHours('Europe/Berlin') == 3",
            true,
        ),
        (
            "timestamp('2026-11-21T20:00:00Z').getMinutes('Asia/Kolkata') == 30 && \
             timestamp('2026-11-21T20:00:00Z').getDayOfWeek('Asia/Kolkata') == 0",
            true,
        ),
        (
            "duration('90m').getHours() == 1 && duration('90m').getMinutes() == 90",
            true,
        ),
    ] {
        assert_eq!(ask(source), Ok(expected), "{source}");
    }
    assert_eq!(
        refusal("now.getHours('Europe/Atlantis') < 8"),
        "1:14: the time zone `Europe/Atlantis` is not known; write `UTC`, a place such as \
         `Europe/Berlin`, or an offset such as `+02:00`"
    );
    assert!(refusal("now.getHours(subject.username) < 8").contains("must be written here"));
}

#[test]
fn unknown_names_are_refused_with_their_place_and_what_there_is() {
    for (source, expected) in [
        (
            "user.name == 'x'",
            "1:1: there is no `user`; there are subject, operation, connection, session, now",
        ),
        (
            "true &&\n  subject.user == 'x'",
            "2:10: `subject` has no field `user`; it has username, groups, issuer, claims, actor",
        ),
        (
            "'é' == 'é' && operation.foo == 1",
            "1:24: `operation` has no field `foo`; it has effect, verb, flags, text, attributes, \
             accesses",
        ),
        (
            "operation.accesses.exists(a, a.name == 'x')",
            "1:31: an access has no field `name`; it has effect, kind, segments",
        ),
        (
            "subject == 'x'",
            "1:1: `subject` is read field by field: `subject.…`",
        ),
        ("now.year == 1", "1:4: `now` has no fields"),
        (
            "has(subject.username)",
            "1:4: `subject.username` is always there",
        ),
        (
            "subject.username.first == 'x'",
            "1:17: a string has no fields",
        ),
    ] {
        assert_eq!(refusal(source), expected, "{source}");
    }
    let unknown = refusal("subject.username.replace('a', 'b') == ''");
    assert!(
        unknown.starts_with("1:25: there is no function `replace`; there are all, cidr, "),
        "{unknown}"
    );
    for source in [
        "format('x')",
        "'x'.format([1])",
        "lists.range(9) == []",
        "[1].sum() == 1",
        "dyn(1) == 1",
        "type(1) == 1",
        "base64.decode('x') == ''",
        "'a'.join() == ''",
        "optional.none().hasValue()",
    ] {
        assert!(Expression::compile(source).is_err(), "{source}");
    }
}

#[test]
fn conditions_that_can_never_be_meant_are_refused() {
    for (source, part) in [
        ("subject.username", "a string; a condition is a bool"),
        ("1 + 1", "a whole number"),
        (
            "operation.effect == 'read'",
            "`read` is no effect; write one of: Session, Read",
        ),
        (
            "operation.effect in ['Read', 'Wirte']",
            "`Wirte` is no effect",
        ),
        ("'unbounded_' in operation.flags", "`unbounded_` is no flag"),
        (
            "operation.accesses.all(a, a.kind == 'tables')",
            "`tables` is no kind of resource",
        ),
        (
            "operation.effect == 1",
            "`==` is not for a string and a whole number",
        ),
        (
            "'x' in subject.username",
            "`in` is not for a string and a string",
        ),
        (
            "subject.groups == 'x'",
            "`==` is not for a list of string and a string",
        ),
        ("now == 5", "`==` is not for a timestamp and a whole number"),
        (
            "subject.claims.level == 3.0",
            "write whole numbers without a point",
        ),
        ("!subject.username", "a bool belongs here, not a string"),
        ("subject.username && true", "a bool belongs here"),
        ("[1, 'a'] == []", "a list holds values of one type"),
        (
            "(true ? 1 : 'a') == 1",
            "one side of `:` is a whole number, the other a string",
        ),
        (
            "subject.groups + ['x'] == []",
            "`+` is not for a list of string and a list of string",
        ),
        (
            "now + (now - session.startedAt) > now",
            "`+` is not for a timestamp and a duration",
        ),
        ("5u == 5u", "write whole numbers without `u`"),
        (
            "subject.groups.contains('x')",
            "`string.contains(string)` is not for a list of string",
        ),
        ("now.getHours(1) == 1", "takes no whole number"),
        (
            "subject.username.contains()",
            "write `string.contains(string)`",
        ),
        (
            "-subject.claims.level == 3",
            "`-` before a value is for written numbers",
        ),
        (
            "subject.username.all(c, true)",
            "a loop runs over a list, not over a string",
        ),
        (
            "subject.groups.all(now, true)",
            "`now` already means something else",
        ),
        (
            "subject.groups.all(sets, true)",
            "`sets` already means something else",
        ),
        (
            "subject.groups.all(g, subject.groups.all(g, true))",
            "`g` already means something else",
        ),
    ] {
        let refused = refusal(source);
        assert!(refused.contains(part), "{source}: {refused}");
    }
}

#[test]
fn literals_with_a_grammar_are_checked_before_anything_runs() {
    for (source, part) in [
        ("operation.text.matches('(')", "1:24: regex parse error"),
        (
            "operation.text.matches('(a{100}){100}{100}')",
            "bytes of memory",
        ),
        (
            "operation.text.matches(subject.username)",
            "must be written here as a string",
        ),
        (
            "operation.text.find('a' + 'b') == ''",
            "must be written here as a string",
        ),
        (
            "cidr('10.0.0.0').containsIP('10.0.0.1')",
            "`10.0.0.0` is no network",
        ),
        (
            "cidr('10.0.0.0/33').containsIP('10.0.0.1')",
            "is no network",
        ),
        (
            "cidr('10.0.0.0/+8').containsIP('10.0.0.1')",
            "is no network",
        ),
        (
            "cidr(session.clientAddress).containsIP('10.0.0.1')",
            "must be written here",
        ),
        ("now > timestamp('yesterday')", "`yesterday` is no time"),
        ("now - duration('1 hour') > now", "`1 hour` is no duration"),
        ("now - duration('1h garbage') > now", "is no duration"),
        ("now - duration('') > now", "is no duration"),
        (
            "now - duration('876601h') > now",
            "is no duration up to a hundred years",
        ),
        (
            "now - duration('99999999999999999999h') > now",
            "is no duration",
        ),
    ] {
        let refused = refusal(source);
        assert!(refused.contains(part), "{source}: {refused}");
    }
    assert!(Expression::compile("now - duration('876600h') < now").is_ok());
}

#[test]
fn spellings_that_the_parser_reads_wrongly_are_refused() {
    for (source, part) in [
        ("!!true", "1:2: `!!` is not read as it looks"),
        ("! ! true", "`!!` is not read as it looks"),
        ("1 - -1 == 2", "`--` is not read as it looks"),
        ("--1 == 1", "`--` is not read as it looks"),
        (r"r'a\'b' == 'x'", "a raw string may not have"),
        ("'''a''' == 'a'", "a string has one quote at each end"),
        ("b'abc' == b'abc'", "a string is written"),
        (
            "{'a': 1}.a == 1",
            "maps and messages cannot be written here",
        ),
        ("Foo{a: 1} == 1", "maps and messages cannot be written here"),
        (
            ".subject.username == ''",
            "`.` selects a field of what stands before it",
        ),
        (
            "connection.labels.`a.b` == ''",
            "write an unusual name as an index",
        ),
        ("'a\\qb' == ''", "begins no escape here"),
        ("'a\\x4' == ''", "begins no escape here"),
        ("'a\\\n' == ''", "begins no escape here"),
        ("'abc", "1:1: this string is not closed on its line"),
        ("(true", "1:1: this `(` is never closed"),
        ("true)", "1:5: this `)` closes nothing"),
        ("[true)", "closes nothing"),
        ("a @ b", "`@` has no meaning here"),
        ("true\u{0}", "`\\0` has no meaning here"),
        ("", "1:1: the expression is empty"),
        ("  // nothing", "the expression is empty"),
    ] {
        let refused = refusal(source);
        assert!(refused.contains(part), "{source}: {refused}");
    }
    for source in [
        "true &&",
        "1 +* 2",
        "subject.?username == ''",
        "x ? y",
        "a b",
        "has(1)",
        "5abc == 1",
        "1..2 == 1",
        "subject.groups.all(1, true)",
        "9223372036854775808 == 1",
        "= = =",
        "? : ?",
        "in in in",
    ] {
        let refused = refusal(source);
        assert!(refused.starts_with("1:"), "{source}: {refused}");
    }
}

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
    assert!(Expression::compile(&listed(MAX_EXPRESSION_TOKENS - 1)).is_ok());
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
            accesses: accesses.collect(),
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

    let parts = |count: usize| Operation {
        text: ",".repeat(count - 1),
        ..operation()
    };
    let split = "operation.text.split(',').all(p, p == '')";
    assert_eq!(ask_with(split, &subject(), &parts(MAX_ITERATED)), Ok(true));
    assert!(ask_with(split, &subject(), &parts(MAX_ITERATED + 1)).is_err());
}

#[test]
fn what_has_no_answer_fails_instead_of_saying_false() {
    for source in [
        "subject.claims.missing == 'x'",
        "!subject.claims.team.lead",
        "subject.claims.team.lead == 'x'",
        "!subject.claims.team",
        "has(subject.claims.team.lead)",
        "subject.claims.list['x'] == 1",
        "subject.claims.list[9] == 1",
        "!subject.claims.level.contains('x')",
        "subject.claims.team > 3",
        "subject.claims.team",
        "subject.actor == 'x'",
        "operation.attributes.role == []",
        "1 / 0 == 1",
        "9223372036854775807 + 1 > 0",
        "subject.claims.level + 'a' == ''",
        "cidr('10.0.0.0/8').containsIP(subject.username)",
        "int('x') == 1",
        "'abc'.substring(9) == ''",
    ] {
        assert!(ask(source).is_err(), "{source}: {:?}", ask(source));
    }
}

#[test]
fn an_unresolved_access_has_no_segments() {
    let unresolved = Resource::Unresolved {
        kind: ResourceKind::Table,
    };
    let operation = Operation {
        accesses: BTreeSet::from([Access {
            effect: Effect::Read,
            resource: unresolved,
        }]),
        ..operation()
    };
    let ask = |source: &str| ask_with(source, &subject(), &operation);
    assert_eq!(ask("operation.accesses.all(a, has(a.segments))"), Ok(false));
    assert!(ask("operation.accesses.all(a, a.segments[0] == 'public')").is_err());
}

#[test]
fn an_expression_knows_whether_it_asks_about_the_operation() {
    let mentions = |source: &str| Expression::compile(source).unwrap().mentions_operation();
    assert!(mentions("operation.verb == 'x'"));
    assert!(mentions(
        "subject.groups.exists(g, operation.text.contains(g))"
    ));
    assert!(!mentions(
        "subject.username == 'operation.verb' && now > session.startedAt"
    ));
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
        accesses: accesses.collect(),
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
