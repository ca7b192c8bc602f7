//! What proxies report, each by a Lease of its own: which revision they enforce, and what they
//! refuse. A Lease that is renewed and says nothing new changes nothing here but its time.
//!
//! A report counts for as long after its `renewTime` was seen to change, by this process's own
//! clock: what time a proxy, or whoever writes in its name, believes it is makes nothing fresh.
//! A Lease that is seen for the first time counts from then, and what it says of its proxy's record
//! only once it was renewed: who wrote it may have died long before.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;
use kube::core::ObjectMeta;
use serde::Deserialize;
use tokio::time::Instant;

use super::Key;
use super::owned::connection;

/// How long a report counts after it was renewed, which a proxy does each ten seconds.
pub const FRESH: Duration = Duration::from_secs(30);
/// The most refusals that are read of one report.
pub const MAX_REFUSALS: usize = 16;
/// The longest list of refusals that is read, in bytes.
const MAX_REFUSED_BYTES: usize = 64 * 1024;

const REVISION: &str = "portcullis.dev/revision";
const REFUSED: &str = "portcullis.dev/refused";
const UNSTORED: &str = "portcullis.dev/unstored";

/// What one proxy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Name of its pod.
    pub proxy: String,
    /// UID of the pod that the Lease belongs to.
    pub pod: String,
    pub revision: Option<String>,
    pub refused: Vec<Refused>,
    pub unstored: Unstored,
    /// It was renewed since it was first seen, so what it says was said no longer ago than that.
    pub renews: bool,
    /// What the Lease says, which is compared with nothing but what it said before.
    renewed: Timestamp,
    /// When that was seen to be another.
    pub seen: Instant,
}

/// What of its record may not be in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unstored {
    /// It does not say: it is of an earlier version.
    Untold,
    /// It does not know yet.
    Unknown,
    /// The last so long, before it wrote this.
    For(Duration),
}

/// An object that a proxy cannot enforce.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    pub kind: String,
    #[serde(default)]
    pub namespace: String,
    pub name: String,
    #[serde(default)]
    pub field: String,
    #[serde(default)]
    pub reason: String,
}

/// All reports, by Connection and pod.
#[derive(Debug, Default)]
pub struct Reports {
    all: BTreeMap<Key, BTreeMap<String, Report>>,
    listed: bool,
}

// === impl Reports ===

impl Reports {
    pub fn is_complete(&self) -> bool {
        self.listed
    }

    /// A Lease was seen. Tells whose report says something new.
    pub fn saw(&mut self, lease: &Lease, now: Instant) -> Option<Key> {
        let connection = connection(&lease.metadata)?;
        let mut report = Report::read(lease, now)?;
        let of_connection = self.all.entry(connection.clone()).or_default();
        let before = of_connection.get(&report.proxy);
        let silent = before.filter(|before| before.renewed == report.renewed);
        report.seen = silent.map_or(now, |before| before.seen);
        report.renews = before.is_some_and(|before| before.renews || silent.is_none());
        let news = before.is_none_or(|before| {
            before.revision != report.revision
                || before.refused != report.refused
                || before.pod != report.pod
                // It was written off, and is back.
                || before.is_fresh(now) != report.is_fresh(now)
        });
        of_connection.insert(report.proxy.clone(), report);
        news.then_some(connection)
    }

    pub fn gone(&mut self, lease: &Lease) -> Option<Key> {
        let connection = connection(&lease.metadata)?;
        let name = lease.metadata.name.as_deref()?;
        let of_connection = self.all.get_mut(&connection)?;
        of_connection.remove(name);
        if of_connection.is_empty() {
            self.all.remove(&connection);
        }
        Some(connection)
    }

    /// A whole list was read: what is not in it is gone.
    pub fn relisted(&mut self, present: &BTreeSet<Key>) {
        self.listed = true;
        for (connection, reports) in &mut self.all {
            reports.retain(|proxy, _| {
                present.contains(&Key::new(connection.namespace.clone(), proxy.clone()))
            });
        }
        self.all.retain(|_, reports| !reports.is_empty());
    }

    /// What the proxy of this very pod says, where that counts now.
    pub fn fresh(&self, connection: &Key, proxy: &str, pod: &str, now: Instant) -> Option<&Report> {
        let report = self.last(connection, proxy, pod)?;
        report.is_fresh(now).then_some(report)
    }

    /// What it said last, however long ago.
    pub fn last(&self, connection: &Key, proxy: &str, pod: &str) -> Option<&Report> {
        let report = self.all.get(connection)?.get(proxy)?;
        (report.pod == pod).then_some(report)
    }
}

// === impl Report ===

impl Report {
    fn read(lease: &Lease, now: Instant) -> Option<Self> {
        let annotations = lease.metadata.annotations.as_ref();
        let annotation = |key: &str| annotations.and_then(|all| all.get(key));
        let refused = annotation(REFUSED).filter(|text| text.len() <= MAX_REFUSED_BYTES);
        let refused = refused.and_then(|text| serde_json::from_str::<Vec<Refused>>(text).ok());
        let mut refused = refused.unwrap_or_default();
        refused.truncate(MAX_REFUSALS);
        let proxy = lease.metadata.name.clone()?;
        Some(Self {
            pod: pod(&lease.metadata, &proxy)?,
            proxy,
            revision: annotation(REVISION).cloned(),
            refused,
            unstored: match annotation(UNSTORED).map(|text| text.parse().ok()) {
                None => Unstored::Untold,
                Some(None) => Unstored::Unknown,
                Some(Some(seconds)) => Unstored::For(Duration::from_secs(seconds)),
            },
            renews: false,
            renewed: lease.spec.as_ref()?.renew_time.as_ref()?.0,
            seen: now,
        })
    }

    /// One that says nothing yet.
    #[cfg(test)]
    pub(crate) fn of(proxy: &str, pod: &str) -> Self {
        Self {
            proxy: proxy.to_owned(),
            pod: pod.to_owned(),
            revision: None,
            refused: Vec::new(),
            unstored: Unstored::Untold,
            renews: true,
            renewed: Timestamp::UNIX_EPOCH,
            seen: Instant::now(),
        }
    }

    fn is_fresh(&self, now: Instant) -> bool {
        self.ends() > now
    }

    /// When it counts no more.
    pub fn ends(&self) -> Instant {
        self.seen + FRESH
    }
}

/// UID of the pod whose Lease this is: it has the pod's name, and goes with the pod.
fn pod(meta: &ObjectMeta, name: &str) -> Option<String> {
    let mut owners = meta.owner_references.iter().flatten();
    let owner = owners.find(|it| it.kind == "Pod" && it.api_version == "v1" && it.name == name)?;
    Some(owner.uid.clone())
}

#[cfg(test)]
mod tests;
