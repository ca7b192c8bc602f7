//! All masks of a connection, and which of them a subject has.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::mask::rule::MaskRule;
use crate::mask::set::{InvalidMasks, MaskSet};
use crate::subject::Subject;

/// How many different choices of rules keep their compiled set. Beyond it a set is compiled for
/// whoever asks and kept by nobody else.
pub const MAX_KEPT_SETS: usize = 64;

/// All masks of a connection. Subjects to whom the same rules apply share one compiled set.
#[derive(Debug, Default)]
pub struct Masks {
    rules: Vec<MaskRule>,
    /// By the numbers of the rules. Only ever a memory of what [`MaskSet::compile`] gives.
    kept: RwLock<HashMap<Vec<usize>, Arc<MaskSet>>>,
}

// === impl Masks ===

impl Masks {
    /// Compiles all rules together once. A part of rules that compile together compiles too, for
    /// every limit is on how much there is.
    pub fn compile(rules: Vec<MaskRule>) -> Result<Self, Vec<InvalidMasks>> {
        let all = Arc::new(MaskSet::compile(&rules)?);
        let kept = HashMap::from([((0..rules.len()).collect(), all)]);
        Ok(Self {
            rules,
            kept: RwLock::new(kept),
        })
    }

    pub fn rules(&self) -> &[MaskRule] {
        &self.rules
    }

    /// The masks of one subject. An error means that a rule cannot be applied: nothing may pass.
    pub fn of(&self, subject: &Subject) -> Result<Arc<MaskSet>, Vec<InvalidMasks>> {
        let applying = |(_, rule): &(usize, &MaskRule)| rule.applies_to(subject);
        let (choice, rules): (Vec<usize>, Vec<&MaskRule>) =
            self.rules.iter().enumerate().filter(applying).unzip();
        // A poisoned memory is as good as before: entries are whole or not there.
        let kept = self
            .kept
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&choice)
            .cloned();
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let rules: Vec<MaskRule> = rules.into_iter().cloned().collect();
        let set = Arc::new(MaskSet::compile(&rules)?);
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MAX_KEPT_SETS {
            kept.insert(choice, set.clone());
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests;
