//! All paths of a mask set, walked together.
//!
//! Each step of each path is one state. A container carries the states that its members may
//! advance; a member advances them to the states of what it holds. So one pass finds all paths,
//! and the work for a member is bounded by how many steps all paths have.

use std::sync::Arc;

use thiserror::Error;

use super::path::{JsonPath, Selector};
use crate::mask::text::TextMask;
use crate::mask::transform::{Transform, Union};

/// Most steps of all paths together.
pub const MAX_PLAN_STEPS: usize = 8192;

/// Names longer than this, in bytes, are not gathered: no path can be as long.
pub(super) const MAX_NAME_BYTES: usize = crate::matcher::MAX_PATTERN_LEN;

/// Compiled paths with what each does.
#[derive(Debug, Clone, Default)]
pub struct JsonPlan {
    states: Vec<State>,
    first: Vec<u16>,
    transforms: Vec<Transform>,
    /// What applies to the whole document.
    root: Vec<usize>,
    /// What looks at all other strings, and at names.
    text: Option<Arc<TextMask>>,
}

/// Paths that are together too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the JSON paths have {0} steps in all; at most {MAX_PLAN_STEPS} are allowed")]
pub struct TooManySteps(pub usize);

/// A container's member: by name (none when longer than any path's), or by position.
#[derive(Debug, Clone, Copy)]
pub(super) enum Member<'a> {
    Name(Option<&'a str>),
    Index(u64),
}

#[derive(Debug, Clone)]
struct State {
    selector: Selector,
    deep: bool,
    then: Then,
}

#[derive(Debug, Clone, Copy)]
enum Then {
    Go(u16),
    Mask(usize),
}

// === impl JsonPlan ===

impl JsonPlan {
    pub fn compile<'a>(
        paths: impl IntoIterator<Item = (&'a JsonPath, &'a Transform)>,
    ) -> Result<Self, TooManySteps> {
        let mut plan = Self::default();
        let mut total = 0;
        for (path, transform) in paths {
            total += path.steps().len();
            if total <= MAX_PLAN_STEPS {
                plan.add(path, transform);
            }
        }
        if total > MAX_PLAN_STEPS {
            Err(TooManySteps(total))
        } else {
            Ok(plan)
        }
    }

    /// The same paths, with detectors for the strings and names that no path leads to.
    #[must_use]
    pub fn with_text(self, text: Option<Arc<TextMask>>) -> Self {
        Self { text, ..self }
    }

    pub(super) fn text(&self) -> Option<&Arc<TextMask>> {
        self.text.as_ref()
    }

    /// True when it masks nothing.
    pub fn is_empty(&self) -> bool {
        self.transforms.is_empty() && self.text.is_none()
    }

    fn add(&mut self, path: &JsonPath, transform: &Transform) {
        let target = self.transforms.len();
        self.transforms.push(transform.clone());
        let Some((_, before)) = path.steps().split_last() else {
            self.root.push(target);
            return;
        };
        let number = |state: usize| u16::try_from(state).unwrap_or(u16::MAX);
        self.first.push(number(self.states.len()));
        for (index, step) in path.steps().iter().enumerate() {
            let then = if index == before.len() {
                Then::Mask(target)
            } else {
                Then::Go(number(self.states.len() + 1))
            };
            self.states.push(State {
                selector: step.selector.clone(),
                deep: step.deep,
                then,
            });
        }
    }

    /// The states of the top container, and what is done to the whole document.
    pub(super) fn begin(&self, states: &mut Vec<u16>) -> Option<Transform> {
        states.extend_from_slice(&self.first);
        self.union(&self.root)
    }

    /// Appends the states below `member` of a container whose states are `states[from..]`, and
    /// tells what is done to the member.
    pub(super) fn advance(
        &self,
        states: &mut Vec<u16>,
        from: usize,
        member: Member<'_>,
    ) -> Option<Transform> {
        let end = states.len();
        let mut masked: Vec<usize> = Vec::new();
        for position in from..end {
            let Some(number) = states.get(position).copied() else {
                continue;
            };
            let Some(state) = self.states.get(usize::from(number)) else {
                continue;
            };
            if state.deep {
                states.push(number);
            }
            if state.selector.selects(member) {
                match state.then {
                    Then::Go(next) if self.stays(states, from..end, next) => {}
                    Then::Go(next) => states.push(next),
                    Then::Mask(target) => masked.push(target),
                }
            }
        }
        self.union(&masked)
    }

    /// True when a state is kept by itself already, so that it must not be added again: it is
    /// reached only from itself, where it is deep, and from the one step before it.
    fn stays(&self, states: &[u16], active: std::ops::Range<usize>, state: u16) -> bool {
        self.states
            .get(usize::from(state))
            .is_some_and(|next| next.deep)
            && states
                .get(active)
                .is_some_and(|active| active.contains(&state))
    }

    fn union(&self, masked: &[usize]) -> Option<Transform> {
        match masked {
            [] => None,
            [one] => self.transforms.get(*one).cloned(),
            several => {
                let union: Union = several
                    .iter()
                    .filter_map(|target| self.transforms.get(*target))
                    .collect();
                union.effective()
            }
        }
    }
}

// === impl Selector ===

impl Selector {
    fn selects(&self, member: Member<'_>) -> bool {
        match (self, member) {
            (Self::Any, _) => true,
            (Self::Name(name), Member::Name(Some(its))) => name == its,
            (Self::Index(index), Member::Index(its)) => *index == its,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
