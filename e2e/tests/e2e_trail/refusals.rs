//! Every validation of every admission policy has refused something, and every policy has let something
//! through.

use std::collections::BTreeSet;

use portcullis_e2e::approvals::OPERATOR;
use portcullis_e2e::{Audit, Cluster, unless_lacking};
use serde_json::Value;

/// What the API server writes of a refusal, for policies whose binding says `Audit`.
const REFUSAL: &str = "validation.policy.admission.k8s.io/validation_failure";

/// What the schema refuses before it comes to them: the second wall, should somebody take the first away.
const BEHIND_THE_SCHEMA: [(&str, u64); 2] = [
    ("portcullis-approval-operator-status", 1),
    ("portcullis-approval-status", 1),
];

#[test]
fn every_validation_refused_somebody_and_every_policy_let_somebody_through() {
    unless_lacking(look);
}

fn look() {
    let admin = Cluster::named().admin();
    let policies = admin.get(&["validatingadmissionpolicies"])["items"].clone();
    let policies: Vec<&Value> = policies
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| name(it).starts_with("portcullis-"))
        .collect();
    assert!(policies.len() >= 10, "{policies:?}");
    let (mut refused, mut passed) = (BTreeSet::new(), BTreeSet::new());
    for event in Audit::of_this_run().events() {
        refused.extend(refusals(&event));
        let went = event["responseStatus"]["code"].as_u64();
        if went.is_some_and(|code| code < 300) {
            let judged = policies.iter().filter(|policy| judges(policy, &event));
            passed.extend(judged.map(|policy| name(policy)));
        }
    }
    let mut missing = Vec::new();
    for policy in policies {
        let name = name(policy);
        for (index, validation) in (0..).zip(policy["spec"]["validations"].as_array().unwrap()) {
            let behind = BEHIND_THE_SCHEMA.contains(&(name.as_str(), index));
            if refused.contains(&(name.clone(), index)) == behind {
                let what = if behind {
                    "refused, but behind the schema,"
                } else {
                    "never refused"
                };
                missing.push(format!("{name} {what} by {index}: {validation}"));
            }
        }
        if !passed.contains(&name) {
            missing.push(format!("{name} let nothing through"));
        }
    }
    assert!(
        missing.is_empty(),
        "as far as the tests before this one went (it means nothing without them):\n{}",
        missing.join("\n")
    );
}

fn name(policy: &Value) -> String {
    policy["metadata"]["name"].as_str().unwrap().to_owned()
}

/// The policy, and the place of the validation in it, by which a request was refused.
fn refusals(event: &Value) -> Vec<(String, u64)> {
    let told = event["annotations"][REFUSAL].as_str().unwrap_or("[]");
    let told: Value = serde_json::from_str(told).unwrap();
    let one = |it: &Value| {
        Some((
            it["policy"].as_str()?.to_owned(),
            it["expressionIndex"].as_u64()?,
        ))
    };
    told.as_array().unwrap().iter().filter_map(one).collect()
}

/// Whether a request was one that the policy is asked about.
fn judges(policy: &Value, event: &Value) -> bool {
    let spec = &policy["spec"];
    let reference = &event["objectRef"];
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let resource = match word(&reference["subresource"]) {
        none if none.is_empty() => word(&reference["resource"]),
        some => format!("{}/{some}", word(&reference["resource"])),
    };
    let operation = match word(&event["verb"]).as_str() {
        "create" => "CREATE",
        "update" | "patch" => "UPDATE",
        "delete" => "DELETE",
        _ => return false,
    };
    let lists = |list: &Value, wanted: &str| {
        let list = list.as_array().cloned().unwrap_or_default();
        list.iter().any(|it| it == wanted)
    };
    let rules = spec["matchConstraints"]["resourceRules"].as_array();
    let ruled = rules.unwrap().iter().any(|rule| {
        lists(&rule["apiGroups"], &word(&reference["apiGroup"]))
            && lists(&rule["resources"], &resource)
            && lists(&rule["operations"], operation)
    });
    let who = match event["impersonatedUser"]["username"].as_str() {
        Some(name) => name.to_owned(),
        None => word(&event["user"]["username"]),
    };
    let conditions = spec["matchConditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    ruled
        && conditions
            .iter()
            .all(|it| match word(&it["name"]).as_str() {
                "the-operator" => who == OPERATOR,
                "not-the-operator" => who != OPERATOR,
                "by-a-proxy-or-in-its-name" => who.ends_with("-portcullis"),
                "not-with-what-it-belongs-to" => {
                    !who.starts_with("system:serviceaccount:kube-system:")
                }
                // The machinery of Kubernetes.
                _ => !who.starts_with("system:"),
            })
}
