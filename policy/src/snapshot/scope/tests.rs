use super::*;
use crate::matcher::Glob;
use crate::rule::{
    Action, ApprovalTerms, DefaultAction, Grant, Limits, Match, ObjectName, Origin, Policy, Rule,
    Wait,
};
use crate::snapshot::SnapshotParts;
use crate::{Effect, TextPattern};
use std::time::Duration;

const READS: [Effect; 2] = [Effect::Read, Effect::Session];
const CHANGES: [Effect; 3] = [Effect::Write, Effect::Define, Effect::Administer];

fn rule(effects: &[Effect], action: Action) -> Rule {
    let matching = Match {
        effects: effects.to_vec(),
        ..Match::default()
    };
    Rule {
        name: "r".to_owned(),
        matching,
        unless: None,
        action,
        message: None,
    }
}

fn policy(default: DefaultAction, rules: Vec<Rule>) -> Policy {
    Policy {
        name: ObjectName::new("ns", "p"),
        generation: 1,
        origin: Origin::Tenant,
        enforcement: Enforcement::Enforce,
        default,
        subjects: Vec::new(),
        rules,
        limits: Limits::default(),
    }
}

fn may_only_read(mut policy: Policy) -> bool {
    for (number, rule) in policy.rules.iter_mut().enumerate() {
        rule.name = format!("r{number}");
    }
    let parts = SnapshotParts {
        policies: vec![policy],
        replicas: 1,
        ..SnapshotParts::default()
    };
    let snapshot = Snapshot::compile(parts).unwrap();
    SubjectView::new(Arc::new(snapshot), Arc::new(Subject::default())).may_only_read()
}

#[test]
fn who_may_surely_only_read_is_told_so() {
    let reads = vec![rule(&READS, Action::Allow)];
    assert!(may_only_read(policy(DefaultAction::Deny, reads)));
    assert!(may_only_read(policy(DefaultAction::Deny, vec![])));
    let outright = vec![rule(&CHANGES, Action::Deny)];
    assert!(may_only_read(policy(DefaultAction::Allow, outright)));
}

#[test]
fn any_way_to_a_write_makes_it_unsure() {
    let terms = ApprovalTerms {
        required: 1,
        grant: Grant::OneShot,
        wait: Wait::Reject,
        expires_after: Duration::from_secs(60),
    };
    let reads = || rule(&READS, Action::Allow);
    let approved = rule(&READS, Action::RequireApproval(terms));
    let mut conditional = rule(&CHANGES, Action::Deny);
    conditional.matching.text = vec![TextPattern::parse("x").unwrap()];
    let audit = Policy {
        enforcement: Enforcement::Audit,
        ..policy(DefaultAction::Deny, vec![reads()])
    };
    let of_another = Policy {
        subjects: vec![SubjectSelector::User(Glob::parse("bob").unwrap())],
        ..policy(DefaultAction::Deny, vec![reads()])
    };
    for unsure in [
        policy(DefaultAction::Allow, vec![reads()]),
        policy(DefaultAction::Deny, vec![rule(&[], Action::Allow)]),
        policy(DefaultAction::Deny, vec![reads(), approved]),
        policy(DefaultAction::Allow, vec![conditional]),
        policy(
            DefaultAction::Allow,
            vec![rule(&CHANGES[..2], Action::Deny)],
        ),
        audit,
        of_another,
    ] {
        assert!(!may_only_read(unsure.clone()), "{unsure:?}");
    }
}
