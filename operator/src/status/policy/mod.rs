//! The status of a policy, alike for both kinds.
//!
//! `Programmed` means that every proxy which the policy binds has said that it loaded this very
//! generation. Once said it holds until the policy is edited or a proxy refuses it: an edit of
//! another policy changes the revision that proxies tell, and not what they have loaded of this one.

#[cfg(test)]
mod tests;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use kube::core::ObjectMeta;
use portcullis_crds::GROUP;
use portcullis_crds::condition::{
    ACCEPTED, Ancestor, AncestorReference, CONTROLLER_NAME, MAX_ANCESTORS, PROGRAMMED,
    PolicyStatus, READY, STALLED, reason,
};
use portcullis_crds::lower::FieldError;

use super::{Conditions, Finding, holds, told};
use crate::world::Key;

/// Kind of the entry that stands for the rest.
const SUMMARY: &str = "StatusSummary";
/// What is said of a Connection all of whose proxies told.
const LOADED: &str = "its proxies have loaded it";

/// What is known of a policy.
#[derive(Debug)]
pub struct Facts<'a> {
    pub meta: &'a ObjectMeta,
    pub old: Option<&'a PolicyStatus>,
    pub errors: &'a [FieldError],
    /// Connections that it binds, sorted.
    pub bound: Vec<Bound>,
    /// Connections that it names and that are not there.
    pub missing: Vec<Key>,
    pub now: Timestamp,
}

/// How it stands with one Connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    pub connection: Key,
    pub loaded: Loaded,
}

/// How far proxies have loaded it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loaded {
    /// All that run.
    ByAll,
    /// None runs, and none should.
    ByNone,
    /// So many of so many.
    BySome(usize, usize),
    /// A proxy refuses it, and why.
    Refused(String),
}

/// The status that the facts make.
pub fn status(facts: &Facts<'_>) -> PolicyStatus {
    let generation = facts.meta.generation;
    let old = facts.old.map(|it| it.conditions.as_slice());
    let mut conditions = Conditions::new(old.unwrap_or_default(), generation, facts.now);
    let accepted = facts.accepted();
    let programmed = facts.programmed(&accepted);
    let ready = match (accepted.holds, programmed.holds) {
        (false, _) => Finding::no(accepted.reason, "it is not accepted"),
        (_, false) => Finding::no(programmed.reason, programmed.message.clone()),
        _ => Finding::yes(reason::PROGRAMMED, programmed.message.clone()),
    };
    conditions.set(ACCEPTED, &accepted);
    conditions.set(PROGRAMMED, &programmed);
    conditions.set(READY, &ready);
    let stalled = Finding {
        holds: !facts.errors.is_empty(),
        ..accepted
    };
    conditions.set_while(STALLED, &stalled);
    PolicyStatus {
        observed_generation: generation.unwrap_or_default(),
        conditions: conditions.finish(),
        ancestors: facts.ancestors(),
    }
}

// === impl Facts ===

