//! The proxies of a Connection: how many there are or should be, and what those of them say that
//! speak. One that hangs, has not started or cannot be made counts, and says nothing.

#[cfg(test)]
mod tests;

use std::time::Duration;

use portcullis_crds::Connection;
use portcullis_crds::connection::DeliveryMode;
use tokio::time::Instant;

use super::pod::Pods;
use super::report::{Report, Reports};
use super::{Key, World};

/// What is known of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// How many there are or should be.
    pub total: usize,
    /// Of those that speak.
    pub reports: Vec<Report>,
    /// How many have spoken and do not now: they may hold a record that nobody has seen.
    pub hushed: usize,
    /// When the first of them will have been silent for too long.
    pub silent: Option<Duration>,
}

// === impl World ===

impl World {
    /// The proxies of a Connection at this moment. One that is not `accepted` is made none.
    pub fn proxies(&self, connection: &Connection, accepted: bool, now: Instant) -> Proxies {
        let wanted = match self.workload(connection) {
            Some(workload) => workload.desired,
            None if accepted => to_come(connection),
            None => 0,
        };
        let wanted = usize::try_from(wanted).unwrap_or_default();
        let pods = self.pods();
        Proxies::of(&pods, &self.reports(), &Key::of(connection), wanted, now)
    }
}

// === impl Proxies ===

impl Proxies {
    fn of(pods: &Pods, reports: &Reports, connection: &Key, wanted: usize, now: Instant) -> Self {
        let (mut stay, mut leave, mut hushed) = (0, 0, 0);
        let mut heard = Vec::new();
        for (pod, host) in pods.of(connection) {
            // By name and UID: a pod that is made anew has its name and not its voice.
            let report = reports.fresh(connection, pod, &host.uid, now);
            match host.leaves {
                false => stay += 1,
                // It serves the sessions that it has, for as long as it speaks.
                true if report.is_some() => leave += 1,
                true => {}
            }
            let spoke = reports.last(connection, pod, &host.uid).is_some();
            hushed += usize::from(spoke && report.is_none());
            heard.extend(report.cloned());
        }
        let silent = heard.iter().map(|report| report.ends() - now).min();
        Self {
            total: wanted.max(stay) + leave,
            reports: heard,
            hushed,
            silent,
        }
    }

    /// How many have this revision in force.
    pub fn current(&self, revision: &str) -> usize {
        let reports = self.reports.iter();
        reports
            .filter(|it| it.revision.as_deref() == Some(revision))
            .count()
    }
}

/// As many as are written.
fn to_come(connection: &Connection) -> i64 {
    let delivery = &connection.spec.delivery;
    if delivery.mode == DeliveryMode::Sidecar {
        return 0;
    }
    let gateway = delivery.gateway.as_ref();
    let scaling = gateway.and_then(|it| it.autoscaling.as_ref());
    let least = scaling.map(|scaling| scaling.min_replicas);
    let written = gateway.and_then(|it| it.replicas);
    written.or(least).unwrap_or(1)
}
