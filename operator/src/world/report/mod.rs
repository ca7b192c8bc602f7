//! What proxies report, each by a Lease of its own: which revision they enforce, and what they
//! refuse. A Lease that is renewed and says nothing new changes nothing here but its time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;

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

/// What one proxy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Name of its pod.
    pub proxy: String,
    pub revision: Option<String>,
    pub refused: Vec<Refused>,
    pub renewed: Timestamp,
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
    pub fn saw(&mut self, lease: &Lease, now: Timestamp) -> Option<Key> {
        let connection = connection(&lease.metadata)?;
        let report = Report::read(lease)?;
        let of_connection = self.all.entry(connection.clone()).or_default();
        let before = of_connection.insert(report.proxy.clone(), report.clone());
        let news = before.is_none_or(|before| {
            before.revision != report.revision
                || before.refused != report.refused
                // It was written off, and is back.
                || !before.is_fresh(now)
        });
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

    /// Reports that count now.
    pub fn fresh(&self, connection: &Key, now: Timestamp) -> Vec<Report> {
        let all = self
            .all
            .get(connection)
            .into_iter()
            .flat_map(BTreeMap::values);
        all.filter(|report| report.is_fresh(now)).cloned().collect()
    }
}

// === impl Report ===

impl Report {
    fn read(lease: &Lease) -> Option<Self> {
        let annotations = lease.metadata.annotations.as_ref();
        let annotation = |key: &str| annotations.and_then(|all| all.get(key));
        let refused = annotation(REFUSED).filter(|text| text.len() <= MAX_REFUSED_BYTES);
        let refused = refused.and_then(|text| serde_json::from_str::<Vec<Refused>>(text).ok());
        let mut refused = refused.unwrap_or_default();
        refused.truncate(MAX_REFUSALS);
        Some(Self {
            proxy: lease.metadata.name.clone()?,
            revision: annotation(REVISION).cloned(),
            refused,
            renewed: lease.spec.as_ref()?.renew_time.as_ref()?.0,
        })
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        self.ends() > now
    }

    /// When it counts no more.
    pub fn ends(&self) -> Timestamp {
        let ends = self.renewed.checked_add(FRESH);
        ends.unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests;
