//! What is in force, and how soon.

use std::time::{Duration, Instant};

use portcullis_e2e::wait_until;
use serde_json::{Value, json};

use super::bed::{Bed, Proxy, guard, object, with_bed};

/// How many edits are timed.
const EDITS: usize = 20;

fn denied(verb: &str) -> Value {
    json!([{ "name": "no", "match": { "verbs": [verb] }, "action": "Deny", "message": "not here" }])
}

fn refused(bed: &Bed<'_>, proxy: &Proxy) -> String {
    let lease = bed.lease(proxy);
    let told = &lease["metadata"]["annotations"]["portcullis.dev/refused"];
    told.as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_proxy_allows_denies_and_masks_and_tells_its_revision() {
    with_bed(|bed| {
        bed.guard("all", &denied("DELETE"));
        bed.mask(&json!({ "type": "Redact" }));
        bed.connection(&json!({}));
        let proxy = bed.proxy(7);
        let mut session = proxy.session();
        assert_eq!(session.ask("select * from customers"), "1|[redacted]");
        let answer = session.ask("delete from customers");
        assert!(answer.contains("not here"), "{answer}");
        session.ask("insert into journal values ('x')");
        assert_eq!(bed.target.admin(&bed.namespace.name, "table journal"), "x");
        let lease = bed.lease(&proxy);
        let told = &lease["metadata"]["annotations"];
        let (_, status) = proxy.get("/status").unwrap();
        let revision = told["portcullis.dev/revision"].as_str().unwrap();
        assert!(
            revision.starts_with("sha256:") && status.contains(revision),
            "{status}"
        );
        assert_eq!(told["portcullis.dev/refused"], "[]");
        assert_eq!(lease["spec"]["holderIdentity"], proxy.name.as_str());
        assert_eq!(lease["metadata"]["ownerReferences"][0]["kind"], "Pod");
        wait_until("the head of the record in the Lease", || {
            let lease = bed.lease(&proxy);
            let told = lease["metadata"]["annotations"].clone();
            let head = told["portcullis.dev/head"].as_str().unwrap_or_default();
            match !head.is_empty() && told["portcullis.dev/sessions"] == "1" {
                true => Ok(()),
                false => Err(told.to_string()),
            }
        });
    });
}

#[test]
fn a_proxy_that_is_told_to_stop_hands_the_last_head_of_its_record_out() {
    with_bed(|bed| {
        bed.guard("all", &json!([]));
        bed.connection(&json!({}));
        let proxy = bed.proxy(7);
        let head = |name: &str| {
            let lease = bed.admin.get(&["lease", name]);
            lease["metadata"]["annotations"]["portcullis.dev/head"].clone()
        };
        let (name, before) = (proxy.name.clone(), head(&proxy.name));
        let mut session = proxy.session();
        assert_eq!(session.ask("select 1"), "1");
        proxy.stop();
        let after = head(&name);
        assert_ne!(after, before);
        assert!(after.as_str().unwrap().contains(&name), "{after}");
    });
}

#[test]
fn nothing_passes_without_a_policy_and_nobody_comes_without_a_connection() {
    with_bed(|bed| {
        let proxy = bed.start(7, &[]);
        wait_until("the admin port", || {
            proxy.get("/healthz").ok_or("no".to_owned())
        });
        assert_eq!(proxy.get("/readyz").unwrap().0, 503);
        assert!(!proxy.is_open());
        bed.connection(&json!({}));
        proxy.wait_until_ready();
        let answer = proxy.session().ask("select 1");
        assert!(answer.contains("no policy is enforced"), "{answer}");
        bed.guard("all", &json!([]));
        let mut session = None;
        wait_until("passage", || {
            let mut next = proxy.session();
            let answer = next.ask("select 1");
            session = Some(next);
            (answer == "1").then_some(()).ok_or(answer)
        });
        bed.admin.must(&["delete", "connection", "orders"]);
        wait_until("the Connection to be closed", || {
            let ready = proxy.get("/readyz").unwrap().0;
            match ready == 503 && !proxy.is_open() {
                true => Ok(()),
                false => Err(ready.to_string()),
            }
        });
        // The session that was open has ended, and says why or nothing.
        let answer = session.unwrap().ask("select 2");
        assert_ne!(answer, "2");
    });
}

/// Prints how long edits take to reach an open session; asserts only that they do.
#[test]
#[allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "figures for people, by the clock of the machine"
)]
fn edits_reach_open_sessions() {
    with_bed(|bed| {
        bed.guard("all", &json!([]));
        bed.connection(&json!({}));
        let proxy = bed.proxy(7);
        let mut session = proxy.session();
        assert_eq!(session.ask("select 1"), "1");
        let (mut whole, mut after) = (Vec::new(), Vec::new());
        for edit in 0..EDITS {
            let allows = edit % 2 == 1;
            let rules = if allows { json!([]) } else { denied("SELECT") };
            let began = Instant::now();
            bed.admin
                .apply(&object("GuardrailPolicy", "all", &guard(&rules)));
            let applied = Instant::now();
            while (session.ask("select 1") == "1") != allows {
                assert!(applied.elapsed() < Duration::from_secs(10), "edit {edit}");
            }
            whole.push(began.elapsed());
            after.push(applied.elapsed());
        }
        for (what, mut times) in [("from kubectl's start", whole), ("from its end", after)] {
            times.sort();
            let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
            println!(
                "{EDITS} edits, {what}: p50 {:?}, p90 {:?}, p99 {:?}",
                at(50),
                at(90),
                at(99)
            );
        }
    });
}

