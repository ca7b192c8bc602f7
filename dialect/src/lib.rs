//! What a protocol's bytes and texts mean.
//!
//! The invariant of this crate: bytes in, meaning out. It does no IO, reads no clock and starts
//! no thread, so that every decoder can be fuzzed and `explain` needs no data plane. It is the
//! only code that parses hostile bytes.

pub mod postgres;
pub mod sql;
