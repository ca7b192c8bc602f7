//! From parts to a snapshot, or to everything that is wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use thiserror::Error;

use super::compiled::{CompiledPolicy, Texts};
use super::index::Index;
use super::parts::{Requirement, RequirementKind, SnapshotParts};
use super::{Audience, Snapshot};
use crate::decide::closed_reason;
use crate::decision::{Class, Reason};
use crate::expression::{Environment, Expression};
use crate::limit::AppliedLimits;
use crate::mask::{MaskRule, Masks};
use crate::rule::{
    Action, DefaultAction, Enforcement, Limits, Match, Policy, Rule, SubjectSelector,
};

/// Most policies in one snapshot.
pub const MAX_POLICIES: usize = 20_000;

/// Most rules in one snapshot.
pub const MAX_RULES: usize = 100_000;

/// Most masks in one snapshot.
pub const MAX_MASKS: usize = 1_024;

/// Most values in one field of a match, and in one list of subjects.
pub const MAX_FIELD_VALUES: usize = 1_024;

/// Most different text patterns in one snapshot.
pub const MAX_TEXT_PATTERNS: usize = 512;

/// Most steps that all expressions of one snapshot may take together: what one decision may cost.
pub const MAX_SNAPSHOT_COST: u64 = 20_000_000;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {reason}")]
pub struct CompileError {
    /// The policy and the rule, or the part of the snapshot.
    pub place: String,
    pub reason: String,
}

/// Collects all errors, so that one attempt tells everything.
#[derive(Default)]
struct Errors(Vec<CompileError>);

pub(super) fn compile(mut parts: SnapshotParts) -> Result<Snapshot, Vec<CompileError>> {
    let mut policies = std::mem::take(&mut parts.policies);
    policies.sort_by(|one, two| (one.origin, &one.name).cmp(&(two.origin, &two.name)));
    let mut errors = Errors::default();
    check_parts(&parts, &policies, &mut errors);
    let masks = check_masks(std::mem::take(&mut parts.masks), &mut errors);
    for policy in &policies {
        check_policy(policy, &mut errors);
    }
    if !errors.0.is_empty() {
        return Err(errors.0);
    }
    let closed = closed(&parts, &policies, &masks);
    let environment = Environment::new(expressions(&parts, &policies));
    let mut audiences = Audiences {
        replicas: parts.replicas,
        ..Audiences::default()
    };
    let mut texts = Texts::default();
    let compiled: Vec<CompiledPolicy> = policies
        .into_iter()
        .map(|policy| {
            let audience = audiences.place(&policy);
            CompiledPolicy::of(policy, audience, &mut texts)
        })
        .collect();
    texts.share();
    let denies = |policy: &CompiledPolicy| policy.default == DefaultAction::Deny;
    let deny_by_default = (0..)
        .zip(&compiled)
        .filter(|(_, policy)| denies(policy))
        .map(|(place, _)| place)
        .collect();
    let enforced = |policy: &CompiledPolicy| policy.enforcement == Enforcement::Enforce;
    Ok(Snapshot {
        parts,
        deny_by_default,
        has_enforced_policy: compiled.iter().any(enforced),
        audiences: audiences.all,
        no_limits: Arc::default(),
        texts,
        environment,
        index: Index::of(&compiled),
        masks,
        policies: compiled,
        closed,
    })
}

/// The lists of subjects of all policies, each once.
#[derive(Default)]
struct Audiences {
    all: Vec<Audience>,
    places: BTreeMap<Vec<SubjectSelector>, usize>,
    replicas: u32,
}

// === impl Audiences ===

impl Audiences {
    fn place(&mut self, policy: &Policy) -> usize {
        let mut subjects = policy.subjects.clone();
        subjects.sort_unstable();
        subjects.dedup();
        let next = self.all.len();
        let place = *self.places.entry(subjects).or_insert(next);
        if place == next {
            let subjects = policy.subjects.clone();
            self.all.push(Audience {
                subjects,
                has_enforced_policy: false,
                limits: None,
            });
        }
        if let (Enforcement::Enforce, Some(audience)) =
            (policy.enforcement, self.all.get_mut(place))
        {
            audience.has_enforced_policy = true;
            if policy.limits != Limits::default() {
                let mut limits = AppliedLimits::default();
                if let Some(held) = &audience.limits {
                    limits = AppliedLimits::clone(held);
                }
                limits.add(&policy.name, &policy.limits, self.replicas);
                audience.limits = Some(Arc::new(limits));
            }
        }
        place
    }
}

// === impl Errors ===

impl Errors {
    fn add(&mut self, place: impl Into<String>, reason: impl Into<String>) {
        self.0.push(CompileError {
            place: place.into(),
            reason: reason.into(),
        });
    }

    fn at_most(&mut self, place: &str, what: &str, count: usize, most: usize) {
        if count > most {
            self.add(place, format!("{count} {what}; at most {most} are allowed"));
        }
    }
}

// === checks ===

fn check_parts(parts: &SnapshotParts, policies: &[Policy], errors: &mut Errors) {
    let rules = policies.iter().map(|policy| policy.rules.len()).sum();
    errors.at_most("policies", "policies", policies.len(), MAX_POLICIES);
    errors.at_most("policies", "rules", rules, MAX_RULES);
    errors.at_most(
        "access",
        "subjects",
        parts.access.subjects.len(),
        MAX_FIELD_VALUES,
    );
    let texts: BTreeSet<_> = matches(policies)
        .flat_map(|one| &one.text)
        .map(|text| text.as_str())
        .collect();
    errors.at_most("policies", "text patterns", texts.len(), MAX_TEXT_PATTERNS);
    let costs = expressions(parts, policies).map(Expression::cost);
    let cost = costs.fold(0_u64, u64::saturating_add);
    if cost > MAX_SNAPSHOT_COST {
        let most = format!("at most {MAX_SNAPSHOT_COST} are allowed");
        errors.add(
            "policies",
            format!("all expressions may take {cost} steps; {most}"),
        );
    }
    if parts.replicas == 0 {
        errors.add("replicas", "there is at least one");
    }
    if parts
        .access
        .expression
        .as_ref()
        .is_some_and(Expression::mentions_operation)
    {
        errors.add(
            "access",
            "the expression asks about `operation`, and there is none yet",
        );
    }
    let mut names = BTreeSet::new();
    for policy in policies {
        if !names.insert(&policy.name) {
            errors.add(
                policy.name.to_string(),
                "there are two policies of this name",
            );
        }
    }
}

