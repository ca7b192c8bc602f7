//! What must hold of any policies and any operation.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod naive;

use std::time::{Duration, SystemTime};

use portcullis_policy::{
    Access, AccessRule, Action, ApprovalTerms, Decision, DefaultAction, Effect, Enforcement, Flag,
    Glob, Grant, Limits, Match, ObjectName, Operation, Origin, Policy, Request, Resource,
    ResourceKind, ResourcePattern, Rule, SessionFacts, Snapshot, SnapshotParts, Subject,
    SubjectSelector, TextPattern, Verdict, Wait,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

fn effects() -> impl Strategy<Value = Effect> {
    use Effect::*;
    select(vec![
        Session, Read, Read, Read, Write, Write, Define, Administer, Unknown,
    ])
}

fn flags() -> impl Strategy<Value = Flag> {
    select(Flag::ALL.iter().map(|(flag, _)| *flag).collect::<Vec<_>>())
}

fn names() -> impl Strategy<Value = String> {
    select(vec!["a", "ab", "abc", "b", "Public", "public", "_"]).prop_map(str::to_owned)
}

fn resources() -> impl Strategy<Value = Resource> {
    let kind = select(vec![
        ResourceKind::Table,
        ResourceKind::Key,
        ResourceKind::Path,
    ]);
    (kind, vec(names(), 0..4), 0..12_u8).prop_map(|(kind, mut segments, resolved)| {
        if resolved == 0 {
            return Resource::Unresolved { kind };
        }
        if let Some(count) = kind.segment_count() {
            segments.resize(count, "a".to_owned());
        }
        Resource::Named { kind, segments }
    })
}

fn patterns() -> impl Strategy<Value = ResourcePattern> {
    let words = vec![
        "table:a.b",
        "table:a.*",
        "table:a*.b",
        "table:*.a*",
        "table:**",
        "table:**.b",
        r#"table:"Public".a"#,
        "table:public._",
        "table:a.ab*",
        "table:ab.?",
        "key:a*",
        "key:abc",
        "key:*",
        "key:Public",
        "path:/",
        "path:/a/**",
        "path:/a/*/b",
        "path:/**/abc",
        "path:/ab*/**",
    ];
    select(
        words
            .into_iter()
            .map(|text| ResourcePattern::parse(text).unwrap())
            .collect::<Vec<_>>(),
    )
}

fn verbs() -> impl Strategy<Value = String> {
    select(vec![
        "SELECT",
        "select",
        "SET",
        "Drop Table",
        "DROP TABLE",
        "GET",
    ])
    .prop_map(str::to_owned)
}

fn texts() -> impl Strategy<Value = TextPattern> {
    let words = vec!["secret", "(?i)drop", "^a", "x$", "a.c"];
    select(
        words
            .into_iter()
            .map(|text| TextPattern::parse(text).unwrap())
            .collect::<Vec<_>>(),
    )
}

fn matches() -> impl Strategy<Value = Match> {
    let globs = select(vec!["a", "a*", "*"]).prop_map(|text| Glob::parse(text).unwrap());
    let attributes = btree_map(
        select(vec!["x".to_owned(), "y".to_owned()]),
        vec(globs, 1..2),
        0..2,
    );
    let rarely = |most: usize| prop_oneof![3 => Just(0..=0_usize), 2 => Just(1..=most)];
    (
        rarely(3).prop_flat_map(|count| vec(effects(), count)),
        rarely(2).prop_flat_map(|count| vec(verbs(), count)),
        rarely(3).prop_flat_map(|count| vec(patterns(), count)),
        rarely(2).prop_flat_map(|count| vec(flags(), count)),
        prop_oneof![3 => vec(texts(), 0..=0), 1 => vec(texts(), 1..=2)],
        prop_oneof![2 => btree_map(Just(String::new()), vec(Just(Glob::literal("")), 0..1), 0..=0), 1 => attributes],
    )
        .prop_map(|(effects, verbs, resources, flags, text, attributes)| Match {
            effects,
            verbs,
            resources,
            flags,
            text,
            attributes,
            expression: None,
        })
}

fn terms() -> impl Strategy<Value = ApprovalTerms> {
    let seconds = || (1..5_u64).prop_map(Duration::from_secs);
    let grant = prop_oneof![
        Just(Grant::OneShot),
        seconds().prop_map(|max| Grant::TimeBoxed { max })
    ];
    let wait = prop_oneof![
        Just(Wait::Reject),
        seconds().prop_map(|hold_for| Wait::Hold { hold_for })
    ];
    (1..4_u8, grant, wait, seconds()).prop_map(|(required, grant, wait, expires_after)| {
        ApprovalTerms {
            required,
            grant,
            wait,
            expires_after,
        }
    })
}

fn rules() -> impl Strategy<Value = Rule> {
    let action = prop_oneof![
        3 => Just(Action::Allow),
        1 => Just(Action::Deny),
        1 => terms().prop_map(Action::RequireApproval),
    ];
    let unless = option::weighted(
        0.3,
        matches().prop_filter("names a field", |of| !of.is_empty()),
    );
    (matches(), unless, action).prop_map(|(matching, unless, action)| Rule {
        name: String::new(),
        matching,
        unless,
        action,
        message: None,
    })
}

fn policies() -> impl Strategy<Value = Policy> {
    let glob = |text: &str| Glob::parse(text).unwrap();
    let selectors = select(vec![
        SubjectSelector::User(glob("alice")),
        SubjectSelector::User(glob("b*")),
        SubjectSelector::Group(glob("dev")),
    ]);
    let origin = prop_oneof![2 => Just(Origin::Tenant), 1 => Just(Origin::Platform)];
    let enforcement = prop_oneof![4 => Just(Enforcement::Enforce), 1 => Just(Enforcement::Audit)];
    let default = prop_oneof![3 => Just(DefaultAction::Allow), 1 => Just(DefaultAction::Deny)];
    let subjects = prop_oneof![2 => vec(selectors.clone(), 0..=0), 1 => vec(selectors, 1..=2)];
    (origin, enforcement, default, subjects, vec(rules(), 0..5)).prop_map(
        |(origin, enforcement, default, subjects, rules)| {
            let named = (0..).zip(rules).map(|(n, rule)| Rule {
                name: format!("r{n}"),
                ..rule
            });
            Policy {
                name: ObjectName::new("ns", ""),
                generation: 1,
                origin,
                enforcement,
                default,
                subjects,
                rules: named.collect(),
                limits: Limits::default(),
            }
        },
    )
}

fn sets_of_policies(most: usize) -> impl Strategy<Value = Vec<Policy>> {
    vec(policies(), 0..most).prop_map(|policies| {
        let named = (0..).zip(policies);
        named
            .map(|(n, policy)| Policy {
                name: ObjectName::new("ns", format!("p{n}")),
                ..policy
            })
            .collect()
    })
}

fn operations() -> impl Strategy<Value = Operation> {
    let access =
        (effects(), resources()).prop_map(|(effect, resource)| Access { effect, resource });
    let text = select(vec!["", "secret", "DROP x", "abc"]).prop_map(str::to_owned);
    let values = vec(
        select(vec!["a".to_owned(), "ab".to_owned(), "c".to_owned()]),
        0..3,
    );
    let attributes = btree_map(select(vec!["x".to_owned(), "y".to_owned()]), values, 0..2);
    let several = option::weighted(0.4, vec(verbs(), 0..3));
    (
        effects(),
        (verbs(), several),
        btree_set(flags(), 0..2),
        attributes,
        text,
        btree_set(access, 0..4),
    )
        .prop_map(
            |(effect, (verb, several), flags, mut attributes, text, accesses)| {
                attributes.extend(several.map(|verbs| ("verb".to_owned(), verbs)));
                Operation {
                    effect,
                    verb,
                    flags,
                    attributes: attributes.into(),
                    text,
                    accesses: accesses.into(),
                }
            },
        )
}

fn subjects() -> impl Strategy<Value = Subject> {
    let groups = vec(select(vec!["dev".to_owned(), "ops".to_owned()]), 0..2);
    (select(vec!["alice", "bob", "carol"]), groups).prop_map(|(username, groups)| Subject {
        username: username.to_owned(),
        groups,
        ..Subject::default()
    })
}

fn open() -> Policy {
    Policy {
        name: ObjectName::new("ns", "open"),
        generation: 1,
        origin: Origin::Tenant,
        enforcement: Enforcement::Enforce,
        default: DefaultAction::Allow,
        subjects: Vec::new(),
        rules: Vec::new(),
        limits: Limits::default(),
    }
}

fn snapshot(policies: &[Policy]) -> Snapshot {
    let everybody = SubjectSelector::User(Glob::parse("*").unwrap());
    let parts = SnapshotParts {
        access: AccessRule {
            subjects: vec![everybody],
            expression: None,
        },
        policies: policies.to_vec(),
        replicas: 1,
        ..SnapshotParts::default()
    };
    Snapshot::compile(parts).unwrap()
}

fn decide(policies: &[Policy], subject: &Subject, operation: &Operation) -> Decision {
    let snapshot = snapshot(policies);
    let session = SessionFacts {
        id: "s".to_owned(),
        client_address: "10.0.0.1".to_owned(),
        started_at: SystemTime::UNIX_EPOCH,
    };
    let request = Request {
        subject,
        session: &session,
        operation,
        now: SystemTime::UNIX_EPOCH,
    };
    let decision = snapshot.decide(&request);
    let (explained, explanation) = snapshot.explain(&request);
    assert_eq!(explained, decision);
    assert_eq!(explanation.verdict, decision.verdict);
    for (told, policy) in explanation.policies.iter().map(|told| {
        (
            told,
            policies
                .iter()
                .find(|policy| policy.name == *told.name)
                .unwrap(),
        )
    }) {
        assert_eq!(
            told.verdict,
            naive::ask_policy(policy, operation),
            "{explanation}"
        );
    }
    decision
}

/// True when `later` is at least as strict as `earlier`.
fn no_looser(earlier: Verdict, later: Verdict) -> bool {
    earlier.strictest(later) == later
}

fn shuffled(policies: &[Policy], order: &[Index]) -> Vec<Policy> {
    let mut left = policies.to_vec();
    let mut all = Vec::new();
    for index in order.iter().cycle() {
        if left.is_empty() {
            break;
        }
        all.push(left.remove(index.index(left.len())));
    }
    all
}

proptest! {
    // The corners are rare: an `unless` that covers by the operation's own effect, say.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(4_000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_and_the_plain_reading_agree(
        policies in sets_of_policies(8), subject in subjects(), operation in operations(),
    ) {
        let expected = naive::decide(&policies, &subject, &operation);
        prop_assert_eq!(decide(&policies, &subject, &operation).verdict, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(600), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_policies_and_of_their_rules_changes_nothing(
        policies in sets_of_policies(6), subject in subjects(), operation in operations(),
        order in vec(any::<Index>(), 1..8),
    ) {
        let decision = decide(&policies, &subject, &operation);
        let mut other = shuffled(&policies, &order);
        prop_assert_eq!(&decide(&other, &subject, &operation), &decision);
        other.iter_mut().for_each(|policy| policy.rules.reverse());
        prop_assert_eq!(decide(&other, &subject, &operation).verdict, decision.verdict);
    }

    #[test]
    fn any_grouping_of_policies_gives_the_same_verdict(
        policies in sets_of_policies(6), subject in subjects(), operation in operations(),
        cut in any::<Index>(),
    ) {
        // What lifts the baseline must be in each group, and each group needs a policy.
        let lifts = |policy: &&Policy| policy.origin == Origin::Platform && policy.enforcement == Enforcement::Enforce;
        let shared: Vec<Policy> = policies.iter().filter(lifts).cloned().chain([open()]).collect();
        let rest: Vec<Policy> = policies.iter().filter(|policy| !lifts(policy)).cloned().collect();
        let (one, two) = rest.split_at(cut.index(rest.len() + 1));
        let verdict = |group: &[Policy]| {
            let group: Vec<Policy> = group.iter().chain(&shared).cloned().collect();
            decide(&group, &subject, &operation).verdict
        };
        prop_assert_eq!(verdict(one).strictest(verdict(two)), verdict(&rest));
    }

    #[test]
    fn adding_a_policy_never_loosens(
        policies in sets_of_policies(5), added in policies(), subject in subjects(),
        operation in operations(),
    ) {
        let baseline = [Flag::ServerFile, Flag::ServerProgram, Flag::CredentialAccess, Flag::OwnResource];
        let mut policies = policies;
        policies.push(open());
        let before = decide(&policies, &subject, &operation).verdict;
        // Lifting the baseline is what a platform policy may do on purpose.
        let lifts = added.origin == Origin::Platform
            && added.rules.iter().any(|rule| rule.matching.flags.iter().any(|flag| baseline.contains(flag)));
        prop_assume!(!lifts);
        policies.push(added);
        prop_assert!(no_looser(before, decide(&policies, &subject, &operation).verdict));
    }

    #[test]
    fn a_policy_in_audit_changes_nothing_and_is_told(
        policies in sets_of_policies(5), audited in policies(), subject in subjects(),
        operation in operations(),
    ) {
        let name = ObjectName::new("ns", "audited");
        let audited = Policy { name: name.clone(), enforcement: Enforcement::Audit, ..audited };
        let before = decide(&policies, &subject, &operation);
        let with: Vec<Policy> = policies.iter().cloned().chain([audited.clone()]).collect();
        let after = decide(&with, &subject, &operation);
        prop_assert_eq!(after.verdict, before.verdict);
        let told = after.would_be.iter().find(|would| *would.policy == name).map(|would| would.verdict);
        let expected = naive::ask_policy(&audited, &operation);
        let expected = (naive::binds(&audited, &subject) && expected != Verdict::Allow).then_some(expected);
        prop_assert_eq!(told, expected);
        let others: Vec<_> = after.would_be.iter().filter(|would| *would.policy != name).cloned().collect();
        prop_assert_eq!(others, before.would_be);
    }

    #[test]
    fn no_tenant_weakens_what_the_platform_says(
        platform in sets_of_policies(4), tenant in sets_of_policies(4), subject in subjects(),
        operation in operations(),
    ) {
        let of = |policies: Vec<Policy>, origin: Origin| {
            policies.into_iter().map(move |policy| {
                let name = ObjectName::new(origin.as_str(), &policy.name.name);
                Policy { origin, name, ..policy }
            })
        };
        let mut policies: Vec<Policy> = of(platform, Origin::Platform).collect();
        policies.push(Policy { origin: Origin::Platform, ..open() });
        let before = decide(&policies, &subject, &operation).verdict;
        policies.extend(of(tenant, Origin::Tenant));
        prop_assert!(no_looser(before, decide(&policies, &subject, &operation).verdict));
    }

    #[test]
    fn the_strictest_verdict_is_found_in_any_order(
        one in verdicts(), two in verdicts(), three in verdicts(),
    ) {
        prop_assert_eq!(one.strictest(two), two.strictest(one));
        prop_assert_eq!(one.strictest(two).strictest(three), one.strictest(two.strictest(three)));
        prop_assert_eq!(one.strictest(one), one);
    }

    #[test]
    fn hostile_patterns_and_expressions_are_refused_or_work(text in ".{0,80}", name in ".{0,40}") {
        if let Ok(glob) = Glob::parse(&text) {
            let _ = glob.matches(&name);
        }
        prop_assert!(Glob::literal(&name).matches(&name));
        if let Ok(pattern) = ResourcePattern::parse(&format!("table:{text}")) {
            let segments = vec![name.clone(), text.clone()];
            let _ = pattern.matches(&Resource::Named { kind: ResourceKind::Table, segments });
        }
    }
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Allow),
        Just(Verdict::Deny),
        terms().prop_map(Verdict::Hold)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(300), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hostile_expressions_are_refused_with_a_place(
        parts in vec(select(vec![
            "operation", ".", "text", "(", ")", "[", "]", "'", "\"", "\\", "a", "1", "==", "&&", "!", "-",
            "?", ":", ",", "in", " ", "\n", "exists", "all", "has", "r'", "//", "é", "subject.groups",
            "matches", "0x", "1.5", "null", "true", "{", "`", "@", "+", "now", ".exists(x, x == 'a')",
        ]), 0..30),
    ) {
        let source = parts.concat();
        if let Err(error) = portcullis_policy::Expression::compile(&source) {
            prop_assert!(error.line >= 1 && error.column >= 1, "{error}");
        }
    }
}
