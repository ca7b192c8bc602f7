//! What a Connection owns appears, and is made right again.

use portcullis_e2e::wait_until;
use serde_json::json;

use super::bed::with_bed;

/// All that a gateway owns, without its autoscaler.
const OWNED: [&str; 10] = [
    "serviceaccount/orders-portcullis",
    "role/orders-portcullis",
    "rolebinding/orders-portcullis",
    "networkpolicy/orders-portcullis",
    "poddisruptionbudget/orders-portcullis",
    "service/orders",
    "deployment/orders",
    "secret/orders-portcullis-certificate",
    "configmap/orders-portcullis-ca",
    "secret/orders-portcullis-platform",
];

#[test]
fn all_of_it_appears_and_what_is_removed_comes_back() {
    // The class refers to something of the platform, so there is a copy to be made.
    let platform = json!({ "recording": {} });
    with_bed(&platform, |bed| {
        bed.credential("orders@orders.internal:5432");
        bed.connection(&json!({}));
        let owned = OWNED.iter().filter(|it| !it.ends_with("platform"));
        for object in owned.clone() {
            bed.wait_to_be(&[object], |it| {
                it["metadata"]["ownerReferences"][0]["kind"] == "Connection"
            });
        }
        for object in owned {
            let before = bed.admin.get(&[object])["metadata"]["uid"].clone();
            bed.admin.must(&["delete", object, "--wait=false"]);
            bed.wait_to_be(&[object], |it| it["metadata"]["uid"] != before);
        }
    });
}

#[test]
fn what_is_edited_by_hand_is_as_it_was_and_what_others_add_stays() {
    with_bed(&json!({}), |bed| {
        bed.connection(&json!({}));
        bed.wait_to_be(&["deployment/orders"], |_| true);
        bed.wait_to_be(&["role/orders-portcullis"], |_| true);
        let rules = json!([{ "op": "replace", "path": "/rules", "value": [
            { "apiGroups": [""], "resources": ["secrets"], "verbs": ["*"] },
        ] }]);
        let patch = rules.to_string();
        bed.admin.must(&[
            "patch",
            "role/orders-portcullis",
            "--type=json",
            "-p",
            &patch,
        ]);
        bed.wait_to_be(&["role/orders-portcullis"], |it| {
            !it["rules"].to_string().contains("secrets")
        });
        let labels = "app.kubernetes.io/managed-by-";
        bed.admin.must(&["label", "service/orders", labels]);
        bed.wait_to_be(&["service/orders"], |it| {
            it["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "portcullis"
        });
        let note = "example.com/note=mine";
        bed.admin.must(&["annotate", "deployment/orders", note]);
        bed.admin
            .must(&["scale", "deployment/orders", "--replicas=3"]);
        let deployment = bed.wait_to_be(&["deployment/orders"], |it| it["spec"]["replicas"] == 1);
        assert_eq!(
            deployment["metadata"]["annotations"]["example.com/note"],
            "mine"
        );
    });
}

#[test]
fn a_connection_is_scaled_as_a_deployment_is() {
    with_bed(&json!({}), |bed| {
        bed.connection(&json!({}));
        bed.wait_to_be(&["deployment/orders"], |it| it["spec"]["replicas"] == 1);
        bed.admin
            .must(&["scale", "connection/orders", "--replicas=2"]);
        bed.wait_to_be(&["deployment/orders"], |it| it["spec"]["replicas"] == 2);
    });
}

#[test]
fn an_autoscaler_comes_and_goes_with_its_field() {
    with_bed(&json!({}), |bed| {
        bed.connection(&json!({ "delivery": { "mode": "Gateway", "gateway": {
            "autoscaling": { "minReplicas": 2, "maxReplicas": 4 },
        } } }));
        bed.wait_to_be(&["hpa/orders-portcullis"], |_| true);
        bed.connection(&json!({}));
        wait_until("the autoscaler to be gone", || {
            match bed.admin.find(&["hpa/orders-portcullis"]) {
                None => Ok(()),
                Some(_) => Err("it is there".to_owned()),
            }
        });
    });
}

#[test]
fn an_object_of_another_is_left_alone_and_told() {
    with_bed(&json!({}), |bed| {
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "orders" },
            "spec": { "ports": [{ "port": 80 }], "selector": { "app": "mine" } },
        });
        bed.admin.apply(&service.to_string());
        bed.connection(&json!({}));
        let told = bed.wait_for(&["connection/orders"], "Stalled", "True/RolloutFailed");
        assert!(told.contains("Service orders is there"), "{told}");
        let service = bed.admin.get(&["service/orders"]);
        assert_eq!(service["spec"]["selector"], json!({ "app": "mine" }));
        bed.admin.must(&["delete", "service/orders"]);
        // The operator does not watch what is not its own; it looks again by itself.
        bed.admin
            .must(&["annotate", "connection/orders", "example.com/look=again"]);
        bed.wait_to_be(&["service/orders"], |it| {
            it["spec"]["selector"]["portcullis.dev/connection"] == "orders"
        });
    });
}

