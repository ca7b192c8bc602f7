//! A session, from the proven subject to its end.
//!
//! The gate is the only place where an operation may pass. A session is opened only when its start
//! is in the record, looks at its Connection anew at each operation and each change, and gives
//! back what it took however it ends.
#![allow(
    clippy::result_large_err,
    reason = "a denial is the rare way, and is moved once to where it is told"
)]

pub mod approval;
mod counted;
pub mod denial;
mod ending;
pub mod gate;
pub mod ports;
pub mod record;
pub mod refused;
pub mod registry;

use std::net::IpAddr;
use std::sync::{Arc, MutexGuard, PoisonError};

use portcullis_policy::limit::{Caller, Counters, Monotonic, SessionSlot};
use portcullis_policy::mask::MaskSet;
use portcullis_policy::{Class, SessionFacts, SubjectView};
use portcullis_recording::event::{self, Body, Event, Map, SessionId};

use crate::identity::Proven;
use crate::metrics::ProtocolMetrics;
use counted::Counted;
use denial::Denial;
use ports::{Door, House, Target};
use record::Recorder;
use registry::Entry;

/// An open session. Dropping it without [`Session::close`] records its end all the same.
#[derive(Debug)]
pub struct Session {
    pub id: SessionId,
    pub facts: SessionFacts,
    pub proven: Proven,
    pub door: Arc<Door>,
    current: Arc<Current>,
    caller: Caller,
    entry: Arc<Entry>,
    recorder: Recorder,
    counted: Counted,
    /// When the message of the operation at hand was there.
    taken_up: Option<Monotonic>,
    /// What is decided is what waited before: it is counted already.
    goes_on: bool,
    operations: u64,
    /// Its start, where that could not be recorded and the connection accepts that.
    unrecorded: Option<Box<Event>>,
    /// Gives back, when it is dropped, what the session took.
    taken: Taken,
    why: String,
}

/// What a protocol says of a client at login, for the record: proves nothing.
#[derive(Debug, Clone, Default)]
pub struct ClientSays {
    /// Such as the startup `user`, `application_name`, the database.
    pub attributes: Vec<(String, String)>,
}

/// Why a session is to end, told to the relay by `Session::ended`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndReason {
    /// The credential expired, was removed, access was withdrawn, lockdown, too old, idle.
    Cut(Denial),
    /// Somebody who may ended it.
    Killed(Denial),
    Drain,
}

/// The Connection as this session's subject meets it, made once for each change.
#[derive(Debug)]
pub(crate) struct Current {
    target: Arc<Target>,
    view: SubjectView,
    masks: Arc<MaskSet>,
    may_only_read: bool,
}

/// What a session that may open begins with.
#[derive(Debug)]
struct Admitted {
    current: Arc<Current>,
    caller: Caller,
    taken: Taken,
    unrecorded: Option<Box<Event>>,
}

/// A place among the sessions that limits count.
#[derive(Debug)]
struct Taken {
    house: Arc<House>,
    entry: Arc<Entry>,
    slot: Option<SessionSlot>,
}

// === impl Session ===

impl Session {
    /// Opens: the access rule, session limits, start event (in the page cache before this
    /// returns).
    pub async fn open(
        door: Arc<Door>,
        proven: Proven,
        client: IpAddr,
        says: ClientSays,
    ) -> Result<Self, Denial> {
        let house = Arc::clone(&door.house);
        let (now, monotonic) = (house.clock.now(), house.clock.monotonic());
        let id = random_id()?;
        let facts = SessionFacts {
            id: id.to_string(),
            client_address: client.to_string(),
            started_at: now,
        };
        let changes = door.target.changes();
        let subject = Arc::clone(&proven.subject);
        let entry = Arc::new(Entry::new(id, subject, &door, client, (now, monotonic)));
        let who = (&proven, client, &says);
        let admitted = Admitted::of(&door, who, &facts, Arc::clone(&entry)).await;
        let Admitted {
            current,
            caller,
            taken,
            unrecorded,
        } = admitted.map_err(|denial| refused::opening(&door, who, id, denial))?;
        ending::watch(&door, &proven, &facts, &entry, changes);
        Ok(Self {
            id,
            facts,
            recorder: Recorder::new(id),
            counted: Counted::new(&house.metrics, door.protocol),
            taken_up: None,
            goes_on: false,
            proven,
            door,
            current,
            caller,
            entry,
            operations: 0,
            unrecorded,
            taken,
            why: String::new(),
        })
    }

