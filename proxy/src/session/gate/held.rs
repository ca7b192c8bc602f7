//! Operations that need an approval.

use std::sync::Arc;

use portcullis_policy::{ApprovalTerms, Decision, Verdict};

use super::{Asked, Grounds, Ruling, denied};
use crate::metrics::Decided;
use crate::session::Session;
use crate::session::approval::{self, Hold};
use crate::session::denial::Denial;
use crate::session::ports::{Standing, WantedApproval};
use crate::session::record::Judged;

/// What is asked to be approved, and its hash.
type Wanted = (WantedApproval, [u8; 32]);

impl Session {
    /// After a hold that [`Hold::wait`] ended well: everything is decided anew. Only where the
    /// current snapshot still asks for the same approval is the grant claimed; where it denies, the
    /// operation is refused and the grant stays unclaimed.
    pub async fn judge_after(&mut self, asked: &Asked<'_>, hold: Hold) -> Ruling {
        let began = self.door.house.clock.monotonic();
        self.goes_on = true;
        let ruling = self.rule_after(asked, hold).await;
        self.goes_on = false;
        self.measure(began, &ruling);
        ruling
    }

    /// Of what is recorded next. What waited is counted already.
    pub(super) fn next_number(&mut self) -> u64 {
        self.operations += 1;
        if !std::mem::take(&mut self.goes_on) {
            self.entry.count_operation();
        }
        self.operations
    }

    async fn rule_after(&mut self, asked: &Asked<'_>, hold: Hold) -> Ruling {
        let decision = match self.decide(asked) {
            Ok(decision) => decision,
            Err(denial) => {
                return Ruling::Refused(self.refuse(asked, denial, None, Decided::Denied));
            }
        };
        let Verdict::Hold(terms) = decision.verdict else {
            return Box::pin(self.rule(asked)).await;
        };
        match self.wanted(asked, &decision, terms) {
            Ok(wanted) if wanted.0 == hold.wanted => {
                let name = hold.request().to_owned();
                self.run_approved(asked, (&decision, terms), &wanted, &name)
                    .await
            }
            // Another policy asks now, or on other terms, or it is another operation.
            _ => Box::pin(self.hold(asked, &decision, terms)).await,
        }
    }

    /// Finds or makes the request, and goes by how it stands.
    pub(super) async fn hold(
        &mut self,
        asked: &Asked<'_>,
        decision: &Decision,
        terms: ApprovalTerms,
    ) -> Ruling {
        let wanted = match self.wanted(asked, decision, terms) {
            Ok(wanted) => wanted,
            Err(denial) => {
                return Ruling::Refused(self.refuse(
                    asked,
                    denial,
                    Some(decision),
                    Decided::Denied,
                ));
            }
        };
        // Nothing counts as idle while the request is on its way.
        let busy = self.entry.begin(&self.door.house);
        let approvals = Arc::clone(&self.door.house.approvals);
        let requested = approvals.request(&wanted.0).await;
        let (name, standing) = match requested {
            Ok(found) => found,
            Err(refused) => {
                let denial = approval::asked_by(&wanted.0, approval::of_refused(&refused));
                return Ruling::Refused(self.refuse(
                    asked,
                    denial,
                    Some(decision),
                    Decided::Denied,
                ));
            }
        };
        match standing {
            Standing::Pending => {
                let Some(hold_for) = approval::waits(terms, asked.may_wait) else {
                    let namespace = &wanted.0.namespace;
                    let reason = decision.reason.as_ref();
                    let denial = approval::required(reason, namespace, &name);
                    return Ruling::Refused(self.refuse(
                        asked,
                        denial,
                        Some(decision),
                        Decided::Held,
                    ));
                };
                let number = match self.record_hold(asked, decision, &wanted, &name) {
                    Ok(number) => number,
                    Err(denial) => return Ruling::Refused(denial),
                };
                let requester = wanted.0.requester.as_str();
                approval::record(&busy, number, &name, ("requested", requester, ""));
                Ruling::Held(Hold::new(wanted.0, name, number, hold_for, busy))
            }
            Standing::Approved { .. } => self.decide_and_run(asked, &wanted, &name).await,
            other => {
                let denial = approval::of_standing(&other, &wanted.0, &name);
                Ruling::Refused(self.refuse(asked, denial, Some(decision), Decided::Denied))
            }
        }
    }

