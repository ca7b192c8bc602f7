//! What a Connection requires has to be there, enforced and binding it, at every moment.

use portcullis_e2e::wait_until;
use serde_json::{Value, json};

use super::approving::{INSERT, journal};
use super::bed::{Bed, Proxy, guard, with_bed};
use super::tenant::Tenant;

const REQUIRES: &str = "this connection requires what is not there";

fn until(what: &str, proxy: &Proxy, wanted: impl Fn(&str) -> bool) {
    wait_until(what, || {
        let answer = proxy.session().ask("select 1");
        if wanted(&answer) { Ok(()) } else { Err(answer) }
    });
}

/// Somebody new writes nothing, for want of what is required.
#[track_caller]
fn is_closed(bed: &Bed<'_>, proxy: &Proxy) {
    let answer = proxy.session().ask(INSERT);
    assert!(answer.contains(REQUIRES), "{answer}");
    assert_eq!(journal(bed), "0");
}

/// What a proxy goes by: another where a policy comes to bind, or binds no more.
fn revision(proxy: &Proxy) -> String {
    let (_, status) = proxy.get("/status").unwrap();
    let revision = status.split("sha256:").nth(1).unwrap_or_default();
    revision
        .chars()
        .take_while(char::is_ascii_hexdigit)
        .collect()
}

fn reads() -> Value {
    guard(&json!([{ "name": "no", "match": { "verbs": ["DELETE"] }, "action": "Deny" }]))
}

fn in_audit() -> Value {
    let mut spec = reads();
    spec["enforcement"] = json!("Audit");
    spec
}

fn elsewhere() -> Value {
    let mut spec = reads();
    // Not by a selector with names: Kubernetes refuses to apply an empty one over that.
    spec.as_object_mut().unwrap().remove("targetSelector");
    spec["targetRefs"] = json!([{ "name": "another" }]);
    spec
}

#[test]
fn nothing_passes_without_what_a_connection_requires() {
    with_bed(|bed| {
        bed.guard("all", &json!([]));
        bed.connection(&json!({ "requires": [
            { "kind": "GuardrailPolicy", "name": "reads" },
            { "kind": "MaskingRule", "name": "emails" },
        ] }));
        let proxy = bed.proxy(7);
        let answer = proxy.session().ask("select 1");
        for words in [REQUIRES, "reads", "emails"] {
            assert!(answer.contains(words), "{answer}");
        }
        bed.mask(&json!({ "type": "Redact" }));
        until("one of both", &proxy, |it| {
            it.contains(REQUIRES) && it.contains("reads") && !it.contains("emails")
        });
        // In audit, for another Connection, by another name: there, and not what is required.
        for (name, spec) in [
            ("reads", in_audit()),
            ("reads", elsewhere()),
            ("reads-2", reads()),
        ] {
            let before = revision(&proxy);
            bed.apply("GuardrailPolicy", name, &spec);
            wait_until("the policy to be known", || {
                let now = revision(&proxy);
                (now != before).then_some(()).ok_or(now)
            });
            is_closed(bed, &proxy);
        }
        bed.apply("GuardrailPolicy", "reads", &reads());
        until("what is required", &proxy, |it| it == "1");
        let mut session = proxy.session();
        assert_eq!(session.ask("select email from customers"), "[redacted]");
        assert_eq!(session.ask(INSERT), "");
        assert_eq!(journal(bed), "1");
    });
}

#[test]
fn what_is_required_and_is_taken_away_ends_a_session_that_is_open() {
    with_bed(|bed| {
        bed.guard("all", &json!([]));
        bed.connection(&json!({ "requires": [{ "kind": "GuardrailPolicy", "name": "reads" }] }));
        bed.apply("GuardrailPolicy", "reads", &reads());
        let proxy = bed.proxy(7);
        let tenant = Tenant::of(bed);
        for take_away in [None, Some(in_audit()), Some(elsewhere())] {
            until("what is required", &proxy, |it| it == "1");
            let mut session = proxy.session();
            assert_eq!(session.ask("select 1"), "1");
            match take_away {
                None => drop(tenant.kubectl.must(&["delete", "guardrailpolicy", "reads"])),
                Some(spec) => tenant.apply("GuardrailPolicy", "reads", &spec),
            }
            wait_until("it to be missed", || {
                let answer = session.ask("select 1");
                let missed = answer.contains(REQUIRES);
                missed.then_some(()).ok_or(answer)
            });
            assert_ne!(session.ask("select 1"), "1");
            is_closed(bed, &proxy);
            bed.apply("GuardrailPolicy", "reads", &reads());
        }
        // Whoever requires nothing still needs a policy.
        bed.connection(&json!({}));
        tenant.kubectl.must(&["delete", "guardrailpolicy", "--all"]);
        until("no policy", &proxy, |it| {
            it.contains("no policy is enforced")
        });
        bed.guard("all", &json!([]));
        until("a policy", &proxy, |it| it == "1");
    });
}
