//! The platform's word and a lockdown, at every proxy of a gateway, while the tenant makes the Connection
//! anew.

use portcullis_e2e::{Kubectl, Platform, wait_until};
use serde_json::{Value, json};

use super::bed::{Bed, object, with_gateway};

const STAYS: &str = "credits stay, says the platform";
const LOWER: &str = "update customers set credit = 0 where id = 1";

/// One gateway for all of it: it takes seconds to come up.
#[test]
fn the_platform_s_word_holds_at_every_proxy_and_over_a_connection_made_anew() {
    with_gateway(|bed| {
        let name = &bed.namespace.name;
        let selector = json!({ "namespaceSelector": { "matchLabels": {
            "kubernetes.io/metadata.name": name,
        } } });
        let spec = json!({
            "targetSelector": selector, "default": "Allow",
            "rules": [{
                "name": "no", "match": { "verbs": ["UPDATE"] }, "action": "Deny", "message": STAYS,
            }],
        });
        let tenant = bed.namespace.tenant();
        let platform = Platform::with(bed.namespace, &[object("GuardrailPolicy", name, &spec)]);
        everywhere(bed, LOWER, &|answer| answer.contains(STAYS));
        // With all policies of the namespace gone and one that allows everything.
        tenant.must(&["delete", "guardrailpolicy", "--all"]);
        let open = json!({ "targetSelector": {}, "default": "Allow", "rules": [] });
        tenant.apply(&object("GuardrailPolicy", "open", &open).to_string());
        everywhere(bed, "select 1", &|answer| answer == "1");
        everywhere(bed, LOWER, &|answer| answer.contains(STAYS));
        made_anew(bed, &tenant);
        everywhere(bed, "select credit from customers where id = 1", &|it| {
            it == "10"
        });
        everywhere(bed, LOWER, &|answer| answer.contains(STAYS));
        locked_down(bed, &tenant);
        drop(platform);
        everywhere(bed, LOWER, &|answer| answer.is_empty());
        assert_eq!(
            bed.target_says("select credit from customers where id = 1"),
            "0"
        );
    });
}

/// Every proxy comes to answer so, in a session of its own.
fn everywhere(bed: &Bed<'_>, query: &str, wanted: &dyn Fn(&str) -> bool) {
    let token = bed.token("dana");
    for (pod, address) in bed.proxies() {
        wait_until(&format!("{query} at {pod}"), || {
            let answer = bed.session_at(&address, &token).ask(query);
            if wanted(&answer) { Ok(()) } else { Err(answer) }
        });
    }
}

fn made_anew(bed: &Bed<'_>, tenant: &Kubectl) {
    let before = bed.proxies();
    let mut found = tenant.get(&["connection", "orders"]);
    tenant.must(&["delete", "connection", "orders", "--timeout=60s"]);
    let anew = object("Connection", "orders", &found["spec"].take());
    tenant.apply(&anew.to_string());
    // What the first one owned goes, and pods with it.
    wait_until("other proxies", || {
        let pods = bed.proxies();
        let other = pods.len() == 2 && pods.iter().all(|pod| !before.contains(pod));
        other.then_some(()).ok_or(format!("{pods:?}"))
    });
    bed.wait_until_ready();
    bed.keep_ca();
}

fn locked_down(bed: &Bed<'_>, tenant: &Kubectl) {
    let token = bed.token("dana");
    let mut open: Vec<_> = bed
        .proxies()
        .iter()
        .map(|(_, at)| bed.session_at(at, &token))
        .collect();
    for session in &mut open {
        assert_eq!(session.ask("select 1"), "1");
    }
    bed.class(&json!({ "lockdown": true }));
    everywhere(bed, "select 1", &|answer| answer.contains("locked"));
    for session in &mut open {
        assert_ne!(session.ask("select 1"), "1");
    }
    let status = || -> Value { tenant.get(&["connection", "orders"])["status"].clone() };
    wait_until("the lockdown to be told", || {
        let told = status();
        told.to_string()
            .contains("LockedDown")
            .then_some(())
            .ok_or(told.to_string())
    });
    let class = &bed.namespace.name;
    let lift = r#"--patch={"spec":{"lockdown":false}}"#;
    let line = ["patch", "connectionclass", class, "--type=merge", lift];
    tenant.run(&line).must_be_refused("forbidden");
    let line = ["delete", "connectionclass", class];
    tenant.run(&line).must_be_refused("forbidden");
    bed.class(&json!({ "lockdown": false }));
    everywhere(bed, "select 1", &|answer| answer == "1");
}
