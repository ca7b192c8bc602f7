//! Tables that share rows: parents and children, by inheritance or as partitions.

use std::collections::BTreeSet;

use super::{Catalogue, Relation};

// === impl Catalogue ===

impl Catalogue {
    /// A relation with all that it inherits from and all that inherit from it: whose columns of
    /// one name hold, or may show, the same values.
    pub fn family(&self, oid: u32) -> Vec<&Relation> {
        let mut known = BTreeSet::from([oid]);
        let mut above = vec![oid];
        while let Some(child) = above.pop() {
            let parents = self.relations.get(&child).map(|r| r.parents.as_slice());
            let new = |parent: &&u32| known.insert(**parent);
            above.extend(parents.unwrap_or_default().iter().filter(new));
        }
        let mut seen = BTreeSet::from([oid]);
        let mut below = vec![oid];
        while let Some(parent) = below.pop() {
            let children = self.relations.get(&parent).map(|r| r.children.as_slice());
            let new = |child: &&u32| seen.insert(**child);
            below.extend(children.unwrap_or_default().iter().filter(new));
        }
        known.extend(seen);
        let relations = known.iter().filter_map(|oid| self.relations.get(oid));
        relations.collect()
    }
}
