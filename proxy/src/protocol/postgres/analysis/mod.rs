//! What a client's texts mean, at what cost: analyses are kept, catalogues are kept fresh.
//!
//! One [`Analyser`] serves all sessions of a Connection. It keeps
//!
//! - a catalogue for each database and login role, read over a connection of its own
//!   ([`catalogues`]), and
//! - analyses by everything that they rest on ([`cache`]).
//!
//! Each session has a [`SessionView`]: its settings, its prepared statements, and the catalogue as
//! *it* sees it. What a session did that nobody else can see yet (DDL in an open transaction,
//! temporary tables) is read in that session itself. Where something cannot be read, the analysis
//! rests on nothing and tells Unknown.

mod cache;
mod catalogues;
mod off_reactor;
mod planned;
mod read;
mod untracked;
mod view;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis_dialect::sql::catalogue::{Catalogue, FIRST_USER_OID};
use portcullis_dialect::sql::depth::Stack;
use portcullis_dialect::sql::encoding::Encoding;
use portcullis_dialect::sql::names::Name;
use portcullis_dialect::sql::parser::readable;
use portcullis_dialect::sql::prepared::PreparedChange;
use portcullis_dialect::sql::settings::{Change, Settings};
use portcullis_dialect::sql::{Declared, Lacks, Reading, Refused, StatementFacts};
use portcullis_policy::Operation;
use thiserror::Error;

pub(super) use cache::may_execute;
pub use cache::{CACHE_BYTES, MAX_SHAPED_DIGITS};
pub use catalogues::{
    MAX_AGE, MAX_CATALOGUES, REFRESH_EVERY, RENEW_EVERY, Reach, Reviewing, WAIT_FOR_CATALOGUE,
};
pub use off_reactor::{
    ANALYSIS_DEADLINE, INLINE_BYTES, LONG_BYTES, MAX_ANALYSES, MAX_LONG_ANALYSES,
};
pub use read::{CATALOGUE_BOUNDS, ReadFailed, SESSION_BOUNDS, finds_all};
pub use view::{Outcome, Refreshed, SessionView};

use crate::protocol::postgres::upstream::Connector;
use crate::session::gate::Told;
use cache::Cache;
use catalogues::Catalogues;
use off_reactor::Workers;
use planned::Planned;

/// Tells what texts do, for all sessions of one Connection.
#[derive(Debug)]
pub struct Analyser {
    cache: Cache,
    catalogues: Arc<Catalogues>,
    workers: Workers,
}

/// What a text does, with the text as it was sent.
#[derive(Debug, Clone)]
pub struct Analysed {
    pub told: Arc<Told>,
    /// Each statement of the text, in its order.
    pub statements: Vec<StatementFacts>,
    pub facts: Arc<Facts>,
}

/// What an analysis tells beside the operation: the same for all texts of one shape.
#[derive(Debug)]
pub struct Facts {
    pub settings: Settings,
    pub changes: Vec<Change>,
    pub prepared: Vec<PreparedChange>,
    pub declared: Vec<Declared>,
    pub touches: BTreeSet<u32>,
    pub touches_are_known: bool,
    pub voids_catalogue: bool,
    pub voids_settings: bool,
    /// It rests on constants of the text, so it holds for this text alone.
    pub constants_looked_at: bool,
    /// The server runs a part of it where it only reads the text.
    pub runs_when_read: bool,
    /// Functions that nobody reviewed, with the hashes of their definitions.
    pub unreviewed: Vec<(Name, String)>,
    /// What could not be told for the locks of another session.
    pub unread: Vec<Name>,
    /// What it names and the catalogue does not have.
    pub lacks: Lacks,
    /// What the server may read of it to say so.
    pub reading: Option<Reading>,
    /// What it does beside that, where nothing else keeps it from being told.
    beside: Option<Arc<Operation>>,
    /// The catalogue that it rests on, and its number.
    pub catalogue: Arc<Catalogue>,
    pub revision: u64,
    /// What becomes of the answer under the masks that were asked about last.
    planned: Planned,
}

/// Why there is no analysis. Nothing of the text may be sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotAnalysed {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("the text could not be analysed within {0:?}")]
    TooSlow(std::time::Duration),
    #[error("the text could not be analysed")]
    Failed,
}

// === impl Analyser ===

impl Analyser {
    pub fn new(reach: Reach, connector: Arc<Connector>) -> Self {
        Self {
            cache: Cache::new(CACHE_BYTES),
            catalogues: Arc::new(Catalogues::new(reach, connector)),
            workers: Workers::of_the_process(),
        }
    }

    /// By what is said of functions at each moment; without it nothing is.
    #[must_use]
    pub fn reviewing(self, reviews: Reviewing) -> Self {
        Self {
            catalogues: Arc::new(self.catalogues.reviewing(reviews)),
            ..self
        }
    }

    /// Has the catalogues of a database read again: an object number was seen that none knows, or
    /// someone changed it.
    pub fn invalidate(&self, database: &str) {
        self.catalogues.invalidate(database);
    }

    /// The text that these bytes are in this session. It is told once: whatever is kept of a text
    /// is this, and stays so should the session's encoding change.
    pub async fn read<'t>(
        &self,
        view: &SessionView,
        text: &'t [u8],
    ) -> Result<Cow<'t, str>, NotAnalysed> {
        let settings = view.settings();
        if text.len() <= INLINE_BYTES || Encoding::of(settings) == Some(Encoding::Utf8) {
            return Ok(readable(text, settings)?);
        }
        let text_length = text.len();
        let (settings, text) = (settings.clone(), text.to_vec());
        let read = move |_| readable(&text, &settings).map(Cow::into_owned);
        let workers = &self.workers;
        workers.run(text_length, read).await.map(Cow::Owned)
    }

    /// What a text does by what the session knows of itself.
    pub async fn analyse(
        &self,
        view: &SessionView,
        text: &str,
    ) -> Result<Arc<Analysed>, NotAnalysed> {
        self.analyse_typed(view, text, &[]).await
    }

    /// The same of a text with parameters of these types.
    pub async fn analyse_typed(
        &self,
        view: &SessionView,
        text: &str,
        types: &[u32],
    ) -> Result<Arc<Analysed>, NotAnalysed> {
        let context = view.context();
        // The server's own types run nothing.
        let types: Vec<u32> = types
            .iter()
            .copied()
            .filter(|oid| *oid >= FIRST_USER_OID)
            .collect();
        let key = match types.is_empty() {
            true => cache::Key::of(context, text),
            false => None,
        };
        if let Some(kept) = key.as_ref().and_then(|key| self.cache.get(key, text)) {
            return Ok(kept);
        }
        let analysis = match text.len() > INLINE_BYTES {
            false => view.basis().analyse(Stack::Made, text, &types)?,
            true => {
                let (basis, text) = (view.basis(), text.to_owned());
                self.workers
                    .run(text.len(), move |stack| basis.analyse(stack, &text, &types))
                    .await?
            }
        };
        let (catalogue, revision) = view.catalogue();
        let analysed = Arc::new(Analysed::new(analysis, Arc::clone(catalogue), revision));
        if let Some(key) = key {
            self.cache.put(key, text, &analysed);
        }
        Ok(analysed)
    }
}
