//! The open sessions, to be listed, watched and ended.
//!
//! Whoever watches or ends a session is recorded before it happens. A watcher who reads too slowly
//! loses lines and is told how many; nothing waits for it.

mod tail;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use portcullis_policy::limit::Monotonic;
use portcullis_policy::{Class, Subject};
use portcullis_recording::event::{AdminAct, Body, Event, SessionId};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::EndReason;
use super::denial::Denial;
use super::ports::House;
use super::refused::Refusals;
use tail::Tailed;
pub use tail::{Line, MAX_LINE_BYTES, TAIL_LINES, Tail};

/// How many may follow sessions at the same time.
pub const MAX_TAILS: usize = 8;

/// The open sessions of the process.
#[derive(Debug)]
pub struct Registry {
    open: Mutex<Open>,
    /// Places for those who follow sessions.
    tails: Arc<Semaphore>,
    /// Of openings.
    pub(super) refusals: Refusals,
}

/// An open session as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub id: SessionId,
    pub subject: String,
    pub namespace: String,
    pub connection: String,
    pub protocol: &'static str,
    pub started_at: SystemTime,
    pub operations: u64,
    pub client: IpAddr,
}

/// Why a session could not be watched or ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    #[error("no session {0} is open here")]
    NoSuchSession(SessionId),
    #[error("this could not be recorded: {0}")]
    Unrecorded(String),
    #[error("{MAX_TAILS} follow sessions already, and more may not at a time")]
    TooManyTails,
}

/// What the session itself, its watch and its operations share.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: SessionId,
    pub(crate) subject: Arc<Subject>,
    pub(crate) namespace: String,
    pub(crate) connection: String,
    pub(crate) protocol: &'static str,
    pub(crate) started_at: SystemTime,
    pub(crate) client: IpAddr,
    operations: AtomicU64,
    /// Operations that run or are held now.
    running: AtomicU32,
    /// When the last one began or ended.
    active_at: AtomicU64,
    /// Why the session must end at once, once it must.
    reason: OnceLock<EndReason>,
    must_end: CancellationToken,
    /// The session must end as soon as it is idle.
    drained: AtomicBool,
    must_end_idle: CancellationToken,
    /// The session is gone.
    is_over: CancellationToken,
    tailed: Tailed,
}

/// An operation that runs or is held: the session is not idle meanwhile.
#[derive(Debug)]
pub(crate) struct Busy {
    entry: Arc<Entry>,
    house: Arc<House>,
}

#[derive(Debug, Default)]
struct Open {
    sessions: HashMap<SessionId, Arc<Entry>>,
    /// How many of each connection, by namespace and name.
    counts: HashMap<(String, String), u64>,
}

// === impl Registry ===

impl Registry {
    /// All open sessions, the oldest first.
    pub fn list(&self) -> Vec<Listed> {
        let mut listed: Vec<Listed> = self.lock().sessions.values().map(|e| e.listed()).collect();
        listed.sort_by_key(|session| (session.started_at, session.id));
        listed
    }

    /// The same, told to somebody, which is recorded first.
    pub fn list_for(&self, house: &House, who: &str) -> Result<Vec<Listed>, RegistryError> {
        record_act(house, "list", "sessions".to_owned(), who, "")?;
        Ok(self.list())
    }

    /// An open session.
    pub fn listed(&self, session: SessionId) -> Result<Listed, RegistryError> {
        self.find(session).map(|entry| entry.listed())
    }

    /// How many sessions of a connection are open.
    pub fn count(&self, namespace: &str, connection: &str) -> u64 {
        let key = (namespace.to_owned(), connection.to_owned());
        self.lock().counts.get(&key).copied().unwrap_or(0)
    }

    /// Ends a session. It ends also where that cannot be recorded: who may end sessions must be
    /// able to on a full disk.
    pub fn kill(
        &self,
        house: &House,
        session: SessionId,
        who: &str,
        why: &str,
    ) -> Result<(), RegistryError> {
        let entry = self.find(session)?;
        let recorded = record_act(house, "kill", session.to_string(), who, why);
        let denial = Denial::new(
            Class::AccessDenied,
            format!("this session was ended by {who}: {why}"),
            "ask whoever ended it before you connect again",
        );
        entry.end(EndReason::Killed(denial.in_session(session)));
        recorded
    }

    /// Watches a session: what it asks for, as it is recorded, and what its client sees.
    pub fn tail(
        &self,
        house: &House,
        session: SessionId,
        who: &str,
        why: &str,
    ) -> Result<Tail, RegistryError> {
        let entry = self.find(session)?;
        let tails = Arc::clone(&self.tails);
        let place = tails.try_acquire_owned();
        let place = place.map_err(|_| RegistryError::TooManyTails)?;
        record_act(house, "tail", session.to_string(), who, why)?;
        Ok(entry.tailed.subscribe(place))
    }

    /// Counts a session in, unless its connection has `max` already.
    pub(crate) fn enter(&self, entry: &Arc<Entry>, max: Option<u64>) -> Result<(), u64> {
        let mut open = self.lock();
        let key = (entry.namespace.clone(), entry.connection.clone());
        let count = open.counts.get(&key).copied().unwrap_or(0);
        if let Some(max) = max
            && count >= max
        {
            return Err(max);
        }
        open.counts.insert(key, count + 1);
        open.sessions.insert(entry.id, Arc::clone(entry));
        Ok(())
    }