#[test]
fn a_rule_that_cannot_be_enforced_keeps_its_last_good_version_and_holds_up_nothing() {
    with_bed(|bed| {
        bed.guard("all", &json!([]));
        bed.mask(&json!({ "type": "Redact" }));
        bed.connection(&json!({}));
        let proxy = bed.proxy(7);
        let mut session = proxy.session();
        let select = "select email from customers";
        assert_eq!(session.ask(select), "[redacted]");
        // Well formed, so that admission takes it; but nobody mounted this key.
        bed.mask(&json!({ "type": "Hash", "keySecretRef": { "name": "nowhere", "key": "key" } }));
        wait_until("the refusal to be told", || {
            let told = refused(bed, &proxy);
            told.contains("MaskingRule").then_some(()).ok_or(told)
        });
        let told = refused(bed, &proxy);
        assert!(told.contains("spec.transform.keySecretRef"), "{told}");
        assert_eq!(session.ask(select), "[redacted]");
        bed.guard("all", &denied("INSERT"));
        wait_until("another's edit", || {
            let answer = session.ask("insert into journal values ('x')");
            answer.contains("not here").then_some(()).ok_or(answer)
        });
        // Made anew it never was good, and denies.
        bed.admin.must(&["delete", "maskingrule", "emails"]);
        bed.mask(&json!({ "type": "Hash", "keySecretRef": { "name": "nowhere", "key": "key" } }));
        wait_until("a rule that never was good to deny", || {
            let answer = proxy.session().ask(select);
            let denies = answer.contains("never was") && answer.contains("/emails");
            denies.then_some(()).ok_or(answer)
        });
        bed.admin.must(&["delete", "maskingrule", "emails"]);
        wait_until("a rule that is deleted to be gone", || {
            let answer = proxy.session().ask(select);
            (answer == "ada@example.com").then_some(()).ok_or(answer)
        });
        assert_eq!(refused(bed, &proxy), "[]");
    });
}

#[test]
fn a_class_closes_what_it_no_longer_allows() {
    with_bed(|bed| {
        bed.guard("all", &json!([]));
        bed.connection(&json!({}));
        let proxy = bed.proxy(7);
        let mut session = proxy.session();
        assert_eq!(session.ask("select 1"), "1");
        bed.class(&json!({ "lockdown": true }));
        wait_until("the lockdown", || {
            let answer = proxy.session().ask("select 1");
            answer.contains("locked").then_some(()).ok_or(answer)
        });
        // The open session has ended too.
        assert_ne!(session.ask("select 1"), "1");
        for bound in [
            json!({ "allowedNamespaces": { "names": ["office"] } }),
            json!({ "allowedUpstreams": [{ "host": "elsewhere" }] }),
        ] {
            bed.class(&bound);
            wait_until("the port to be closed", || {
                (!proxy.is_open())
                    .then_some(())
                    .ok_or("it is open".to_owned())
            });
            bed.class(&json!({}));
            proxy.wait_until_ready();
            assert_eq!(proxy.session().ask("select 1"), "1");
        }
    });
}
