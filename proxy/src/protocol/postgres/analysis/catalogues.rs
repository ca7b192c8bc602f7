//! Catalogues that sessions share, one for each database and login role, each kept fresh.
//!
//! A catalogue is read over a connection of its own: when the first session wants it, when someone
//! changed the database or met a number that it does not know, and each minute while sessions are
//! open. One reading at a time; a failing one is tried again with growing pauses. One that is too
//! old counts as missing: then everything that rests on it is Unknown.
//!
//! A catalogue that was read whole is only read again where something was committed since (see
//! [`FINGERPRINT`](portcullis_dialect::sql::catalogue::FINGERPRINT)): what others have not committed
//! changes nothing of it, whatever they lock. Of one where locks kept something from being read the
//! rest is used, and it is read again soon.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use portcullis_dialect::postgres::wire::backend::Transaction;
use portcullis_dialect::sql::catalogue::Catalogue;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::read::{self, ReadCatalogue};
use crate::protocol::postgres::upstream::{Connector, Link, Login};
use crate::session::ports::{Credential, Reviews, Upstream};

/// While sessions are open, a catalogue is read again after this long.
pub const REFRESH_EVERY: Duration = Duration::from_secs(60);

/// A catalogue that was read longer ago counts as missing.
pub const MAX_AGE: Duration = Duration::from_secs(180);

/// A session waits this long for a catalogue before it goes on without.
pub const WAIT_FOR_CATALOGUE: Duration = Duration::from_secs(10);

/// A name that a catalogue lacks has it read again, but not more often than this, nor so that more
/// than a tenth of the time goes into it.
pub const RENEW_EVERY: Duration = Duration::from_secs(1);

/// Most catalogues that are kept for one Connection.
pub const MAX_CATALOGUES: usize = 64;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The catalogues of one Connection.
#[derive(Debug)]
pub(super) struct Catalogues {
    source: Arc<Source>,
    kept: Mutex<HashMap<Place, Arc<Kept>>>,
}

/// Tells where the target is at this moment and what proves us there, or why nothing does.
pub type Reach = Box<dyn Fn() -> Result<(Upstream, Arc<Credential>), String> + Send + Sync>;

/// Tells what is said of functions at this moment.
pub type Reviewing = Box<dyn Fn() -> Arc<Reviews> + Send + Sync>;

/// Where catalogues come from.
struct Source {
    reach: Arc<Reach>,
    reviews: Reviewing,
    connector: Arc<Connector>,
    revisions: AtomicU64,
}

/// Which catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) database: String,
    pub(super) role: String,
}

/// One catalogue and what is known of its freshness.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) place: Place,
    source: Arc<Source>,
    /// Counts what made a new reading necessary.
    wanted: AtomicU64,
    reading: AtomicBool,
    /// It will be read again soon for what was left out.
    again: AtomicBool,
    state: watch::Sender<State>,
    sessions: Mutex<Weak<OpenSession>>,
}

/// Held by every session that uses a catalogue.
#[derive(Debug)]
pub(super) struct OpenSession;

#[derive(Debug, Clone, Default)]
struct State {
    latest: Option<Shared>,
    digest: [u8; 32],
    /// By what the latest still holds; None where it was not read whole.
    fingerprint: Option<[u8; 32]>,
    /// What was said of functions when it was read.
    reviews: [u8; 32],
    /// All that was wanted up to this number is in it.
    covers: u64,
    read_at: Option<Instant>,
    /// How long the last reading took.
    took: Duration,
    /// The last attempt did not succeed.
    failing: bool,
}

/// A catalogue with its number: another number may be another content.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) revision: u64,
    pub(super) digest: [u8; 32],
}

// === impl Catalogues ===

impl Catalogues {
    pub(super) fn new(reach: Reach, connector: Arc<Connector>) -> Self {
        Self {
            source: Arc::new(Source {
                reach: Arc::new(reach),
                reviews: Box::new(Arc::default),
                connector,
                revisions: AtomicU64::new(1),
            }),
            kept: Mutex::default(),
        }
    }

    /// The same, before anything was read, by what is said of functions.
    pub(super) fn reviewing(&self, reviews: Reviewing) -> Self {
        Self {
            source: Arc::new(Source {
                reach: Arc::clone(&self.source.reach),
                reviews,
                connector: Arc::clone(&self.source.connector),
                revisions: AtomicU64::new(1),
            }),
            kept: Mutex::default(),
        }
    }

    /// What is said of functions now.
    pub(super) fn reviews(&self) -> Arc<Reviews> {
        (self.source.reviews)()
    }

