use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use portcullis_crds::connection::{BoundPolicy, ConnectionStatus, RequirementKind};
use portcullis_crds::lower::FieldError;
use portcullis_crds::{Connection, ConnectionClass};
use serde_json::{Value, json};

use super::{Facts, MAX_POLICIES, status};
use crate::desired::platform::Unresolved;
use crate::world::proxies::Proxies;
use crate::world::report::{Refused, Report};
use crate::world::view::View;
use crate::world::workload::Workload;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn connection(more: &Value) -> Connection {
    let mut object = json!({
        "apiVersion": "portcullis.dev/v1alpha1",
        "kind": "Connection",
        "metadata": { "name": "orders-db", "namespace": "shop", "uid": "u", "generation": 3 },
        "spec": {
            "protocol": "PostgreSQL",
            "upstream": { "host": "orders.internal", "database": "orders" },
            "credentials": { "secretRef": { "name": "c" } },
        },
    });
    for (key, value) in more.as_object().unwrap() {
        object["spec"][key] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

fn view(policies: usize) -> View {
    View {
        revision: "sha256:new".to_owned(),
        policies: (0..policies)
            .map(|index| BoundPolicy {
                kind: RequirementKind::GuardrailPolicy,
                namespace: "shop".to_owned(),
                name: format!("p{index}"),
            })
            .collect(),
        masks: Vec::new(),
        namespace_labels: BTreeMap::new(),
    }
}

fn report(proxy: &str, revision: &str) -> Report {
    let mut report = Report::of(proxy, "uid");
    report.revision = Some(revision.to_owned());
    report
}

fn running(ready: i64) -> Option<Workload> {
    Some(Workload {
        desired: 2,
        replicas: 2,
        ready,
        updated: 2,
        stuck: None,
    })
}

/// A Connection whose two proxies serve the newest revision.
struct Scene {
    object: Connection,
    class: ConnectionClass,
    errors: Vec<FieldError>,
    unresolved: Vec<Unresolved>,
    view: View,
    workload: Option<Workload>,
    proxies: Proxies,
    failed: Option<(String, bool)>,
    now: i64,
}

fn healthy() -> Scene {
    Scene {
        object: connection(&json!({})),
        class: ConnectionClass::new("default", Default::default()),
        errors: Vec::new(),
        unresolved: Vec::new(),
        view: view(1),
        workload: running(2),
        proxies: Proxies {
            total: 2,
            reports: vec![report("a", "sha256:new"), report("b", "sha256:new")],
            ..Proxies::default()
        },
        failed: None,
        now: 1000,
    }
}

fn of(scene: &Scene) -> ConnectionStatus {
    status(&Facts {
        object: &scene.object,
        class: Some(&scene.class),
        errors: &scene.errors,
        unresolved: &scene.unresolved,
        view: &scene.view,
        workload: scene.workload.clone(),
        proxies: &scene.proxies,
        failed: scene.failed.clone(),
        now: at(scene.now),
    })
}

/// `Type=Status/Reason` of every condition.
fn tells(status: &ConnectionStatus) -> Vec<String> {
    let all = status.conditions.iter();
    all.map(|it| format!("{}={}/{}", it.type_, it.status, it.reason))
        .collect()
}

#[test]
fn what_runs_and_serves_the_newest_policies_is_ready() {
    let mut scene = healthy();
    let found = of(&scene);
    assert_eq!(
        tells(&found),
        [
            "Accepted=True/Accepted",
            "ResolvedRefs=True/ResolvedRefs",
            "Programmed=True/Programmed",
            "Ready=True/AllProxiesCurrent",
        ]
    );
    assert_eq!(found.observed_generation, 3);
    assert_eq!(found.address.as_deref(), Some("orders-db.shop.svc:5432"));
    assert_eq!(found.replicas, Some(2));
    let selector = "app.kubernetes.io/name=portcullis-proxy,portcullis.dev/connection=orders-db";
    assert_eq!(found.selector.as_deref(), Some(selector));
    // Looked at again it is the same, so nothing is written.
    scene.object.status = Some(found.clone());
    assert_eq!(of(&scene), found);
}

/// What is wrong, how it comes about, and conditions that tell it.
type Case = (&'static str, fn(&mut Scene), &'static [&'static str]);

fn wrong_by_itself() -> Vec<Case> {
    vec![
        (
            "no class",
            |it| {
                it.errors
                    .push(field_error("spec.className", "there is none"))
            },
            &[
                "Accepted=False/NotAdmittedByClass",
                "Ready=False/NotAdmittedByClass",
                "Stalled=True/NotAdmittedByClass",
            ],
        ),
        (
            "an upstream that the class forbids",
            |it| {
                it.errors.push(field_error(
                    "spec.upstream.host",
                    "class default does not allow x",
                ));
            },
            &["Accepted=False/NotAdmittedByClass"],
        ),
        (
            "an upstream that is none",
            |it| {
                it.errors
                    .push(field_error("spec.upstream.host", "is no host"))
            },
            &["Accepted=False/Invalid"],
        ),
        (
            "an expression",
            |it| it.errors.push(field_error("spec.access.expression", "no")),
            &["Accepted=False/InvalidExpression"],
        ),
        (
            "a Secret that is missing",
            |it| {
                it.unresolved.push(Unresolved {
                    reason: "SecretNotFound",
                    message: "there is no Secret".to_owned(),
                })
            },
            &[
                "ResolvedRefs=False/SecretNotFound",
                "Ready=False/SecretNotFound",
            ],
        ),
        (
            "a policy that it requires",
            |it| {
                it.object = connection(&json!({
                    "requires": [{ "kind": "MaskingRule", "name": "p0" }],
                }))
            },
            &[
                "ResolvedRefs=False/RequirementNotFound",
                "Ready=False/RequirementNotFound",
            ],
        ),
    ]
}

fn wrong_with_its_proxies() -> Vec<Case> {
    vec![
        (
            "one proxy behind",
            |it| it.proxies.reports[0] = report("a", "sha256:old"),
            &[
                "Programmed=False/PartiallyProgrammed",
                "Ready=False/ProxiesStale",
                "Reconciling=True/Pending",
            ],
        ),
        (
            "all proxies behind",
            |it| {
                for report in &mut it.proxies.reports {
                    report.revision = None;
                }
            },
            &["Programmed=False/Pending", "Reconciling=True/Pending"],
        ),
        (
            "no report",
            |it| it.proxies.reports.clear(),
            &["Programmed=False/Pending"],
        ),
        (
            "one proxy that fell silent",
            |it| {
                it.proxies.reports.pop();
                it.proxies.hushed = 1;
            },
            &[
                "Programmed=False/PartiallyProgrammed",
                "Ready=False/ProxiesStale",
                "Reconciling=True/Pending",
            ],
        ),
    ]
}

fn wrong_around_its_proxies() -> Vec<Case> {
    vec![
        (
            "no ready proxy",
            |it| it.workload = running(0),
            &["Ready=False/NoReadyReplicas"],
        ),
        (
            "a class that is locked down",
            |it| it.class.spec.lockdown = true,
            &["Accepted=True/Accepted", "Ready=False/LockedDown"],
        ),
        (
            "an API server that refuses",
            |it| it.failed = Some(("no right".to_owned(), false)),
            &[
                "Programmed=False/RolloutFailed",
                "Stalled=True/RolloutFailed",
            ],
        ),
        (
            "an API server that is away",
            |it| it.failed = Some(("away".to_owned(), true)),
            &["Programmed=False/RolloutFailed", "Reconciling=True/Pending"],
        ),
        (
            "a roll-out that does not end",
            |it| {
                it.workload.as_mut().unwrap().stuck = Some("deadline".to_owned());
            },
            &[
                "Programmed=False/RolloutFailed",
                "Stalled=True/RolloutFailed",
            ],
        ),
        (
            "an object that proxies refuse",
            |it| {
                it.proxies.reports[0].refused.push(Refused {
                    kind: "GuardrailPolicy".to_owned(),
                    namespace: "shop".to_owned(),
                    name: "p0".to_owned(),
                    field: "spec".to_owned(),
                    reason: "no".to_owned(),
                })
            },
            &[
                "Programmed=False/PartiallyProgrammed",
                "Ready=False/ProxiesStale",
            ],
        ),
    ]
}

#[test]
fn each_thing_that_is_wrong_has_its_condition_and_reason() {
    let mut cases = wrong_by_itself();
    cases.extend(wrong_with_its_proxies());
    cases.extend(wrong_around_its_proxies());
    for (case, change, expected) in cases {
        let mut scene = healthy();
        change(&mut scene);
        let told = tells(&of(&scene));
        for wanted in expected {
            assert!(
                told.iter().any(|it| it == wanted),
                "{case}: {wanted} is not in {told:?}"
            );
        }
        assert!(
            told.iter().any(|it| it.starts_with("Ready=False")),
            "{case}: {told:?}"
        );
    }
}

fn field_error(field: &str, reason: &str) -> FieldError {
    FieldError {
        field: field.to_owned(),
        reason: reason.to_owned(),
    }
}

#[test]
fn an_edit_of_a_policy_leaves_it_ready_for_as_long_as_proxies_may_take() {
    let mut scene = healthy();
    scene.object.status = Some(of(&scene));
    scene.view.revision = "sha256:newer".to_owned();
    let edited = of(&scene);
    assert!(tells(&edited).contains(&"Programmed=False/Pending".to_owned()));
    assert!(tells(&edited).contains(&"Ready=True/ProxiesLoading".to_owned()));
    scene.object.status = Some(edited);
    for (later, told) in [
        (9, "Ready=True/ProxiesLoading"),
        (10, "Ready=False/ProxiesStale"),
    ] {
        scene.now = 1000 + later;
        let found = tells(&of(&scene));
        assert!(found.contains(&told.to_owned()), "{later}: {found:?}");
    }
    // What a proxy refuses is no matter of time.
    scene.now = 1001;
    scene.proxies.reports[0].refused.push(Refused {
        kind: "MaskingRule".to_owned(),
        namespace: "shop".to_owned(),
        name: "m".to_owned(),
        field: "spec".to_owned(),
        reason: "no".to_owned(),
    });
    assert!(tells(&of(&scene)).contains(&"Ready=False/ProxiesStale".to_owned()));
}

#[test]
fn a_replica_that_has_not_begun_keeps_it_from_being_programmed_and_not_from_serving() {
    let mut scene = healthy();
    scene.proxies.total = 3;
    let found = tells(&of(&scene));
    for told in [
        "Programmed=False/PartiallyProgrammed",
        "Ready=True/ProxiesLoading",
        "Reconciling=True/Pending",
    ] {
        assert!(found.contains(&told.to_owned()), "{told}: {found:?}");
    }
    // One of those that serve is behind.
    scene.proxies.reports[0] = report("a", "sha256:old");
    assert!(tells(&of(&scene)).contains(&"Ready=False/ProxiesStale".to_owned()));
}

#[test]
fn a_sidecar_is_ready_without_a_pod_and_counts_the_pods_that_have_it() {
    let mut scene = healthy();
    scene.object = connection(&json!({ "delivery": {
        "mode": "Sidecar",
        "sidecar": { "podSelector": { "matchLabels": { "app": "shop" } }, "port": 15432 },
    } }));
    scene.workload = None;
    scene.proxies = Proxies::default();
    let found = of(&scene);
    assert!(tells(&found).contains(&"Ready=True/AllProxiesCurrent".to_owned()));
    assert_eq!(found.address.as_deref(), Some("127.0.0.1:15432"));
    assert_eq!((found.replicas, found.selector.as_deref()), (Some(0), None));
    scene.proxies.total = 1;
    for (reports, told) in [
        (Vec::new(), "Ready=True/ProxiesLoading"),
        (
            vec![report("pod", "sha256:old")],
            "Ready=False/ProxiesStale",
        ),
    ] {
        scene.proxies.reports = reports;
        let found = of(&scene);
        assert!(tells(&found).contains(&told.to_owned()), "{found:?}");
        assert_eq!(found.replicas, Some(1));
    }
    scene.proxies.reports = vec![report("pod", "sha256:new")];
    assert!(tells(&of(&scene)).contains(&"Ready=True/AllProxiesCurrent".to_owned()));
}

#[test]
fn policies_are_listed_up_to_a_bound_and_counted_past_it() {
    let mut scene = healthy();
    for (count, listed) in [
        (MAX_POLICIES, MAX_POLICIES),
        (MAX_POLICIES + 1, MAX_POLICIES),
    ] {
        scene.view = view(count);
        let found = of(&scene);
        assert_eq!(found.policies.len(), listed);
        assert_eq!(found.policy_count, i64::try_from(count).ok());
    }
}
