//! The gate: decides, holds, records, and mints the proof of passage.
//!
//! ```text
//! judge ─ current snapshot ─ decide ─┬─ Deny  ─────────────────────────> recorded, Refused
//!                                    ├─ Allow ─ limits ─ recorded ─────> Admitted
//!                                    └─ Hold  ─ request ─┬─ Pending ───> recorded, Held or Refused
//!                                                        └─ Approved ──> decided anew, limits,
//!                                                            claimed, recorded ─> Admitted
//! ```
//!
//! Whatever goes wrong on the way is a refusal. An operation that waited is decided anew before it
//! is claimed and once more before it runs; it counts against limits when it runs.

mod held;
mod meaning;
mod missing;
mod recorded;
mod running;
mod sent;

use std::sync::Arc;

use portcullis_policy::limit::Monotonic;
use portcullis_policy::mask::{MaskSet, REDACTED, carries_placeholder};
use portcullis_policy::{ApprovalTerms, Class, Decision, Effect, Operation, Verdict};

pub use super::approval::Hold;
use super::counted::observe;
use super::denial::Denial;
use super::record::Judged;
use super::{EndReason, Session};
use crate::hex::unhex;
use crate::metrics::Decided;
pub use meaning::{Meaning, Meant};
pub use missing::Missing;
use recorded::NotRecorded;
pub use running::{Allowed, CAPPED_BYTES, Outcome, Running};

/// An operation as a protocol's classifier told it: shared by all executions of one analysis.
#[derive(Debug)]
pub struct Told {
    pub operation: Operation,
    /// Its text without the secrets in it; None where it has none.
    readable: Option<Box<str>>,
    beside: Option<Arc<Operation>>,
}

/// What is asked of the gate.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    pub told: &'a Arc<Told>,
    /// Exactly what would be forwarded: for the approval's hash.
    pub exact: &'a [u8],
    /// Bound parameters as record and approver read them: None is NULL, binary ones hex after `\x`.
    pub parameters: &'a [Option<String>],
    /// What changes the meaning beyond the operation's attributes: for the approval's hash.
    pub meaning: &'a dyn Meaning,
    /// False inside a transaction that already wrote or locked: a hold turns into a reject.
    pub may_wait: bool,
}

/// The gate's answer.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a box would be an allocation for the rare cases, of which one value lives at a time"
)]
pub enum Ruling {
    Admitted(Admitted),
    Refused(Denial),
    /// It may not run, but only for names that are not there: the target may say so itself.
    Missing(Missing),
    /// Wait for it ([`Hold::wait`]), then ask again with [`Session::judge_after`].
    Held(Hold),
}

/// The proof that an operation may pass. Only the gate makes one; forwarding uses it up.
#[derive(Debug)]
#[must_use = "an operation that was admitted and is not forwarded is recorded as cut"]
pub struct Admitted(Running);

/// Under what an operation is let through.
#[derive(Debug, Default)]
struct Grounds<'a> {
    decision: Option<&'a Decision>,
    /// Its request, the hash, and the terms under which it was approved.
    approved: Option<(&'a str, [u8; 32], ApprovalTerms)>,
    /// Claims the request once the limits have room.
    claim: Option<&'a super::ports::WantedApproval>,
}

impl Session {
    /// Decides about an operation by the current snapshot. Allowed ones are counted and recorded
    /// (in the page cache) before this returns. Refused ones are recorded too. Async only for
    /// Strict durability and for approvals.
    pub async fn judge(&mut self, asked: &Asked<'_>) -> Ruling {
        let began = self.door.house.clock.monotonic();
        let ruling = self.rule(asked).await;
        self.measure(began, &ruling);
        ruling
    }

    /// An operation's message is at hand: what is added to it counts from here.
    pub fn take_up(&mut self) {
        self.taken_up = Some(self.door.house.clock.monotonic());
    }

    /// Only whether a Deny is already certain (for Parse): nothing is counted, only a refusal is
    /// recorded. A text denied only for names that are not there is recorded too, and may be read.
    /// What `runs` where it is only read must be allowed already: it cannot be held.
    pub fn foresee(&mut self, told: &Arc<Told>, runs: bool) -> Result<(), Denial> {
        let asked = Asked {
            told,
            exact: &[],
            parameters: &[],
            meaning: &(),
            may_wait: false,
        };
        let (denial, decision) = match self.decide(&asked) {
            Err(denial) => (denial, None),
            Ok(decision) if decision.verdict == Verdict::Allow => return Ok(()),
            Ok(decision) if decision.verdict == Verdict::Deny || runs => {
                (denied(&decision), Some(decision))
            }
            Ok(_) => return Ok(()),
        };
        let denial = self.refuse(&asked, denial, decision.as_ref(), Decided::Denied);
        match decision.is_some() && self.only_names_are_missing(told) {
            true => Ok(()),
            false => Err(denial),
        }
    }

    /// Records a refusal that the protocol itself came to: the answer could not be masked.
    pub fn turn_down(&mut self, asked: &Asked<'_>, denial: Denial) -> Denial {
        self.refuse(asked, denial, None, Decided::Denied)
    }

