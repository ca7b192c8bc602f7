//! The Lease of a proxy: which revision is in force in it, what it refuses, the head of its record.
//!
//! Written at once when the revision or what is refused changes, and every few seconds: an answer
//! also says that the API server is there.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::judged::Told;
use super::sight::Sight;
use super::stored::Stored;
use super::{Cluster, Place, RequestError, in_time};
use crate::session::ports::{Clock, House};

/// How often it is renewed.
pub const EVERY: Duration = Duration::from_secs(10);

/// How soon again where that failed.
const AGAIN: Duration = Duration::from_secs(1);

/// Never more often than this, however soon policies count as stale.
const SHORTEST: Duration = Duration::from_millis(300);

/// The last one, when the process stops.
const LAST: Duration = Duration::from_secs(2);

/// The most errors that are told.
pub const MAX_REFUSED: usize = 16;

/// The most characters of a field that are told.
pub const MAX_FIELD: usize = 256;

/// The most characters of a reason that are told.
pub const MAX_REASON: usize = 512;

const MANAGER: &str = "portcullis-proxy";

/// What is told of the process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// Empty while nothing is in force.
    pub revision: String,
    pub refused: Vec<Told>,
    /// After how long policies count as stale.
    pub stale_after: Option<Duration>,
}

/// Writes the Lease.
#[derive(Debug)]
pub struct Keeper {
    api: Api<Lease>,
    place: Place,
    house: Arc<OnceLock<Arc<House>>>,
    clock: Arc<dyn Clock>,
    sight: Sight,
    stored: Stored,
}

// === impl Keeper ===

impl Keeper {
    pub fn new(
        cluster: &Cluster,
        place: Place,
        house: Arc<OnceLock<Arc<House>>>,
        clock: Arc<dyn Clock>,
        sight: Sight,
    ) -> Self {
        Self {
            api: Api::namespaced(cluster.client.clone(), &place.namespace),
            place,
            house,
            clock,
            sight,
            stored: Stored::default(),
        }
    }

    /// Renews until `stop`, and once more then.
    pub async fn run(mut self, mut word: watch::Receiver<Word>, stop: CancellationToken) {
        let mut failing = false;
        while !stop.is_cancelled() {
            let now = word.borrow_and_update().clone();
            let pause = match self.write(&now).await {
                Ok(()) => {
                    self.sight.heard();
                    failing = false;
                    pause(now.stale_after)
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%error, "the Lease is not renewed");
                    }
                    AGAIN.min(pause(now.stale_after))
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                Ok(()) = word.changed() => {}
                () = stop.cancelled() => {}
            }
        }
        let last = word.borrow().clone();
        if !matches!(timeout(LAST, self.write(&last)).await, Ok(Ok(()))) {
            tracing::warn!("the last head of the record is not in the Lease");
        }
    }

    async fn write(&mut self, word: &Word) -> Result<(), RequestError> {
        let lease = self.lease(word, self.clock.now());
        let params = PatchParams::apply(MANAGER).force();
        let patch = Patch::Apply(&lease);
        in_time(self.api.patch(&self.place.pod, &params, &patch)).await?;
        Ok(())
    }

    fn lease(&mut self, word: &Word, now: SystemTime) -> Value {
        let place = &self.place;
        let house = self.house.get();
        let progress = house.and_then(|house| house.writer.progress().ok());
        let stored = &mut self.stored;
        let unstored = progress.and_then(|progress| stored.look(progress, Instant::now()));
        let head = house.and_then(|house| house.writer.head());
        let sessions = house.map_or(0, |house| {
            house.registry.count(&place.namespace, &place.connection)
        });
        let renewed = Timestamp::try_from(now).map(|now| format!("{now:.6}"));
        json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": place.pod,
                "namespace": place.namespace,
                "labels": {
                    "app.kubernetes.io/managed-by": "portcullis",
                    "portcullis.dev/connection": place.connection,
                },
                "annotations": {
                    "portcullis.dev/revision": word.revision,
                    "portcullis.dev/refused": refused(&word.refused).to_string(),
                    "portcullis.dev/head": head.map_or_else(String::new, |head| head.to_string()),
                    "portcullis.dev/sessions": sessions.to_string(),
                    "portcullis.dev/unstored": unstored.map_or_else(String::new, whole_seconds),
                },
                "ownerReferences": [{
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "name": place.pod,
                    "uid": place.pod_uid,
                }],
            },
            "spec": {
                "holderIdentity": place.pod,
                "leaseDurationSeconds": 3 * EVERY.as_secs(),
                "renewTime": renewed.ok(),
            },
        })
    }
}

/// Three attempts fit into the time after which sight counts as lost.
fn pause(stale_after: Option<Duration>) -> Duration {
    let third = stale_after.map_or(EVERY, |after| after / 3);
    EVERY.min(third).max(SHORTEST)
}

/// No fewer than there are.
fn whole_seconds(time: Duration) -> String {
    let begun = u64::from(time.subsec_nanos() > 0);
    time.as_secs().saturating_add(begun).to_string()
}

fn refused(told: &[Told]) -> Value {
    let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    let told = told.iter().take(MAX_REFUSED).map(|told| {
        json!({
            "kind": told.kind,
            "namespace": told.namespace,
            "name": told.name,
            "field": cut(&told.field, MAX_FIELD),
            "reason": cut(&told.reason, MAX_REASON),
        })
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renewals_leave_room_for_two_that_fail() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(pause(None), EVERY);
        assert_eq!(pause(seconds(60)), EVERY);
        assert_eq!(pause(seconds(9)), Duration::from_secs(3));
        assert_eq!(pause(Some(Duration::from_millis(1))), SHORTEST);
    }

    #[test]
    fn so_many_errors_are_told_and_no_longer_ones() {
        let one = Told {
            kind: "GuardrailPolicy",
            namespace: "shop".to_owned(),
            name: "p".to_owned(),
            field: "f".repeat(MAX_FIELD + 1),
            reason: "é".repeat(MAX_REASON + 1),
        };
        let told = refused(&vec![one; MAX_REFUSED + 1]);
        assert_eq!(told.as_array().unwrap().len(), MAX_REFUSED);
        assert_eq!(told[0]["field"].as_str().unwrap().len(), MAX_FIELD);
        let reason = told[0]["reason"].as_str().unwrap();
        assert_eq!(reason.chars().count(), MAX_REASON);
    }
}
