//! The same beside an application, which presents nothing.

use std::thread;

use portcullis_e2e::{Cluster, Said, wait_until};
use serde_json::{Value, json};

use super::bed::{Bed, with_bed};
use super::record::recorded;

/// The application's own psql. It asks one thing, by the address that its sidecar has.
const ASK: &str = "exec /usr/lib/postgresql/*/bin/psql -wqXAt -h 127.0.0.1 -p 15432 -U whoever -d orders -c \"$0\"";
const RAISE: &str = "update customers set credit = credit + 5 where id = 1";

/// Dana answers for the application's account, so she may not approve what it asks for.
#[test]
fn a_sidecar_serves_its_application_as_the_policies_say_and_writes_it_down() {
    with_bed(|bed| {
        start(bed);
        wait_until("the one proxy to be counted", || {
            let status = bed.admin.get(&["connection/orders"])["status"].clone();
            let counted = status["proxies"] == json!({ "total": 1, "current": 1 });
            counted.then_some(()).ok_or(status.to_string())
        });
        let said = ask(bed, "select * from customers order by id");
        assert_eq!(said.must_succeed(), "1|[redacted]|10\n2|[redacted]|20\n");
        ask(bed, "delete from customers").must_be_refused("customers stay");
        assert_eq!(bed.target_says("select count(*) from customers"), "2");
        let (dana, erin) = (bed.namespace.user("dana"), bed.namespace.user("erin"));
        thread::scope(|scope| {
            let asked = scope.spawn(|| ask(bed, RAISE));
            let request = wait_until("a request", || {
                let requests = erin.get(&["appr"])["items"].clone();
                let one = requests[0]["metadata"]["name"].as_str();
                one.map(str::to_owned).ok_or(requests.to_string())
            });
            let spec = erin.get(&["appr", &request])["spec"].clone();
            let account = format!("system:serviceaccount:{}:web", bed.namespace.name);
            assert_eq!(spec["requester"]["username"], account, "{spec}");
            assert_eq!(spec["requester"]["onBehalfOf"], "oidc:dana@example.com");
            let approve = [
                "annotate",
                "appr",
                &request,
                "portcullis.dev/approve=ticket 4712",
            ];
            dana.run(&approve).must_be_refused("cannot approve");
            let credit = "select credit from customers where id = 1";
            assert_eq!(bed.target_says(credit), "10");
            erin.must(&approve);
            asked.join().unwrap().must_succeed();
            assert_eq!(bed.target_says(credit), "15");
        });
        let told = recorded(bed, "app");
        for operation in ["delete from customers", RAISE] {
            assert!(told.contains(operation), "{operation}: {told}");
        }
        assert!(!told.contains("ada@example.com"), "{told}");
    });
}

fn ask(bed: &Bed<'_>, query: &str) -> Said {
    let line = [
        "exec",
        "app",
        "--container=app",
        "--",
        "/bin/sh",
        "-c",
        ASK,
        query,
    ];
    bed.admin.run(&line)
}

/// The application's pod, once both of its containers run.
fn start(bed: &Bed<'_>) {
    let inject = "portcullis.dev/inject=enabled";
    bed.admin
        .must(&["label", "namespace", &bed.namespace.name, inject]);
    let approvers = [
        "create",
        "rolebinding",
        "owners",
        "--clusterrole=portcullis-approver",
    ];
    let dana = ["--user=oidc:dana@example.com"];
    bed.admin.must(&[&approvers[..], &dana].concat());
    let selector = json!({ "matchLabels": { "app": "shop" } });
    let sidecar = json!({ "podSelector": selector, "port": 15432 });
    bed.connection(&json!({ "mode": "Sidecar", "sidecar": sidecar }));
    wait_until("the sidecar's token", || {
        let token = bed.admin.find(&["secret", "orders-portcullis-token"]);
        let is_there = token.is_some_and(|it| it["data"]["token"].is_string());
        is_there.then_some(()).ok_or("none".to_owned())
    });
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "app", "labels": { "app": "shop" } },
        "spec": {
            "serviceAccountName": "web", "terminationGracePeriodSeconds": 1,
            "containers": [{
                "name": "app", "image": Cluster::image("postgres"),
                "command": ["/bin/busybox", "sleep", "600"],
            }],
        },
    });
    bed.admin.apply(&pod.to_string());
    wait_until("the application to run", || {
        let status: Value = bed.admin.get(&["pod", "app"])["status"].clone();
        let runs = status["containerStatuses"][0]["ready"] == true;
        runs.then_some(()).ok_or(status.to_string())
    });
}
