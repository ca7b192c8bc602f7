//! Streams with bounds and deadlines.
//!
//! A [`Stream`] is a client or a target, in plain text or under TLS. A [`ReadBuffer`] holds what
//! was read from it and not yet taken: it grows to the frame at hand, up to its limit, one read for
//! each wake-up, and keeps no memory while a session is idle. [`within`] puts an end to waiting.

mod buffer;
mod deadline;
mod stream;

#[cfg(test)]
mod tests;

pub use buffer::{MAX_READ, MIN_READ, ReadBuffer};
pub use deadline::{TimedOut, within};
pub use stream::{ALPN_POSTGRESQL, Refused, Stream};