    /// The snapshot may have changed while the request was looked up.
    async fn decide_and_run(&mut self, asked: &Asked<'_>, wanted: &Wanted, name: &str) -> Ruling {
        let decision = match self.decide(asked) {
            Ok(decision) => decision,
            Err(denial) => {
                return Ruling::Refused(self.refuse(asked, denial, None, Decided::Denied));
            }
        };
        if let Verdict::Hold(terms) = decision.verdict
            && self
                .wanted(asked, &decision, terms)
                .is_ok_and(|now| now.0.is_same_as(&wanted.0))
        {
            return self
                .run_approved(asked, (&decision, terms), wanted, name)
                .await;
        }
        let denial = changed_meanwhile(&decision);
        Ruling::Refused(self.refuse(asked, denial, Some(&decision), Decided::Denied))
    }

    async fn run_approved(
        &mut self,
        asked: &Asked<'_>,
        (decision, terms): (&Decision, ApprovalTerms),
        wanted: &Wanted,
        name: &str,
    ) -> Ruling {
        let grounds = Grounds {
            decision: Some(decision),
            approved: Some((name, wanted.1, terms)),
            claim: Some(&wanted.0),
        };
        self.pass(asked, grounds).await
    }

    /// Takes the grant for this execution, and decides once more: the claim may have taken a
    /// while. What is refused now has used up its grant.
    pub(super) async fn claim(
        &mut self,
        asked: &Asked<'_>,
        wanted: &WantedApproval,
        name: &str,
        number: u64,
    ) -> Result<(), Denial> {
        let busy = self.entry.begin(&self.door.house);
        let approvals = Arc::clone(&self.door.house.approvals);
        // Numbers are never used twice in a session, nor sessions' names.
        let execution = format!("{}-{number}", self.id);
        let claimed = approvals.claim(name, wanted, &execution).await;
        match claimed
            .map_err(|refused| approval::asked_by(wanted, approval::of_refused(&refused)))?
        {
            Standing::Approved { by, .. } => {
                let by = by.join(", ");
                approval::record(&busy, number, name, ("claimed", &by, ""));
            }
            other => return Err(approval::of_standing(&other, wanted, name)),
        }
        let decision = self.decide(asked)?;
        match decision.verdict {
            Verdict::Allow => Ok(()),
            Verdict::Hold(terms)
                if self
                    .wanted(asked, &decision, terms)
                    .is_ok_and(|now| now.0.is_same_as(wanted)) =>
            {
                Ok(())
            }
            Verdict::Hold(_) | Verdict::Deny => Err(changed_meanwhile(&decision)),
        }
    }

    fn wanted(
        &self,
        asked: &Asked<'_>,
        decision: &Decision,
        terms: ApprovalTerms,
    ) -> Result<Wanted, Denial> {
        let current = (&*self.current.target, &*self.current.masks);
        let reason = (decision.reason.as_ref(), terms);
        let wanted = approval::wanted(asked, current, &self.proven.subject, reason);
        wanted.map_err(|denial| named(denial, decision))
    }

    /// That an operation waits is recorded like a refusal; its run will be an operation of its own.
    fn record_hold(
        &mut self,
        asked: &Asked<'_>,
        decision: &Decision,
        wanted: &Wanted,
        name: &str,
    ) -> Result<u64, Denial> {
        let number = self.next_number();
        let reason = decision.reason.as_ref();
        let judged = Judged {
            number,
            decision: "hold",
            class: "ApprovalRequired",
            policy: reason.and_then(|reason| reason.policy.as_deref()),
            rule: reason.and_then(|reason| reason.rule.as_deref()),
            hash: Some(&wanted.1),
            parameters: asked.parameters,
            would_be: Some(decision),
            request: Some(name),
            ..Judged::default()
        };
        let effect = asked.told.operation.effect;
        if let Err(error) = self.append(asked, judged)
            && self.current.target.recording.deny_on_failure
        {
            tracing::warn!(%error, "an operation is refused, for its hold cannot be recorded");
            self.counted.operation(effect, Decided::Failed).inc();
            return Err(Denial::unrecorded().in_session(self.id));
        }
        self.counted.operation(effect, Decided::Held).inc();
        Ok(number)
    }
}

/// What was approved is no longer what the policies say.
fn changed_meanwhile(decision: &Decision) -> Denial {
    match decision.verdict {
        Verdict::Deny => denied(decision),
        Verdict::Allow | Verdict::Hold(_) => named(
            Denial::new(
                portcullis_policy::Class::ApprovalRequired,
                "the policies of this connection changed while the approval was looked up",
                "try the operation again",
            ),
            decision,
        ),
    }
}

/// Names the rule that decided.
fn named(denial: Denial, decision: &Decision) -> Denial {
    let reason = decision.reason.as_ref();
    denial.by(
        reason.and_then(|reason| reason.policy.clone()),
        reason.and_then(|reason| reason.rule.clone()),
    )
}