    /// Resolves when the session must end: polled by the relay beside its streams, as often as it
    /// likes. Once it has resolved it always does. While it is `busy`, because something of it runs
    /// or waits for people, a drain ends it only when its grace is over.
    pub fn ended(&self, busy: bool) -> impl Future<Output = EndReason> + Send + use<> {
        let entry = Arc::clone(&self.entry);
        async move { entry.ended(busy).await }
    }

    /// What [`Session::ended`] would tell at once. Cheap enough to be asked at every turn.
    pub fn must_end(&self, busy: bool) -> Option<&EndReason> {
        self.entry.must_end(busy)
    }

    /// The largest message that is taken from either side, in bytes of what follows its length.
    pub fn max_message(&self) -> usize {
        self.door.target.load().sessions.max_message_size
    }

    /// What is counted of its protocol.
    pub fn counted(&self) -> &ProtocolMetrics {
        &self.counted
    }

    /// Tells of each edit of the Connection.
    pub fn edits(&self) -> tokio::sync::watch::Receiver<u64> {
        self.door.target.changes()
    }

    /// Ends it, and records why.
    pub fn close(mut self, why: &str) {
        why.clone_into(&mut self.why);
    }

    /// Takes over what holds now. Nanoseconds where nothing changed.
    fn refresh(&mut self) -> Result<(), Denial> {
        let loaded = self.door.target.load();
        if Arc::ptr_eq(&loaded, &self.current.target) {
            return Ok(());
        }
        let target = Arc::clone(&loaded);
        drop(loaded);
        if let Err(denial) = ending::may_stand(&self.door, &target, &self.proven, &self.facts) {
            let denial = denial.in_session(self.id);
            self.entry.end(EndReason::Cut(denial.clone()));
            return Err(denial);
        }
        self.current = Arc::new(Current::of(&target, &self.proven)?);
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.taken.give_back();
        let (outcome, reason) = match self.entry.must_end(false) {
            Some(EndReason::Cut(denial)) => ("cut", denial.message.as_str()),
            Some(EndReason::Killed(denial)) => ("killed", denial.message.as_str()),
            Some(EndReason::Drain) => ("drained", self.why.as_str()),
            None if self.why.is_empty() => ("dropped", "the connection was lost"),
            None => ("closed", self.why.as_str()),
        };
        let ended = event::SessionEnded {
            outcome: outcome.to_owned(),
            reason: reason.to_owned(),
            operations: self.operations,
            attributes: Map::new(),
        };
        let event = Event::new(self.id, Body::SessionEnded(ended));
        let house = &self.door.house;
        if self.unrecorded.is_none()
            && let Err(error) = house.writer.append(&event, house.clock.now())
        {
            tracing::warn!(session = %self.id, %error, "a session's end is not recorded");
        }
    }
}

// === impl EndReason ===

impl EndReason {
    /// Why no operation may pass any more; none while a drain lets finish what runs.
    pub(crate) fn denial(&self) -> Option<&Denial> {
        match self {
            Self::Cut(denial) | Self::Killed(denial) => Some(denial),
            Self::Drain => None,
        }
    }
}

// === impl Current ===

