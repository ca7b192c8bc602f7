use super::*;
use crate::rule::{CountLimit, Limits, ObjectName, OnExceed, Per, RateLimit, SizeLimit};

#[test]
fn a_replicas_share_is_rounded_down_and_at_least_one() {
    for (max, replicas, expected) in [
        (100, 1, 100),
        (100, 3, 33),
        (2, 3, 1),
        (1, 1000, 1),
        (0, 3, 0),
        (5, 0, 5),
    ] {
        assert_eq!(share(max, replicas), expected, "{max} over {replicas}");
    }
}

#[test]
fn a_refusal_says_which_limit_of_which_policy() {
    let standing = Standing {
        kind: LimitKind::Writes,
        source: ObjectName::new("shop", "agents").into(),
        max: 5,
        left: 0,
        frees_in: Some(Duration::from_secs(3)),
    };
    assert_eq!(
        Refusal::Exceeded(standing).to_string(),
        "limit of 5 writes set by shop/agents is reached"
    );
    assert_eq!(
        Refusal::TableFull.to_string(),
        "the table of 16384 counters is full with callers that still count"
    );
}

#[test]
fn a_replica_applies_its_part_of_rates_and_the_whole_of_sizes() {
    let rate = RateLimit {
        max: 90,
        window: Duration::from_secs(60),
        per: Per::Subject,
    };
    let limits = Limits {
        rows: Some(SizeLimit {
            max: 10,
            on_exceed: OnExceed::Error,
        }),
        bytes: Some(SizeLimit {
            max: 11,
            on_exceed: OnExceed::Truncate,
        }),
        operations: Some(rate),
        writes: Some(RateLimit { max: 2, ..rate }),
        sessions: Some(CountLimit {
            max: 7,
            per: Per::Connection,
        }),
    };
    let mut applied = AppliedLimits::default();
    applied.add(&ObjectName::new("ns", "empty"), &Limits::default(), 3);
    applied.add(&ObjectName::new("ns", "p"), &limits, 3);
    let told = |id: &LimitId, max| format!("{} {} {max}", id.source(), id.kind());
    let sizes: Vec<_> = applied
        .sizes
        .iter()
        .map(|l| told(&l.id, l.limit.max))
        .collect();
    assert_eq!(sizes, ["ns/p rows 10", "ns/p bytes 11"]);
    let rates = |writes| -> Vec<String> {
        applied
            .rates(writes)
            .map(|l| told(&l.id, l.limit.max))
            .collect()
    };
    assert_eq!(rates(true), ["ns/p operations 30", "ns/p writes 1"]);
    assert_eq!(rates(false), ["ns/p operations 30"]);
    let sessions: Vec<_> = applied
        .sessions
        .iter()
        .map(|l| told(&l.id, l.limit.max))
        .collect();
    assert_eq!(sessions, ["ns/p sessions 2"]);
}
