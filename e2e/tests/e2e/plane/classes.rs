//! What a class forbids, tried by who writes the Connection; each beside what the class lets through.

use std::io::ErrorKind;
use std::net::TcpListener;

use portcullis_e2e::{Platform, wait_until};
use serde_json::{Value, json};

use super::bed::{Bed, Proxy, object, with_bed};
use super::tenant::Tenant;

fn serves(proxy: &Proxy) {
    proxy.wait_until_ready();
    wait_until("a session", || {
        let answer = proxy.session().ask("select 1");
        (answer == "1").then_some(()).ok_or(answer)
    });
}

fn is_closed(proxy: &Proxy) {
    wait_until("the port to be closed", || {
        let closed = !proxy.is_open();
        closed.then_some(()).ok_or("it is open".to_owned())
    });
}

/// The Connection as it is, with something else in its spec.
fn edited(tenant: &Tenant<'_>, field: &str, value: &Value) -> Value {
    let mut spec = tenant.kubectl.get(&["connection", "orders"])["spec"].clone();
    *spec.pointer_mut(field).unwrap() = value.clone();
    spec
}

#[test]
fn a_tenant_gets_no_class_that_does_not_allow_the_namespace() {
    with_bed(|bed| {
        let name = bed.namespace.name.clone();
        let tier = format!("class={name}");
        let selector = json!({ "matchLabels": { "class": name } });
        bed.class(&json!({ "allowedNamespaces": { "names": ["office"], "selector": selector } }));
        bed.guard("all", &json!([]));
        let tenant = Tenant::of(bed);
        let proxy = bed.start(7, &[]);
        let refused = "does not allow namespace";
        let spec = bed.spec(&json!({}));
        wait_until("the class to be known", || {
            let said = tenant.try_apply("Connection", "orders", &spec);
            said.errors
                .contains(refused)
                .then_some(())
                .ok_or(format!("{said:?}"))
        });
        assert_eq!(bed.admin.find(&["connection", "orders"]), None);
        for label in [tier.as_str(), "kubernetes.io/metadata.name=office"] {
            let line = ["label", "--overwrite", "namespace", &name, label];
            tenant.kubectl.run(&line).must_be_refused("forbidden");
        }
        assert!(!proxy.is_open());
        // The same Connection, once the platform lets the namespace in.
        bed.admin.must(&["label", "namespace", &name, &tier]);
        wait_until("the Connection to be taken", || {
            let said = tenant.try_apply("Connection", "orders", &spec);
            said.succeeded.then_some(()).ok_or(said.errors)
        });
        serves(&proxy);
        let mut session = proxy.session();
        assert_eq!(session.ask("select 1"), "1");
        // What was taken before is no right to stay.
        bed.admin.must(&["label", "namespace", &name, "class-"]);
        is_closed(&proxy);
        assert_ne!(session.ask("select 1"), "1");
    });
}

#[test]
fn a_tenant_dials_nothing_that_the_class_does_not_allow() {
    with_bed(|bed| {
        let port = bed.target.port;
        bed.class(&json!({ "allowedUpstreams": [{ "host": "127.0.0.1", "ports": [port] }] }));
        bed.guard("all", &json!([]));
        let tenant = Tenant::of(bed);
        wait_until("the class's Connection", || {
            let said = tenant.try_apply("Connection", "orders", &bed.spec(&json!({})));
            said.succeeded.then_some(()).ok_or(said.errors)
        });
        let proxy = bed.proxy(7);
        serves(&proxy);
        let before =
            tenant.kubectl.get(&["connection", "orders"])["metadata"]["generation"].clone();
        for host in [
            "127.0.0.2",
            "localhost",
            "127.1",
            "0x7f000001",
            "2130706433",
            "::ffff:127.0.0.2",
            "127.0.0.1.",
            "127.0.0.1@elsewhere",
            "127.0.0.1:5432",
            "169.254.169.254",
        ] {
            let spec = edited(&tenant, "/upstream/host", &json!(host));
            let mut said = tenant.try_apply("Connection", "orders", &spec);
            said.command = format!("{host}: {}", said.command);
            said.must_be_refused("spec.upstream.host");
        }
        let spec = edited(&tenant, "/upstream/port", &json!(port - 1));
        let said = tenant.try_apply("Connection", "orders", &spec);
        said.must_be_refused("does not allow 127.0.0.1 port");
        let after = tenant.kubectl.get(&["connection", "orders"])["metadata"]["generation"].clone();
        assert_eq!(before, after);
        serves(&proxy);
        // The one that is allowed in other words, and what else is the tenant's to write.
        let own = json!({ "maxConcurrent": 5 });
        let mut spec = edited(&tenant, "/upstream/host", &json!("::ffff:127.0.0.1"));
        spec["sessions"] = own;
        tenant.apply("Connection", "orders", &spec);
        serves(&proxy);
    });
}

