use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn at(nanos: u64) -> Monotonic {
    Monotonic::from_nanos(nanos)
}

fn admit(window: &mut Window, now: u64, length: Duration, max: u64) -> bool {
    let room = window.spent(at(now), length) < max;
    if room {
        window.record(at(now), max);
    }
    room
}

#[test]
fn a_thing_leaves_exactly_one_window_length_later() {
    let mut window = Window::default();
    assert!(admit(&mut window, 5, SECOND, 1));
    assert!(!admit(&mut window, 1_000_000_004, SECOND, 1));
    assert_eq!(
        window.frees_in(at(1_000_000_004), 1),
        Some(Duration::from_nanos(1))
    );
    assert!(admit(&mut window, 1_000_000_005, SECOND, 1));
}

#[test]
fn no_burst_passes_at_the_border_of_two_windows() {
    let mut window = Window::default();
    let late = 999_999_999;
    let passed = (0..200)
        .filter(|i| admit(&mut window, late + i, SECOND, 100))
        .count();
    assert_eq!(passed, 100);
    let next = (0..200)
        .filter(|i| admit(&mut window, 1_000_000_300 + i, SECOND, 100))
        .count();
    assert_eq!(next, 0);
}

#[test]
fn waiting_as_told_is_enough_and_one_nanosecond_less_is_not() {
    let mut window = Window::default();
    for now in [0, 100, 250] {
        assert!(admit(&mut window, now, SECOND, 3));
    }
    // The limit is now cut to 2: two things must leave before one may enter.
    window.spent(at(300), SECOND);
    let wait = window.frees_in(at(300), 2).unwrap();
    assert_eq!(wait, Duration::from_nanos(1_000_000_100 - 300));
    assert!(!admit(&mut window.clone(), 1_000_000_099, SECOND, 2));
    assert!(admit(&mut window, 1_000_000_100, SECOND, 2));
}

#[test]
fn a_limit_of_nothing_never_frees() {
    let window = Window::default();
    assert_eq!(window.frees_in(at(0), 0), None);
    assert_eq!(window.frees_in(at(0), 1), Some(Duration::ZERO));
}

#[test]
fn a_shorter_window_frees_and_a_longer_one_keeps_what_it_still_knows() {
    let mut window = Window::default();
    for now in 0..10 {
        assert!(admit(&mut window, now * 100_000_000, SECOND, 10));
    }
    assert_eq!(window.spent(at(900_000_000), SECOND * 2), 10);
    // (500 ms, 900 ms] holds those of 600, 700, 800 and 900 ms.
    assert_eq!(window.spent(at(900_000_000), Duration::from_millis(400)), 4);
    // What had left the shorter window is not known any more.
    assert_eq!(window.spent(at(900_000_000), SECOND), 4);
}

#[test]
fn memory_is_bounded_whatever_the_limit_and_its_edits() {
    let mut window = Window::default();
    for now in 0..100_000u64 {
        let length = if now % 2 == 0 { SECOND } else { SECOND * 3600 };
        let max = if now % 3 == 0 { RESOLUTION } else { u64::MAX };
        window.spent(at(now * 1_000_000), length);
        window.record(at(now * 1_000_000), max);
        assert!(window.entries() <= MAX_ENTRIES);
    }
}

#[test]
fn a_steady_large_limit_refuses_at_most_one_part_too_early() {
    // 1,280 a second, asked for 10,000 times a second: in each later second as many pass, but for
    // what one part of the window (7.8 ms, 78 asks) may hold back.
    let mut window = Window::default();
    let mut passed = Vec::new();
    for step in 0..50_000u64 {
        let now = step * 100_000;
        if admit(&mut window, now, SECOND, 1_280) {
            passed.push(now);
        }
    }
    let in_second = passed
        .iter()
        .filter(|now| (2_000_000_000..3_000_000_000).contains(*now))
        .count();
    assert!((1_190..=1_280).contains(&in_second), "{in_second}");
}

#[test]
fn the_far_end_of_time_does_not_overflow() {
    let mut window = Window::default();
    assert!(admit(&mut window, u64::MAX - 1, Duration::MAX, 1));
    assert!(!admit(&mut window, u64::MAX - 1, Duration::MAX, 1));
    assert_eq!(window.empty_from(), at(u64::MAX));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(400)))]

    #[test]
    fn no_window_ever_holds_more_than_max(
        gaps in prop::collection::vec(prop_oneof![Just(0u64), 1u64..50, 500u64..3000], 1..600),
        max in prop_oneof![1u64..8, 120u64..140, 200u64..300],
        length in prop_oneof![1u64..100, 1000u64..20_000],
    ) {
        let mut window = Window::default();
        let mut now = 0;
        let mut passed: Vec<u64> = Vec::new();
        for gap in gaps {
            now += gap;
            let inside = passed.iter().filter(|t| **t + length > now).count() as u64;
            let room = admit(&mut window, now, Duration::from_nanos(length), max);
            // The naive model is the bound, and up to RESOLUTION the very answer.
            prop_assert!(!room || inside < max);
            if max <= RESOLUTION {
                prop_assert_eq!(room, inside < max);
            }
            if room {
                passed.push(now);
            }
        }
    }

    #[test]
    fn a_coarse_window_is_never_more_than_one_part_behind(
        gaps in prop::collection::vec(0u64..40, 1..800),
    ) {
        let (length, max) = (2_560u64, 150u64);
        let mut window = Window::default();
        let mut now = 0;
        let mut passed: Vec<u64> = Vec::new();
        for gap in gaps {
            now += gap;
            let part = length / RESOLUTION;
            let generous = passed.iter().filter(|t| **t + length + part > now).count() as u64;
            let room = admit(&mut window, now, Duration::from_nanos(length), max);
            prop_assert!(room || generous >= max);
            if room {
                passed.push(now);
            }
        }
    }
}