    /// The catalogue of a place; None when there are too many.
    pub(super) fn of(&self, place: Place) -> Option<Arc<Kept>> {
        let mut kept = self.lock();
        if let Some(known) = kept.get(&place) {
            return Some(Arc::clone(known));
        }
        if kept.len() >= MAX_CATALOGUES {
            kept.retain(|_, kept| kept.has_sessions());
        }
        if kept.len() >= MAX_CATALOGUES {
            return None;
        }
        let new = Arc::new(Kept {
            place: place.clone(),
            source: Arc::clone(&self.source),
            wanted: AtomicU64::new(1),
            reading: AtomicBool::new(false),
            again: AtomicBool::new(false),
            state: watch::Sender::new(State::default()),
            sessions: Mutex::default(),
        });
        kept.insert(place, Arc::clone(&new));
        Some(new)
    }

    pub(super) fn invalidate(&self, database: &str) {
        let kept: Vec<_> = self.lock().values().cloned().collect();
        for kept in kept.iter().filter(|kept| kept.place.database == database) {
            kept.wanted.fetch_add(1, Ordering::AcqRel);
            if kept.has_sessions() {
                kept.read_soon();
            }
        }
    }

    /// A number for a catalogue that no other has.
    pub(super) fn next_revision(&self) -> u64 {
        self.source.next_revision()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Place, Arc<Kept>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Kept ===

impl Kept {
    /// Keeps the catalogue fresh for as long as the answer is held.
    pub(super) fn open_session(self: &Arc<Self>) -> Arc<OpenSession> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = sessions.upgrade() {
            return open;
        }
        let open = Arc::new(OpenSession);
        *sessions = Arc::downgrade(&open);
        let (kept, watched) = (Arc::downgrade(self), Arc::downgrade(&open));
        tokio::spawn(async move {
            loop {
                sleep(REFRESH_EVERY).await;
                match kept.upgrade().filter(|_| watched.strong_count() > 0) {
                    Some(kept) => kept.read_soon(),
                    None => break,
                }
            }
        });
        open
    }

    fn has_sessions(&self) -> bool {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.strong_count() > 0
    }

    /// Counts the changes that are known of; a private reading is as new as this was before it.
    pub(super) fn wanted(&self) -> u64 {
        self.wanted.load(Ordering::Acquire)
    }

    /// The catalogue, if it holds all that is known to have changed and is not too old.
    pub(super) fn current(&self) -> Option<Shared> {
        let state = self.state.borrow();
        self.is_current(&state)
            .then(|| state.latest.clone())
            .flatten()
    }

    /// Whether a catalogue of this number is the current one.
    pub(super) fn is_current_revision(&self, revision: u64) -> bool {
        let state = self.state.borrow();
        self.is_current(&state)
            && state
                .latest
                .as_ref()
                .is_some_and(|latest| latest.revision == revision)
    }

    fn is_current(&self, state: &State) -> bool {
        state.covers >= self.wanted()
            && state.reviews == (self.source.reviews)().digest
            && state.read_at.is_some_and(|at| at.elapsed() <= MAX_AGE)
    }

    /// Waits, within bounds, until there is a current catalogue. A target that just refused is not
    /// waited for.
    pub(super) async fn wait(self: &Arc<Self>) -> Option<Shared> {
        let mut states = self.state.subscribe();
        self.read_soon();
        let _ = timeout(
            WAIT_FOR_CATALOGUE,
            states.wait_for(|state| state.failing || self.is_current(state)),
        )
        .await;
        self.current()
    }

    /// Has it read again, and waits for that within bounds. False where it was read just now, which
    /// is not asked `at_once`. What others go by stays current meanwhile.
    pub(super) async fn renew(self: &Arc<Self>, at_once: bool) -> bool {
        let (read_at, took) = {
            let state = self.state.borrow();
            (state.read_at, state.took)
        };
        if !at_once && read_at.is_none_or(|at| at.elapsed() < pause_after(took)) {
            return false;
        }
        let mut states = self.state.subscribe();
        self.read_soon();
        let read = states.wait_for(|state| state.failing || state.read_at != read_at);
        let _ = timeout(WAIT_FOR_CATALOGUE, read).await;
        true
    }

    /// Starts a reading unless one is under way.
    fn read_soon(self: &Arc<Self>) {
        if self.reading.swap(true, Ordering::AcqRel) {
            return;
        }
        let kept = Arc::clone(self);
        tokio::spawn(async move { kept.read_until_it_succeeds().await });
    }

    async fn read_until_it_succeeds(self: Arc<Self>) {
        let mut pause = FIRST_PAUSE;
        loop {
            let (covers, began) = (self.wanted(), Instant::now());
            let reviews = (self.source.reviews)();
            let known = self.known_by(reviews.digest);
            match self.source.read(&self.place, known).await {
                Ok(read) => {
                    let read = read.map(|read| read.reviewed(&reviews));
                    self.publish(read, covers, (reviews.digest, began.elapsed()));
                    let said = (self.source.reviews)().digest;
                    if self.wanted() == covers && said == reviews.digest {
                        break;
                    }
                }
                Err(reason) => {
                    tracing::warn!(
                        host = %self.place.host,
                        database = %self.place.database,
                        %reason,
                        "the catalogue cannot be read; what rests on it is Unknown"
                    );
                    self.state.send_modify(|state| state.failing = true);
                    if !self.has_sessions() {
                        break;
                    }
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        self.reading.store(false, Ordering::Release);
        // Something may have been wanted between the look and the store.
        let behind = self.state.borrow().covers < self.wanted();
        if behind && self.has_sessions() {
            self.read_soon();
        }
    }

    /// By what a catalogue holds that was read under these reviews.
    fn known_by(&self, reviews: [u8; 32]) -> Option<[u8; 32]> {
        let state = self.state.borrow();
        state.fingerprint.filter(|_| state.reviews == reviews)
    }

    /// A reading of the same rows keeps its number, and with it all analyses; none says that the
    /// latest still holds.
    fn publish(
        self: &Arc<Self>,
        read: Option<ReadCatalogue>,
        covers: u64,
        (reviews, took): ([u8; 32], Duration),
    ) {
        self.state.send_modify(|state| {
            if let Some(read) = read {
                let whole = !read.catalogue.is_unread();
                state.fingerprint = whole.then_some(read.fingerprint);
                if state.latest.is_none() || state.digest != read.digest {
                    state.digest = read.digest;
                    state.latest = Some(Shared {
                        catalogue: Arc::new(read.catalogue),
                        revision: self.source.next_revision(),
                        digest: read.digest,
                    });
                }
            }
            state.covers = covers;
            state.read_at = Some(Instant::now());
            state.took = took;
            state.reviews = reviews;
            state.failing = false;
        });
        if self.state.borrow().fingerprint.is_none() {
            self.read_again_after(pause_after(took));
        }
    }

    fn read_again_after(self: &Arc<Self>, pause: Duration) {
        if self.again.swap(true, Ordering::AcqRel) {
            return;
        }
        let kept = Arc::downgrade(self);
        tokio::spawn(async move {
            sleep(pause).await;
            if let Some(kept) = kept.upgrade() {
                kept.again.store(false, Ordering::Release);
                if kept.has_sessions() {
                    kept.read_soon();
                }
            }
        });
    }
}

/// How long after a reading that took so long the next may be had for a missing name.
pub(super) fn pause_after(took: Duration) -> Duration {
    RENEW_EVERY.max(took.saturating_mul(9))
}

// === impl Source ===

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").finish_non_exhaustive()
    }
}

impl Source {
    fn next_revision(&self) -> u64 {
        self.revisions.fetch_add(1, Ordering::Relaxed)
    }

    /// Reads over a connection of its own, with the Connection's credential. None where what is
    /// known by this fingerprint still holds.
    async fn read(
        &self,
        place: &Place,
        known: Option<[u8; 32]>,
    ) -> Result<Option<ReadCatalogue>, String> {
        let (upstream, credential) = (self.reach)()?;
        if upstream.host != place.host
            || upstream.port != place.port
            || credential.username != place.role
        {
            return Err("the Connection's target or credential is another now".to_owned());
        }
        let login = Login {
            database: &place.database,
            minor: 0,
            parameters: &[
                (b"application_name", b"portcullis catalogue"),
                (b"client_encoding", b"UTF8"),
            ],
        };
        let mut connected = self
            .connector
            .connect(&upstream, &credential, &login)
            .await
            .map_err(|failed| failed.to_string())?;
        let mut link = Link {
            stream: &mut connected.stream,
            ahead: &mut connected.ahead,
        };
        if known.is_some() {
            let (now, _) = read::fingerprint(&mut link)
                .await
                .map_err(|failed| failed.to_string())?;
            if now.is_ok_and(|now| known == Some(now)) {
                link.terminate().await;
                return Ok(None);
            }
        }
        let version = connected.server_version_num;
        let (read, _) = read::catalogue(&mut link, Transaction::Idle, version)
            .await
            .map_err(|failed| failed.to_string())?;
        link.terminate().await;
        read.map(Some).map_err(|failed| failed.to_string())
    }
}
