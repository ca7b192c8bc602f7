//! What a tenant does to be rid of the platform's policies, each beside what the same tenant may do.

use portcullis_e2e::{Platform, wait_until};
use serde_json::{Value, json};

use super::bed::{Bed, guard, object, with_bed};
use super::tenant::{STAYS, Tenant};

/// What the weaker mask of the tenant's leaves to be read.
const WEAKER: &str = "********ple.com";

/// A guardrail and a mask for all namespaces with a label of the platform's.
fn of_the_platform(bed: &Bed<'_>) -> Platform {
    let name = &bed.namespace.name;
    let tier = format!("tier={name}");
    bed.admin.must(&["label", "namespace", name, &tier]);
    let selector = json!({
        "namespaceSelector": { "matchLabels": { "tier": name } }, "protocols": ["PostgreSQL"],
    });
    let guard = json!({
        "targetSelector": selector, "default": "Allow",
        "rules": [{
            "name": "no", "match": { "verbs": ["DELETE"] }, "action": "Deny", "message": STAYS,
        }],
    });
    let mask = json!({
        "targetSelector": selector, "match": { "columns": ["public.customers.email"] },
        "transform": { "type": "Redact" },
    });
    let read = |text: String| serde_json::from_str(&text).unwrap();
    let objects: [Value; 2] = [
        read(object("GuardrailPolicy", name, &guard)),
        read(object("MaskingRule", name, &mask)),
    ];
    Platform::with(bed.namespace, &objects)
}

#[test]
fn no_tenant_sheds_a_policy_of_the_platform() {
    with_bed(|bed| {
        let platform = of_the_platform(bed);
        bed.guard("all", &json!([]));
        bed.connection(&json!({}));
        let proxy = bed.proxy(7);
        let insert = "insert into journal values ('kept')";
        assert_eq!(proxy.session().ask(insert), "");
        let mut tenant = Tenant::of(bed);
        tenant.is_bound(&proxy);
        by_labels(&tenant);
        tenant.is_bound(&proxy);
        by_writing_where_the_platform_does(&tenant);
        by_policies_of_the_same_names(&tenant);
        tenant.is_bound(&proxy);
        by_fields_that_there_are_not(&tenant);
        tenant.is_bound(&proxy);
        let other = by_another_class(&tenant);
        tenant.is_bound(&proxy);
        by_a_connection_made_anew(&tenant);
        proxy.wait_until_ready();
        tenant.is_bound(&proxy);
        by_a_connection_of_another_name(&tenant);
        // What bound it was the platform's, and nothing else: the tenant's own mask is left.
        drop(platform);
        wait_until("the platform's policies to be gone", || {
            let mut session = proxy.session();
            let email = session.ask("select email from customers");
            (email == WEAKER).then_some(()).ok_or(email)
        });
        assert_eq!(proxy.session().ask("delete from journal"), "");
        let left = bed.target.admin(&bed.namespace.name, "table journal");
        assert_eq!(left, "");
        drop(other);
    });
}

fn by_labels(tenant: &Tenant<'_>) {
    let namespace = &tenant.bed.namespace.name;
    let alice = &tenant.kubectl;
    // Labels of a Connection are the tenant's, and no policy of the platform's looks at them.
    for label in ["tier=none", "portcullis.dev/exempt=true", "tier-"] {
        alice.must(&["label", "--overwrite", "connection", "orders", label]);
    }
    let bad = json!({
        "targetSelector": { "matchLabels": { "tier": "a" } }, "default": "Deny", "rules": [],
    });
    let admin = tenant.bed.namespace.cluster.admin();
    let name = format!("{namespace}-labels");
    admin
        .within("portcullis-system")
        .try_apply(&object("GuardrailPolicy", &name, &bad))
        .must_be_refused("spec.targetSelector.matchLabels: ");
    for label in ["tier-", "tier=other"] {
        let line = ["label", "--overwrite", "namespace", namespace, label];
        alice.run(&line).must_be_refused("forbidden");
    }
}

fn by_writing_where_the_platform_does(tenant: &Tenant<'_>) {
    let name = &tenant.bed.namespace.name;
    let alice = tenant.at_the_platform();
    for kind in ["guardrailpolicy", "maskingrule"] {
        alice
            .run(&["delete", kind, name])
            .must_be_refused("forbidden");
        let patch = r#"{"spec":{"targetSelector":{"names":["none"]}}}"#;
        let line = ["patch", kind, name, "--type=merge", "-p", patch];
        alice.run(&line).must_be_refused("forbidden");
    }
    let open = json!({ "targetSelector": {}, "default": "Allow", "rules": [] });
    alice
        .try_apply(&object("GuardrailPolicy", "open", &open))
        .must_be_refused("forbidden");
    // From the tenant's own namespace nothing reaches others.
    let far = json!({
        "targetSelector": { "namespaceSelector": { "matchLabels": { "tier": "a" } } },
        "default": "Allow", "rules": [],
    });
    tenant
        .try_apply("GuardrailPolicy", "far", &far)
        .must_be_refused("spec.targetSelector.namespaceSelector: ");
}