    pub(crate) fn leave(&self, entry: &Entry) {
        let mut open = self.lock();
        if open.sessions.remove(&entry.id).is_none() {
            return;
        }
        let key = (entry.namespace.clone(), entry.connection.clone());
        let left = open
            .counts
            .get(&key)
            .copied()
            .unwrap_or(0)
            .saturating_sub(1);
        match left {
            0 => open.counts.remove(&key),
            left => open.counts.insert(key, left),
        };
    }

    fn find(&self, session: SessionId) -> Result<Arc<Entry>, RegistryError> {
        let open = self.lock();
        let entry = open.sessions.get(&session);
        entry.cloned().ok_or(RegistryError::NoSuchSession(session))
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // Nothing is halfway in it: a thread that died there changed single entries.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            open: Mutex::default(),
            tails: Arc::new(Semaphore::new(MAX_TAILS)),
            refusals: Refusals::default(),
        }
    }
}

// === impl Entry ===

impl Entry {
    pub(crate) fn new(
        id: SessionId,
        subject: Arc<Subject>,
        door: &super::ports::Door,
        client: IpAddr,
        times: (SystemTime, Monotonic),
    ) -> Self {
        Self {
            id,
            subject,
            namespace: door.namespace.clone(),
            connection: door.name.clone(),
            protocol: door.protocol,
            started_at: times.0,
            client,
            operations: AtomicU64::new(0),
            running: AtomicU32::new(0),
            active_at: AtomicU64::new(times.1.as_nanos()),
            reason: OnceLock::new(),
            must_end: CancellationToken::new(),
            drained: AtomicBool::new(false),
            must_end_idle: CancellationToken::new(),
            is_over: CancellationToken::new(),
            tailed: Tailed::default(),
        }
    }

    /// The first reason stands.
    pub(crate) fn end(&self, reason: EndReason) {
        let _ = self.reason.set(reason);
        self.must_end.cancel();
        self.must_end_idle.cancel();
    }

    /// It ends once nothing of it runs; until then a reason to end at once may still come.
    pub(crate) fn drain(&self) {
        self.drained.store(true, Ordering::Release);
        self.must_end_idle.cancel();
    }

    /// Why the session must end, once it must; while it is `busy` a drain does not count.
    pub(crate) fn must_end(&self, busy: bool) -> Option<&EndReason> {
        static DRAIN: EndReason = EndReason::Drain;
        let drained = || !busy && self.drained.load(Ordering::Acquire);
        self.reason.get().or_else(|| drained().then_some(&DRAIN))
    }

    pub(crate) async fn ended(&self, busy: bool) -> EndReason {
        match busy {
            true => self.must_end.cancelled().await,
            false => self.must_end_idle.cancelled().await,
        }
        self.reason.get().cloned().unwrap_or(EndReason::Drain)
    }

    pub(crate) fn over(&self) {
        self.is_over.cancel();
    }

    pub(crate) async fn is_over(&self) {
        self.is_over.cancelled().await;
    }

    pub(crate) fn count_operation(&self) {
        self.operations.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    pub(crate) fn begin(self: &Arc<Self>, house: &Arc<House>) -> Busy {
        self.running.fetch_add(1, Ordering::AcqRel);
        Busy {
            entry: Arc::clone(self),
            house: Arc::clone(house),
        }
    }

    /// Since when nothing runs; none while something does.
    pub(crate) fn idle_since(&self) -> Option<Monotonic> {
        let idle = self.running.load(Ordering::Acquire) == 0;
        idle.then(|| Monotonic::from_nanos(self.active_at.load(Ordering::Acquire)))
    }

    /// A line for those who watch; it is made only where somebody does.
    pub(crate) fn tell(&self, line: impl FnOnce() -> Line) {
        self.tailed.tell(line);
    }

    fn listed(&self) -> Listed {
        Listed {
            id: self.id,
            subject: self.subject.username.clone(),
            namespace: self.namespace.clone(),
            connection: self.connection.clone(),
            protocol: self.protocol,
            started_at: self.started_at,
            operations: self.operations(),
            client: self.client,
        }
    }
}

// === impl Busy ===

impl Busy {
    pub(crate) fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    pub(crate) fn house(&self) -> &Arc<House> {
        &self.house
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let now = self.house.clock.monotonic().as_nanos();
        self.entry.active_at.fetch_max(now, Ordering::AcqRel);
        self.entry.running.fetch_sub(1, Ordering::AcqRel);
    }
}

fn record_act(
    house: &House,
    act: &str,
    target: String,
    who: &str,
    why: &str,
) -> Result<(), RegistryError> {
    let act = AdminAct {
        act: act.to_owned(),
        actor: who.to_owned(),
        target,
        reason: why.to_owned(),
        attributes: std::collections::BTreeMap::new(),
    };
    let event = Event::new(SessionId::NONE, Body::AdminAct(act));
    let recorded = house.writer.append(&event, house.clock.now());
    recorded
        .map(|_| ())
        .map_err(|error| RegistryError::Unrecorded(error.to_string()))
}
