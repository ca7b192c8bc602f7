//! Several replicas: one writes, and only for as long as it holds the lease.

use std::time::{Duration, Instant};

use portcullis_e2e::{pause, wait_until, wait_within, with_namespace};
use serde_json::json;

use crate::connections::{connection, list, wait_for_all};
use crate::replicas::{holder, holder_after, is_over, metric, platform, ready, restarts};

/// How many Connections come at once.
const COUNT: u8 = 10;
/// Of each Connection the operator makes one of each.
const KINDS: [&str; 6] = [
    "Deployment",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "Role",
    "Service",
    "ServiceAccount",
];
/// How long the thief's lease holds.
const STOLEN: Duration = Duration::from_secs(14);
/// Until a holder looks at its lease again, and has ended.
const NOTICED: Duration = Duration::from_secs(9);

#[test]
#[allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a figure for people, by the clock of the machine"
)]
fn of_two_replicas_one_writes_each_object_once_and_the_other_takes_over() {
    let _alone = crate::alone();
    with_namespace("operator-two", |namespace| {
        let admin = namespace.admin();
        let pods = ready();
        let leads = holder();
        let written = |pod: &str, kind: &str| {
            let kind = format!("kind=\"{kind}\"");
            let labels = [kind.as_str(), "result=\"applied\""];
            metric(pod, "portcullis_operator_applied_total", &labels)
        };
        let before = KINDS.map(|kind| written(&leads.pod, kind));
        let names = (0..COUNT).map(|index| connection(&format!("c{index}")));
        admin.apply(&list(&names.collect::<Vec<_>>()));
        wait_for_all(&admin, usize::from(COUNT), Duration::from_secs(60));
        let after = KINDS.map(|kind| written(&leads.pod, kind));
        for (kind, (before, after)) in KINDS.iter().zip(before.iter().zip(after)) {
            assert_eq!(after - before, f64::from(COUNT), "{kind}");
        }
        for pod in &pods {
            let pod = pod["metadata"]["name"].as_str().unwrap();
            let leading = metric(pod, "leader_election_master_status", &[]);
            assert_eq!(leading, f64::from(u8::from(pod == leads.pod)), "{pod}");
            if pod != leads.pod {
                assert_eq!(metric(pod, "portcullis_operator_applied_total", &[]), 0.0);
                let statuses = "portcullis_operator_status_patches_total";
                assert_eq!(metric(pod, statuses, &[]), 0.0);
                assert_eq!(metric(pod, "controller_runtime_reconcile_total", &[]), 0.0);
            }
        }
        let began = Instant::now();
        platform().must(&["delete", "pod", &leads.pod, "--wait=false"]);
        let (next, took) = holder_after(&leads, began);
        println!("the operator is stopped until another holds the lease: {took:?}");
        assert_ne!(next.pod, leads.pod);
        // Well before the lease would have run out.
        assert!(took < Duration::from_secs(12), "{took:?}");
        admin.apply(&connection("later").to_string());
        wait_for_all(&admin, usize::from(COUNT) + 1, Duration::from_secs(60));
    });
}

#[test]
#[allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a figure for people, by the clock of the machine"
)]
fn who_loses_the_lease_stops_and_nothing_is_written_until_it_is_free() {
    let _alone = crate::alone();
    with_namespace("operator-thief", |namespace| {
        let admin = namespace.admin();
        ready();
        let leads = holder();
        let started = restarts(&leads.pod);
        let theft = json!({ "spec": {
            "holderIdentity": "thief", "leaseDurationSeconds": STOLEN.as_secs(),
        } });
        let line = [
            "patch",
            "lease",
            "portcullis-operator",
            "--type=merge",
            "-p",
        ];
        platform().must(&[&line[..], &[&theft.to_string()]].concat());
        let stolen = Instant::now();
        wait_within(NOTICED, "the holder to end", || {
            let over = is_over(&leads.pod, started);
            over.then_some(()).ok_or("it runs".to_owned())
        });
        println!(
            "the lease is taken until who held it has ended: {:?}",
            stolen.elapsed()
        );
        admin.apply(&connection("waits").to_string());
        while stolen.elapsed() + Duration::from_secs(1) < STOLEN {
            let made = admin.get(&["deployments,services,roles"])["items"].clone();
            assert_eq!(made, json!([]), "{:?}", stolen.elapsed());
            let status = admin.get(&["connection", "waits"])["status"].clone();
            assert_eq!(status["observedGeneration"], -1, "{status}");
            pause(Duration::from_millis(300));
        }
        wait_for_all(&admin, 1, Duration::from_secs(60));
        println!("and until what waited was made: {:?}", stolen.elapsed());
        assert_ne!(holder().identity, "thief");
        ready();
        // It was its own doing.
        wait_until("it to be started again", || {
            let count = restarts(&leads.pod);
            (count > started).then_some(()).ok_or(format!("{count}"))
        });
        let said = platform().must(&["logs", "--previous", &leads.pod]);
        assert!(said.contains("the lease is lost"), "{said}");
    });
}
