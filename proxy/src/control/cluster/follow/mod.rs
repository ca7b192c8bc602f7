//! Follows the objects of one kind: lists them, watches from there, and begins again where that
//! fails.
//!
//! The kube crate's own watcher tells of objects alone. Here it must be known as well whether a
//! watch runs: policies that nobody follows are stale, and silent ones are not.

use std::fmt::Debug;
use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt;
use kube::api::{ListParams, WatchParams};
use kube::core::{DeserializeGuard, WatchEvent};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout};

use super::sight::Sight;
use super::{RequestError, in_time};

/// Objects of a page of a list.
const PAGE: u32 = 500;

/// The most objects of one kind. With more, nothing is served.
pub const MAX_OBJECTS: usize = 20_000;

/// How long a watch is asked to last, in seconds: that long a connection may be dead unnoticed.
const WATCH_SECONDS: u32 = 45;

/// What the end of a watch may be late by.
const WATCH_SLACK: Duration = Duration::from_secs(5);

/// Pauses between attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A watch that ends sooner was none, and is not begun again at once.
const LASTING: Duration = Duration::from_secs(1);

/// The status of a version that is too old to watch from.
const GONE: u16 = 410;

/// What became of the objects of a kind.
#[derive(Debug)]
pub enum Change<K> {
    /// These there are, and no others.
    All(Vec<DeserializeGuard<K>>),
    Put(DeserializeGuard<K>),
    Gone(DeserializeGuard<K>),
}

/// Which objects.
#[derive(Debug, Clone, Default)]
pub struct Selected {
    /// In logs, and where sight of them is lost.
    pub what: &'static str,
    pub fields: Option<String>,
    pub labels: Option<String>,
}

/// Why following broke off.
enum Broken {
    /// What happened since cannot be told one by one any more.
    TooOld,
    Failed(String),
}

/// Follows until it is dropped.
pub async fn follow<K>(
    api: Api<DeserializeGuard<K>>,
    selected: Selected,
    sight: Sight,
    tell: impl Fn(Change<K>) + Send,
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut version = None;
    let mut pause = FIRST_PAUSE;
    let mut told = false;
    loop {
        let began = Instant::now();
        let went = once(&api, &selected, (&sight, &mut told), &mut version, &tell).await;
        if began.elapsed() >= LASTING {
            pause = FIRST_PAUSE;
        }
        match went {
            // What lasted goes on without a gap.
            Ok(()) if began.elapsed() >= LASTING => continue,
            Ok(()) => {}
            Err(Broken::TooOld) => version = None,
            Err(Broken::Failed(error)) => {
                sight.lost(selected.what);
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(what = selected.what, error, "cannot be followed");
                }
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// One watch, from a list where there is no version to go on from.
async fn once<K>(
    api: &Api<DeserializeGuard<K>>,
    selected: &Selected,
    (sight, told): (&Sight, &mut bool),
    version: &mut Option<String>,
    tell: &impl Fn(Change<K>),
) -> Result<(), Broken>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let from = match version {
        Some(version) => version.clone(),
        None => {
            let (objects, listed) = list(api, selected).await?;
            tell(Change::All(objects));
            version.insert(listed).clone()
        }
    };
    let params = WatchParams {
        field_selector: selected.fields.clone(),
        label_selector: selected.labels.clone(),
        timeout: Some(WATCH_SECONDS),
        ..WatchParams::default()
    };
    let events = in_time(api.watch(&params, &from)).await?;
    if std::mem::take(told) {
        tracing::info!(what = selected.what, "is followed again");
    }
    sight.found(selected.what);
    let mut events = pin!(events);
    let lasts = Duration::from_secs(WATCH_SECONDS.into()) + WATCH_SLACK;
    loop {
        let event = match timeout(lasts, events.try_next()).await {
            Ok(Ok(Some(event))) => event,
            // It lasted as long as it was asked to.
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(Broken::Failed(error.to_string())),
            Err(_) => return Err(Broken::Failed("a watch did not end".to_owned())),
        };
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                *version = object.resource_version();
                tell(Change::Put(object));
            }
            WatchEvent::Deleted(object) => {
                *version = object.resource_version();
                tell(Change::Gone(object));
            }
            WatchEvent::Bookmark(bookmark) => *version = Some(bookmark.metadata.resource_version),
            WatchEvent::Error(status) if status.code == GONE => return Err(Broken::TooOld),
            WatchEvent::Error(status) => {
                // What else may be wrong with the version is cured by a list.
                *version = None;
                return Err(Broken::Failed(status.message));
            }
        }
    }
}

async fn list<K>(
    api: &Api<DeserializeGuard<K>>,
    selected: &Selected,
) -> Result<(Vec<DeserializeGuard<K>>, String), Broken>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    let mut params = ListParams {
        field_selector: selected.fields.clone(),
        label_selector: selected.labels.clone(),
        limit: Some(PAGE),
        ..ListParams::default()
    };
    let mut objects = Vec::new();
    loop {
        let page = in_time(api.list(&params)).await?;
        objects.extend(page.items);
        if objects.len() > MAX_OBJECTS {
            return Err(Broken::Failed(format!("there are more than {MAX_OBJECTS}")));
        }
        let next = page.metadata.continue_.filter(|next| !next.is_empty());
        if next.is_none() {
            let version = page.metadata.resource_version;
            let version = version.filter(|version| !version.is_empty());
            let none = || Broken::Failed("a list without a version".to_owned());
            return Ok((objects, version.ok_or_else(none)?));
        }
        params.continue_token = next;
    }
}

impl From<RequestError> for Broken {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Refused { code: GONE, .. } => Self::TooOld,
            other => Self::Failed(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
