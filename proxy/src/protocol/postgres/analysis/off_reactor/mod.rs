//! Texts that are not short are analysed on threads of their own: they take milliseconds, and a deep
//! stack.
//!
//! So many at once, for all Connections of the process, and of long ones fewer: they wait for each
//! other, and never keep all threads from the rest. Long ones go to threads that are kept: what an
//! allocator does not give back is for each thread, and a tree of a long text is large.

use std::io;
use std::sync::mpsc::{SendError, SyncSender, sync_channel};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_dialect::postgres::copy::{CopyOut, copies_out_on};
use portcullis_dialect::sql::catalogue::Catalogue;
use portcullis_dialect::sql::depth::{DEEP_STACK, Stack};
use portcullis_dialect::sql::lineage::{Cursors, Lineage, lineage_on};
use portcullis_dialect::sql::prepared::Prepared;
use portcullis_dialect::sql::settings::Settings;
use portcullis_dialect::sql::{self, Analysis, Refused};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use super::NotAnalysed;

/// Longest text that is analysed where the session runs.
pub const INLINE_BYTES: usize = 2 * 1024;

/// An analysis, waiting for its turn included, ends within this or the text is refused.
pub const ANALYSIS_DEADLINE: Duration = Duration::from_secs(30);

/// A text of more bytes than this is long.
pub const LONG_BYTES: usize = 16 * 1024;

/// Threads that analyse at once at most, long texts among them.
pub const MAX_ANALYSES: usize = 4;

/// Of long texts so many at once at most, and no more than half the processors.
pub const MAX_LONG_ANALYSES: usize = MAX_ANALYSES - 1;

/// What an analysis rests on.
#[derive(Debug, Clone)]
pub(super) struct Basis {
    pub(super) settings: Arc<Settings>,
    pub(super) prepared: Arc<Prepared>,
    pub(super) catalogue: Arc<Catalogue>,
}

/// Bounds how many texts are analysed at once. Who waits gets the next turn in the order of asking.
#[derive(Debug, Clone)]
pub(super) struct Workers {
    turns: Arc<Semaphore>,
    /// A long text takes one of these first, and then a turn.
    long: Arc<Semaphore>,
    kept: Arc<Kept>,
}

/// Threads for long texts that have nothing to do; never more than there are turns for these.
#[derive(Debug, Default)]
struct Kept(Mutex<Vec<SyncSender<Job>>>);

/// Ends with its turn, so that the thread is there again before the next one comes.
type Job = Box<dyn FnOnce() -> Turn + Send>;

// === impl Basis ===

impl Basis {
    pub(super) fn analyse(
        &self,
        stack: Stack,
        text: &str,
        types: &[u32],
    ) -> Result<Analysis, Refused> {
        let (settings, catalogue) = (&self.settings, &self.catalogue);
        sql::analyse_on(stack, text, settings, catalogue, &self.prepared, types)
    }

    /// Where the columns go that a text reads, and how it writes what it copies out.
    pub(super) fn trace(
        &self,
        stack: Stack,
        text: &str,
        cursors: &Cursors,
    ) -> Result<(Lineage, Vec<CopyOut>), Refused> {
        let (settings, prepared) = (&self.settings, &self.prepared);
        let lineage = lineage_on(stack, text, settings, &self.catalogue, prepared, cursors)?;
        Ok((lineage, copies_out_on(stack, text, settings)?))
    }
}

// === impl Workers ===

impl Workers {
    /// Those of the process: what they use, processors and memory, is there once.
    pub(super) fn of_the_process() -> Self {
        static ALL: LazyLock<Workers> = LazyLock::new(|| {
            let processors = std::thread::available_parallelism().map_or(1, usize::from);
            Workers::new((processors / 2).clamp(1, MAX_LONG_ANALYSES))
        });
        ALL.clone()
    }

    fn new(long: usize) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(MAX_ANALYSES)),
            long: Arc::new(Semaphore::new(long)),
            kept: Arc::default(),
        }
    }

    /// Runs what reads a text of this length, on such a stack.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        length: usize,
        read: impl FnOnce(Stack) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, NotAnalysed> {
        timeout(ANALYSIS_DEADLINE, async {
            let turn = self.turn(length).await?;
            let is_long = turn.long.is_some();
            let (done, result) = oneshot::channel();
            // An analysis that nobody waits for any more still takes its turn: the parser cannot be
            // interrupted, and the number of threads stays bounded.
            let job = move || {
                let _ = done.send(read(Stack::Deep));
                turn
            };
            match is_long {
                true => self.kept.run(Box::new(job)),
                false => thread(move || drop(job())),
            }
            .map_err(|_| NotAnalysed::Failed)?;
            Ok(result.await.map_err(|_| NotAnalysed::Failed)??)
        })
        .await
        .map_err(|_| NotAnalysed::TooSlow(ANALYSIS_DEADLINE))?
    }

    async fn turn(&self, length: usize) -> Result<Turn, NotAnalysed> {
        let of = |permits: &Arc<Semaphore>| Arc::clone(permits).acquire_owned();
        let long = match length > LONG_BYTES {
            true => Some(of(&self.long).await.map_err(|_| NotAnalysed::Failed)?),
            false => None,
        };
        let turn = of(&self.turns).await.map_err(|_| NotAnalysed::Failed)?;
        Ok(Turn { long, _turn: turn })
    }
}

// === impl Kept ===

impl Kept {
    fn run(self: &Arc<Self>, job: Job) -> io::Result<()> {
        let Some(idle) = self.lock().pop() else {
            return self.start(job);
        };
        match idle.send(job) {
            Ok(()) => Ok(()),
            // That one is gone: it panicked.
            Err(SendError(job)) => self.start(job),
        }
    }

    fn start(self: &Arc<Self>, first: Job) -> io::Result<()> {
        let (own, jobs) = sync_channel::<Job>(1);
        let kept = Arc::downgrade(self);
        thread(move || {
            let mut job = first;
            loop {
                let turn = job();
                let Some(kept) = kept.upgrade() else { return };
                kept.lock().push(own.clone());
                drop((kept, turn));
                let Ok(next) = jobs.recv() else { return };
                job = next;
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<SyncSender<Job>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn thread(run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let named = std::thread::Builder::new().name("analysis".to_owned());
    named.stack_size(DEEP_STACK).spawn(run).map(drop)
}

/// The right to analyse, until it is dropped.
#[derive(Debug)]
struct Turn {
    long: Option<OwnedSemaphorePermit>,
    _turn: OwnedSemaphorePermit,
}

#[cfg(test)]
mod tests;
