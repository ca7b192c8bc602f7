//! Whether a match holds.
//!
//! One evaluator with two leanings, for what is not known must never help the caller. `Restrict`
//! says yes where it cannot tell: it is used where a yes refuses (the match of a Deny or a
//! RequireApproval, and what lifts an Allow). `Permit` says no where it cannot tell: it is used
//! where a yes lets pass (the match of an Allow, and what lifts a Deny or a RequireApproval).
//!
//! Effects and resources hold for the same access. `Restrict` asks for any access, and where only
//! effects are named for the operation's own effect as well; `Permit` asks for all accesses, and
//! where effects are named for the operation's own effect too. Where there is no access, no
//! resource pattern holds. Of several verbs, and of several values of an attribute, `Restrict`
//! asks for any and `Permit` for all.

use std::cell::OnceCell;

use regex_automata::{PatternID, PatternSet};

use crate::expression::{Evaluation, Expression};
use crate::matcher::Glob;
use crate::operation::{Access, Effect, Operation, Resource};
use crate::rule::Action;
use crate::snapshot::compiled::{CompiledMatch, CompiledRule, Texts};
use crate::snapshot::sets::FlagSet;

/// How to ask whether a match holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum How<'a> {
    /// Yes where it cannot be told.
    Restrict,
    /// No where it cannot be told.
    Permit,
    /// As `Permit`, for exactly what this other match matched.
    Cover(&'a CompiledMatch),
}

/// The fields of a match, in the order of what they cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// Effects and resources, which hold together.
    Accesses,
    Flags,
    Verbs,
    Attributes,
    Text,
    Expression,
}

pub(crate) const FIELDS: [Field; 6] = [
    Field::Accesses,
    Field::Flags,
    Field::Verbs,
    Field::Attributes,
    Field::Text,
    Field::Expression,
];

/// An operation as it is examined: what is told of it once, and what is found out on the way.
pub(crate) struct Examined<'a> {
    pub(crate) operation: &'a Operation,
    /// Its effect could not be told.
    pub(crate) unknown: bool,
    pub(crate) flags: FlagSet,
    pub(crate) texts: &'a Texts,
    pub(crate) evaluation: Evaluation<'a>,
    found: OnceCell<Option<PatternSet>>,
}

// === impl Examined ===

impl<'a> Examined<'a> {
    pub(crate) fn new(
        operation: &'a Operation,
        texts: &'a Texts,
        evaluation: Evaluation<'a>,
    ) -> Self {
        Self {
            operation,
            unknown: operation.is_unknown(),
            flags: operation.flags.iter().copied().collect(),
            texts,
            evaluation,
            found: OnceCell::new(),
        }
    }

    /// Whether a pattern is found in the text; none where it cannot be told.
    pub(crate) fn text_has(&self, place: usize) -> Option<bool> {
        let text = &self.operation.text;
        let found = self
            .found
            .get_or_init(|| self.texts.set().and_then(|set| set.matches(text)));
        match found {
            Some(found) => Some(PatternID::new(place).is_ok_and(|place| found.contains(place))),
            None => self.texts.finds(place, text),
        }
    }
}

// === impl How ===

impl How<'_> {
    fn leans_to_yes(self) -> bool {
        matches!(self, Self::Restrict)
    }
}

// === impl CompiledRule ===

impl CompiledRule {
    /// True when the rule speaks of the operation.
    pub(crate) fn applies(&self, at: &Examined<'_>) -> bool {
        self.matching.all_hold(self.how(), at) && !self.is_lifted(at)
    }

    /// How its match is asked.
    pub(crate) fn how(&self) -> How<'_> {
        match self.action {
            Action::Allow => How::Permit,
            Action::Deny | Action::RequireApproval(_) => How::Restrict,
        }
    }

    /// How its `unless` is asked.
    pub(crate) fn how_unless(&self) -> How<'_> {
        match self.action {
            Action::Allow => How::Restrict,
            Action::Deny | Action::RequireApproval(_) => How::Cover(&self.matching),
        }
    }

    fn is_lifted(&self, at: &Examined<'_>) -> bool {
        self.unless
            .as_ref()
            .is_some_and(|unless| unless.all_hold(self.how_unless(), at))
    }
}

// === impl CompiledMatch ===

impl CompiledMatch {
    pub(crate) fn all_hold(&self, how: How<'_>, at: &Examined<'_>) -> bool {
        FIELDS.iter().all(|field| self.holds(*field, how, at))
    }

    pub(crate) fn names(&self, field: Field) -> bool {
        match field {
            Field::Accesses => self.names_accesses(),
            Field::Flags => !self.flags.is_empty(),
            Field::Verbs => !self.source.verbs.is_empty(),
            Field::Attributes => !self.source.attributes.is_empty(),
            Field::Text => !self.text.is_empty(),
            Field::Expression => self.source.expression.is_some(),
        }
    }

