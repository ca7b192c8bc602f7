//! The masks of a snapshot, and those of each subject.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::mask::MaskRule;
use crate::mask::{InvalidMasks, MaskSet};
use crate::subject::Subject;

/// Most different sets of masks that a snapshot keeps compiled. Past it a set is compiled for each
/// session that asks.
pub const MAX_MASK_SETS: usize = 256;

/// All masks, by origin and name, and the sets of them that were asked for.
#[derive(Debug, Default)]
pub(crate) struct Masks {
    rules: Vec<MaskRule>,
    /// By the places of their rules: most subjects share a set with others.
    sets: Mutex<BTreeMap<Vec<usize>, Arc<MaskSet>>>,
}

// === impl Masks ===

impl Masks {
    /// Refuses what cannot be compiled together, although no subject may meet all of it: what is
    /// wrong is told when the masks are written and not when somebody connects.
    pub(crate) fn new(mut rules: Vec<MaskRule>) -> Result<Self, Vec<InvalidMasks>> {
        rules.sort_by(|one, two| (one.origin, &one.name).cmp(&(two.origin, &two.name)));
        MaskSet::compile(&rules)?;
        Ok(Self {
            rules,
            sets: Mutex::default(),
        })
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.rules.iter().any(|rule| rule.name.name == name)
    }

    pub(crate) fn of(&self, subject: &Subject) -> Result<Arc<MaskSet>, Vec<InvalidMasks>> {
        let applying = self
            .rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| rule.applies_to(subject));
        let places: Vec<usize> = applying.map(|(place, _)| place).collect();
        if let Some(set) = self.lock().get(&places) {
            return Ok(Arc::clone(set));
        }
        let rules: Vec<MaskRule> = places
            .iter()
            .filter_map(|place| self.rules.get(*place))
            .cloned()
            .collect();
        let set = Arc::new(MaskSet::compile(&rules)?);
        let mut sets = self.lock();
        if sets.len() < MAX_MASK_SETS {
            sets.insert(places, Arc::clone(&set));
        }
        Ok(set)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Vec<usize>, Arc<MaskSet>>> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
