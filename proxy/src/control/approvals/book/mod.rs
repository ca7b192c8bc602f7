//! All requests and what may become of them. Time is an argument; each change is on the disk
//! before it is told.

mod change;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use portcullis_crds::approval_request::{
    ApprovalRequest, ApprovalRequestStatus, ApprovalState, DecisionKind,
};
use portcullis_crds::guardrail_policy::Grant as GrantKind;
use portcullis_policy::Wait;
use tokio::sync::watch;

use super::compare::is_for;
use super::document::new_request;
use super::file::{Folder, Kept};
use super::name::{numbered, parse, stem};
use crate::control::state::StateError;
use crate::session::ports::{ApprovalsRefused, Standing, WantedApproval};

/// The most requests that are kept; the ones that were finished first make room.
pub const MAX_REQUESTS: usize = 4_096;

/// The most characters of a decision's reason.
pub const MAX_REASON: usize = 1_024;

/// How long the reason of a denial is given before it can be asked again.
const DENIED_FOR: Duration = Duration::from_secs(10 * 60);

/// All requests.
#[derive(Debug)]
pub struct Book {
    folder: Folder,
    requests: BTreeMap<String, Entry>,
    /// Numbers of files that are not believed: they count as used up.
    burnt: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Entry {
    kept: Kept,
    told: watch::Sender<Standing>,
}

/// What somebody says of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub name: String,
    pub verb: Verb,
    /// The proven username of who decides.
    pub by: String,
    pub reason: String,
}

/// What can be said of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Approve,
    Deny,
    Revoke,
}

/// A request as it is listed.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    pub namespace: String,
    pub connection: String,
    pub name: String,
    pub state: &'static str,
    /// How many have approved, of how many that must.
    pub approvals: String,
    pub requester: String,
    /// The operation in a line.
    pub summary: String,
    pub expires_at: String,
}

/// A request with all that an approver must see.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    pub listed: Listed,
    pub request: ApprovalRequest,
    /// Until when the caller waits for it; none where nobody does.
    pub held_until: Option<String>,
}

/// Why a decision does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecideError {
    #[error("there is no request {0}")]
    NoSuchRequest(String),
    #[error("{0} asked for this, or answers for who asked, and so cannot approve it")]
    OwnRequest(String),
    #[error("{0} is no person; a person must decide")]
    NotAPerson(String),
    #[error(
        "approvers must show {0}, which a user of this machine cannot; approve it in a cluster, or \
         have the class ask for less"
    )]
    CannotShow(String),
    #[error("{0} has approved this already")]
    ApprovedAlready(String),
    #[error("it is {0} already")]
    Final(&'static str),
    #[error("a reason has at most {MAX_REASON} characters")]
    ReasonTooLong,
    #[error("it has as many decisions as it can hold; deny or revoke it")]
    TooManyDecisions,
    #[error("the decision cannot be recorded, so it does not count: {0}")]
    Unrecorded(String),
    #[error("the decision cannot be stored: {0}")]
    Unstored(String),
}

// === impl Book ===

impl Book {
    /// Reads what an earlier run left. Requests whose operation was being held are withdrawn: who
    /// waited is gone.
    pub fn open(folder: Folder, now: SystemTime) -> Result<Self, StateError> {
        let found = folder.read()?;
        let mut book = Self {
            folder,
            requests: BTreeMap::new(),
            burnt: BTreeMap::new(),
        };
        for (name, reason) in found.refused {
            tracing::warn!(request = name, reason, "a request on disk is not believed");
            if let Some((stem, number)) = parse(&name) {
                let burnt = book.burnt.entry(stem.to_owned()).or_default();
                *burnt = number.max(*burnt);
            }
        }
        for kept in found.kept {
            let mut entry = Entry::new(kept);
            if entry.state() == ApprovalState::Pending && entry.kept.is_held(now) {
                let withdrawn = entry.ended(ApprovalState::Withdrawn, now);
                entry.put(&book.folder, withdrawn)?;
            }
            book.requests.insert(entry.kept.name(), entry);
        }
        book.sweep(now);
        Ok(book)
    }

