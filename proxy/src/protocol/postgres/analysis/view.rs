//! What one session knows of itself: its settings, its prepared statements, its catalogue.
//!
//! The relay asks [`SessionView::needs_refresh`] before it has a text analysed, lets
//! [`SessionView::refresh`] read again what is void, and tells each end of an operation to
//! [`SessionView::after`]. What could not be read stays void, and what rests on it is Unknown.

use std::sync::Arc;
use std::time::Duration;

use portcullis_dialect::postgres::wire::backend::Transaction;
use portcullis_dialect::sql::catalogue::Catalogue;
use portcullis_dialect::sql::names;
use portcullis_dialect::sql::prepared::Prepared;
use portcullis_dialect::sql::settings::{Change, Setting, Settings, Tracked};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::cache::{self, Context};
use super::catalogues::{Kept, OpenSession, Place, Shared, pause_after};
use super::off_reactor::Basis;
use super::read::{self, Also, ReadFailed, ReadSettings};
use super::untracked::Untracked;
use super::{Analysed, Analyser, MAX_AGE};
use crate::protocol::postgres::upstream::{AskFailed, Link};
use crate::session::ports::Upstream;

/// What one session knows of itself.
#[derive(Debug)]
pub struct SessionView {
    analyser: Arc<Analyser>,
    place: String,
    kept: Option<Arc<Kept>>,
    _open: Option<Arc<OpenSession>>,
    server_version: u32,
    settings: Arc<Settings>,
    prepared: Arc<Prepared>,
    prepared_void: bool,
    /// This session changed the catalogue in a transaction that is still open.
    uncommitted: bool,
    seen: Seen,
    catalogue: Arc<Catalogue>,
    revision: u64,
    /// Of the rows of the catalogue.
    digest: [u8; 32],
    context: Context,
    untracked: Untracked,
}

/// Which catalogue is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// None: what rests on it is Unknown.
    Void,
    Shared,
    /// Read in this session, when this many changes were known of.
    Private {
        wanted: u64,
        at: Instant,
        took: Duration,
        /// What was said of functions then.
        reviews: [u8; 32],
    },
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    /// It failed, or was cut: nobody knows how far it came.
    Failed,
}

/// What came of reading again.
#[derive(Debug, Default)]
pub struct Refreshed {
    /// Whole messages that came for the client meanwhile.
    pub aside: Vec<u8>,
    /// Why something is still void, for the logs.
    pub still_void: Option<ReadFailed>,
}

// === impl SessionView ===

impl SessionView {
    /// The view of a session that has just begun. Nothing is known until it is refreshed.
    pub fn new(
        analyser: &Arc<Analyser>,
        upstream: &Upstream,
        login_role: &str,
        database: &str,
        server_version: u32,
    ) -> Self {
        let place = Place {
            host: upstream.host.clone(),
            port: upstream.port,
            database: database.to_owned(),
            role: login_role.to_owned(),
        };
        let name = format!("{}:{}", place.host, place.port);
        let kept = analyser.catalogues.of(place);
        let mut settings = Settings::new(database, login_role);
        settings.void_all();
        settings.server_encoding = Tracked::Void;
        let mut view = Self {
            analyser: Arc::clone(analyser),
            place: name,
            _open: kept.as_ref().map(Kept::open_session),
            kept,
            server_version,
            settings: Arc::new(settings),
            prepared: Arc::default(),
            prepared_void: false,
            uncommitted: false,
            seen: Seen::Void,
            catalogue: Arc::default(),
            revision: 0,
            digest: [0; 32],
            context: [0; 32],
            untracked: Untracked::default(),
        };
        view.changed();
        view
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What was set in this session beside the settings that are tracked.
    pub fn untracked(&self) -> impl Iterator<Item = String> {
        self.untracked.facts()
    }

    pub fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    /// The catalogue as this session sees it, with its number; 0 while there is none.
    pub fn catalogue(&self) -> (&Arc<Catalogue>, u64) {
        (&self.catalogue, self.revision)
    }

    /// Tells catalogues of different content apart; the same for the same content, whenever and
    /// by whomever it was read.
    pub fn catalogue_digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Whether something is void that could be read now. Cheap: for each operation.
    pub fn needs_refresh(&self, transaction: Transaction) -> bool {
        transaction != Transaction::Failed
            && (self.settings_void() || self.prepared_void || !self.catalogue_is_current())
    }

    /// Reads again what is void. The stream must be between two operations, everything answered.
    /// An error means that the session cannot go on.
    pub async fn refresh<S>(
        &mut self,
        link: &mut Link<'_, S>,
        transaction: Transaction,
    ) -> Result<Refreshed, AskFailed>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut refreshed = Refreshed::default();
        if transaction == Transaction::Failed {
            refreshed.still_void = Some(ReadFailed::FailedTransaction);
            return Ok(refreshed);
        }
        if self.settings_void() || self.prepared_void {
            self.read_settings(link, transaction, &mut refreshed)
                .await?;
        }
        if !self.catalogue_is_current() {
            self.renew_catalogue(link, transaction, &mut refreshed)
                .await?;
        }
        self.changed();
        Ok(refreshed)
    }

