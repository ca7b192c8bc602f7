//! Status from facts: pure. A condition's time moves only when its status flips, so a status that
//! says the same is the same, and nothing is written.

pub mod approval;
pub mod class;
pub mod connection;
pub mod policy;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use portcullis_crds::lower::FieldError;

/// The longest message of a condition that is written here; the schema takes more.
const MAX_MESSAGE: usize = 2048;
/// The most errors of one object that a message tells.
const MAX_ERRORS: usize = 8;

/// What a condition says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub holds: bool,
    pub reason: &'static str,
    pub message: String,
}

/// A list of conditions in the making, in the order in which they are set.
#[derive(Debug)]
pub struct Conditions<'a> {
    old: &'a [Condition],
    new: Vec<Condition>,
    generation: Option<i64>,
    now: Timestamp,
}

// === impl Finding ===

impl Finding {
    pub fn yes(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            holds: true,
            reason,
            message: message.into(),
        }
    }

    pub fn no(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            holds: false,
            reason,
            message: message.into(),
        }
    }
}

// === impl Conditions ===

impl<'a> Conditions<'a> {
    pub fn new(old: &'a [Condition], generation: Option<i64>, now: Timestamp) -> Self {
        Self {
            old,
            new: Vec::new(),
            generation,
            now,
        }
    }

    /// A condition that is always there.
    pub fn set(&mut self, kind: &str, finding: &Finding) {
        let status = if finding.holds { "True" } else { "False" };
        let before = self.old.iter().find(|it| it.type_ == kind);
        let since = before.filter(|before| before.status == status);
        self.new.push(Condition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: finding.reason.to_owned(),
            message: cut(&finding.message),
            // A second is the finest time that is kept.
            last_transition_time: since.map_or_else(
                || Time(whole_second(self.now)),
                |before| before.last_transition_time.clone(),
            ),
            observed_generation: self.generation,
        });
    }

    /// A condition that is there only while it holds.
    pub fn set_while(&mut self, kind: &str, finding: &Finding) {
        if finding.holds {
            self.set(kind, finding);
        }
    }

    pub fn finish(self) -> Vec<Condition> {
        self.new
    }
}

/// Whether a condition is there and holds.
pub fn holds(conditions: &[Condition], kind: &str) -> bool {
    let mut all = conditions.iter();
    all.any(|it| it.type_ == kind && it.status == "True")
}

/// Errors of one object, each with its field, as many as a message takes.
pub fn told(errors: &[FieldError]) -> String {
    let mut all: Vec<String> = errors
        .iter()
        .take(MAX_ERRORS)
        .map(ToString::to_string)
        .collect();
    if errors.len() > MAX_ERRORS {
        all.push(format!("and {} more", errors.len() - MAX_ERRORS));
    }
    all.join("; ")
}

/// A time as it is kept: without a part of a second.
pub fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn cut(message: &str) -> String {
    match message.char_indices().nth(MAX_MESSAGE) {
        None => message.to_owned(),
        Some((end, _)) => {
            let (kept, _) = message.split_at_checked(end).unwrap_or((message, ""));
            format!("{kept}…")
        }
    }
}

#[cfg(test)]
mod tests;
