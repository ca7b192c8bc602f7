//! When a session must end.
//!
//! Each session has a watch beside it, which looks at every change of the Connection and at the
//! session's own deadlines, which hears of a drain and of the end of its grace, and which ends with
//! the session. So the relay, which asks at every turn, only
//! looks at a flag.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use portcullis_policy::{Class, SessionFacts};
use tokio::sync::watch;

use super::EndReason;
use super::denial::Denial;
use super::ports::{Door, Target};
use super::registry::Entry;
use crate::identity::{Proven, Purpose};

/// The watch looks at least this often, whatever it expects: the clock on the wall may step.
const LONGEST_NAP: Duration = Duration::from_secs(15);

/// And at most this often for its own deadlines.
const SHORTEST_NAP: Duration = Duration::from_millis(1);

struct Watch {
    door: Arc<Door>,
    proven: Proven,
    facts: SessionFacts,
    entry: Arc<Entry>,
}

/// Whether a session may be open: its credential, its Connection, the access rule, lockdown.
pub(super) fn may_stand(
    door: &Door,
    target: &Target,
    proven: &Proven,
    facts: &SessionFacts,
) -> Result<(), Denial> {
    if door.closed.is_cancelled() {
        return Err(Denial::new(
            Class::AccessDenied,
            "this connection was removed",
            "ask whoever owned the connection",
        ));
    }
    let now = door.house.clock.now();
    not_expired(proven, now)?;
    let purpose = Purpose {
        namespace: &door.namespace,
        connection: &door.name,
        audience: target.audience.as_deref(),
    };
    let holds = target.identities.still_holds(proven, purpose, now);
    holds.map_err(|unproven| {
        tracing::info!(reason = %unproven, "a credential holds no longer");
        let again = "connect again with a credential that is accepted here";
        Denial::new(Class::AccessDenied, unproven.told, again)
    })?;
    let admission = target.snapshot.admit(&proven.subject, facts, now);
    match admission.refusal {
        Some(reason) => Err(Denial::of_reason(&reason)),
        None => Ok(()),
    }
}

pub(super) fn not_expired(proven: &Proven, now: SystemTime) -> Result<(), Denial> {
    match proven.expires_at {
        Some(expires_at) if expires_at <= now => Err(Denial::new(
            Class::AccessDenied,
            "the credential of this session has expired",
            "connect again with a new one",
        )),
        _ => Ok(()),
    }
}

/// Starts the watch of a session.
pub(super) fn watch(
    door: &Arc<Door>,
    proven: &Proven,
    facts: &SessionFacts,
    entry: &Arc<Entry>,
    changes: watch::Receiver<u64>,
) {
    let watch = Watch {
        door: Arc::clone(door),
        proven: proven.clone(),
        facts: facts.clone(),
        entry: Arc::clone(entry),
    };
    // It may not look at what came before it subscribed as if it had seen it.
    tokio::spawn(watch.run(changes));
}

// === impl Watch ===

impl Watch {
    async fn run(self, mut changes: watch::Receiver<u64>) {
        let shutdown = self.door.house.shutdown.clone();
        let mut draining = false;
        loop {
            let nap = match self.look() {
                Ok(nap) => nap,
                Err(denial) => {
                    let denial = denial.in_session(self.entry.id);
                    return self.entry.end(EndReason::Cut(denial));
                }
            };
            tokio::select! {
                () = self.entry.is_over() => return,
                () = shutdown.drain.cancelled(), if !draining => {
                    draining = true;
                    self.entry.drain();
                }
                () = shutdown.cut.cancelled() => return self.entry.end(EndReason::Drain),
                () = self.door.closed.cancelled() => {}
                changed = changes.changed() => {
                    if changed.is_err() {
                        // Nobody can change it any more; deadlines still hold.
                        tokio::time::sleep(nap).await;
                    }
                }
                () = tokio::time::sleep(nap) => {}
            }
        }
    }

    /// How long until it is worth to look again.
    fn look(&self) -> Result<Duration, Denial> {
        let target = self.door.target.load_full();
        may_stand(&self.door, &target, &self.proven, &self.facts)?;
        let clock = &self.door.house.clock;
        let now = clock.now();
        let mut nap = LONGEST_NAP;
        if let Some(expires_at) = self.proven.expires_at {
            nap = nap.min(expires_at.duration_since(now).unwrap_or_default());
        }
        if let Some(max) = target.sessions.max_duration {
            let age = now.duration_since(self.facts.started_at);
            nap = nap.min(left(max, age.unwrap_or_default(), || {
                format!("a session here lasts at most {} seconds", max.as_secs())
            })?);
        }
        if let (Some(max), Some(since)) = (target.sessions.idle_timeout, self.entry.idle_since()) {
            let idle = clock
                .monotonic()
                .as_nanos()
                .saturating_sub(since.as_nanos());
            nap = nap.min(left(max, Duration::from_nanos(idle), || {
                format!("nothing was asked for {} seconds", max.as_secs())
            })?);
        } else if let Some(max) = target.sessions.idle_timeout {
            nap = nap.min(max);
        }
        Ok(nap.max(SHORTEST_NAP))
    }
}

/// What is left of a span, or why it is over.
fn left(max: Duration, spent: Duration, why: impl FnOnce() -> String) -> Result<Duration, Denial> {
    match max.checked_sub(spent) {
        Some(left) if !left.is_zero() => Ok(left),
        _ => Err(Denial::new(
            Class::AccessDenied,
            format!("this session is over: {}", why()),
            "connect again",
        )),
    }
}
