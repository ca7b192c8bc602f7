//! The status of a ConnectionClass.

use k8s_openapi::jiff::Timestamp;
use portcullis_crds::ConnectionClass;
use portcullis_crds::condition::{ACCEPTED, READY, RESOLVED_REFS, STALLED, reason};
use portcullis_crds::connection_class::{ConnectionClassStatus, Spool};
use portcullis_crds::lower::class;

use super::{Conditions, Finding, told};
use crate::desired::platform::Unresolved;

/// The status that the facts make.
pub fn status(
    object: &ConnectionClass,
    unresolved: &[Unresolved],
    now: Timestamp,
) -> ConnectionClassStatus {
    let old = object.status.as_ref();
    let old = old.map(|status| status.conditions.as_slice());
    let generation = object.metadata.generation;
    let mut conditions = Conditions::new(old.unwrap_or_default(), generation, now);
    let accepted = match class::check(object) {
        Ok(()) => Finding::yes(reason::ACCEPTED, cost(object)),
        Err(errors) => Finding::no(reason::INVALID, told(&errors)),
    };
    let resolved = match unresolved.first() {
        None => Finding::yes(reason::RESOLVED_REFS, "all that it refers to is there"),
        Some(first) => {
            let all: Vec<&str> = unresolved.iter().map(|it| it.message.as_str()).collect();
            Finding::no(first.reason, all.join("; "))
        }
    };
    let ready = match (accepted.holds, resolved.holds) {
        (false, _) => Finding::no(accepted.reason, "it is not accepted"),
        (_, false) => Finding::no(resolved.reason, "something that it refers to is missing"),
        _ if object.spec.lockdown => Finding::no(
            reason::LOCKED_DOWN,
            "every session of this class is cut, and new ones are refused",
        ),
        _ => Finding::yes(reason::ACCEPTED, "Connections may use it"),
    };
    conditions.set(ACCEPTED, &accepted);
    conditions.set(RESOLVED_REFS, &resolved);
    conditions.set(READY, &ready);
    let stalled = Finding {
        holds: !accepted.holds,
        ..accepted
    };
    conditions.set_while(STALLED, &stalled);
    ConnectionClassStatus {
        observed_generation: generation.unwrap_or_default(),
        conditions: conditions.finish(),
    }
}

/// What losing a pod may cost, in a sentence.
fn cost(object: &ConnectionClass) -> String {
    let recording = &object.spec.recording;
    match (recording.spool, &recording.store) {
        (Spool::Persistent, _) => {
            "recordings that are not uploaded outlive their pod, on its volume".to_owned()
        }
        (Spool::Ephemeral, Some(_)) => {
            "spool is Ephemeral: with a pod is lost what it has not yet uploaded, some ten seconds \
             while the store answers and all since it stopped answering"
                .to_owned()
        }
        (Spool::Ephemeral, None) => {
            "spool is Ephemeral and there is no store: with each pod all that it recorded is lost"
                .to_owned()
        }
    }
}
