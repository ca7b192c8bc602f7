use std::sync::Arc;

use super::{Requirement, RequirementKind, Snapshot, SnapshotParts};
use crate::mask::rule::{ColumnPattern, DdlRule, MaskRule, Predicates};
use crate::mask::{CustomPattern, Transform};
use crate::matcher::Glob;
use crate::rule::{ObjectName, Origin, SubjectSelector};
use crate::snapshot::compile::MAX_MASKS;
use crate::subject::Subject;

fn mask(name: &str, origin: Origin, column: &str, exempt: Option<&str>) -> MaskRule {
    MaskRule {
        name: ObjectName::new("shop", name),
        origin,
        subjects: vec![],
        exempt: exempt
            .map(|group| SubjectSelector::Group(Glob::literal(group)))
            .into_iter()
            .collect(),
        columns: vec![ColumnPattern::parse(column).unwrap()],
        json_paths: vec![],
        keys: vec![],
        headers: vec![],
        detectors: vec![],
        patterns: vec![],
        transform: Transform::Redact,
        predicates: Predicates::Equality,
        ddl: DdlRule::Deny,
    }
}

fn snapshot(masks: Vec<MaskRule>) -> Snapshot {
    let requires = vec![Requirement {
        kind: RequirementKind::Mask,
        name: "ssn".to_owned(),
    }];
    Snapshot::compile(SnapshotParts {
        masks,
        requires,
        replicas: 1,
        ..SnapshotParts::default()
    })
    .unwrap()
}

fn subject(group: &str) -> Subject {
    Subject {
        username: "it".to_owned(),
        groups: vec![group.to_owned()],
        ..Subject::default()
    }
}

#[test]
fn a_subject_meets_the_masks_that_do_not_exempt_it() {
    let snapshot = snapshot(vec![
        mask("ssn", Origin::Tenant, "public.people.ssn", Some("dpo")),
        mask("email", Origin::Tenant, "public.people.email", None),
    ]);
    let masked = |group: &str, column: &str| {
        let masks = snapshot.masks_for(&subject(group));
        masks
            .column(&["public", "people", column])
            .transform()
            .is_some()
    };
    assert!(masked("support", "ssn") && masked("support", "email"));
    assert!(!masked("dpo", "ssn") && masked("dpo", "email"));
    assert!(!masked("support", "name"));
}

#[test]
fn subjects_who_meet_the_same_masks_share_them() {
    let snapshot = snapshot(vec![
        mask("ssn", Origin::Tenant, "public.people.ssn", Some("dpo")),
        mask("email", Origin::Tenant, "public.people.email", None),
    ]);
    let masks = |group: &str| snapshot.masks_for(&subject(group));
    assert!(Arc::ptr_eq(&masks("support"), &masks("sales")));
    assert!(Arc::ptr_eq(&masks("dpo"), &masks("dpo")));
    assert!(!Arc::ptr_eq(&masks("dpo"), &masks("support")));
}

#[test]
fn an_exemption_of_a_tenant_does_not_lift_what_the_platform_masks() {
    let snapshot = snapshot(vec![
        mask("ssn", Origin::Platform, "public.people.ssn", None),
        mask("tenants", Origin::Tenant, "public.people.ssn", Some("dpo")),
    ]);
    let masks = snapshot.masks_for(&subject("dpo"));
    assert!(
        masks
            .column(&["public", "people", "ssn"])
            .transform()
            .is_some()
    );
}

#[test]
fn a_required_mask_that_is_not_there_closes_the_connection() {
    let named = |name| snapshot(vec![mask(name, Origin::Tenant, "a.b.c", None)]);
    assert!(named("ssn").closed.is_none());
    let reason = named("another").closed.unwrap();
    assert!(reason.message.contains("mask ssn"), "{}", reason.message);
}

#[test]
fn masks_are_bounded_and_named_once() {
    let masks = |count: usize| {
        let mask = |n| mask(&format!("m{n}"), Origin::Tenant, "a.b.c", None);
        let parts = SnapshotParts {
            masks: (0..count).map(mask).collect(),
            replicas: 1,
            ..SnapshotParts::default()
        };
        Snapshot::compile(parts)
    };
    assert!(masks(MAX_MASKS).is_ok());
    let errors = masks(MAX_MASKS + 1).unwrap_err();
    assert_eq!(errors[0].place, "masks");
    let twice = vec![
        mask("a", Origin::Tenant, "a.b.c", None),
        mask("a", Origin::Tenant, "a.b.d", None),
    ];
    let parts = SnapshotParts {
        masks: twice,
        replicas: 1,
        ..SnapshotParts::default()
    };
    let errors = Snapshot::compile(parts).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "shop/a: there are two masks of this name"
    );
}

#[test]
fn masks_that_do_not_compile_together_are_refused_with_all_else() {
    // Each pattern is within its own bound, all of them together are not.
    let mut big = mask("big", Origin::Tenant, "a.b.c", None);
    big.patterns = (0..400)
        .map(|n| {
            let regex = format!("x{n}[a-z]{{1,200}}[0-9]{{1,200}}");
            CustomPattern::parse(&format!("p{n}"), &regex, None).unwrap()
        })
        .collect();
    let parts = SnapshotParts {
        masks: vec![big],
        ..SnapshotParts::default()
    };
    let errors = Snapshot::compile(parts).unwrap_err();
    let places: Vec<_> = errors.iter().map(|error| error.place.as_str()).collect();
    assert_eq!(places, ["masks", "replicas"]);
}