    /// True when the field holds, or is not named.
    pub(crate) fn holds(&self, field: Field, how: How<'_>, at: &Examined<'_>) -> bool {
        if !self.names(field) {
            return true;
        }
        if let (Field::Expression, Some(expression)) = (field, &self.source.expression) {
            return answer(expression, how, at).unwrap_or(how.leans_to_yes());
        }
        if at.unknown {
            return how.leans_to_yes();
        }
        let operation = at.operation;
        match field {
            Field::Accesses => match how {
                How::Restrict => self.any_access_satisfies(operation),
                How::Permit => self.all_accesses_satisfy(operation),
                How::Cover(matched) => self.covers(matched, operation),
            },
            Field::Flags => self.flags.meets(at.flags),
            Field::Verbs => self.verbs_hold(operation, how),
            Field::Attributes => self.source.attributes.iter().all(|(name, patterns)| {
                attribute_holds(patterns, operation.attributes.get(name), how)
            }),
            Field::Text => self
                .text
                .iter()
                .any(|place| at.text_has(*place).unwrap_or(how.leans_to_yes())),
            Field::Expression => true,
        }
    }

    /// As with the values of an attribute: where a yes refuses any verb of the operation is enough,
    /// where a yes lets pass all must be named.
    fn verbs_hold(&self, operation: &Operation, how: How<'_>) -> bool {
        let named = |verb: &str| {
            let mut named = self.source.verbs.iter();
            named.any(|name| name.eq_ignore_ascii_case(verb))
        };
        match how {
            How::Restrict => operation.verbs().any(named),
            How::Permit | How::Cover(_) => operation.verbs().all(named),
        }
    }

    fn names_accesses(&self) -> bool {
        !self.effects.is_empty() || !self.source.resources.is_empty()
    }

    fn satisfied_by(&self, access: &Access, unresolved: bool) -> bool {
        let patterns = &self.source.resources;
        self.allows_effect(access.effect)
            && (patterns.is_empty()
                || match &access.resource {
                    Resource::Unresolved { .. } => unresolved,
                    named => patterns.iter().any(|pattern| pattern.matches(named)),
                })
    }

    fn allows_effect(&self, effect: Effect) -> bool {
        self.effects.is_empty() || self.effects.has(effect)
    }

    fn any_access_satisfies(&self, operation: &Operation) -> bool {
        (self.source.resources.is_empty() && self.effects.has(operation.effect))
            || operation
                .accesses
                .iter()
                .any(|access| self.satisfied_by(access, true))
    }

    fn all_accesses_satisfy(&self, operation: &Operation) -> bool {
        self.allows_effect(operation.effect)
            && (self.source.resources.is_empty() || !operation.accesses.is_empty())
            && operation
                .accesses
                .iter()
                .all(|access| self.satisfied_by(access, false))
    }

    /// True when this covers every access that `matched` matches. Where `matched` is about the
    /// operation itself too (it names no access, or it matched by the operation's own effect, which
    /// no matched access accounts for), the operation's own effect must be covered as well, and
    /// resource patterns cover nothing that is no access.
    fn covers(&self, matched: &Self, operation: &Operation) -> bool {
        let (mut any, mut accounted) = (false, false);
        for access in operation
            .accesses
            .iter()
            .filter(|access| matched.satisfied_by(access, true))
        {
            if !self.satisfied_by(access, false) {
                return false;
            }
            any = true;
            accounted |= access.effect == operation.effect;
        }
        let by_itself = matched.source.resources.is_empty()
            && matched.effects.has(operation.effect)
            && !accounted;
        if any && matched.names_accesses() && !by_itself {
            return true;
        }
        self.allows_effect(operation.effect)
            && (self.source.resources.is_empty() || (any && !by_itself))
    }
}

/// What an expression says; none where it cannot be told.
pub(crate) fn answer(expression: &Expression, how: How<'_>, at: &Examined<'_>) -> Option<bool> {
    if at.unknown && expression.mentions_operation() {
        return Some(how.leans_to_yes());
    }
    at.evaluation.ask(expression).ok()
}

/// Where a yes refuses, any value of the attribute is enough; where a yes lets pass, all of its
/// values must match, so that a value that is allowed does not carry in one that is not.
fn attribute_holds(patterns: &[Glob], values: Option<&Vec<String>>, how: How<'_>) -> bool {
    let matches = |value: &String| patterns.iter().any(|pattern| pattern.matches(value));
    match (values, how) {
        (None, _) => false,
        (Some(values), How::Restrict) => values.iter().any(matches),
        (Some(values), How::Permit | How::Cover(_)) => {
            !values.is_empty() && values.iter().all(matches)
        }
    }
}
