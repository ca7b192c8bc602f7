//! Waiting for what a cluster does in its own time.

use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for something that takes seconds. A cluster that is busy with the other
/// tests takes several times as long as a quiet one.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How long it pauses between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// Looks again and again until there is a value; where there is none, the look says what it saw
/// instead, and the last of that is in the failure's message.
#[track_caller]
pub fn wait_until<T>(what: &str, look: impl FnMut() -> Result<T, String>) -> T {
    wait_within(PATIENCE, what, look)
}

/// The same, within a time of its own.
#[track_caller]
#[allow(
    clippy::disallowed_methods,
    reason = "a test waits by the clock of the machine, and blocks only itself"
)]
pub fn wait_within<T>(
    patience: Duration,
    what: &str,
    mut look: impl FnMut() -> Result<T, String>,
) -> T {
    let began = Instant::now();
    loop {
        let saw = match look() {
            Ok(value) => return value,
            Err(saw) => saw,
        };
        assert!(
            began.elapsed() < patience,
            "waited {} s for {what}; at last: {saw}",
            patience.as_secs()
        );
        thread::sleep(PAUSE);
    }
}

/// How many times something is done: what the variable of this name says, or else this.
///
/// # Panics
///
/// Where the variable says no number.
pub fn count_of<N: std::str::FromStr>((name, count): (&str, N)) -> N {
    let Some(text) = std::env::var_os(name) else {
        return count;
    };
    let read = text.to_str().and_then(|text| text.parse().ok());
    read.unwrap_or_else(|| panic!("{name} is {}, which is no number", text.display()))
}

/// Does nothing for a while: for tests of what must not happen.
#[allow(
    clippy::disallowed_methods,
    reason = "a test waits by the clock of the machine, and blocks only itself"
)]
pub fn pause(time: Duration) {
    thread::sleep(time);
}
