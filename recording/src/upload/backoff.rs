//! How long to wait after a failure.

use std::time::Duration;

/// Doubles from the first delay to the longest, each time spread over the upper
/// half, so that many writers do not come back in one instant.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

// === impl Backoff ===

impl Backoff {
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            failures: 0,
        }
    }

    /// The delay after one more failure. `jitter` is a random number from 0 to 1;
    /// anything else is brought there.
    pub fn next(&mut self, jitter: f64) -> Duration {
        let factor = 2_u32.saturating_pow(self.failures);
        self.failures = self.failures.saturating_add(1);
        let whole = self.first.saturating_mul(factor).min(self.longest);
        let jitter = if jitter.is_finite() {
            jitter.clamp(0.0, 1.0)
        } else {
            0.0
        };
        whole.mul_f64(0.5 + jitter / 2.0)
    }

    /// Begins anew after a success.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

impl Default for Backoff {
    /// From half a second to a minute.
    fn default() -> Self {
        Self::new(Duration::from_millis(500), Duration::from_secs(60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(jitter: f64, count: usize) -> Vec<u128> {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        (0..count)
            .map(|_| backoff.next(jitter).as_millis())
            .collect()
    }

    #[test]
    fn delays_double_to_the_longest() {
        assert_eq!(delays(1.0, 6), [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(delays(0.0, 6), [50, 100, 200, 400, 500, 500]);
        assert_eq!(delays(0.5, 2), [75, 150]);
    }

    #[test]
    fn jitter_outside_its_range_is_brought_there() {
        for (jitter, first) in [(-3.0, 50), (7.0, 100), (f64::NAN, 50), (f64::INFINITY, 50)] {
            assert_eq!(delays(jitter, 1), [first], "{jitter}");
        }
    }

    #[test]
    fn years_of_failures_do_not_overflow() {
        let mut backoff = Backoff::default();
        for _ in 0..1_000 {
            backoff.next(1.0);
        }
        assert_eq!(backoff.next(1.0), Duration::from_secs(60));
        backoff.failures = u32::MAX;
        assert_eq!(backoff.next(1.0), Duration::from_secs(60));
        backoff.reset();
        assert_eq!(backoff.next(1.0), Duration::from_millis(500));
    }
}
