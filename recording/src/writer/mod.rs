//! The writer: an event is in the kernel's page cache before the caller goes on.
//!
//! - [`Writer::append`] returns after one `pwrite`. Killing the process then loses nothing.
//!   [`Writer::append_strict`] returns after a sync too; callers that wait at the same time
//!   share it.
//! - What is not acknowledged is not in the record: a write that got halfway is cut off again,
//!   and the chain goes on without a gap.
//! - It fails closed. A full disk or spool refuses events until there is room; any other failure
//!   of the disk, a failed sync above all, stops the writer until it is opened anew.
//! - Memory is bounded: by the open sessions, the subjects that have bytes in the spool, and one
//!   event at a time.
//!
//! It reads no clock and starts no thread: whoever owns it calls [`Writer::tick`].

mod error;
mod ledger;
mod packer;
mod session_start;
mod state;

#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

pub use error::{AppendError, ConfirmError};
pub use packer::COMPRESS_FROM_BYTES;

use crate::checkpoint::{Head, SigningKey};
use crate::crypt::RecipientKey;
use crate::event::{Body, Event, SessionId, Timestamp, WriterId};
use crate::layout::key_name;
use crate::spool::disk::{Disk, LocalDisk};
use crate::spool::recover::recover;
use crate::spool::{Durability, OpenError, Spool, SpoolConfig};
use state::{State, SyncJob, is_due};

/// How many sessions may be open in one writer.
pub const MAX_OPEN_SESSIONS: usize = 65_536;

/// What may wait for the next write; past it, it is written at once.
pub const MAX_DEFERRED_BYTES: usize = 256 * 1024;

/// How far the clock may step back between two callers without a notice.
pub const CLOCK_TOLERANCE: Duration = Duration::from_millis(100);

/// The one writer of a spool. Many sessions and threads share it.
#[derive(Debug)]
pub struct Writer {
    id: WriterId,
    /// The writer's folder in the spool.
    folder: PathBuf,
    durability: Durability,
    recipient: Option<RecipientKey>,
    state: Mutex<State>,
    /// When the oldest event came that waits for the next write; 0 while none does. Written under
    /// the lock of `state`, read without it.
    waits_since: AtomicU64,
    /// The last frame that was seen to be in its file. Written and read alike.
    written: AtomicU64,
    group: Mutex<Group>,
    synced: Condvar,
}

/// Where an event is in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub segment: u64,
    pub sequence: u64,
}

/// A sealed segment that waits for the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentInfo {
    pub number: u64,
    pub path: PathBuf,
    pub bytes: u64,
}

/// A wrapped session key that waits for the store. It goes ahead of the segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    pub session: SessionId,
    pub path: PathBuf,
}

/// What one tick did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tick {
    pub synced: bool,
    pub sealed: bool,
}

/// How the spool stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// All that the spool takes on disk.
    pub bytes: u64,
    /// Sealed segments that the store has not confirmed.
    pub unsent: usize,
    pub open_sessions: usize,
    /// Why the writer stopped, if it did.
    pub stopped: Option<String>,
}

/// How far the record has come, in numbers of segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The last that has something in it.
    pub last: u64,
    /// The store has confirmed all up to this one.
    pub stored: u64,
}

/// Who waits for which sync.
#[derive(Debug, Default)]
struct Group {
    through: u64,
    syncing: bool,
}

// === impl Writer ===

impl Writer {
    /// Takes the spool's lock, recovers the tail of an earlier run, and goes on with its chain.
    pub fn open(
        config: SpoolConfig,
        key: SigningKey,
        now: impl Into<Timestamp>,
    ) -> Result<Self, OpenError> {
        Self::open_on(Arc::new(LocalDisk), config, key, now.into())
    }

    fn open_on(
        disk: Arc<dyn Disk>,
        config: SpoolConfig,
        key: SigningKey,
        now: Timestamp,
    ) -> Result<Self, OpenError> {
        let spool = Spool::open(&config)?;
        let tail = recover(&spool, &spool.inventory()?, config.max_bytes, now)?;
        let inventory = spool.inventory()?;
        let (id, folder) = (spool.writer.clone(), spool.folder.clone());
        let (durability, recipient) = (config.durability, config.recipient);
        let state = State::new((config, spool, disk), key, tail, now);
        let mut state = state.map_err(|source| OpenError::io(&folder, source))?;
        state.take_over(inventory);
        let left = state.sync_left();
        left.map_err(|source| OpenError::io(&folder, source))?;
        match state.ensure_room_in_segment(now) {
            // There is something to send away, which makes room; until then, events are refused.
            Err(AppendError::DiskFull(_)) if !state.sealed.is_empty() => {}
            Err(AppendError::DiskFull(error) | AppendError::Disk(error)) => {
                return Err(OpenError::io(&folder, error));
            }
            started => started.map_err(OpenError::NotContinued)?,
        }
        let (state, group) = (Mutex::new(state), Mutex::new(Group::default()));
        let synced = Condvar::new();
        let writer = Self {
            id,
            folder,
            durability,
            recipient,
            state,
            waits_since: AtomicU64::new(0),
            written: AtomicU64::new(0),
            group,
            synced,
        };
        writer.sync().map_err(OpenError::NotContinued)?;
        Ok(writer)
    }

