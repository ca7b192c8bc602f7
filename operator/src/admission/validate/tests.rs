use serde_json::{Value, json};

use super::*;

fn connection(change: impl FnOnce(&mut Value)) -> Connection {
    let mut object = json!({
        "apiVersion": "portcullis.dev/v1alpha1", "kind": "Connection",
        "metadata": {"name": "orders", "namespace": "shop"},
        "spec": {
            "protocol": "PostgreSQL",
            "upstream": {"host": "db.internal", "database": "orders"},
            "credentials": {"secretRef": {"name": "orders"}},
        },
    });
    change(&mut object);
    serde_json::from_value(object).unwrap()
}

fn fields(object: &Connection, class: Option<&ConnectionClass>) -> Vec<String> {
    let result = check_connection(object, class, &BTreeMap::new());
    result
        .err()
        .unwrap_or_default()
        .into_iter()
        .map(|it| it.field)
        .collect()
}

fn class(spec: Value) -> ConnectionClass {
    ConnectionClass::new("default", serde_json::from_value(spec).unwrap())
}

#[test]
fn a_connection_is_judged_under_its_class() {
    let plain = connection(|_| {});
    assert_eq!(
        fields(&plain, Some(&class(json!({})))),
        Vec::<String>::new()
    );
    let narrow = class(
        json!({"allowedUpstreams": [{"host": "*.example"}], "allowedNamespaces": {"names": ["team-*"]}}),
    );
    assert_eq!(
        fields(&plain, Some(&narrow)),
        ["spec.className", "spec.upstream.host"]
    );
}

#[test]
fn without_its_class_only_what_is_wrong_anyway_is_refused() {
    let looser = connection(|it| {
        it["spec"]["recording"] = json!({"payloads": "Metadata", "onFailure": "Allow"})
    });
    assert_eq!(fields(&looser, None), Vec::<String>::new());
    assert!(
        !fields(
            &looser,
            Some(&class(json!({"recording": {"payloads": "Full"}})))
        )
        .is_empty()
    );
    let broken = connection(|it| it["spec"]["access"] = json!({"expression": "subject.nope +"}));
    assert_eq!(fields(&broken, None), ["spec.access.expression"]);
}

#[test]
fn a_name_that_no_service_can_have_is_refused() {
    for (name, good) in [
        ("orders-2", true),
        ("orders.db", false),
        ("2orders", false),
        (&"o".repeat(52), true),
        (&"o".repeat(53), false),
    ] {
        let object = connection(|it| it["metadata"]["name"] = json!(name));
        let wrong = fields(&object, None);
        assert_eq!(wrong.is_empty(), good, "{name}: {wrong:?}");
    }
}

#[test]
fn a_refusal_names_each_field_up_to_a_bound() {
    let error = |at: usize| FieldError {
        field: format!("spec.rules[{at}]"),
        reason: "is wrong".to_owned(),
    };
    let answer = judged(Err((0..MAX_ERRORS).map(error).collect()));
    assert!(
        answer
            .reason()
            .unwrap()
            .ends_with("spec.rules[7]: is wrong")
    );
    let answer = judged(Err((0..MAX_ERRORS + 2).map(error).collect()));
    assert!(
        answer
            .reason()
            .unwrap()
            .ends_with("spec.rules[7]: is wrong; and 2 more")
    );
    assert_eq!(judged(Ok(())), Answer::allow());
}
