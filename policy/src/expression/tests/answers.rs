//! What conditions say, and that they say nothing where there is no answer.

use std::sync::Arc;

use super::*;

const ANSWERS: &[(&str, bool)] = &[
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
];

#[test]
fn conditions_on_every_declared_variable_are_told() {
    for (source, expected) in ANSWERS {
        assert_eq!(ask(source), Ok(*expected), "{source}");
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
        accesses: Arc::new(BTreeSet::from([Access {
            effect: Effect::Read,
            resource: unresolved,
        }])),
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
