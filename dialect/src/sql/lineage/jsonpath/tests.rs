use super::*;

fn told(path: &str, answers: bool) -> String {
    let Some(found) = reads(path, answers) else {
        return "?".to_owned();
    };
    let step = |step: &PlaceStep| match step {
        PlaceStep::Key(key) => format!(".{key}"),
        PlaceStep::Element => "[]".to_owned(),
        PlaceStep::Any => ".*".to_owned(),
        PlaceStep::Unwrapped => "~".to_owned(),
    };
    let place = |place: &DocumentPlace| {
        let steps: String = place.steps.iter().map(step).collect();
        format!("${steps}{}", if place.whole { "" } else { "!" })
    };
    let places: Vec<String> = found.iter().map(place).collect();
    places.join(" ")
}

#[test]
fn chains_are_told_and_what_is_not_understood_is_not() {
    for (path, expected) in [
        ("$", "$~!"),
        ("$.ssn", "$~.ssn~!"),
        ("strict $.ssn", "$.ssn!"),
        ("lax $.a.\"b c\"", "$~.a~.b c~!"),
        ("$.ssn ? (@ like_regex \"^1\")", "$~.ssn~! $~.ssn~!"),
        ("$ ? (@.a > 1 && @.b == \"$.x\").c", "$~.a~! $~.b~! $~.c~!"),
        ("strict $.items[*].price", "$.items[].price!"),
        ("$.items[0 to last].price", "$~.items~.price~!"),
        (
            "$.a > 5 || exists($.b ? (@ starts with \"x\"))",
            "$~.a~! $~.b~! $~.b~!",
        ),
        ("$.*", "$~.*~!"),
        ("$.**.ssn", "$"),
        ("$.a.**{2 to 3} ? (@.x == 1)", "$~.a $~.a"),
        ("$.a.size() > 2", "$~.a~!"),
        ("$.a.keyvalue().value", "$~.a"),
        ("$.a.double() * 2 > 1.5", "$~.a"),
        ("$[$.n]", "$~.n~! $~!"),
        ("$.a == $x", "$~.a~!"),
        ("$.a ? (@.b == $x).c", "$~.a~.b~! $~.a~.c~!"),
        ("$x.a", "?"),
        ("($.a).b", "?"),
        ("$.\"\\u0073sn\"", "?"),
        ("$.s\\u0073n", "?"),
        ("$.a /* x */ .b", "?"),
        ("@.a", "?"),
        ("$.a ? (@.b", "?"),
        ("$.a)", "?"),
    ] {
        assert_eq!(told(path, false), expected, "{path}");
    }
    assert_eq!(told("$.a ? (@.b > 1)", true), "$~.a~.b~! $~.a~");
    assert_eq!(told(&"(".repeat(40), false), "?");
}
