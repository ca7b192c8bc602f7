//! The operator is killed, again and again, while Connections come: all of them are made in the end.

use std::thread;
use std::time::Duration;

use portcullis_e2e::{Cluster, pause, wait_until, wait_within, with_namespace};
use serde_json::json;

/// How many Connections come.
const COUNT: usize = 20;
/// How often the holder of the lease is killed meanwhile.
const KILLS: usize = 3;

#[test]
fn an_operator_that_is_killed_again_and_again_leaves_nothing_undone() {
    with_namespace("operator-killed", |namespace| {
        let admin = namespace.admin();
        let killer = thread::spawn(|| {
            for _ in 0..KILLS {
                pause(Duration::from_millis(700));
                kill_holder();
            }
        });
        for index in 0..COUNT {
            admin.apply(&connection(index));
        }
        killer.join().unwrap();
        // A holder that was killed is waited for, each time as long as its lease holds.
        wait_within(Duration::from_secs(120), "all of it to be made", || {
            let made = ["deployments", "services", "roles", "poddisruptionbudgets"];
            let counts = made.map(|kind| admin.get(&[kind])["items"].as_array().map(Vec::len));
            let connections = admin.get(&["connections"]);
            let items = connections["items"].as_array().cloned().unwrap_or_default();
            let told = items.iter().filter(|it| {
                let condition = &it["status"]["conditions"][0];
                condition["type"] == "Accepted" && condition["status"] == "True"
            });
            let told = told.count();
            match counts == [Some(COUNT); 4] && told == COUNT {
                true => Ok(()),
                false => Err(format!("{counts:?}, and {told} are accepted")),
            }
        });
    });
}

fn connection(index: usize) -> String {
    let object = json!({
        "apiVersion": "portcullis.dev/v1alpha1",
        "kind": "Connection",
        "metadata": { "name": format!("c{index:02}") },
        "spec": {
            "protocol": "PostgreSQL",
            "upstream": { "host": "orders.internal", "database": "orders" },
            "credentials": { "secretRef": { "name": "c" } },
            "delivery": { "mode": "Gateway", "gateway": { "replicas": 0 } },
        },
    });
    object.to_string()
}

/// Kills whoever holds the lease now, without a word of warning.
fn kill_holder() {
    let admin = Cluster::named().admin().within("portcullis-system");
    let pod = wait_until("a holder that runs", || {
        let lease = admin.get(&["lease", "portcullis-operator"]);
        let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
        let pod = holder.split('_').next().unwrap_or_default().to_owned();
        let runs = !pod.is_empty() && admin.find(&["pod", &pod]).is_some();
        match runs {
            true => Ok(pod),
            false => Err(holder.to_owned()),
        }
    });
    let said = admin.run(&["delete", "pod", &pod, "--grace-period=0", "--force"]);
    assert!(said.succeeded, "{said:?}");
}
