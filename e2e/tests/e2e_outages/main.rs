//! What holds while something is away. These tests take it away for everybody, so they run when the
//! others are done, and one after the other.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what goes wrong in a test fails it"
)]

mod operator_away;