fn by_policies_of_the_same_names(tenant: &Tenant<'_>) {
    let name = &tenant.bed.namespace.name;
    let everybody = json!([{ "kind": "User", "name": "*" }, { "kind": "Group", "name": "*" }]);
    let allowed = json!([{ "name": "no", "match": { "verbs": ["DELETE"] }, "action": "Allow" }]);
    let mut allow = guard(&allowed);
    tenant.apply("GuardrailPolicy", name, &allow);
    allow["enforcement"] = json!("Audit");
    tenant.apply("GuardrailPolicy", &format!("{name}-audit"), &allow);
    let columns = json!({ "columns": ["public.customers.email"] });
    let open = json!({
        "targetSelector": {}, "match": columns, "exempt": everybody, "predicates": "Allow",
        "transform": { "type": "Partial", "keepLast": 32 },
    });
    tenant.apply("MaskingRule", name, &open);
    let weaker = json!({
        "targetSelector": {}, "match": columns, "predicates": "Allow", "ddl": "Allow",
        "transform": { "type": "Partial", "keepLast": 32 },
    });
    tenant.apply("MaskingRule", "weaker", &weaker);
}

/// Fields that would lift something are no fields.
fn by_fields_that_there_are_not(tenant: &Tenant<'_>) {
    let alice = &tenant.kubectl;
    for (field, value) in [
        ("exempt", json!([{ "kind": "User", "name": "*" }])),
        ("overrides", json!({ "platform": false })),
        ("lockdown", json!(false)),
    ] {
        let patch = json!({ "spec": { field: value } }).to_string();
        let line = [
            "patch",
            "connection",
            "orders",
            "--type=merge",
            "-p",
            &patch,
        ];
        let said = alice.run(&line);
        // kubectl's patch is told of it, and it is dropped.
        let told = format!("unknown field \"spec.{field}\"");
        assert!(said.errors.contains(&told), "{said:?}");
        let spec = alice.get(&["connection", "orders"])["spec"].clone();
        assert_eq!(spec.get(field), None, "{spec}");
    }
    // What a Connection may say of recording is stricter than its class, or refused.
    let looser = r#"{"spec":{"recording":{"payloads":"Metadata","onFailure":"Allow"}}}"#;
    let line = ["patch", "connection", "orders", "--type=merge", "-p"];
    let said = alice.run(&[&line[..], &[looser]].concat());
    said.must_be_refused("is looser than its class's");
    let stricter = r#"{"spec":{"recording":{"durability":"Strict"}}}"#;
    alice.must(&[&line[..], &[stricter]].concat());
}

/// The class goes when what comes back is dropped.
fn by_another_class(tenant: &Tenant<'_>) -> Platform {
    let (bed, alice) = (tenant.bed, &tenant.kubectl);
    let name = format!("{}-other", bed.namespace.name);
    let class = bed.admin.get(&["connectionclass", &bed.namespace.name])["spec"].clone();
    alice
        .try_create(&object("ConnectionClass", &name, &class))
        .must_be_refused("forbidden");
    let class = serde_json::from_str(&object("ConnectionClass", &name, &class)).unwrap();
    let class = Platform::with(bed.namespace, &[class]);
    let patch = |name: &str| json!({ "spec": { "className": name } }).to_string();
    let line = ["patch", "connection", "orders", "--type=merge", "-p"];
    alice.must(&[&line[..], &[&patch(&name)]].concat());
    wait_until("the other class", || {
        let conditions = bed.admin.get(&["connection", "orders"]);
        let conditions = &conditions["status"]["conditions"][0];
        let is = conditions["type"] == "Accepted" && conditions["status"] == "True";
        is.then_some(()).ok_or(conditions.to_string())
    });
    class
}

fn by_a_connection_made_anew(tenant: &Tenant<'_>) {
    let alice = &tenant.kubectl;
    let mut object = alice.get(&["connection", "orders"]);
    let before = object["metadata"]["uid"].clone();
    alice.must(&["delete", "connection", "orders", "--timeout=60s"]);
    let spec = object["spec"].take();
    tenant.apply("Connection", "orders", &spec);
    let after = alice.get(&["connection", "orders"])["metadata"]["uid"].clone();
    assert_ne!(before, after);
}

/// No proxy serves it here; what binds it is told before one does.
fn by_a_connection_of_another_name(tenant: &Tenant<'_>) {
    let alice = &tenant.kubectl;
    let mut spec = alice.get(&["connection", "orders"])["spec"].clone();
    spec["delivery"] = json!({ "mode": "Gateway", "gateway": { "replicas": 0 } });
    tenant.apply("Connection", "another", &spec);
    let name = &tenant.bed.namespace.name;
    wait_until("the platform's policies", || {
        let status = alice.get(&["connection", "another"])["status"].clone();
        let binds = |kind: &str| {
            let one = json!({ "kind": kind, "namespace": "portcullis-system", "name": name });
            status["policies"]
                .as_array()
                .is_some_and(|all| all.contains(&one))
        };
        let both = binds("GuardrailPolicy") && binds("MaskingRule");
        both.then_some(()).ok_or(status.to_string())
    });
}
