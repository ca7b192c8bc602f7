use std::sync::Arc;
use std::time::Duration;

use kube::runtime::watcher::Event;
use serde_json::{Value, json};

use super::bed::{Bed, CONNECTION, bed};
use crate::controller::connection::Connections;
use crate::controller::{Reconcile, run};
use crate::desired::Kind;
use crate::error::{Class, Failed};

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/shop/deployments/orders-db";

fn gateway() -> Value {
    json!({ "mode": "Gateway", "gateway": { "replicas": 2 } })
}

async fn reconcile(bed: &mut Bed) -> Result<(), Failed> {
    let object = bed.seen();
    let context = Arc::clone(&bed.context);
    Connections::reconcile(context, object).await.map(drop)
}

fn status(bed: &Bed) -> Value {
    bed.fake.kept(|it| it.objects[CONNECTION]["status"].clone())
}

#[tokio::test]
async fn a_reconcile_that_finds_nothing_to_do_asks_nothing() {
    let mut bed = bed();
    bed.class(&json!({}));
    bed.connection(&gateway());
    reconcile(&mut bed).await.unwrap();
    let asked = bed.asked();
    let patched = asked.iter().filter(|it| it.starts_with("PATCH")).count();
    // Nine objects and the status.
    assert_eq!(patched, 10, "{asked:#?}");
    assert_eq!(asked.last().unwrap(), &format!("PATCH {CONNECTION}/status"));
    for _ in 0..5 {
        reconcile(&mut bed).await.unwrap();
    }
    assert_eq!(bed.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn an_edit_is_applied_once_and_nothing_else_is() {
    let mut bed = bed();
    bed.class(&json!({}));
    bed.connection(&gateway());
    reconcile(&mut bed).await.unwrap();
    bed.asked();
    let edited = bed.fake.kept(|it| {
        let mut object = it.objects[DEPLOYMENT].clone();
        object["spec"]["replicas"] = json!(7);
        it.put(DEPLOYMENT, object)
    });
    let meta = serde_json::from_value(edited["metadata"].clone()).unwrap();
    let told = bed.context.world.owned().saw(Kind::Deployment, &meta);
    assert!(told.is_some());
    reconcile(&mut bed).await.unwrap();
    assert_eq!(bed.asked(), [format!("PATCH {DEPLOYMENT}")]);
    let replicas = bed
        .fake
        .kept(|it| it.objects[DEPLOYMENT]["spec"]["replicas"].clone());
    assert_eq!(replicas, 2);
}

#[tokio::test]
async fn what_is_no_longer_wanted_is_removed_and_nothing_of_others() {
    let mut bed = bed();
    bed.class(&json!({}));
    let scaling = json!({ "autoscaling": { "minReplicas": 2, "maxReplicas": 4 } });
    bed.connection(&json!({ "mode": "Gateway", "gateway": scaling }));
    reconcile(&mut bed).await.unwrap();
    bed.asked();
    bed.fake.kept(|it| {
        let mut object = it.objects[CONNECTION].clone();
        object["spec"]["delivery"] = gateway();
        object["metadata"]["generation"] = json!(2);
        it.put(CONNECTION, object);
    });
    reconcile(&mut bed).await.unwrap();
    let asked = bed.asked();
    let deleted: Vec<&String> = asked.iter().filter(|it| it.starts_with("DELETE")).collect();
    let autoscaler =
        "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/orders-db-portcullis";
    assert_eq!(deleted, [&format!("DELETE {autoscaler}")], "{asked:#?}");
}

#[tokio::test]
async fn a_connection_that_is_not_admitted_gets_a_status_and_nothing_else() {
    let mut bed = bed();
    bed.class(&json!({ "allowedUpstreams": [{ "host": "*.allowed" }] }));
    bed.connection(&gateway());
    reconcile(&mut bed).await.unwrap();
    assert_eq!(bed.asked(), [format!("PATCH {CONNECTION}/status")]);
    let status = status(&bed);
    assert_eq!(status["conditions"][0]["reason"], "NotAdmittedByClass");
    reconcile(&mut bed).await.unwrap();
    assert_eq!(bed.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn an_object_of_another_is_left_alone() {
    let mut bed = bed();
    bed.class(&json!({}));
    bed.connection(&gateway());
    let path = "/api/v1/namespaces/shop/services/orders-db";
    let mine = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "orders-db" }, "spec": {},
    });
    let mine = bed.fake.kept(|it| it.put(path, mine));
    let failed = reconcile(&mut bed).await.unwrap_err();
    assert_eq!(failed.class(), Class::Terminal, "{failed}");
    assert_eq!(bed.fake.kept(|it| it.objects[path].clone()), mine);
    let status = status(&bed);
    assert_eq!(status["conditions"][2]["reason"], "RolloutFailed");
    assert_eq!(status["conditions"][4]["type"], "Stalled");
}

#[tokio::test]
async fn an_api_server_that_cannot_is_tried_again() {
    let mut bed = bed();
    bed.class(&json!({}));
    bed.connection(&gateway());
    bed.fake.kept(|it| it.refuses = true);
    let failed = reconcile(&mut bed).await.unwrap_err();
    assert_eq!(failed.class(), Class::Transient, "{failed}");
    bed.fake.kept(|it| it.refuses = false);
    reconcile(&mut bed).await.unwrap();
    assert_eq!(status(&bed)["conditions"][0]["status"], "True");
}

/// Waits until so many objects are remembered as failed.
async fn remembered(bed: &Bed, count: usize) {
    let counted = async {
        while bed.context.failures().len() != count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(300), counted).await;
    assert!(waited.is_ok(), "not {count}");
}

#[tokio::test(start_paused = true)]
async fn what_failed_and_is_gone_is_not_remembered() {
    let mut bed = bed();
    bed.class(&json!({}));
    let object = bed.connection(&gateway());
    let object = Arc::unwrap_or_clone(object);
    for event in [
        Event::Init,
        Event::InitApply(object.clone()),
        Event::InitDone,
    ] {
        bed.writers.connections.apply_watcher_event(&event);
    }
    bed.fake.kept(|it| it.refuses = true);
    let running = tokio::spawn(run::<Connections>(Arc::clone(&bed.context), 1));
    remembered(&bed, 1).await;
    let gone = Event::Delete(object);
    bed.writers.connections.apply_watcher_event(&gone);
    remembered(&bed, 0).await;
    running.abort();
}

#[tokio::test]
async fn nothing_is_made_in_a_namespace_that_is_being_removed() {
    let mut bed = bed();
    bed.class(&json!({}));
    bed.connection(&gateway());
    let namespace = serde_json::from_value(json!({
        "metadata": { "name": "shop", "deletionTimestamp": "2026-11-21T12:00:00Z" },
    }));
    let event = Event::Apply(namespace.unwrap());
    bed.writers.namespaces.apply_watcher_event(&event);
    reconcile(&mut bed).await.unwrap();
    assert_eq!(bed.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_replica_that_does_not_speak_keeps_a_connection_from_being_programmed() {
    let mut bed = bed();
    bed.class(&json!({}));
    bed.connection(&gateway());
    reconcile(&mut bed).await.unwrap();
    let revision = status(&bed)["policyRevision"].clone();
    let newest = json!({ "portcullis.dev/revision": revision });
    let programmed = |bed: &Bed| {
        let status = status(bed);
        (
            status["proxies"].clone(),
            status["conditions"][2]["status"].clone(),
        )
    };
    let count = |current: i64| json!({ "total": 2, "current": current });
    assert_eq!(programmed(&bed), (count(0), json!("False")));
    bed.proxy("a", 1, &newest);
    reconcile(&mut bed).await.unwrap();
    assert_eq!(programmed(&bed), (count(1), json!("False")));
    bed.proxy("b", 1, &json!({ "portcullis.dev/revision": "sha256:old" }));
    reconcile(&mut bed).await.unwrap();
    assert_eq!(programmed(&bed), (count(1), json!("False")));
    bed.proxy("b", 2, &newest);
    reconcile(&mut bed).await.unwrap();
    assert_eq!(programmed(&bed), (count(2), json!("True")));
}
