use serde_json::{Value, json};

use super::*;
use crate::fake::Fake;

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

/// A policy that names `orders` and `none`, on its way.
fn policy() -> Request {
    let object = json!({
        "apiVersion": "portcullis.dev/v1alpha1", "kind": "GuardrailPolicy",
        "metadata": {"name": "reads", "namespace": "shop"},
        "spec": {
            "targetRefs": [{"name": "orders"}, {"name": "none"}], "default": "Deny",
            "rules": [{"name": "reads", "match": {"effects": ["Read"]}, "action": "Allow"}],
        },
    });
    let mut request = Request {
        object,
        ..Request::default()
    };
    request.resource.resource = "guardrailpolicies".to_owned();
    request
}

fn warnings(answer: &Answer) -> Value {
    answer.to_review("1")["response"]["warnings"].clone()
}

#[tokio::test]
async fn of_many_connections_only_those_that_are_named_are_looked_at() {
    let fake = Fake::default();
    let place = "/apis/portcullis.dev/v1alpha1/namespaces/shop/connections";
    let orders = serde_json::to_value(connection(|_| {})).unwrap();
    fake.kept(|it| it.put(&format!("{place}/orders"), orders));
    let answer = validate(&Lookup::new(fake.client()), &policy()).await;
    assert!(answer.is_allowed());
    let missing = "spec.targetRefs[1]: there is no Connection none in shop";
    assert_eq!(warnings(&answer), json!([missing]));
    let asked = fake.kept(|it| it.asked.clone());
    let wanted = ["orders", "none"].map(|name| format!("GET {place}/{name}"));
    assert_eq!(asked, wanted);
}

/// The API server would refuse what is not answered in time.
#[tokio::test(start_paused = true)]
async fn a_warning_that_takes_long_is_left_out() {
    let silent = |_: hyper::Request<kube::client::Body>| {
        std::future::pending::<Result<hyper::Response<kube::client::Body>, std::io::Error>>()
    };
    let client = kube::Client::new(tower::service_fn(silent), "default");
    let began = tokio::time::Instant::now();
    let answer = validate(&Lookup::new(client), &policy()).await;
    assert!(answer.is_allowed());
    assert_eq!(warnings(&answer), Value::Null);
    assert_eq!(began.elapsed(), MAX_ADVICE);
}
