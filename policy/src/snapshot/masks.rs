//! The masks of a snapshot, and which of them a subject meets.
//!
//! Compiling patterns takes milliseconds, and most subjects meet the same rules, so each set of
//! rules is compiled once for all subjects that it applies to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Snapshot;
use crate::mask::rule::MaskRule;
use crate::mask::{InvalidMasks, MaskSet};
use crate::subject::Subject;

/// Most sets of rules that are kept. Subjects beyond them have theirs compiled anew.
const MAX_KEPT_SETS: usize = 256;

/// All masks of a snapshot.
#[derive(Debug, Default)]
pub(crate) struct Masks {
    rules: Vec<MaskRule>,
    /// Every rule, whomever it applies to.
    all: Arc<MaskSet>,
    /// By the places of the rules.
    sets: Mutex<HashMap<Vec<usize>, Arc<MaskSet>>>,
}

// === impl Masks ===

impl Masks {
    /// Compiles all rules together, so that what is wrong with them is told before anybody meets
    /// them.
    pub(super) fn compile(mut rules: Vec<MaskRule>) -> Result<Self, Vec<InvalidMasks>> {
        rules.sort_by(|one, two| (one.origin, &one.name).cmp(&(two.origin, &two.name)));
        Ok(Self {
            all: Arc::new(MaskSet::compile(&rules)?),
            rules,
            sets: Mutex::default(),
        })
    }

    pub(super) fn rules(&self) -> &[MaskRule] {
        &self.rules
    }

    fn of(&self, subject: &Subject) -> Arc<MaskSet> {
        let places: Vec<usize> = self
            .rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| rule.applies_to(subject))
            .map(|(place, _)| place)
            .collect();
        if places.len() == self.rules.len() {
            return Arc::clone(&self.all);
        }
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(set) = sets.get(&places) {
            return Arc::clone(set);
        }
        let chosen: Vec<MaskRule> = places
            .iter()
            .filter_map(|place| self.rules.get(*place))
            .cloned()
            .collect();
        // All rules together compiled, so fewer do; if not, masking too much is the safe answer.
        let set = MaskSet::compile(&chosen).map_or_else(|_| Arc::clone(&self.all), Arc::new);
        if sets.len() < MAX_KEPT_SETS {
            sets.insert(places, Arc::clone(&set));
        }
        set
    }
}

// === impl Snapshot ===

impl Snapshot {
    /// What of values is masked for a subject.
    pub fn masks_for(&self, subject: &Subject) -> Arc<MaskSet> {
        self.masks.of(subject)
    }
}
