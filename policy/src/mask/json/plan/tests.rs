use super::*;

fn plan(paths: &[&str]) -> JsonPlan {
    let paths: Vec<JsonPath> = paths
        .iter()
        .map(|path| JsonPath::parse(path).unwrap())
        .collect();
    JsonPlan::compile(paths.iter().map(|path| (path, &Transform::Redact))).unwrap()
}

/// Walks down members written as in a path, and tells whether the last one is masked, and the
/// largest number of states on the way.
fn walk(plan: &JsonPlan, members: &[&str]) -> (bool, usize) {
    let mut states = Vec::new();
    let mut masked = plan.begin(&mut states).is_some();
    let (mut from, mut most) = (0, states.len());
    for member in members {
        let end = states.len();
        let member = match member.parse() {
            Ok(index) => Member::Index(index),
            Err(_) => Member::Name(Some(member)),
        };
        masked = plan.advance(&mut states, from, member).is_some();
        from = end;
        most = most.max(states.len() - from);
    }
    (masked, most)
}

#[test]
fn members_are_found() {
    for (path, members, expected) in [
        ("$", &[][..], true),
        ("$.a", &["a"], true),
        ("$.a", &["b"], false),
        ("$.a", &["b", "a"], false),
        ("$..a", &["b", "a"], true),
        ("$..a", &["b", "0", "c", "a"], true),
        ("$..a.b", &["x", "a", "b"], true),
        ("$..a.b", &["x", "a", "c", "b"], false),
        ("$..a.b", &["a", "a", "b"], true),
        ("$..a..b", &["a", "x", "b"], true),
        ("$.a[*].b", &["a", "7", "b"], true),
        ("$.a[*].b", &["a", "x", "b"], true),
        ("$.a[1]", &["a", "1"], true),
        ("$.a[1]", &["a", "2"], false),
        ("$.*", &["x"], true),
        ("$..*", &["x", "y", "z"], true),
        ("$..[0]", &["x", "0"], true),
    ] {
        assert_eq!(
            walk(&plan(&[path]), members).0,
            expected,
            "{path} {members:?}"
        );
    }
}

#[test]
fn an_index_is_no_name_and_a_long_name_is_only_any() {
    let plan = plan(&["$.0", "$..*"]);
    let mut states = Vec::new();
    plan.begin(&mut states);
    assert!(
        plan.advance(&mut states.clone(), 0, Member::Name(None))
            .is_some()
    );
    let named = super::tests::plan(&["$.0"]);
    let mut states = Vec::new();
    named.begin(&mut states);
    assert!(
        named
            .advance(&mut states.clone(), 0, Member::Index(0))
            .is_none()
    );
    assert!(
        named
            .advance(&mut states.clone(), 0, Member::Name(None))
            .is_none()
    );
    assert!(
        named
            .advance(&mut states, 0, Member::Name(Some("0")))
            .is_some()
    );
}

#[test]
fn states_do_not_multiply_with_depth() {
    let plan = plan(&["$..a..a..a..a..a", "$..*..*..*..b"]);
    let (_, most) = walk(&plan, &["a"; 100]);
    assert!(most <= 9, "{most}");
}

#[test]
fn the_strictest_of_several_paths_is_told() {
    let paths = ["$.a", "$..a", "$.*"].map(|path| JsonPath::parse(path).unwrap());
    let partial = Transform::Partial {
        keep_first: 1,
        keep_last: 1,
    };
    let transforms = [&partial, &Transform::Nullify, &Transform::Redact];
    let plan = JsonPlan::compile(paths.iter().zip(transforms)).unwrap();
    let mut states = Vec::new();
    plan.begin(&mut states);
    let top = plan.advance(&mut states.clone(), 0, Member::Name(Some("a")));
    assert_eq!(top, Some(Transform::Nullify));
    let other = plan.advance(&mut states, 0, Member::Name(Some("b")));
    assert_eq!(other, Some(Transform::Redact));
}

#[test]
fn the_steps_of_all_paths_are_bounded() {
    let path = JsonPath::parse("$.a.b").unwrap();
    let compile =
        |count: usize| JsonPlan::compile(std::iter::repeat_n((&path, &Transform::Redact), count));
    assert!(compile(MAX_PLAN_STEPS / 2).is_ok());
    let error = compile(MAX_PLAN_STEPS / 2 + 1).unwrap_err();
    assert_eq!(error, TooManySteps(MAX_PLAN_STEPS + 2));
}
