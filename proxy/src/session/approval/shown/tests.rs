use super::*;
use portcullis_policy::ResourceKind;
use portcullis_policy::mask::MaskSet;
use std::collections::BTreeSet;
use std::sync::Arc;

fn operation(accesses: impl IntoIterator<Item = Access>) -> Operation {
    Operation {
        effect: Effect::Write,
        verb: "UPDATE".into(),
        flags: BTreeSet::new(),
        attributes: Arc::default(),
        text: String::new(),
        accesses: Arc::new(accesses.into_iter().collect()),
    }
}

fn table(effect: Effect, name: &str) -> Access {
    Access {
        effect,
        resource: Resource::Named {
            kind: ResourceKind::Table,
            segments: vec!["public".into(), name.into()],
        },
    }
}

#[test]
fn names_that_are_odd_are_quoted_and_escaped() {
    let shown = |name: &str| access(&table(Effect::Write, name));
    assert_eq!(shown("orders"), "Write table:public.orders");
    assert_eq!(shown("a.b\"c"), "Write table:public.\"a.b\"\"c\"");
    assert_eq!(shown("x\u{202e}"), "Write table:public.\"x\\u{202e}\"");
    let unresolved = Access {
        effect: Effect::Unknown,
        resource: Resource::Unresolved {
            kind: ResourceKind::Table,
        },
    };
    assert_eq!(access(&unresolved), "Unknown table:(could not be told)");
}

#[test]
fn resources_are_shown_whole_or_not_at_all() {
    let many = |count: usize| {
        operation((0..count).map(|number| table(Effect::Write, &format!("t{number}"))))
    };
    let most = resources(&many(MAX_SHOWN_RESOURCES)).unwrap();
    assert_eq!(most.len(), MAX_SHOWN_RESOURCES);
    assert_eq!(resources(&many(MAX_SHOWN_RESOURCES + 1)), None);
    let long = operation([table(Effect::Write, &"x".repeat(MAX_SHOWN_NAME_BYTES))]);
    assert_eq!(resources(&long), None);
}

#[test]
fn effects_are_told_strongest_first() {
    let both = operation([table(Effect::Read, "a"), table(Effect::Write, "b")]);
    assert_eq!(effects(&both), ["Write", "Read"]);
}

#[test]
fn masked_values_are_marked_and_counted() {
    let masks = MaskSet::default();
    let cleaner = Cleaner::new(&masks);
    let key = "AKIAIOSFODNN7EXAMPLE".to_owned();
    let (shown, masked) = text(&operation([]).text, &[Some(key.clone()), None], &cleaner).unwrap();
    assert!(!shown.contains(&key), "{shown}");
    assert!(shown.contains("(masked)") && masked == 1, "{shown}");
}
