//! When to show the next event of a replay. Whoever replays does the waiting.

use std::time::Duration;

use crate::event::Timestamp;

/// Gives the pauses between events, at a speed, and none longer than wanted.
#[derive(Debug, Clone)]
pub struct Pacer {
    speed: f64,
    longest: Duration,
    previous: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a speed is a number above 0, such as 1 or 0.5 or 8, not {0}")]
pub struct InvalidSpeed(pub f64);

// === impl Pacer ===

impl Pacer {
    /// Twice as fast at speed 2. Pauses are cut to `longest` as they are shown.
    pub fn new(speed: f64, longest: Duration) -> Result<Self, InvalidSpeed> {
        if speed.is_finite() && speed > 0.0 {
            Ok(Self {
                speed,
                longest,
                previous: None,
            })
        } else {
            Err(InvalidSpeed(speed))
        }
    }

    /// How long to wait before the event of this time. Where the clock stepped back,
    /// not at all.
    pub fn wait_before(&mut self, time: Timestamp) -> Duration {
        let previous = self.previous.replace(time).unwrap_or(time);
        let seconds = time.since(previous).as_secs_f64() / self.speed;
        Duration::try_from_secs_f64(seconds)
            .unwrap_or(Duration::MAX)
            .min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(speed: f64, longest: u64, times: &[u64]) -> Vec<u128> {
        let mut pacer = Pacer::new(speed, Duration::from_millis(longest)).unwrap();
        times
            .iter()
            .map(|time| pacer.wait_before(Timestamp(*time)).as_millis())
            .collect()
    }

    #[test]
    fn pauses_follow_times_speed_and_the_longest() {
        let times = [5_000_000, 5_100_000, 5_100_000, 9_100_000, 9_200_000];
        assert_eq!(waits(1.0, 10_000, &times), [0, 100, 0, 4_000, 100]);
        assert_eq!(waits(2.0, 10_000, &times), [0, 50, 0, 2_000, 50]);
        assert_eq!(waits(0.5, 1_000, &times), [0, 200, 0, 1_000, 200]);
    }

    #[test]
    fn clock_that_stepped_back_makes_no_pause_and_no_catching_up() {
        assert_eq!(
            waits(1.0, 10_000, &[9_000_000, 1_000_000, 1_200_000]),
            [0, 0, 200]
        );
    }

    #[test]
    fn extremes_neither_panic_nor_wait_for_ever() {
        assert_eq!(waits(f64::MIN_POSITIVE, 700, &[0, u64::MAX]), [0, 700]);
        assert_eq!(waits(f64::MAX, 700, &[0, u64::MAX]), [0, 0]);
        for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Pacer::new(speed, Duration::MAX).is_err(), "{speed}");
        }
    }
}
