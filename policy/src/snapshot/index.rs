//! Which rules could match an operation, without looking at all of them.
//!
//! A rule is filed under what it asks for first: its resources by the literal beginning of their
//! patterns, else its verbs, else its effects and flags. A search finds every rule that could
//! match and some that do not; it never leaves one out. Where that cannot be promised (an effect
//! or a name that is not known satisfies patterns that it is not filed under), all rules are
//! found.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::compiled::{CompiledMatch, CompiledPolicy};
use super::sets::{EffectSet, FlagSet};
use crate::matcher::PathKey;
use crate::operation::{Operation, Resource};

/// The place of a rule: of its policy among the policies, and its own there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RuleId {
    pub(crate) policy: u32,
    pub(crate) rule: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Index {
    prefixes: Prefixes,
    /// Verbs in lower case, sorted.
    verbs: Vec<(Box<str>, Vec<Filed>)>,
    rest: Vec<(EffectSet, FlagSet, Vec<RuleId>)>,
    all: Vec<RuleId>,
}

/// A rule with what else it asks for, so that most are passed over unseen.
#[derive(Debug, Clone, Copy)]
struct Filed {
    effects: EffectSet,
    flags: FlagSet,
    id: RuleId,
}

/// Rules by the literal beginning of a path. Entries are sorted, and each knows the longest other
/// entry that it begins with; so those that a path begins with are one chain.
#[derive(Debug, Default)]
struct Prefixes {
    entries: Vec<Prefix>,
}

#[derive(Debug)]
struct Prefix {
    key: Box<[u8]>,
    parent: Option<usize>,
    rules: Vec<Filed>,
}

/// What a search found, in order and without repetition; up to 64 rules without an allocation.
#[derive(Debug)]
pub(crate) struct Candidates {
    few: [RuleId; FEW],
    count: usize,
    many: Vec<RuleId>,
}

const FEW: usize = 64;

/// What of an operation the index looks at.
#[derive(Debug, Clone, Copy)]
struct Asked {
    effects: EffectSet,
    flags: FlagSet,
}

// === impl Index ===

impl Index {
    pub(crate) fn of(policies: &[CompiledPolicy]) -> Self {
        let mut prefixes: BTreeMap<Vec<u8>, Vec<Filed>> = BTreeMap::new();
        let mut verbs: BTreeMap<String, Vec<Filed>> = BTreeMap::new();
        let mut rest: BTreeMap<(EffectSet, FlagSet), Vec<RuleId>> = BTreeMap::new();
        let mut all = Vec::new();
        for (policy, compiled) in (0..).zip(policies) {
            for (rule, compiled) in (0..).zip(&compiled.rules) {
                let id = RuleId { policy, rule };
                let CompiledMatch {
                    source,
                    effects,
                    flags,
                    ..
                } = &compiled.matching;
                let filed = Filed {
                    effects: *effects,
                    flags: *flags,
                    id,
                };
                all.push(id);
                if !source.resources.is_empty() {
                    for pattern in &source.resources {
                        let key = pattern.literal_prefix().as_bytes().to_vec();
                        prefixes.entry(key).or_default().push(filed);
                    }
                } else if !source.verbs.is_empty() {
                    for verb in &source.verbs {
                        verbs
                            .entry(verb.to_ascii_lowercase())
                            .or_default()
                            .push(filed);
                    }
                } else {
                    rest.entry((*effects, *flags)).or_default().push(id);
                }
            }
        }
        Self {
            prefixes: Prefixes::of(prefixes),
            verbs: verbs
                .into_iter()
                .map(|(verb, rules)| (verb.into(), rules))
                .collect(),
            rest: rest
                .into_iter()
                .map(|((effects, flags), ids)| (effects, flags, ids))
                .collect(),
            all,
        }
    }

    pub(crate) fn search(&self, operation: &Operation, flags: FlagSet) -> Candidates {
        let mut found = Candidates::default();
        let unresolved = |access: &crate::operation::Access| {
            matches!(access.resource, Resource::Unresolved { .. })
        };
        if operation.is_unknown() || operation.accesses.iter().any(unresolved) {
            found.many.extend(&self.all);
            return found;
        }
        let effects = operation.accesses.iter().map(|access| access.effect);
        let asked = Asked {
            effects: effects.chain([operation.effect]).collect(),
            flags,
        };
        for access in operation.accesses.iter() {
            if let Resource::Named { kind, segments } = &access.resource {
                self.prefixes
                    .search(&PathKey::of(*kind, segments), asked, &mut found);
                if self.are_enough(&mut found) {
                    return found;
                }
            }
        }
        for verb in operation.verbs() {
            let place = self
                .verbs
                .binary_search_by(|(filed, _)| caseless(filed, verb));
            if let Some((_, rules)) = place.ok().and_then(|at| self.verbs.get(at)) {
                asked.keep(rules, &mut found);
                if self.are_enough(&mut found) {
                    return found;
                }
            }
        }
        for (effects, flags, rules) in &self.rest {
            if asked.may_satisfy(*effects, *flags) {
                rules.iter().for_each(|rule| found.push(*rule));
            }
        }
        found.settle();
        found
    }

