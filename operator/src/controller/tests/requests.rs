use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use portcullis_crds::approval_request::DecisionKind;
use portcullis_crds::stamp::Stamp;
use serde_json::{Value, json};

use super::bed::{Bed, NOW, REQUEST, bed};
use crate::controller::Reconcile;
use crate::controller::approval_request::Requests;
use crate::error::Class;
use crate::status::approval::LOOKS_AGAIN;

fn stamped(username: &str) -> (String, Value) {
    let stamp = Stamp {
        decision: DecisionKind::Approve,
        username: username.to_owned(),
        reason: String::new(),
    };
    (stamp.key(), json!(stamp.value()))
}

fn put(bed: &Bed) {
    let annotations: serde_json::Map<String, Value> = ["oidc:bob", "oidc:carol"]
        .map(stamped)
        .into_iter()
        .collect();
    let object = json!({
        "apiVersion": "portcullis.dev/v1alpha1", "kind": "ApprovalRequest",
        "metadata": {
            "name": "r", "namespace": "shop", "generation": 1, "annotations": annotations,
        },
        "spec": {
            "connectionRef": { "name": "orders-db", "uid": "u" },
            "policyRef": { "name": "p", "rule": "no-ddl", "generation": 1 },
            "requester": { "username": "oidc:agent-7" },
            "operation": {
                "hash": format!("sha256:{}", "a".repeat(64)),
                "hashVersion": "v1", "summary": "DROP TABLE t",
            },
            "requiredApprovals": 2,
            "expiresAt": Timestamp::from_second(NOW + 900).unwrap().to_string(),
            "ttlSecondsAfterFinished": 0,
        },
        "status": { "observedGeneration": -1, "state": "Pending", "decisions": [] },
    });
    bed.fake.kept(|it| it.put(REQUEST, object));
}

#[tokio::test]
async fn decisions_are_in_the_status_before_their_stamps_go() {
    let bed = bed();
    put(&bed);
    let context = || Arc::clone(&bed.context);
    Requests::reconcile(context(), bed.request()).await.unwrap();
    assert_eq!(bed.asked(), [format!("PATCH {REQUEST}/status")]);
    let seen = bed.request();
    assert_eq!(seen.metadata.annotations.as_ref().unwrap().len(), 2);
    assert_eq!(seen.status.as_ref().unwrap().decisions.len(), 2);
    Requests::reconcile(context(), seen).await.unwrap();
    assert_eq!(bed.asked(), [format!("PATCH {REQUEST}")]);
    assert!(
        bed.request()
            .metadata
            .annotations
            .as_ref()
            .is_none_or(|all| all.is_empty())
    );
    Requests::reconcile(context(), bed.request()).await.unwrap();
    assert_eq!(bed.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn what_somebody_wrote_meanwhile_is_looked_at_first() {
    let bed = bed();
    put(&bed);
    let read = bed.request();
    let denied = json!([{ "username": "oidc:dave", "decision": "Deny" }]);
    bed.fake.kept(|it| {
        let mut object = it.objects[REQUEST].clone();
        object["status"]["decisions"] = denied;
        it.put(REQUEST, object);
    });
    let failed = Requests::reconcile(Arc::clone(&bed.context), read).await;
    assert_eq!(failed.unwrap_err().class(), Class::Conflict);
    let seen = bed.request();
    Requests::reconcile(Arc::clone(&bed.context), seen)
        .await
        .unwrap();
    let status = bed.fake.kept(|it| it.objects[REQUEST]["status"].clone());
    assert_eq!(status["state"], "Denied");
    assert_eq!(status.get("grant"), None);
}

#[tokio::test]
async fn a_finished_request_stays_until_the_store_has_the_record_of_it() {
    let mut bed = bed();
    bed.class(&json!({}));
    bed.connection(&json!({ "mode": "Gateway", "gateway": { "replicas": 1 } }));
    put(&bed);
    bed.fake.kept(|it| {
        let mut object = it.objects[REQUEST].clone();
        let time = Timestamp::from_second(NOW - 61).unwrap().to_string();
        object["metadata"]["annotations"] = json!({});
        object["status"] = json!({
            "observedGeneration": 1, "state": "Denied", "approvals": "0/2",
            "decisions": [{ "username": "oidc:dave", "decision": "Deny" }],
            "conditions": [{
                "type": "Denied", "status": "True", "reason": "DeniedByApprover", "message": "no",
                "lastTransitionTime": time,
            }],
        });
        it.put(REQUEST, object);
    });
    let look = || Requests::reconcile(Arc::clone(&bed.context), bed.request());
    // The first is what an operator finds when it begins: said nobody knows when.
    for (renewed, unstored) in [(0, "0"), (1, ""), (2, "3600"), (3, "40")] {
        bed.proxy(
            "a",
            renewed,
            &json!({ "portcullis.dev/unstored": unstored }),
        );
        assert_eq!(look().await.unwrap(), Some(LOOKS_AGAIN), "{unstored}");
        assert_eq!(bed.asked(), Vec::<String>::new());
    }
    bed.proxy("a", 4, &json!({ "portcullis.dev/unstored": "20" }));
    assert_eq!(look().await.unwrap(), None);
    assert_eq!(bed.asked(), [format!("DELETE {REQUEST}")]);
}
