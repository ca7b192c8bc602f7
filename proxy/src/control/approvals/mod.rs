//! Requests that wait for people, in a run without a cluster. The proxy alone writes them.
//!
//! ```text
//! gate -> Requests (the port `Approvals`) -> Book: all requests, in memory      -> one file each
//! people -> control.sock -> socket -------> Book: decisions, by their uid's name
//! ```
//!
//! Memory is the truth while the process runs; a file that is edited meanwhile is written over and
//! changes nothing. Each file carries a seal (HMAC-SHA256 under `approvals.key`), so that at the
//! next start one that was edited by hand is not believed: it counts as used up. Whoever can read
//! the key could seal anything, or put an older file back: the state directory is the proxy's own.
//!
//! A grant is claimed once: the claim is on the disk before the operation runs, so a crash between
//! the two burns it. After a restart requests whose operation was being held are withdrawn, for
//! their callers are gone; all others go on.

mod book;
pub(super) mod compare;
pub(super) mod document;
mod file;
pub mod follow;
pub(super) mod name;
pub mod socket;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use portcullis_recording::event::{AdminAct, Body, Event, SessionId};
use portcullis_recording::writer::Writer;
use tokio::task::spawn_blocking;

pub use self::book::{Book, DecideError, Decision, Listed, MAX_REASON, MAX_REQUESTS, Shown, Verb};
pub use self::file::{Folder, KEY_FILE, MAX_KEY_FILE, new_key};
use crate::session::ports::{Approvals, ApprovalsRefused, Clock, Standing, WantedApproval};

/// All requests of the process.
#[derive(Debug, Clone)]
pub struct Requests {
    book: Arc<Mutex<Book>>,
    clock: Arc<dyn Clock>,
    writer: Arc<Writer>,
}

// === impl Requests ===

impl Requests {
    pub fn new(book: Book, clock: Arc<dyn Clock>, writer: Arc<Writer>) -> Self {
        Self {
            book: Arc::new(Mutex::new(book)),
            clock,
            writer,
        }
    }

    /// What somebody says of a request. An approval counts only once it is recorded and on the
    /// disk; a denial or revocation holds at once, also where neither is possible.
    pub async fn decide(&self, decision: Decision) -> Result<Standing, DecideError> {
        let writer = Arc::clone(&self.writer);
        let now = self.clock.now();
        self.blocking(move |book| {
            book.decide(&decision, now, |decision| {
                let event = Event::new(SessionId::NONE, Body::AdminAct(act(decision)));
                let written = writer.append_strict(&event, now);
                written.map(drop).map_err(|error| error.to_string())
            })
        })
        .await
        .unwrap_or(Err(DecideError::Unstored("a thread died".to_owned())))
    }

    /// The Connection that a request belongs to, by namespace and name.
    pub async fn connection(&self, name: &str) -> Option<(String, String)> {
        let name = name.to_owned();
        self.blocking(move |book| book.connection(&name))
            .await
            .flatten()
    }

    /// All requests, by name.
    pub async fn list(&self) -> Vec<Listed> {
        let now = self.clock.now();
        self.blocking(move |book| book.list(now))
            .await
            .unwrap_or_default()
    }

    /// All of a request.
    pub async fn show(&self, name: &str) -> Option<Shown> {
        let (name, now) = (name.to_owned(), self.clock.now());
        self.blocking(move |book| book.show(&name, now))
            .await
            .flatten()
    }

    /// Lets time pass: what is over expires, what is finished long ago is removed.
    pub async fn sweep(&self) {
        let now = self.clock.now();
        let _ = self.blocking(move |book| book.sweep(now)).await;
    }

    /// Files are synced where that holds up nobody. None: a thread died with the book, and what
    /// it holds may be half of something.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Book) -> T + Send + 'static,
    ) -> Option<T> {
        let book = Arc::clone(&self.book);
        let done = spawn_blocking(move || book.lock().ok().map(|mut book| work(&mut book)));
        done.await.ok().flatten()
    }
}

#[async_trait]
impl Approvals for Requests {
    async fn request(
        &self,
        wanted: &WantedApproval,
    ) -> Result<(String, Standing), ApprovalsRefused> {
        let (wanted, now) = (wanted.clone(), self.clock.now());
        let made = self.blocking(move |book| book.request(&wanted, now)).await;
        made.unwrap_or_else(unavailable)
    }

    async fn decided(&self, _namespace: &str, name: &str) -> Result<Standing, ApprovalsRefused> {
        let gone = || ApprovalsRefused::Unavailable(format!("there is no request {name}"));
        let mut standing = {
            let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
            book.watch(name).ok_or_else(gone)?
        };
        let decided = standing
            .wait_for(|standing| *standing != Standing::Pending)
            .await;
        decided.map(|standing| standing.clone()).map_err(|_| gone())
    }

    async fn claim(
        &self,
        name: &str,
        wanted: &WantedApproval,
        execution: &str,
    ) -> Result<Standing, ApprovalsRefused> {
        let (name, wanted, execution) = (name.to_owned(), wanted.clone(), execution.to_owned());
        let now = self.clock.now();
        let claimed = self.blocking(move |book| book.claim(&name, &wanted, &execution, now));
        claimed.await.unwrap_or_else(unavailable)
    }

    async fn withdraw(&self, _namespace: &str, name: &str) -> Result<(), ApprovalsRefused> {
        let (name, now) = (name.to_owned(), self.clock.now());
        let withdrawn = self.blocking(move |book| book.withdraw(&name, now)).await;
        withdrawn.unwrap_or_else(unavailable)
    }
}

fn unavailable<T>() -> Result<T, ApprovalsRefused> {
    Err(ApprovalsRefused::Unavailable("a thread died".to_owned()))
}

/// What somebody did. What came of it is told by the session that waits for it.
fn act(decision: &Decision) -> AdminAct {
    AdminAct {
        act: decision.verb.as_str().to_owned(),
        actor: decision.by.clone(),
        target: decision.name.clone(),
        reason: decision.reason.clone(),
        ..AdminAct::default()
    }
}
