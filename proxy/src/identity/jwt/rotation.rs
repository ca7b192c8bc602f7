//! The keys of an issuer over time.
//!
//! Keys are fetched when a token asks for them: at first use, when they are old, and when a token
//! names a key that is not among them. One fetch runs at a time, and none begins within
//! [`PAUSE`] of the one before, so that made-up key names do not make the proxy a nuisance. While
//! the issuer is away the last good keys serve on, for [`KEPT`].

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::super::Unproven;
use super::super::config::{KeySource, OidcIssuer};
use super::fetch::Source;
use super::keys::KeySet;
use super::token::Token;

/// From then on keys are fetched again before they are used.
pub(super) const FRESH: Duration = Duration::from_secs(10 * 60);

/// How long keys serve that could not be fetched again.
pub(super) const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Between two fetches, at least.
pub(super) const PAUSE: Duration = Duration::from_secs(10);

/// Between two fetches after many that failed.
const LONGEST_PAUSE: Duration = Duration::from_secs(2 * 60);

/// For one fetch, discovery and keys together.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Keys {
    issuer: String,
    /// None: the keys are written down, and are never fetched.
    source: Option<Source>,
    current: ArcSwapOption<Fetched>,
    attempts: Mutex<Attempts>,
}

#[derive(Debug)]
struct Fetched {
    set: Arc<KeySet>,
    at: SystemTime,
}

#[derive(Debug, Default)]
struct Attempts {
    last: Option<SystemTime>,
    /// How many failed since one did not.
    failed: u32,
    error: String,
}

// === impl Keys ===

impl Keys {
    pub(super) fn new(issuer: &OidcIssuer) -> Self {
        let written = match &issuer.keys {
            KeySource::Inline(written) => KeySet::parse(written).ok().map(|set| {
                Arc::new(Fetched {
                    set: Arc::new(set),
                    at: SystemTime::UNIX_EPOCH,
                })
            }),
            _ => None,
        };
        Self {
            issuer: issuer.issuer.clone(),
            source: Source::new(issuer),
            current: ArcSwapOption::new(written),
            attempts: Mutex::default(),
        }
    }

    /// The keys to judge a token by, fetched where need be.
    pub(super) async fn for_token(
        self: &Arc<Self>,
        token: &Token<'_>,
        now: SystemTime,
    ) -> Result<Arc<KeySet>, Unproven> {
        let fresh = self.within(FRESH, now);
        if let Some(set) = fresh.filter(|set| set.knows(token.key.as_deref())) {
            return Ok(set);
        }
        // In a task of its own: a client that leaves must not stop what others wait for.
        let keys = Arc::clone(self);
        let _ = tokio::spawn(async move { keys.fetch(now).await }).await;
        match self.within(KEPT, now) {
            Some(set) => Ok(set),
            None => Err(Unproven {
                reason: format!(
                    "no keys of {}: {}",
                    self.issuer,
                    self.attempts.lock().await.error
                ),
                told: "the keys of the token's issuer cannot be had at this moment: try again in \
                       a little while"
                    .to_owned(),
            }),
        }
    }

    /// Whether the key was written down and is no more. Keys that are fetched come and go with
    /// their issuer's rotation, which says nothing about what they signed.
    pub(super) fn was_withdrawn(&self, print: &str) -> bool {
        let has = |fetched: &Fetched| fetched.set.has(print);
        self.source.is_none() && !self.current.load().as_deref().is_some_and(has)
    }

    /// The keys that there are, if they are not older than `age`.
    fn within(&self, age: Duration, now: SystemTime) -> Option<Arc<KeySet>> {
        let current = self.current.load();
        let fetched = current.as_deref()?;
        // Keys from the future are as old as a clock that was set back makes them: unknown.
        let young = || now.duration_since(fetched.at).is_ok_and(|old| old < age);
        (self.source.is_none() || young()).then(|| Arc::clone(&fetched.set))
    }

    async fn fetch(&self, now: SystemTime) {
        let Some(source) = &self.source else {
            return;
        };
        let mut attempts = self.attempts.lock().await;
        if attempts.too_soon(now) {
            return;
        }
        attempts.last = Some(now);
        let outcome = match timeout(DEADLINE, source.fetch()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("no answer within {DEADLINE:?}")),
        };
        match outcome {
            Ok(set) => {
                attempts.failed = 0;
                attempts.error.clear();
                self.current.store(Some(Arc::new(Fetched {
                    set: Arc::new(set),
                    at: now,
                })));
            }
            Err(error) => {
                attempts.failed = attempts.failed.saturating_add(1);
                tracing::warn!(issuer = %self.issuer, %error, "the issuer's keys were not had");
                attempts.error = error;
            }
        }
    }
}

// === impl Attempts ===

impl Attempts {
    fn too_soon(&self, now: SystemTime) -> bool {
        let doubled = 2_u32.saturating_pow(self.failed.saturating_sub(1));
        let pause = PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE);
        self.last
            .and_then(|last| now.duration_since(last).ok())
            .is_some_and(|since| since < pause)
    }
}
