use std::sync::Arc;

use kube::runtime::watcher::Event;
use portcullis_crds::GuardrailPolicy;
use serde_json::{Value, json};

use super::bed::{Bed, CONNECTION, bed};
use crate::controller::Reconcile;
use crate::controller::guardrail_policy::Guardrails;
use crate::world::{Change, Key};

const POLICY: &str = "/apis/portcullis.dev/v1alpha1/namespaces/shop/guardrailpolicies/reads";
const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/shop/events/";

/// A policy for Connections that carry a label.
fn put(bed: &Bed, generation: i64, rules: &Value) {
    bed.fake.kept(|it| {
        let status = it.objects.get(POLICY).map(|old| old["status"].clone());
        let object = json!({
            "apiVersion": "portcullis.dev/v1alpha1", "kind": "GuardrailPolicy",
            "metadata": { "name": "reads", "namespace": "shop", "generation": generation },
            "spec": {
                "targetSelector": { "matchLabels": { "tier": "a" } },
                "default": "Deny", "rules": rules,
            },
            "status": status.unwrap_or_else(|| json!({ "observedGeneration": -1 })),
        });
        it.put(POLICY, object);
    });
}

fn label(bed: &mut Bed, tier: &str) {
    bed.fake.kept(|it| {
        let mut object = it.objects[CONNECTION].clone();
        object["metadata"]["labels"] = json!({ "tier": tier });
        it.put(CONNECTION, object);
    });
    bed.seen();
    let key = Key::new("shop", "orders-db");
    bed.context.world.tell(Change::Connection(key));
}

/// The policy as the watch brings it.
fn seen(bed: &mut Bed) -> GuardrailPolicy {
    let object = bed.fake.kept(|it| it.objects[POLICY].clone());
    let object: GuardrailPolicy = serde_json::from_value(object).unwrap();
    let event = Event::Apply(object.clone());
    bed.writers.guardrails.apply_watcher_event(&event);
    object
}

/// The reasons of the Events that one look at it makes.
async fn told(bed: &mut Bed) -> Vec<String> {
    let object = seen(bed);
    bed.fake
        .kept(|it| it.objects.retain(|path, _| !path.contains("/events/")));
    let context = Arc::clone(&bed.context);
    Guardrails::reconcile(context, Arc::new(object))
        .await
        .unwrap();
    seen(bed);
    bed.fake.kept(|it| {
        let events = it
            .objects
            .iter()
            .filter(|(path, _)| path.starts_with(EVENTS));
        let reason = |event: &Value| event["reason"].as_str().unwrap().to_owned();
        let mut reasons: Vec<String> = events.map(|(_, event)| reason(event)).collect();
        reasons.sort();
        reasons
    })
}

fn some() -> Value {
    json!([{ "name": "reads", "match": { "effects": ["Read"] }, "action": "Allow" }])
}

#[tokio::test]
async fn that_a_policy_binds_nothing_any_more_is_told_once() {
    let mut bed = bed();
    bed.class(&json!({}));
    bed.connection(&json!({ "mode": "Gateway", "gateway": { "replicas": 0 } }));
    label(&mut bed, "a");
    put(&bed, 1, &some());
    assert_eq!(told(&mut bed).await, [""; 0]);
    // The label of the Connection is another: the policy has not been edited.
    label(&mut bed, "b");
    let set_off = Guardrails::objects(
        &bed.context.world,
        &Change::Connection(Key::new("shop", "orders-db")),
    );
    assert_eq!(set_off.len(), 1, "{set_off:?}");
    assert_eq!(told(&mut bed).await, ["BindsNothing"]);
    assert_eq!(told(&mut bed).await, [""; 0]);
    label(&mut bed, "a");
    assert_eq!(told(&mut bed).await, [""; 0]);
}

#[tokio::test]
async fn what_is_probably_not_meant_is_told_with_each_edit() {
    let mut bed = bed();
    put(&bed, 1, &json!([]));
    assert_eq!(told(&mut bed).await, ["BindsNothing", "ProbablyNotMeant"]);
    assert_eq!(told(&mut bed).await, [""; 0]);
    put(&bed, 2, &some());
    assert_eq!(told(&mut bed).await, ["BindsNothing"]);
    let shadowed = json!([
        { "name": "a", "match": { "verbs": ["DROP"] }, "action": "Deny" },
        { "name": "b", "match": { "verbs": ["DROP"] }, "action": "Allow" },
    ]);
    put(&bed, 3, &shadowed);
    assert_eq!(told(&mut bed).await, ["BindsNothing", "ProbablyNotMeant"]);
}