/// No masks where they are refused, for then there is no snapshot either.
fn check_masks(mut rules: Vec<MaskRule>, errors: &mut Errors) -> Masks {
    errors.at_most("masks", "masks", rules.len(), MAX_MASKS);
    let mut names = BTreeSet::new();
    for rule in &rules {
        if !names.insert(&rule.name) {
            errors.add(rule.name.to_string(), "there are two masks of this name");
        }
    }
    if rules.len() > MAX_MASKS {
        return Masks::default();
    }
    rules.sort_by(|one, two| (one.origin, &one.name).cmp(&(two.origin, &two.name)));
    Masks::compile(rules).unwrap_or_else(|refused| {
        for error in refused {
            errors.add("masks", error.to_string());
        }
        Masks::default()
    })
}

fn check_policy(policy: &Policy, errors: &mut Errors) {
    let name = policy.name.to_string();
    errors.at_most(&name, "subjects", policy.subjects.len(), MAX_FIELD_VALUES);
    let mut names = BTreeSet::new();
    for rule in &policy.rules {
        let place = format!("{name}: rule {}", rule.name);
        if rule.name.is_empty() {
            errors.add(&place, "a rule has a name");
        }
        if !names.insert(&rule.name) {
            errors.add(&place, "there are two rules of this name");
        }
        check_rule(rule, &place, errors);
    }
}

fn check_rule(rule: &Rule, place: &str, errors: &mut Errors) {
    check_match(&rule.matching, place, errors);
    if let Some(unless) = &rule.unless {
        check_match(unless, place, errors);
        if unless.is_empty() {
            errors.add(
                place,
                "an `unless` without a field lifts the rule from everything",
            );
        }
    }
    match rule.action {
        Action::RequireApproval(terms) if terms.required == 0 => {
            errors.add(place, "an approval takes at least one person");
        }
        _ => {}
    }
}

fn check_match(of: &Match, place: &str, errors: &mut Errors) {
    let counts = [
        ("effects", of.effects.len()),
        ("verbs", of.verbs.len()),
        ("resources", of.resources.len()),
        ("flags", of.flags.len()),
        ("text patterns", of.text.len()),
        ("attributes", of.attributes.len()),
    ];
    for (what, count) in counts {
        errors.at_most(place, what, count, MAX_FIELD_VALUES);
    }
    if of.verbs.iter().any(String::is_empty) {
        errors.add(place, "a verb is empty");
    }
    for (attribute, patterns) in &of.attributes {
        errors.at_most(
            place,
            "values of an attribute",
            patterns.len(),
            MAX_FIELD_VALUES,
        );
        if patterns.is_empty() {
            errors.add(place, format!("the attribute `{attribute}` lists no value"));
        }
    }
}

fn matches(policies: &[Policy]) -> impl Iterator<Item = &Match> {
    let rules = policies.iter().flat_map(|policy| &policy.rules);
    rules.flat_map(|rule| {
        [Some(&rule.matching), rule.unless.as_ref()]
            .into_iter()
            .flatten()
    })
}

fn expressions<'a>(
    parts: &'a SnapshotParts,
    policies: &'a [Policy],
) -> impl Iterator<Item = &'a Expression> {
    matches(policies)
        .filter_map(|one| one.expression.as_ref())
        .chain(&parts.access.expression)
}

// === what closes a connection ===

fn closed(parts: &SnapshotParts, policies: &[Policy], masks: &Masks) -> Option<Reason> {
    if parts.lockdown {
        let message = "the platform has locked this connection down";
        let remediation = "wait until the platform lifts the lockdown";
        return Some(closed_reason(Class::PolicyDenied, message, remediation));
    }
    let broken: BTreeSet<String> = parts.broken.iter().map(ToString::to_string).collect();
    if !broken.is_empty() {
        let message = format!("not valid, and never was: {}", listed(&broken));
        let remediation = "correct it; its status conditions say what is wrong";
        return Some(closed_reason(
            Class::PolicyUnavailable,
            &message,
            remediation,
        ));
    }
    let unmet = parts
        .requires
        .iter()
        .filter(|required| !is_met(required, policies, masks));
    let missing: BTreeSet<String> = unmet.map(ToString::to_string).collect();
    if !missing.is_empty() {
        let message = format!(
            "this connection requires what is not there: {}",
            listed(&missing)
        );
        let remediation = "apply what is missing, enforced and selecting this connection";
        return Some(closed_reason(
            Class::PolicyUnavailable,
            &message,
            remediation,
        ));
    }
    None
}

fn listed(names: &BTreeSet<String>) -> String {
    names.iter().cloned().collect::<Vec<_>>().join(", ")
}

fn is_met(required: &Requirement, policies: &[Policy], masks: &Masks) -> bool {
    match required.kind {
        RequirementKind::Guardrail => policies.iter().any(|policy| {
            policy.name.name == required.name && policy.enforcement == Enforcement::Enforce
        }),
        RequirementKind::Mask => masks
            .rules()
            .iter()
            .any(|mask| mask.name.name == required.name),
    }
}