    /// Whether an operation in flight (or a portal that is executed again) may go on by the
    /// current snapshot. Cheap when the snapshot is the one that it was judged by.
    ///
    /// Other masks cut it, also where no row has been sent yet: that its masks suffice was
    /// concluded from the statement under the masks that it was judged with.
    pub fn recheck(&mut self, running: &mut Running) -> Result<(), Denial> {
        self.still_allows(&mut running.allowed)
    }

    /// The same of an operation that has ended and left something behind: a cursor.
    pub fn still_allows(&mut self, allowed: &mut Allowed) -> Result<(), Denial> {
        let checked = self.recheck_inner(allowed);
        checked.map_err(|denial| denial.in_session(self.id))
    }

    /// The masks of this subject by the current snapshot.
    pub fn masks(&mut self) -> Result<Arc<MaskSet>, Denial> {
        let refreshed = self.refresh();
        refreshed.map_err(|denial| denial.in_session(self.id))?;
        Ok(Arc::clone(&self.current.masks))
    }

    /// True when the policies surely allow this subject nothing but reads and what concerns the
    /// session, by the snapshot that was last looked at. False proves nothing.
    pub fn may_only_read(&self) -> bool {
        self.current.may_only_read
    }

    /// What the ruling took, and all that came ahead of the forwarding.
    fn measure(&mut self, began: Monotonic, ruling: &Ruling) {
        let taken_up = self.taken_up.take().unwrap_or(began);
        let ended = match ruling {
            Ruling::Admitted(Admitted(running)) => {
                let ended = running.began();
                observe(&self.counted.added_seconds, taken_up, ended);
                ended
            }
            Ruling::Refused(_) | Ruling::Missing(_) | Ruling::Held(_) => {
                self.door.house.clock.monotonic()
            }
        };
        observe(&self.counted.decision_seconds, began, ended);
    }

    async fn rule(&mut self, asked: &Asked<'_>) -> Ruling {
        let decision = match self.decide(asked) {
            Ok(decision) => decision,
            Err(denial) => {
                return Ruling::Refused(self.refuse(asked, denial, None, Decided::Denied));
            }
        };
        match decision.verdict {
            Verdict::Deny => {
                let denial = denied(&decision);
                let denial = self.refuse(asked, denial, Some(&decision), Decided::Denied);
                self.refused_unless_missing(asked.told, denial)
            }
            Verdict::Allow => {
                let grounds = Grounds {
                    decision: Some(&decision),
                    ..Grounds::default()
                };
                self.pass(asked, grounds).await
            }
            Verdict::Hold(terms) => Box::pin(self.hold(asked, &decision, terms)).await,
        }
    }

    /// What the current snapshot says, once the session itself still stands.
    fn decide(&mut self, asked: &Asked<'_>) -> Result<Decision, Denial> {
        self.refresh()?;
        if let Some(denial) = self.entry.must_end(true).and_then(EndReason::denial) {
            return Err(denial.clone());
        }
        let now = self.door.house.clock.now();
        super::ending::not_expired(&self.proven, now)?;
        let operation = &asked.told.operation;
        let decision = self.current.view.decide(&self.facts, operation, now);
        if decision.verdict != Verdict::Deny
            && !self.current.masks.is_empty()
            && changes(operation)
            && carries_masked(asked)
        {
            return Err(Denial::new(
                Class::MaskImpossible,
                format!(
                    "this writes `{REDACTED}`, which stands for a value that you were not shown; \
                     it would be stored in the value's place"
                ),
                "leave the masked columns out of what you write",
            ));
        }
        Ok(decision)
    }

    /// Counts, claims, records, and admits.
    async fn pass(&mut self, asked: &Asked<'_>, grounds: Grounds<'_>) -> Ruling {
        if let Err(denial) = self.count(&asked.told.operation) {
            let decision = grounds.decision;
            return Ruling::Refused(self.refuse(asked, denial, decision, Decided::Limited));
        }
        let number = self.next_number();
        if let (Some(wanted), Some((name, ..))) = (grounds.claim, grounds.approved.as_ref())
            && let Err(denial) = self.claim(asked, wanted, name, number).await
        {
            let decision = grounds.decision;
            return Ruling::Refused(self.refuse(asked, denial, decision, Decided::Denied));
        }
        let approved = grounds.approved.as_ref();
        let judged = Judged {
            number,
            decision: "allow",
            hash: approved.map(|(_, hash, _)| hash.as_slice()),
            revision: "",
            parameters: asked.parameters,
            would_be: grounds.decision,
            request: approved.map(|(name, ..)| *name),
            ..Judged::default()
        };
        if let Err(NotRecorded { error, waits }) = self.record(asked, judged).await {
            if self.current.target.recording.deny_on_failure {
                tracing::warn!(%error, "an operation is refused, for it cannot be recorded");
                self.counted
                    .operation(asked.told.operation.effect, Decided::Failed)
                    .inc();
                let denial = Denial::unrecorded();
                if waits {
                    let running = Running::new(self, asked.told, number, None);
                    running.end(Outcome::Cut(denial.clone()));
                }
                return Ruling::Refused(denial.in_session(self.id));
            }
            tracing::warn!(%error, "an operation runs unrecorded");
        }
        self.counted
            .operation(asked.told.operation.effect, Decided::Allowed)
            .inc();
        let terms = approved.map(|(.., terms)| *terms);
        Ruling::Admitted(Admitted(Running::new(self, asked.told, number, terms)))
    }

