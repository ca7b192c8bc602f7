//! Long texts are analysed on threads of their own: they take milliseconds, and a deep stack.

use std::sync::Arc;
use std::time::Duration;

use portcullis_dialect::postgres::copy::{CopyOut, copies_out};
use portcullis_dialect::sql::catalogue::Catalogue;
use portcullis_dialect::sql::lineage::{Cursors, Lineage, lineage};
use portcullis_dialect::sql::parser::STACK_SIZE;
use portcullis_dialect::sql::prepared::Prepared;
use portcullis_dialect::sql::settings::Settings;
use portcullis_dialect::sql::{self, Analysis, Refused};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::NotAnalysed;

/// Longest text that is analysed where the session runs.
pub const INLINE_BYTES: usize = 2 * 1024;

/// An analysis, waiting for its turn included, ends within this or the text is refused.
pub const ANALYSIS_DEADLINE: Duration = Duration::from_secs(10);

/// Threads that analyse at once for one Connection.
const THREADS: usize = 4;

/// What an analysis rests on.
#[derive(Debug, Clone)]
pub(super) struct Basis {
    pub(super) settings: Arc<Settings>,
    pub(super) prepared: Arc<Prepared>,
    pub(super) catalogue: Arc<Catalogue>,
}

/// Bounds how many long texts are analysed at once.
#[derive(Debug)]
pub(super) struct Workers {
    turns: Arc<Semaphore>,
}

// === impl Basis ===

impl Basis {
    pub(super) fn analyse(&self, text: &str, types: &[u32]) -> Result<Analysis, Refused> {
        let (settings, catalogue) = (&self.settings, &self.catalogue);
        sql::analyse_typed(text, settings, catalogue, &self.prepared, types)
    }

    /// Where the columns go that a text reads, and how it writes what it copies out.
    pub(super) fn trace(
        &self,
        text: &str,
        cursors: &Cursors,
    ) -> Result<(Lineage, Vec<CopyOut>), Refused> {
        let (settings, prepared) = (&self.settings, &self.prepared);
        let lineage = lineage(text, settings, &self.catalogue, prepared, cursors)?;
        Ok((lineage, copies_out(text, settings)?))
    }
}

// === impl Workers ===

impl Workers {
    pub(super) fn new() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(THREADS)),
        }
    }

    /// Runs what reads a long text.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, NotAnalysed> {
        timeout(ANALYSIS_DEADLINE, async {
            let turn = Arc::clone(&self.turns)
                .acquire_owned()
                .await
                .map_err(|_| NotAnalysed::Failed)?;
            let (done, result) = oneshot::channel();
            std::thread::Builder::new()
                .name("analysis".to_owned())
                .stack_size(STACK_SIZE)
                .spawn(move || {
                    // An analysis that nobody waits for any more still takes its turn: the parser
                    // cannot be interrupted, and the number of threads stays bounded.
                    let _turn = turn;
                    let _ = done.send(read());
                })
                .map_err(|_| NotAnalysed::Failed)?;
            Ok(result.await.map_err(|_| NotAnalysed::Failed)??)
        })
        .await
        .map_err(|_| NotAnalysed::TooSlow(ANALYSIS_DEADLINE))?
    }
}