#[test]
fn the_pods_are_restricted_and_hold_no_right_to_secrets() {
    with_bed(&json!({}), |bed| {
        let level = "pod-security.kubernetes.io/enforce=restricted";
        bed.admin
            .must(&["label", "namespace", &bed.namespace.name, level]);
        bed.connection(&json!({}));
        wait_until("a pod to be admitted", || {
            let pods = bed.admin.get(&["pods"]);
            match pods["items"].as_array().map(Vec::len) {
                Some(1) => Ok(()),
                _ => Err(bed.admin.get(&["replicasets"]).to_string()),
            }
        });
        let account = format!(
            "system:serviceaccount:{}:orders-portcullis",
            bed.namespace.name
        );
        let proxy = bed.admin.impersonating(&account);
        for (verb, what, allowed) in [
            ("request-for", "connections/orders", true),
            ("request-for", "connections/other", false),
            ("get", "connections/orders", true),
            ("get", "connections/other", false),
            ("create", "approvalrequests", true),
            ("patch", "approvalrequests --subresource=status", true),
            ("get", "secrets", false),
            ("list", "secrets", false),
            ("approve", "connections/orders", false),
            ("update", "guardrailpolicies", false),
        ] {
            let mut question = vec!["auth", "can-i", verb];
            question.extend(what.split(' '));
            let can = proxy.run(&question).succeeded;
            assert_eq!(can, allowed, "{verb} {what}");
        }
        wait_until("the bindings of all proxies to hold it", || {
            let can = proxy.run(&["auth", "can-i", "get", "connectionclasses"]);
            match can.succeeded {
                true => Ok(()),
                false => Err(can.output),
            }
        });
    });
}

#[test]
fn a_sidecar_connection_owns_an_account_and_its_token_alone() {
    with_bed(&json!({}), |bed| {
        bed.connection(&json!({ "delivery": { "mode": "Sidecar", "sidecar": {
            "podSelector": { "matchLabels": { "app": "shop" } }, "port": 15432,
        } } }));
        let secret = bed.wait_to_be(&["secret/orders-portcullis-token"], |it| {
            it["data"]["token"].as_str().is_some()
        });
        assert_eq!(secret["type"], "Opaque");
        bed.wait_to_be(&["role/orders-portcullis"], |_| true);
        for absent in [
            "service/orders",
            "deployment/orders",
            "networkpolicy/orders-portcullis",
        ] {
            assert_eq!(bed.admin.find(&[absent]), None);
        }
        bed.wait_for(&["connection/orders"], "Accepted", "True/Accepted");
        // A gateway instead: what the sidecar had goes.
        bed.connection(&json!({}));
        bed.wait_to_be(&["deployment/orders"], |_| true);
        wait_until("the token to be gone", || {
            match bed.admin.find(&["secret/orders-portcullis-token"]) {
                None => Ok(()),
                Some(_) => Err("it is there".to_owned()),
            }
        });
    });
}
