use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::limit::{LimitKind, RESOLUTION};
use crate::rule::ObjectName;
use crate::subject::Subject;

const SECOND: Duration = Duration::from_secs(1);

fn caller(name: &str, connection: &str) -> Caller {
    Caller::new(
        &Subject {
            username: name.into(),
            ..Subject::default()
        },
        connection,
    )
}

fn policy(name: &str) -> Arc<ObjectName> {
    let (namespace, name) = name.split_once('/').unwrap();
    Arc::new(ObjectName::new(namespace, name))
}

fn rate(source: &str, max: u64, per: Per) -> Named<RateLimit> {
    let limit = RateLimit {
        max,
        window: SECOND,
        per,
    };
    Named {
        id: LimitId::new(LimitKind::Operations, &policy(source)),
        limit,
    }
}

fn sessions(max: u64, per: Per) -> Named<CountLimit> {
    let limit = CountLimit { max, per };
    Named {
        id: LimitId::new(LimitKind::Sessions, &policy("ns/p")),
        limit,
    }
}

fn at(millis: u64) -> Monotonic {
    Monotonic::from_nanos(millis * 1_000_000)
}

/// Who, over which connection, when.
type Passed = (u64, u64, u64);

fn exceeded<T: std::fmt::Debug>(answer: Result<T, Refusal>) -> Standing {
    match answer {
        Err(Refusal::Exceeded(standing)) => standing,
        other => panic!("not exceeded: {other:?}"),
    }
}

#[test]
fn per_says_who_shares_a_count() {
    let [alice_a, alice_b, bob_a] = [
        caller("alice", "a"),
        caller("alice", "b"),
        caller("bob", "a"),
    ];
    for (per, others_pass) in [
        (Per::Subject, [true, true]),
        (Per::Connection, [true, false]),
        (Per::Both, [true, false]),
    ] {
        let mut counters = Counters::default();
        let limits = [rate("ns/p", 1, per)];
        assert!(counters.admit(&alice_a, &limits, at(0)).is_ok());
        assert!(counters.admit(&alice_a, &limits, at(0)).is_err());
        assert_eq!(
            counters.admit(&alice_b, &limits, at(0)).is_ok(),
            others_pass[0],
            "{per:?}"
        );
        assert_eq!(
            counters.admit(&bob_a, &limits, at(0)).is_ok(),
            others_pass[1],
            "{per:?}"
        );
    }
}

#[test]
fn both_holds_each_subject_and_all_of_them_to_the_limit() {
    let mut counters = Counters::default();
    let limits = [rate("ns/p", 2, Per::Both)];
    let [alice, bob] = ["alice", "bob"].map(|name| caller(name, "a"));
    assert_eq!(
        counters
            .admit(&alice, &limits, at(0))
            .unwrap()
            .unwrap()
            .left,
        1
    );
    assert_eq!(
        counters.admit(&bob, &limits, at(0)).unwrap().unwrap().left,
        0
    );
    exceeded(counters.admit(&bob, &limits, at(0)));
    assert_eq!(counters.keys().0, 3);
}

#[test]
fn names_cannot_be_shifted_into_each_other() {
    let all: std::collections::HashSet<_> = [("ab", "c"), ("a", "bc"), ("abc", ""), ("", "abc")]
        .iter()
        .flat_map(|(name, connection)| caller(name, connection).counted(Per::Both))
        .collect();
    assert_eq!(all.len(), 8);
}

#[test]
fn the_answer_says_what_is_left_and_when_it_frees() {
    let mut counters = Counters::default();
    let alice = caller("alice", "a");
    let limits = [
        rate("ns/wide", 10, Per::Subject),
        rate("ns/narrow", 2, Per::Subject),
    ];
    let first = counters.admit(&alice, &limits, at(0)).unwrap().unwrap();
    assert_eq!(
        (first.source.to_string().as_str(), first.left),
        ("ns/narrow", 1)
    );
    assert_eq!(first.frees_in, Some(Duration::ZERO));
    let second = counters.admit(&alice, &limits, at(400)).unwrap().unwrap();
    assert_eq!(
        (second.left, second.frees_in),
        (0, Some(Duration::from_millis(600)))
    );
    let refused = exceeded(counters.admit(&alice, &limits, at(700)));
    assert_eq!(
        (
            refused.source.to_string().as_str(),
            refused.max,
            refused.left
        ),
        ("ns/narrow", 2, 0)
    );
    assert_eq!(refused.frees_in, Some(Duration::from_millis(300)));
    assert_eq!(refused.kind, LimitKind::Operations);
    assert!(counters.admit(&alice, &limits, at(1000)).is_ok());
    assert_eq!(counters.admit(&alice, &[], at(1000)).unwrap(), None);
}