#[test]
fn a_tenant_does_not_lift_a_lockdown() {
    with_bed(|bed| {
        bed.guard("all", &json!([]));
        bed.connection(&json!({}));
        let proxy = bed.proxy(7);
        let mut tenant = Tenant::of(bed);
        let mut session = proxy.session();
        assert_eq!(session.ask("select 1"), "1");
        let closed = class_of_others(bed);
        bed.class(&json!({ "lockdown": true }));
        let locked = |proxy: &Proxy| {
            wait_until("the lockdown", || {
                let answer = proxy.session().ask("select 1");
                answer.contains("locked").then_some(()).ok_or(answer)
            });
        };
        locked(&proxy);
        assert_ne!(session.ask("select 1"), "1");
        let patch = r#"--patch={"spec":{"lockdown":false}}"#;
        let class = &bed.namespace.name;
        let line = ["patch", "connectionclass", class, "--type=merge", patch];
        tenant.kubectl.run(&line).must_be_refused("forbidden");
        // Into a class of others.
        let other = format!("{class}-closed");
        let spec = edited(&tenant, "/className", &json!(other));
        let said = tenant.try_apply("Connection", "orders", &spec);
        said.must_be_refused("does not allow namespace");
        // Made anew, with a policy that allows all.
        let spec = edited(&tenant, "/className", &json!(class));
        let line = ["delete", "connection", "orders", "--timeout=60s"];
        tenant.kubectl.must(&line);
        tenant.apply("Connection", "orders", &spec);
        tenant.apply("GuardrailPolicy", "open", &super::bed::guard(&json!([])));
        locked(&proxy);
        // Who lifts it is who put it there.
        bed.class(&json!({ "lockdown": null }));
        serves(&proxy);
        tenant.settle(&proxy);
        drop(closed);
    });
}

/// A Connection that names a Secret of another's target gets nothing of it, and dials nobody.
#[test]
fn a_tenant_sends_a_credential_nowhere_but_where_it_serves() {
    with_bed(|bed| {
        bed.guard("all", &json!([]));
        bed.connection(&json!({}));
        let proxy = bed.proxy(7);
        serves(&proxy);
        let tenant = Tenant::of(bed);
        // The tenant's own server, which waits for whoever comes.
        let own = TcpListener::bind("127.0.0.1:0").unwrap();
        own.set_nonblocking(true).unwrap();
        let port = own.local_addr().unwrap().port();
        let before = edited(&tenant, "/upstream/host", &json!("127.0.0.1"));
        let spec = edited(&tenant, "/upstream/port", &json!(port));
        tenant.apply("Connection", "orders", &spec);
        wait_until("the credential to be refused", || {
            let answer = proxy.session().ask("select 1");
            let (_, told) = proxy.get("/status").unwrap();
            let refused = answer != "1" && told.contains("spec.credentials.secretRef");
            refused.then_some(()).ok_or(format!("{answer} {told}"))
        });
        assert_eq!(own.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        tenant.apply("Connection", "orders", &before);
        serves(&proxy);
        assert_eq!(own.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

/// A class without a lockdown, for a namespace that is not this one.
fn class_of_others(bed: &Bed<'_>) -> Platform {
    let name = &bed.namespace.name;
    let mut class = bed.admin.get(&["connectionclass", name])["spec"].clone();
    class["allowedNamespaces"] = json!({ "names": ["office"] });
    let class = object("ConnectionClass", &format!("{name}-closed"), &class);
    Platform::with(bed.namespace, &[serde_json::from_str(&class).unwrap()])
}
