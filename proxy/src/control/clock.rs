//! The one clock of the process.

use std::time::{Instant, SystemTime};

use portcullis_policy::limit::Monotonic;

use crate::session::ports::Clock;

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

// === impl SystemClock ===

impl SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that reads the clock; everybody else is given a Clock"
    )]
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that reads the clock; everybody else is given a Clock"
    )]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Monotonic {
        let nanos = u64::try_from(self.started.elapsed().as_nanos());
        Monotonic::from_nanos(nanos.unwrap_or(u64::MAX))
    }
}
