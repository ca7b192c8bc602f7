//! Policies as decisions read them: words as sets, texts shared, names ready to be handed out.

use std::collections::HashMap;
use std::sync::Arc;

use super::sets::{EffectSet, FlagSet};
use crate::matcher::{MAX_TEXT_STEPS, TextPattern, TextPatterns};
use crate::operation::Effect;
use crate::rule::{Action, DefaultAction, Enforcement, Match, ObjectName, Origin, Policy, Rule};

#[derive(Debug)]
pub(crate) struct CompiledPolicy {
    pub(crate) name: Arc<ObjectName>,
    pub(crate) generation: i64,
    pub(crate) origin: Origin,
    pub(crate) enforcement: Enforcement,
    pub(crate) default: DefaultAction,
    /// Which of the snapshot's lists of subjects it binds.
    pub(crate) audience: usize,
    pub(crate) rules: Vec<CompiledRule>,
}

#[derive(Debug)]
pub(crate) struct CompiledRule {
    pub(crate) name: Arc<str>,
    pub(crate) matching: CompiledMatch,
    pub(crate) unless: Option<CompiledMatch>,
    pub(crate) action: Action,
    pub(crate) message: Option<Arc<str>>,
}

#[derive(Debug)]
pub(crate) struct CompiledMatch {
    pub(crate) effects: EffectSet,
    pub(crate) flags: FlagSet,
    /// Which of the snapshot's text patterns.
    pub(crate) text: Vec<usize>,
    pub(crate) source: Match,
}

/// The text patterns of all rules, each once.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    patterns: Vec<TextPattern>,
    places: HashMap<String, usize>,
    /// All of them in one search. None where there are few, or where together they are too large.
    set: Option<TextPatterns>,
}

/// What changes the target. What is Unknown meets every condition of a Deny and none of an Allow.
const CHANGES: [Effect; 3] = [Effect::Write, Effect::Define, Effect::Administer];

/// Fewer patterns than this are searched for one by one.
const SHARED_TEXTS: usize = 3;

// === impl CompiledPolicy ===

impl CompiledPolicy {
    /// Either it denies by default and its rules allow only reads, or it denies each other effect
    /// outright. A rule that asks for approval speaks for its policy, so that the default is not
    /// asked; with one of those the default proves nothing.
    pub(crate) fn denies_all_but_reads(&self) -> bool {
        let by_default = self.default == DefaultAction::Deny
            && self
                .rules
                .iter()
                .all(|rule| rule.action == Action::Deny || rule.allows_reads_only());
        let outright = |effect: &Effect| {
            let denies = |rule: &CompiledRule| {
                let effects = &rule.matching.source.effects;
                rule.denies_outright() && (effects.is_empty() || effects.contains(effect))
            };
            self.rules.iter().any(denies)
        };
        by_default || CHANGES.iter().all(outright)
    }

    /// `audience` is the place of the policy's list of subjects.
    pub(crate) fn of(policy: Policy, audience: usize, texts: &mut Texts) -> Self {
        Self {
            name: Arc::new(policy.name),
            generation: policy.generation,
            origin: policy.origin,
            enforcement: policy.enforcement,
            default: policy.default,
            audience,
            rules: policy
                .rules
                .into_iter()
                .map(|rule| CompiledRule::of(rule, texts))
                .collect(),
        }
    }
}

// === impl CompiledRule ===

impl CompiledRule {
    /// True when it allows, and nothing but reads and what concerns the session.
    fn allows_reads_only(&self) -> bool {
        let effects = &self.matching.source.effects;
        let harmless = |effect: &Effect| matches!(effect, Effect::Read | Effect::Session);
        self.action == Action::Allow && !effects.is_empty() && effects.iter().all(harmless)
    }

    /// True when it denies its effects without any condition.
    fn denies_outright(&self) -> bool {
        let Match {
            effects: _,
            verbs,
            resources,
            flags,
            text,
            attributes,
            expression,
        } = &self.matching.source;
        self.action == Action::Deny
            && self.unless.is_none()
            && expression.is_none()
            && verbs.is_empty()
            && resources.is_empty()
            && flags.is_empty()
            && text.is_empty()
            && attributes.is_empty()
    }

    fn of(rule: Rule, texts: &mut Texts) -> Self {
        Self {
            name: rule.name.into(),
            matching: CompiledMatch::of(rule.matching, texts),
            unless: rule.unless.map(|unless| CompiledMatch::of(unless, texts)),
            action: rule.action,
            message: rule.message.map(Into::into),
        }
    }
}

// === impl CompiledMatch ===

impl CompiledMatch {
    fn of(source: Match, texts: &mut Texts) -> Self {
        Self {
            effects: source.effects.iter().copied().collect(),
            flags: source.flags.iter().copied().collect(),
            text: source
                .text
                .iter()
                .map(|pattern| texts.place(pattern))
                .collect(),
            source,
        }
    }
}

// === impl Texts ===

impl Texts {
    /// The place of a pattern, which is added where it is new.
    fn place(&mut self, pattern: &TextPattern) -> usize {
        let next = self.patterns.len();
        let place = *self
            .places
            .entry(pattern.as_str().to_owned())
            .or_insert(next);
        if place == next {
            self.patterns.push(pattern.clone());
        }
        place
    }

    /// Puts all patterns into one search.
    pub(crate) fn share(&mut self) {
        if self.patterns.len() >= SHARED_TEXTS {
            self.set = TextPatterns::new(&self.patterns);
        }
    }

    pub(crate) fn set(&self) -> Option<&TextPatterns> {
        self.set.as_ref()
    }

    /// Whether one pattern is found, by itself; none where it cannot be told. The patterns share
    /// what one decision may take.
    pub(crate) fn finds(&self, place: usize, text: &str) -> Option<bool> {
        let steps = MAX_TEXT_STEPS / self.patterns.len().max(1);
        self.patterns.get(place)?.matches_within(text, steps)
    }
}