    /// Finds the request of an operation that goes on, or makes one.
    pub fn request(
        &mut self,
        wanted: &WantedApproval,
        now: SystemTime,
    ) -> Result<(String, Standing), ApprovalsRefused> {
        let stem = stem(wanted);
        let last = self.last(&stem);
        let latest = numbered(&stem, last);
        if let Some(entry) = self.requests.get_mut(&latest) {
            entry.expire(&self.folder, now);
            match entry.state() {
                ApprovalState::Pending | ApprovalState::Approved if entry.is_for(wanted) => {
                    return Ok((latest, entry.standing()));
                }
                // The policy was edited meanwhile: nobody could ever use this one.
                ApprovalState::Pending | ApprovalState::Approved => {
                    let withdrawn = entry.ended(ApprovalState::Withdrawn, now);
                    entry.put(&self.folder, withdrawn).map_err(unavailable)?;
                }
                ApprovalState::Denied if !entry.is_finished_since(DENIED_FOR, now) => {
                    return Ok((latest, entry.standing()));
                }
                _ => {}
            }
        }
        self.create(&numbered(&stem, last + 1), wanted, now)
    }

    fn create(
        &mut self,
        name: &str,
        wanted: &WantedApproval,
        now: SystemTime,
    ) -> Result<(String, Standing), ApprovalsRefused> {
        self.sweep(now);
        let max = wanted.bounds.max_pending_per_subject;
        let pending = self.requests.values().filter(|entry| {
            entry.state() == ApprovalState::Pending
                && same(
                    &entry.kept.request.spec.requester.username,
                    &wanted.requester,
                )
        });
        if pending.count() >= usize::try_from(max).unwrap_or(usize::MAX) {
            return Err(ApprovalsRefused::TooManyPending(max));
        }
        self.make_room()?;
        let request = new_request(name, wanted, now).map_err(ApprovalsRefused::Unavailable)?;
        let held_until = match wanted.terms.wait {
            Wait::Hold { hold_for } => Some(seconds(now + hold_for)),
            Wait::Reject => None,
        };
        let mut request = request;
        // A file does not keep it.
        request.metadata.creation_timestamp = None;
        let kept = Kept {
            request,
            held_until,
        };
        let shown = self.folder.check(&kept);
        shown.map_err(|reason| {
            ApprovalsRefused::Unavailable(format!("the operation cannot be shown whole: {reason}"))
        })?;
        self.folder.write(&kept).map_err(unavailable)?;
        self.requests.insert(name.to_owned(), Entry::new(kept));
        Ok((name.to_owned(), Standing::Pending))
    }

    /// Told whenever the request stands otherwise; none where there is no such request.
    pub fn watch(&self, name: &str) -> Option<watch::Receiver<Standing>> {
        self.requests.get(name).map(|entry| entry.told.subscribe())
    }

    /// Takes a decision. `record` has it on the disk, for good, before it returns.
    pub fn decide(
        &mut self,
        decision: &Decision,
        now: SystemTime,
        record: impl FnOnce(&Decision) -> Result<(), String>,
    ) -> Result<Standing, DecideError> {
        let missing = || DecideError::NoSuchRequest(decision.name.clone());
        let entry = self.requests.get_mut(&decision.name).ok_or_else(missing)?;
        entry.expire(&self.folder, now);
        entry.check(decision)?;
        let recorded = record(decision).map_err(DecideError::Unrecorded);
        if decision.verb == Verb::Approve {
            recorded.clone()?;
        }
        let decided = entry.decided(decision, now);
        let stored = self.folder.write(&decided);
        let stored = stored.map_err(|error| DecideError::Unstored(error.to_string()));
        if decision.verb == Verb::Approve {
            stored.clone()?;
        }
        // What forbids holds from now on, whatever became of the disk.
        entry.set(decided);
        recorded.and(stored).map(|()| entry.standing())
    }

