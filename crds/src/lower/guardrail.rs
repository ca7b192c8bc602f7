//! GuardrailPolicy to the policy that decides.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::ResourceExt;
use portcullis_policy::expression::Expression;
use portcullis_policy::matcher::{Glob, ResourcePattern, TextPattern};
use portcullis_policy::rule as policy;
use portcullis_policy::{Effect as PolicyEffect, Flag as PolicyFlag};

use super::{Errors, FieldError, origin, subjects, target};
use crate::connection_class::ApprovalDefaults;
use crate::guardrail_policy::{
    Action, Approval, DefaultAction, Effect, Enforcement, Flag, Grant, GuardrailPolicy, Limits,
    Match, OnExceed, Per, RateLimit, Rule, SizeLimit, Wait,
};

/// The shortest window of a limit, as the schema has it.
const MIN_WINDOW: Duration = Duration::from_secs(1);

/// Lowers a policy for a Connection whose class has these `defaults`.
pub fn lower(
    object: &GuardrailPolicy,
    defaults: &ApprovalDefaults,
) -> Result<policy::Policy, Vec<FieldError>> {
    let spec = &object.spec;
    let namespace = object.namespace().unwrap_or_default();
    let mut errors = Errors::default();
    target::check(
        &mut errors,
        &namespace,
        &spec.target_refs,
        spec.target_selector.as_ref(),
    );
    let lowered = policy::Policy {
        origin: origin(&namespace),
        name: policy::ObjectName::new(namespace, object.name_any()),
        generation: object.metadata.generation.unwrap_or_default(),
        enforcement: match spec.enforcement {
            Enforcement::Enforce => policy::Enforcement::Enforce,
            Enforcement::Audit => policy::Enforcement::Audit,
        },
        default: match spec.default {
            DefaultAction::Allow => policy::DefaultAction::Allow,
            DefaultAction::Deny => policy::DefaultAction::Deny,
        },
        subjects: subjects(&mut errors, "spec.subjects", &spec.subjects),
        rules: rules(&mut errors, &spec.rules, defaults),
        limits: spec
            .limits
            .as_ref()
            .map(|limits| lower_limits(&mut errors, limits))
            .unwrap_or_default(),
    };
    errors.finish(lowered)
}

fn rules(errors: &mut Errors, rules: &[Rule], defaults: &ApprovalDefaults) -> Vec<policy::Rule> {
    let mut lowered: Vec<policy::Rule> = Vec::with_capacity(rules.len());
    for (index, rule) in rules.iter().enumerate() {
        let field = format!("spec.rules[{index}]");
        if lowered.iter().any(|known| known.name == rule.name) {
            errors.add(
                format!("{field}.name"),
                "another rule of this policy has the same name; rename one",
            );
        }
        lowered.push(policy::Rule {
            name: rule.name.clone(),
            matching: lower_match(errors, &format!("{field}.match"), &rule.matching),
            unless: rule
                .unless
                .as_ref()
                .map(|unless| lower_match(errors, &format!("{field}.unless"), unless)),
            action: action(errors, &field, rule, defaults),
            message: rule.message.clone(),
        });
    }
    lowered
}

fn lower_match(errors: &mut Errors, field: &str, matching: &Match) -> policy::Match {
    if *matching == Match::default() {
        errors.add(
            field,
            "names no field; write at least one, an empty match would be everything",
        );
    }
    let mut attributes = BTreeMap::new();
    for (name, patterns) in &matching.attributes {
        let at = format!("{field}.attributes.{name}");
        if patterns.is_empty() {
            errors.add(&at, "has no pattern; write at least one");
        }
        attributes.insert(name.clone(), errors.list(&at, patterns, |p| Glob::parse(p)));
    }
    policy::Match {
        effects: matching.effects.iter().copied().map(effect).collect(),
        verbs: errors.list(&format!("{field}.verbs"), &matching.verbs, |v| verb(v)),
        resources: errors.list(&format!("{field}.resources"), &matching.resources, |p| {
            ResourcePattern::parse(p)
        }),
        flags: matching.flags.iter().copied().map(flag).collect(),
        text: errors.list(&format!("{field}.text"), &matching.text, |p| {
            TextPattern::parse(p)
        }),
        attributes,
        expression: matching.expression.as_ref().and_then(|text| {
            errors.keep(&format!("{field}.expression"), Expression::compile(text))
        }),
    }
}

/// A verb that no operation could have would match nothing, and nobody would notice.
fn verb(text: &str) -> Result<String, &'static str> {
    let word = |word: &str| {
        let known = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
        !word.is_empty() && word.chars().all(known)
    };
    match text.split(' ').all(word) {
        true => Ok(text.to_owned()),
        false => Err(
            "is no verb; write its words with one space between them, such as CREATE TABLE \
             (wildcards are for resources)",
        ),
    }
}

fn action(
    errors: &mut Errors,
    field: &str,
    rule: &Rule,
    defaults: &ApprovalDefaults,
) -> policy::Action {
    if rule.approval.is_some() && rule.action != Action::RequireApproval {
        errors.add(
            format!("{field}.approval"),
            "belongs to action RequireApproval only; remove it",
        );
    }
    match rule.action {
        Action::Allow => policy::Action::Allow,
        Action::Deny => policy::Action::Deny,
        Action::RequireApproval => {
            let approval = rule.approval.clone().unwrap_or_default();
            policy::Action::RequireApproval(terms(errors, field, &approval, defaults))
        }
    }
}