#[test]
fn a_refused_operation_counts_nowhere() {
    let mut counters = Counters::default();
    let alice = caller("alice", "a");
    let [wide, narrow] = [
        rate("ns/wide", 5, Per::Subject),
        rate("ns/narrow", 1, Per::Subject),
    ];
    counters
        .admit(&alice, &[wide.clone(), narrow.clone()], at(0))
        .unwrap();
    for _ in 0..20 {
        exceeded(counters.admit(&alice, &[wide.clone(), narrow.clone()], at(1)));
    }
    let left = counters
        .admit(&alice, &[wide], at(2))
        .unwrap()
        .unwrap()
        .left;
    assert_eq!(left, 3);
}

#[test]
fn of_two_limits_that_refuse_the_longer_wait_is_told() {
    let mut counters = Counters::default();
    let alice = caller("alice", "a");
    let mut hourly = rate("ns/hour", 1, Per::Subject);
    hourly.limit.window = SECOND * 3600;
    let limits = [rate("ns/second", 1, Per::Subject), hourly];
    counters.admit(&alice, &limits, at(0)).unwrap();
    for limits in [limits.clone(), {
        let [a, b] = limits;
        [b, a]
    }] {
        let refused = exceeded(counters.admit(&alice, &limits, at(500)));
        assert_eq!(
            (refused.source.to_string().as_str(), refused.frees_in),
            ("ns/hour", Some(Duration::from_millis(3_599_500)))
        );
    }
}

#[test]
fn nothing_passes_a_limit_of_zero_or_a_window_of_no_length() {
    let mut counters = Counters::default();
    let alice = caller("alice", "a");
    let mut instant = rate("ns/p", 5, Per::Subject);
    instant.limit.window = Duration::ZERO;
    for limit in [rate("ns/p", 0, Per::Subject), instant] {
        let refused = exceeded(counters.admit(&alice, &[limit], at(0)));
        assert_eq!(refused.frees_in, None);
    }
    assert_eq!(counters.keys(), (0, 0));
}

#[test]
fn an_edit_keeps_what_was_counted() {
    let mut counters = Counters::default();
    let alice = caller("alice", "a");
    for _ in 0..5 {
        counters
            .admit(&alice, &[rate("ns/p", 5, Per::Subject)], at(0))
            .unwrap();
    }
    let raised = counters
        .admit(&alice, &[rate("ns/p", 7, Per::Subject)], at(1))
        .unwrap();
    assert_eq!(raised.unwrap().left, 1);
    exceeded(counters.admit(&alice, &[rate("ns/p", 3, Per::Subject)], at(2)));
    let mut longer = rate("ns/p", 7, Per::Subject);
    longer.limit.window = SECOND * 10;
    assert_eq!(
        counters
            .admit(&alice, std::slice::from_ref(&longer), at(3))
            .unwrap()
            .unwrap()
            .left,
        0
    );
    let refused = exceeded(counters.admit(&alice, &[longer], at(2000)));
    assert_eq!(refused.frees_in, Some(Duration::from_secs(8)));
}

#[test]
fn a_clock_that_steps_back_frees_nothing() {
    let mut counters = Counters::default();
    let alice = caller("alice", "a");
    let limits = [rate("ns/p", 2, Per::Subject)];
    counters.admit(&alice, &limits, at(5000)).unwrap();
    counters.admit(&alice, &limits, at(0)).unwrap();
    for now in [0, 4999, 1, 5500, 5999, 0] {
        exceeded(counters.admit(&alice, &limits, at(now)));
    }
    assert!(counters.admit(&alice, &limits, at(6000)).is_ok());
}

#[test]
fn kinds_are_counted_apart() {
    let mut counters = Counters::default();
    let alice = caller("alice", "a");
    let operations = rate("ns/p", 1, Per::Subject);
    let writes = Named {
        id: LimitId::new(LimitKind::Writes, &policy("ns/p")),
        limit: operations.limit,
    };
    assert!(counters.admit(&alice, &[operations], at(0)).is_ok());
    assert!(
        counters
            .admit(&alice, std::slice::from_ref(&writes), at(0))
            .is_ok()
    );
    assert_eq!(
        exceeded(counters.admit(&alice, &[writes], at(0))).kind,
        LimitKind::Writes
    );
}