    /// Takes the grant for one execution. Once this has told Approved of a one-shot request, it
    /// never does again, whatever happens to the process.
    pub fn claim(
        &mut self,
        name: &str,
        wanted: &WantedApproval,
        execution: &str,
        now: SystemTime,
    ) -> Result<Standing, ApprovalsRefused> {
        let mismatch = || ApprovalsRefused::Mismatch(name.to_owned());
        let entry = self.requests.get_mut(name).ok_or_else(mismatch)?;
        let named = parse(name).map(|(stem, _)| stem.to_owned());
        if !entry.is_for(wanted) || named != Some(stem(wanted)) {
            return Err(mismatch());
        }
        entry.expire(&self.folder, now);
        let standing = entry.standing();
        let one_shot = entry.kept.request.spec.grant.kind == GrantKind::OneShot;
        if matches!(standing, Standing::Approved { .. }) && one_shot {
            let claimed = entry.claimed(execution, now);
            entry.put(&self.folder, claimed).map_err(unavailable)?;
        }
        Ok(standing)
    }

    /// The caller gave up. A grant that others may still use stays.
    pub fn withdraw(&mut self, name: &str, now: SystemTime) -> Result<(), ApprovalsRefused> {
        let Some(entry) = self.requests.get_mut(name) else {
            return Ok(());
        };
        entry.expire(&self.folder, now);
        let one_shot = entry.kept.request.spec.grant.kind == GrantKind::OneShot;
        let unused = match entry.state() {
            ApprovalState::Pending => true,
            ApprovalState::Approved => one_shot,
            _ => false,
        };
        if unused {
            let withdrawn = entry.ended(ApprovalState::Withdrawn, now);
            entry.put(&self.folder, withdrawn).map_err(unavailable)?;
        }
        Ok(())
    }

    pub fn list(&mut self, now: SystemTime) -> Vec<Listed> {
        self.sweep(now);
        self.requests.values().map(Entry::listed).collect()
    }

    /// All of a request.
    pub fn show(&mut self, name: &str, now: SystemTime) -> Option<Shown> {
        let entry = self.requests.get_mut(name)?;
        entry.expire(&self.folder, now);
        Some(entry.shown(now))
    }

    /// Where a request belongs: its namespace and Connection.
    pub fn connection(&self, name: &str) -> Option<(String, String)> {
        let request = &self.requests.get(name)?.kept.request;
        let namespace = request.metadata.namespace.clone().unwrap_or_default();
        Some((namespace, request.spec.connection_ref.name.clone()))
    }

    /// Lets time pass.
    pub fn sweep(&mut self, now: SystemTime) {
        let mut gone = Vec::new();
        for (name, entry) in &mut self.requests {
            entry.expire(&self.folder, now);
            if entry.is_finished_since(entry.kept_for(), now) {
                gone.push(name.clone());
            }
        }
        for name in gone {
            self.forget(&name);
        }
    }

    fn forget(&mut self, name: &str) {
        match self.folder.remove(name) {
            Ok(()) => drop(self.requests.remove(name)),
            Err(error) => tracing::warn!(request = name, %error, "a request stays on the disk"),
        }
    }

    fn make_room(&mut self) -> Result<(), ApprovalsRefused> {
        if self.requests.len() < MAX_REQUESTS {
            return Ok(());
        }
        let finished = self.requests.iter().filter_map(|(name, entry)| {
            let at = entry.finished_at()?;
            Some((at, name.clone()))
        });
        match finished.min() {
            Some((_, name)) => {
                self.forget(&name);
                Ok(())
            }
            None => Err(ApprovalsRefused::Unavailable(format!(
                "{MAX_REQUESTS} requests are open"
            ))),
        }
    }

    /// The highest number of a stem; 0 where there is none.
    fn last(&self, stem: &str) -> u64 {
        let numbers = self.requests.values().filter_map(|entry| {
            let (its, number) = entry.kept.stem()?;
            (its == stem).then_some(number)
        });
        let burnt = self.burnt.get(stem).copied().unwrap_or_default();
        numbers.max().unwrap_or_default().max(burnt)
    }
}

// === impl Verb ===

impl Verb {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::Revoke => "revoke",
        }
    }

    pub const fn fact(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Deny => "denied",
            Self::Revoke => "revoked",
        }
    }
}

/// Two names of one person: an owner is written by hand.
fn same(one: &str, two: &str) -> bool {
    one.to_lowercase() == two.to_lowercase()
}

fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

fn unavailable(error: StateError) -> ApprovalsRefused {
    ApprovalsRefused::Unavailable(error.to_string())
}
