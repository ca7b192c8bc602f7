//! The operator's replicas: who writes, and what each says of itself.

use std::time::{Duration, Instant};

use portcullis_e2e::{Cluster, Kubectl, wait_until, wait_within};
use serde_json::Value;

const LEASE: &str = "lease/portcullis-operator";
const PODS: &str = "--selector=app.kubernetes.io/name=portcullis-operator";
/// Longer than a lease holds, and a crowded machine takes to look at it.
const TAKEN_OVER: Duration = Duration::from_secs(40);

/// Whoever holds the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Another for each process.
    pub(crate) identity: String,
    pub(crate) pod: String,
}

pub(crate) fn platform() -> Kubectl {
    Cluster::named().admin().within("portcullis-system")
}

/// The holder, once it is one of the pods that are there.
pub(crate) fn holder() -> Holder {
    wait_within(TAKEN_OVER, "a holder of the lease", || {
        look().ok_or_else(|| platform().run(&["get", LEASE, "--output=yaml"]).output)
    })
}

/// Another than this one, and how long after `since`.
#[allow(clippy::disallowed_methods, reason = "by the clock of the machine")]
pub(crate) fn holder_after(before: &Holder, since: Instant) -> (Holder, Duration) {
    wait_within(TAKEN_OVER, "another holder of the lease", || {
        let found = look().filter(|it| it.identity != before.identity);
        let found = found.map(|it| (it, since.elapsed()));
        found.ok_or_else(|| format!("still {before:?}"))
    })
}

fn look() -> Option<Holder> {
    let admin = platform();
    // The API server may be away.
    let said = admin.run(&["get", LEASE, "--output=jsonpath={.spec.holderIdentity}"]);
    let identity = said.output;
    let pod = identity.split('_').next().unwrap_or_default().to_owned();
    let is_there = !pod.is_empty() && admin.run(&["get", "pod", &pod]).succeeded;
    (said.succeeded && is_there).then_some(Holder { identity, pod })
}

/// All replicas, once they are ready and stay.
pub(crate) fn ready() -> Vec<Value> {
    let admin = platform();
    wait_within(Duration::from_secs(120), "all replicas to be ready", || {
        let said = admin.run(&["get", "pods", PODS, "--output=json"]);
        let pods: Value = serde_json::from_str(&said.output).map_err(|_| said.errors)?;
        let pods = pods["items"].as_array().cloned().unwrap_or_default();
        let is_ready = |pod: &Value| {
            let status = &pod["status"]["containerStatuses"][0];
            status["ready"] == true && pod["metadata"]["deletionTimestamp"].is_null()
        };
        match pods.len() >= 2 && pods.iter().all(is_ready) {
            true => Ok(pods),
            false => Err(admin.run(&["get", "pods", PODS]).output),
        }
    })
}

/// How often the container of a pod was started again.
pub(crate) fn restarts(pod: &str) -> u64 {
    let pod = platform().get(&["pod", pod]);
    let count = &pod["status"]["containerStatuses"][0]["restartCount"];
    count.as_u64().unwrap_or_default()
}

/// Whether the process of a pod is over that was there when it had been started again so often.
pub(crate) fn is_over(pod: &str, restarts: u64) -> bool {
    let pod = platform().get(&["pod", pod]);
    let status = &pod["status"]["containerStatuses"][0];
    let count = status["restartCount"].as_u64().unwrap_or_default();
    count > restarts || status["state"]["running"].is_null()
}

/// The sum of all values of a replica's metric whose line contains each of `labels`.
pub(crate) fn metric(pod: &str, name: &str, labels: &[&str]) -> f64 {
    let path = format!("/api/v1/namespaces/portcullis-system/pods/{pod}:8080/proxy/metrics");
    let text = wait_until("the metrics of a replica", || {
        let said = platform().run(&["get", "--raw", &path]);
        match said.succeeded {
            true => Ok(said.output),
            false => Err(said.errors),
        }
    });
    let lines = text.lines().filter(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
            && labels.iter().all(|label| line.contains(label))
    });
    let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    values.sum()
}