impl Facts<'_> {
    fn accepted(&self) -> Finding {
        if let Some(first) = self.errors.first() {
            let reason = match first.field.ends_with(".expression") {
                true => reason::INVALID_EXPRESSION,
                false => reason::INVALID,
            };
            return Finding::no(reason, told(self.errors));
        }
        match self.missing.first() {
            Some(first) if self.bound.is_empty() => Finding::no(
                reason::TARGET_NOT_FOUND,
                format!("spec.targetRefs: there is no Connection {first}"),
            ),
            _ => Finding::yes(
                reason::ACCEPTED,
                "every field, pattern and expression compiles",
            ),
        }
    }

    fn programmed(&self, accepted: &Finding) -> Finding {
        if !accepted.holds {
            let message = match self.errors.is_empty() {
                true => "it binds no Connection".to_owned(),
                false => {
                    "proxies keep what they loaded last; what never compiled denies".to_owned()
                }
            };
            return Finding::no(reason::PENDING, message);
        }
        let total = self.bound.len();
        let all: Vec<(bool, &Bound)> = self
            .bound
            .iter()
            .map(|bound| (self.is_programmed(bound), bound))
            .collect();
        let done = all.iter().filter(|(done, _)| *done).count();
        if total == 0 {
            return Finding::yes(reason::PROGRAMMED, "it binds no Connection now");
        }
        if done == total {
            let message = format!("loaded for {total} of {total} Connections");
            return Finding::yes(reason::PROGRAMMED, message);
        }
        let refused = all.iter().find_map(|(_, bound)| match &bound.loaded {
            Loaded::Refused(why) => Some(format!("; {}: {why}", bound.connection)),
            _ => None,
        });
        let reason = match done {
            0 if refused.is_none() => reason::PENDING,
            _ => reason::PARTIALLY_PROGRAMMED,
        };
        let refused = refused.unwrap_or_default();
        Finding::no(
            reason,
            format!("loaded for {done} of {total} Connections{refused}"),
        )
    }

    /// Said before for this generation, or now.
    fn is_programmed(&self, bound: &Bound) -> bool {
        match &bound.loaded {
            Loaded::ByAll | Loaded::ByNone => true,
            Loaded::Refused(_) => false,
            Loaded::BySome(..) => {
                let known = self.old_of(&bound.connection);
                known.is_some_and(|conditions| {
                    let mut all = conditions.iter();
                    // Said of proxies, not for want of them.
                    all.clone()
                        .any(|it| it.type_ == PROGRAMMED && it.message == LOADED)
                        && holds(conditions, PROGRAMMED)
                        && all.all(|it| it.observed_generation == self.meta.generation)
                })
            }
        }
    }

    fn old_of(&self, key: &Key) -> Option<&[Condition]> {
        let ancestors = self.old?.ancestors.iter();
        let mut own = ancestors.filter(|it| {
            let reference = &it.ancestor_ref;
            it.controller_name == CONTROLLER_NAME
                && reference.name == key.name
                && reference.namespace.as_deref().unwrap_or_default() == key.namespace
        });
        own.next().map(|it| it.conditions.as_slice())
    }

    fn ancestors(&self) -> Vec<Ancestor> {
        let mut all: Vec<Ancestor> = self.bound.iter().map(|it| self.ancestor(it)).collect();
        let missing = self.missing.iter().map(|it| self.not_found(it));
        all.extend(missing);
        if all.len() > MAX_ANCESTORS {
            let rest = all.split_off(MAX_ANCESTORS - 1);
            all.push(self.summary(&rest));
        }
        all
    }

    fn ancestor(&self, bound: &Bound) -> Ancestor {
        let accepted = match self.errors.is_empty() {
            true => Finding::yes(reason::ACCEPTED, "it binds this Connection"),
            false => Finding::no(reason::INVALID, "see the policy's own condition"),
        };
        let done = accepted.holds && self.is_programmed(bound);
        let programmed = match &bound.loaded {
            Loaded::Refused(why) => Finding::no(reason::PARTIALLY_PROGRAMMED, why.clone()),
            Loaded::ByNone if done => Finding::yes(reason::PROGRAMMED, "it has no proxies"),
            _ if done => Finding::yes(reason::PROGRAMMED, LOADED),
            Loaded::BySome(0, total) => Finding::no(
                reason::PENDING,
                format!("0 of {total} proxies have loaded it"),
            ),
            Loaded::BySome(some, total) => Finding::no(
                reason::PARTIALLY_PROGRAMMED,
                format!("{some} of {total} proxies have loaded it"),
            ),
            Loaded::ByAll | Loaded::ByNone => {
                Finding::no(reason::PENDING, "the policy is not accepted")
            }
        };
        self.entry("Connection", &bound.connection, &accepted, &programmed)
    }

    fn not_found(&self, key: &Key) -> Ancestor {
        let accepted = Finding::no(reason::TARGET_NOT_FOUND, "there is no such Connection");
        let programmed = Finding::no(reason::PENDING, "there is no such Connection");
        self.entry("Connection", key, &accepted, &programmed)
    }

    fn summary(&self, rest: &[Ancestor]) -> Ancestor {
        let good = |kind: &str| rest.iter().filter(|it| holds(&it.conditions, kind)).count();
        let finding = |kind: &str, yes: &'static str, no: &'static str| {
            let (count, total) = (good(kind), rest.len());
            let message = format!("{count} of {total} further Connections");
            match count == total {
                true => Finding::yes(yes, message),
                false => Finding::no(no, message),
            }
        };
        let accepted = finding(ACCEPTED, reason::ACCEPTED, reason::TARGET_NOT_FOUND);
        let programmed = finding(PROGRAMMED, reason::PROGRAMMED, reason::PARTIALLY_PROGRAMMED);
        let key = Key::new("", "rest");
        self.entry(SUMMARY, &key, &accepted, &programmed)
    }

    fn entry(&self, kind: &str, key: &Key, accepted: &Finding, programmed: &Finding) -> Ancestor {
        let old = self.old_of(key).unwrap_or_default();
        let mut conditions = Conditions::new(old, self.meta.generation, self.now);
        conditions.set(ACCEPTED, accepted);
        conditions.set(PROGRAMMED, programmed);
        Ancestor {
            ancestor_ref: AncestorReference {
                group: GROUP.to_owned(),
                kind: kind.to_owned(),
                namespace: (!key.namespace.is_empty()).then(|| key.namespace.clone()),
                name: key.name.clone(),
            },
            controller_name: CONTROLLER_NAME.to_owned(),
            conditions: conditions.finish(),
        }
    }
}