    pub fn id(&self) -> &WriterId {
        &self.id
    }

    /// Records an event; it is in the kernel's page cache afterwards, with all that was deferred.
    pub fn append(
        &self,
        event: &Event,
        now: impl Into<Timestamp>,
    ) -> Result<Position, AppendError> {
        let now = now.into();
        let start = self.prepare(event)?;
        let path = start.as_ref().map(|start| start.path.clone());
        let result = {
            let mut state = self.lock()?;
            let result = state.append(event, now, start, true);
            self.note_waiting(&state, now);
            result
        };
        match (&result, path) {
            // Some of it may be in the file all the same, and the key announced.
            (Err(AppendError::Disk(_)), _) | (Ok(_), _) | (Err(_), None) => {}
            (Err(_), Some(path)) => {
                // A key that nothing is encrypted with; if it stays, it is of no use to anyone.
                let _ = std::fs::remove_file(path);
            }
        }
        result
    }

    /// Records an event, and returns once it is on the disk.
    pub fn append_strict(
        &self,
        event: &Event,
        now: impl Into<Timestamp>,
    ) -> Result<Position, AppendError> {
        let position = self.append(event, now)?;
        self.sync_through(position.sequence)?;
        Ok(position)
    }

    /// Records an event as the spool's durability says: with `Strict`, what is about to run waits
    /// for the disk. It blocks; asynchronous callers give it a thread of its own.
    pub fn record(
        &self,
        event: &Event,
        now: impl Into<Timestamp>,
    ) -> Result<Position, AppendError> {
        let runs = matches!(event.body, Body::SessionStarted(_) | Body::Operation(_));
        match self.durability {
            Durability::Strict if runs => self.append_strict(event, now),
            Durability::Strict | Durability::Batched => self.append(event, now),
        }
    }

    /// Takes an event that may ride with the next write, such as an operation's end. It is in
    /// the record after the next [`Writer::append`], [`Writer::write_through`], [`Writer::flush`] or
    /// [`Writer::tick`], and is lost if the process dies before.
    pub fn defer(&self, event: &Event, now: impl Into<Timestamp>) -> Result<Position, AppendError> {
        if matches!(event.body, Body::SessionStarted(_)) {
            return self.append(event, now);
        }
        let now = now.into();
        let mut state = self.lock()?;
        let result = state.append(event, now, None, false);
        self.note_waiting(&state, now);
        result
    }

    /// Since when the oldest event waits that was deferred and not written yet. It takes no lock:
    /// whoever ticks can leave those alone who write all the time, which takes the waiting along.
    pub fn waits_since(&self) -> Option<Timestamp> {
        match self.waits_since.load(Ordering::Relaxed) {
            0 => None,
            since => Some(Timestamp(since)),
        }
    }

    /// Has an event that was deferred, and all ahead of it, in the file. Callers that defer theirs
    /// before the first of them comes here share one write. An event that cannot be written waits on.
    pub fn write_through(&self, position: Position) -> Result<(), AppendError> {
        if self.written.load(Ordering::Acquire) >= position.sequence {
            return Ok(());
        }
        self.flush()
    }

    /// Writes what was deferred.
    pub fn flush(&self) -> Result<(), AppendError> {
        let mut state = self.lock()?;
        state.check_running()?;
        let written = state.write();
        self.note_waiting(&state, Timestamp(0));
        written
    }

    /// Does what is due: writes what was deferred, syncs, signs, seals. Called every few
    /// milliseconds; it blocks while it syncs.
    pub fn tick(&self, now: impl Into<Timestamp>) -> Result<Tick, AppendError> {
        let now = now.into();
        let mut tick = Tick::default();
        let written = {
            let mut state = self.lock()?;
            state.check_running()?;
            if is_due(state.synced_at, now, state.config.sync_after) {
                state.synced_at = now;
                tick.synced = true;
            }
            let written = state.write();
            self.note_waiting(&state, now);
            written
        };
        if tick.synced {
            // Also when the disk is full: what is written can still be made to last.
            self.sync()?;
        }
        written?;
        if tick.synced {
            // Only now: a checkpoint says that the segments ahead of its own were synced.
            self.lock()?.checkpoint(now)?;
        }
        tick.sealed = self.lock()?.seal(now, true)?;
        if tick.sealed {
            self.sync()?;
        }
        Ok(tick)
    }

    /// Seals the open segment now, if there is something in it, so that it can be sent away.
    pub fn seal(&self, now: impl Into<Timestamp>) -> Result<bool, AppendError> {
        let sealed = {
            let mut state = self.lock()?;
            state.check_running()?;
            state.seal(now.into(), false)?
        };
        self.sync()?;
        Ok(sealed)
    }

    /// Signs with another key from here on.
    pub fn rotate(&self, key: SigningKey, now: impl Into<Timestamp>) -> Result<(), AppendError> {
        self.lock()?.rotate(key, now.into())?;
        self.sync()
    }

