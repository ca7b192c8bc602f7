//! The charts: what they render is what the API server takes, with each value that can be set.

use portcullis_e2e::{Cluster, render};

const PLATFORM: &str = "portcullis-system";

/// Each value of the chart `portcullis`, with something in the output that is only there for it.
const VALUES: &[(&str, &str)] = &[
    (
        r#"image.registry="registry.example/guard/""#,
        "image: registry.example/guard/portcullis-operator:0.1.0",
    ),
    (
        r#"image.registry="registry.example/guard/""#,
        "--proxy-image=registry.example/guard/portcullis-proxy:0.1.0",
    ),
    (r#"image.tag="9.9""#, "image: portcullis-operator:9.9"),
    (
        r#"image.digests.portcullis-operator="sha256:0000000000000000000000000000000000000000000000000000000000000000""#,
        "image: portcullis-operator@sha256:0000",
    ),
    (
        r#"image.digests.portcullis-proxy="sha256:0000000000000000000000000000000000000000000000000000000000000000""#,
        "--proxy-image=portcullis-proxy@sha256:0000",
    ),
    (r#"image.pullPolicy="Never""#, "imagePullPolicy: Never"),
    (
        r#"image.pullSecrets=[{"name":"pull-me"}]"#,
        "- name: pull-me",
    ),
    ("operator.replicas=3", "replicas: 3"),
    (r#"operator.logFilter="debug""#, "--log-filter=debug"),
    (
        r#"operator.resources={"limits":{"memory":"177Mi"}}"#,
        "memory: 177Mi",
    ),
    (
        r#"operator.podLabels={"team":"platform"}"#,
        "team: platform",
    ),
    (
        r#"operator.podAnnotations={"example.com/scrape":"true"}"#,
        r#"example.com/scrape: "true""#,
    ),
    (
        r#"operator.nodeSelector={"pool":"control"}"#,
        "pool: control",
    ),
    (
        r#"operator.tolerations=[{"key":"dedicated","operator":"Exists"}]"#,
        "key: dedicated",
    ),
    (
        r#"operator.priorityClassName="system-cluster-critical""#,
        "priorityClassName: system-cluster-critical",
    ),
    (r#"defaultClass.spec={"lockdown":true}"#, "lockdown: true"),
];

/// Switches, by what is not there any more.
const SWITCHES: &[(&str, &str)] = &[
    ("roles.aggregate=false", "aggregate-to-admin"),
    ("defaultClass.create=false", "kind: ConnectionClass"),
];

#[test]
fn each_value_does_what_it_says() {
    let plain = render("portcullis", PLATFORM, &[]).must_succeed();
    for (value, found) in VALUES {
        let with = render("portcullis", PLATFORM, &[value]).must_succeed();
        assert!(with.contains(found), "{value} does not render {found}");
        assert!(!plain.contains(found), "{found} is there without {value}");
    }
    for (value, gone) in SWITCHES {
        let with = render("portcullis", PLATFORM, &[value]).must_succeed();
        assert!(
            plain.contains(gone) && !with.contains(gone),
            "{value} leaves {gone}"
        );
    }
    let crds = render("portcullis-crds", PLATFORM, &[]).must_succeed();
    assert!(crds.contains("helm.sh/resource-policy: keep"));
    let crds = render("portcullis-crds", PLATFORM, &["keep=false"]).must_succeed();
    assert!(!crds.contains("helm.sh/resource-policy"));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (value, reason) in [
        (
            "operator.replica=3",
            "additional properties 'replica' not allowed",
        ),
        (
            "operators={}",
            "additional properties 'operators' not allowed",
        ),
        ("operator.replicas=0", "minimum: got 0, want 1"),
        (r#"operator.replicas="2""#, "got string, want integer"),
        (
            r#"image.registry="registry.example""#,
            "does not match pattern",
        ),
        (
            r#"image.digests.portcullis-proxy="latest""#,
            "does not match pattern",
        ),
        (r#"image.pullPolicy="Sometimes""#, "value must be one of"),
        (r#"roles.aggregate="yes""#, "got string, want boolean"),
    ] {
        render("portcullis", PLATFORM, &[value]).must_be_refused(reason);
    }
    render("portcullis-crds", PLATFORM, &["kept=true"])
        .must_be_refused("additional properties 'kept' not allowed");
    let said = render("portcullis", "elsewhere", &[]);
    said.must_be_refused("is installed into the namespace portcullis-system, not \"elsewhere\"");
}

#[test]
fn the_api_server_takes_what_is_rendered() {
    let admin = Cluster::named().admin();
    let all: Vec<&str> = VALUES.iter().map(|(value, _)| *value).collect();
    for values in [&[] as &[&str], &all] {
        for chart in ["portcullis-crds", "portcullis"] {
            let objects = render(
                chart,
                PLATFORM,
                values
                    .get(
                        ..if chart == "portcullis" {
                            values.len()
                        } else {
                            0
                        },
                    )
                    .unwrap(),
            );
            let dry = [
                "apply",
                "--server-side",
                "--force-conflicts",
                "--dry-run=server",
                "-f",
                "-",
            ];
            let said = admin.run_with(&dry, &objects.must_succeed());
            assert!(said.errors.is_empty(), "{}", said.errors);
            said.must_succeed();
        }
    }
}

#[test]
fn the_admission_policies_are_typed_right() {
    let admin = Cluster::named().admin();
    let policies = admin.get(&["validatingadmissionpolicies"]);
    let mut ours = 0;
    for policy in policies["items"].as_array().unwrap() {
        let name = policy["metadata"]["name"].as_str().unwrap();
        if name.starts_with("portcullis-") {
            ours += 1;
            let warnings = &policy["status"]["typeChecking"]["expressionWarnings"];
            assert!(warnings.is_null(), "{name}: {warnings}");
            // Without a binding a policy does nothing.
            let binding = admin.get(&["validatingadmissionpolicybinding", name]);
            assert_eq!(binding["spec"]["policyName"], name);
            assert_eq!(
                binding["spec"]["validationActions"],
                serde_json::json!(["Deny", "Audit"])
            );
        }
    }
    assert_eq!(ours, 10);
}