#[test]
fn a_full_table_refuses_newcomers_by_name_and_takes_them_when_windows_are_empty() {
    let mut counters = Counters::default();
    let limits = [rate("ns/p", 3, Per::Subject)];
    for i in 0..MAX_KEYS {
        counters
            .admit(&caller(&i.to_string(), "a"), &limits, at(0))
            .unwrap();
    }
    let late = caller("late", "a");
    assert_eq!(
        counters.admit(&late, &limits, at(999)),
        Err(Refusal::TableFull)
    );
    // Those who are known go on.
    assert!(counters.admit(&caller("7", "a"), &limits, at(999)).is_ok());
    // The last sweep was a millisecond ago, so the newcomer waits for the next one.
    assert_eq!(
        counters.admit(&late, &limits, at(1000)),
        Err(Refusal::TableFull)
    );
    assert!(counters.admit(&late, &limits, at(1099)).is_ok());
    assert_eq!(
        counters.keys().0,
        2,
        "the newcomer, and the one whose window is not empty"
    );
    let left = counters
        .admit(&caller("7", "a"), &limits, at(1100))
        .unwrap()
        .unwrap()
        .left;
    assert_eq!(left, 1, "not forgotten: one counts still, one is new");
}

#[test]
fn sessions_are_counted_until_they_are_given_back() {
    let mut counters = Counters::default();
    let alice = caller("alice", "a");
    let limits = [sessions(2, Per::Subject)];
    let (first, left) = counters.open(&alice, &limits).unwrap();
    assert_eq!(left.unwrap().left, 1);
    let (second, left) = counters.open(&alice, &limits).unwrap();
    assert_eq!(left.unwrap().frees_in, None);
    let refused = exceeded(counters.open(&alice, &limits));
    assert_eq!(
        (refused.kind, refused.max, refused.left, refused.frees_in),
        (LimitKind::Sessions, 2, 0, None)
    );
    counters.close(first);
    let (third, _) = counters.open(&alice, &limits).unwrap();
    counters.close(second);
    counters.close(third);
    assert_eq!(counters.keys(), (0, 0));
}

#[test]
fn a_session_limit_that_comes_later_sees_open_sessions() {
    let mut counters = Counters::default();
    let slots: Vec<_> = ["alice", "bob"]
        .map(|name| counters.open(&caller(name, "a"), &[]).unwrap().0)
        .into();
    let carol = caller("carol", "a");
    assert!(
        counters
            .open(&carol, &[sessions(2, Per::Connection)])
            .is_err()
    );
    assert!(counters.open(&carol, &[sessions(0, Per::Subject)]).is_err());
    assert!(counters.open(&carol, &[sessions(2, Per::Both)]).is_err());
    let (slot, _) = counters.open(&carol, &[sessions(3, Per::Both)]).unwrap();
    assert!(
        counters
            .open(&caller("bob", "a"), &[sessions(1, Per::Subject)])
            .is_err()
    );
    assert!(
        counters
            .open(&caller("bob", "b"), &[sessions(1, Per::Both)])
            .is_ok()
    );
    slots
        .into_iter()
        .chain([slot])
        .for_each(|slot| counters.close(slot));
}

#[test]
fn a_full_table_of_sessions_refuses_newcomers() {
    let mut counters = Counters::default();
    // One key for the connection, one for each caller.
    for i in 0..MAX_KEYS - 1 {
        let _slot = counters.open(&caller(&i.to_string(), "a"), &[]).unwrap();
    }
    assert!(matches!(
        counters.open(&caller("late", "a"), &[]),
        Err(Refusal::TableFull)
    ));
    assert!(counters.open(&caller("7", "a"), &[]).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(200)))]

    /// Several callers and limits, edits in between, a clock that wobbles: against a list of
    /// all that passed.
    #[test]
    fn counters_agree_with_a_naive_list(
        steps in prop::collection::vec((0u64..3, 0u64..2, 0u64..400, 1u64..6, any::<bool>()), 1..150),
    ) {
        let mut counters = Counters::default();
        let mut passed: Vec<Passed> = Vec::new();
        let mut clock = 0u64;
        for (who, connection, gap, max, back) in steps {
            let told = if back { clock.saturating_sub(gap) } else { clock + gap };
            clock = clock.max(told);
            let limits = [
                rate("ns/s", max, Per::Subject),
                rate("ns/c", max + 2, Per::Connection),
                rate("ns/b", max + 1, Per::Both),
            ];
            let within = |keep: &dyn Fn(&Passed) -> bool| {
                passed.iter().filter(|p| p.2 + 1000 > clock && keep(p)).count() as u64
            };
            let subject = within(&|p| (p.0, p.1) == (who, connection));
            let all = within(&|p| p.1 == connection);
            let room = subject < max && all < max + 1;
            let caller = caller(&who.to_string(), &connection.to_string());
            let answer = counters.admit(&caller, &limits, at(told));
            prop_assert!(max <= RESOLUTION);
            prop_assert_eq!(answer.is_ok(), room);
            if room {
                passed.push((who, connection, clock));
            }
        }
    }
}
