//! Many Connections and policies at once: how long the operator takes, what it asks the API server, and
//! how much memory it has. Alone, for the figures' sake. `make soak` has ten times as many.

use std::time::{Duration, Instant};

use portcullis_e2e::approvals::OPERATOR;
use portcullis_e2e::{Audit, Kubectl, count_of, left_out, pause, wait_within, with_namespace};
use serde_json::{Value, json};

use crate::connections::{connection, list};
use crate::node::Node;
use crate::replicas::{holder, metric, platform, ready};

/// How many Connections there are, where it is not this many.
const CONNECTIONS: (&str, usize) = ("E2E_CONNECTIONS", 50);
/// Policies for each of them.
const POLICIES: usize = 4;
/// How many of them are gateways at most; the rest are sidecars. A gateway has an address, of which the
/// test cluster has 254.
const GATEWAYS: usize = 200;
/// Nothing takes longer for each, however busy the machine is.
const EACH: Duration = Duration::from_millis(1500);
/// The most memory that the operator may have, as the chart limits it.
const MOST_MEMORY: u64 = 512 * 1024;

#[test]
#[allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "figures for people, by the clock of the machine"
)]
fn a_crowd_of_connections_and_policies_settles() {
    let _alone = crate::alone();
    let count = count_of(CONNECTIONS);
    with_namespace("operator-crowd", |namespace| {
        let admin = namespace.admin();
        ready();
        let leads = holder();
        let node = Node::under(&leads.pod, namespace);
        if Audit::from_now().is_none() {
            left_out(Audit::LACKING);
        }
        let (audit, began) = (Audit::from_now(), Instant::now());
        admin.apply(&everything(count));
        let applied = began.elapsed();
        settled(&admin, count, POLICIES);
        println!(
            "{count} Connections and {} policies: applied in {applied:?}, settled after {:?}",
            count * POLICIES,
            began.elapsed()
        );
        told(audit.as_ref());
        // One edit that bears on all of them.
        let (audit, began) = (Audit::from_now(), Instant::now());
        admin.apply(&policy("all", &json!({ "targetSelector": {} })).to_string());
        settled(&admin, count, POLICIES + 1);
        println!(
            "a policy that binds all of them: settled after {:?}",
            began.elapsed()
        );
        told(audit.as_ref());
        quiet(&leads.pod);
        let uid = platform().get(&["pod", &leads.pod])["metadata"]["uid"].clone();
        let process = node
            .process("portcullis-operator", uid.as_str().unwrap())
            .unwrap();
        let memory = node.run(&format!(
            "busybox grep -e VmRSS -e VmHWM /proc/{process}/status"
        ));
        println!(
            "memory of who writes: {}",
            memory.replace(['\n', '\t'], " ")
        );
        let most = memory.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let most = most.and_then(|it| it.split_whitespace().next()?.parse::<u64>().ok());
        assert!(most.is_some_and(|most| most < MOST_MEMORY), "{memory}");
    });
}

fn everything(count: usize) -> String {
    let mut items = Vec::new();
    for index in 0..count {
        let name = format!("c{index:03}");
        let mut object = connection(&name);
        if index >= GATEWAYS {
            let selector = json!({ "matchLabels": { "app": name } });
            object["spec"]["delivery"] = json!({
                "mode": "Sidecar", "sidecar": { "podSelector": selector, "port": 15432 },
            });
        }
        items.push(object);
        for number in 0..POLICIES {
            let target = json!({ "targetRefs": [{ "name": name }] });
            items.push(policy(&format!("{name}-{number}"), &target));
        }
    }
    list(&items)
}

fn policy(name: &str, target: &Value) -> Value {
    let mut spec = json!({
        "default": "Deny",
        "rules": [{ "name": "reads", "match": { "effects": ["Read"] }, "action": "Allow" }],
    });
    for (key, value) in target.as_object().unwrap() {
        spec[key] = value.clone();
    }
    json!({
        "apiVersion": "portcullis.dev/v1alpha1", "kind": "GuardrailPolicy",
        "metadata": { "name": name }, "spec": spec,
    })
}

/// Waits until each Connection has its Deployment and tells so many policies, and each policy is Ready.
#[track_caller]
fn settled(admin: &Kubectl, count: usize, policies: usize) {
    let each = u32::try_from(count).unwrap();
    wait_within(EACH * each, "the crowd to settle", || {
        // Looking is work for the API server too.
        pause(Duration::from_millis(100 + 2 * u64::from(each)));
        let number = |kind: &str, path: &str, wanted: &str| {
            let path = format!("--output=jsonpath={{range .items[*]}}{{{path}}}{{\"\\n\"}}{{end}}");
            let said = admin.must(&["get", kind, &path]);
            said.lines().filter(|line| *line == wanted).count()
        };
        let deployments = number("deployments", ".kind", "Deployment");
        let told = number("connections", ".status.policyCount", &policies.to_string());
        let ready = ".status.conditions[?(@.type==\"Ready\")].status";
        let policies_ready = number("guardrailpolicies", ready, "True");
        let wanted = count * POLICIES + (policies - POLICIES);
        match (deployments, told, policies_ready) == (count.min(GATEWAYS), count, wanted) {
            true => Ok(()),
            false => Err(format!("{deployments} {told} {policies_ready}")),
        }
    });
}

/// What the operator asked meanwhile.
#[allow(clippy::print_stdout, reason = "figures for people")]
fn told(audit: Option<&Audit>) {
    let Some(audit) = audit else { return };
    let mut calls = std::collections::BTreeMap::<String, u32>::new();
    for event in audit
        .events()
        .filter(|it| it["user"]["username"] == OPERATOR)
    {
        let word = |path: &str| {
            event
                .pointer(path)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let what = format!(
            "{} {}/{}",
            word("/verb"),
            word("/objectRef/resource"),
            word("/objectRef/subresource")
        );
        *calls
            .entry(what.trim_end_matches('/').to_owned())
            .or_default() += 1;
    }
    let all: u32 = calls.values().sum();
    println!("the operator made {all} calls: {calls:?}");
}

/// What changes nothing sets nothing off.
fn quiet(pod: &str) {
    let reconciles = || metric(pod, "controller_runtime_reconcile_total", &[]);
    wait_within(Duration::from_secs(60), "the operator to be quiet", || {
        let before = reconciles();
        pause(Duration::from_secs(3));
        let after = reconciles();
        // Leases of proxies that others left, an hour's look: some.
        (after - before < 5.0)
            .then_some(())
            .ok_or(format!("{}", after - before))
    });
}