    /// A text names what the catalogue lacks: it is read again, unless that was done just now. None
    /// where nothing more is known than before.
    pub async fn renew<S>(
        &mut self,
        link: &mut Link<'_, S>,
        transaction: Transaction,
        at_once: bool,
    ) -> Result<Option<Refreshed>, AskFailed>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let renewed = match (self.seen, &self.kept) {
            (Seen::Shared, Some(kept)) => kept.renew(at_once).await,
            (Seen::Private { at, took, .. }, _) => {
                at_once || at.elapsed() >= pause_after(took) + took
            }
            _ => false,
        };
        if !renewed {
            return Ok(None);
        }
        if self.seen != Seen::Shared {
            self.seen = Seen::Void;
        }
        self.refresh(link, transaction).await.map(Some)
    }

    /// Takes over what an operation did. `now` is where the session stands after it.
    pub fn after(&mut self, analysed: &Analysed, outcome: Outcome, now: Transaction) {
        let facts = &analysed.facts;
        let rolled_back = |verb: &str| verb.starts_with("ROLLBACK");
        let ended = |verb: &str| matches!(verb, "COMMIT" | "PREPARE TRANSACTION");
        let undone =
            outcome == Outcome::Failed || analysed.statements.iter().any(|s| rolled_back(s.verb));
        let committed = analysed.statements.iter().any(|s| ended(s.verb));
        // Rolling back alone changes nothing that was not this session's own.
        let only_rolled_back = analysed.statements.iter().all(|s| rolled_back(s.verb));
        let mut changed = undone || committed || now == Transaction::Idle;

        if !facts.changes.is_empty() || facts.voids_settings {
            changed = true;
            self.take_settings(facts.voids_settings, &facts.changes, outcome);
        }
        // The first temporary object of a session comes with a schema of its own.
        let first = facts.voids_catalogue && self.settings.temporary_schema == Tracked::Known(None);
        if first || facts.settings.temporary_schema != self.settings.temporary_schema {
            self.settings_mut().temporary_schema = Tracked::Void;
            changed = true;
        }
        self.take_prepared(analysed, outcome);
        if undone || committed || now == Transaction::Idle {
            let kept_all = outcome == Outcome::Succeeded && !undone;
            self.settings_mut().transaction_ended(kept_all);
        }
        if facts.voids_catalogue && (!only_rolled_back || self.uncommitted) {
            self.seen = Seen::Void;
            self.uncommitted |= !only_rolled_back;
            changed = true;
        }
        if self.uncommitted && (committed || now == Transaction::Idle) {
            // Whether it was committed or not is not worth being wrong about.
            self.uncommitted = now != Transaction::Idle && self.uncommitted;
            self.seen = Seen::Void;
            self.analyser.invalidate(&self.settings.database);
            changed = true;
        }
        if changed {
            self.changed();
        }
    }

    /// What an operation set beside the settings that are tracked.
    pub fn set_by(&mut self, analysed: &Analysed) {
        self.untracked
            .take(&analysed.told, analysed.facts.voids_settings);
    }

    /// An object number was met that this catalogue does not know.
    pub fn unknown_object(&mut self) {
        self.analyser.invalidate(&self.settings.database);
        self.seen = Seen::Void;
    }

    /// Takes over a statement that the protocol's Parse or Close made or removed.
    pub fn prepared_mut(&mut self) -> &mut Prepared {
        Arc::make_mut(&mut self.prepared)
    }

    /// All that an analysis rests on beside its text, as a digest.
    pub fn context(&self) -> &[u8; 32] {
        &self.context
    }

    pub(super) fn basis(&self) -> Basis {
        Basis {
            settings: Arc::clone(&self.settings),
            prepared: Arc::clone(&self.prepared),
            catalogue: Arc::clone(&self.catalogue),
        }
    }

    fn take_settings(&mut self, void: bool, changes: &[Change], outcome: Outcome) {
        let settings = self.settings_mut();
        match (void, outcome) {
            (false, Outcome::Succeeded) => changes.iter().for_each(|change| settings.apply(change)),
            _ => settings.void_all(),
        }
        if void {
            self.void_prepared();
        }
    }

    fn take_prepared(&mut self, analysed: &Analysed, outcome: Outcome) {
        if analysed.facts.prepared.is_empty() {
            return;
        }
        // PREPARE outlives a rollback, so a failure leaves it open which of them were made.
        if outcome == Outcome::Failed {
            self.void_prepared();
            return;
        }
        for change in &analysed.facts.prepared {
            self.prepared_mut().apply(change.clone());
        }
    }

    /// Until they are read again none is known, so running one is Unknown.
    fn void_prepared(&mut self) {
        self.prepared = Arc::default();
        self.prepared_void = true;
    }

    fn settings_mut(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }

    fn settings_void(&self) -> bool {
        let s = &self.settings;
        s.session_authorization == Tracked::Void
            || s.role == Tracked::Void
            || s.search_path == Tracked::Void
            || s.temporary_schema == Tracked::Void
            || s.standard_conforming_strings == Tracked::Void
            || s.client_encoding == Tracked::Void
            || s.row_security == Tracked::Void
    }

    /// Only this session sees what it has not committed, and its temporary objects.
    fn must_be_private(&self) -> bool {
        self.uncommitted || self.settings.temporary_schema != Tracked::Known(None)
    }

    fn catalogue_is_current(&self) -> bool {
        let Some(kept) = &self.kept else {
            return self.seen != Seen::Void;
        };
        match self.seen {
            Seen::Void => false,
            Seen::Shared => !self.must_be_private() && kept.is_current_revision(self.revision),
            Seen::Private { reviews, .. }
                if reviews != self.analyser.catalogues.reviews().digest =>
            {
                false
            }
            Seen::Private { wanted, at, .. } => {
                // Within a transaction that changed the catalogue, nothing newer can be had.
                self.uncommitted || (wanted == kept.wanted() && at.elapsed() <= MAX_AGE)
            }
        }
    }

    async fn renew_catalogue<S>(
        &mut self,
        link: &mut Link<'_, S>,
        transaction: Transaction,
        refreshed: &mut Refreshed,
    ) -> Result<(), AskFailed>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.seen = Seen::Void;
        self.catalogue = Arc::default();
        self.revision = 0;
        self.digest = [0; 32];
        if !self.must_be_private()
            && let Some(kept) = &self.kept
        {
            let shared = match kept.current() {
                Some(shared) => Some(shared),
                None => kept.wait().await,
            };
            if let Some(Shared {
                catalogue,
                revision,
                digest,
            }) = shared
            {
                self.catalogue = catalogue;
                self.revision = revision;
                self.digest = digest;
                self.seen = Seen::Shared;
                return Ok(());
            }
        }
        self.read_catalogue(link, transaction, refreshed).await
    }

    async fn read_catalogue<S>(
        &mut self,
        link: &mut Link<'_, S>,
        transaction: Transaction,
        refreshed: &mut Refreshed,
    ) -> Result<(), AskFailed>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (wanted, at) = (
            self.kept.as_ref().map_or(0, |kept| kept.wanted()),
            Instant::now(),
        );
        let reviews = self.analyser.catalogues.reviews();
        let (read, aside) = read::catalogue(link, transaction, self.server_version).await?;
        refreshed.aside.extend_from_slice(&aside);
        match read {
            Ok(read) => {
                let read = read.reviewed(&reviews);
                self.digest = read.digest;
                self.catalogue = Arc::new(read.catalogue);
                self.revision = self.analyser.catalogues.next_revision();
                self.seen = Seen::Private {
                    wanted,
                    at,
                    took: at.elapsed(),
                    reviews: reviews.digest,
                };
            }
            Err(failed) => refreshed.still_void = Some(failed),
        }
        Ok(())
    }

    async fn read_settings<S>(
        &mut self,
        link: &mut Link<'_, S>,
        transaction: Transaction,
        refreshed: &mut Refreshed,
    ) -> Result<(), AskFailed>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let also = Also {
            temporary_schema: self.settings.temporary_schema == Tracked::Void,
            prepared: self.prepared_void,
        };
        let (read, aside) = read::settings(link, transaction, also).await?;
        refreshed.aside.extend_from_slice(&aside);
        match read {
            Ok(read) => {
                if let Some(prepared) = read.prepared.clone() {
                    self.prepared = Arc::new(prepared);
                    self.prepared_void = false;
                }
                let open = transaction == Transaction::Open;
                self.settings = Arc::new(settled(&self.settings, read, open));
            }
            Err(failed) => refreshed.still_void = Some(failed),
        }
        Ok(())
    }

    fn changed(&mut self) {
        self.context = cache::context(&self.settings, &self.place, self.revision);
    }
}

