//! Status: what is wrong is told, and only when it changes.

use std::time::Duration;

use portcullis_e2e::{pause, wait_until};
use serde_json::{Value, json};

use super::bed::{Bed, with_bed};
use super::reporting::{pods, report};

#[test]
fn references_and_requirements_are_told_until_they_are_there() {
    with_bed(&json!({}), |bed| {
        bed.connection(&json!({
            "requires": [{ "kind": "GuardrailPolicy", "name": "reads" }],
        }));
        let what = ["connection/orders"];
        bed.wait_for(&what, "ResolvedRefs", "False/RequirementNotFound");
        bed.admin.apply(&policy().to_string());
        let told = bed.wait_for(&what, "ResolvedRefs", "False/SecretNotFound");
        assert!(told.starts_with("spec.credentials.secretRef: "), "{told}");
        bed.credential("other@orders.internal:5432");
        bed.wait_for(&what, "ResolvedRefs", "False/RefNotPermitted");
        bed.credential("orders@orders.internal:5432");
        bed.wait_for(&what, "ResolvedRefs", "True/ResolvedRefs");
        let status = bed.admin.get(&what)["status"].clone();
        assert_eq!(status["policies"][0]["name"], "reads");
        assert_eq!(status["policyCount"], 1);
        let address = format!("orders.{}.svc:5432", bed.namespace.name);
        assert_eq!(status["address"], json!(address));
    });
}

#[test]
fn a_policy_waits_for_its_target_and_for_the_proxies_to_report_it() {
    // No proxy but those whose Leases are written here.
    with_bed(
        &json!({ "proxy": { "image": "localhost/none:0" } }),
        |bed| {
            bed.admin.apply(&policy().to_string());
            let guard = ["guardrailpolicy/reads"];
            bed.wait_for(&guard, "Accepted", "False/TargetNotFound");
            bed.credential("orders@orders.internal:5432");
            bed.connection(&json!({}));
            bed.wait_for(&guard, "Accepted", "True/Accepted");
            bed.wait_for(&guard, "Programmed", "False/Pending");
            let pods = pods(bed, 1);
            report(bed, &pods[0], "sha256:old");
            bed.wait_for(&["connection/orders"], "Programmed", "False/Pending");
            report(bed, &pods[0], &revision(bed));
            bed.wait_for(&guard, "Programmed", "True/Programmed");
            bed.wait_for(&["connection/orders"], "Programmed", "True/Programmed");
            let status = bed.admin.get(&["connection/orders"])["status"].clone();
            assert_eq!(status["proxies"], json!({ "total": 1, "current": 1 }));
            // Another revision is wanted as soon as anything that bears on it is edited.
            let mut edited = policy();
            edited["spec"]["default"] = json!("Allow");
            bed.admin.apply(&edited.to_string());
            bed.wait_for(&guard, "Programmed", "False/Pending");
        },
    );
}

#[test]
fn a_proxy_that_does_not_speak_is_waited_for() {
    with_bed(
        &json!({ "proxy": { "image": "localhost/none:0" } }),
        |bed| {
            let conn = ["connection/orders"];
            bed.admin.apply(&policy().to_string());
            bed.credential("orders@orders.internal:5432");
            let gateway = json!({ "mode": "Gateway", "gateway": { "replicas": 2 } });
            bed.connection(&json!({ "delivery": gateway }));
            let pods = pods(bed, 2);
            report(bed, &pods[0], &revision(bed));
            let told = bed.wait_for(&conn, "Programmed", "False/PartiallyProgrammed");
            assert!(told.starts_with("1 of 2 proxies"), "{told}");
            let guard = ["guardrailpolicy/reads"];
            bed.wait_to_be(&guard, |guard| {
                let programmed = &guard["status"]["ancestors"][0]["conditions"][1];
                programmed["message"] == "1 of 2 proxies have loaded it"
            });
            bed.wait_for(&guard, "Programmed", "False/Pending");
            for pod in &pods {
                report(bed, pod, &revision(bed));
            }
            bed.wait_for(&conn, "Programmed", "True/Programmed");
            bed.wait_for(&guard, "Programmed", "True/Programmed");
        },
    );
}

#[test]
fn nothing_is_written_where_nothing_changes() {
    with_bed(&json!({}), |bed| {
        bed.credential("orders@orders.internal:5432");
        bed.connection(&json!({}));
        bed.wait_for(&["connection/orders"], "ResolvedRefs", "True/ResolvedRefs");
        let versions = || -> Vec<Value> {
            let version =
                |what: &str| bed.admin.get(&[what])["metadata"]["resourceVersion"].clone();
            let all = [
                "connection/orders",
                "role/orders-portcullis",
                "service/orders",
            ];
            all.into_iter().map(version).collect()
        };
        // Until what was set off by the beginning is over.
        let mut before = versions();
        wait_until("quiet", || {
            pause(Duration::from_secs(3));
            let now = versions();
            match now == before {
                true => Ok(()),
                false => {
                    before = now;
                    Err(format!("{before:?}"))
                }
            }
        });
        pause(Duration::from_secs(5));
        assert_eq!(versions(), before);
    });
}

fn policy() -> Value {
    json!({
        "apiVersion": "portcullis.dev/v1alpha1",
        "kind": "GuardrailPolicy",
        "metadata": { "name": "reads" },
        "spec": {
            "targetRefs": [{ "name": "orders" }],
            "default": "Deny",
            "rules": [{ "name": "reads", "match": { "effects": ["Read"] }, "action": "Allow" }],
        },
    })
}

fn revision(bed: &Bed<'_>) -> String {
    let is_told = |it: &Value| it["status"]["policyRevision"].is_string();
    let object = bed.wait_to_be(&["connection/orders"], is_told);
    object["status"]["policyRevision"]
        .as_str()
        .unwrap()
        .to_owned()
}
