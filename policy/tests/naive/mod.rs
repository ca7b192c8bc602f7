//! How policies decide, written as plainly as it can be: no index, no order, no short cut. What
//! the crate answers is compared with this.

use portcullis_policy::{
    Access, Action, ApprovalTerms, DefaultAction, Effect, Enforcement, Flag, Match, Operation,
    Origin, Policy, Resource, Rule, Subject, SubjectSelector, Verdict,
};

pub(crate) fn decide(policies: &[Policy], subject: &Subject, operation: &Operation) -> Verdict {
    let bound: Vec<&Policy> = policies
        .iter()
        .filter(|policy| binds(policy, subject))
        .collect();
    let enforced: Vec<&Policy> = bound
        .into_iter()
        .filter(|policy| policy.enforcement == Enforcement::Enforce)
        .collect();
    if enforced.is_empty() {
        return Verdict::Deny;
    }
    let mut verdicts: Vec<Verdict> = enforced
        .iter()
        .map(|policy| ask_policy(policy, operation))
        .collect();
    for flag in [
        Flag::ServerFile,
        Flag::ServerProgram,
        Flag::CredentialAccess,
        Flag::OwnResource,
    ] {
        let lifted = enforced.iter().any(|policy| {
            policy.origin == Origin::Platform
                && policy.rules.iter().any(|rule| {
                    rule.action == Action::Allow
                        && rule.matching.flags.contains(&flag)
                        && speaks(rule, operation)
                })
        });
        if operation.flags.contains(&flag) && !lifted {
            verdicts.push(Verdict::Deny);
        }
    }
    strictest(&verdicts)
}

pub(crate) fn binds(policy: &Policy, subject: &Subject) -> bool {
    policy.subjects.is_empty() || SubjectSelector::any(&policy.subjects, subject)
}

pub(crate) fn ask_policy(policy: &Policy, operation: &Operation) -> Verdict {
    let spoken: Vec<Verdict> = policy
        .rules
        .iter()
        .filter(|rule| speaks(rule, operation))
        .map(|rule| match rule.action {
            Action::Allow => Verdict::Allow,
            Action::Deny => Verdict::Deny,
            Action::RequireApproval(terms) => Verdict::Hold(terms),
        })
        .collect();
    match (spoken.is_empty(), policy.default) {
        (false, _) => strictest(&spoken),
        (true, DefaultAction::Allow) => Verdict::Allow,
        (true, DefaultAction::Deny) => Verdict::Deny,
    }
}

pub(crate) fn strictest(verdicts: &[Verdict]) -> Verdict {
    if verdicts.contains(&Verdict::Deny) {
        return Verdict::Deny;
    }
    let holds = verdicts.iter().filter_map(|verdict| match verdict {
        Verdict::Hold(terms) => Some(*terms),
        Verdict::Allow | Verdict::Deny => None,
    });
    match holds.reduce(ApprovalTerms::strictest) {
        Some(terms) => Verdict::Hold(terms),
        None => Verdict::Allow,
    }
}

fn speaks(rule: &Rule, operation: &Operation) -> bool {
    let unless = rule.unless.as_ref();
    match rule.action {
        Action::Allow => {
            allows(&rule.matching, operation)
                && !unless.is_some_and(|unless| restricts(unless, operation))
        }
        Action::Deny | Action::RequireApproval(_) => {
            restricts(&rule.matching, operation)
                && !unless.is_some_and(|unless| covers(unless, &rule.matching, operation))
        }
    }
}

fn unknown(operation: &Operation) -> bool {
    operation.effect == Effect::Unknown
        || operation
            .accesses
            .iter()
            .any(|access| access.effect == Effect::Unknown)
}

/// Yes where it cannot be told.
fn restricts(of: &Match, operation: &Operation) -> bool {
    if unknown(operation) {
        return true;
    }
    let accesses = match (of.effects.is_empty(), of.resources.is_empty()) {
        (true, true) => true,
        (false, true) => {
            of.effects.contains(&operation.effect)
                || operation
                    .accesses
                    .iter()
                    .any(|access| of.effects.contains(&access.effect))
        }
        (_, false) => operation
            .accesses
            .iter()
            .any(|access| satisfies(of, access, true)),
    };
    accesses && words(of, operation, false) && attributes(of, operation, false)
}

/// No where it cannot be told.
fn allows(of: &Match, operation: &Operation) -> bool {
    if unknown(operation) {
        return of.is_empty();
    }
    let own = of.effects.is_empty() || of.effects.contains(&operation.effect);
    let any = of.resources.is_empty() || !operation.accesses.is_empty();
    let all = operation
        .accesses
        .iter()
        .all(|access| satisfies(of, access, false));
    own && any && all && words(of, operation, true) && attributes(of, operation, true)
}

fn covers(unless: &Match, matched: &Match, operation: &Operation) -> bool {
    if unknown(operation) {
        return unless.is_empty();
    }
    let matched_accesses: Vec<&Access> = operation
        .accesses
        .iter()
        .filter(|access| satisfies(matched, access, true))
        .collect();
    let all = matched_accesses
        .iter()
        .all(|access| satisfies(unless, access, false));
    let own = unless.effects.is_empty() || unless.effects.contains(&operation.effect);
    let about_operation = matched.effects.is_empty() && matched.resources.is_empty();
    let by_own_effect = matched.resources.is_empty()
        && matched.effects.contains(&operation.effect)
        && !matched_accesses
            .iter()
            .any(|access| access.effect == operation.effect);
    let accesses = if matched_accesses.is_empty() || by_own_effect {
        all && own && unless.resources.is_empty()
    } else if about_operation {
        all && own
    } else {
        all
    };
    accesses && words(unless, operation, true) && attributes(unless, operation, true)
}

fn satisfies(of: &Match, access: &Access, unresolved: bool) -> bool {
    let effect = of.effects.is_empty() || of.effects.contains(&access.effect);
    let resource = of.resources.is_empty()
        || match &access.resource {
            Resource::Unresolved { .. } => unresolved,
            named => of.resources.iter().any(|pattern| pattern.matches(named)),
        };
    effect && resource
}

fn words(of: &Match, operation: &Operation, all: bool) -> bool {
    let mut verbs = vec![operation.verb.to_lowercase()];
    if let Some(listed) = operation.attributes.get("verb") {
        verbs.extend(listed.iter().map(|verb| verb.to_lowercase()));
    }
    let named = |verb: &String| of.verbs.iter().any(|one| one.to_lowercase() == *verb);
    let verbs = match all {
        true => verbs.iter().all(named),
        false => verbs.iter().any(named),
    };
    (of.verbs.is_empty() || verbs)
        && (of.flags.is_empty() || of.flags.iter().any(|flag| operation.flags.contains(flag)))
        && (of.text.is_empty()
            || of
                .text
                .iter()
                .any(|text| text.matches(&operation.text).unwrap()))
}

fn attributes(of: &Match, operation: &Operation, all: bool) -> bool {
    of.attributes.iter().all(|(name, patterns)| {
        let values = operation
            .attributes
            .get(name)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let matches = |value: &String| patterns.iter().any(|pattern| pattern.matches(value));
        match all {
            true => !values.is_empty() && values.iter().all(matches),
            false => values.iter().any(matches),
        }
    })
}
