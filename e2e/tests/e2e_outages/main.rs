//! What holds while something is away. These tests take it away for everybody, so they run when the
//! others are done, and one after the other.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "what goes wrong in a test fails it, and a field of JSON that is not there is null"
)]

mod operator_away;
mod operator_killed;
