use super::*;
use crate::limit::LimitId;
use crate::rule::ObjectName;

fn limit(kind: LimitKind, max: u64, on_exceed: OnExceed) -> Named<SizeLimit> {
    Named {
        id: LimitId::new(kind, &ObjectName::new("ns", "p").into()),
        limit: SizeLimit { max, on_exceed },
    }
}

#[test]
fn rows_pass_up_to_the_limit_and_are_cut_after_it() {
    let limits = [limit(LimitKind::Rows, 2, OnExceed::Truncate)];
    let mut meter = ReplyMeter::default();
    assert_eq!(meter.row(&limits, 10), Passage::Pass);
    assert_eq!(meter.row(&limits, 10), Passage::Pass);
    let Passage::Cut { keep: 0, limit } = meter.row(&limits, 10) else {
        panic!("not cut")
    };
    assert_eq!(
        (limit.kind, limit.max, limit.left, limit.frees_in),
        (LimitKind::Rows, 2, 0, None)
    );
    assert_eq!(meter.passed(), (2, 20));
}

#[test]
fn a_row_that_does_not_fit_whole_does_not_pass() {
    let limits = [limit(LimitKind::Bytes, 25, OnExceed::Truncate)];
    let mut meter = ReplyMeter::default();
    assert_eq!(meter.row(&limits, 20), Passage::Pass);
    assert!(matches!(
        meter.row(&limits, 6),
        Passage::Cut { keep: 0, .. }
    ));
    assert_eq!(meter.passed(), (1, 20));
    let mut meter = ReplyMeter::default();
    assert_eq!(meter.row(&limits, 25), Passage::Pass, "at the limit");
}

#[test]
fn a_chunk_is_cut_within() {
    let limits = [limit(LimitKind::Bytes, 25, OnExceed::Truncate)];
    let mut meter = ReplyMeter::default();
    assert_eq!(meter.chunk(&limits, 20), Passage::Pass);
    assert!(matches!(
        meter.chunk(&limits, 20),
        Passage::Cut { keep: 5, .. }
    ));
    assert!(matches!(
        meter.chunk(&limits, 20),
        Passage::Cut { keep: 0, .. }
    ));
    assert_eq!(meter.passed(), (0, 25));
}

#[test]
fn limits_of_rows_do_not_bind_chunks() {
    let mut meter = ReplyMeter::default();
    assert_eq!(
        meter.chunk(&[limit(LimitKind::Rows, 0, OnExceed::Error)], 9),
        Passage::Pass
    );
}

#[test]
fn failing_beats_cutting_and_the_earlier_cut_beats_the_later() {
    let error = limit(LimitKind::Rows, 0, OnExceed::Error);
    let wide = limit(LimitKind::Bytes, 9, OnExceed::Truncate);
    let narrow = limit(LimitKind::Bytes, 4, OnExceed::Truncate);
    for limits in [
        [error.clone(), wide.clone(), narrow.clone()],
        [narrow.clone(), wide.clone(), error.clone()],
    ] {
        assert!(matches!(
            ReplyMeter::default().row(&limits, 100),
            Passage::Refuse(_)
        ));
        assert!(matches!(
            ReplyMeter::default().chunk(&limits, 100),
            Passage::Cut { keep: 4, .. }
        ));
    }
}

#[test]
fn an_end_is_for_ever_even_when_the_limit_is_raised() {
    for on_exceed in [OnExceed::Error, OnExceed::Truncate] {
        let mut meter = ReplyMeter::default();
        let ended = meter.row(&[limit(LimitKind::Rows, 0, on_exceed)], 1);
        assert_eq!(meter.row(&[], 1), ended);
        assert_eq!(
            meter.row(&[limit(LimitKind::Rows, 99, on_exceed)], 1),
            ended
        );
    }
}

#[test]
fn an_edit_reaches_a_running_reply() {
    let mut meter = ReplyMeter::default();
    for _ in 0..5 {
        assert_eq!(
            meter.row(&[limit(LimitKind::Rows, 9, OnExceed::Error)], 1),
            Passage::Pass
        );
    }
    assert!(matches!(
        meter.row(&[limit(LimitKind::Rows, 5, OnExceed::Error)], 1),
        Passage::Refuse(_)
    ));
}

#[test]
fn counts_do_not_wrap() {
    let limits = [limit(LimitKind::Bytes, u64::MAX - 1, OnExceed::Error)];
    let mut meter = ReplyMeter::default();
    assert_eq!(meter.chunk(&limits, u64::MAX - 1), Passage::Pass);
    assert!(matches!(meter.chunk(&limits, u64::MAX), Passage::Refuse(_)));
}
