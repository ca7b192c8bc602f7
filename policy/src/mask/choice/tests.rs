use super::*;
use crate::mask::{ColumnPattern, DdlRule, Predicates, Transform};
use crate::matcher::Glob;
use crate::rule::{ObjectName, Origin, SubjectSelector};

fn rule(name: &str, transform: Transform, subjects: &[&str]) -> MaskRule {
    let user = |name: &&str| SubjectSelector::User(Glob::parse(name).unwrap());
    MaskRule {
        name: ObjectName::new("shop", name),
        origin: Origin::Platform,
        subjects: subjects.iter().map(user).collect(),
        exempt: vec![],
        columns: vec![ColumnPattern::parse("**.ssn").unwrap()],
        json_paths: vec![],
        keys: vec![],
        headers: vec![],
        detectors: vec![],
        patterns: vec![],
        transform,
        predicates: Predicates::Equality,
        ddl: DdlRule::Deny,
    }
}

fn subject(name: &str) -> Subject {
    Subject {
        username: name.into(),
        ..Subject::default()
    }
}

#[test]
fn subjects_with_the_same_rules_share_a_set() {
    let masks = Masks::compile(vec![
        rule("all", Transform::Redact, &[]),
        rule("agents", Transform::Nullify, &["agent-*"]),
    ])
    .unwrap();
    let [ann, bob, agent] = ["ann", "bob", "agent-1"].map(|name| masks.of(&subject(name)).unwrap());
    assert!(Arc::ptr_eq(&ann, &bob) && !Arc::ptr_eq(&ann, &agent));
    let transform = |set: &MaskSet| set.column(&["s", "t", "ssn"]).transform().cloned();
    assert_eq!(transform(&ann), Some(Transform::Redact));
    assert_eq!(transform(&agent), Some(Transform::Nullify));
    assert_eq!(masks.rules().len(), 2);
}

#[test]
fn no_rules_give_everybody_an_empty_set() {
    let masks = Masks::compile(vec![]).unwrap();
    assert!(masks.of(&subject("ann")).unwrap().is_empty());
}

#[test]
fn sets_that_are_not_kept_are_right_all_the_same() {
    let names: Vec<String> = (0..2 * MAX_KEPT_SETS)
        .map(|i| format!("user-{i}"))
        .collect();
    let rules = names
        .iter()
        .map(|name| rule(name, Transform::Redact, &[name]))
        .collect();
    let masks = Masks::compile(rules).unwrap();
    for name in &names {
        let set = masks.of(&subject(name)).unwrap();
        let mask = set.column(&["s", "t", "ssn"]);
        assert_eq!(mask.rules(), [ObjectName::new("shop", name.as_str())]);
    }
    assert_eq!(masks.kept.read().unwrap().len(), MAX_KEPT_SETS);
}
