//! All tests that share a cluster peacefully, in one program, so that they run at the same time.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "what goes wrong in a test fails it, and a field of JSON that is not there is null"
)]

mod admission;
mod approvals;
mod charts;
mod gateway;
mod operator;
mod plane;
mod session;
mod users;