    /// Many accesses and verbs may each find the same rules. More of them than there are is waste:
    /// then all are taken.
    fn are_enough(&self, found: &mut Candidates) -> bool {
        let enough = found.many.len() > self.all.len();
        if enough {
            found.many.clone_from(&self.all);
        }
        enough
    }
}

/// Compares a verb in lower case with one as it came.
fn caseless(lower: &str, verb: &str) -> Ordering {
    lower
        .bytes()
        .cmp(verb.bytes().map(|byte| byte.to_ascii_lowercase()))
}

// === impl Asked ===

impl Asked {
    fn may_satisfy(self, effects: EffectSet, flags: FlagSet) -> bool {
        (effects.is_empty() || effects.meets(self.effects))
            && (flags.is_empty() || flags.meets(self.flags))
    }

    fn keep(self, rules: &[Filed], found: &mut Candidates) {
        for filed in rules {
            if self.may_satisfy(filed.effects, filed.flags) {
                found.push(filed.id);
            }
        }
    }
}

// === impl Prefixes ===

impl Prefixes {
    fn of(filed: BTreeMap<Vec<u8>, Vec<Filed>>) -> Self {
        let mut entries: Vec<Prefix> = Vec::with_capacity(filed.len());
        let mut open: Vec<usize> = Vec::new();
        for (key, rules) in filed {
            while let Some(last) = open.last() {
                let begins = entries
                    .get(*last)
                    .is_some_and(|entry| key.starts_with(&entry.key));
                if begins {
                    break;
                }
                open.pop();
            }
            let parent = open.last().copied();
            open.push(entries.len());
            entries.push(Prefix {
                key: key.into(),
                parent,
                rules,
            });
        }
        Self { entries }
    }

    /// The greatest entry that is not greater than the path begins with every entry that the path
    /// begins with; so they are among it and its parents.
    fn search(&self, path: &PathKey, asked: Asked, found: &mut Candidates) {
        let path = path.as_bytes();
        let after = self.entries.partition_point(|entry| *entry.key <= *path);
        let mut at = after.checked_sub(1);
        while let Some(entry) = at.and_then(|at| self.entries.get(at)) {
            if path.starts_with(&entry.key) {
                asked.keep(&entry.rules, found);
            }
            at = entry.parent;
        }
    }
}

// === impl Candidates ===

impl Candidates {
    pub(crate) fn iter(&self) -> impl Iterator<Item = RuleId> {
        let few = self.few.iter().take(self.count);
        few.chain(&self.many).copied()
    }

    fn push(&mut self, rule: RuleId) {
        match self.few.get_mut(self.count) {
            Some(free) if self.many.is_empty() => {
                *free = rule;
                self.count += 1;
            }
            _ => {
                if self.many.is_empty() {
                    self.many.extend(self.few.iter().take(self.count));
                    self.count = 0;
                }
                self.many.push(rule);
            }
        }
    }

    /// Sorts, and takes repetitions out.
    fn settle(&mut self) {
        if !self.many.is_empty() {
            self.many.sort_unstable();
            self.many.dedup();
            return;
        }
        let found = self.few.get_mut(..self.count).unwrap_or_default();
        found.sort_unstable();
        let mut kept: usize = 0;
        for at in 0..self.count {
            let previous = kept
                .checked_sub(1)
                .and_then(|last: usize| self.few.get(last))
                .copied();
            let Some(rule) = self.few.get(at).copied() else {
                break;
            };
            if previous != Some(rule) {
                if let Some(free) = self.few.get_mut(kept) {
                    *free = rule;
                }
                kept += 1;
            }
        }
        self.count = kept;
    }
}

impl Default for Candidates {
    fn default() -> Self {
        Self {
            few: [RuleId { policy: 0, rule: 0 }; FEW],
            count: 0,
            many: Vec::new(),
        }
    }
}
