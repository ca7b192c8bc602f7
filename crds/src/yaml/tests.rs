use serde_json::json;

use super::*;

#[test]
fn values_are_written_in_block_style_with_the_known_keys_first() {
    let value = json!({
        "spec": { "list": [{ "b": 1, "a": [] }, [1, 2], {}], "empty": {} },
        "kind": "Thing",
        "apiVersion": "example/v1",
    });
    assert_eq!(
        to_yaml(&value),
        "apiVersion: example/v1\nkind: Thing\nspec:\n  empty: {}\n  list:\n  - a: []\n    b: 1\n  - - 1\n    - 2\n  - {}\n"
    );
}

#[test]
fn what_yaml_would_read_otherwise_is_quoted() {
    for (string, written) in [
        ("plain words", "plain words"),
        ("a: b", "\"a: b\""),
        ("no", "\"no\""),
        ("No", "\"No\""),
        ("1.5", "\"1.5\""),
        ("", "\"\""),
        ("- item", "\"- item\""),
        ("a #b", "\"a #b\""),
        ("line\nbreak", "\"line\\nbreak\""),
        ("say \"x\"", "\"say \\\"x\\\"\""),
        ("back\\slash", "\"back\\\\slash\""),
        ("bell\u{7}", "\"bell\\u0007\""),
        ("~", "\"~\""),
        ("*alias", "\"*alias\""),
    ] {
        assert_eq!(
            to_yaml(&json!(string)),
            format!("{written}\n"),
            "{string:?}"
        );
    }
}