/// The settings as they were read. What is read in an open transaction may end with it, so it
/// counts as changed for it alone and is read again after.
fn settled(before: &Settings, read: ReadSettings, open: bool) -> Settings {
    let mut settings = match open {
        true => before.clone(),
        false => Settings::new(before.database.clone(), before.login_role.clone()),
    };
    let temporary = match read.temporary_schema {
        Some(schema) => Tracked::Known(schema),
        None => before.temporary_schema.clone(),
    };
    let role = match read.role.as_str() {
        "none" => read.session_authorization.clone(),
        role => role.to_owned(),
    };
    if open {
        for (setting, text) in [
            (Setting::SessionAuthorization, &read.session_authorization),
            (Setting::Role, &role),
            (Setting::SearchPath, &read.search_path),
            (
                Setting::StandardConformingStrings,
                &read.standard_conforming_strings,
            ),
            (Setting::ClientEncoding, &read.client_encoding),
            (Setting::RowSecurity, &read.row_security),
        ] {
            settings.apply(&Change::from_text(setting, text, true));
        }
    } else {
        settings.session_authorization = Tracked::Known(read.session_authorization);
        settings.role = Tracked::Known(role);
        settings.search_path = names::parse_list(&read.search_path).into();
        settings.standard_conforming_strings =
            Tracked::Known(read.standard_conforming_strings == "on");
        settings.client_encoding = Tracked::Known(read.client_encoding);
        settings.row_security = Tracked::Known(read.row_security == "on");
    }
    settings.server_encoding = Tracked::Known(read.server_encoding);
    settings.temporary_schema = temporary;
    settings
}
