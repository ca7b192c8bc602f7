//! What is refused at compile, where, and with which words.

use super::*;

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

const MEANINGLESS: &[(&str, &str)] = &[
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
];

#[test]
fn conditions_that_can_never_be_meant_are_refused() {
    for (source, part) in MEANINGLESS {
        let refused = refusal(source);
        assert!(refused.contains(part), "{source}: {refused}");
    }
}

#[test]
fn literals_with_a_grammar_are_checked_before_anything_runs() {
    for (source, part) in [
        (
            "operation.text.matches('(')",
            "1:24: unclosed group (at character 1)",
        ),
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
