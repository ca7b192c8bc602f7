//! When to look at the directory again: the kernel says so at once, and a look each second makes
//! up for what it does not say (network file systems, a link further up).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::{Directory, Files, Look};
use crate::control::refusal::Refusal;

/// How often the directory is looked at without being told.
const POLL: Duration = Duration::from_secs(1);
/// How long the directory must keep still before it is read.
const STILL: Duration = Duration::from_millis(20);
/// How often it may stir before it is read all the same.
const MAX_STIRS: usize = 8;
/// The most links that lead to the directory.
const MAX_LINKS: usize = 16;
/// The most folders that are watched.
const MAX_WATCHED: usize = 256;

/// Why a directory cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("the directory cannot be watched: {0}")]
pub struct WatchError(#[from] notify::Error);

/// The changes of a directory.
#[derive(Debug)]
pub struct Changes {
    directory: Directory,
    watcher: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
    told: mpsc::Receiver<()>,
    /// How it looked when it was last read; none while it could not be.
    seen: Option<Look>,
    /// Why it could not be looked at, so that the same is told once.
    failed: Option<Refusal>,
}

// === impl Changes ===

impl Changes {
    /// Watches a directory from how it looked when it was read.
    pub fn new(directory: Directory, seen: Look) -> Result<Self, WatchError> {
        let (tell, told) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if may_be_a_change(&event) {
                // One that is waiting says it already.
                let _ = tell.try_send(());
            }
        })?;
        let mut changes = Self {
            directory,
            watcher,
            watched: BTreeSet::new(),
            told,
            seen: Some(seen),
            failed: None,
        };
        changes.follow();
        Ok(changes)
    }

    /// Waits until the directory is another, and reads it. Safe to be dropped while it waits.
    pub async fn next(&mut self) -> Result<Files, Vec<Refusal>> {
        loop {
            // Both a word and its absence for a while are reasons to look.
            let _ = timeout(POLL, self.told.recv()).await;
            let look = self.directory.look();
            match look {
                Ok(look) if self.seen.as_ref() == Some(&look) => self.failed = None,
                Ok(_) => {
                    self.failed = None;
                    return self.read().await;
                }
                Err(refusal) if self.failed.as_ref() == Some(&refusal) => {}
                Err(refusal) => {
                    // Half of a swap may be all that is seen.
                    sleep(STILL).await;
                    if self.directory.look().as_ref() == Err(&refusal) {
                        self.failed = Some(refusal.clone());
                        self.seen = None;
                        return Err(vec![refusal]);
                    }
                }
            }
        }
    }

    async fn read(&mut self) -> Result<Files, Vec<Refusal>> {
        let mut look = self.directory.look().ok();
        for _ in 0..MAX_STIRS {
            sleep(STILL).await;
            let next = self.directory.look().ok();
            if next == look {
                break;
            }
            look = next;
        }
        let directory = self.directory.clone();
        let read = tokio::task::spawn_blocking(move || directory.read()).await;
        let read = read.unwrap_or_else(|_| {
            let path = self.directory.path().display().to_string();
            Err(vec![Refusal::of_file(path, "could not be read")])
        });
        // What is refused is not read again until it is another.
        self.seen = match &read {
            Ok((seen, _)) => Some(seen.clone()),
            Err(_) => look,
        };
        self.follow();
        read.map(|(_, files)| files)
    }

    /// Watches the directory, each folder that a link on the way to it stands in, and the folders
    /// that its files really are in.
    fn follow(&mut self) {
        let mut wanted: BTreeSet<PathBuf> = links(self.directory.path()).into_iter().collect();
        wanted.insert(self.directory.path().to_owned());
        if let Some(seen) = &self.seen {
            wanted.extend(seen.folders().take(MAX_WATCHED));
        }
        for gone in self.watched.difference(&wanted) {
            // A folder that was removed is not watched any more anyhow.
            let _ = self.watcher.unwatch(gone);
        }
        let mut watched = BTreeSet::new();
        for folder in wanted {
            let again = self.watched.contains(&folder) && folder != self.directory.path();
            if again || self.watch(&folder) {
                watched.insert(folder);
            }
        }
        self.watched = watched;
    }

    fn watch(&mut self, folder: &Path) -> bool {
        // The path may lead to another folder than before: the old watch would stay with the old.
        let _ = self.watcher.unwatch(folder);
        match self.watcher.watch(folder, RecursiveMode::NonRecursive) {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(folder = %folder.display(), %error, "a folder is only looked at each second");
                false
            }
        }
    }
}

/// Reading is told too, and our own looking is reading: to look again for that would never end.
pub(super) fn may_be_a_change(event: &notify::Result<Event>) -> bool {
    !matches!(
        event,
        Ok(Event {
            kind: EventKind::Access(_),
            ..
        })
    )
}

/// The folders in which the links stand that lead to `path`.
fn links(path: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(target) = fs::read_link(&path) else {
            break;
        };
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        path = parent.join(target);
        folders.push(parent);
    }
    folders
}