    /// Counts an operation against the rates that bind its subject.
    fn count(&mut self, operation: &Operation) -> Result<(), Denial> {
        let limits = self.current.view.limits();
        let writes = changes(operation);
        if limits.rates(writes).next().is_none() {
            return Ok(());
        }
        let house = &self.door.house;
        let now = house.clock.monotonic();
        let mut counters = super::lock_counters(house);
        let admitted = counters.admit(&self.caller, limits.rates(writes), now);
        admitted
            .map(|_| ())
            .map_err(|refusal| Denial::of_limit(&refusal))
    }

    /// Records a refusal. It stands whether or not that succeeds.
    fn refuse(
        &mut self,
        asked: &Asked<'_>,
        denial: Denial,
        decision: Option<&Decision>,
        decided: Decided,
    ) -> Denial {
        let effect = asked.told.operation.effect;
        self.counted.operation(effect, decided).inc();
        let judged = Judged {
            number: self.next_number(),
            decision: if decided == Decided::Held {
                "hold"
            } else {
                "deny"
            },
            class: denial.class.as_str(),
            policy: denial.policy.as_deref(),
            rule: denial.rule.as_deref(),
            parameters: asked.parameters,
            would_be: decision,
            request: denial.approval_request.as_deref(),
            ..Judged::default()
        };
        if let Err(error) = self.append(asked, judged) {
            tracing::warn!(%error, "a refusal is not recorded");
        }
        denial.in_session(self.id)
    }

    fn recheck_inner(&mut self, allowed: &mut Allowed) -> Result<(), Denial> {
        self.refresh()?;
        if let Some(denial) = self.entry.must_end(true).and_then(EndReason::denial) {
            return Err(denial.clone());
        }
        if Arc::ptr_eq(&allowed.current, &self.current) {
            return Ok(());
        }
        if !self.current.masks.masks_like(&allowed.current.masks) {
            return Err(Denial::new(
                Class::PolicyDenied,
                "the masks of this connection changed while this was running",
                "run it again",
            ));
        }
        let operation = &allowed.told.operation;
        let now = self.door.house.clock.now();
        let decision = self.current.view.decide(&self.facts, operation, now);
        match decision.verdict {
            Verdict::Allow => {}
            Verdict::Hold(terms) if allowed.approved == Some(terms) => {}
            Verdict::Hold(_) | Verdict::Deny => return Err(denied(&decision)),
        }
        allowed.current = Arc::clone(&self.current);
        Ok(())
    }
}

// === impl Told ===

impl Told {
    pub fn new(operation: Operation) -> Self {
        Self {
            operation,
            readable: None,
            beside: None,
        }
    }

    /// What it does beside names that are not there, where the target says of those names that they
    /// are not there before it runs anything.
    #[must_use]
    pub fn beside(self, beside: Option<Arc<Operation>>) -> Self {
        Self { beside, ..self }
    }

    /// An operation whose text holds secrets: `readable` is what of it may be recorded and shown.
    pub fn with_secrets(operation: Operation, readable: String) -> Self {
        Self {
            operation,
            readable: Some(readable.into()),
            beside: None,
        }
    }

    /// The text as it may be recorded and shown, once it has been through the detectors.
    pub fn text(&self) -> &str {
        self.readable.as_deref().unwrap_or(&self.operation.text)
    }
}

// === impl Admitted ===

impl Admitted {
    /// Called where the bytes are forwarded, and nowhere else.
    pub fn forward(self) -> Running {
        self.0
    }
}

/// Why an operation does not simply pass.
fn denied(decision: &Decision) -> Denial {
    match &decision.reason {
        Some(reason) => Denial::of_reason(reason),
        None => Denial::new(
            Class::PolicyDenied,
            "the policies of this connection do not allow this",
            "ask whoever owns the connection",
        ),
    }
}

/// True when the operation changes the target, or may.
fn changes(operation: &Operation) -> bool {
    let change = |effect: Effect| !matches!(effect, Effect::Read | Effect::Session);
    let mut effects = operation.accesses.iter().map(|access| access.effect);
    change(operation.effect) || effects.any(change)
}

/// True when our own placeholder is in what would be sent, in whatever form a parameter has.
fn carries_masked(asked: &Asked<'_>) -> bool {
    let in_parameter = |value: &String| {
        carries_placeholder(value.as_bytes())
            || value
                .strip_prefix("\\x")
                .and_then(unhex)
                .is_some_and(|bytes| carries_placeholder(&bytes))
    };
    carries_placeholder(asked.told.operation.text.as_bytes())
        || asked.parameters.iter().flatten().any(in_parameter)
        || carries_placeholder(asked.exact)
}
