use super::*;

fn steps(path: &str) -> String {
    let parsed = JsonPath::parse(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(parsed.as_str(), path);
    let step = |step: &PathStep| {
        let dots = if step.deep { ".." } else { "." };
        match &step.selector {
            Selector::Name(name) => format!("{dots}<{name}>"),
            Selector::Index(index) => format!("{dots}{index}"),
            Selector::Any => format!("{dots}*"),
        }
    };
    parsed.steps.iter().map(step).collect()
}

#[test]
fn paths_are_read() {
    for (path, expected) in [
        ("$", ""),
        ("$.user.ssn", ".<user>.<ssn>"),
        ("$..ssn", "..<ssn>"),
        ("$.items[*].card", ".<items>.*.<card>"),
        ("$.*", ".*"),
        ("$..*", "..*"),
        ("$..[0]", "..0"),
        ("$..['a b']", "..<a b>"),
        ("$[0][18446744073709551615]", ".0.18446744073709551615"),
        (r"$['it\'s'].x", ".<it's>.<x>"),
        (r#"$["a\"]b"]"#, r#".<a"]b>"#),
        (r"$['\u0073sn\n\/']", ".<ssn\n/>"),
        (r"$['\ud83d\ude00']", ".<😀>"),
        ("$['']", ".<>"),
        ("$.straße.x-y_1", ".<straße>.<x-y_1>"),
        ("$.0", ".<0>"),
    ] {
        assert_eq!(steps(path), expected, "{path}");
    }
}

#[test]
fn what_is_not_a_path_is_refused_with_its_position() {
    for (path, reason, position) in [
        ("", "begins with `$`", 1),
        ("user.ssn", "begins with `$`", 1),
        ("$user", "begins with `.` or `[`", 2),
        ("$.", "name is missing", 3),
        ("$..", "name is missing", 4),
        ("$...a", "name is missing", 4),
        ("$.a.", "name is missing", 5),
        ("$.a b", "begins with `.` or `[`", 4),
        ("$.'a'", "name is missing", 3),
        ("$[a]", "in brackets stands", 3),
        ("$[-1]", "in brackets stands", 3),
        ("$[?(@.a)]", "in brackets stands", 3),
        ("$[]", "in brackets stands", 3),
        ("$[1:2]", "`]` is missing", 4),
        ("$['a','b']", "`]` is missing", 6),
        ("$[0", "`]` is missing", 4),
        ("$['a]", "never closed", 3),
        ("$[01]", "leading 0", 5),
        ("$[18446744073709551616]", "too large", 23),
        (r"$['\x']", "not one of JSON's", 6),
        (r"$['\ud83d']", "not one of JSON's", 10),
        (r"$['\ude00']", "not one of JSON's", 10),
        (r"$['\u12']", "not one of JSON's", 9),
    ] {
        let error = JsonPath::parse(path).expect_err(path);
        assert!(error.reason.contains(reason), "{path}: {error}");
        assert_eq!(error.position, Some(position), "{path}: {error}");
    }
}

#[test]
fn length_and_steps_are_bounded() {
    let deep = |steps: usize| format!("${}", ".a".repeat(steps));
    assert!(JsonPath::parse(&deep(MAX_PATH_STEPS)).is_ok());
    let error = JsonPath::parse(&deep(MAX_PATH_STEPS + 1)).unwrap_err();
    assert_eq!(error.reason, "more than 32 steps");
    let long = |length: usize| format!("$.{}", "a".repeat(length - 2));
    assert!(JsonPath::parse(&long(MAX_PATTERN_LEN)).is_ok());
    let error = JsonPath::parse(&long(MAX_PATTERN_LEN + 1)).unwrap_err();
    assert_eq!(
        error.reason,
        "the path is 1025 bytes long; at most 1024 are allowed"
    );
}