impl Current {
    fn of(target: &Arc<Target>, proven: &Proven) -> Result<Self, Denial> {
        let masks = target.snapshot.masks_for(&proven.subject);
        let masks = masks.map_err(|invalid| {
            tracing::warn!(?invalid, "masks cannot be applied to a subject");
            Denial::new(
                Class::MaskImpossible,
                "the masking rules that apply to you cannot be applied together",
                "tell whoever owns the masking rules of this connection",
            )
        })?;
        let snapshot = Arc::clone(&target.snapshot);
        let view = SubjectView::new(snapshot, Arc::clone(&proven.subject));
        Ok(Self {
            target: Arc::clone(target),
            may_only_read: view.may_only_read(),
            view,
            masks,
        })
    }
}

// === impl Admitted ===

impl Admitted {
    async fn of(
        door: &Door,
        (proven, client, says): (&Proven, IpAddr, &ClientSays),
        facts: &SessionFacts,
        entry: Arc<Entry>,
    ) -> Result<Self, Denial> {
        let target = door.target.load_full();
        ending::may_stand(door, &target, proven, facts)?;
        if let Some(stale) = target.snapshot.stale() {
            return Err(Denial::of_reason(&stale));
        }
        let current = Arc::new(Current::of(&target, proven)?);
        let caller = Caller::new(&proven.subject, &target.snapshot.connection().uid);
        let started = record::started(entry.id, door, proven, client, (says, &current.masks));
        let taken = Taken::take(&door.house, entry, &caller, &current)?;
        let unrecorded = record_start(&door.house, &target, started).await?;
        Ok(Self {
            current,
            caller,
            taken,
            unrecorded,
        })
    }
}

// === impl Taken ===

impl Taken {
    fn take(
        house: &Arc<House>,
        entry: Arc<Entry>,
        caller: &Caller,
        current: &Current,
    ) -> Result<Self, Denial> {
        let max = current.target.sessions.max_concurrent;
        house.registry.enter(&entry, max).map_err(|max| {
            Denial::new(
                Class::LimitExceeded,
                format!("this connection serves at most {max} sessions at a time"),
                "end another session, or try again later",
            )
        })?;
        let mut taken = Self {
            house: Arc::clone(house),
            entry,
            slot: None,
        };
        let limits = &current.view.limits().sessions;
        let opened = lock_counters(house).open(caller, limits);
        // What was taken so far is given back where this fails.
        let (slot, _) = opened.map_err(|refusal| Denial::of_limit(&refusal))?;
        taken.slot = Some(slot);
        Ok(taken)
    }

    fn give_back(&mut self) {
        self.house.registry.leave(&self.entry);
        self.entry.over();
        if let Some(slot) = self.slot.take() {
            lock_counters(&self.house).close(slot);
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// The counters; a thread that died with them left whole numbers.
pub(crate) fn lock_counters(house: &House) -> MutexGuard<'_, Counters> {
    house
        .counters
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

fn random_id() -> Result<SessionId, Denial> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| {
        Denial::new(
            Class::PolicyUnavailable,
            "a session could not be given a name",
            "try again later, and tell whoever runs the proxy",
        )
    })?;
    Ok(SessionId::new(bytes))
}

/// The event comes back where it could not be recorded and the connection accepts that.
async fn record_start(
    house: &Arc<House>,
    target: &Target,
    started: Event,
) -> Result<Option<Box<Event>>, Denial> {
    let now = house.clock.now();
    let started = Box::new(started);
    let written = if target.recording.strict {
        let (house, started) = (Arc::clone(house), started.clone());
        let append = move || house.writer.append_strict(&started, now).map(|_| ());
        let joined = tokio::task::spawn_blocking(append).await;
        joined
            .map_err(|error| error.to_string())
            .and_then(|written| written.map_err(|error| error.to_string()))
    } else {
        let written = house.writer.append(&started, now);
        written.map(|_| ()).map_err(|error| error.to_string())
    };
    match written {
        Ok(()) => Ok(None),
        Err(error) if target.recording.deny_on_failure => {
            tracing::warn!(error, "a session is refused, for it cannot be recorded");
            Err(Denial::unrecorded())
        }
        Err(error) => {
            tracing::warn!(error, "a session runs unrecorded");
            Ok(Some(started))
        }
    }
}