fn terms(
    errors: &mut Errors,
    field: &str,
    approval: &Approval,
    defaults: &ApprovalDefaults,
) -> policy::ApprovalTerms {
    let grant = match (approval.grant, approval.max_duration) {
        (Grant::OneShot, None) => policy::Grant::OneShot,
        (Grant::TimeBoxed, Some(max)) => policy::Grant::TimeBoxed { max: max.get() },
        (Grant::TimeBoxed, None) => {
            errors.add(
                format!("{field}.approval.maxDuration"),
                "is missing; grant TimeBoxed needs it, such as 30m",
            );
            policy::Grant::TimeBoxed {
                max: Duration::ZERO,
            }
        }
        (Grant::OneShot, Some(_)) => {
            errors.add(
                format!("{field}.approval.maxDuration"),
                "belongs to grant TimeBoxed only; remove it",
            );
            policy::Grant::OneShot
        }
    };
    let required = u8::try_from(approval.required)
        .ok()
        .filter(|n| (1..=5).contains(n));
    if required.is_none() {
        errors.add(
            format!("{field}.approval.required"),
            "must be between 1 and 5",
        );
    }
    policy::ApprovalTerms {
        required: required.unwrap_or(u8::MAX),
        grant,
        wait: match approval.wait.unwrap_or(defaults.wait) {
            Wait::Hold => policy::Wait::Hold {
                hold_for: approval.hold_for.unwrap_or(defaults.hold_for).get(),
            },
            Wait::Reject => policy::Wait::Reject,
        },
        expires_after: approval
            .expires_after
            .unwrap_or(defaults.expires_after)
            .get(),
    }
}

fn lower_limits(errors: &mut Errors, limits: &Limits) -> policy::Limits {
    let per = match limits.per {
        Per::Subject => policy::Per::Subject,
        Per::Connection => policy::Per::Connection,
        Per::Both => policy::Per::Both,
    };
    policy::Limits {
        rows: size(errors, "rows", limits.rows.as_ref()),
        bytes: size(errors, "bytes", limits.bytes.as_ref()),
        operations: rate(errors, "operations", limits.operations.as_ref(), per),
        writes: rate(errors, "writes", limits.writes.as_ref(), per),
        sessions: limits.sessions.as_ref().and_then(|limit| {
            let max = count(errors, "sessions", limit.max)?;
            Some(policy::CountLimit { max, per })
        }),
    }
}

fn count(errors: &mut Errors, field: &str, max: i64) -> Option<u64> {
    let counted = u64::try_from(max).ok().filter(|max| *max > 0);
    if counted.is_none() {
        errors.add(format!("spec.limits.{field}.max"), "must be at least 1");
    }
    counted
}

fn size(errors: &mut Errors, field: &str, limit: Option<&SizeLimit>) -> Option<policy::SizeLimit> {
    let limit = limit?;
    Some(policy::SizeLimit {
        max: count(errors, field, limit.max)?,
        on_exceed: match limit.on_exceed {
            OnExceed::Error => policy::OnExceed::Error,
            OnExceed::Truncate => policy::OnExceed::Truncate,
        },
    })
}

fn rate(
    errors: &mut Errors,
    field: &str,
    limit: Option<&RateLimit>,
    per: policy::Per,
) -> Option<policy::RateLimit> {
    let limit = limit?;
    let window = limit.per.get();
    if window < MIN_WINDOW {
        // In no time nothing happens too often: such a limit would be none.
        errors.add(format!("spec.limits.{field}.per"), "must be at least 1s");
    }
    let max = count(errors, field, limit.max)?;
    Some(policy::RateLimit { max, window, per })
}

fn effect(effect: Effect) -> PolicyEffect {
    match effect {
        Effect::Read => PolicyEffect::Read,
        Effect::Write => PolicyEffect::Write,
        Effect::Define => PolicyEffect::Define,
        Effect::Administer => PolicyEffect::Administer,
        Effect::Session => PolicyEffect::Session,
        Effect::Unknown => PolicyEffect::Unknown,
    }
}

fn flag(flag: Flag) -> PolicyFlag {
    match flag {
        Flag::Unbounded => PolicyFlag::Unbounded,
        Flag::ConstantWhere => PolicyFlag::ConstantWhere,
        Flag::ServerFile => PolicyFlag::ServerFile,
        Flag::ServerProgram => PolicyFlag::ServerProgram,
        Flag::ServerCode => PolicyFlag::ServerCode,
        Flag::OutboundConnection => PolicyFlag::OutboundConnection,
        Flag::RoleChange => PolicyFlag::RoleChange,
        Flag::PrivilegeChange => PolicyFlag::PrivilegeChange,
        Flag::DynamicCode => PolicyFlag::DynamicCode,
        Flag::MultiStatement => PolicyFlag::MultiStatement,
        Flag::CredentialAccess => PolicyFlag::CredentialAccess,
        Flag::OwnResource => PolicyFlag::OwnResource,
    }
}
