use k8s_openapi::jiff::Timestamp;
use kube::core::ObjectMeta;
use portcullis_crds::condition::PolicyStatus;
use portcullis_crds::lower::FieldError;

use super::{Bound, Facts, Loaded, status};
use crate::world::Key;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn bound(name: &str, loaded: Loaded) -> Bound {
    Bound {
        connection: Key::new("shop", name),
        loaded,
    }
}

fn of(old: Option<&PolicyStatus>, generation: i64, bound: Vec<Bound>, second: i64) -> PolicyStatus {
    let meta = ObjectMeta {
        generation: Some(generation),
        ..ObjectMeta::default()
    };
    status(&Facts {
        meta: &meta,
        old,
        errors: &[],
        bound,
        missing: Vec::new(),
        now: at(second),
    })
}

fn tells(status: &PolicyStatus, kind: &str) -> (String, String) {
    let mut all = status.conditions.iter().filter(|it| it.type_ == kind);
    let found = all.next().unwrap();
    (found.status.clone(), found.reason.clone())
}

fn pair(status: &str, reason: &str) -> (String, String) {
    (status.to_owned(), reason.to_owned())
}

#[test]
fn it_is_programmed_when_every_proxy_that_it_binds_has_loaded_it() {
    let some = of(
        None,
        1,
        vec![bound("a", Loaded::ByAll), bound("b", Loaded::BySome(1, 2))],
        1,
    );
    assert_eq!(
        tells(&some, "Programmed"),
        pair("False", "PartiallyProgrammed")
    );
    assert_eq!(tells(&some, "Accepted"), pair("True", "Accepted"));
    let none = of(None, 1, vec![bound("b", Loaded::BySome(0, 2))], 1);
    assert_eq!(tells(&none, "Programmed"), pair("False", "Pending"));
    let all = of(
        Some(&some),
        1,
        vec![bound("a", Loaded::ByAll), bound("b", Loaded::ByAll)],
        2,
    );
    assert_eq!(tells(&all, "Programmed"), pair("True", "Programmed"));
    assert_eq!(tells(&all, "Ready"), pair("True", "Programmed"));
    assert_eq!(all.ancestors.len(), 2);
}

#[test]
fn an_edit_of_another_policy_takes_nothing_back_but_its_own_edit_does() {
    let loaded = of(None, 1, vec![bound("a", Loaded::ByAll)], 1);
    let other = of(Some(&loaded), 1, vec![bound("a", Loaded::BySome(0, 2))], 2);
    assert_eq!(other, loaded);
    let own = of(Some(&loaded), 2, vec![bound("a", Loaded::BySome(0, 2))], 3);
    assert_eq!(tells(&own, "Programmed"), pair("False", "Pending"));
    let refused = Loaded::Refused("spec.rules[0]: no".to_owned());
    let refused = of(Some(&loaded), 1, vec![bound("a", refused)], 4);
    assert_eq!(
        tells(&refused, "Programmed"),
        pair("False", "PartiallyProgrammed")
    );
    assert!(
        refused.conditions[1]
            .message
            .contains("shop/a: spec.rules[0]: no")
    );
}

#[test]
fn what_held_for_want_of_proxies_is_asked_again_when_there_are_some() {
    let none = of(None, 1, vec![bound("a", Loaded::ByNone)], 1);
    assert_eq!(tells(&none, "Programmed"), pair("True", "Programmed"));
    let some = of(Some(&none), 1, vec![bound("a", Loaded::BySome(0, 1))], 2);
    assert_eq!(tells(&some, "Programmed"), pair("False", "Pending"));
}

#[test]
fn past_sixteen_connections_the_last_entry_stands_for_the_rest() {
    let many = |count: usize| -> Vec<Bound> {
        let all = (0..count).map(|index| bound(&format!("c{index:02}"), Loaded::ByAll));
        all.collect()
    };
    let at_bound = of(None, 1, many(16), 1);
    assert!(
        at_bound
            .ancestors
            .iter()
            .all(|it| it.ancestor_ref.kind == "Connection")
    );
    let past = of(None, 1, many(17), 1);
    assert_eq!(past.ancestors.len(), 16);
    let last = &past.ancestors[15];
    assert_eq!(last.ancestor_ref.kind, "StatusSummary");
    assert_eq!(last.conditions[0].message, "2 of 2 further Connections");
    // The same facts later are the same status, so nothing is written.
    assert_eq!(of(Some(&past), 1, many(17), 900), past);
}

#[test]
fn an_error_is_told_with_its_field_and_stalls() {
    let meta = ObjectMeta {
        generation: Some(1),
        ..ObjectMeta::default()
    };
    let error = |field: &str| {
        vec![FieldError {
            field: field.to_owned(),
            reason: "does not compile".to_owned(),
        }]
    };
    for (field, reason) in [
        ("spec.rules[0].match.expression", "InvalidExpression"),
        ("spec.rules[0].match.text[0]", "Invalid"),
    ] {
        let found = status(&Facts {
            meta: &meta,
            old: None,
            errors: &error(field),
            bound: vec![bound("a", Loaded::ByAll)],
            missing: Vec::new(),
            now: at(1),
        });
        assert_eq!(tells(&found, "Accepted"), pair("False", reason));
        assert_eq!(tells(&found, "Stalled"), pair("True", reason));
        assert_eq!(tells(&found, "Programmed"), pair("False", "Pending"));
        assert!(found.conditions[0].message.starts_with(field));
    }
}

#[test]
fn a_target_that_is_not_there_is_waited_for_and_a_selector_may_bind_nothing() {
    let meta = ObjectMeta {
        generation: Some(1),
        ..ObjectMeta::default()
    };
    let found = status(&Facts {
        meta: &meta,
        old: None,
        errors: &[],
        bound: Vec::new(),
        missing: vec![Key::new("shop", "late")],
        now: at(1),
    });
    assert_eq!(tells(&found, "Accepted"), pair("False", "TargetNotFound"));
    assert_eq!(tells(&found, "Ready"), pair("False", "TargetNotFound"));
    assert_eq!(
        found.conditions.len(),
        3,
        "it is not stalled: the Connection may come"
    );
    let nothing = of(None, 1, Vec::new(), 1);
    assert_eq!(tells(&nothing, "Ready"), pair("True", "Programmed"));
    assert_eq!(nothing.conditions[1].message, "it binds no Connection now");
}