    /// Syncs all that was written so far.
    pub fn sync(&self) -> Result<(), AppendError> {
        let written = self.lock()?.written();
        self.sync_through(written)
    }

    /// The last signed head of which all is on the disk: what is given to an anchor must not be
    /// taken back by a loss of power.
    pub fn head(&self) -> Option<Head> {
        self.lock().ok()?.durable_head.clone()
    }

    /// The sealed segments that wait for the store, in order.
    pub fn sealed(&self) -> Result<Vec<SegmentInfo>, AppendError> {
        let state = self.lock()?;
        let info = |(number, sealed): (u64, &state::Sealed)| SegmentInfo {
            number,
            path: state.spool.segment_path(number),
            bytes: sealed.bytes,
        };
        Ok(state.ready().map(info).collect())
    }

    /// The session keys that wait for the store.
    pub fn keys(&self) -> Result<Vec<KeyInfo>, AppendError> {
        let state = self.lock()?;
        let info = |session: &SessionId| KeyInfo {
            session: *session,
            path: self.folder.join(key_name(session)),
        };
        Ok(state.keys.keys().map(info).collect())
    }

    /// Gives up a segment that the store has confirmed.
    pub fn confirm(&self, number: u64) -> Result<(), ConfirmError> {
        let mut state = self.lock_to_confirm()?;
        if !state.ready().any(|(ready, _)| ready == number) {
            return Err(ConfirmError::NotWaiting(number));
        }
        remove(&state.disk, &state.spool.segment_path(number))?;
        state.forget_segment(number);
        Ok(())
    }

    /// Gives up a session key that the store has confirmed.
    pub fn confirm_key(&self, session: SessionId) -> Result<(), ConfirmError> {
        let mut state = self.lock_to_confirm()?;
        if !state.keys.contains_key(&session) {
            return Err(ConfirmError::NoSuchKey(session));
        }
        remove(&state.disk, &self.folder.join(key_name(&session)))?;
        state.forget_key(session);
        Ok(())
    }

    pub fn status(&self) -> Status {
        match self.lock() {
            Ok(state) => Status {
                bytes: state.used(),
                unsent: state.sealed.len(),
                open_sessions: state.ledger.open_sessions(),
                stopped: state.stopped().map(str::to_owned),
            },
            Err(error) => Status {
                bytes: 0,
                unsent: 0,
                open_sessions: 0,
                stopped: Some(error.to_string()),
            },
        }
    }

    /// How far the record has come here and in the store.
    pub fn progress(&self) -> Result<Progress, AppendError> {
        Ok(self.lock()?.progress())
    }

    /// Keeps `waits_since` and `written` as the state is now.
    fn note_waiting(&self, state: &State, now: Timestamp) {
        self.written.store(state.written(), Ordering::Release);
        if state.is_written() {
            self.waits_since.store(0, Ordering::Relaxed);
        } else if self.waits_since.load(Ordering::Relaxed) == 0 {
            self.waits_since.store(now.0.max(1), Ordering::Relaxed);
        }
    }

    fn lock(&self) -> Result<MutexGuard<'_, State>, AppendError> {
        // A thread that died with the lock left something halfway.
        self.state
            .lock()
            .map_err(|_| AppendError::Stopped("a thread of it died".to_owned()))
    }

    fn lock_to_confirm(&self) -> Result<MutexGuard<'_, State>, ConfirmError> {
        self.lock()
            .map_err(|error| ConfirmError::Stopped(error.to_string()))
    }

    /// Returns once the frame of this sequence number is on the disk. The first who comes syncs
    /// for all who wait; who comes meanwhile is served by the next sync.
    fn sync_through(&self, sequence: u64) -> Result<(), AppendError> {
        let mut group = self.group.lock().map_err(|_| died())?;
        while group.through < sequence {
            if group.syncing {
                group = self.synced.wait(group).map_err(|_| died())?;
                continue;
            }
            group.syncing = true;
            drop(group);
            let result = self.run_sync();
            group = self.group.lock().map_err(|_| died())?;
            group.syncing = false;
            self.synced.notify_all();
            group.through = group.through.max(result?);
        }
        Ok(())
    }

    /// Syncs all that is written, and says through which frame.
    fn run_sync(&self) -> Result<u64, AppendError> {
        let (job, written): (Option<SyncJob>, u64) = {
            let state = self.lock()?;
            state.check_running()?;
            (state.sync_job(), state.written())
        };
        let Some(job) = job else { return Ok(written) };
        let through = job.through;
        let result = job.run();
        let mut state = self.lock()?;
        match result {
            Ok(()) => state.sync_done(job),
            Err(error) => {
                // What the kernel could not write it may have dropped: a second sync that
                // succeeds would prove nothing.
                state.stop("a sync failed", &error);
                return Err(AppendError::Disk(error));
            }
        }
        Ok(through)
    }
}

/// A thread that died with a lock left something halfway.
fn died() -> AppendError {
    AppendError::Stopped("a thread of it died".to_owned())
}

/// Removes a file, or finds it gone already.
fn remove(disk: &Arc<dyn Disk>, path: &std::path::Path) -> io::Result<()> {
    match disk.remove(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
