//! Who of several replicas writes: the holder of one Lease.
//!
//! A replica takes the Lease when nobody holds it, or when its record has not changed for as long
//! as it says it holds, by this replica's own clock: clocks are never compared. The holder renews
//! it in a third of that time, and gives up after two thirds without success, before anybody else
//! may take it. Who gives up ends the process, so nothing that was begun under the Lease goes on
//! without it. Writes carry the version that was read, so two cannot take it at once.

#[cfg(test)]
mod tests;

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use portcullis_crds::PLATFORM_NAMESPACE;
use tokio::time::{Instant, sleep, timeout};

use crate::clock::Clock;

/// Name of the Lease, in the platform's namespace.
pub const NAME: &str = "portcullis-operator";

/// One candidate.
#[derive(Debug)]
pub struct Candidate<C> {
    api: Api<Lease>,
    clock: C,
    identity: String,
    duration: Duration,
    seen: Option<Seen>,
}

/// The record as this replica saw it last, and since when it is so.
#[derive(Debug, Clone)]
struct Seen {
    version: Option<String>,
    since: Instant,
}

/// What a look at the record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Mine,
    Free,
    Theirs,
}

// === impl Candidate ===

impl<C: Clock> Candidate<C> {
    /// `identity` must be another for each process, also for a pod that starts anew.
    pub fn new(client: Client, clock: C, identity: String, duration: Duration) -> Self {
        Self {
            api: Api::namespaced(client, PLATFORM_NAMESPACE),
            clock,
            identity,
            duration,
            seen: None,
        }
    }

    /// Waits until this replica holds the Lease.
    pub async fn acquire(&mut self) {
        loop {
            match timeout(self.step(), self.take()).await {
                Ok(Ok(true)) => return,
                Ok(Ok(false)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "cannot read or take the lease"),
                Err(_) => tracing::warn!("the API server does not answer about the lease"),
            }
            sleep(self.step() / 2).await;
        }
    }

    /// Renews the Lease until that has failed for too long, or another holds it.
    pub async fn hold(&mut self) {
        let mut renewed = Instant::now();
        loop {
            sleep(self.step()).await;
            loop {
                let began = Instant::now();
                let left = (self.step() * 2).saturating_sub(renewed.elapsed());
                match timeout(left.min(self.step()), self.take()).await {
                    Ok(Ok(true)) => {
                        // From before the call: others may count from when it was served.
                        renewed = began;
                        break;
                    }
                    Ok(Ok(false)) => return,
                    Ok(Err(error)) => tracing::warn!(%error, "cannot renew the lease"),
                    Err(_) => tracing::warn!("the API server does not answer about the lease"),
                }
                if renewed.elapsed() + self.step() / 8 >= self.step() * 2 {
                    return;
                }
                sleep(self.step() / 8).await;
            }
        }
    }

    /// Gives the Lease back, so that another need not wait.
    pub async fn release(&mut self) -> Result<(), kube::Error> {
        let Some(mut lease) = self.api.get_opt(NAME).await? else {
            return Ok(());
        };
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() != Some(&self.identity) {
            return Ok(());
        }
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
        self.api
            .replace(NAME, &PostParams::default(), &lease)
            .await
            .map(drop)
    }

    /// A third of the time that a record holds.
    fn step(&self) -> Duration {
        self.duration / 3
    }

    /// Takes or renews the Lease; false where another holds it.
    async fn take(&mut self) -> Result<bool, kube::Error> {
        let found = self.api.get_opt(NAME).await?;
        let standing = self.look(found.as_ref());
        if standing == Standing::Theirs {
            return Ok(false);
        }
        match found {
            None => {
                let lease = Lease {
                    metadata: ObjectMeta {
                        name: Some(NAME.to_owned()),
                        ..ObjectMeta::default()
                    },
                    spec: Some(self.record(None, standing)),
                };
                self.api.create(&PostParams::default(), &lease).await?;
            }
            Some(mut lease) => {
                lease.spec = Some(self.record(lease.spec.as_ref(), standing));
                lease.metadata.managed_fields = None;
                // Refused where somebody wrote since: the next look tells who.
                self.api
                    .replace(NAME, &PostParams::default(), &lease)
                    .await?;
            }
        }
        Ok(true)
    }

    fn look(&mut self, lease: Option<&Lease>) -> Standing {
        let Some(lease) = lease else {
            return Standing::Free;
        };
        let version = lease.metadata.resource_version.clone();
        let now = Instant::now();
        let since = match &self.seen {
            Some(seen) if seen.version == version => seen.since,
            _ => now,
        };
        self.seen = Some(Seen { version, since });
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.unwrap_or_default();
        let seconds = spec.lease_duration_seconds.unwrap_or_default();
        let holds = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        if holder == self.identity {
            Standing::Mine
        } else if holder.is_empty() || since + holds <= now {
            Standing::Free
        } else {
            Standing::Theirs
        }
    }

    fn record(&self, old: Option<&LeaseSpec>, standing: Standing) -> LeaseSpec {
        let now = MicroTime(self.clock.now());
        let old = old.cloned().unwrap_or_default();
        let took = standing == Standing::Free;
        let changes = old.lease_transitions.unwrap_or_default();
        let seconds = i32::try_from(self.duration.as_secs()).unwrap_or(i32::MAX);
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(seconds),
            acquire_time: if took {
                Some(now.clone())
            } else {
                old.acquire_time
            },
            renew_time: Some(now),
            lease_transitions: Some(changes.saturating_add(i32::from(took))),
            ..old
        }
    }
}
