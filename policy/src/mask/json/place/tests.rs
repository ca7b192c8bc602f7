use super::*;

/// `a.b` with `*` for any, `[]` for an element, `~` for unwrapped; `!` at the end: not below.
fn place(text: &str) -> DocumentPlace {
    let (steps, whole) = match text.strip_suffix('!') {
        Some(steps) => (steps, false),
        None => (text, true),
    };
    let step = |word: &str| match word {
        "*" => PlaceStep::Any,
        "[]" => PlaceStep::Element,
        "~" => PlaceStep::Unwrapped,
        key => PlaceStep::Key(key.to_owned()),
    };
    let words = steps.split('.').filter(|word| !word.is_empty());
    DocumentPlace {
        steps: words.map(step).collect(),
        whole,
    }
}

#[test]
fn a_place_is_covered_at_above_and_below_what_is_masked() {
    use Coverage::{None, Piece, Whole};
    for (path, at, expected) in [
        ("$.ssn", "ssn", Whole),
        ("$.ssn", "ssn!", Whole),
        ("$.ssn", "", Whole),
        ("$.ssn", "!", None),
        ("$.ssn", "status", None),
        ("$.ssn", "SSN", None),
        ("$.ssn", "a.ssn", None),
        ("$.ssn", "*", Whole),
        ("$.ssn", "[]", None),
        ("$.ssn", "ssn.first", Piece),
        ("$.ssn", "ssn.first!", Piece),
        ("$.user.ssn", "user", Whole),
        ("$.user.ssn", "user!", None),
        ("$.user.ssn", "user.name", None),
        ("$.user.ssn", "user.*", Whole),
        ("$.user.ssn", "ssn", None),
        ("$..ssn", "ssn", Whole),
        ("$..ssn", "a.b.ssn", Whole),
        ("$..ssn", "status", Whole),
        ("$..ssn", "status!", None),
        ("$..ssn", "a.ssn.b", Piece),
        ("$.items[*].card", "items.[].card", Whole),
        ("$.items[*].card", "items.[].price", None),
        ("$.items[*].card", "items.0.card", Whole),
        ("$.items[*].card", "items.x.card", Whole),
        ("$.items[*].card", "items!", None),
        ("$.items[1].card", "items.1.card", Whole),
        ("$.items[1].card", "items.2.card", None),
        ("$.items[1].card", "items.-1.card", Whole),
        ("$.items[1].card", "items.[].card", Whole),
        ("$.items[1].card", "items.x.card", None),
        ("$.items[*].card", "items.~.card", Whole),
        ("$.ssn", "~.ssn", Whole),
        ("$[*].ssn", "~.ssn", Whole),
        ("$.a[*]", "a.~!", Whole),
        ("$.a", "a.~", Whole),
        ("$", "!", Whole),
        ("$", "status", Piece),
        ("$['0']", "0", Whole),
        ("$[0]", "0", Whole),
    ] {
        let path = JsonPath::parse(path).unwrap();
        assert_eq!(path.covers(&place(at)), expected, "{path} {at}");
    }
}
